/**
 * One person's feed, followed by poll, long-poll or stream with ONE cursor.
 *
 * The cursor moves only in the same synchronous step that hands an event out, never across an `await`: whatever is
 * aborted on the way (a change of transport, a failure, a closed lid) is simply asked again from the cursor, by any
 * transport. That is the whole reason why nothing is lost and nothing comes twice.
 */

/** @typedef {"poll" | "long-poll" | "stream"} Transport */
/**
 * @typedef {object} FeedState What a status line may show.
 * @property {Transport} transport
 * @property {"syncing" | "connecting" | "live" | "retrying" | "stopped"} state
 * @property {string | null} cursor
 * @property {number} requests    sent for the feed: snapshots, polls, tickets, streams
 * @property {number} notModified of those, answered 304
 * @property {number} bytes       of bodies and frames received
 * @property {Date | null} lastEventAt
 * @property {number} retryInMs   while `retrying`
 */

/** Seconds that a long-poll asks the service to hold it. */
const WAIT = 25;
/** A heartbeat comes every 15 s: a stream silent for longer than two of them is dead. */
const SILENCE_MS = 40_000;
/** A stream's reader says at most this often what it has; what polls have, their cursors say. */
const ACKNOWLEDGE_MS = 2_000;
/** EventSource hands out named events only to who asks for the name; any other type is ignored by not being here. */
const DURABLE = [
  "conversation.created", "conversation.updated", "conversation.deleted", "member.joined", "member.updated",
  "member.left", "message.created", "message.updated", "message.deleted", "receipt.read", "receipt.delivered",
  "notification.created", "notification.read", "user.updated",
];

/** An answer of 400 and above: its status, its problem, and how long the service asked to be left alone. */
export class Refusal extends Error {
  constructor(status, problem, retryAfter) {
    super(problem?.detail ?? problem?.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = problem?.code ?? "";
    this.retryAfterMs = problem?.retryAfterMs ?? (Number(retryAfter) || 0) * 1000;
  }
}

/** Full jitter, growing to half a minute; never sooner than a `Retry-After`. */
export function backOff(failures, retryAfterMs = 0) {
  return retryAfterMs + Math.random() * (retryAfterMs ? 1000 : Math.min(30_000, 500 * 2 ** Math.min(failures, 10)));
}

/** Parses a body that may come from a proxy in between, and then is no JSON. */
export function parse(text) {
  try { return JSON.parse(text); } catch { return null; }
}

const size = (text) => new TextEncoder().encode(text).length;

export class Feed {
  /** @type {Transport} */ #transport;
  /** @type {string | null} */ #cursor = null;
  /** The last answer's ETag, of use only while the cursor is the one it was given for. */
  #etag = { cursor: null, value: null };
  #state = "stopped";
  #counts = { requests: 0, notModified: 0, bytes: 0, lastEventAt: null, retryInMs: 0 };
  #nextMs = 3000;
  #failures = 0;
  /** Aborting it ends the present run; everything awaited looks at it before it touches the feed. */
  #run = new AbortController();
  #wake = () => {};
  /** The acknowledgement that is due, and when the last one went out. */
  #due = null;
  #acknowledgedAt = -Infinity;

  /**
   * @param {object} options
   * @param {string} options.token
   * @param {Transport} [options.transport]
   * @param {(snapshot: object) => void} options.onSync    everything as of the cursor; the events go on from there
   * @param {(event: object) => void} options.onEvent      each durable event once, in order
   * @param {(unread: object) => void} options.onUnread    `{total, changed}`: absolute, as of the cursor
   * @param {(state: FeedState) => void} [options.onState]
   */
  constructor({ token, transport = "long-poll", onSync, onEvent, onUnread, onState = () => {} }) {
    this.#transport = transport;
    this.token = token;
    this.listeners = { onSync, onEvent, onUnread, onState };
  }

  /** Starts with a snapshot, then follows. Goes on for ever: only `stop` or a refused token ends it. */
  start() {
    this.#run.abort();
    this.#run = new AbortController();
    globalThis.addEventListener("online", this.wake);
    this.#follow(this.#run.signal);
  }

  stop() {
    this.#run.abort();
    globalThis.removeEventListener("online", this.wake);
    this.#tell("stopped");
  }

  /** Goes on by another transport from the same cursor, at once. */
  change(/** @type {Transport} */ transport) {
    this.#transport = transport;
    this.start();
  }

  /** Ends the pause between two polls, and that before a retry unless the service asked for it. */
  wake = () => this.#wake();

  async #follow(run) {
    while (!run.aborted) {
      try {
        if (this.#cursor === null) await this.#sync(run);
        else if (this.#transport === "stream") await this.#stream(run);
        else await this.#ask(run);
      } catch (failure) {
        if (!run.aborted) await this.#recover(run, failure);
      }
    }
  }

  async #recover(run, failure) {
    if (failure.status === 401) return this.stop();
    if (failure.status === 410 || failure.code === "invalid-cursor") this.#cursor = null;
    await this.#rest(run, backOff(this.#failures++, failure.retryAfterMs), !failure.retryAfterMs);
  }

  async #rest(run, ms, wakeable) {
    if (run.aborted) return;
    this.#counts.retryInMs = ms;
    this.#tell("retrying");
    await this.#pause(run, ms, wakeable);
  }

