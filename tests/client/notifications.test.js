// What the host tells: counted by the service, listed when it is asked for, the same in all tabs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { begin } from "./browser.js";
import { event, json, problem, snapshot, token } from "./support.js";

const made = (n, more = {}) => ({
  id: `n${n}`, userId: "me", type: "T", title: `title ${n}`, message: null, link: null, createdAt: new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString(),
  deliverAt: null, readAt: null, isDeleted: false, ...more,
});
const AT = "2026-01-02T00:00:00.000Z";

/** The host's notifications of one person, before a service that knows them: pages of two. */
const prepare = (t, count = 0) => {
  const started = begin(t), { service } = started;
  const host = { all: Array.from({ length: count }, (_, n) => made(n + 1)).reverse(), listed: 0, marks: [], answer: null };
  const unread = () => host.all.filter(({ readAt }) => !readAt).length;
  const count_ = () => { for (const one of service.streams) one.frame("unread", { total: 0, conversations: 0, notifications: unread(), changed: [] }); };
  const push = (type, notification, more) => {
    service.push({ ...event(service.head + 1, `notification.${type}`, { notification: { ...notification }, ...more }), conversationId: null });
    count_();
  };
  host.say = (more) => {
    const one = made(host.all.length + 100, more);
    host.all.unshift(one);
    push("created", one);
    return one;
  };
  host.read = (id) => {
    const one = host.all.find((other) => other.id === id);
    one.readAt = AT;
    push("read", one, { andOlder: false });
  };
  host.readAll = () => {
    const [newest] = host.all.filter(({ readAt }) => !readAt);
    for (const one of host.all) one.readAt ??= AT;
    if (newest) push("read", newest, { andOlder: true });
  };
  host.remove = (id) => {
    const one = host.all.find((other) => other.id === id);
    host.all = host.all.filter((other) => other !== one);
    push("deleted", { ...one, title: null, isDeleted: true });
  };
  service.snapshot = () => ({ ...snapshot(service.head), unread: { total: 0, conversations: 0, notifications: unread(), changed: [] } });
  service.refuse = async (path, { method }) => {
    const url = new URL(path, "http://x"), [, id, act] = /^\/v1\/notifications(?:\/([^/]+))?(?:\/(read))?$/.exec(url.pathname) ?? [];
    if (!url.pathname.startsWith("/v1/notifications")) return null;
    if (method === "GET") {
      host.listed++;
      const at = Number(url.searchParams.get("pageToken") ?? 0), items = host.all.slice(at, at + 2).map((one) => ({ ...one })), hasMore = host.all.length > at + 2;
      await host.slow?.();
      return json({ items, hasMore, ...(hasMore && { nextPageToken: String(at + 2) }), unreadCount: unread() });
    }
    host.marks.push(`${method} ${id}${act ? "/read" : ""}`);
    const refusal = await host.answer?.();
    if (refusal) return refusal;
    if (id === "read-all") host.readAll();
    else if (act) host.read(id);
    else host.remove(id);
    return json(null, 204);
  };
  return { ...started, host, count: count_ };
};

const shown = ({ client: { notifications: { items, unreadCount } } }) => [unreadCount, ...items.map(({ id, readAt }) => (readAt ? id : `${id}!`))];

test("the count is there from the start, and the list when it is first used", async (t) => {
  const { after, open, host } = prepare(t, 5);
  const tab = await open(), { notifications } = tab.client;
  await after(1000);
  assert.deepEqual([notifications.unreadCount, notifications.isLoaded, notifications.hasMore, host.listed], [5, false, true, 0]);
  assert.deepEqual(notifications.items, []);
  await after(500);
  assert.deepEqual(shown(tab), [5, "n5!", "n4!"]);
  await Promise.all([notifications.loadMore(), notifications.loadMore()]);
  assert.deepEqual(shown(tab), [5, "n5!", "n4!", "n3!", "n2!"]);
  await notifications.loadMore();
  assert.deepEqual([shown(tab).at(-1), notifications.hasMore, host.listed], ["n1!", false, 3]);
  await notifications.loadMore();
  assert.equal(host.listed, 3);
});

