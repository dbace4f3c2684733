/**
 * One person's feed, with ONE cursor. It moves only in the same synchronous step that hands something out, never across
 * an `await`: what is cut is asked again from it. That is why nothing is lost and nothing comes twice.
 * @import * as T from "./types"
 */
import { Refusal, backOff, limit, makeReader, pause } from "./http.js";

/** A promise of the service was not kept. */
export class Broken extends Error { code = "broken"; }

const RUNGS = /** @type {const} */ (["stream", "long-poll", "poll"]), SUFFERED = { silent: 1, refused: 1, cut: 2, away: 3 }, MINUTE = 60_000;

/**
 * Told what happened, it says what to use now. What it has found is noted, for the next page and the next leader. Time
 * spent asleep may not count, which only puts a climb off; a clock that is set right must not.
 * @type {T.MakeLadder}
 */
export const makeLadder = (now = () => performance.now(), note = { get: () => "", set() {} }) => {
  let rung = 0, strikes = 0, pause = MINUTE, climbAt = Infinity, isFalling = false, isProven = false, why = /** @type {string | null} */ (null);

  const stand = (at = 0, part = 1) => {
    rung = at;
    isFalling = at > 0;
    strikes = 0;
    climbAt = at ? now() + pause * part * (1 + Math.random() / 5) : Infinity;
  };

  /** @type {T.Ladder} */
  const ladder = {
    allowed: new Set(RUNGS), reason: null, wait: 25,

    allow({ stream = ladder.allowed.has("stream"), longPoll = ladder.allowed.has("long-poll") }, reason = null) {
      ladder.allowed = new Set(RUNGS.filter((_, at) => [stream, longPoll, true][at]));
      ladder.reason = why = reason;
      note.set("");
      pause = MINUTE;
      stand();
    },

    recall() {
      let known;
      try { known = JSON.parse(note.get()); } catch { return; }
      const left = known?.climbAt - Date.now();
      // Long ago, or by another clock.
      if (!(left > -10 * MINUTE && left < 80 * MINUTE && known.rung in RUNGS)) return;
      ({ pause, reason: ladder.reason, wait: ladder.wait } = known);
      stand(known.rung);
      isFalling = false;
      climbAt = now() + left;
    },

    // The top is tried again after a minute, then after two, four … up to an hour.
    next() {
      if (now() >= climbAt) {
        ladder.wait = Math.min(25, ladder.wait * 2);
        pause = Math.min(60 * MINUTE, pause * 2);
        stand();
      }
      while (!ladder.allowed.has(RUNGS[rung])) rung++;
      return RUNGS[rung];
    },

    worked(isProof = true) {
      if (RUNGS[rung] !== [...ladder.allowed][0] || (rung === 1 && ladder.wait < 25)) {
        if (climbAt === Infinity) stand(rung);
        if (isFalling) note.set(JSON.stringify({ rung, pause, reason: ladder.reason, wait: ladder.wait, climbAt: Date.now() + climbAt - now() }));
      } else if (isProof) {
        ladder.reason = why;
        pause = MINUTE;
        climbAt = Infinity;
        if (note.get()) note.set("");
      }
      if (!isProof) return;
      isProven ||= rung === 0;
      isFalling = false;
      strikes = 0;
    },

    failed(how, ms = 0) {
      if (rung === 1 && ms > 1500) how = "cut";
      if (++strikes < SUFFERED[how] || rung === 2) return;
      // Nothing works here either: it was the service that was away.
      if (isFalling && how !== "cut") return stand();
      ladder.reason = `${RUNGS[rung]}-${how}`;
      const shorter = rung === 1 && how === "cut" ? Math.floor(Math.min(ms / 1000, ladder.wait) * 0.6) : 0;
      if (shorter > 1) ladder.wait = shorter;
      // No answer is mostly no transport's fault, nor is a proxy's where streams came through before: it is tried again sooner.
      stand(rung + (shorter > 1 ? 0 : 1), how === "away" || (how === "refused" && isProven) ? 0.1 : 1);
    },
  };
  return ladder;
};

const isOffline = () => globalThis.navigator?.onLine === false;

