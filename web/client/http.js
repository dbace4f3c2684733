/** The one place that fetches, every wait bounded; and the frames of a stream. @import * as T from "./types" */

/** An answer of 400 and above; without a `code` it is a proxy's. */
export class Refusal extends Error {
  constructor(status = 0, problem = /** @type {any} */ ({}), retryAfter = "") {
    const { detail = `HTTP ${status}`, code = "", errors = [], retryAfterMs = (+retryAfter || (Date.parse(retryAfter) - Date.now()) / 1000) * 1000 || 0 } = problem ?? {};
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = errors;
    // An hour at most: a timer that is too long for the browser ends at once.
    this.retryAfterMs = Math.min(Math.max(retryAfterMs, 0), 3_600_000);
  }
}
export class Unreachable extends Error {
  constructor(cause = /** @type {unknown} */ (""), code = "") {
    super(String(cause));
    this.code = code;
  }
}

/** Whether the same may succeed later. @param {any} error */
export const passes = ({ status, code }) => !status || status >= 500 || [401, 408, 429].includes(status) || (!code && status !== 413);

/** Full jitter, up to half a minute; never sooner than was asked. */
export const backOff = (failures = 0, least = 0) => least + Math.random() * Math.min(30_000, 500 * 2 ** failures);

/** Whether a map has it for the first time; it forgets what is old. */
export const isNew = (map = new Map(), key = "", value = /** @type {unknown} */ (null)) => {
  if (map.has(key)) return false;
  map.set(key, value);
  if (map.size > 1000) map.delete(map.keys().next().value);
  return true;
};

/** Ends with `outer`, by `stop`, or after `ms`. */
export const limit = (ms = 0, outer = new AbortController().signal) => {
  const end = new AbortController(), { signal } = end, stop = () => { clearTimeout(timer); end.abort(); };
  let timer = setTimeout(stop, ms);
  outer.addEventListener("abort", stop, { signal });
  if (outer.aborted) stop();
  return { signal, stop, renew(ms = 0) { clearTimeout(timer); timer = setTimeout(stop, ms); } };
};

/** Ends early when the network is back, or the page is looked at; not before `least`, which the service has asked for. */
export const pause = (ms = 0, outer = new AbortController().signal, least = 0) => new Promise((resolve) => {
  const { signal, stop } = limit(ms, outer), from = performance.now() + least, wake = () => { if (!globalThis.document?.hidden && performance.now() >= from) stop(); };
  // Not with the event: whoever waits takes what comes for a value.
  signal.onabort = () => resolve(null);
  for (const type of ["online", "visibilitychange"]) globalThis.addEventListener?.(type, wake, { signal });
  if (signal.aborted) resolve(null);
});

/** @param {unknown} cause @returns {never} */
const unreachable = (cause, code = "") => { throw cause instanceof Refusal || cause instanceof Unreachable ? cause : new Unreachable(cause, code); };

/** @returns {Promise<any>} */
const late = () => new Promise((_, reject) => { setTimeout(reject, 30_000, new Unreachable("late", "no-token")); });

/** @type {T.MakeHttp} */
export const makeHttp = ({ url = "", token: fixed, getToken, language = "" }, onOther) => {
  const counts = { requests: 0, notModified: 0, bytes: 0 };
  let token = "", who = "", renewAt = 0, endsAt = 0, age = 0, asking = /** @type {any} */ (null);

  /** Of whoever has signed out meanwhile nothing is shown, and nothing sent by another. */
  const check = (born = 0) => { if (born !== age) throw new Refusal(401, { code: "signed-out" }); };

  /** @type {T.Renew} */
  const renew = async (reason) => {
    // One that stays the same is of no more use once it is refused.
    const born = age, fresh = getToken ? await Promise.race([Promise.resolve({ reason }).then(getToken), late()]) : reason !== "refused" && fixed;
    check(born);
    if (fresh) {
      const { exp, sub, userId, tenant, tenantId } = JSON.parse(atob(fresh.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
      const owner = JSON.stringify([tenant ?? tenantId ?? "default", sub ?? userId]), left = exp * 1000 - Date.now();
      // Where the clock here is wrong, the 401 tells.
      endsAt = exp * 1000;
      renewAt = left > 0 ? endsAt - Math.min(60_000, left / 4) : Infinity;
      if ((who ||= owner) === owner) return token = fresh;
      onOther();
    }
    token = "";
    throw new Refusal(401, { code: "signed-out" });
  };

  /** @type {T.Http} */
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
      // Nobody waits for the next one, or goes without, while there is this one.
      asking.catch(() => { renewAt = Date.now() + 5000 + Math.random() * 5000; });
      return token;
    },

    async open(method, path, { signal, headers, body } = {}) {
      const born = age;
      // From a cache, a 304 would turn into an old 200; a cookie might be another person's. A mark outlives the page that is left.
      const send = async (bearer = "") => (check(born), fetch(url.replace(/\/$/, "") + path, { method, signal, body: body && JSON.stringify(body), cache: "no-store", credentials: "omit", keepalive: method !== "GET" && !body,
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
      // Before its own time runs: who gives the token may be slow.
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

/** Server-sent events, by the rules of WHATWG's EventSource; to be given bytes, cut anywhere. */
export const makeReader = () => {
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
