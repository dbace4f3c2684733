// Tabs of one browser: one connection, one outbox, the same for all.
import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, up } from "./browser.js";
import { conversation, event, json, message } from "./support.js";

test("ten tabs are one connection, and all hear everything once", async (t) => {
  const { after, service, open, tabs, leaders } = begin(t);
  for (let n = 0; n < 10; n++) await open();
  await after(3000);
  for (let seq = 1; seq <= 20; seq++) service.say(seq);
  await after(3000);
  assert.equal(leaders().length, 1);
  assert.equal(service.streams.size, 1);
  assert.equal(service.asked.filter(({ path }) => path === "/v1/sync").length, 1);
  for (const { got, client } of tabs) {
    assert.deepEqual(got, up(1, 20));
    assert.equal(client.conversations.items[0].lastMessage.seq, 20);
    assert.equal(client.state.status, "live");
    assert.equal(client.me.id, "me");
  }
});

test("a leader that crashes is replaced, and nothing is lost or told twice", async (t) => {
  const { browser, after, service, open, tabs, leaders } = begin(t);
  for (let n = 0; n < 4; n++) await open();
  await after(1000);
  let seq = 0;
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 5; n++) service.say(++seq);
    const [leader] = leaders();
    // In the middle of what it was handed.
    await Promise.resolve();
    browser.crash(leader);
    leader.client.stop();
    service.say(++seq);
    await after(3000);
    assert.equal(leaders().length, 1);
    service.say(++seq);
    await after(1000);
  }
  const [survivor] = tabs.filter(({ dead }) => !dead);
  assert.deepEqual(survivor.got, up(1, seq));
  assert.deepEqual(survivor.resyncs, []);
});

test("a tab that comes late knows what the others know, and hears the rest", async (t) => {
  const { after, service, open } = begin(t);
  await open();
  await after(500);
  for (let seq = 1; seq <= 3; seq++) service.say(seq);
  await after(500);
  const late = await open();
  service.say(4);
  await after(1000);
  assert.equal(late.client.state.isLeader, false);
  assert.equal(late.client.conversations.items[0].lastMessage.seq, 4);
  assert.deepEqual(late.got, ["k4"]);
  assert.equal(service.asked.filter(({ path }) => path === "/v1/sync").length, 1);
});

test("a leader that sleeps loses its place to a tab that is looked at", async (t) => {
  const { after, service, open, leaders } = begin(t);
  const first = await open();
  const second = await open();
  await after(1000);
  assert.deepEqual(leaders(), [first]);
  first.asleep = true;
  service.say(1);
  await after(14_000);
  first.asleep = false;
  await after(1000);
  assert.equal(second.client.state.isLeader, true);
  assert.equal(first.client.state.isLeader, false);
  service.say(2);
  await after(1000);
  assert.deepEqual(second.got, ["k1", "k2"]);
  assert.deepEqual(first.got, ["k1", "k2"]);
});

test("a tab that slept catches up, though nothing more happens", async (t) => {
  const { after, service, open } = begin(t);
  await open();
  const second = await open();
  await after(1000);
  service.say(1);
  await after(500);
  second.asleep = true;
  for (let seq = 2; seq <= 4; seq++) service.say(seq);
  await after(1000);
  second.asleep = false;
  assert.equal(second.client.conversations.items[0].lastMessage.seq, 1);
  await after(12_000);
  assert.equal(second.client.state.isLeader, false);
  assert.equal(second.client.conversations.items[0].lastMessage.seq, 4);
  service.say(5);
  await after(500);
  assert.deepEqual(second.got, up(1, 5));
  assert.deepEqual(second.resyncs, []);
});

test("two leaders for a moment tell nobody anything twice", async (t) => {
  const { after, service, open, tabs } = begin(t);
  for (let n = 0; n < 3; n++) await open();
  await after(1000);
  for (let seq = 1; seq <= 3; seq++) service.say(seq);
  await after(500);
  for (const seq of [4, 5, 6]) {
    globalThis.navigator.locks.request(`causerie  ${JSON.stringify(["default", "me"])} 1`, { steal: true }, () => {});
    service.say(seq);
    await after(1000);
  }
  await after(15_000);
  service.say(7);
  await after(2000);
  for (const { got } of tabs) assert.deepEqual(got, up(1, 7));
});

test("without locks each tab is for itself, holds no connection, and says why", async (t) => {
  const { after, service, open, leaders, tabs } = begin(t);
  globalThis.navigator.locks = undefined;
  for (let n = 0; n < 8; n++) await open();
  await after(1000);
  service.say(1);
  await after(5000);
  assert.equal(leaders().length, 8);
  for (const { client: { state }, got } of tabs) {
    assert.deepEqual([state.transport, state.reason, ...state.allowed], ["poll", "no-locks", "poll"]);
    assert.deepEqual(got, ["k1"]);
  }
  assert.equal(service.streams.size + service.waits.size, 0);
});

test("a program without pages streams", async (t) => {
  const { after, open } = begin(t);
  globalThis.navigator.locks = undefined;
  delete globalThis.document;
  const { client } = await open();
  await after(1000);
  assert.deepEqual([client.state.transport, client.state.reason], ["stream", null]);
});

test("so it is where a page of an opaque origin is refused them", async (t) => {
  const { after, open } = begin(t);
  globalThis.navigator.locks = { request: () => Promise.reject(Object.assign(new Error("opaque"), { name: "SecurityError" })) };
  const { client } = await open();
  await after(1000);
  assert.deepEqual([client.state.transport, client.state.reason], ["poll", "no-locks"]);
});