/** @type {T.MakeFeed} */
export const makeFeed = (http, on, note) => {
  const ladder = makeLadder(undefined, note);
  let run = new AbortController(), cursor = "", etag = "", nextMs = 3000, failures = 0, seenAt = 0, telling = 0;

  /** @type {T.TellState} */
  const tell = (status, more) => on.state({ status, reason: ladder.reason, cursor, retryAt: null, ...http.counts, ...more });

  const rest = (ms = 0, least = ms, reason = ladder.reason) => {
    tell(isOffline() ? "offline" : "waiting", { reason, retryAt: new Date(Date.now() + ms) });
    return pause(ms, run.signal, least);
  };

  /** @type {T.TakeStep} */
  const step = ({ cursor: to = cursor, events = [], unread, ephemeral }) => {
    const from = cursor;
    cursor = to;
    etag = "";
    try {
      on.step({ from, cursor, events, unread, ephemeral });
    } catch (error) {
      // Half a page was applied, whatever the reason: only a snapshot is whole.
      throw error instanceof Broken ? error : new Broken(String(error));
    }
  };

  const ask = async (isHeld = false) => {
    // After a failure the first one is not held: it says at once that all is well.
    const { signal } = run, askedAt = performance.now(), since = cursor, wait = since && isHeld && !failures ? ladder.wait : 0;
    const { response: { status, headers }, body } = await http.json("GET", since ? `/v1/events?since=${since}&wait=${wait}&ephemeral=1` : "/v1/sync",
      { signal, headers: etag ? { "If-None-Match": etag } : {}, ms: (wait + 15) * 1000 });
    if (signal.aborted) return;
    // A proxy's own; the service has a word for everything but what it has said before.
    if (!body && status !== 304) throw new Refusal(502);
    if (!since) {
      on.sync(body);
      cursor = body.cursor;
      return;
    }
    if (body && (body.from !== since || (body.hasMore && body.cursor === since))) throw new Broken(`a page from ${body.from}, not ${since}`);
    if (body) step(body);
    // Whoever was told may have stopped it.
    if (signal.aborted) return;
    const ms = performance.now() - askedAt;
    failures = 0;
    // What is quick proves nothing of what is held.
    ladder.worked(!isHeld || ms > 1500);
    tell("live");
    if (body.hasMore) return;
    etag = headers.get("ETag") ?? "";
    nextMs = body.poll?.nextMs ?? (Number(headers.get("X-Poll-Interval")) * 1000 || nextMs);
    if (globalThis.document?.visibilityState !== "hidden") seenAt = performance.now();
    // A wait that ends early with nothing (a deploy, a change of who types) is paced like a poll; a page hidden for long, slowly.
    const pace = isHeld && (!wait || body.events?.length || ms > 1000) ? 0 : nextMs;
    await pause(performance.now() - seenAt > MINUTE ? Math.max(pace, 30_000) : pace, signal);
  };

  const stream = async () => {
    const { signal } = run;
    // Before its own time runs: who gives the token may be slow.
    await http.token();
    // It says hello at once, unless something holds it back.
    const time = limit(6000, signal);
    let within = 0, how = "away";
    try {
      const { status, body: bytes, headers } = await http.open("GET", "/v1/events/stream", { signal: time.signal, headers: { Accept: "text/event-stream", "Last-Event-ID": cursor } });
      if (!bytes || !headers.get("Content-Type")?.startsWith("text/event-stream")) throw new Refusal(status === 204 ? status : 502);
      const chunks = bytes.getReader(), read = makeReader();
      for (;;) {
        const { value } = await chunks.read();
        if (signal.aborted) return;
        if (!value) throw how;
        http.counts.bytes += value.length;
        for (const { type, data, id } of read(value)) {
          if (signal.aborted) return;
          const body = JSON.parse(data);
          if (type === "goodbye") return rest(body.reconnectAfterMs);
          if (type === "resync" || type === "error") throw new Refusal(type === "error" ? 500 : 410, { code: body.reason ?? type, ...body });
          if (type === "hello") {
            if (id !== cursor) throw new Broken(`a stream from ${id}, not ${cursor}`);
            within = body.heartbeatSeconds * 1700;
          } else if (type === "heartbeat") {
            // Nothing buffers it: silence will be a cut without a word.
            how = "cut";
            failures = 0;
            ladder.worked();
            step({ cursor: id });
          } else if (body.type === type) {
            failures = 0;
            step({ cursor: id, events: [body] });
            // What a burst brings is acknowledged in one go, and not by a whole group at once; polls do it by their next `since`.
            telling ||= setTimeout(() => {
              telling = 0;
              if (cursor) http.json("POST", "/v1/delivered", { signal: run.signal, body: { cursor } }).catch(() => {});
            }, Math.random() * 2000);
          } else step({ [type]: body });
          tell("live");
        }
        if (within) time.renew(within);
      }
    } catch (error) {
      throw error instanceof Refusal || error instanceof Broken ? error : { how: how === "cut" ? how : time.signal.aborted ? "silent" : within ? "cut" : how };
    } finally {
      time.stop();
    }
  };

  const follow = async () => {
    for (const { signal } = run; !signal.aborted;) {
      const transport = ladder.next(), askedAt = performance.now();
      tell(!cursor ? "syncing" : failures || transport === "stream" ? "connecting" : "live", { transport });
      await (cursor && transport === "stream" ? stream() : ask(transport === "long-poll")).catch(({ status, code, how = "away", retryAfterMs, message }) => {
        if (signal.aborted) return;
        if (code === "signed-out" || status === 204) {
          feed.stop();
          return tell(code || "stopped", { transport: null });
        }
        if (code === "broken" || status === 410 || code === "invalid-cursor") {
          cursor = etag = "";
          // Whoever lost it with all the others does not ask for a snapshot with them all.
          failures = Math.max(failures, 2);
          on.lost(status ? code : message);
        // What the service itself refuses, it refuses on every transport; but for too many streams, or waits.
        } else if (cursor && !isOffline() && (!code || status === 429 || code === "instance-full")) ladder.failed(status ? "refused" : how, performance.now() - askedAt);
        return rest(backOff(failures++, retryAfterMs), retryAfterMs ?? 0, code === "no-token" ? code : undefined);
      });
    }
  };

  /** @type {T.Feed} */
  const feed = {
    ladder,
    stop: () => run.abort(),
    start(from) {
      feed.stop();
      ladder.recall();
      run = new AbortController();
      cursor = from ?? "";
      etag = "";
      failures = 0;
      follow();
    },
  };
  return feed;
};