test("in all tabs one is told, read and deleted, and each change is", async (t) => {
  const { after, open, host } = prepare(t, 2);
  const [one, two] = [await open(), await open()], news = [], changes = [];
  await after(1000);
  for (const { client } of [one, two]) await client.notifications.load();
  two.client.on("notification.created", ({ data }) => news.push(data.notification.title));
  two.client.on("notifications", ({ unreadCount }) => changes.push(unreadCount));
  host.say({ title: "new" });
  await after(500);
  for (const tab of [one, two]) assert.deepEqual(shown(tab), [3, "n102!", "n2!", "n1!"]);
  assert.deepEqual(news, ["new"]);
  const marking = one.client.notifications.markAsRead("n2");
  assert.deepEqual(shown(one), [2, "n102!", "n2", "n1!"]);
  await marking;
  await after(500);
  for (const tab of [one, two]) assert.deepEqual(shown(tab), [2, "n102!", "n2", "n1!"]);
  await two.client.notifications.remove("n1");
  await after(500);
  for (const tab of [one, two]) assert.deepEqual(shown(tab), [1, "n102!", "n2"]);
  await one.client.notifications.markAllAsRead();
  await after(500);
  for (const tab of [one, two]) assert.deepEqual(shown(tab), [0, "n102", "n2"]);
  assert.equal(changes.at(-1), 0);
  assert.deepEqual(changes.filter((count, at) => count !== changes[at - 1]), [3, 2, 1, 0]);
  assert.deepEqual(host.marks, ["POST n2/read", "DELETE n1", "POST read-all"]);
  // Known to be read: nothing is asked.
  await one.client.notifications.markAsRead("n2");
  assert.equal(host.marks.length, 3);
});

test("whoever reads all has read what was shown before, and not what came after", async (t) => {
  const { after, open, host } = prepare(t, 6);
  const tab = await open();
  await after(1000);
  await tab.client.notifications.load();
  // Most of them are not held here.
  let go = () => {};
  host.answer = () => new Promise((resolve) => { go = resolve; });
  const marking = tab.client.notifications.markAllAsRead();
  assert.deepEqual(shown(tab), [0, "n6", "n5"]);
  await after(100);
  go();
  await marking;
  assert.equal(tab.client.notifications.unreadCount, 0);
  host.say();
  await after(500);
  assert.deepEqual(shown(tab), [1, "n106!", "n6", "n5"]);
});

test("what comes while all are being read is not read", async (t) => {
  const { after, open, host } = prepare(t, 3);
  const tab = await open();
  await after(1000);
  await tab.client.notifications.load();
  let go = () => {};
  host.answer = () => new Promise((resolve) => { go = () => resolve(problem(503, "unavailable")); });
  const marking = tab.client.notifications.markAllAsRead();
  host.say();
  await after(500);
  assert.deepEqual(shown(tab), [1, "n103!", "n3", "n2"]);
  go();
  await assert.rejects(marking);
  assert.deepEqual(shown(tab), [4, "n103!", "n3!", "n2!"]);
});

test("what the service refuses is as it was", async (t) => {
  const { after, open, host } = prepare(t, 2);
  const tab = await open(), { notifications } = tab.client;
  await after(1000);
  await notifications.load();
  host.answer = () => problem(429, "too-many-sends");
  for (const [act, meanwhile] of [[() => notifications.markAsRead("n2"), [1, "n2", "n1!"]], [() => notifications.markAllAsRead(), [0, "n2", "n1"]], [() => notifications.remove("n2"), [1, "n1!"]]]) {
    const marking = act();
    assert.deepEqual(shown(tab), meanwhile);
    await assert.rejects(marking, { code: "too-many-sends" });
    assert.deepEqual(shown(tab), [2, "n2!", "n1!"]);
  }
  host.answer = () => problem(404, "not-found");
  await notifications.remove("n2");
  assert.deepEqual(shown(tab), [1, "n1!"]);
});

