// Which transport is next: by what happened, by what was noted, by the clock.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeLadder } from "../../web/client/feed.js";

const MINUTE = 60_000;

/** A ladder whose clock the test moves. */
const at = (note) => {
  let now = 0;
  const ladder = makeLadder(() => now, note);
  return { ladder, after: (ms) => { now += ms; return ladder.next(); } };
};

/** Pages of one browser, one after the other: what one has found, and `after` a while with no page open. */
const pages = (t) => {
  let text = "", wall = Date.UTC(2026, 0, 1);
  t.mock.method(Date, "now", () => wall);
  const note = { get: () => text, set: (what) => { text = what; } };
  const open = () => {
    const { ladder, after } = at(note);
    ladder.recall();
    return { ladder, after: (ms) => { wall += ms; return after(ms); } };
  };
  return { open, note, after: (ms) => { wall += ms; } };
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

test("where streams came through before, a refusal is a service that restarts: tried again after seconds", () => {
  const { ladder, after } = at();
  ladder.next();
  ladder.worked();
  ladder.failed("refused", 20);
  assert.equal(ladder.next(), "long-poll");
  ladder.worked();
  assert.equal(after(8_000), "stream");
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

test("what one page has found out, the next one starts with, and climbs when it is due", (t) => {
  const { open, after } = pages(t);
  const first = open().ladder;
  first.next();
  first.failed("silent", 6000);
  assert.equal(first.next(), "long-poll");
  first.worked();
  after(20_000);
  const second = open();
  assert.equal(second.ladder.next(), "long-poll");
  assert.equal(second.ladder.reason, "stream-silent");
  assert.equal(second.after(30_000), "long-poll");
  assert.equal(second.after(25_000), "stream");
  // In vain again: from page to page, too, it takes longer each time.
  second.ladder.failed("silent", 6000);
  second.ladder.next();
  second.ladder.worked();
  after(90_000);
  assert.equal(open().ladder.next(), "long-poll");
  after(60_000);
  assert.equal(open().ladder.next(), "stream");
});

test("how long a long-poll may be held is known to the next page", (t) => {
  const { open } = pages(t);
  const first = open().ladder;
  for (let n = 0; n < 2; n++) first.failed("cut", 10_000);
  for (let n = 0; n < 2; n++) first.failed("cut", 10_000);
  first.worked();
  const { ladder } = open();
  assert.deepEqual([ladder.next(), ladder.wait, ladder.reason], ["long-poll", 6, "long-poll-cut"]);
});

test("what nothing came by, is long ago, or of a clock that was wrong, is not believed", (t) => {
  const { open, after } = pages(t);
  const first = open().ladder;
  first.failed("silent", 6000);
  assert.equal(open().ladder.next(), "stream");
  first.worked(false);
  assert.equal(open().ladder.next(), "long-poll");
  after(-3 * 60 * MINUTE);
  assert.equal(open().ladder.next(), "stream");
  after(3 * 60 * MINUTE + 20 * MINUTE);
  assert.equal(open().ladder.reason, null);
  assert.equal(open().ladder.next(), "stream");
});

test("what works again is not remembered as broken; nor is what one was only forbidden", (t) => {
  const { open } = pages(t);
  const { ladder, after } = open();
  ladder.failed("silent", 6000);
  ladder.worked();
  assert.equal(after(1.3 * MINUTE), "stream");
  ladder.worked();
  assert.equal(open().ladder.next(), "stream");
  ladder.failed("silent", 6000);
  ladder.worked();
  ladder.allow({ stream: true });
  assert.equal(open().ladder.next(), "stream");
});

for (const text of ["", "null", "{}", "[", '"x"', '{"rung":7,"climbAt":1767225600000}']) {
  test(`a note that is none is not believed: ${text}`, (t) => {
    const { open, note } = pages(t);
    note.set(text);
    assert.equal(open().ladder.next(), "stream");
  });
}

test("the reason why no better one is allowed stays while it works", () => {
  const { ladder } = at();
  ladder.allow({ stream: false, longPoll: false }, "no-locks");
  ladder.next();
  ladder.worked();
  assert.equal(ladder.reason, "no-locks");
});
