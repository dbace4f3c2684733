// Late, or in the middle: answers, drafts and snapshots at a bad moment lose nothing, double nothing, and revive nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, up } from "./browser.js";
import { conversation, created, event, json, problem, snapshot } from "./support.js";

const KNOWLEDGE = { me: { id: "me", name: "ME", imageUrl: null, role: null }, next: null, total: 0, ephemeral: { typing: [], presence: [] }, last: [["c", 0]], conversations: [conversation()], unread: [], arriving: [] };

test("a late answer does not set back counts that came after it was asked for", async (t) => {
  const { after, open, service } = begin(t);
  const { client } = await open();
  await after(1000);
  let answer = () => {};
  service.refuse = (path) => (path === "/v1/unread" ? new Promise((resolve) => { answer = () => resolve(json({ total: 3, conversations: [{ id: "c", unreadCount: 3 }], cursor: "k0" })); }) : null);
  const tell = (unread) => { for (const one of service.streams) one.frame("unread", unread); };
  tell({ total: 3, conversations: 1, changed: [] });
  await after(100);
  tell({ total: 1, conversations: 1, changed: [{ id: "c", unreadCount: 1 }] });
  await after(100);
  answer();
  await after(100);
  assert.deepEqual([client.unread.total, client.unread.of("c")], [1, 1]);
});

test("a new group is not fetched by all its members at once; a conversation of two is", async (t) => {
  const { after, open, service } = begin(t);
  t.mock.method(Math, "random", () => 0.9);
  await open();
  await after(2000);
  service.push(event(1, "conversation.created", { conversation: conversation({ id: "pair" }) }, "pair"));
  service.push(event(2, "conversation.created", { conversation: conversation({ id: "group", type: "GROUP" }) }, "group"));
  const fetched = () => service.asked.map(({ path }) => path.split("/").pop()).filter((id) => ["pair", "group"].includes(id));
  await after(1700);
  assert.deepEqual(fetched(), ["pair"]);
  await after(200);
  assert.deepEqual(fetched(), ["pair", "group"]);
});

test("stopped and started while a conversation is waited for, it asks no oftener", async (t) => {
  const { after, open, service } = begin(t);
  const { client } = await open();
  await after(1000);
  t.mock.method(Math, "random", () => 0.5);
  let isAway = true;
  service.refuse = (path) => (path.endsWith("/new") && isAway ? problem(503, "unavailable") : null);
  service.push(event(1, "conversation.created", { conversation: conversation({ id: "new" }) }, "new"));
  await after(3000);
  for (let n = 0; n < 5; n++) {
    client.stop();
    client.start();
    await after(200);
  }
  await after(60_000);
  const times = service.asked.filter(({ path }) => path.endsWith("/new")).length;
  assert.ok(times > 4 && times < 14, `${times} times`);
  isAway = false;
  await after(20_000);
  assert.ok(client.conversations.peek("new"));
});

test("whoever leads next fetches what the last one was fetching, though it never saw the event", async (t) => {
  const { browser, after, open, service } = begin(t);
  const first = await open();
  await after(1000);
  service.refuse = (path) => (path.endsWith("/new") ? problem(503, "unavailable") : null);
  service.push(event(1, "conversation.created", { conversation: conversation({ id: "new" }) }, "new"));
  await after(1000);
  const second = await open();
  await after(500);
  browser.crash(first);
  first.client.stop();
  service.refuse = () => null;
  await after(5000);
  assert.ok(second.client.conversations.peek("new"));
});

test("an answer that comes when the tab leads already is no place to go on from", async (t) => {
  const { browser, after, open, service } = begin(t);
  const first = await open(), second = await open();
  await after(1000);
  const late = { data: { adopt: { ...KNOWLEDGE, cursor: "k0" } } };
  browser.crash(first);
  first.client.stop();
  await after(1000);
  service.say(1);
  await after(500);
  assert.equal(second.client.state.isLeader, true);
  for (const one of browser.channels) one.onmessage(late);
  service.say(2);
  service.say(3);
  await after(3000);
  assert.deepEqual(second.got, up(1, 3));
  assert.deepEqual(second.resyncs, []);
});

test("two leaders for a moment: the loss that one suffers is not the other's", async (t) => {
  const { browser, after, open, service } = begin(t);
  const { client, got, resyncs } = await open();
  await after(1000);
  service.say(1);
  await after(100);
  for (const one of browser.channels) one.onmessage({ data: { lost: "a hole" } });
  service.say(2);
  await after(3000);
  assert.deepEqual([got, resyncs], [["k1", "k2"], []]);
  assert.equal(client.state.status, "live");
  assert.equal(service.asked.filter(({ path }) => path === "/v1/sync").length, 1);
});

