// What a tab knows, from a snapshot and the events after it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeModel, statusOf } from "../../web/client/model.js";
import { clock, conversation, created, event, member, message } from "./support.js";

const kept = (map) => map.map(({ seq }) => seq);

const known = (more = {}) => ({
  cursor: "k0", me: { id: "me", name: "ME", imageUrl: null, role: null }, next: null, total: 0, ephemeral: { typing: [], presence: [] },
  last: [["c", 0]], conversations: [conversation()], unread: [], arriving: [], ...more,
});

const begin = (more) => {
  const unknown = [], model = makeModel({}, {}, { put() {} }, () => {}, () => {}, (id) => unknown.push(id));
  model.adopt(known(more));
  const take = (from, cursor, ...events) => [...model.take({ from, cursor, events })].map((one) => one.cursor);
  return { model, unknown, take };
};

test("events are taken once, however often they are told", () => {
  const { model, take } = begin();
  assert.deepEqual(take("k0", "k2", created(1, 1), created(2, 2)), ["k1", "k2"]);
  assert.deepEqual(take("k0", "k3", created(1, 1), created(2, 2), created(3, 3)), ["k3"]);
  assert.deepEqual(take("k1", "k2", created(2, 2)), []);
  assert.equal(model.cursor, "k3");
});

test("a step from where this tab never was is refused", () => {
  const { take } = begin();
  assert.throws(() => take("k5", "k6", created(6, 1)), /a step from k5, not k0/);
});

test("a hole in a conversation is refused, and so is a message told again as a new event", () => {
  const { take } = begin();
  assert.deepEqual(take("k0", "k1", created(1, 1)), ["k1"]);
  assert.throws(() => take("k1", "k2", created(2, 3)), /message 3 after 1 in c/);
  const again = begin();
  again.take("k0", "k1", created(1, 1));
  assert.throws(() => again.take("k1", "k2", created(2, 1)), /message 1 after 1 in c/);
});

test("what came before the hole was handed out", () => {
  const { model } = begin(), seen = [];
  assert.throws(() => { for (const one of model.take({ from: "k0", cursor: "k2", events: [created(1, 1), created(2, 3)] })) seen.push(one.cursor); });
  assert.deepEqual(seen, ["k1"]);
});

test("whoever leaves and comes back may have missed a stretch", () => {
  const { take } = begin();
  take("k0", "k1", created(1, 1));
  take("k1", "k2", event(2, "member.left", { member: member("me") }));
  assert.deepEqual(take("k2", "k4", event(3, "member.joined", { member: member("me") }), created(4, 9)), ["k3", "k4"]);
  assert.throws(() => take("k4", "k5", created(5, 11)));
});

test("a conversation first heard of by an event is fetched, with what happens to it meanwhile", () => {
  const { model, unknown, take } = begin({ conversations: [], last: [] });
  take("k0", "k1", created(1, 7));
  take("k1", "k2", created(2, 8, { content: "newer" }));
  assert.deepEqual(unknown, ["c"]);
  model.hold(conversation({ lastMessage: message(7), lastMessageAt: message(7).createdAt }));
  assert.equal(model.conversations.peek("c").lastMessage.content, "newer");
  assert.deepEqual(model.arriving, []);
});

test("an answer never sets back what the feed has brought", () => {
  const { model, take } = begin();
  take("k0", "k1", created(1, 1));
  model.hold(conversation({ subject: "new subject", lastMessage: null, me: { role: "MEMBER", status: "ARCHIVED", unreadCount: 9, readUpTo: 0 } }));
  assert.equal(model.conversations.peek("c").lastMessage.seq, 1);
  assert.equal(model.conversations.peek("c").subject, "new subject");
  assert.equal(model.conversations.peek("c").me.status, "ARCHIVED");
  assert.equal(model.conversations.peek("c").me.unreadCount, 0);
});

test("of two copies of a message the later one stays: a tombstone, then the last edit", () => {
  const { model, take } = begin();
  model.put("c", [message(1, { content: null, isDeleted: true })], true);
  take("k0", "k1", created(1, 1));
  assert.equal(model.messages("c")[0].isDeleted, true);
  take("k1", "k2", created(2, 2));
  model.put("c", [message(2, { content: "second", editedAt: "2026-01-02T00:00:00.000Z" })]);
  take("k2", "k3", event(3, "message.updated", { message: message(2, { content: "first", editedAt: "2026-01-01T10:00:00.000Z" }) }));
  assert.equal(model.messages("c")[1].content, "second");
});

