// Who is logged in: nobody, somebody else, the same one again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Causerie } from "../../web/client.js";
import { begin, ownerOf } from "./browser.js";
import { conversation, event, json, message, problem, token } from "./support.js";

test("nobody logged in is said, and nothing is asked", async (t) => {
  const { after, service } = begin(t);
  const client = new Causerie({ getToken: () => null });
  client.start();
  await after(5000);
  assert.equal(client.state.status, "signed-out");
  assert.equal(service.asked.length, 0);
  client.stop();
});

test("what is no token at all is told, and asked for again", async (t) => {
  const { after, service } = begin(t);
  const client = new Causerie({ getToken: () => "no token" });
  client.start();
  await after(3000);
  assert.equal(client.state.status, "waiting");
  assert.equal(service.asked.length, 0);
  client.stop();
});

test("where getToken does not answer, it is asked again", async (t) => {
  const { after, service } = begin(t);
  let times = 0;
  const client = new Causerie({ getToken: () => { if (++times < 4) throw new Error("offline"); return token(); } });
  client.start();
  await after(10_000);
  assert.equal(client.state.status, "live");
  assert.equal(times, 4);
  assert.equal(service.streams.size, 1);
  client.stop();
});

test("when somebody else is logged in, nothing of the first person stays", async (t) => {
  const { after, service } = begin(t);
  let who = "me";
  const client = new Causerie({ getToken: () => token({ sub: who, jti: Math.random() }) });
  client.start();
  await after(1000);
  assert.equal(client.me.id, "me");
  who = "somebody";
  service.refuse = (path, request) => (Buffer.from(request.headers.Authorization.split(".")[1], "base64url").includes(`"${who}"`) ? null : problem(401, "token-expired"));
  service.snapshot = () => ({ cursor: "k0", me: { id: "somebody", name: "S", imageUrl: null, role: null }, conversations: { items: [], hasMore: false }, unread: { total: 0, conversations: 0, changed: [] } });
  for (const one of service.streams) one.cut();
  service.streams.clear();
  await after(5000);
  assert.equal(client.me.id, "somebody");
  assert.deepEqual(client.conversations.items, []);
  client.stop();
});

test("a listener that throws disturbs nobody", async (t) => {
  const { after, open, service } = begin(t);
  const { client, got } = await open();
  client.on("event", () => { throw new Error("mine"); });
  await after(1000);
  service.push(event(1, "message.created", { message: message(1) }));
  service.push(event(2, "message.created", { message: message(2) }));
  await after(1000);
  assert.deepEqual(got, ["k1", "k2"]);
});

test("where getToken failed at first, lock and channel are still that person's own", async (t) => {
  const { browser, after } = begin(t);
  let times = 0;
  const client = new Causerie({ getToken: () => { if (++times < 2) throw new Error("offline"); return token(); } });
  client.start();
  await after(5000);
  const names = [...browser.channels].map(({ name }) => name);
  assert.equal(names.length, 1);
  assert.match(names[0], /"me"/);
  client.stop();
});

test("what one person has written, no other sends", async (t) => {
  const { after, service } = begin(t), sent = [];
  let who = "me";
  service.refuse = (path, request) => {
    if (ownerOf(request) !== who) return problem(401, "token-expired");
    if (request.method !== "POST" || !path.endsWith("/messages")) return null;
    sent.push(who);
    return problem(503, "unavailable");
  };
  const client = new Causerie({ getToken: () => token({ sub: who, jti: Math.random() }) });
  client.start();
  await after(1000);
  client.thread("c").send({ content: "mine" });
  await after(1000);
  who = "somebody";
  service.snapshot = () => ({ cursor: "k0", me: { id: "somebody", name: "S", imageUrl: null, role: null }, conversations: { items: [], hasMore: false }, unread: { total: 0, conversations: 0, changed: [] } });
  for (const one of service.streams) one.cut();
  service.streams.clear();
  await after(60_000);
  assert.equal(client.me.id, "somebody");
  assert.ok(sent.includes("me"));
  assert.ok(!sent.includes("somebody"));
  client.stop();
});

