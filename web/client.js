/* Made from web/client/ by pack.mjs. */
class Refusal extends Error {
constructor(status = 0, problem = ({}), retryAfter = "") {
const { detail = `HTTP ${status}`, code = "", errors = [], retryAfterMs = (+retryAfter || (Date.parse(retryAfter) - Date.now()) / 1000) * 1000 || 0 } = problem ?? {};
super(detail);
this.status = status;
this.code = code;
this.errors = errors;
this.retryAfterMs = Math.min(Math.max(retryAfterMs, 0), 3_600_000);
}
}
class Unreachable extends Error {}
const passes = ({ status, code }) => !status || status >= 500 || [401, 408, 429].includes(status) || (!code && status !== 413);
const backOff = (failures = 0, least = 0) => least + Math.random() * Math.min(30_000, 500 * 2 ** failures);
const limit = (ms = 0, outer = new AbortController().signal) => {
const end = new AbortController(), { signal } = end, stop = () => { clearTimeout(timer); end.abort(); };
let timer = setTimeout(stop, ms);
outer.addEventListener("abort", stop, { signal });
if (outer.aborted) stop();
return { signal, stop, renew(ms = 0) { clearTimeout(timer); timer = setTimeout(stop, ms); } };
};
const pause = (ms = 0, outer = new AbortController().signal, least = 0) => new Promise((resolve) => {
const { signal, stop } = limit(ms, outer), from = Date.now() + least, wake = () => { if (!globalThis.document?.hidden && Date.now() >= from) stop(); };
signal.onabort = () => resolve(null);
for (const type of ["online", "visibilitychange"]) globalThis.addEventListener?.(type, wake, { signal });
if (signal.aborted) resolve(null);
});
const unreachable = (cause) => { throw cause instanceof Refusal ? cause : new Unreachable(String(cause)); };
const late = () => new Promise((_, reject) => { setTimeout(reject, 30_000, new Unreachable("late")); });
const makeHttp = ({ url = "", token: fixed, getToken, language = "" }, onOther) => {
const counts = { requests: 0, notModified: 0, bytes: 0 };
let token = "", who = "", renewAt = 0, asking = (null);
const renew = async (reason) => {
const fresh = getToken ? await Promise.race([Promise.resolve({ reason }).then(getToken), late()]) : reason !== "refused" && fixed;
if (fresh) {
const { exp, sub, userId, tenant, tenantId } = JSON.parse(atob(fresh.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
const owner = JSON.stringify([tenant ?? tenantId ?? "default", sub ?? userId]), left = exp * 1000 - Date.now();
renewAt = left > 0 ? Date.now() + left - Math.min(60_000, left / 4) : Infinity;
if ((who ||= owner) === owner) return token = fresh;
onOther();
}
token = "";
throw new Refusal(401, { code: "signed-out" });
};
const http = {
counts,
who: async () => (await http.token(), who),
forget: () => { token = who = ""; },
token: async (refused) => (token && token !== refused && Date.now() < renewAt ? token
: asking ??= renew(!token ? "start" : token === refused ? "refused" : "expiring").catch(unreachable).finally(() => { asking = null; })),
async open(method, path, { signal, headers, body } = {}) {
const send = (bearer = "") => fetch(url.replace(/\/$/, "") + path, { method, signal, body: body && JSON.stringify(body), cache: "no-store", credentials: "omit",
headers: { Authorization: `Bearer ${bearer}`, "Accept-Language": language, "Content-Type": "application/json", ...headers } });
const used = await http.token();
counts.requests++;
let response = await send(used);
if (response.status === 401) response = await send(await http.token(used));
if (response.status === 304) counts.notModified++;
if (response.status < 400) return response;
throw new Refusal(response.status, await response.json().catch(() => null), response.headers.get("Retry-After") ?? "");
},
async json(method, path, { signal, ms = 20_000, ...options } = {}) {
const time = limit(ms, signal);
try {
const response = await http.open(method, path, { ...options, signal: time.signal }), text = await response.text();
counts.bytes += new Blob([text]).size;
return { response, body: text && JSON.parse(text) };
} catch (cause) {
return unreachable(cause);
} finally {
time.stop();
}
},
call: async (method, path, body) => (await http.json(method, path, { body })).body,
};
return http;
};
const makeReader = () => {
const decoder = new TextDecoder();
let rest = "", type = "", id = "", retry = 0, data = new Array(), afterCr = false;
const read = (line = "") => {
const [, field, value = ""] = /^([^:]*):? ?([^]*)/.exec(line) ?? [];
if (field === "data") data.push(value);
if (field === "event") type = value;
if (field === "id" && !value.includes("\0")) id = value;
if (field === "retry" && /^\d+$/.test(value)) retry = +value;
if (line) return [];
const frame = { type: type || "message", data: data.join("\n"), id, retry }, isEmpty = !data.length;
type = "";
data = [];
return isEmpty ? [] : frame;
};
return (bytes = new Uint8Array()) => {
let text = decoder.decode(bytes, { stream: true });
if (afterCr) text = text.replace(/^\n/, "");
afterCr = text.endsWith("\r");
const lines = (rest + text).split(/\r\n?|\n/);
rest = lines.pop() ?? "";
return lines.flatMap(read);
};
};
class Broken extends Error { code = "broken"; }
const RUNGS = (["stream", "long-poll", "poll"]), SUFFERED = { silent: 1, refused: 1, cut: 2, away: 3 }, MINUTE = 60_000;
const makeLadder = (now = Date.now) => {
const may = { stream: true, longPoll: true };
let rung = 0, strikes = 0, pause = MINUTE, climbAt = Infinity, isFalling = false;
const stand = (at = 0, part = 1) => {
rung = at;
isFalling = at > 0;
strikes = 0;
climbAt = at ? now() + pause * part * (1 + Math.random() / 5) : Infinity;
};
const ladder = {
allowed: new Set(RUNGS), reason: null, wait: 25,
allow(what) {
Object.assign(may, what);
ladder.allowed = new Set(RUNGS.filter((_, at) => [may.stream, may.longPoll, true][at]));
ladder.reason = null;
pause = MINUTE;
stand();
},
next() {
if (now() >= climbAt) {
ladder.wait = Math.min(25, ladder.wait * 2);
pause = Math.min(60 * MINUTE, pause * 2);
stand();
}
while (!ladder.allowed.has(RUNGS[rung])) rung++;
return RUNGS[rung];
},
worked() {
if (RUNGS[rung] === [...ladder.allowed][0] && (rung !== 1 || ladder.wait === 25)) {
ladder.reason = null;
pause = MINUTE;
climbAt = Infinity;
} else if (climbAt === Infinity) stand(rung);
isFalling = false;
strikes = 0;
},
failed(how, ms = 0) {
if (rung === 1 && ms > 1500) how = "cut";
if (++strikes < SUFFERED[how] || rung === 2) return;
if (isFalling && how !== "cut") return stand();
ladder.reason = `${RUNGS[rung]}-${how}`;
const shorter = rung === 1 && how === "cut" ? Math.floor(Math.min(ms / 1000, ladder.wait) * 0.6) : 0;
if (shorter > 1) ladder.wait = shorter;
stand(rung + (shorter > 1 ? 0 : 1), how === "away" ? 0.1 : 1);
},
};
return ladder;
};
const isOffline = () => globalThis.navigator?.onLine === false;
const makeFeed = (http, on) => {
const ladder = makeLadder();
let run = new AbortController(), cursor = "", etag = "", nextMs = 3000, failures = 0, seenAt = 0, telling = 0;
const tell = (status, more) => on.state({ status, reason: ladder.reason, cursor, retryAt: null, ...http.counts, ...more });
const rest = (ms = 0, least = ms) => {
tell(isOffline() ? "offline" : "waiting", { retryAt: new Date(Date.now() + ms) });
return pause(ms, run.signal, least);
};
const step = ({ cursor: to = cursor, events = [], unread, ephemeral }) => {
const from = cursor;
cursor = to;
etag = "";
try {
on.step({ from, cursor, events, unread, ephemeral });
} catch (error) {
throw error instanceof Broken ? error : new Broken(String(error));
}
};
const ask = async (isHeld = false) => {
const { signal } = run, askedAt = Date.now(), since = cursor, wait = since && isHeld && !failures ? ladder.wait : 0;
const { response: { status, headers }, body } = await http.json("GET", since ? `/v1/events?since=${since}&wait=${wait}&ephemeral=1` : "/v1/sync",
{ signal, headers: etag ? { "If-None-Match": etag } : {}, ms: (wait + 15) * 1000 });
if (signal.aborted) return;
if (status === 204) throw new Refusal(204);
if (!since) {
cursor = body.cursor;
return on.sync(body);
}
if (body && (body.from !== since || (body.hasMore && body.cursor === since))) throw new Broken(`a page from ${body.from}, not ${since}`);
if (body) step(body);
const ms = Date.now() - askedAt;
failures = 0;
if (!isHeld || ms > 1500) ladder.worked();
tell("live");
if (body.hasMore) return;
etag = headers.get("ETag") ?? "";
nextMs = body.poll?.nextMs ?? (Number(headers.get("X-Poll-Interval")) * 1000 || nextMs);
if (globalThis.document?.visibilityState !== "hidden") seenAt = Date.now();
const pace = isHeld && (!wait || body.events?.length || ms > 1000) ? 0 : nextMs;
await pause(Date.now() - seenAt > MINUTE ? Math.max(pace, 30_000) : pace, signal);
};
const stream = async () => {
await http.token();
const { signal } = run, time = limit(6000, signal);
let within = 0, how = "away";
try {
const { status, body: bytes, headers } = await http.open("GET", "/v1/events/stream", { signal: time.signal, headers: { Accept: "text/event-stream", "Last-Event-ID": cursor } });
if (!bytes || !headers.get("Content-Type")?.startsWith("text/event-stream")) throw new Refusal(status === 204 ? status : 502);
const chunks = bytes.getReader(), read = makeReader();
for (;;) {
const { value } = await chunks.read();
if (signal.aborted) return;
if (!value) throw how;
http.counts.bytes += value.length;
for (const { type, data, id } of read(value)) {
const body = JSON.parse(data);
if (type === "goodbye") return rest(body.reconnectAfterMs);
if (type === "resync" || type === "error") throw new Refusal(type === "error" ? 500 : 410, { code: body.reason ?? type, ...body });
if (type === "hello") {
if (id !== cursor) throw new Broken(`a stream from ${id}, not ${cursor}`);
within = body.heartbeatSeconds * 1700;
} else if (type === "heartbeat") {
how = "cut";
failures = 0;
ladder.worked();
step({ cursor: id });
} else if (body.type === type) {
failures = 0;
step({ cursor: id, events: [body] });
telling ||= setTimeout(() => {
telling = 0;
http.json("POST", "/v1/delivered", { signal, body: { cursor } }).catch(() => {});
}, 2000);
} else step({ [type]: body });
tell("live");
}
if (within) time.renew(within);
}
} catch (error) {
throw error instanceof Refusal || error instanceof Broken ? error : { how: how === "cut" ? how : time.signal.aborted ? "silent" : within ? "cut" : how };
} finally {
time.stop();
}
};
const follow = async () => {
for (const { signal } = run; !signal.aborted;) {
const transport = ladder.next(), askedAt = Date.now();
tell(!cursor ? "syncing" : failures || transport === "stream" ? "connecting" : "live", { transport });
await (cursor && transport === "stream" ? stream() : ask(transport === "long-poll")).catch(({ status, code, how = "away", retryAfterMs, message }) => {
if (signal.aborted) return;
if (code === "signed-out" || status === 204) {
feed.stop();
return tell(code || "stopped", { transport: null });
}
if (code === "broken" || status === 410 || code === "invalid-cursor") {
cursor = etag = "";
on.lost(status ? code : message);
} else if (cursor && !isOffline() && (!code || status === 429)) ladder.failed(status ? "refused" : how, Date.now() - askedAt);
return rest(backOff(failures++, retryAfterMs), retryAfterMs ?? 0);
});
}
};
const feed = {
ladder,
stop: () => run.abort(),
start(from) {
feed.stop();
run = new AbortController();
cursor = from ?? "";
etag = "";
failures = 0;
follow();
},
};
return feed;
};
const makeTabs = (name, on) => {
const me = Math.random().toString(36), isHidden = () => document.visibilityState === "hidden";
let place = new AbortController(), release = () => {}, asking = 0, deadline = 0, channel = (null);
const lead = (leads = true) => {
clearTimeout(deadline);
on.lead(tabs.isLeader = leads);
};
const queue = (steal = false) => {
place.abort();
const { signal } = place = new AbortController();
navigator.locks.request(name, steal ? { steal } : { signal }, () => signal.aborted ? null : new Promise((free) => {
release = () => free(null);
lead();
})).catch(({ name }) => {
if (signal.aborted) return;
lead(name !== "AbortError");
if (!tabs.isLeader) queue();
});
};
const tabs = {
isLeader: false,
say: (word) => channel?.postMessage(word),
ask() {
if (tabs.isLeader || !channel || isHidden()) return;
tabs.say({ hello: me, cursor: on.cursor() });
clearTimeout(deadline);
deadline = setTimeout(queue, 2500, true);
},
start() {
if (!globalThis.navigator?.locks || !globalThis.BroadcastChannel) return lead();
channel = new BroadcastChannel(name);
channel.onmessage = ({ data: { hello, cursor, to = me, isSlow, ...news } }) => {
if (hello && tabs.isLeader) tabs.say({ to: hello, ...on.answer(cursor) });
if (hello || to !== me) return;
clearTimeout(deadline);
if (isSlow && !isHidden()) queue(true);
on.hear(news);
};
queue();
asking = setInterval(tabs.ask, 10_000);
tabs.ask();
},
stop() {
channel?.close();
channel = null;
clearInterval(asking);
clearTimeout(deadline);
place.abort();
release();
tabs.isLeader = false;
},
};
return tabs;
};
const makeCache = () => {
let opened = (null);
const done = (request) => new Promise((resolve, reject) => {
request.onsuccess = () => resolve(request.result);
request.onerror = reject;
setTimeout(reject, 3000);
});
const ask = async (mode, act) => {
if (cache.name) try {
if (!opened) {
const request = indexedDB.open(cache.name);
request.onupgradeneeded = () => request.result.createObjectStore("kept");
opened = done(request);
}
const database = await opened;
database.onversionchange = database.close;
return await done(act(database.transaction("kept", mode).objectStore("kept")));
} catch { /* then it is not kept */ }
};
const cache = {
name: "",
get: (key) => ask("readonly", (store) => store.get(key)),
all: async (prefix) => await ask("readonly", (store) => store.getAll(IDBKeyRange.bound(prefix, `${prefix}~`))) ?? [],
put: (key, value) => ask("readwrite", (store) => (value ? store.put(value, key) : store.delete(key))),
forget() {
if (cache.name) globalThis.indexedDB?.deleteDatabase(cache.name);
cache.name = "";
opened = null;
},
};
return cache;
};
const makeOutbox = ({ call }, cache, tell) => {
const drafts = new Map(), busy = new Set();
let at = 0;
const outbox = {
isLeading: false,
get all() { return [...drafts.values()]; },
of: (conversationId) => outbox.all.filter((draft) => draft.conversationId === conversationId),
put(draft) {
drafts.set(draft.clientMessageId, draft);
outbox.send(draft.conversationId);
},
keep: (draft) => cache.put(`draft/${draft.clientMessageId}`, draft).then(() => tell("draft", draft)),
add(conversationId, message) {
at = Math.max(at + 1, Date.now());
const clientMessageId = at.toString(36) + [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(36)).join("");
const draft = { ...message, clientMessageId, conversationId, draft: "queued", problem: null, createdAt: new Date(at).toISOString(), body: { ...message, clientMessageId } };
drafts.set(clientMessageId, draft);
outbox.keep(draft);
return draft;
},
retry: (id) => { if (drafts.has(id)) outbox.keep({ ...drafts.get(id), draft: "queued", problem: null }); },
drop: (id) => { if (drafts.delete(id)) cache.put(`draft/${id}`); },
forget: () => drafts.clear(),
async send(conversationId) {
if (!outbox.isLeading || busy.has(conversationId)) return;
busy.add(conversationId);
for (let failures = 0, draft; outbox.isLeading && (draft = outbox.of(conversationId).find((one) => one.draft !== "failed"));) {
const { clientMessageId, body } = draft, kept = draft;
tell("draft", { ...draft, draft: "sending" });
await call("POST", `/v1/conversations/${conversationId}/messages`, body).then((message) => {
if (message?.clientMessageId !== clientMessageId) throw new Unreachable("no message");
tell("said", message);
failures = 0;
}).catch(async (error) => {
const { status, code, message, errors, retryAfterMs } = error, isPassing = passes(error) && (failures < 5 || code || !(status >= 402 && status < 429 && status !== 408));
if (drafts.has(clientMessageId)) await outbox.keep(isPassing ? { ...kept, draft: "queued" } : { ...kept, draft: "failed", problem: { status, code, message, errors } });
if (isPassing) await pause(backOff(failures++, retryAfterMs), undefined, retryAfterMs);
});
}
busy.delete(conversationId);
},
};
return outbox;
};
const NOTHING = { cursor: null, me: null, next: null, total: 0, ephemeral: { typing: [], presence: [] }, last: [], conversations: [], unread: [] };
const statusOf = ({ seq, createdAt, status = "SENT" }, { members, memberCount }, me) => {
const to = members.filter(({ user, joinedAt }) => user.id !== me && joinedAt <= createdAt);
if (!to.length || memberCount > 20 || status === "READ") return status;
if (to.every(({ readUpTo }) => readUpTo >= seq)) return "READ";
return to.every(({ deliveredUpTo }) => deliveredUpTo >= seq) ? "DELIVERED" : status;
};
const of = encodeURIComponent, path = (id = "", rest = "") => `/v1/conversations/${of(id)}${rest}`;
const makeModel = ({ call }, outbox, cache, tell, show, unknown) => {
let held = new Map(), counts = new Map(), last = new Map(), passed = new Set(), archived = "";
const arriving = new Map(), messages = new Map(), threads = new Map();
const pass = (cursor = "") => {
if (passed.has(cursor)) return false;
passed.add(model.cursor = cursor);
if (passed.size > 1000) passed.delete([...passed][0]);
return true;
};
const moved = (it, userId, { readUpTo = 0, deliveredUpTo = readUpTo, readAt }) => {
for (const one of it.members) if (one.user.id === userId) {
one.deliveredUpTo = Math.max(one.deliveredUpTo, deliveredUpTo);
one.readUpTo = Math.max(one.readUpTo, readUpTo);
one.readAt = readAt ?? one.readAt;
}
if (userId === model.me?.id) it.me.readUpTo = Math.max(it.me.readUpTo, readUpTo);
};
const does = {
conversation(it, { conversation: { members, memberCount, lastMessage, lastMessageAt, me, ...shared }, status = me?.status }) {
Object.assign(it, shared);
if (status) it.me.status = status;
},
message: (_, { message }) => model.said(message),
receipt: (it, { receipt }) => moved(it, receipt.userId, receipt),
member(it, { member }) {
const others = it.members.filter(({ user }) => user.id !== member.user.id);
if (others.length === it.members.length) it.memberCount++;
it.members = [...others, member];
if (member.user.id === model.me?.id) it.me.role = member.role;
},
left(it, { member: { user } }) {
it.members = it.members.filter((one) => one.user.id !== user.id);
it.memberCount--;
if (user.id === model.me?.id) model.drop(it.id);
},
};
const rename = (it, user) => {
if (!it || typeof it !== "object") return;
if (it.id === user.id && "name" in it && "role" in it) Object.assign(it, user);
for (const one of it instanceof Map ? it.values() : Object.values(it)) rename(one, user);
};
const apply = (event) => {
const { type, data, conversationId: id } = event, it = held.get(id);
if (data.user) rename([held, messages, model.me], data.user);
else if (type === "conversation.deleted") model.drop(id);
else if (it) does[type === "member.left" ? "left" : type.split(".")[0]]?.(it, data);
else if (arriving.has(id)) arriving.get(id).push(event);
else if (["conversation.created", "member.joined", "message.created"].includes(type) || data.status === "ACTIVE") {
arriving.set(id, [event]);
unknown(id);
}
};
const run = (id) => {
const known = messages.get(id) ?? new Map(), found = new Array();
for (let seq = Math.max(0, ...known.keys()); known.has(seq); seq--) found.unshift(known.get(seq));
return found;
};
const hold = async (...request) => {
const conversation = await call(...request);
if (!conversation?.me) throw new Refusal(404, { code: "not-found" });
tell("hold", conversation);
return held.get(conversation.id);
};
const makeThread = (id) => {
let typedAt = 0, readUpTo = 0;
const page = async (query = "") => {
model.put(id, (await call("GET", path(id, `/messages?limit=50${query}`))).items, !query);
show([id]);
};
const thread = {
isLoaded: false,
get items() {
const shown = run(id), settled = shown.map((one) => one.clientMessageId), it = held.get(id), me = model.me?.id;
return [...shown.map((one) => (it && one.sender?.id === me && !one.isDeleted ? { ...one, status: statusOf(one, it, me) } : one)),
...outbox.of(id).filter((draft) => !settled.includes(draft.clientMessageId))];
},
get hasOlder() { return run(id)[0]?.seq > 1; },
async load() {
if (thread.isLoaded) return;
const kept = !run(id)[0] && await cache.get(`thread/${id}`);
if (kept) model.put(id, kept);
show([id]);
await thread.reload();
},
async reload() {
await page();
thread.isLoaded = true;
},
older: () => page(`&before=${run(id)[0]?.seq}`),
async send(message) {
typedAt = 0;
const draft = outbox.add(id, message);
show([id]);
return draft;
},
retry: outbox.retry,
discard: (clientMessageId) => tell("drop", clientMessageId),
edit: async (messageId, content) => tell("said", await call("PATCH", `/v1/messages/${messageId}`, { content })),
delete: (messageId) => call("DELETE", `/v1/messages/${messageId}`),
async read(seq) {
const before = Math.max(readUpTo, held.get(id)?.me.readUpTo ?? 0);
if (seq <= before) return;
readUpTo = seq;
await call("POST", path(id, "/read"), { upTo: seq }).catch((error) => {
readUpTo = before;
throw error;
});
},
async typing(isTyping) {
if (isTyping === Date.now() - typedAt < 3000) return;
typedAt = isTyping ? Date.now() : 0;
await call("PUT", path(id, "/typing"), { isTyping }).catch(() => {});
},
receipts: async (messageId) => (await call("GET", `/v1/messages/${messageId}/receipts`)).items,
};
return thread;
};
const model = {
...NOTHING, threads,
get arriving() { return [...arriving.keys()]; },
get knowledge() {
const { cursor, me, next, total, ephemeral } = model;
return { cursor, me, next, total, ephemeral, last: [...last], conversations: model.conversations.all, unread: [...counts] };
},
messages: run,
drop(id) {
for (const map of [held, arriving, messages, counts]) map.delete(id);
cache.put(`thread/${id}`);
},
unreadOf: (id) => counts.get(id) ?? 0,
has: (cursor) => passed.has(cursor),
adopt({ last: seqs, conversations, unread, ...rest }) {
held = new Map(conversations.map((one) => [one.id, one]));
counts = new Map(unread);
last = new Map(seqs);
passed = new Set([rest.cursor]);
arriving.clear();
if (rest.me?.id !== model.me?.id) messages.clear();
Object.assign(model, rest);
},
*take({ from, cursor, events }) {
if (!passed.has(from)) throw new Broken(`a step from ${from}, not ${model.cursor}`);
for (const event of events) {
if (!pass(event.cursor)) continue;
const { type, data: { message, member }, conversationId: id } = event, seq = message?.seq ?? 0, before = last.get(id) ?? seq - 1;
if (type === "message.created") {
if (seq !== before + 1) throw new Broken(`message ${seq} after ${before} in ${id}`);
last.set(id, seq);
} else if (type === "conversation.deleted" || member?.user.id === model.me?.id) last.delete(id);
apply(event);
yield event;
}
pass(cursor);
},
hold(conversation) {
const { id } = conversation, events = arriving.get(id);
if (held.has(id)) does.conversation(held.get(id), { conversation });
else held.set(id, conversation);
arriving.delete(id);
events?.forEach(apply);
},
said(message) {
const { conversationId, seq, createdAt, sender } = message, it = held.get(conversationId), newest = it?.lastMessage?.seq ?? 0;
model.put(conversationId, [message]);
if (it && seq >= newest) it.lastMessage = message;
if (!it || seq <= newest) return;
it.lastMessageAt = createdAt;
it.me.status = "ACTIVE";
if (sender) moved(it, sender.id, { readUpTo: seq });
},
count({ total, changed = [], isAll }) {
if (isAll) counts.clear();
for (const { id, unreadCount } of changed) counts.set(id, unreadCount);
for (const it of held.values()) it.me.unreadCount = model.unreadOf(it.id);
model.total = total;
return total === [...counts.values()].reduce((sum, count) => sum + count, 0);
},
put(id, news, isNewest) {
const known = messages.get(id) ?? new Map(), version = (one = news[0]) => (one.isDeleted ? "~" : one.editedAt ?? "");
messages.set(id, known);
if (isNewest) for (const seq of known.keys()) if (seq < news[0]?.seq) known.delete(seq);
for (const message of news) {
const old = known.get(message.seq), excerpt = message.content && [...message.content].slice(0, 140).join("");
if (old && version(message) < version(old)) continue;
known.set(message.seq, { status: old?.status, ...message });
for (const { replyTo } of known.values()) if (replyTo?.id === message.id) Object.assign(replyTo, { excerpt, isDeleted: message.isDeleted });
}
},
thread(id) {
if (!threads.has(id)) threads.set(id, makeThread(id));
return threads.get(id);
},
conversations: {
get all() { return [...held.values()]; },
get items() {
return model.conversations.all.filter(({ me }) => me.status === "ACTIVE").sort((a, b) => ((a.lastMessageAt ?? a.createdAt) < (b.lastMessageAt ?? b.createdAt) ? 1 : -1));
},
get hasMore() { return !!model.next; },
peek: (id) => held.get(id) ?? null,
get: async (id) => held.get(id) ?? hold("GET", path(id)),
async more(status = "ACTIVE") {
const isActive = status === "ACTIVE", from = isActive ? model.next : archived;
const { items, nextPageToken = null } = await call("GET", `/v1/conversations?status=${status}${from ? `&pageToken=${from}` : ""}`);
if (isActive) model.next = nextPageToken;
else archived = nextPageToken;
for (const one of items) tell("hold", one);
},
contact: (about) => hold("POST", "/v1/conversations", { type: "PRIVATE", ...about }),
create: (body) => hold("POST", "/v1/conversations", body),
update: (id, changes) => hold("PATCH", path(id), changes),
archive: (id, isArchived = true) => hold("PATCH", path(id), { status: isArchived ? "ARCHIVED" : "ACTIVE" }),
delete: (id) => call("DELETE", path(id)),
members: (id, { pageToken } = {}) => call("GET", path(id, `/members${pageToken ? `?pageToken=${of(pageToken)}` : ""}`)),
addMembers: (id, memberIds) => call("POST", path(id, "/members"), { memberIds }),
setRole: (id, userId, role) => call("PATCH", path(id, `/members/${of(userId)}`), { role }),
removeMember: (id, userId) => call("DELETE", path(id, `/members/${of(userId)}`)),
},
};
return model;
};
const makeCauserie = ({ url = "", cache: isKept = true, language = globalThis.document?.documentElement.lang || globalThis.navigator?.language || "en", ...options }) => {
const listeners = new Map(), changed = new Set();
let run = new AbortController(), tabs = (null), saving = 0;
const emit = (type = "", news = (null)) => {
for (const listener of listeners.get(type) ?? []) try { listener(news); } catch (error) { console.error(error); }
};
const listen = (news) => { for (const name in news) (hear)[name]?.(news[name]); };
const tell = (name, news) => {
tabs?.say({ [name]: news });
listen({ [name]: news });
};
const show = (ids = model.threads.keys()) => {
emit("conversations");
for (const conversationId of ids) {
changed.add(conversationId);
emit("thread", { conversationId });
}
saving ||= setTimeout(() => {
saving = 0;
for (const id of changed) if (model.threads.get(id)?.isLoaded) cache.put(`thread/${id}`, model.messages(id).slice(-50));
changed.clear();
if (state.isLeader) cache.put("model", { ...model.knowledge, cursor: null });
}, 2000);
};
const find = async (id = "") => {
for (let failures = 0; state.isLeader && model.arriving.includes(id);) await http.call("GET", `/v1/conversations/${id}`)
.then((conversation) => tell("hold", conversation), (error) => (passes(error) ? pause(backOff(failures++)) : model.drop(id)));
};
const http = makeHttp({ url, language, ...options }, () => {
tell("gone", true);
});
const cache = makeCache(), outbox = makeOutbox(http, cache, tell), model = makeModel(http, outbox, cache, tell, show, find);
const feed = makeFeed(http, {
step: (step) => tell("step", step),
lost: (reason) => tell("lost", reason),
state: (news) => tell("state", news),
sync: ({ cursor, me, conversations: { items, nextPageToken = null }, unread: { total, changed = [] } }) => tell("adopt", {
...NOTHING, cursor, me, total, next: nextPageToken, conversations: items,
last: items.map(({ id, lastMessage }) => [id, lastMessage?.seq ?? 0]), unread: changed.map(({ id, unreadCount }) => [id, unreadCount]),
}),
});
const reload = (thread, failures = 0, { signal } = run) => thread.reload().catch(async (error) => {
if (!passes(error)) return;
await pause(backOff(failures), signal);
if (!signal.aborted) await reload(thread, failures + 1);
});
const again = async (signal = run.signal) => {
await pause(300_000, signal);
if (!signal.aborted) causerie.start();
};
const restart = () => { if (state.isLeader) feed.start(model.cursor); };
const lead = (isLeader = true) => {
outbox.isLeading = isLeader;
hear.state({ isLeader });
feed.stop();
restart();
outbox.all.forEach(outbox.put);
model.arriving.forEach((id) => find(id));
};
const rest = () => {
tabs?.stop();
lead(false);
};
const state = { transport: null, status: "stopped", reason: null, since: new Date(), isLeader: false, cursor: null, ...http.counts, retryAt: null, allowed: feed.ladder.allowed };
const hear = {
state(news) {
if (news.status && news.status !== state.status) state.since = new Date();
if (news.status === "signed-out" && options.getToken) again(run.signal);
emit("state", Object.assign(state, news));
},
step(step) {
const touched = new Set(), { events, unread, ephemeral } = step;
if (!model.cursor) return;
try {
for (const event of model.take(step)) {
const { message, user } = event.data;
if (message?.sender?.id === model.me?.id) outbox.drop(message?.clientMessageId);
for (const id of user ? model.threads.keys() : [event.conversationId]) touched.add(id);
emit(event.type, event);
emit("event", event);
}
} catch (error) {
if (state.isLeader) throw error;
hear.at(null);
}
if (events[0]) show(touched);
if (unread) hear.unread(unread);
if (!ephemeral) return;
model.ephemeral = ephemeral;
emit("typing", ephemeral.typing);
emit("presence", ephemeral.presence);
},
adopt(knowledge) {
model.adopt(knowledge);
show();
emit("unread", causerie.unread);
if (model.cursor) for (const [id, thread] of model.threads) {
if (!model.conversations.peek(id)) model.conversations.get(id).catch(() => {});
if (thread.isLoaded) reload(thread);
}
},
unread(unread) {
if (!model.count(unread) && state.isLeader && !unread.isAll) http.call("GET", "/v1/unread").then(({ total, conversations }) => tell("unread", { total, changed: conversations, isAll: true }), () => {});
emit("unread", causerie.unread);
},
hold(conversation) {
model.hold(conversation);
show([conversation.id]);
},
said(message) {
model.said(message);
outbox.drop(message.clientMessageId);
show([message.conversationId]);
},
draft(draft) {
outbox.put(draft);
show([draft.conversationId]);
},
drop(id) {
outbox.drop(id);
show();
},
at(cursor) {
if (state.isLeader || model.has(cursor)) return;
model.cursor = null;
tabs?.ask();
},
lost(reason) {
console.error(`causerie resyncs: ${reason}`);
emit("resync", { reason });
},
allow(what) {
feed.ladder.allow(what);
hear.state({ allowed: feed.ladder.allowed });
restart();
},
gone(isAnother) {
causerie.stop();
cache.forget();
http.forget();
outbox.forget();
hear.adopt(NOTHING);
if (isAnother) setTimeout(causerie.start, 0);
},
};
const causerie = {
state,
conversations: model.conversations,
thread: model.thread,
get me() { return model.me; },
get unread() { return { total: model.total, conversations: model.knowledge.unread.filter(([, count]) => count).length, of: model.unreadOf }; },
typingIn: (id) => model.ephemeral.typing.filter(({ conversationId }) => conversationId === id),
presenceOf: (id) => model.ephemeral.presence.find(({ userId }) => userId === id) ?? null,
allow: (what) => tell("allow", what),
signOut: () => tell("gone", false),
on(type, listener) {
const those = listeners.get(type) ?? new Set();
listeners.set(type, those.add(listener));
return () => those.delete(listener);
},
async start() {
causerie.stop();
hear.state({ status: "connecting" });
const { signal } = run = new AbortController();
let who = "";
for (let failures = 0; !who;) {
who = await http.who().catch(({ code, message }) => {
if (!signal.aborted) hear.state({ status: code || "waiting", reason: message });
return code || pause(backOff(failures++), signal);
});
if (signal.aborted || who === "signed-out") return;
}
cache.name = isKept ? `causerie ${url} ${who}` : "";
const kept = model.cursor ? null : await cache.get("model"), drafts = await cache.all("draft/");
if (signal.aborted) return;
if (kept) hear.adopt(kept);
drafts.forEach(hear.draft);
tabs = makeTabs(`causerie ${url} ${who}`, {
lead, hear: listen,
cursor: () => model.cursor,
answer(cursor) {
const { isLeader, ...shown } = state;
return { state: shown, isSlow: document.hidden && state.transport !== "stream", ...(model.cursor && (model.has(cursor) ? { at: model.cursor } : { adopt: model.knowledge })) };
},
});
const when = { online: restart, offline: restart, visibilitychange: tabs.ask, pagehide: rest, pageshow: ({ persisted = false }) => { if (persisted) tabs?.start(); } };
for (const [type, act] of Object.entries(when)) globalThis.addEventListener?.(type, (act), { signal });
tabs.start();
},
stop() {
run.abort();
rest();
hear.state({ status: "stopped", transport: null, retryAt: null });
},
};
return causerie;
};
const Causerie = (function (options) { return makeCauserie(options); });
export { Causerie, Refusal, Unreachable };
