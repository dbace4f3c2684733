// One feed over each transport and from one to the next: everything once, in order, at its pace.
import assert from "node:assert/strict";
import { test } from "node:test";
import { created, json, never, page, problem, settle, snapshot, stream } from "./support.js";
import { begin } from "./feed.js";

const paths = (asked) => asked.map(({ path }) => path.split("?")[0]);

for (const [name, allowed] of [["stream", {}], ["long-poll", { stream: false }], ["poll", { stream: false, longPoll: false }]]) {
  test(`by ${name} everything arrives, once and in order`, async (t) => {
    const { after, seen, service, feed, state } = begin(t, null, allowed);
    feed.start(null);
    await after(1000);
    assert.equal(seen.syncs, 1);
    for (let seq = 1; seq <= 20; seq++) {
      service.say(seq);
      if (seq % 4 === 0) await after(4000);
    }
    await after(10_000);
    assert.deepEqual(seen.events, Array.from({ length: 20 }, (_, n) => `k${n + 1}`));
    assert.equal(state().transport, name);
    assert.equal(state().status, "live");
    assert.equal(state().cursor, "k20");
    assert.deepEqual(seen.lost, []);
  });
}

test("a backlog is read page after page, at once", async (t) => {
  const { after, seen, asked, feed } = begin(t, (path) => {
    if (path === "/v1/sync") return json(snapshot(0));
    const from = Number(/since=k(\d+)/.exec(path)[1]), to = Math.min(from + 2, 7);
    return json(page(from, to, Array.from({ length: to - from }, (_, n) => created(from + n + 1, from + n + 1)), { hasMore: to < 7, poll: { nextMs: 60_000 } }));
  }, { stream: false, longPoll: false });
  feed.start(null);
  await after(500);
  assert.equal(seen.events.length, 7);
  assert.equal(asked.length, 5);
});

test("a stream whose hello does not come is left for long-poll after 6 s, and nothing is lost", async (t) => {
  const { after, seen, service, feed, state } = begin(t);
  service.refuse = (path, request) => (path.includes("/stream") ? stream(request).response : null);
  feed.start(null);
  await after(1000);
  service.say(1);
  await after(4000);
  assert.deepEqual(seen.events, []);
  await after(3000);
  assert.deepEqual(seen.events, ["k1"]);
  assert.equal(state().transport, "long-poll");
  assert.equal(state().reason, "stream-silent");
});

test("the same where even the head of the answer is held back", async (t) => {
  const { after, service, feed, state } = begin(t);
  service.refuse = (path, request) => (path.includes("/stream") ? never(request) : null);
  feed.start(null);
  await after(8000);
  assert.equal(state().transport, "long-poll");
});

test("a stream without a heartbeat is buffered; after a minute the stream is tried again", async (t) => {
  const { after, service, feed, state, asked } = begin(t);
  service.beats = false;
  feed.start(null);
  await after(25_000);
  assert.equal(state().transport, "stream");
  await after(3000);
  assert.equal(state().transport, "long-poll");
  assert.equal(state().reason, "stream-silent");
  const before = asked.filter(({ path }) => path.includes("/stream")).length;
  // A wait that was begun before lasts to its end.
  await after(100_000);
  assert.ok(asked.filter(({ path }) => path.includes("/stream")).length > before);
  assert.ok(service);
});

test("with heartbeats the stream stays, and its cursor moves with them", async (t) => {
  const { after, service, feed, state, asked } = begin(t);
  feed.start(null);
  for (let n = 1; n < 10; n++) {
    await after(15_000);
    service.head = n;
  }
  await after(15_000);
  assert.equal(state().transport, "stream");
  assert.equal(state().cursor, "k9");
  assert.deepEqual(paths(asked), ["/v1/sync", "/v1/events/stream"]);
});

