/**
 * One connection per browser: the tab that holds the lock leads, the others hear it. The browser frees the lock of a tab
 * that dies; from one that hangs or sleeps, or is slowed down in the background, a visible one takes it.
 * @import * as T from "./types"
 */
import { Unreachable, backOff, isNew, passes, pause } from "./http.js";

/** @type {T.MakeTabs} */
export const makeTabs = (name, on) => {
  const me = Math.random().toString(36), isHidden = () => document.visibilityState === "hidden";
  let place = new AbortController(), release = () => {}, asking = 0, missed = 0, channel = /** @type {BroadcastChannel | null} */ (null);

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
      // A page of an opaque origin has no locks after all.
      lead(!isRobbed, !isRobbed);
      if (isRobbed) queue();
    });
  };

  // Timers of a hidden leader may run once a minute, but it answers as quickly as another. Counted, not timed: a tab that
  // hung itself finds the answers waiting.
  const beat = () => {
    if (tabs.isLeader || isHidden()) missed = 0;
    else if (++missed > 2) queue(true);
    else tabs.ask();
  };

  /** @type {T.Tabs} */
  const tabs = {
    isLeader: false,
    say: (word) => channel?.postMessage(word),

    // What has happened since; and whether the leader is awake.
    ask: (cursor = on.cursor()) => { if (!tabs.isLeader) tabs.say({ hello: me, cursor }); },

    start() {
      // In an insecure page each tab is for itself.
      if (!globalThis.document || !globalThis.navigator?.locks || !globalThis.BroadcastChannel) return lead(true, true);
      channel = new BroadcastChannel(name);
      channel.onmessage = ({ data: { hello, cursor, to, isSlow, ...news } }) => {
        if (hello && tabs.isLeader) tabs.say({ to: hello, ...on.answer(cursor) });
        if (hello || (to && to !== me)) return;
        // Who has just taken the lead says so.
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

/** A word that outlives the page. Where the browser refuses that (private windows), there is none. @type {T.MakeNote} */
export const makeNote = (key) => ({
  get: () => { try { return localStorage.getItem(key) ?? ""; } catch { return ""; } },
  set: (text) => { try { localStorage.setItem(key, text); } catch { /* then it is not noted */ } },
});

/** Where the browser refuses a database (private windows) nothing is kept, or said. @type {T.MakeCache} */
export const makeCache = () => {
  let opened = /** @type {any} */ (null);

  /** @type {T.Done} */
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = reject;
    // Some browsers never answer.
    setTimeout(reject, 3000);
  });

  /** One request per transaction: none is open across an `await`. @type {T.AskCache} */
  const ask = async (mode, act) => {
    if (cache.name) try {
      if (!opened) {
        const request = indexedDB.open(cache.name);
        request.onupgradeneeded = () => request.result.createObjectStore("kept");
        opened = done(request);
      }
      const database = await opened;
      // Another tab forgets everything.
      database.onversionchange = database.close;
      return await done(act(database.transaction("kept", mode).objectStore("kept")));
    } catch { /* then it is not kept */ }
  };

  /** @type {T.Cache} */
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
        // At once: the page may be about to go.
        if (name) indexedDB.deleteDatabase(name);
        if (prefix) for (const { name = "" } of await indexedDB.databases()) if (name.startsWith(prefix) && name !== cache.name) indexedDB.deleteDatabase(name);
      } catch { /* there is none, or an old browser does not name them */ }
    },
  };
  return cache;
};

/**
 * Drafts, sent by the leading tab in order, per conversation. One keeps its `clientMessageId` through every try, reload
 * and change of leader: the service stores it once.
 * @type {T.MakeOutbox}
 */
export const makeOutbox = ({ call }, cache, tell) => {
  const drafts = new Map(), busy = new Set(), settled = new Map();
  let at = 0;

  /** @type {T.Outbox} */
  const outbox = {
    isLeading: false,
    get all() { return [...drafts.values()]; },
    of: (conversationId) => outbox.all.filter((draft) => draft.conversationId === conversationId),

    put(draft) {
      // Told late, by a tab that did not know yet.
      if (settled.has(draft.clientMessageId)) return;
      at = Math.max(at, Date.parse(draft.createdAt) || 0);
      drafts.set(draft.clientMessageId, draft);
      outbox.send(draft.conversationId);
    },

    // Told when it is kept: what is settled sooner would stay behind. And not at all then.
    keep: (draft) => cache.put(`draft/${draft.clientMessageId}`, draft).then(() => { if (drafts.has(draft.clientMessageId)) tell("draft", draft); }),

    add(conversationId, message) {
      // Its id begins with the time: so the cache, too, keeps them in order.
      at = Math.max(at + 1, Date.now());
      const clientMessageId = at.toString(36) + [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(36)).join("");
      /** @type {T.Draft} */
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
    // What one person has written, no other sends.
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
          // What something in between refuses again and again, it will not let through. Unless it was settled meanwhile.
          if (drafts.has(clientMessageId)) await outbox.keep(isPassing ? { ...kept, draft: "queued" } : { ...kept, draft: "failed", problem: { status, code, message, errors } });
          if (isPassing) await pause(backOff(failures++, retryAfterMs), undefined, retryAfterMs);
        });
      }
      busy.delete(conversationId);
    },
  };
  return outbox;
};
