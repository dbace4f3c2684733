// From one tab to another: who leads when a leader hangs, and what the next one knows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { begin } from "./browser.js";
import { stream } from "./support.js";

const NAME = `causerie  ${JSON.stringify(["default", "me"])} 1`;

test("a leader that hangs is replaced within 3 s", async (t) => {
  const { after, service, open, leaders } = begin(t);
  const first = await open(), second = await open();
  await after(10_000);
  assert.deepEqual(leaders(), [first]);
  first.asleep = true;
  const from = Date.now();
  while (!second.client.state.isLeader) {
    await after(100);
    assert.ok(Date.now() - from <= 3000);
  }
  service.say(1);
  await after(1000);
  assert.deepEqual(second.got, ["k1"]);
  first.asleep = false;
  await after(5000);
  assert.deepEqual(leaders(), [second]);
  assert.equal(service.streams.size, 1);
});

test("of several tabs one takes the lead from a leader that hangs, and the others let it", async (t) => {
  const { after, service, open, tabs, leaders } = begin(t);
  for (let n = 0; n < 4; n++) {
    await open();
    await after(200);
  }
  const [leader] = leaders(), opened = () => service.asked.filter(({ path }) => path.includes("/stream")).length, before = opened();
  leader.asleep = true;
  await after(3500);
  leader.asleep = false;
  await after(10_000);
  assert.equal(opened(), before + 1);
  service.say(1);
  await after(500);
  for (const { got } of tabs) assert.deepEqual(got, ["k1"]);
});

test("a tab that nobody looks at takes nothing from anybody, and asks nothing", async (t) => {
  const { browser, after, open, leaders } = begin(t);
  const first = await open();
  await open();
  await after(1000);
  document.visibilityState = "hidden";
  document.hidden = true;
  const said = t.mock.method(Object.getPrototypeOf([...browser.channels][0]), "postMessage");
  first.asleep = true;
  await after(60_000);
  assert.deepEqual(leaders(), [first]);
  assert.equal(said.mock.calls.filter(({ arguments: [word] }) => word.hello).length, 0);
});

test("answers that are late, but come, cost nobody the lead", async (t) => {
  const { after, open, leaders } = begin(t);
  const first = await open(), second = await open();
  await after(1000);
  for (let n = 0; n < 20; n++) {
    second.asleep = true;
    await after(1700);
    second.asleep = false;
    await after(1000);
  }
  assert.deepEqual(leaders(), [first]);
});

test("a tab opened in the background knows what the others know", async (t) => {
  const { after, service, open } = begin(t);
  await open();
  await after(500);
  service.say(1);
  await after(500);
  document.visibilityState = "hidden";
  const { client, got } = await open();
  service.say(2);
  await after(1000);
  assert.equal(client.conversations.items[0].lastMessage.seq, 2);
  assert.deepEqual(got, ["k2"]);
});

test("lock, channel and database are this version's own, so that another deploy's tabs may speak otherwise", async (t) => {
  const { browser, after, open } = begin(t), asked = t.mock.method(browser, "request");
  await open();
  await after(1000);
  assert.ok(asked.mock.calls.every(({ arguments: [name] }) => name === NAME) && asked.mock.callCount());
  assert.ok([...browser.channels].every(({ name }) => name === NAME));
  assert.deepEqual([...browser.databases.kept.keys()], [NAME]);
});

test("what is forbidden reaches tabs that are opened later, as long as another lives", async (t) => {
  const { browser, after, open, service } = begin(t);
  const first = await open();
  await after(1000);
  first.client.allow({ stream: false });
  await after(500);
  const second = await open();
  await after(500);
  assert.deepEqual([...second.client.state.allowed], ["long-poll", "poll"]);
  browser.crash(first);
  first.client.stop();
  await after(3000);
  assert.deepEqual([second.client.state.isLeader, second.client.state.transport], [true, "long-poll"]);
  assert.equal(service.streams.size, 0);
  second.client.allow({ longPoll: false });
  assert.deepEqual([...second.client.state.allowed], ["poll"]);
});

test("whoever leads next begins with the transport that was found to work", async (t) => {
  const { browser, after, open, service } = begin(t);
  const first = await open(), second = await open();
  service.refuse = (path, request) => (path.includes("/stream") ? stream(request).response : null);
  for (const one of service.streams) one.cut();
  await after(15_000);
  assert.equal(first.client.state.transport, "long-poll");
  browser.crash(first);
  first.client.stop();
  const before = service.asked.length;
  await after(2000);
  assert.deepEqual([second.client.state.isLeader, second.client.state.transport, second.client.state.reason], [true, "long-poll", "stream-silent"]);
  assert.ok(!service.asked.slice(before).some(({ path }) => path.includes("/stream")));
});

test("`since` is since when it is this transport, in this status", async (t) => {
  const { after, open } = begin(t);
  const { client } = await open();
  await after(5000);
  const { since } = client.state;
  await after(20_000);
  assert.equal(client.state.since, since);
  client.allow({ stream: false });
  await after(1000);
  assert.deepEqual([client.state.status, client.state.transport], ["live", "long-poll"]);
  assert.ok(client.state.since > since);
});

test("`since` is of the transport, too, where the status stays the same", async (t) => {
  const { after, open } = begin(t);
  const { client } = await open();
  client.allow({ stream: false });
  await after(5000);
  const { since } = client.state, seen = [];
  client.on("state", ({ status }) => seen.push(status));
  client.allow({ longPoll: false });
  await after(1000);
  assert.deepEqual([client.state.transport, ...new Set(seen)], ["poll", "live"]);
  assert.ok(client.state.since > since);
});

test("whoever listens hears of a state when it is another, however often tabs ask", async (t) => {
  const { after, open } = begin(t);
  await open();
  const { client } = await open();
  await after(5000);
  let times = 0;
  client.on("state", () => { times++; });
  await after(10_000);
  assert.ok(times < 3, `${times} times`);
});