test("a stream that is cut goes on from its cursor; cut twice before a heartbeat, by long-poll", async (t) => {
  const { after, seen, service, feed, state } = begin(t);
  feed.start(null);
  for (let seq = 1; seq <= 6; seq++) {
    await after(5000);
    service.say(seq);
    await settle();
    for (const one of service.streams) one.cut();
    service.streams.clear();
  }
  await after(5000);
  assert.deepEqual(seen.events, ["k1", "k2", "k3", "k4", "k5", "k6"]);
  assert.equal(state().transport, "long-poll");
  assert.equal(state().reason, "stream-cut");
});

test("where every request is cut after 2 s it settles at poll, and nothing is lost", async (t) => {
  const { after, seen, service, feed, state } = begin(t);
  const cut = async (request) => { await new Promise((resolve) => setTimeout(resolve, 2000)); throw new TypeError("reset"); };
  service.refuse = (path, request) => {
    if (path.includes("/stream")) setTimeout(() => { for (const one of service.streams) one.cut(); service.streams.clear(); }, 2000);
    return path.includes("wait=") && !path.includes("wait=0") ? cut(request) : null;
  };
  feed.start(null);
  for (let seq = 1; seq <= 10; seq++) {
    await after(2500);
    service.say(seq);
  }
  await after(5000);
  assert.equal(state().transport, "poll");
  assert.deepEqual(seen.events, Array.from({ length: 10 }, (_, n) => `k${n + 1}`));
});

test("a stream that a proxy answers 502 is left for long-poll", async (t) => {
  const { after, service, feed, state } = begin(t);
  service.refuse = (path) => (path.includes("/stream") ? new Response("<h1>502</h1>", { status: 502 }) : null);
  feed.start(null);
  await after(5000);
  assert.equal(state().transport, "long-poll");
  assert.equal(state().reason, "stream-refused");
  assert.equal(state().status, "live");
});

test("an instance that is full of streams is waited at, with long-polls", async (t) => {
  const { after, seen, service, feed, state } = begin(t);
  service.refuse = (path) => (path.includes("/stream") ? problem(503, "instance-full", { retryAfterMs: 2000 }) : null);
  feed.start(null);
  await after(10_000);
  assert.equal(state().transport, "long-poll");
  assert.equal(state().status, "live");
  service.say(1);
  await after(1000);
  assert.deepEqual(seen.events, ["k1"]);
});

test("a service that is away for a minute is asked with back-off, and then streamed from as before", async (t) => {
  const { after, seen, service, feed, state, asked } = begin(t);
  feed.start(null);
  await after(1000);
  service.refuse = () => problem(503, "shutting-down", { retryAfterMs: 2000 });
  for (const one of service.streams) one.cut();
  service.streams.clear();
  const before = asked.length;
  await after(60_000);
  assert.ok(asked.length - before > 3 && asked.length - before < 25, `${asked.length - before} requests`);
  assert.equal(state().status, "waiting");
  assert.ok(state().retryAt instanceof Date);
  service.refuse = () => null;
  service.say(1);
  await after(35_000);
  assert.deepEqual(seen.events, ["k1"]);
  assert.equal(state().transport, "stream");
});

test("Retry-After is honoured to the millisecond", async (t) => {
  const { after, service, feed, asked } = begin(t, null, { stream: false, longPoll: false });
  feed.start(null);
  await after(1000);
  service.refuse = () => problem(429, "overloaded", { retryAfterMs: 20_000 });
  await after(4000);
  const before = asked.length;
  await after(17_000);
  assert.equal(asked.length, before);
  await after(5000);
  assert.ok(asked.length > before);
});

test("goodbye is a pause, not a failure", async (t) => {
  const { after, seen, service, feed, state, asked } = begin(t);
  feed.start(null);
  await after(1000);
  for (const one of service.streams) { one.frame("goodbye", { reason: "shutdown", reconnectAfterMs: 3000 }); one.end(); }
  service.streams.clear();
  service.say(1);
  await after(2500);
  assert.equal(paths(asked).filter((path) => path.endsWith("stream")).length, 1);
  assert.equal(state().status, "waiting");
  await after(1500);
  assert.deepEqual(seen.events, ["k1"]);
  assert.equal(state().transport, "stream");
  assert.equal(state().reason, null);
});

