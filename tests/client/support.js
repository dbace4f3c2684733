// A service of a few lines, a browser of a few more: what the client's tests stand on.
import { webcrypto } from "node:crypto";
import { createRequire } from "node:module";
import { tools } from "../../web/pack.mjs";

const timers = createRequire(`${tools}/`)("@sinonjs/fake-timers");
// Node 18 has it under this name alone.
globalThis.crypto ??= webcrypto;

/** Lets everything that is ready happen; timers are the test's own. */
export const settle = async () => { for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve)); };

/** From now on timers and the clocks move only by `after`; `after.set` sets the one on the wall, as the network's time does. */
export const clock = (t) => {
  const fake = timers.install({ now: Date.UTC(2026, 0, 1), toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"] });
  t.after(() => fake.uninstall());
  const after = async (ms) => {
    for (const end = performance.now() + ms; performance.now() < end;) {
      await settle();
      fake.tick(Math.min(100, end - performance.now()));
    }
    await settle();
  };
  let wrong = 0;
  const set = (by) => {
    fake.setSystemTime(Date.now() + by - wrong);
    wrong = by;
  };
  return Object.assign(after, { set });
};

export const token = (claims = {}) => {
  const part = (what) => Buffer.from(JSON.stringify(what)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub: "me", exp: Date.now() / 1000 + 3600, ...claims })}.x`;
};

export const json = (body, status = 200, headers = {}) =>
  new Response(body === null ? null : JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });

export const problem = (status, code, more = {}) => json({ status, code, title: code, detail: code, ...more }, status);

/** A stream that the test writes to; it ends with its reader, as fetch's do. */
export const stream = (init) => {
  let out;
  const body = new ReadableStream({ start: (controller) => { out = controller; } });
  init.signal?.addEventListener("abort", () => { try { out.error(new DOMException("aborted", "AbortError")); } catch { /* it has ended */ } });
  return {
    response: new Response(body, { headers: { "Content-Type": "text/event-stream" } }),
    write: (text) => out.enqueue(new TextEncoder().encode(text)),
    bytes: (some) => out.enqueue(some),
    frame: (type, data, id) => out.enqueue(new TextEncoder().encode(`${id ? `id: ${id}\n` : ""}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)),
    end: () => out.close(),
    cut: () => out.error(new TypeError("network error")),
  };
};

/** Never answers; is refused when it is given up. */
export const never = (init) => new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError"))));

/**
 * `answer(path, { method, headers, body, signal })` stands for the service. What was asked is in the list that is given back.
 */
export const serve = (t, answer) => {
  const asked = [], old = globalThis.fetch;
  globalThis.fetch = async (url, init) => {
    const request = { path: url, method: init.method, headers: init.headers, body: init.body && JSON.parse(init.body), signal: init.signal, at: Date.now() };
    asked.push(request);
    if (init.signal?.aborted) throw new DOMException("aborted", "AbortError");
    return answer(url, request);
  };
  t.after(() => { globalThis.fetch = old; });
  return asked;
};

const user = (id) => ({ id, name: id.toUpperCase(), imageUrl: null, role: null });
const AT = "2026-01-01T00:00:00.000Z";

export const message = (seq, more = {}) => ({
  id: `m${seq}`, conversationId: "c", seq, type: "USER", sender: user("other"), content: `text ${seq}`, attachments: [], replyTo: null,
  notice: null, clientMessageId: null, metadata: {}, createdAt: AT, editedAt: null, isDeleted: false, ...more,
});

export const member = (id, more = {}) => ({ user: user(id), role: "MEMBER", joinedAt: AT, readUpTo: 0, readAt: null, deliveredUpTo: 0, ...more });

export const conversation = (more = {}) => ({
  id: "c", type: "PRIVATE", subject: null, context: null, organizationId: null, closed: false, members: [member("me"), member("other")],
  memberCount: 2, lastMessage: null, lastMessageAt: null, metadata: {}, createdAt: AT, updatedAt: AT,
  me: { role: "MEMBER", status: "ACTIVE", unreadCount: 0, readUpTo: 0 }, ...more,
});