test("a message written in one tab is sent by the leader, once, and shown in all", async (t) => {
  const { after, service, open, tabs } = begin(t);
  for (let n = 0; n < 3; n++) await open();
  await after(1000);
  for (const { client } of tabs) await client.thread("c").load();
  const draft = await tabs[2].client.thread("c").send({ content: "bonjour" });
  assert.equal(tabs[2].client.thread("c").items.at(-1).draft, "queued");
  await after(1000);
  assert.equal(service.asked.filter(({ method, path }) => method === "POST" && path.endsWith("/messages")).length, 1);
  for (const { client } of tabs) {
    const [one, ...more] = client.thread("c").items;
    assert.deepEqual(more, []);
    assert.equal(one.content, "bonjour");
    assert.equal(one.clientMessageId, draft.clientMessageId);
    assert.equal(one.status, "SENT");
  }
  service.push(event(9, "receipt.read", { receipt: { conversationId: "c", userId: "other", readUpTo: 1, readAt: null } }));
  await after(1000);
  for (const { client } of tabs) assert.equal(client.thread("c").items[0].status, "READ");
});

test("a draft survives the leader that was sending it", async (t) => {
  const { browser, after, service, open, leaders, tabs } = begin(t);
  for (let n = 0; n < 3; n++) await open();
  await after(1000);
  service.refuse = (path, { method }) => (method === "POST" && path.endsWith("/messages") ? new Promise(() => {}) : null);
  tabs[1].client.thread("c").send({ content: "bonjour" });
  await after(1000);
  const [leader] = leaders();
  browser.crash(leader);
  leader.client.stop();
  service.refuse = () => null;
  await after(5000);
  assert.deepEqual(service.messages().map(({ content }) => content), ["bonjour"]);
});

test("a conversation first heard of is fetched once for all tabs", async (t) => {
  const { after, service, open, tabs } = begin(t);
  for (let n = 0; n < 3; n++) await open();
  await after(1000);
  service.push(event(1, "conversation.created", { conversation: conversation({ id: "new" }) }, "new"));
  await after(1000);
  assert.equal(service.asked.filter(({ path }) => path === "/v1/conversations/new").length, 1);
  for (const { client } of tabs) assert.ok(client.conversations.peek("new"));
});

test("a hole in what the service tells is loaded anew, loudly, in all tabs", async (t) => {
  const { after, service, open, tabs } = begin(t);
  await open();
  await open();
  await after(1000);
  service.say(1);
  await after(100);
  service.say(3);
  await after(3000);
  for (const { resyncs, got, client } of tabs) {
    assert.equal(resyncs.length, 1);
    assert.match(resyncs[0], /message 3 after 1 in c/);
    assert.deepEqual(got, ["k1"]);
    assert.equal(client.conversations.items[0].lastMessage.seq, 3);
  }
  assert.ok(console.error.mock.callCount() >= 1);
  service.say(4);
  await after(500);
  for (const { got } of tabs) assert.deepEqual(got, ["k1", "k3"]);
});

test("signed out in one tab is signed out in all", async (t) => {
  const { after, open, tabs, service } = begin(t);
  await open();
  await open();
  await after(1000);
  tabs[1].client.signOut();
  await after(1000);
  for (const { client } of tabs) {
    assert.equal(client.state.status, "stopped");
    assert.equal(client.me, null);
    assert.deepEqual(client.conversations.items, []);
  }
  assert.equal(service.streams.size, 0);
});

test("what one tab forbids, the leader does without", async (t) => {
  const { after, open, tabs, service } = begin(t);
  await open();
  await open();
  await after(1000);
  tabs[1].client.allow({ stream: false });
  await after(1000);
  for (const { client } of tabs) {
    assert.equal(client.state.transport, "long-poll");
    assert.deepEqual([...client.state.allowed], ["long-poll", "poll"]);
  }
  assert.equal(service.streams.size, 0);
});

test("counts that do not add up are asked for", async (t) => {
  const { after, open, service } = begin(t);
  const { client } = await open();
  await after(1000);
  service.refuse = (path) => (path === "/v1/unread" ? json({ total: 3, conversations: [{ id: "c", unreadCount: 1 }, { id: "d", unreadCount: 2 }], cursor: "k1" }) : null);
  for (const one of service.streams) one.frame("unread", { total: 3, conversations: 2, changed: [] });
  await after(500);
  assert.deepEqual([client.unread.total, client.unread.conversations, client.unread.of("c"), client.unread.of("d")], [3, 2, 1, 2]);
  for (const one of service.streams) one.frame("unread", { total: 4, conversations: 2, changed: [{ id: "c", unreadCount: 2 }] });
  await after(500);
  assert.equal(client.unread.of("c"), 2);
  assert.equal(service.asked.filter(({ path }) => path === "/v1/unread").length, 1);
});

test("who types and who is there is told to all tabs", async (t) => {
  const { after, open, service, tabs } = begin(t);
  await open();
  await open();
  await after(1000);
  for (const one of service.streams) one.frame("ephemeral", { typing: [{ conversationId: "c", userId: "other", name: "Other" }], presence: [{ userId: "other", status: "ONLINE", lastSeenAt: null }] });
  await after(500);
  for (const { client } of tabs) {
    assert.deepEqual(client.typingIn("c"), [{ conversationId: "c", userId: "other", name: "Other" }]);
    assert.deepEqual(client.typingIn("d"), []);
    assert.equal(client.presenceOf("other").status, "ONLINE");
    assert.equal(client.presenceOf("nobody"), null);
  }
});