const delivered = (asked) => asked.filter(({ path }) => path === "/v1/delivered").map(({ body }) => body.cursor);

test("what a stream brought is acknowledged, a burst in one go", async (t) => {
  const { after, service, feed, asked } = begin(t);
  feed.start(null);
  await after(1000);
  for (let seq = 1; seq <= 30; seq++) service.say(seq);
  await after(2500);
  assert.deepEqual(delivered(asked), ["k30"]);
  for (let seq = 31; seq <= 34; seq++) service.say(seq);
  await after(2500);
  assert.deepEqual(delivered(asked), ["k30", "k34"]);
});

for (const [part, early, late] of [[0.05, 0, 200], [0.95, 1800, 2000]]) {
  test(`a group does not acknowledge in one instant: at ${part} of two seconds`, async (t) => {
    const { after, service, feed, asked } = begin(t);
    t.mock.method(Math, "random", () => part);
    feed.start(null);
    await after(1000);
    service.say(1);
    await after(early);
    assert.deepEqual(delivered(asked), []);
    await after(late - early);
    assert.deepEqual(delivered(asked), ["k1"]);
  });
}

test("those whose cursors a restart has ended do not ask for a snapshot in one instant", async (t) => {
  const { after, service, feed, asked } = begin(t, null, { stream: false });
  t.mock.method(Math, "random", () => 0.95);
  service.refuse = (path) => (path.includes("since=kold") ? problem(410, "cursor-expired") : null);
  feed.start("kold");
  await after(1800);
  assert.deepEqual(paths(asked), ["/v1/events"]);
  await after(200);
  assert.equal(paths(asked)[1], "/v1/sync");
});

test("204 ends it for good; nobody logged in, too", async (t) => {
  const { after, feed, asked, state } = begin(t, (path) => (path === "/v1/sync" ? json(snapshot(0)) : new Response(null, { status: 204 })));
  feed.start(null);
  await after(60_000);
  assert.equal(asked.length, 2);
  assert.equal(state().status, "stopped");
});

test("an answer without anything in it, to a question that has one, is a proxy's and ends nothing", async (t) => {
  let isOdd = false;
  const odd = () => new Response(null, { status: isOdd ? 204 : 200 });
  const { after, feed, asked, state } = begin(t, (path) => {
    if (path === "/v1/sync") return json(snapshot(0));
    isOdd = !isOdd;
    return asked.length < 8 ? odd() : json(page(0, 0));
  }, { stream: false, longPoll: false });
  feed.start(null);
  await after(120_000);
  assert.ok(asked.length > 8);
  assert.equal(state().status, "live");
});

test("a page that is hidden for long asks seldom, and at once when it is looked at", async (t) => {
  globalThis.document = { visibilityState: "visible", documentElement: { lang: "" } };
  const woken = new EventTarget();
  globalThis.addEventListener = woken.addEventListener.bind(woken);
  t.after(() => { delete globalThis.document; delete globalThis.addEventListener; });
  const { after, asked, feed } = begin(t, null, { stream: false, longPoll: false });
  feed.start(null);
  await after(10_000);
  assert.ok(asked.length >= 4);
  document.visibilityState = "hidden";
  await after(70_000);
  const before = asked.length;
  await after(90_000);
  assert.ok(asked.length - before <= 4, `${asked.length - before}`);
  document.visibilityState = "visible";
  const then = asked.length;
  woken.dispatchEvent(new Event("visibilitychange"));
  await after(200);
  assert.equal(asked.length, then + 1);
});

test("stopped, it hands nothing out any more", async (t) => {
  const { after, seen, service, feed } = begin(t);
  feed.start(null);
  await after(1000);
  const [open] = service.streams;
  open.frame("message.created", created(1, 1), "k1");
  feed.stop();
  await after(5000);
  assert.deepEqual(seen.events, []);
  assert.equal(service.streams.size, 0);
});
