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
class Unreachable extends Error {
constructor(cause = (""), code = "") {
super(String(cause));
this.code = code;
}
}
const passes = ({ status, code }) => !status || status >= 500 || [401, 408, 429].includes(status) || (!code && status !== 413);
const backOff = (failures = 0, least = 0) => least + Math.random() * Math.min(30_000, 500 * 2 ** failures);
const isNew = (map = new Map(), key = "", value = (null)) => {
if (map.has(key)) return false;
map.set(key, value);
if (map.size > 1000) map.delete(map.keys().next().value);
return true;
};
const limit = (ms = 0, outer = new AbortController().signal) => {
const end = new AbortController(), { signal } = end, stop = () => { clearTimeout(timer); end.abort(); };
let timer = setTimeout(stop, ms);
outer.addEventListener("abort", stop, { signal });
if (outer.aborted) stop();
return { signal, stop, renew(ms = 0) { clearTimeout(timer); timer = setTimeout(stop, ms); } };
};
const pause = (ms = 0, outer = new AbortController().signal, least = 0) => new Promise((resolve) => {
const { signal, stop } = limit(ms, outer), from = performance.now() + least, wake = () => { if (!globalThis.document?.hidden && performance.now() >= from) stop(); };
signal.onabort = () => resolve(null);
for (const type of ["online", "visibilitychange"]) globalThis.addEventListener?.(type, wake, { signal });
if (signal.aborted) resolve(null);
});
const unreachable = (cause, code = "") => { throw cause instanceof Refusal || cause instanceof Unreachable ? cause : new Unreachable(cause, code); };
const late = () => new Promise((_, reject) => { setTimeout(reject, 30_000, new Unreachable("late", "no-token")); });
const makeHttp = ({ url = "", token: fixed, getToken, language = "" }, onOther) => {
const counts = { requests: 0, notModified: 0, bytes: 0 };
let token = "", who = "", renewAt = 0, endsAt = 0, age = 0, asking = (null);
const check = (born = 0) => { if (born !== age) throw new Refusal(401, { code: "signed-out" }); };
const renew = async (reason) => {
const born = age, fresh = getToken ? await Promise.race([Promise.resolve({ reason }).then(getToken), late()]) : reason !== "refused" && fixed;
check(born);
if (fresh) {
const { exp, sub, userId, tenant, tenantId } = JSON.parse(atob(fresh.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
const owner = JSON.stringify([tenant ?? tenantId ?? "default", sub ?? userId]), left = exp * 1000 - Date.now();
endsAt = exp * 1000;
renewAt = left > 0 ? endsAt - Math.min(60_000, left / 4) : Infinity;
if ((who ||= owner) === owner) return token = fresh;
onOther();
}
token = "";
throw new Refusal(401, { code: "signed-out" });
};
const http = {
counts,
who: async () => (await http.token(), who),
forget(isWhole = true) {
age++;
token = "";
asking = null;
if (isWhole) who = fixed = "";
},
async token(refused) {
const isGood = token && token !== refused, now = Date.now(), born = age;
if (isGood && now < renewAt) return token;
asking ??= renew(!token ? "start" : token === refused ? "refused" : "expiring").catch((cause) => unreachable(cause, "no-token")).finally(() => { if (born === age) asking = null; });
if (!isGood || now >= endsAt) return asking;
asking.catch(() => { renewAt = Date.now() + 5000 + Math.random() * 5000; });
return token;
},
async open(method, path, { signal, headers, body } = {}) {
const born = age;
const send = async (bearer = "") => (check(born), fetch(url.replace(/\/$/, "") + path, { method, signal, body: body && JSON.stringify(body), cache: "no-store", credentials: "omit",
headers: { Authorization: `Bearer ${bearer}`, "Accept-Language": language, "Content-Type": "application/json", ...headers } }));
const used = await http.token();
counts.requests++;
let response = await send(used);
if (response.status === 401) response = await send(await http.token(used));
if (response.status === 304) counts.notModified++;
if (response.status < 400) return response;
throw new Refusal(response.status, await response.json().catch(() => null), response.headers.get("Retry-After") ?? "");
},
async json(method, path, { signal, ms = 20_000, ...options } = {}) {
const born = age;
await http.token();
check(born);
const time = limit(ms, signal);
try {
const response = await http.open(method, path, { ...options, signal: time.signal }), text = await response.text();
check(born);
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
const makeLadder = (now = () => performance.now(), note = { get: () => "", set() {} }) => {
let rung = 0, strikes = 0, pause = MINUTE, climbAt = Infinity, isFalling = false, why = (null);
const stand = (at = 0, part = 1) => {
rung = at;
isFalling = at > 0;
strikes = 0;
climbAt = at ? now() + pause * part * (1 + Math.random() / 5) : Infinity;
};
const ladder = {
allowed: new Set(RUNGS), reason: null, wait: 25,
allow({ stream = ladder.allowed.has("stream"), longPoll = ladder.allowed.has("long-poll") }, reason = null) {
ladder.allowed = new Set(RUNGS.filter((_, at) => [stream, longPoll, true][at]));
ladder.reason = why = reason;
note.set("");
pause = MINUTE;
stand();
},
recall() {
let known;
try { known = JSON.parse(note.get()); } catch { return; }
const left = known?.climbAt - Date.now();
if (!(left > -10 * MINUTE && left < 80 * MINUTE && known.rung in RUNGS)) return;
({ pause, reason: ladder.reason, wait: ladder.wait } = known);
stand(known.rung);
isFalling = false;
climbAt = now() + left;
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
worked(isProof = true) {
if (RUNGS[rung] !== [...ladder.allowed][0] || (rung === 1 && ladder.wait < 25)) {
if (climbAt === Infinity) stand(rung);
if (isFalling) note.set(JSON.stringify({ rung, pause, reason: ladder.reason, wait: ladder.wait, climbAt: Date.now() + climbAt - now() }));
} else if (isProof) {
ladder.reason = why;
pause = MINUTE;
climbAt = Infinity;
if (note.get()) note.set("");
}
if (!isProof) return;
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
const makeFeed = (http, on, note) => {
const ladder = makeLadder(undefined, note);
let run = new AbortController(), cursor = "", etag = "", nextMs = 3000, failures = 0, seenAt = 0, telling = 0;
const tell = (status, more) => on.state({ status, reason: ladder.reason, cursor, retryAt: null, ...http.counts, ...more });
const rest = (ms = 0, least = ms, reason = ladder.reason) => {
tell(isOffline() ? "offline" : "waiting", { reason, retryAt: new Date(Date.now() + ms) });
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
const { signal } = run, askedAt = performance.now(), since = cursor, wait = since && isHeld && !failures ? ladder.wait : 0;
const { response: { status, headers }, body } = await http.json("GET", since ? `/v1/events?since=${since}&wait=${wait}&ephemeral=1` : "/v1/sync",
{ signal, headers: etag ? { "If-None-Match": etag } : {}, ms: (wait + 15) * 1000 });
if (signal.aborted) return;
if (status === 204) throw new Refusal(204);
if (!since) {
on.sync(body);
cursor = body.cursor;
return;
}
if (body && (body.from !== since || (body.hasMore && body.cursor === since))) throw new Broken(`a page from ${body.from}, not ${since}`);
if (body) step(body);
if (signal.aborted) return;
const ms = performance.now() - askedAt;
failures = 0;
ladder.worked(!isHeld || ms > 1500);
tell("live");
if (body.hasMore) return;
etag = headers.get("ETag") ?? "";
nextMs = body.poll?.nextMs ?? (Number(headers.get("X-Poll-Interval")) * 1000 || nextMs);
if (globalThis.document?.visibilityState !== "hidden") seenAt = performance.now();
const pace = isHeld && (!wait || body.events?.length || ms > 1000) ? 0 : nextMs;
await pause(performance.now() - seenAt > MINUTE ? Math.max(pace, 30_000) : pace, signal);
};
const stream = async () => {
const { signal } = run;
await http.token();
const time = limit(6000, signal);
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
if (signal.aborted) return;
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
if (cursor) http.json("POST", "/v1/delivered", { signal: run.signal, body: { cursor } }).catch(() => {});
}, Math.random() * 2000);
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
const transport = ladder.next(), askedAt = performance.now();
tell(!cursor ? "syncing" : failures || transport === "stream" ? "connecting" : "live", { transport });
await (cursor && transport === "stream" ? stream() : ask(transport === "long-poll")).catch(({ status, code, how = "away", retryAfterMs, message }) => {
if (signal.aborted) return;
if (code === "signed-out" || status === 204) {
feed.stop();
return tell(code || "stopped", { transport: null });
}
if (code === "broken" || status === 410 || code === "invalid-cursor") {
cursor = etag = "";
failures = Math.max(failures, 2);
on.lost(status ? code : message);
} else if (cursor && !isOffline() && (!code || status === 429)) ladder.failed(status ? "refused" : how, performance.now() - askedAt);
return rest(backOff(failures++, retryAfterMs), retryAfterMs ?? 0, code === "no-token" ? code : undefined);
});
}
};
const feed = {
ladder,
stop: () => run.abort(),
start(from) {
feed.stop();
ladder.recall();
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
let place = new AbortController(), release = () => {}, asking = 0, missed = 0, channel = (null);
const lead = (leads = true, isAlone = false) => on.lead(tabs.isLeader = leads, isAlone);
const queue = (steal = false) => {
missed = 0;
place.abort();
const { signal } = place = new AbortController();
navigator.locks.request(name, steal ? { steal } : { signal }, () => signal.aborted ? null : new Promise((free) => {
release = () => free(null);
lead();
})).catch(({ name }) => {
if (signal.aborted) return;
const isRobbed = name === "AbortError";
lead(!isRobbed, !isRobbed);
if (isRobbed) queue();
});
};
const beat = () => {
if (tabs.isLeader || isHidden()) missed = 0;
else if (++missed > 2) queue(true);
else tabs.ask();
};
const tabs = {
isLeader: false,
say: (word) => channel?.postMessage(word),
ask: (cursor = on.cursor()) => { if (!tabs.isLeader) tabs.say({ hello: me, cursor }); },
start() {
if (!globalThis.navigator?.locks || !globalThis.BroadcastChannel) return lead(true, true);
channel = new BroadcastChannel(name);
channel.onmessage = ({ data: { hello, cursor, to, isSlow, ...news } }) => {
if (hello && tabs.isLeader) tabs.say({ to: hello, ...on.answer(cursor) });
if (hello || (to && to !== me)) return;
if (to || news.state) missed = 0;
if (isSlow && !isHidden() && !tabs.isLeader) queue(true);
on.hear(news);
};
queue();
asking = setInterval(beat, 900);
tabs.ask();
},
stop() {
channel?.close();
channel = null;
clearInterval(asking);
place.abort();
release();
tabs.isLeader = false;
},
};
return tabs;
};
const makeNote = (key) => ({
get: () => { try { return localStorage.getItem(key) ?? ""; } catch { return ""; } },
set: (text) => { try { localStorage.setItem(key, text); } catch { /* then it is not noted */ } },
});
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
use(name) {
cache.name = name;
opened = null;
},
async forget(prefix) {
const { name } = cache;
cache.use("");
try {
if (name) indexedDB.deleteDatabase(name);
if (prefix) for (const { name = "" } of await indexedDB.databases()) if (name.startsWith(prefix) && name !== cache.name) indexedDB.deleteDatabase(name);
} catch { /* there is none, or an old browser does not name them */ }
},
};
return cache;
};
const makeOutbox = ({ call }, cache, tell) => {
const drafts = new Map(), busy = new Set(), settled = new Map();
let at = 0;
const outbox = {
isLeading: false,
get all() { return [...drafts.values()]; },
of: (conversationId) => outbox.all.filter((draft) => draft.conversationId === conversationId),
put(draft) {
if (settled.has(draft.clientMessageId)) return;
at = Math.max(at, Date.parse(draft.createdAt) || 0);
drafts.set(draft.clientMessageId, draft);
outbox.send(draft.conversationId);
},
keep: (draft) => cache.put(`draft/${draft.clientMessageId}`, draft).then(() => { if (drafts.has(draft.clientMessageId)) tell("draft", draft); }),
add(conversationId, message) {
at = Math.max(at + 1, Date.now());
const clientMessageId = at.toString(36) + [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(36)).join("");
const draft = { ...message, clientMessageId, conversationId, draft: "queued", problem: null, createdAt: new Date(at).toISOString(), body: { ...message, clientMessageId } };
drafts.set(clientMessageId, draft);
outbox.keep(draft);
return draft;
},
retry: (id) => { if (drafts.has(id)) outbox.keep({ ...drafts.get(id), draft: "queued", problem: null }); },
drop(id) {
if (id) isNew(settled, id);
if (id && drafts.delete(id)) cache.put(`draft/${id}`);
},
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
const NOTHING = { cursor: null, me: null, next: null, total: 0, ephemeral: { typing: [], presence: [] }, last: [], conversations: [], unread: [], arriving: [] };
const statusOf = ({ seq, createdAt, status = "SENT" }, { members, memberCount }, me) => {
const to = members.filter(({ user, joinedAt }) => user.id !== me && joinedAt <= createdAt);
if (!to.length || memberCount > 20 || status === "READ") return status;
if (to.every(({ readUpTo }) => readUpTo >= seq)) return "READ";
return to.every(({ deliveredUpTo }) => deliveredUpTo >= seq) ? "DELIVERED" : status;
};
const of = encodeURIComponent, path = (id = "", rest = "") => `/v1/conversations/${of(id)}${rest}`;
const makeModel = ({ call }, outbox, cache, tell, show, unknown) => {
let held = new Map(), counts = new Map(), last = new Map(), arriving = new Map(), passed = new Map(), archived = "";
const told = new Map(), messages = new Map(), threads = new Map();
const pass = (cursor = "", event = (null)) => isNew(passed, cursor, event) && (model.cursor = cursor);
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
unknown(id, data.conversation?.type === "PRIVATE" ? 0 : undefined);
}
};
const run = (id) => {
const known = messages.get(id) ?? new Map(), found = new Array();
let seq = 0;
for (const one of known.keys()) seq = Math.max(seq, one);
for (; known.has(seq); seq--) found.push(known.get(seq));
return found.reverse();
};
const hold = async (...request) => {
const conversation = await call(...request);
if (!conversation?.me) throw new Refusal(404, { code: "not-found" });
tell("hold", conversation);
return held.get(conversation.id);
};
const makeThread = (id) => {
let typedAt = -Infinity, readUpTo = 0;
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
typedAt = -Infinity;
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
if (isTyping === performance.now() - typedAt < 3000) return;
typedAt = isTyping ? performance.now() : -Infinity;
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
return { cursor, me, next, total, ephemeral, last: [...last], conversations: model.conversations.all, unread: [...counts], arriving: [...arriving] };
},
messages: run,
drop(id) {
for (const map of [held, arriving, messages, counts]) map.delete(id);
cache.put(`thread/${id}`);
},
unreadOf: (id) => counts.get(id) ?? 0,
has: (cursor) => passed.has(cursor),
after(cursor) {
const all = [...passed.keys()];
return all.slice(all.indexOf(cursor) + 1).flatMap((one) => passed.get(one) ?? []);
},
adopt({ last: seqs, conversations, unread, arriving: awaited, ...rest }) {
held = new Map(conversations.map((one) => [one.id, one]));
counts = new Map(unread);
last = new Map(seqs);
passed = new Map([[rest.cursor, null]]);
arriving = new Map(awaited);
archived = "";
if (rest.me?.id !== model.me?.id) for (const one of [messages, told]) one.clear();
Object.assign(model, rest);
},
*take({ from, cursor, events }) {
if (!passed.has(from)) throw new Broken(`a step from ${from}, not ${model.cursor}`);
for (const event of events) {
if (!pass(event.cursor, event)) continue;
const { type, data: { message, member }, conversationId: id } = event, seq = message?.seq ?? 0, before = last.get(id) ?? seq - 1;
if (type === "message.created") {
if (seq !== before + 1) throw new Broken(`message ${seq} after ${before} in ${id}`);
last.set(id, seq);
} else if (type === "conversation.deleted" || member?.user.id === model.me?.id) last.delete(id);
apply(event);
if (isNew(told, event.cursor)) yield event;
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
if (old || version(message)) for (const { replyTo } of known.values()) if (replyTo?.id === message.id) Object.assign(replyTo, { excerpt, isDeleted: message.isDeleted });
}
if (known.size > 50 && !threads.get(id)?.isLoaded) for (const seq of [...known.keys()].sort((a, b) => b - a).slice(50)) known.delete(seq);
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
const VERSION = 1;
const makeCauserie = ({ url = "", cache: isKept = true, language = globalThis.document?.documentElement.lang || globalThis.navigator?.language || "en", ...options }) => {
const listeners = new Map(), changed = new Set(), finding = new Set(), ours = `causerie ${url} `, signedOut = makeNote(`${ours}signed out`);
let run = new AbortController(), tabs = (null), saving = 0, counted = 0, outAt = "";
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
if (state.isLeader) cache.put("model", { ...model.knowledge, cursor: null, arriving: [] });
}, 2000);
};
const find = async (id = "", within = 2000) => {
if (!state.isLeader || finding.has(id)) return;
finding.add(id);
await pause(Math.random() * within);
for (let failures = 0; state.isLeader && model.arriving.includes(id);) await http.call("GET", `/v1/conversations/${id}`)
.then((conversation) => tell("hold", conversation), (error) => (passes(error) ? pause(backOff(failures++)) : model.drop(id)));
finding.delete(id);
};
const http = makeHttp({ url, language, ...options }, () => {
signedOut.set(String(Date.now()));
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
}, makeNote(`${ours}transport`));
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
const lead = (isLeader = true, isAlone = false) => {
if (isAlone) feed.ladder.allow({ stream: false, longPoll: false }, "no-locks");
outbox.isLeading = isLeader;
hear.state({ isLeader, allowed: feed.ladder.allowed });
feed.stop();
restart();
outbox.all.forEach(outbox.put);
model.arriving.forEach((id) => find(id));
};
const rest = () => {
tabs?.stop();
lead(false);
};
const back = ({ persisted = false }) => {
if (!persisted) return;
http.forget(false);
if (signedOut.get() === outAt) return causerie.start();
cache.use("");
hear.gone(true);
};
const relearn = () => tabs?.ask(model.cursor = null);
const clear = () => {
cache.use("");
outbox.forget();
hear.adopt(NOTHING);
changed.clear();
};
const identify = async ({ signal } = run) => {
for (let failures = 0; !signal.aborted;) try {
return await http.who();
} catch (error) {
const { code, message } = (error), isOut = code === "signed-out";
if (!signal.aborted) hear.state({ status: isOut ? code : "waiting", reason: message });
if (isOut) break;
await pause(backOff(failures++), signal);
}
return "";
};
const state = { transport: null, status: "stopped", reason: null, since: new Date(), isLeader: false, cursor: null, ...http.counts, retryAt: null, allowed: feed.ladder.allowed };
const hear = {
state(news) {
const text = () => JSON.stringify([state, ...state.allowed]), before = text();
const { status, transport } = { ...state, ...news };
if (status !== state.status || transport !== state.transport) state.since = new Date();
if (news.allowed) feed.ladder.allowed = news.allowed;
if (news.status === "signed-out" && options.getToken) again(run.signal);
Object.assign(state, news);
if (text() !== before) emit("state", state);
},
step(step) {
const touched = new Set(), { events, unread, ephemeral } = step, { signal } = run;
if (!model.cursor) return;
if (!state.isLeader && !model.has(step.from)) return tabs?.ask();
try {
for (const event of model.take(step)) {
const { message, user } = event.data;
if (message?.sender?.id === model.me?.id) outbox.drop(message?.clientMessageId);
for (const id of user ? model.threads.keys() : [event.conversationId]) touched.add(id);
emit(event.type, event);
emit("event", event);
if (signal.aborted) return;
}
} catch (error) {
if (state.isLeader) throw error;
relearn();
}
if (events[0]) show(touched);
if (unread) hear.unread(unread);
if (!ephemeral) return;
model.ephemeral = ephemeral;
emit("typing", ephemeral.typing);
emit("presence", ephemeral.presence);
},
adopt(knowledge) {
const isBehind = model.cursor && knowledge.cursor && !model.has(knowledge.cursor);
counted++;
model.adopt(knowledge);
show();
emit("unread", causerie.unread);
if (isBehind) emit("resync", { reason: "missed" });
if (model.cursor) for (const [id, thread] of model.threads) {
if (!model.conversations.peek(id)) model.conversations.get(id).catch(() => {});
if (thread.isLoaded) reload(thread);
}
},
unread(unread) {
const at = ++counted;
if (!model.count(unread) && state.isLeader && !unread.isAll) http.call("GET", "/v1/unread").then(({ total, conversations }) => {
if (at === counted) tell("unread", { total, changed: conversations, isAll: true });
}, () => {});
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
at(step) {
if (state.isLeader || model.has(step.cursor)) return;
hear.step(step);
relearn();
},
lost(reason) {
console.error(`causerie resyncs: ${reason}`);
model.cursor = null;
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
clear();
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
signOut() {
const forgotten = cache.forget(`${ours}[`);
signedOut.set(String(Date.now()));
tell("gone", false);
return forgotten;
},
on(type, listener) {
const those = listeners.get(type) ?? new Set();
listeners.set(type, those.add(listener));
return () => those.delete(listener);
},
async start() {
causerie.stop();
const { signal } = run = new AbortController();
const when = { online: restart, offline: restart, visibilitychange: () => tabs?.ask(), pagehide: rest, pageshow: back };
for (const [type, act] of Object.entries(when)) globalThis.addEventListener?.(type, (act), { signal });
outAt = signedOut.get();
hear.state({ status: "connecting" });
const who = await identify();
if (signal.aborted) return;
if (!who) return clear();
const name = `${ours}${who} ${VERSION}`;
cache.use(isKept ? name : "");
const kept = model.cursor ? null : await cache.get("model"), drafts = await cache.all("draft/");
if (signal.aborted) return;
if (kept) hear.adopt(kept);
drafts.forEach(hear.draft);
tabs = makeTabs(name, {
lead,
hear: (news) => { if (!state.isLeader || !(news.state || news.adopt || news.lost)) listen(news); },
cursor: () => model.cursor,
answer(cursor) {
const { isLeader, ...shown } = state;
return { state: shown, isSlow: document.hidden && state.transport !== "stream", ...(model.cursor && (cursor && model.has(cursor) ? { at: { from: cursor, cursor: model.cursor, events: model.after(cursor) } } : { adopt: model.knowledge })) };
},
});
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