  async #sync(run) {
    this.#tell("syncing");
    const { body } = await this.#request(run, "GET", "/v1/sync");
    this.#cursor = body.cursor;
    this.#call("onSync", body);
  }

  /** One poll or long-poll, and the pause that the service asked for after it. */
  async #ask(run) {
    const wait = this.#transport === "long-poll" ? WAIT : 0;
    const etag = this.#etag.cursor === this.#cursor ? this.#etag.value : null;
    const path = `/v1/events?since=${encodeURIComponent(this.#cursor)}&wait=${wait}&limit=200`;
    this.#tell(this.#failures ? "connecting" : "live");
    const asked = performance.now();
    const { response, body } = await this.#request(run, "GET", path, { etag, wait });
    this.#failures = 0;
    const seconds = Number(response.headers.get("X-Poll-Interval"));
    this.#nextMs = body?.poll?.nextMs ?? (seconds ? seconds * 1000 : this.#nextMs);
    if (body) this.#take(run, body, response.headers.get("ETag"));
    if (run.aborted) return;
    this.#tell("live");
    if (body?.hasMore) return;
    // A wait that ends early with nothing (a deploy, a full house) is paced like a poll.
    const early = !body?.events.length && performance.now() - asked < 1000;
    if (!wait || early) await this.#pause(run, this.#nextMs, true);
  }

  #take(run, page, etag) {
    for (const event of page.events) {
      if (run.aborted) return;
      this.#hand(event, event.cursor);
    }
    if (run.aborted) return;
    this.#cursor = page.cursor;
    this.#etag = { cursor: page.hasMore ? null : page.cursor, value: etag };
    if (page.unread) this.#call("onUnread", page.unread);
  }

  /** One EventSource, to its end. Its own reconnection is not used: its ticket would be too old by then. */
  async #stream(run) {
    this.#tell("connecting");
    const { body } = await this.#request(run, "POST", "/v1/stream-tickets");
    this.#counts.requests++;
    const query = new URLSearchParams({ since: this.#cursor, ticket: body.ticket });
    const source = new EventSource(`/v1/events/stream?${query}`);
    let silence;
    const end = new Promise((resolve, reject) => {
      const alive = () => {
        clearTimeout(silence);
        silence = setTimeout(() => reject(new Error("silent stream")), SILENCE_MS);
      };
      const on = (name, handle) => source.addEventListener(name, (frame) => {
        if (run.aborted) return;
        alive();
        const text = frame.data ?? "";
        this.#counts.bytes += size(`id: ${frame.lastEventId}\nevent: ${name}\ndata: ${text}\n\n`);
        handle(parse(text), frame.lastEventId || this.#cursor);
      });
      const live = (_, cursor) => { this.#cursor = cursor; this.#tell("live"); };
      // A stream that only ever gets as far as `hello` goes on backing off.
      const proven = (event, cursor) => { this.#failures = 0; this.#hand(event, cursor); this.#acknowledge(); this.#tell("live"); };
      on("hello", live);
      on("heartbeat", (_, cursor) => { this.#failures = 0; live(_, cursor); });
      for (const name of DURABLE) on(name, proven);
      on("unread", (unread) => this.#call("onUnread", unread));
      on("resync", () => reject(new Refusal(410)));
      on("goodbye", (bye) => resolve(bye?.reconnectAfterMs ?? 0));
      // `error` is also what EventSource calls its own failures; those carry no data.
      on("error", (told) => reject(new Refusal(told?.problem?.status ?? told?.status ?? 0, told?.problem ?? told)));
      run.addEventListener("abort", () => resolve(0), { once: true });
      alive();
    });
    try {
      const pause = await end;
      source.close();
      if (pause) await this.#rest(run, pause, false);
    } finally {
      source.close();
      clearTimeout(silence);
    }
  }

  /** What a burst brings is said in one go. Where it fails, the next event says it all. */
  #acknowledge() {
    if (this.#due) return;
    const send = () => {
      const run = this.#run.signal;
      this.#due = null;
      if (run.aborted) return;
      this.#acknowledgedAt = performance.now();
      this.#request(run, "POST", "/v1/delivered", { content: { cursor: this.#cursor } }).catch(() => {});
    };
    this.#due = setTimeout(send, Math.max(0, this.#acknowledgedAt + ACKNOWLEDGE_MS - performance.now()));
  }

  #hand(event, cursor) {
    this.#cursor = cursor;
    this.#counts.lastEventAt = new Date();
    if (event) this.#call("onEvent", event);
  }

  /** A listener that throws must not look like a lost connection. */
  #call(name, what) {
    try { this.listeners[name](what); } catch (error) { reportError(error); }
  }

  #tell(state) {
    this.#state = state;
    this.#call("onState", { transport: this.#transport, state: this.#state, cursor: this.#cursor, ...this.#counts });
  }

  /** `no-store`, or the browser's cache would turn a 304 into the old 200; no cookies, or they might be another's. */
  async #request(run, method, path, { etag = null, wait = 0, content = null } = {}) {
    const headers = { Accept: "application/json", Authorization: `Bearer ${this.token}` };
    if (content) headers["Content-Type"] = "application/json";
    if (etag) headers["If-None-Match"] = etag;
    this.#counts.requests++;
    const signal = AbortSignal.any([run, AbortSignal.timeout((wait + 15) * 1000)]);
    const options = { method, headers, signal, cache: "no-store", credentials: "omit" };
    const response = await fetch(path, content ? { ...options, body: JSON.stringify(content) } : options);
    const text = await response.text();
    run.throwIfAborted();
    this.#counts.bytes += size(text);
    if (response.status === 304) this.#counts.notModified++;
    else if (!response.ok) throw new Refusal(response.status, parse(text), response.headers.get("Retry-After"));
    return { response, body: [204, 304].includes(response.status) ? null : JSON.parse(text) };
  }

  #pause(run, ms, wakeable) {
    return new Promise((resolve) => {
      if (run.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        run.removeEventListener("abort", done);
        this.#wake = () => {};
        resolve();
      };
      const timer = setTimeout(done, ms);
      run.addEventListener("abort", done);
      if (wakeable) this.#wake = done;
    });
  }
}
