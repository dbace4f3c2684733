// Tokens and requests: when one is asked for, what is tried again, what ends.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Refusal, Unreachable, backOff, makeHttp, passes, pause } from "../../web/client/http.js";
import { clock, json, never, problem, serve, settle, token } from "./support.js";

const bearer = (request) => request.headers.Authorization.slice("Bearer ".length);

test("the token is asked for once, and stands in a header alone", async (t) => {
  clock(t);
  const reasons = [];
  const asked = serve(t, () => json({ fine: true }));
  const good = token();
  const http = makeHttp({ url: "/causerie/", getToken: async ({ reason }) => { reasons.push(reason); return good; }, language: "fr" }, () => {});
  await Promise.all([http.call("GET", "/v1/me"), http.call("GET", "/v1/me"), http.call("POST", "/v1/x", { a: 1 })]);
  assert.deepEqual(reasons, ["start"]);
  assert.deepEqual(asked.map(bearer), [good, good, good]);
  assert.equal(asked[0].path, "/causerie/v1/me");
  assert.equal(asked[0].headers["Accept-Language"], "fr");
  assert.ok(!asked.some(({ path }) => path.includes(good)));
});

test("a new token is asked for before the old one ends", async (t) => {
  const after = clock(t), reasons = [];
  serve(t, () => json({}));
  const http = makeHttp({ getToken: ({ reason }) => { reasons.push(reason); return token({ exp: Date.now() / 1000 + 300 }); } }, () => {});
  await http.call("GET", "/");
  await after(230_000);
  await http.call("GET", "/");
  assert.deepEqual(reasons, ["start"]);
  await after(20_000);
  await http.call("GET", "/");
  assert.deepEqual(reasons, ["start", "expiring"]);
});

test("a clock that is wrong by hours does not make it ask at every request", async (t) => {
  clock(t);
  const reasons = [];
  serve(t, () => json({}));
  const http = makeHttp({ getToken: ({ reason }) => { reasons.push(reason); return token({ exp: 1000 }); } }, () => {});
  for (let n = 0; n < 5; n++) await http.call("GET", "/");
  assert.deepEqual(reasons, ["start"]);
});

test("while the next token does not come, the old one is used until it ends, and asked again meanwhile", async (t) => {
  const after = clock(t), reasons = [];
  const asked = serve(t, () => json({})), first = token({ exp: Date.now() / 1000 + 300 });
  let fails = () => { throw new Error("offline"); };
  const http = makeHttp({ getToken: ({ reason }) => { reasons.push(reason); return reasons.length === 1 ? first : fails(); } }, () => {});
  await http.call("GET", "/");
  await after(241_000);
  for (let second = 241; second < 299; second++) {
    await http.call("GET", "/");
    await after(1000);
  }
  assert.ok(asked.every((request) => bearer(request) === first));
  assert.ok(reasons.length > 4 && reasons.length < 14, `asked ${reasons.length} times`);
  await after(12_000);
  await assert.rejects(http.call("GET", "/"), { code: "no-token" });
  fails = () => token({ jti: 2 });
  await http.call("GET", "/");
  assert.notEqual(bearer(asked.at(-1)), first);
});

test("nobody waits for the next token while the old one is good", async (t) => {
  const after = clock(t);
  let times = 0;
  serve(t, () => json({ fine: true }));
  const http = makeHttp({ getToken: () => (times++ ? new Promise(() => {}) : token({ exp: Date.now() / 1000 + 300 })) }, () => {});
  await http.call("GET", "/");
  await after(250_000);
  const answer = http.call("GET", "/");
  await after(1);
  assert.deepEqual(await Promise.race([answer, settle()]), { fine: true });
  assert.equal(times, 2);
});

test("whoever is slow to give a token does not use up the request's time", async (t) => {
  const after = clock(t);
  serve(t, () => json({ fine: true }));
  const http = makeHttp({ getToken: () => new Promise((resolve) => setTimeout(resolve, 25_000, token())) }, () => {});
  const answer = http.call("GET", "/");
  answer.catch(() => {});
  await after(26_000);
  assert.deepEqual(await answer, { fine: true });
});

test("after a 401 it asks once, and tries once", async (t) => {
  clock(t);
  const reasons = [];
  let good = token({ jti: 1 });
  const asked = serve(t, (path, request) => (bearer(request) === good ? json({}) : problem(401, "token-expired")));
  const http = makeHttp({ getToken: ({ reason }) => { reasons.push(reason); return good; } }, () => {});
  await http.call("GET", "/");
  const old = good;
  good = token({ jti: 2 });
  await Promise.all([http.call("GET", "/"), http.call("GET", "/")]);
  assert.deepEqual(reasons, ["start", "refused"]);
  assert.deepEqual(asked.map(bearer), [old, old, old, good, good]);
  good = "never";
  await assert.rejects(makeHttp({ getToken: () => old }, () => {}).call("GET", "/"), { status: 401, code: "token-expired" });
});

