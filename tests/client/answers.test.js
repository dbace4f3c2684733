// What the feed makes of answers: 410, pages from elsewhere, refused steps, ETags.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Broken, makeFeed } from "../../web/client/feed.js";
import { makeHttp } from "../../web/client/http.js";
import { Service, clock, created, json, page, problem, snapshot, stream, token } from "./support.js";
import { begin } from "./feed.js";

const paths = (asked) => asked.map(({ path }) => path.split("?")[0]);

test("410, and resync in a stream, start again from a snapshot and say so", async (t) => {
  const { after, seen, service, feed, asked } = begin(t, null, { stream: false });
  feed.start("kfar");
  service.refuse = (path) => (path.includes("since=kfar") ? problem(410, "cursor-expired") : null);
  await after(3000);
  assert.deepEqual(seen.lost, ["cursor-expired"]);
  assert.equal(seen.syncs, 1);
  feed.ladder.allow({ stream: true });
  service.refuse = (path, request) => {
    if (!path.includes("/stream") || request.headers["Last-Event-ID"] !== "kold") return null;
    const made = stream(request);
    made.frame("resync", { reason: "cursor-expired" }, "k9");
    return made.response;
  };
  feed.start("kold");
  await after(3000);
  assert.deepEqual(seen.lost, ["cursor-expired", "cursor-expired"]);
  assert.equal(seen.syncs, 2);
  assert.equal(paths(asked).filter((path) => path === "/v1/sync").length, 2);
});

test("a page that starts elsewhere than asked is not believed", async (t) => {
  const { after, seen, feed } = begin(t, (path) => {
    const honest = seen.lost.length > 0;
    if (path === "/v1/sync") return json(snapshot(honest ? 5 : 0));
    return json(honest ? page(5, 5) : page(3, 5, [created(4, 1), created(5, 2)]));
  }, { stream: false });
  feed.start(null);
  await after(100);
  assert.equal(seen.lost.length, 1);
  assert.match(seen.lost[0], /a page from k3, not k0/);
  assert.deepEqual(seen.events, []);
  await after(3000);
  assert.equal(seen.syncs, 2);
  assert.equal(seen.lost.length, 1);
});

test("a stream that starts elsewhere than asked is not believed", async (t) => {
  const { after, seen, service, feed } = begin(t);
  service.refuse = (path, request) => {
    if (!path.includes("/stream") || seen.lost.length) return null;
    const made = stream(request);
    made.frame("hello", {}, "k77");
    made.frame("message.created", created(78, 1), "k78");
    return made.response;
  };
  feed.start(null);
  await after(3000);
  assert.equal(seen.lost.length, 1);
  assert.deepEqual(seen.events, []);
  assert.equal(seen.syncs, 2);
});

test("whoever takes a step may refuse it: everything is loaded anew", async (t) => {
  const after = clock(t), service = new Service(t), lost = [];
  let syncs = 0;
  const feed = makeFeed(makeHttp({ token: token() }, () => {}), {
    sync: () => { syncs++; }, lost: (reason) => lost.push(reason), state: () => {},
    step: ({ events }) => { if (events[0]?.data.message.seq === 2 && syncs === 1) throw new Broken("a hole"); },
  });
  t.after(() => feed.stop());
  feed.start(null);
  await after(1000);
  service.say(2);
  await after(3000);
  assert.deepEqual(lost, ["a hole"]);
  assert.equal(syncs, 2);
});

test("a matching ETag is sent, a 304 is counted and paced by its header", async (t) => {
  let asked304 = 0;
  const { after, asked, feed, state } = begin(t, (path, request) => {
    if (path === "/v1/sync") return json(snapshot(0));
    if (request.headers["If-None-Match"] === 'W/"a"') {
      asked304++;
      return new Response(null, { status: 304, headers: { ETag: 'W/"a"', "X-Poll-Interval": "7" } });
    }
    return json(page(0, 0), 200, { ETag: 'W/"a"' });
  }, { stream: false, longPoll: false });
  feed.start(null);
  await after(3500);
  assert.equal(asked304, 1);
  const before = asked.length;
  await after(6000);
  assert.equal(asked.length, before);
  await after(1500);
  assert.equal(asked.length, before + 1);
  assert.equal(state().notModified, 2);
});

test("an ETag is of no use once a stream has told something else", async (t) => {
  let works = false;
  const { after, asked, feed, state } = begin(t, (path, request) => {
    if (path === "/v1/sync") return json(snapshot(0));
    if (!path.includes("/stream")) return json(page(0, 0), 200, { ETag: 'W/"a"' });
    const made = stream(request);
    if (works) {
      made.frame("hello", { heartbeatSeconds: 15 }, "k0");
      made.frame("unread", { total: 5, conversations: 1, changed: [] });
      setTimeout(() => made.cut(), 500);
    }
    return made.response;
  });
  feed.start(null);
  await after(12_000);
  works = true;
  assert.equal(asked.at(-1).headers["If-None-Match"], 'W/"a"');
  await after(80_000);
  const after2 = asked.slice(asked.findLastIndex(({ path }) => path.includes("/stream")) + 1);
  assert.equal(state().transport, "long-poll");
  assert.equal(after2[0].headers["If-None-Match"], undefined);
  assert.equal(after2[1].headers["If-None-Match"], 'W/"a"');
});
