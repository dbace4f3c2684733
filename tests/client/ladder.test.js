import assert from "node:assert/strict";
import { test } from "node:test";
import { makeLadder } from "../../web/client/feed.js";

const MINUTE = 60_000;

/** A ladder whose clock the test moves. */
const at = () => {
  let now = 0;
  const ladder = makeLadder(() => now);
  return { ladder, after: (ms) => { now += ms; return ladder.next(); } };
};

test("the best is tried first, and stays while it works", () => {
  const { ladder, after } = at();
  assert.equal(ladder.next(), "stream");
  ladder.worked();
  assert.equal(after(100 * MINUTE), "stream");
  assert.equal(ladder.reason, null);
});

test("a stream that brings nothing is left at once, for a minute", () => {
  const { ladder, after } = at();
  ladder.next();
  ladder.failed("silent", 6000);
  assert.equal(ladder.next(), "long-poll");
  assert.equal(ladder.reason, "stream-silent");
  ladder.worked();
  assert.equal(after(59_000), "long-poll");
  assert.equal(after(MINUTE), "stream");
});

test("each vain try upwards doubles the time to the next, up to an hour; success forgets that", () => {
  const { ladder, after } = at();
  let paused = 0;
  ladder.next();
  for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
    ladder.failed("silent", 6000);
    assert.equal(ladder.next(), "long-poll");
    ladder.worked();
    for (paused = 0; after(MINUTE / 10) !== "stream"; paused += 0.1);
    assert.ok(paused >= minutes - 0.3 && paused <= minutes * 1.2 + 0.3, `${paused} for ${minutes}`);
  }
  ladder.worked();
  assert.equal(ladder.reason, null);
  ladder.failed("silent", 6000);
  ladder.worked();
  assert.equal(after(1.3 * MINUTE), "stream");
});

test("a stream that is cut is given a second chance, and a heartbeat between cuts renews it", () => {
  const { ladder } = at();
  for (let n = 0; n < 10; n++) {
    ladder.next();
    ladder.failed("cut", 20_000);
    assert.equal(ladder.next(), "stream");
    ladder.worked();
  }
  ladder.failed("cut", 5000);
  ladder.failed("cut", 5000);
  assert.equal(ladder.next(), "long-poll");
  assert.equal(ladder.reason, "stream-cut");
});

test("where requests are cut after 5 s, long-polls get shorter until they pass", () => {
  const { ladder } = at();
  ladder.next();
  ladder.failed("cut", 5000);
  ladder.failed("cut", 5000);
  assert.equal(ladder.next(), "long-poll");
  ladder.failed("away", 5000);
  ladder.failed("refused", 5000);
  assert.equal(ladder.next(), "long-poll");
  assert.equal(ladder.wait, 3);
  ladder.worked();
  assert.equal(ladder.next(), "long-poll");
});

test("where every request over 2 s is cut, it settles at poll", () => {
  const { ladder } = at();
  for (let n = 0; n < 4; n++) {
    ladder.next();
    ladder.failed("cut", 2000);
  }
  assert.equal(ladder.next(), "poll");
  assert.equal(ladder.reason, "long-poll-cut");
  ladder.worked();
  assert.equal(ladder.next(), "poll");
});

test("a proxy that refuses the stream alone leaves long-poll", () => {
  const { ladder } = at();
  ladder.next();
  ladder.failed("refused", 20);
  assert.equal(ladder.next(), "long-poll");
  ladder.worked();
  assert.equal(ladder.next(), "long-poll");
  assert.equal(ladder.reason, "stream-refused");
});

test("when nothing works, it is the service that is away: the stream is not blamed", () => {
  const { ladder } = at();
  ladder.next();
  ladder.failed("refused", 20);
  ladder.next();
  ladder.failed("refused", 20);
  assert.equal(ladder.next(), "stream");
  for (let n = 0; n < 6; n++) {
    ladder.failed("away", 5);
    ladder.next();
  }
  assert.equal(ladder.next(), "stream");
});

test("what had no answer by stream is soon tried again: it was hardly the stream", () => {
  const { ladder, after } = at();
  for (let n = 0; n < 3; n++) {
    ladder.next();
    ladder.failed("away", 5);
  }
  assert.equal(ladder.next(), "long-poll");
  ladder.worked();
  assert.equal(after(5000), "long-poll");
  assert.equal(after(3000), "stream");
});

test("it uses nothing that is not allowed", () => {
  const { ladder } = at();
  ladder.allow({ stream: false });
  assert.equal(ladder.next(), "long-poll");
  ladder.allow({ longPoll: false });
  assert.equal(ladder.next(), "poll");
  assert.deepEqual([...ladder.allowed], ["poll"]);
  ladder.failed("away", 5);
  assert.equal(ladder.next(), "poll");
  ladder.allow({ stream: true });
  assert.equal(ladder.next(), "stream");
  ladder.failed("silent", 6000);
  assert.equal(ladder.next(), "poll");
});