test("an answer quotes what its message says now", () => {
  const { model, take } = begin();
  model.put("c", [message(1), message(2, { replyTo: { id: "m1", seq: 1, sender: null, excerpt: "text 1", isDeleted: false } })], true);
  take("k0", "k1", event(1, "message.updated", { message: message(1, { content: "x".repeat(200), editedAt: "2026-01-02" }) }));
  assert.equal(model.messages("c")[1].replyTo.excerpt.length, 140);
  take("k1", "k2", event(2, "message.deleted", { message: message(1, { content: null, isDeleted: true }) }));
  assert.deepEqual(model.messages("c")[1].replyTo, { id: "m1", seq: 1, sender: null, excerpt: null, isDeleted: true });
});

test("a thread shows the unbroken run up to the newest, and a new first page forgets what is older", () => {
  const { model } = begin();
  const shown = () => model.messages("c").map(({ seq }) => seq);
  model.put("c", [message(1), message(2)]);
  model.put("c", [message(5), message(6)]);
  assert.deepEqual(shown(), [5, 6]);
  model.put("c", [message(3), message(4)]);
  assert.deepEqual(shown(), [1, 2, 3, 4, 5, 6]);
  model.put("c", [message(5), message(6)], true);
  assert.deepEqual(shown(), [5, 6]);
});

test("members come, change and go, and are counted", () => {
  const { model, take } = begin({ conversations: [conversation({ type: "GROUP" })] });
  take("k0", "k1", event(1, "member.joined", { member: member("third") }), event(2, "member.updated", { member: member("third", { role: "ADMIN" }) }));
  const group = model.conversations.peek("c");
  assert.equal(group.memberCount, 3);
  assert.equal(group.members.find(({ user }) => user.id === "third").role, "ADMIN");
  take("k2", "k3", event(3, "member.left", { member: member("other") }));
  assert.deepEqual(group.members.map(({ user }) => user.id), ["me", "third"]);
  assert.equal(group.memberCount, 2);
  take("k3", "k4", event(4, "member.left", { member: member("me") }));
  assert.equal(model.conversations.peek("c"), null);
});

test("receipts move horizons forward only; writing is reading", () => {
  const { model, take } = begin();
  const horizons = () => model.conversations.peek("c").members.map(({ readUpTo, deliveredUpTo }) => [readUpTo, deliveredUpTo]);
  take("k0", "k2", created(1, 1), created(2, 2));
  assert.deepEqual(horizons(), [[0, 0], [2, 2]]);
  take("k2", "k3", event(3, "receipt.read", { receipt: { conversationId: "c", userId: "me", readUpTo: 2, readAt: "2026-01-02" } }));
  take("k3", "k4", event(4, "receipt.delivered", { receipt: { conversationId: "c", userId: "me", deliveredUpTo: 1 } }));
  take("k4", "k5", event(5, "receipt.read", { receipt: { conversationId: "c", userId: "me", readUpTo: 1 } }));
  assert.deepEqual(horizons(), [[2, 2], [2, 2]]);
  assert.equal(model.conversations.peek("c").me.readUpTo, 2);
});

test("a new name stands everywhere at once, and nowhere else", () => {
  const { model, take } = begin();
  const metadata = { id: "other", name: "a host's own" };
  model.put("c", [message(1, { metadata, replyTo: { id: "m0", seq: 0, sender: { id: "other", name: "OLD", imageUrl: null, role: null }, excerpt: "x", isDeleted: false } })], true);
  take("k0", "k1", event(1, "user.updated", { user: { id: "other", name: "New", imageUrl: null, role: null } }));
  const [one] = model.messages("c");
  assert.equal(one.sender.name, "New");
  assert.equal(one.replyTo.sender.name, "New");
  assert.equal(model.conversations.peek("c").members[1].user.name, "New");
  assert.equal(model.conversations.peek("c").members[0].user.name, "ME");
  assert.equal(one.metadata.name, "a host's own");
});

const gone = { id: "other", name: null, imageUrl: null, role: null, isDeleted: true };

