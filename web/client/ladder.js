/** Which transport to use, by what is measured: stream, long-poll, poll. Pure: told what happened, it says what to use now. */

const RUNGS = /** @type {const} */ (["stream", "long-poll", "poll"]);
/**
 * How many failures in a row are suffered. silent: a stream that brings nothing, so something buffers it; refused: by a
 * proxy; cut: ended while it was held; away: no answer, which is mostly no transport's fault.
 */
const SUFFERED = { silent: 1, refused: 1, cut: 2, away: 3 };
const MINUTE = 60_000;
/** Seconds that a long-poll asks to be held. */
const LONGEST = 25, LEAST = 2;

/** @type {import("./types").MakeLadder} */
export const makeLadder = (now = Date.now) => {
  let rung = 0, strikes = 0, pause = MINUTE, climbAt = Infinity, isTrying = false, isFalling = false;

  const stand = (at = 0, falls = false) => {
    rung = at;
    isFalling = falls;
    strikes = 0;
  };
  const toTop = () => {
    climbAt = Infinity;
    stand();
  };
  const climbLater = () => { climbAt = now() + pause * (1 + Math.random() / 5); };

  /** @type {import("./types").Ladder} */
  const ladder = {
    allowed: new Set(RUNGS), reason: null, wait: LONGEST,

    allow({ stream = ladder.allowed.has("stream"), longPoll = ladder.allowed.has("long-poll") }) {
      const may = { stream, "long-poll": longPoll, poll: true };
      ladder.allowed = new Set(RUNGS.filter((one) => may[one]));
      ladder.reason = null;
      pause = MINUTE;
      toTop();
    },

    // After a minute the top is tried again; then after two, four … up to an hour. One failure is enough.
    next() {
      if (now() >= climbAt) {
        ladder.wait = Math.min(LONGEST, ladder.wait * 2);
        pause = Math.min(60 * MINUTE, pause * 2);
        isTrying = true;
        toTop();
      }
      while (!ladder.allowed.has(RUNGS[rung])) rung++;
      return RUNGS[rung];
    },

    worked() {
      isFalling = isTrying = false;
      strikes = 0;
      if ([...ladder.allowed][0] !== RUNGS[rung] || (rung === 1 && ladder.wait < LONGEST)) {
        if (climbAt === Infinity) climbLater();
        return;
      }
      ladder.reason = null;
      pause = MINUTE;
      climbAt = Infinity;
    },

    failed(how, ms = 0) {
      if (rung === 1 && ms > 1500) how = "cut";
      if (++strikes < (isTrying ? 1 : SUFFERED[how]) || rung === 2) return;
      // Nothing works here either: it was the service that was away.
      if (isFalling && how !== "cut") return toTop();
      ladder.reason = `${RUNGS[rung]}-${how}`;
      const shorter = Math.floor(Math.min(ms / 1000, ladder.wait) * 0.6);
      if (rung === 1 && how === "cut" && shorter >= LEAST) {
        ladder.wait = shorter;
        strikes = 0;
      } else stand(rung + 1, true);
      climbLater();
    },
  };
  return ladder;
};
