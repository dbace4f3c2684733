// What was written is sent in order, once, or said to have failed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeHttp } from "../../web/client/http.js";
import { makeOutbox } from "../../web/client/tabs.js";
import { clock, json, message, problem, serve, settle, token } from "./support.js";

/** What survives a reload. */
const shelf = (kept = new Map()) => ({
  kept,
  get: async (key) => kept.get(key),
  all: async (prefix) => [...kept.entries()].filter(([key]) => key.startsWith(prefix)).map(([, value]) => value),
  put: async (key, value) => { value ? kept.set(key, structuredClone(value)) : kept.delete(key); },
});

/** A page that leads, over a shelf. */
const begin = (cache, isLeading = true) => {
  const said = [], outbox = makeOutbox(makeHttp({ token: token() }, () => {}), cache, (name, news) => {
    if (name === "draft") outbox.put(news);
    if (name === "said") {
      said.push(news.content);
      outbox.drop(news.clientMessageId);
    }
  });
  outbox.isLeading = isLeading;
  return { outbox, said };
};

const stored = ({ body }) => json(message(1, { ...body, sender: { id: "me" } }), 201);
const contents = (asked) => asked.map(({ body }) => body.content);

test("messages go one after the other, in the order of writing", async (t) => {
  const after = clock(t);
  let open = 0, most = 0;
  const asked = serve(t, async (path, request) => {
    most = Math.max(most, ++open);
    await new Promise((resolve) => setTimeout(resolve, request.body.content === "a" ? 900 : 10));
    open--;
    return stored(request);
  });
  const { outbox, said } = begin(shelf());
  for (const content of ["a", "b", "c", "d"]) outbox.add("c", { content });
  assert.deepEqual(outbox.of("c").map((draft) => draft.content), ["a", "b", "c", "d"]);
  await after(3000);
  assert.deepEqual(contents(asked), ["a", "b", "c", "d"]);
  assert.deepEqual(said, ["a", "b", "c", "d"]);
  assert.equal(most, 1);
  assert.equal(outbox.all.length, 0);
});

test("conversations do not wait for each other", async (t) => {
  const after = clock(t);
  const asked = serve(t, (path, request) => (path.includes("/slow/") ? new Promise(() => {}) : stored(request)));
  const { outbox } = begin(shelf());
  outbox.add("slow", { content: "a" });
  outbox.add("quick", { content: "b" });
  await after(500);
  assert.equal(asked.length, 2);
  assert.equal(outbox.of("quick").length, 0);
});

test("what was written in one instant is kept in order", async (t) => {
  clock(t);
  const cache = shelf(), { outbox } = begin(cache, false);
  for (let n = 0; n < 20; n++) outbox.add("c", { content: `${n}` });
  await settle();
  const inOrder = [...cache.kept.keys()].sort().map((key) => cache.kept.get(key).content);
  assert.deepEqual(inOrder, Array.from({ length: 20 }, (_, n) => `${n}`));
});

test("what passes is tried again with the same id, and nothing overtakes it", async (t) => {
  const after = clock(t), answers = [
    () => { throw new TypeError("offline"); }, () => problem(503, "overloaded"), () => problem(429, "overloaded", { retryAfterMs: 4000 }),
    () => new Response("<h1>502</h1>", { status: 502 }), () => new Response("<h1>Wi-Fi</h1>"), () => json({ unexpected: true }),
  ];
  const asked = serve(t, (path, request) => (answers.shift() ?? (() => stored(request)))());
  const { outbox, said } = begin(shelf());
  outbox.add("c", { content: "a" });
  outbox.add("c", { content: "b" });
  await after(90_000);
  assert.deepEqual(contents(asked), ["a", "a", "a", "a", "a", "a", "a", "b"]);
  assert.equal(new Set(asked.slice(0, 7).map(({ body }) => body.clientMessageId)).size, 1);
  assert.ok(asked[3].at - asked[2].at >= 4000);
  assert.deepEqual(said, ["a", "b"]);
});

test("what does not pass is failed with its problem, and lets the next one by", async (t) => {
  const after = clock(t);
  let refuses = true;
  const asked = serve(t, (path, request) => (refuses && request.body.content === "a" ? problem(422, "invalid-body", { errors: [{ pointer: "/content" }] }) : stored(request)));
  const cache = shelf(), { outbox, said } = begin(cache);
  const draft = outbox.add("c", { content: "a" });
  outbox.add("c", { content: "b" });
  await after(2000);
  assert.deepEqual(said, ["b"]);
  assert.equal(outbox.of("c")[0].draft, "failed");
  assert.equal(outbox.of("c")[0].problem.code, "invalid-body");
  assert.equal(cache.kept.get(`draft/${draft.clientMessageId}`).draft, "failed");
  await after(60_000);
  assert.equal(asked.length, 2);
  refuses = false;
  outbox.retry(draft.clientMessageId);
  await after(2000);
  assert.deepEqual(said, ["b", "a"]);
  assert.equal(asked[2].body.clientMessageId, draft.clientMessageId);
  assert.equal(cache.kept.size, 0);
});

