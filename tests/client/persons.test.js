// Whose page it is: nothing of a person is shown, sent or kept after they have signed out, wherever that was.
import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, ownerOf } from "./browser.js";
import { json, problem, token } from "./support.js";

const nobodys = (id) => ({ cursor: "k0", me: { id, name: id, imageUrl: null, role: null }, conversations: { items: [], hasMore: false }, unread: { total: 0, conversations: 0, changed: [] } });
const nameOf = (who, url = "") => `causerie ${url} ${JSON.stringify(["default", who])} 1`;

/** Into the back-forward cache, and out of it again. */
const leave = (tab) => tab.fire("pagehide", { persisted: true });
const back = (tab) => tab.fire("pageshow", { persisted: true });

test("a page out of the back-forward cache asks whose it is, and goes on where it was", async (t) => {
  const { after, open, service } = begin(t), reasons = [];
  const tab = await open({ getToken: ({ reason }) => { reasons.push(reason); return token(); } });
  await after(1000);
  service.say(1);
  await after(1000);
  leave(tab);
  await after(60_000);
  assert.equal(service.streams.size, 0);
  service.say(2);
  back(tab);
  await after(1000);
  assert.deepEqual(reasons, ["start", "start"]);
  assert.deepEqual(tab.got, ["k1", "k2"]);
  assert.equal(tab.client.state.status, "live");
});

test("a page out of the back-forward cache shows and sends nothing of who is logged in no more", async (t) => {
  const { after, open, service } = begin(t);
  let isGone = false;
  const tab = await open({ getToken: () => (isGone ? null : token()) });
  await after(1000);
  service.refuse = (path, { method }) => (method === "POST" ? problem(503, "unavailable") : null);
  await tab.client.thread("c").load();
  tab.client.thread("c").send({ content: "mine" });
  await after(500);
  leave(tab);
  isGone = true;
  const asked = service.asked.length;
  back(tab);
  await after(60_000);
  assert.equal(tab.client.state.status, "signed-out");
  assert.equal(tab.client.me, null);
  assert.deepEqual([...tab.client.conversations.items, ...tab.client.thread("c").items], []);
  assert.equal(service.asked.length, asked);
});

test("a page out of the back-forward cache is another person's when another is logged in", async (t) => {
  const { after, open, service } = begin(t);
  let who = "me";
  const tab = await open({ getToken: () => token({ sub: who }) });
  await after(1000);
  leave(tab);
  who = "somebody";
  service.snapshot = () => nobodys("somebody");
  const before = service.asked.length;
  back(tab);
  await after(2000);
  assert.equal(tab.client.me.id, "somebody");
  assert.deepEqual(tab.client.conversations.items, []);
  assert.ok(service.asked.slice(before).every((request) => ownerOf(request) === "somebody"));
});

test("a fixed token is dead where its person has signed out meanwhile, in another tab", async (t) => {
  const { after, open, service } = begin(t);
  const first = await open(), second = await open();
  await after(3000);
  leave(first);
  second.client.signOut();
  await after(1000);
  const before = service.asked.length;
  back(first);
  // At once: nothing is painted before.
  assert.equal(first.client.me, null);
  assert.deepEqual(first.client.conversations.items, []);
  await after(10_000);
  assert.equal(first.client.state.status, "signed-out");
  await assert.rejects(first.client.conversations.get("c"), { code: "signed-out" });
  assert.equal(service.asked.length, before);
});

test("what was kept after a sign-out is not deleted by a page that comes back from before it", async (t) => {
  const { browser, after, open, service } = begin(t);
  const options = { getToken: () => token() }, first = await open(options), second = await open(options);
  await after(3000);
  leave(first);
  await second.client.signOut();
  await after(1000);
  second.client.start();
  await after(3000);
  service.refuse = (path, { method }) => (method === "POST" ? problem(503, "unavailable") : null);
  await second.client.thread("c").send({ content: "kept" });
  await after(500);
  back(first);
  await after(3000);
  assert.equal(first.client.state.status, "live");
  assert.ok([...browser.databases.kept.get(nameOf("me")).keys()].some((key) => key.startsWith("draft/")));
});

test("a fixed token is good where nobody has signed out", async (t) => {
  const { after, open, service } = begin(t);
  const tab = await open();
  await after(1000);
  leave(tab);
  await after(1000);
  service.say(1);
  back(tab);
  await after(1000);
  assert.equal(tab.client.state.status, "live");
  assert.deepEqual(tab.got, ["k1"]);
});