test("of who was erased nothing is kept that they said, nor what quotes them or names them", () => {
  const { model, take } = begin();
  const quote = { id: "m1", seq: 1, sender: { id: "other", name: "OTHER", imageUrl: null, role: null }, excerpt: "text 1", isDeleted: false };
  const mine = { id: "me", name: "ME", imageUrl: null, role: null };
  const file = [{ url: "https://x.example/secret.pdf", type: "application/pdf", fileName: "secret.pdf" }];
  take("k0", "k5", created(1, 1, { attachments: file, metadata: { k: "text 9" }, clientMessageId: "text 9" }), created(2, 2, { sender: mine, content: "mine", replyTo: quote }),
    created(3, 3, { type: "SYSTEM", sender: null, content: "OTHER joined, a text", notice: { type: "JOINED", actorId: null, subject: null, userIds: ["other"] } }), created(4, 4),
    created(5, 5, { sender: mine, content: "yours", replyTo: { id: "m3", seq: 3, sender: null, excerpt: "OTHER joined, a text", isDeleted: false } }));
  model.conversations.peek("c").members[1].readAt = "2026-01-01T00:00:00.000Z";
  take("k5", "k6", event(6, "user.updated", { user: gone }));
  const text = JSON.stringify([model.messages("c"), model.conversations.all]);
  assert.doesNotMatch(text, /text \d|a text|secret|OTHER/);
  const [first, answer, , last, toNotice] = model.messages("c");
  assert.deepEqual([first, answer, last].map((one) => [one.isDeleted, one.content]), [[true, null], [false, "mine"], [true, null]]);
  assert.deepEqual([answer.replyTo.isDeleted, answer.replyTo.excerpt], [true, null]);
  assert.deepEqual([toNotice.replyTo.isDeleted, toNotice.replyTo.excerpt], [false, null]);
  const { members } = model.conversations.peek("c");
  assert.deepEqual(members[1].user, gone);
  assert.equal(members[1].readAt, null);
});

test("of who was erased the newest message is not told either", () => {
  const { model, take } = begin();
  take("k0", "k1", created(1, 1));
  take("k1", "k2", event(2, "user.updated", { user: gone }));
  assert.deepEqual([model.conversations.peek("c").lastMessage.isDeleted, model.conversations.peek("c").lastMessage.content], [true, null]);
});

test("who comes back under an erased id is a new person, whose words stay while the old ones are told of", () => {
  const { model, take } = begin();
  const late = { sender: { id: "other", name: "Anew", imageUrl: null, role: null }, createdAt: "2026-01-02T00:00:00.000Z" };
  model.put("c", [message(1), message(2, late)], true);
  take("k0", "k1", event(1, "user.updated", { user: gone }));
  take("k1", "k2", event(2, "user.updated", { user: late.sender }));
  const [old, fresh] = model.messages("c");
  assert.deepEqual([old.isDeleted, fresh.isDeleted, fresh.content], [true, false, "text 2"]);
  assert.deepEqual(fresh.sender, late.sender);
  assert.deepEqual([old.sender, model.conversations.peek("c").members[1].user], [gone, gone]);
});

test("a pair stays two people's when the other's account is gone, and a group has one less", () => {
  const { model, take } = begin({ conversations: [conversation(), conversation({ id: "g", type: "GROUP" })] });
  take("k0", "k2", event(1, "member.left", { member: { ...member("other"), user: gone } }), event(2, "member.left", { member: { ...member("other"), user: gone } }, "g"));
  assert.deepEqual(["c", "g"].map((id) => model.conversations.peek(id).memberCount), [2, 1]);
});

test("unread is the service's own count, and what does not add up is noticed", () => {
  const { model } = begin();
  assert.equal(model.count({ total: 2, changed: [{ id: "c", unreadCount: 2 }] }), true);
  assert.equal(model.unreadOf("c"), 2);
  assert.equal(model.conversations.peek("c").me.unreadCount, 2);
  assert.equal(model.count({ total: 5, changed: [] }), false);
  assert.equal(model.count({ total: 5, changed: [{ id: "d", unreadCount: 5 }], isAll: true }), true);
  assert.equal(model.unreadOf("c"), 0);
});

test("what is archived is out of the way until somebody writes", () => {
  const { model, take } = begin();
  take("k0", "k1", event(1, "conversation.updated", { conversation: conversation(), status: "ARCHIVED" }));
  assert.equal(model.conversations.peek("c").me.status, "ARCHIVED");
  take("k1", "k2", created(2, 1));
  assert.equal(model.conversations.peek("c").me.status, "ACTIVE");
  assert.equal(model.conversations.peek("c").lastMessageAt, message(1).createdAt);
});