test("a reload keeps what was not acknowledged: same ids, same order, once each", async (t) => {
  const after = clock(t), kept = new Map(), service = new Map();
  let answersReach = false;
  const asked = serve(t, (path, request) => {
    service.set(request.body.clientMessageId, request.body.content);
    if (!answersReach) throw new TypeError("the answer was lost");
    return stored(request);
  });
  const before = begin(shelf(kept)).outbox;
  before.add("c", { content: "a" });
  await settle();
  before.add("c", { content: "b" });
  await after(5);
  before.isLeading = false;
  assert.equal(kept.size, 2);
  answersReach = true;
  const { outbox, said } = begin(shelf(kept));
  for (const draft of await shelf(kept).all("draft/")) outbox.put(draft);
  await after(60_000);
  assert.deepEqual(said, ["a", "b"]);
  assert.deepEqual([...service.values()], ["a", "b"]);
  assert.equal(new Set(asked.filter(({ body }) => body.content === "a").map(({ body }) => body.clientMessageId)).size, 1);
  assert.equal(kept.size, 0);
});

test("only the tab that leads sends", async (t) => {
  const after = clock(t), asked = serve(t, (path, request) => stored(request));
  const { outbox } = begin(shelf(), false);
  outbox.add("c", { content: "a" });
  await after(5000);
  assert.equal(asked.length, 0);
  outbox.isLeading = true;
  outbox.send("c");
  await after(100);
  assert.equal(asked.length, 1);
});

test("what is discarded while it waits is not sent", async (t) => {
  const after = clock(t);
  let isOnline = false;
  const asked = serve(t, (path, request) => { if (!isOnline) throw new TypeError("offline"); return stored(request); });
  const { outbox, said } = begin(shelf());
  const draft = outbox.add("c", { content: "a" });
  await settle();
  outbox.drop(draft.clientMessageId);
  isOnline = true;
  outbox.add("c", { content: "b" });
  await after(30_000);
  assert.deepEqual(said, ["b"]);
  assert.equal(asked.filter(({ body }) => body.content === "a").length, 1);
});

test("what the feed tells first is settled, and shown as failed by nobody", async (t) => {
  const after = clock(t);
  const asked = serve(t, async (path, request) => {
    // The feed is quicker than a lost answer.
    outbox.drop(request.body.clientMessageId);
    throw new TypeError("reset");
  });
  const cache = shelf(), { outbox } = begin(cache);
  outbox.add("c", { content: "a" });
  await after(30_000);
  assert.equal(asked.length, 1);
  assert.deepEqual(outbox.all, []);
  assert.equal(cache.kept.size, 0);
});

test("what is settled while it is being kept is not told, kept or sent again", async (t) => {
  const after = clock(t), asked = serve(t, (path, request) => stored(request));
  const cache = shelf(), put = cache.put, waiting = [];
  const { outbox, said } = begin(cache);
  // A slow disk.
  cache.put = async (key, value) => { if (value) await new Promise((resolve) => { waiting.push(resolve); }); return put(key, value); };
  outbox.add("c", { content: "a" });
  outbox.send("c");
  await after(100);
  assert.deepEqual(said, ["a"]);
  for (const go of waiting) go();
  await after(5000);
  assert.deepEqual([said, outbox.all, contents(asked)], [["a"], [], ["a"]]);
});

test("what was being kept at a sign-out is told to nobody", async (t) => {
  clock(t);
  const cache = shelf(), { outbox } = begin(cache, false);
  let go = () => {};
  cache.put = () => new Promise((resolve) => { go = resolve; });
  outbox.add("c", { content: "a" });
  outbox.forget();
  go();
  await settle();
  assert.deepEqual(outbox.all, []);
});

test("what a tab tells late of a draft that is settled, or discarded, is nothing", async (t) => {
  const after = clock(t), asked = serve(t, (path, request) => stored(request));
  const { outbox } = begin(shelf());
  const draft = outbox.add("c", { content: "a" });
  await after(1000);
  outbox.put({ ...draft, draft: "queued" });
  await after(1000);
  assert.deepEqual([outbox.all, contents(asked)], [[], ["a"]]);
});

test("drafts stay in order though the clock was set back between two visits", async (t) => {
  const after = clock(t), kept = new Map(), before = begin(shelf(kept), false).outbox;
  before.add("c", { content: "a" });
  await settle();
  after.set(-3_600_000);
  const { outbox } = begin(shelf(kept), false);
  for (const draft of await shelf(kept).all("draft/")) outbox.put(draft);
  outbox.add("c", { content: "b" });
  await settle();
  assert.deepEqual([...kept.keys()].sort().map((key) => kept.get(key).content), ["a", "b"]);
});