test("whoever signs out with an open thread asks for nothing more", async (t) => {
  const { after, service, open } = begin(t);
  const { client } = await open();
  await after(1000);
  await client.thread("c").load();
  client.signOut();
  const asked = service.asked.length;
  await after(60_000);
  assert.equal(service.asked.length, asked);
  assert.deepEqual(client.thread("c").items, []);
});

test("an id from an address names a conversation or nothing", async (t) => {
  const { after, service, open } = begin(t);
  const { client } = await open();
  await after(1000);
  service.refuse = (path) => (path.startsWith("/v1/conversations/") ? json({ id: "me", name: "Me" }) : null);
  await assert.rejects(client.conversations.get("../me"), { code: "not-found" });
  assert.ok(service.asked.some(({ path }) => path === "/v1/conversations/..%2Fme"));
  assert.equal(client.conversations.peek("me"), null);
});

test("a conversation that is open stays held though a snapshot leaves it out", async (t) => {
  const { after, service, open } = begin(t);
  const { client } = await open();
  await after(1000);
  await client.conversations.get("old");
  await client.thread("old").load();
  service.refuse = (path) => (path.startsWith("/v1/events") ? problem(410, "cursor-expired") : null);
  for (const one of service.streams) one.cut();
  await after(3000);
  service.refuse = () => null;
  await after(30_000);
  assert.equal(client.conversations.peek("old")?.id, "old");
});

test("when somebody else is logged in, every tab becomes theirs", async (t) => {
  const { after, service } = begin(t);
  let who = "me";
  const clients = [1, 2, 3].map(() => new Causerie({ getToken: () => token({ sub: who, jti: Math.random() }) }));
  for (const client of clients) client.start();
  await after(3000);
  who = "somebody";
  service.refuse = (path, request) => (ownerOf(request) === who ? null : problem(401, "token-expired"));
  service.snapshot = () => ({ cursor: "k0", me: { id: "somebody", name: "S", imageUrl: null, role: null }, conversations: { items: [], hasMore: false }, unread: { total: 0, conversations: 0, changed: [] } });
  for (const one of service.streams) one.cut();
  service.streams.clear();
  await after(30_000);
  for (const client of clients) assert.equal(client.me?.id, "somebody");
  for (const client of clients) client.stop();
});

test("whoever was logged out by mistake is back without loading the page anew", async (t) => {
  const { after } = begin(t);
  let isGone = true;
  const client = new Causerie({ getToken: () => (isGone ? null : token()) });
  client.start();
  await after(1000);
  assert.equal(client.state.status, "signed-out");
  isGone = false;
  await after(301_000);
  assert.equal(client.state.status, "live");
  client.stop();
});

test("what something in between refuses again and again is failed, and what follows is sent", async (t) => {
  const { after, service, open } = begin(t);
  const { client } = await open();
  await after(1000);
  service.refuse = (path, { method, body }) => (method === "POST" && path.endsWith("/messages") && body.content === "select" ? new Response("<h1>Blocked</h1>", { status: 403 }) : null);
  const thread = client.thread("c");
  thread.send({ content: "select" });
  thread.send({ content: "after it" });
  await after(180_000);
  assert.deepEqual([...service.sent.values()].map(({ content }) => content), ["after it"]);
  assert.equal(thread.items.find(({ content }) => content === "select").draft, "failed");
});

test("an error amid a page is made good by a snapshot", async (t) => {
  const { after, service, open } = begin(t);
  const { client, resyncs } = await open();
  await after(1000);
  // No receipt at all, where one is promised.
  service.push(event(1, "receipt.read", { receipt: null }));
  await after(20_000);
  assert.equal(resyncs.length, 1);
  assert.equal(client.state.status, "live");
});