test("a token that stays the same is signed out once it is refused; so is nobody", async (t) => {
  clock(t);
  serve(t, () => problem(401, "token-expired"));
  await assert.rejects(makeHttp({ token: token() }, () => {}).call("GET", "/"), { code: "signed-out" });
  await assert.rejects(makeHttp({ getToken: () => null }, () => {}).call("GET", "/"), { code: "signed-out" });
});

test("another person's token is not used", async (t) => {
  clock(t);
  let who = "me", others = 0;
  const asked = serve(t, () => problem(401, "token-expired"));
  const http = makeHttp({ getToken: () => token({ sub: who }) }, () => { others++; });
  assert.equal(await http.who(), JSON.stringify(["default", "me"]));
  who = "somebody";
  await assert.rejects(http.call("GET", "/"), { code: "signed-out" });
  assert.equal(others, 1);
  assert.equal(asked.length, 1);
});

test("a refusal says what the problem says", async (t) => {
  serve(t, () => problem(422, "invalid-body", { detail: "Trop long.", errors: [{ pointer: "/content", code: "too-long" }] }));
  const http = makeHttp({ token: token() }, () => {});
  await assert.rejects(http.call("POST", "/", {}), (error) => {
    assert.ok(error instanceof Refusal);
    assert.deepEqual([error.status, error.code, error.message, error.errors[0].pointer], [422, "invalid-body", "Trop long.", "/content"]);
    return true;
  });
});

test("no answer, an answer that never ends, and a proxy's page are all unreachable", async (t) => {
  const after = clock(t);
  const answers = [() => { throw new TypeError("failed to fetch"); }, (request) => never(request), () => new Response("<h1>Welcome to our Wi-Fi</h1>")];
  serve(t, (path, request) => answers.shift()(request));
  const http = makeHttp({ token: token() }, () => {});
  await assert.rejects(http.call("GET", "/"), Unreachable);
  const late = assert.rejects(http.call("GET", "/"), Unreachable);
  await after(21_000);
  await late;
  await assert.rejects(http.call("GET", "/"), Unreachable);
});

test("what may pass is told from what may not", () => {
  const refusal = (status, code) => new Refusal(status, code ? { code } : null);
  for (const error of [new Unreachable(), refusal(503, "unavailable"), refusal(500, "internal"), refusal(429, "overloaded"), refusal(502), refusal(404), refusal(403), refusal(401, "token-expired")]) assert.ok(passes(error), `${error.status} ${error.code}`);
  for (const error of [refusal(404, "not-found"), refusal(403, "forbidden"), refusal(409, "conversation-closed"), refusal(413), refusal(422, "invalid-body")]) assert.ok(!passes(error), `${error.status} ${error.code}`);
});

test("the back-off is full jitter up to half a minute, and never sooner than was asked", () => {
  const most = (failures) => Math.max(...Array.from({ length: 2000 }, () => backOff(failures)));
  const bounds = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
  bounds.forEach((bound, failures) => {
    const highest = most(failures);
    assert.ok(highest <= bound && highest > bound * 0.95, `${highest} after ${failures}`);
  });
  assert.ok(most(2000) <= 30_000);
  assert.ok(Math.min(...Array.from({ length: 2000 }, () => backOff(5))) < 500);
  for (let n = 0; n < 200; n++) assert.ok(backOff(0, 7000) >= 7000 && backOff(0, 7000) <= 8000);
});

test("Retry-After is read from the header where the problem does not say it", async (t) => {
  serve(t, () => new Response("", { status: 503, headers: { "Retry-After": "7" } }));
  await assert.rejects(makeHttp({ token: token() }, () => {}).call("GET", "/"), { retryAfterMs: 7000, code: "" });
  await settle();
});

test("a getToken that never answers is given up", async (t) => {
  const after = clock(t);
  serve(t, () => json({}));
  let answers = false;
  const http = makeHttp({ getToken: () => (answers ? token() : new Promise(() => {})) }, () => {});
  const late = assert.rejects(http.call("GET", "/"), Unreachable);
  await after(31_000);
  await late;
  answers = true;
  assert.deepEqual(await http.call("GET", "/"), {});
});

test("a page that is looked at again does not come back sooner than was asked", async (t) => {
  const target = new EventTarget(), after = clock(t);
  globalThis.addEventListener = target.addEventListener.bind(target);
  t.after(() => { delete globalThis.addEventListener; });
  let isOver = false;
  pause(30_000, undefined, 20_000).then(() => { isOver = true; });
  await after(10_000);
  target.dispatchEvent(new Event("visibilitychange"));
  await after(1);
  assert.equal(isOver, false);
  await after(11_000);
  target.dispatchEvent(new Event("visibilitychange"));
  await after(1);
  assert.equal(isOver, true);
});

test("a clock that is set right makes no wait longer", async (t) => {
  const target = new EventTarget(), after = clock(t);
  globalThis.addEventListener = target.addEventListener.bind(target);
  t.after(() => { delete globalThis.addEventListener; });
  let isOver = false;
  pause(600_000, undefined, 20_000).then(() => { isOver = true; });
  after.set(-3_600_000);
  await after(21_000);
  target.dispatchEvent(new Event("visibilitychange"));
  await after(1);
  assert.equal(isOver, true);
});