test("what happens while a page is on its way is not undone by it", async (t) => {
  const { after, open, host } = prepare(t, 3);
  const tab = await open();
  await after(1000);
  let go = () => {};
  host.slow = () => new Promise((resolve) => { go = resolve; });
  const loading = tab.client.notifications.load();
  await after(100);
  host.say();
  host.read("n3");
  host.remove("n2");
  await after(500);
  go();
  await loading;
  assert.deepEqual(shown(tab), [2, "n103!", "n3"]);
});

test("after a resync the list and the count are whole again, in every tab", async (t) => {
  const { after, service, open, host } = prepare(t, 2);
  const [one, two] = [await open(), await open()];
  await after(1000);
  for (const { client } of [one, two]) await client.notifications.load();
  // Nobody is told of it.
  host.all.unshift(made(50));
  host.all.find(({ id }) => id === "n2").readAt = AT;
  for (const stream of service.streams) stream.frame("resync", { reason: "cursor-expired" });
  await after(5000);
  for (const tab of [one, two]) {
    assert.deepEqual(tab.resyncs, ["cursor-expired"]);
    assert.deepEqual(shown(tab), [2, "n50!", "n2"]);
  }
});

test("a tab that comes late, or led before, has the same count", async (t) => {
  const { browser, after, open, host, leaders } = prepare(t, 1);
  await open();
  await after(500);
  host.say();
  await after(500);
  const late = await open();
  await after(500);
  assert.equal(late.client.notifications.unreadCount, 2);
  const [leader] = leaders();
  browser.crash(leader);
  leader.client.stop();
  host.say();
  await after(3000);
  assert.equal(late.client.notifications.unreadCount, 3);
});

test("nothing of a person is left after the sign-out, nor does a late answer bring it back", async (t) => {
  const { after, service, open, host } = prepare(t, 3);
  let who = "me";
  const [one, two] = [await open({ getToken: () => token({ sub: who }) }), await open({ getToken: () => token({ sub: who }) })];
  await after(1000);
  await one.client.notifications.load();
  const held = [];
  host.slow = host.answer = () => new Promise((resolve) => { held.push(resolve); });
  const late = [two.client.notifications.load(), one.client.notifications.remove("n3")].map((asked) => asked.catch(() => {}));
  await after(100);
  who = "somebody";
  one.client.signOut();
  assert.equal(held.length, 2);
  for (const go of held) go();
  await after(500);
  for (const { client } of [one, two]) assert.deepEqual([client.notifications.items, client.notifications.unreadCount, client.notifications.isLoaded], [[], 0, false]);
  service.snapshot = () => ({ ...snapshot(service.head), me: { id: "somebody", name: "S", imageUrl: null, role: null }, unread: { total: 0, conversations: 0, notifications: 1, changed: [] } });
  [host.slow, host.answer] = [null, null];
  host.all = [made(70, { userId: "somebody" })];
  for (const { client } of [one, two]) client.start();
  await after(1000);
  await Promise.all(late);
  for (const tab of [one, two]) {
    await tab.client.notifications.load();
    assert.deepEqual(shown(tab), [1, "n70!"]);
  }
});

test("of those that were shown in one instant, what came after the newest that is read is not read", async (t) => {
  const { after, service, open, host } = prepare(t);
  const tab = await open(), createdAt = AT;
  await after(1000);
  await tab.client.notifications.load();
  const older = host.say({ id: "older", createdAt }), newer = host.say({ id: "newer", createdAt });
  await after(500);
  older.readAt = AT;
  service.push({ ...event(service.head + 1, "notification.read", { notification: { ...older }, andOlder: true }), conversationId: null });
  await after(500);
  assert.deepEqual(shown(tab), [1, `${newer.id}!`, "older"]);
});