test("how far a message of one's own has come is judged by all who were there", () => {
  const own = message(5, { sender: { id: "me" } });
  const among = (...members) => conversation({ members: [member("me"), ...members], memberCount: members.length + 1 });
  assert.equal(statusOf(own, among(member("a")), "me"), "SENT");
  assert.equal(statusOf(own, among(member("a", { deliveredUpTo: 5 })), "me"), "DELIVERED");
  assert.equal(statusOf(own, among(member("a", { readUpTo: 4, deliveredUpTo: 5 })), "me"), "DELIVERED");
  assert.equal(statusOf(own, among(member("a", { readUpTo: 5, deliveredUpTo: 5 })), "me"), "READ");
  assert.equal(statusOf(own, among(member("a", { readUpTo: 5 }), member("b")), "me"), "SENT");
  assert.equal(statusOf(own, among(member("a", { readUpTo: 5, deliveredUpTo: 5 }), member("b", { deliveredUpTo: 6 })), "me"), "DELIVERED");
  assert.equal(statusOf(own, among(member("a", { readUpTo: 5 }), member("late", { joinedAt: "2026-02-01T00:00:00.000Z" })), "me"), "READ");
  assert.equal(statusOf({ ...own, status: "DELIVERED" }, among(member("a")), "me"), "DELIVERED");
  assert.equal(statusOf(own, { ...among(member("a", { readUpTo: 5 })), memberCount: 21 }, "me"), "SENT");
  assert.equal(statusOf(own, among(), "me"), "SENT");
});

test("of a thread that nobody has opened, the newest 50 messages are kept; of one that somebody reads, all", async () => {
  const calls = [], call = async (method, path) => { calls.push(path); return { items: [] }; };
  const model = makeModel({ call }, { of: () => [] }, { get() {}, put() {} }, () => {}, () => {}, () => {});
  model.adopt(known({ conversations: [conversation(), conversation({ id: "d" })], last: [] }));
  await model.thread("d").load();
  for (const id of ["c", "d"]) {
    for (let seq = 1; seq <= 120; seq++) [...model.take({ from: model.cursor, cursor: `${id}${seq}`, events: [{ ...created(seq, seq, { conversationId: id }), cursor: `${id}${seq}` }] })];
  }
  assert.deepEqual(kept(model.messages("c")), Array.from({ length: 50 }, (_, n) => n + 71));
  assert.equal(model.messages("d").length, 120);
});

test("a thread of any length is shown", () => {
  const { model } = begin();
  model.threads.set("c", { isLoaded: true });
  model.put("c", Array.from({ length: 150_000 }, (_, n) => message(n + 1)));
  assert.equal(model.messages("c").length, 150_000);
});

test("what was told is not told again, though a snapshot lies before it; nor is it forgotten to apply it", () => {
  const { model, take } = begin();
  take("k0", "k2", created(1, 1), created(2, 2));
  model.adopt(known({ last: [["c", 1]] }));
  assert.deepEqual(take("k0", "k3", created(2, 2), created(3, 3)), ["k3"]);
  assert.equal(model.conversations.peek("c").lastMessage.seq, 3);
  // Another person's events are others, whatever their cursors.
  model.adopt(known({ me: { id: "you" }, last: [["c", 1]] }));
  assert.deepEqual(take("k0", "k2", created(2, 2)), ["k2"]);
});

test("what is being fetched is known to whoever is told everything", () => {
  const { model, take } = begin({ conversations: [], last: [] });
  take("k0", "k1", created(1, 7));
  const other = begin(model.knowledge).model;
  assert.deepEqual(other.arriving, ["c"]);
  other.hold(conversation());
  assert.equal(other.conversations.peek("c").lastMessage.seq, 7);
});

test("that one types is said at once, in a page just loaded, and whatever the clock does", async (t) => {
  const said = [], call = async (method, path, body) => { said.push(body.isTyping); };
  const model = makeModel({ call }, {}, {}, () => {}, () => {}, () => {}), thread = model.thread("c"), after = clock(t);
  await thread.typing(true);
  await after(1000);
  await thread.typing(true);
  assert.deepEqual(said, [true]);
  after.set(-3_600_000);
  await after(3000);
  await thread.typing(true);
  await thread.typing(false);
  await thread.typing(false);
  assert.deepEqual(said, [true, true, false]);
});
