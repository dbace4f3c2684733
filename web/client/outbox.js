/** What is kept in the browser: for the next visit, and until the service has acknowledged it. */
import { Unreachable, backOff, passes, pause } from "./http.js";

/**
 * A database per service, tenant and user. Where the browser refuses one (private windows) nothing is kept, or said.
 * @type {import("./types").MakeCache}
 */
export const makeCache = () => {
  let opened = /** @type {Promise<IDBDatabase> | null} */ (null);

  /** @type {<T>(request: IDBRequest<T>) => Promise<T>} */
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = reject;
  });

  /** One request per transaction: none is open across an `await`. @type {(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest) => any} */
  const ask = async (mode, act) => {
    if (cache.name) try {
      const request = opened ? null : indexedDB.open(cache.name);
      if (request) request.onupgradeneeded = () => request.result.createObjectStore("kept");
      const database = await (opened ??= done(/** @type {IDBOpenDBRequest} */ (request)));
      // Another tab forgets everything.
      database.onversionchange = () => database.close();
      return await done(act(database.transaction("kept", mode).objectStore("kept")));
    } catch { /* then it is not kept */ }
  };

  /** @type {import("./types").Cache} */
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

/** There without a secure context, as `crypto.randomUUID` is not. */
const freshId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Drafts, sent by the leading tab in order, per conversation. One keeps its `clientMessageId` through every try, reload
 * and change of leader: the service stores it once.
 * @type {import("./types").MakeOutbox}
 */
export const makeOutbox = (http, cache, tell) => {
  const drafts = /** @type {Map<string, import("./types").Draft>} */ (new Map()), busy = new Set();

  /** @type {import("./types").Outbox} */
  const outbox = {
    isLeading: false,
    get all() { return [...drafts.values()].sort((a, b) => a.at - b.at); },
    of: (conversationId) => outbox.all.filter((draft) => draft.conversationId === conversationId),

    put(draft) {
      drafts.set(draft.clientMessageId, draft);
      outbox.send(draft.conversationId);
    },

    // Told when it is kept: what is settled sooner would stay behind.
    keep: (draft) => cache.put(`draft/${draft.clientMessageId}`, draft).then(() => tell("draft", draft)),

    add(conversationId, message) {
      const at = Date.now();
      /** @type {import("./types").Draft} */
      const draft = { ...message, clientMessageId: freshId(), conversationId, draft: "queued", problem: null, at, createdAt: new Date(at).toISOString() };
      drafts.set(draft.clientMessageId, draft);
      outbox.keep(draft);
      return draft;
    },

    retry(id) {
      const draft = drafts.get(id);
      if (draft) outbox.keep({ ...draft, draft: "queued", problem: null });
    },

    drop(id) {
      if (drafts.delete(id)) cache.put(`draft/${id}`);
    },

    async send(conversationId) {
      if (!outbox.isLeading || busy.has(conversationId)) return;
      busy.add(conversationId);
      for (let failures = 0, draft; outbox.isLeading && (draft = outbox.of(conversationId).find((one) => one.draft !== "failed"));) {
        const { clientMessageId, content, replyToId, attachments, metadata } = draft;
        tell("draft", { ...draft, draft: "sending" });
        try {
          const message = await http.call("POST", `/v1/conversations/${conversationId}/messages`, { clientMessageId, content, replyToId, attachments, metadata });
          if (message?.clientMessageId !== clientMessageId) throw new Unreachable("not the service");
          tell("said", message);
          failures = 0;
        } catch (error) {
          const { status, code, message, errors, retryAfterMs } = /** @type {import("./http.js").Refusal} */ (error);
          const isPassing = passes(error);
          // Unless it was settled meanwhile.
          if (drafts.has(clientMessageId)) await outbox.keep({ ...draft, ...(isPassing ? { draft: "queued" } : { draft: "failed", problem: { status, code, message, errors } }) });
          if (isPassing) await pause(backOff(failures++, retryAfterMs));
        }
      }
      busy.delete(conversationId);
    },
  };
  return outbox;
};