/** `p` is the event's position; its cursor is made of it. */
export const event = (p, type, data, conversationId = "c") => ({ cursor: `k${p}`, type, conversationId, actorId: "other", occurredAt: AT, data });
export const created = (p, seq, more) => event(p, "message.created", { message: message(seq, more) }, more?.conversationId);

export const snapshot = (p = 0, items = [conversation()]) => ({
  cursor: `k${p}`, me: user("me"), conversations: { items, hasMore: false }, unread: { total: 0, conversations: 0, changed: [] },
});

export const page = (from, to, events = [], more = {}) =>
  ({ from: `k${from}`, cursor: `k${to}`, hasMore: false, events, unread: { total: 0, conversations: 0, changed: [] }, ephemeral: { typing: [], presence: [] }, poll: { nextMs: 3000 }, ...more });

/** The log of one person's feed, served by all transports. */
export class Service {
  events = [];
  head = 0;
  waits = new Set();
  streams = new Set();
  beats = true;
  refuse = () => null;
  sent = new Map();

  constructor(t) {
    this.asked = serve(t, (path, request) => this.answer(path, request));
  }

  push(made) {
    this.events.push(made);
    this.head = Number(made.cursor.slice(1));
    for (const wake of [...this.waits]) wake();
    for (const one of this.streams) one.frame(made.type, made, made.cursor);
  }

  say(seq, more) {
    this.push(created(this.head + 1, seq, more));
  }

  since(cursor) {
    return this.events.filter((made) => Number(made.cursor.slice(1)) > Number(cursor.slice(1)));
  }

  async answer(path, request) {
    const refusal = await this.refuse(path, request);
    if (refusal) return refusal;
    const url = new URL(path, "http://x");
    if (url.pathname === "/v1/sync") return json(this.snapshot());
    if (url.pathname === "/v1/events/stream") {
      const made = stream(request), from = request.headers["Last-Event-ID"];
      made.frame("hello", { cursor: from, heartbeatSeconds: 15 }, from);
      for (const one of this.since(from)) made.frame(one.type, one, one.cursor);
      this.streams.add(made);
      const beat = setInterval(() => { if (this.beats && this.streams.has(made)) made.frame("heartbeat", {}, `k${this.head}`); }, 15_000);
      request.signal.addEventListener("abort", () => {
        clearInterval(beat);
        this.streams.delete(made);
      });
      return made.response;
    }
    if (url.pathname === "/v1/events") return this.poll(url.searchParams, request);
    if (url.pathname === "/v1/delivered") return json(null, 204);
    if (url.pathname.endsWith("/messages") && request.method === "POST") return json(this.store(request.body), 201);
    if (url.pathname.endsWith("/messages")) return json({ items: this.messages(), hasMore: false });
    if (/^\/v1\/conversations\/[^/]+$/.test(url.pathname)) return json(conversation({ id: url.pathname.split("/").pop(), lastMessage: this.messages().at(-1) ?? null }));
    return json({});
  }

  async poll(query, { signal }) {
    const since = query.get("since"), wait = Number(query.get("wait")) * 1000;
    if (!this.since(since).length && wait) {
      await new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, wait);
        this.waits.add(resolve);
        signal.addEventListener("abort", () => { clearTimeout(timer); reject(new DOMException("aborted", "AbortError")); });
      });
    }
    return json({ ...page(0, this.head, this.since(since).slice(0, 200)), from: since });
  }

  /** Once per `clientMessageId`. */
  store(body) {
    const known = this.sent.get(body.clientMessageId);
    if (known) return known;
    const stored = message(this.messages().length + 1, { ...body, sender: user("me") });
    this.sent.set(body.clientMessageId, stored);
    this.push(event(this.head + 1, "message.created", { message: stored }));
    return stored;
  }

  messages() {
    return this.events.filter(({ type }) => type === "message.created").map(({ data }) => data.message);
  }

  snapshot() {
    return snapshot(this.head, [conversation({ lastMessage: this.messages().at(-1) ?? null })]);
  }
}
