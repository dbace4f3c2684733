// A feed for tests, what it handed out, and the service that it asks.
import { makeFeed } from "../../web/client/feed.js";
import { makeHttp } from "../../web/client/http.js";
import { Service, clock, serve, token } from "./support.js";

/** `options` are the page's; `note` is what the last one left. */
export const begin = (t, answer, allowed, options = { token: token() }, note = undefined) => {
  const after = clock(t), seen = { events: [], lost: [], states: [], steps: [], syncs: 0 };
  const service = answer ? null : new Service(t);
  const asked = service?.asked ?? serve(t, answer);
  const feed = makeFeed(makeHttp(options, () => {}), {
    sync: () => { seen.syncs++; },
    step: (step) => {
      seen.steps.push(step);
      seen.events.push(...step.events.map((event) => event.cursor));
    },
    lost: (reason) => seen.lost.push(reason),
    state: (state) => seen.states.push(state),
  }, note);
  if (allowed) feed.ladder.allow(allowed);
  t.after(() => feed.stop());
  const transports = () => [...new Set(seen.states.map((state) => state.transport).filter(Boolean))];
  return { after, seen, service, asked, feed, transports, state: () => Object.assign({}, ...seen.states) };
};

