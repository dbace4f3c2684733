/** The line below a pane: how its feed is doing, in figures one can check against the service's own. */
import { say } from "./dom.js";
import { bytes, clock, number, t } from "./strings.js";

/**
 * @param {Record<string, HTMLElement>} part
 * @param {import("./feed.js").FeedState} feed
 */
export function renderStatus(part, feed) {
  const seconds = Math.max(1, Math.round(feed.retryInMs / 1000));
  part.status.dataset.state = feed.state;
  say(part.how, t(feed.transport));
  say(part.state, t(feed.state, { seconds }));
  say(part.cursor, feed.cursor ?? "–");
  part.cursor.title = feed.cursor ?? "";
  say(part.requests, number(feed.requests));
  say(part.notModified, number(feed.notModified));
  say(part.bytes, bytes(feed.bytes));
  say(part.lastEvent, feed.lastEventAt ? clock(feed.lastEventAt) : t("never"));
}
