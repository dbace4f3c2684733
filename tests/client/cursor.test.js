// Nothing lost, nothing twice, one cursor: what a feed could do wrong when it is cut, stopped or started at a bad moment.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeFeed } from "../../web/client/feed.js";
import { makeHttp } from "../../web/client/http.js";
import { begin } from "./feed.js";
import { created, event, json, page, settle, snapshot, stream, token } from "./support.js";

test("a stream that is cut at any byte goes on from its cursor: none lost, none twice", async (t) => {
  let at = 0, isCut = false;
  const frames = Array.from({ length: 5 }, (_, n) => `id: k${n + 1}\nevent: x\ndata: ${JSON.stringify(event(n + 1, "x", { text: "é🐚" }))}\n\n`);
  const from = (cursor) => `id: ${cursor}\nevent: hello\ndata: {"heartbeatSeconds":15}\n\n${frames.slice(Number(cursor.slice(1))).join("")}`;
  const { after, feed, seen } = begin(t, (path, request) => {
    if (path === "/v1/sync") return json(snapshot(0));
    const made = stream(request), bytes = new TextEncoder().encode(from(request.headers["Last-Event-ID"]));
    if (isCut) made.write(new TextDecoder().decode(bytes));
    else {
      isCut = true;
      made.bytes(bytes.subarray(0, at));
      settle().then(made.cut);
    }
    return made.response;
  });
  const length = new TextEncoder().encode(from("k0")).length;
  for (at = 0; at < length; at += 3) {
    isCut = false;
    seen.events.length = 0;
    feed.ladder.allow({});
    feed.start("k0");
    await after(600);
    assert.deepEqual(seen.events, ["k1", "k2", "k3", "k4", "k5"], `cut after ${at} bytes`);
  }
  assert.deepEqual(seen.lost, []);
});

test("started anew while the token is asked for, it opens one stream, not two", async (t) => {
  const waiting = [];
  const { after, feed, service } = begin(t, null, {}, { getToken: () => new Promise((resolve) => { waiting.push(resolve); }) });
  feed.start("k0");
  await after(100);
  feed.start("k0");
  await after(100);
  for (const give of waiting) give(token());
  await after(3000);
  assert.equal(service.streams.size, 1);
});

test("whoever hears an event may stop the feed: what follows in the same chunk is not handed out", async (t) => {
  const { after, seen, feed, service } = begin(t);
  feed.start("k0");
  await after(1000);
  const push = seen.steps.push.bind(seen.steps);
  seen.steps.push = (step) => {
    push(step);
    if (step.events.length) feed.stop();
  };
  const [one] = service.streams;
  one.write([1, 2, 3].map((p) => `id: k${p}\nevent: message.created\ndata: ${JSON.stringify(created(p, p))}\n\n`).join(""));
  await after(1000);
  assert.deepEqual(seen.events, ["k1"]);
  const told = seen.states.length;
  await after(5000);
  assert.equal(seen.states.length, told);
});

test("stopped by who heard a page, it says nothing more", async (t) => {
  const { after, seen, feed, service } = begin(t, null, { stream: false, longPoll: false });
  feed.start("k0");
  await after(1000);
  seen.steps.push = () => { feed.stop(); seen.states.length = 0; };
  service.say(1);
  await after(10_000);
  assert.deepEqual(seen.states, []);
});

test("a snapshot that cannot be used is asked for again; no feed goes on without one", async (t) => {
  let isBad = true;
  const { after, asked, seen, feed } = begin(t, (path) => (path === "/v1/sync" ? json(snapshot(0)) : json(page(0, 0))), { stream: false, longPoll: false });
  let syncs = 0;
  Object.defineProperty(seen, "syncs", { get: () => syncs, set: (to) => {
    if (isBad) throw new TypeError("no unread");
    syncs = to;
  } });
  feed.start(null);
  await after(5000);
  assert.ok(asked.length > 1);
  assert.ok(asked.every(({ path }) => path === "/v1/sync"), asked.map(({ path }) => path).join());
  isBad = false;
  await after(20_000);
  assert.equal(syncs, 1);
});

test("a getToken that fails is not the transport's fault", async (t) => {
  let fails = false, times = 0;
  const { after, feed, service, state, transports } = begin(t, null, {}, { getToken: () => {
    if (fails) throw new Error("offline");
    times++;
    return token({ exp: Date.now() / 1000 + 100 });
  } });
  feed.start(null);
  await after(1000);
  fails = true;
  await after(110_000);
  for (const one of service.streams) one.frame("goodbye", { reconnectAfterMs: 100 });
  service.streams.clear();
  await after(40_000);
  assert.deepEqual([state().status, state().reason], ["waiting", "no-token"]);
  fails = false;
  await after(31_000);
  assert.equal(state().status, "live");
  assert.deepEqual(transports(), ["stream"]);
  assert.equal(state().reason, null);
  assert.equal(times, 2);
});

test("behind a proxy that buffers, only the first page pays for finding out", async (t) => {
  let text = "";
  const note = { get: () => text, set: (what) => { text = what; } };
  const { after, service, feed, asked } = begin(t, null, undefined, { token: token() }, note);
  service.refuse = (path, request) => (path.includes("/stream") ? stream(request).response : null);
  feed.start(null);
  await after(10_000);
  feed.stop();
  const before = asked.length, heard = [], states = [];
  const next = makeFeed(makeHttp({ token: token() }, () => {}), { sync() {}, lost() {}, step: ({ events }) => heard.push(...events.map(({ cursor }) => cursor)), state: (state) => states.push(state) }, note);
  next.start(null);
  await after(1000);
  service.say(1);
  await after(500);
  next.stop();
  assert.deepEqual(heard, ["k1"]);
  assert.equal(states.at(-1).reason, "stream-silent");
  assert.ok(!asked.slice(before).some(({ path }) => path.includes("/stream")));
});

test("a clock that is set while a poll is held hides no cut", async (t) => {
  let wrong = 0;
  const { after, feed, state, service, asked } = begin(t, null, { stream: false });
  feed.start(null);
  await after(5000);
  service.refuse = (path) => (path.includes("wait=25") ? new Promise((_, reject) => {
    after.set(wrong -= 3_600_000);
    setTimeout(reject, 20_000, new TypeError("reset"));
  }) : null);
  await after(70_000);
  assert.equal(state().reason, "long-poll-cut");
  assert.ok(asked.some(({ path }) => path.includes("wait=12")));
});