test("signing out deletes what is kept of everybody on this service, and of no other", async (t) => {
  const { browser, after, open } = begin(t);
  for (const name of [nameOf("before"), `causerie  ${JSON.stringify(["default", "older"])} 0`, nameOf("me", "/elsewhere"), "the host's own"]) browser.databases.open(name);
  const { client } = await open();
  await after(3000);
  assert.ok(browser.databases.kept.get(nameOf("me")).size);
  await client.signOut();
  await after(5000);
  assert.deepEqual([...browser.databases.kept.keys()], [nameOf("me", "/elsewhere"), "the host's own"]);
});

test("signing out before the token is known deletes what is kept, too", async (t) => {
  const { browser, after, open } = begin(t);
  browser.databases.open(nameOf("me"));
  const { client } = await open({ getToken: () => new Promise(() => {}) });
  client.signOut();
  await after(1000);
  assert.equal(browser.databases.kept.size, 0);
});

test("whoever logs in right after a sign-out keeps what is theirs", async (t) => {
  const { browser, after, open, service } = begin(t);
  let who = "me";
  const { client } = await open({ getToken: () => token({ sub: who }) });
  await after(3000);
  // It takes the browser a while to name them.
  t.mock.method(browser.databases, "databases", async () => {
    await new Promise((resolve) => { setTimeout(resolve, 2000); });
    return [...browser.databases.kept.keys()].map((name) => ({ name }));
  });
  client.signOut();
  who = "somebody";
  service.snapshot = () => nobodys("somebody");
  client.start();
  await after(5000);
  assert.deepEqual([...browser.databases.kept.keys()], [nameOf("somebody")]);
});

test("a token that comes after the sign-out is not used", async (t) => {
  const { after, open, service } = begin(t);
  let give = () => {};
  const { client } = await open({ getToken: () => new Promise((resolve) => { give = resolve; }) });
  const first = give;
  client.signOut();
  client.start();
  await after(100);
  first(token());
  await after(1000);
  assert.equal(service.asked.length, 0);
  give(token({ sub: "somebody" }));
  await after(1000);
  assert.ok(service.asked.length > 0);
  assert.ok(service.asked.every((request) => ownerOf(request) === "somebody"));
});

test("an answer that comes after the sign-out shows nothing", async (t) => {
  const { after, open, service } = begin(t);
  const { client } = await open({ getToken: () => token() });
  await after(1000);
  let answer = () => {};
  service.refuse = (path) => (path.endsWith("/messages?limit=50") ? new Promise((resolve) => { answer = resolve; }) : null);
  const loading = client.thread("c").load();
  await after(100);
  client.signOut();
  answer(json({ items: [{ id: "m1", conversationId: "c", seq: 1, content: "secret", sender: null, createdAt: "" }] }));
  await assert.rejects(loading, { code: "signed-out" });
  assert.deepEqual(client.thread("c").items, []);
});

test("what was being sent at the sign-out is not sent again by the next person", async (t) => {
  const { after, open, service } = begin(t);
  let who = "me", refuse = () => {};
  service.refuse = (path, request) => (request.method === "POST" && path.endsWith("/messages") ? new Promise((resolve) => { refuse = () => resolve(problem(401, "token-expired")); }) : null);
  const { client } = await open({ getToken: () => token({ sub: who }) });
  await after(1000);
  client.thread("c").send({ content: "mine" });
  await after(500);
  who = "somebody";
  client.signOut();
  refuse();
  await after(60_000);
  const sent = service.asked.filter(({ method, path }) => method === "POST" && path.endsWith("/messages"));
  assert.deepEqual(sent.map(ownerOf), ["me"]);
});

test("whoever signs out while events are handed out leaves nothing behind, and the next one starts anew", async (t) => {
  const { after, open, service } = begin(t);
  let who = "me";
  const { client, got } = await open({ getToken: () => token({ sub: who }) });
  client.allow({ stream: false, longPoll: false });
  await after(1000);
  client.on("message.created", () => { client.signOut(); });
  for (let seq = 1; seq <= 3; seq++) service.say(seq);
  await after(5000);
  assert.deepEqual(got, ["k1"]);
  assert.equal(client.state.status, "stopped");
  who = "somebody";
  service.snapshot = () => ({ ...nobodys("somebody"), cursor: "k9" });
  const before = service.asked.length;
  client.start();
  await after(1000);
  assert.equal(service.asked[before].path, "/v1/sync");
  assert.equal(client.me.id, "somebody");
});
