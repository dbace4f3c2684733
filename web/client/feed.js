/**
 * One person's feed, by any transport, with ONE cursor. It moves only in the same synchronous step that hands something
 * out, never across an `await`: what is cut is asked again from it. That is why nothing is lost and nothing comes twice.
 */
import { reader } from "./frames.js";
import { Refusal, Unreachable, backOff, limit, pause } from "./http.js";
import { makeLadder } from "./ladder.js";

/** A promise of the service was not kept. */
export class Broken extends Error {}

/** A stream says hello at once, unless something holds it back. */
const HELLO_MS = 6000;
const DELIVERED_MS = 2000;
/** A page hidden for a minute asks no more often. */
const HIDDEN_MS = 30_000;

const isOffline = () => globalThis.navigator?.onLine === false;

/** @type {import("./types").MakeFeed} */
export const makeFeed = (http, on, ladder = makeLadder()) => {
  let run = new AbortController(), cursor = "", etag = "", nextMs = 3000, failures = 0, seenAt = 0, telling = 0;

  /** @type {import("./types").Feed["tell"]} */
  const tell = (status, more) => on.state({ status, reason: ladder.reason, cursor, retryAt: null, ...http.counts, ...more });

  const rest = (ms = 0, signal = run.signal) => {
    tell(isOffline() ? "offline" : "waiting", { retryAt: new Date(Date.now() + ms) });
    return pause(ms, signal);
  };

  /** @param {Partial<import("./types").Step>} step */
  const step = ({ cursor: to = cursor, events = [], unread, ephemeral }) => {
    const from = cursor;
    cursor = to;
    etag = "";
    on.step({ from, cursor, events, unread, ephemeral });
  };

  /** A snapshot; or one poll, or long-poll, and the pause that the service asks for. */
  const ask = async (signal = run.signal, isHeld = false) => {
    // After a failure the first one is not held: it says at once that all is well.
    const askedAt = Date.now(), since = cursor, wait = since && isHeld && !failures ? ladder.wait : 0;
    const { response, body } = await http.json("GET", since ? `/v1/events?since=${since}&wait=${wait}&ephemeral=1` : "/v1/sync",
      { signal, headers: etag ? { "If-None-Match": etag } : {}, ms: (wait + 15) * 1000 });
    if (signal.aborted) return;
    if (response.status === 204) throw new Refusal(204);
    if (!since) {
      ({ cursor } = body);
      return on.sync(body);
    }
    if (body && (body.from !== since || (body.hasMore && body.cursor === since))) throw new Broken(`asked since ${since}, answered from ${body.from} to ${body.cursor}`);
    if (body) step(body);
    failures = 0;
    const ms = Date.now() - askedAt;
    // What is quick proves nothing of what is held.
    if (!isHeld || ms > 1500) ladder.worked();
    tell("live");
    if (body.hasMore) return;
    etag = response.headers.get("ETag") ?? "";
    nextMs = body.poll?.nextMs ?? (+(response.headers.get("X-Poll-Interval") ?? 0) * 1000 || nextMs);
    if (globalThis.document?.visibilityState !== "hidden") seenAt = Date.now();
    // A wait that ends early with nothing (a deploy, a change of who types) is paced like a poll.
    const pace = isHeld && (!wait || body.events?.length || ms > 1000) ? 0 : nextMs;
    await pause(Date.now() - seenAt > 60_000 ? Math.max(pace, HIDDEN_MS) : pace, signal);
  };

  /** One stream, to its end. */
  const stream = async (signal = run.signal) => {
    // Before its own time runs: who gives the token may be slow.
    await http.token();
    const time = limit(HELLO_MS, signal);
    let within = 0, isProven = false;
    try {
      const response = await http.open("GET", "/v1/events/stream", { signal: time.signal, headers: { Accept: "text/event-stream", "Last-Event-ID": cursor } });
      if (response.status === 204) throw new Refusal(204);
      if (!response.body || !response.headers.get("Content-Type")?.startsWith("text/event-stream")) throw new Refusal(502);
      const chunks = response.body.getReader(), frames = reader();
      for (;;) {
        const { value } = await chunks.read();
        if (signal.aborted) return;
        if (!value) throw new Error("cut");
        http.counts.bytes += value.length;
        for (const { type, data, id } of frames(value)) {
          const body = JSON.parse(data);
          if (type === "hello") {
            if (id !== cursor) throw new Broken(`asked since ${cursor}, streamed from ${id}`);
            within = (body.heartbeatSeconds ?? 15) * 1700;
          } else if (type === "heartbeat") {
            isProven = true;
            failures = 0;
            ladder.worked();
            step({ cursor: id });
          } else if (type === "unread" || type === "ephemeral") step({ [type]: body });
          else if (type === "resync") throw new Refusal(410, { code: body.reason });
          else if (type === "error") throw new Refusal(500, { code: type, ...body });
          else if (type === "goodbye") return rest(body.reconnectAfterMs, signal);
          else if (body.type === type) {
            failures = 0;
            step({ cursor: id, events: [body] });
            // What a burst brings is acknowledged in one go; polls do it by their next `since`.
            telling ||= setTimeout(() => {
              telling = 0;
              http.json("POST", "/v1/delivered", { signal, body: { cursor } }).catch(() => {});
            }, DELIVERED_MS);
          }
          tell("live");
        }
        if (within) time.renew(within);
      }
    } catch (error) {
      // One that brought a heartbeat is not buffered: it was cut without a word.
      const how = time.signal.aborted && !isProven ? "silent" : within ? "cut" : "away";
      throw error instanceof Refusal || error instanceof Broken ? error : Object.assign(new Unreachable(how), { how });
    } finally {
      time.stop();
    }
  };

  const follow = async (signal = run.signal) => {
    while (!signal.aborted) {
      const transport = ladder.next(), askedAt = Date.now();
      tell(!cursor ? "syncing" : failures || transport === "stream" ? "connecting" : "live", { transport });
      try {
        await (cursor && transport === "stream" ? stream(signal) : ask(signal, transport === "long-poll"));
      } catch (error) {
        const { status, code, how = "away", retryAfterMs, message } = /** @type {any} */ (error);
        if (signal.aborted) return;
        if (code === "signed-out" || status === 204) {
          feed.stop();
          return tell(code || "stopped", { transport: null });
        }
        if (error instanceof Broken || status === 410 || code === "invalid-cursor") {
          cursor = etag = "";
          on.lost(code ?? message);
        // What the service itself refuses, it refuses on every transport; but for too many streams, or waits.
        } else if (cursor && !isOffline() && (!code || status === 429)) ladder.failed(status ? "refused" : how, Date.now() - askedAt);
        await rest(backOff(failures++, retryAfterMs), signal);
      }
    }
  };

  /** @type {import("./types").Feed} */
  const feed = {
    ladder, tell,

    start(from) {
      feed.stop();
      run = new AbortController();
      cursor = from ?? "";
      etag = "";
      failures = 0;
      follow(run.signal);
    },

    stop() {
      run.abort();
      clearTimeout(telling);
      telling = 0;
    },
  };
  return feed;
};
