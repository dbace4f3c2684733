/** What goes over the wire: requests with the token in a header, every wait bounded; and the frames of a stream. */

/** An answer of 400 and above. Without a `code` it is a proxy's, not the service's. */
export class Refusal extends Error {
  constructor(status = 0, problem = /** @type {any} */ (null), retryAfter = "") {
    super(problem?.detail ?? `HTTP ${status}`);
    this.status = status;
    /** @type {string} */ this.code = problem?.code ?? "";
    /** @type {object[]} */ this.errors = problem?.errors ?? [];
    /** @type {number} */ this.retryAfterMs = problem?.retryAfterMs ?? (+retryAfter * 1000 || 0);
  }
}

/** No answer, or none that can be read. */
export class Unreachable extends Error {}

/** Whether the same may succeed later. @param {any} error */
export const passes = ({ status, code }) => !status || status >= 500 || [401, 408, 429].includes(status) || (!code && status !== 413);

/** Full jitter, up to half a minute; never sooner than was asked. */
export const backOff = (failures = 0, least = 0) => least + Math.random() * Math.max(least && 1000, Math.min(30_000, 500 * 2 ** failures));

/** Ends with `signal`, by `stop`, or after `ms`. */
export const limit = (ms = 0, signal = new AbortController().signal) => {
  const end = new AbortController(), stop = () => { clearTimeout(timer); end.abort(); };
  let timer = setTimeout(stop, ms);
  signal.addEventListener("abort", stop, { signal: end.signal });
  if (signal.aborted) stop();
  return { signal: end.signal, stop, renew(ms = 0) { clearTimeout(timer); timer = setTimeout(stop, ms); } };
};

/** Ends early when the network is back, or the page is looked at. */
export const pause = (ms = 0, signal = new AbortController().signal) => new Promise((resolve) => {
  const { signal: end, stop } = limit(ms, signal);
  end.onabort = resolve;
  for (const type of ["online", "visibilitychange"]) globalThis.addEventListener?.(type, stop, { signal: end });
  if (end.aborted) resolve(null);
});

const parse = (text = "") => {
  try { return JSON.parse(text); } catch { return null; }
};

/** @type {import("./types").MakeHttp} */
export const makeHttp = ({ url = "", token: fixed, getToken, language }, onOther) => {
  const counts = { requests: 0, notModified: 0, bytes: 0 };
  let token = "", who = "", renewAt = 0, asking = /** @type {Promise<string> | null} */ (null);

  const renew = async (reason = /** @type {"start" | "expiring" | "refused"} */ ("start")) => {
    // A token that stays the same is of no more use once it is refused.
    const fresh = getToken ? await getToken({ reason }) : reason !== "refused" && fixed;
    if (fresh) {
      const { exp, sub, userId, tenant, tenantId } = parse(atob(fresh.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
      const owner = JSON.stringify([tenant ?? tenantId ?? "default", sub ?? userId]), left = exp * 1000 - Date.now();
      // Where the clock here is wrong, the 401 tells.
      renewAt = left > 0 ? Date.now() + left - Math.min(60_000, left / 4) : Infinity;
      if ((who ||= owner) === owner) return token = fresh;
      onOther();
    }
    token = "";
    throw new Refusal(401, { code: "signed-out" });
  };

  /** @type {import("./types").Http} */
  const http = {
    counts,
    who: async () => (await http.token(), who),
    forget: () => { token = who = ""; },

    async token(refused) {
      if (token && token !== refused && Date.now() < renewAt) return token;
      return asking ??= renew(!token ? "start" : token === refused ? "refused" : "expiring").finally(() => { asking = null; });
    },

    async open(method, path, { signal, headers, body } = {}) {
      const send = (bearer = "") => fetch(url.replace(/\/$/, "") + path, {
        // From a cache, a 304 would turn into an old 200; a cookie might be another person's.
        method, signal, body: body && JSON.stringify(body), cache: "no-store", credentials: "omit",
        headers: { Authorization: `Bearer ${bearer}`, ...(language && { "Accept-Language": language }), ...(body && { "Content-Type": "application/json" }), ...headers },
      });
      const used = await http.token();
      let response = await send(used);
      if (response.status === 401) response = await send(await http.token(used));
      counts.requests++;
      if (response.status === 304) counts.notModified++;
      if (response.status < 400) return response;
      throw new Refusal(response.status, parse(await response.text()), response.headers.get("Retry-After") ?? "");
    },

    async json(method, path, { signal, ms = 20_000, ...options } = {}) {
      const time = limit(ms, signal);
      try {
        const response = await http.open(method, path, { ...options, signal: time.signal });
        const text = await response.text();
        counts.bytes += new Blob([text]).size;
        return { response, body: text && JSON.parse(text) };
      } catch (cause) {
        throw cause instanceof Refusal ? cause : new Unreachable(String(cause), { cause });
      } finally {
        time.stop();
      }
    },

    call: async (method, path, body) => (await http.json(method, path, { body })).body,
  };
  return http;
};