test("after a loss nobody goes on from half a page: not when the network comes back, not who leads next", async (t) => {
  const { browser, after, open, service } = begin(t);
  const first = await open(), second = await open();
  await after(1000);
  service.refuse = (path) => (path === "/v1/sync" ? problem(503, "unavailable") : null);
  service.say(1);
  await after(100);
  // A hole in the first one's eyes alone: it has forgotten nothing, the event is told to both.
  for (const one of service.streams) one.frame("message.created", created(3, 3), "k3");
  await after(200);
  for (const one of service.streams) one.cut();
  const before = service.asked.length;
  first.fire("online");
  await after(1000);
  browser.crash(first);
  first.client.stop();
  await after(2000);
  assert.equal(second.client.state.isLeader, true);
  assert.deepEqual([...new Set(service.asked.slice(before).map(({ path }) => path))], ["/v1/sync"]);
});

test("a snapshot that lies before what was told, as of an instance that lags, tells nothing twice", async (t) => {
  const { after, open, service, tabs } = begin(t);
  await open();
  await open();
  await after(1000);
  for (let seq = 1; seq <= 4; seq++) service.say(seq);
  await after(500);
  service.refuse = (path) => (path === "/v1/sync" ? json(snapshot(2, [conversation({ lastMessage: service.messages()[1] })])) : null);
  for (const one of service.streams) one.frame("resync", { reason: "cursor-expired" }, "k4");
  await after(5000);
  service.say(5);
  await after(2000);
  for (const { got, client } of tabs) {
    assert.deepEqual(got, up(1, 5));
    assert.equal(client.conversations.items[0].lastMessage.seq, 5);
  }
});

test("a tab that slept hears what it has missed, in order, and knows what it was told on the side", async (t) => {
  const { after, service, open } = begin(t);
  const first = await open(), second = await open();
  await after(1000);
  t.mock.method(Math, "random", () => 0.1);
  second.asleep = true;
  service.say(1);
  service.push(event(2, "conversation.created", { conversation: conversation({ id: "new" }) }, "new"));
  await after(800);
  await first.client.thread("c").send({ content: "mine" });
  await after(500);
  second.asleep = false;
  service.push(created(4, 3));
  await after(3000);
  assert.deepEqual([first.got, second.got, second.resyncs], [["k1", "k3", "k4"], ["k1", "k3", "k4"], []]);
  assert.ok(second.client.conversations.peek("new"));
  assert.equal(second.client.conversations.peek("c").lastMessage.seq, 3);
});

test("a tab that has missed something for good says so", async (t) => {
  const { after, service, open } = begin(t);
  const first = await open(), second = await open();
  await after(1000);
  t.mock.method(Math, "random", () => 0.1);
  second.asleep = true;
  // Between: a loss, so that not even the leader knows what was told before.
  service.say(1);
  for (const one of service.streams) one.frame("resync", { reason: "cursor-expired" }, "k1");
  await after(1500);
  second.asleep = false;
  await after(3000);
  assert.deepEqual([first.resyncs, second.resyncs], [["cursor-expired"], ["missed"]]);
  assert.equal(second.client.conversations.items[0].lastMessage.seq, 1);
});

test("whoever stops while a page is handed out hears the rest when it starts again", async (t) => {
  const { after, open, service } = begin(t);
  const { client, got, resyncs } = await open();
  client.allow({ stream: false, longPoll: false });
  await after(1000);
  const off = client.on("message.created", () => client.stop());
  for (let seq = 1; seq <= 3; seq++) service.say(seq);
  await after(5000);
  assert.deepEqual(got, ["k1"]);
  assert.equal(client.state.status, "stopped");
  off();
  client.start();
  await after(5000);
  assert.deepEqual([got, resyncs], [up(1, 3), []]);
});

test("a resync while a message is being sent loses no message and sends none twice", async (t) => {
  const { after, open, service } = begin(t);
  const { client } = await open();
  await after(1000);
  let lose = true;
  // It is stored, and its answer lost, and the feed starts anew: only the snapshot tells.
  service.refuse = (path, { method, body }) => {
    if (method !== "POST" || !path.endsWith("/messages") || !lose) return null;
    for (const one of service.streams) one.frame("resync", { reason: "cursor-expired" }, "k0");
    service.streams.clear();
    service.store(body);
    lose = false;
    throw new TypeError("reset");
  };
  client.thread("c").load();
  client.thread("c").send({ content: "a" });
  client.thread("c").send({ content: "b" });
  await after(30_000);
  assert.deepEqual(service.messages().map(({ content }) => content), ["a", "b"]);
  assert.deepEqual(client.thread("c").items.map(({ content, draft }) => [content, draft]), [["a", undefined], ["b", undefined]]);
});

test("a draft is not told any more when it was settled while it was being kept", async (t) => {
  const { after, open, service, browser } = begin(t);
  const first = await open();
  const second = await open();
  await after(1000);
  const draft = await second.client.thread("c").send({ content: "a" });
  await after(1000);
  assert.equal(service.sent.size, 1);
  // A third tab's word, said before it heard of it.
  for (const one of browser.channels) one.onmessage({ data: { draft: { ...draft, draft: "queued" } } });
  await after(5000);
  assert.equal(service.asked.filter(({ method, path }) => method === "POST" && path.endsWith("/messages")).length, 1);
  await first.client.thread("c").load();
  assert.deepEqual(first.client.thread("c").items.map((one) => one.draft), [undefined]);
});
