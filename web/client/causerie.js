/** One person's conversations, the same in all tabs of a browser. */
import { makeConversations, makeThread } from "./conversations.js";
import { makeFeed } from "./feed.js";
import { backOff, makeHttp, passes, pause } from "./http.js";
import { makeModel } from "./model.js";
import { makeCache, makeOutbox } from "./outbox.js";
import { makeTabs } from "./tabs.js";

/** @type {import("./types").Knowledge} */
const NOTHING = { cursor: null, me: null, next: null, total: 0, ephemeral: { typing: [], presence: [] }, last: [], conversations: [], unread: [] };

export class Causerie {
  /** @type {import("./types").State} */
  state = { transport: null, status: "stopped", reason: null, since: new Date(), isLeader: false, cursor: null, requests: 0, notModified: 0, bytes: 0, retryAt: null, allowed: new Set() };
  #options; #http; #outbox; #feed; #parts;
  #cache = makeCache();
  #model = makeModel((id) => this.#fetch(id));
  #listeners = /** @type {Map<string, Set<(news: any) => void>>} */ (new Map());
  #threads = /** @type {Map<string, import("./types").Thread>} */ (new Map());
  #tabs = /** @type {import("./types").Tabs | null} */ (null);
  #run = new AbortController();
  #dirty = new Set([""]);
  #saving = 0;

  /** @param {import("./types").Options} options */
  constructor(options) {
    this.#options = options;
    const tell = this.#tell, model = this.#model, cache = this.#cache;
    const http = this.#http = makeHttp({ language: globalThis.document?.documentElement.lang, ...options }, () => {
      this.signOut();
      setTimeout(() => this.start());
    });
    const outbox = this.#outbox = makeOutbox(http, cache, tell);
    this.#feed = makeFeed(http, {
      step: (step) => tell("step", step),
      lost: (reason) => tell("lost", reason),
      state: (news) => tell("state", news),
      sync: ({ cursor, me, conversations: { items, nextPageToken = null }, unread: { total, changed = [] } }) => tell("adopt", {
        ...NOTHING, cursor, me, total, next: nextPageToken, conversations: items,
        last: items.map(({ id, lastMessage }) => [id, lastMessage?.seq ?? 0]), unread: changed.map(({ id, unreadCount }) => [id, unreadCount]),
      }),
    });
    this.#parts = { http, outbox, tell, model, cache, changed: (id = "") => this.#changed([id]) };
    this.conversations = makeConversations(this.#parts);
    this.state.allowed = this.#feed.ladder.allowed;
  }

  get me() { return this.#model.me; }

  get unread() {
    const { total, unreadOf, knowledge: { unread } } = this.#model;
    return { total, conversations: unread.filter(([, count]) => count).length, of: unreadOf };
  }

  typingIn(conversationId = "") { return this.#model.ephemeral.typing.filter((one) => one.conversationId === conversationId); }

  presenceOf(userId = "") { return this.#model.ephemeral.presence.find((one) => one.userId === userId) ?? null; }

  thread(id = "") {
    const thread = this.#threads.get(id) ?? makeThread(id, this.#parts);
    this.#threads.set(id, thread);
    return thread;
  }

  /** @param {string} type @param {(news: any) => void} listener @returns {() => void} ends it */
  on(type, listener) {
    const those = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, those.add(listener));
    return () => { those.delete(listener); };
  }

  /** @param {{ stream?: boolean, longPoll?: boolean }} what any tab may use */
  allow(what) { this.#tell("allow", what); }

  async start() {
    this.stop();
    const { signal } = this.#run = new AbortController(), { url = "", cache: keeps = true } = this.#options;
    const cache = this.#cache, model = this.#model, who = await this.#identify(signal), name = `causerie ${url} ${who}`;
    if (!who) return;
    cache.name = keeps ? name : "";
    const kept = model.cursor ? null : await cache.get("model"), drafts = await cache.all("draft/");
    if (signal.aborted) return;
    if (kept) this.#hear.adopt(kept);
    drafts.forEach(this.#hear.draft);
    const tabs = this.#tabs = makeTabs(name, {
      lead: () => this.#lead(),
      follow: () => this.#follow(),
      cursor: () => model.cursor,
      hear: (news) => { for (const [name, what] of Object.entries(news)) /** @type {any} */ (this.#hear)[name]?.(what); },
      answer: (cursor) => {
        const { isLeader, ...state } = this.state, isSlow = document.hidden && state.transport !== "stream";
        return { state, isSlow, ...(model.cursor && !model.has(cursor) ? { adopt: model.knowledge } : {}) };
      },
    });
    const when = { online: this.#restart, offline: this.#restart, visibilitychange: tabs.ask, pagehide: () => this.#rest(), pageshow: (/** @type {any} */ { persisted }) => { if (persisted) tabs.start(); } };
    for (const [type, act] of Object.entries(when)) globalThis.addEventListener?.(type, act, { signal });
    tabs.start();
  }

  stop() {
    this.#run.abort();
    this.#rest();
    this.#hear.state({ status: "stopped", transport: null, retryAt: null });
  }

  /** Forgets what was kept, in all tabs. */
  signOut() { this.#tell("gone", true); }

  /** @param {AbortSignal} signal */
  async #identify(signal) {
    this.#hear.state({ status: "connecting" });
    for (let failures = 0; !signal.aborted;) {
      try {
        return await this.#http.who();
      } catch (error) {
        const { code, message } = /** @type {any} */ (error);
        if (!signal.aborted) this.#hear.state(code === "signed-out" ? { status: code } : { status: "waiting", reason: message });
        if (code === "signed-out") return "";
        await pause(backOff(failures++), signal);
      }
    }
  }

  #lead() {
    this.#hear.state({ isLeader: true });
    this.#outbox.isLeading = true;
    for (const { conversationId } of this.#outbox.all) this.#outbox.send(conversationId);
    this.#model.arriving.forEach(this.#fetch, this);
    this.#feed.start(this.#model.cursor);
  }

  #follow() {
    this.#feed.stop();
    this.#outbox.isLeading = false;
    this.#hear.state({ isLeader: false });
  }

  /** A page in the back-forward cache holds no connection and no lock. */
  #rest() {
    this.#tabs?.stop();
    this.#follow();
  }

  #restart = () => { if (this.state.isLeader) this.#feed.start(this.#model.cursor); };

  /** A conversation that events speak of; the leader fetches it for all. @param {string} id */
  async #fetch(id) {
    for (let failures = 0; this.state.isLeader && this.#model.arriving.includes(id);) {
      try {
        this.#tell("hold", await this.#http.call("GET", `/v1/conversations/${id}`));
      } catch (error) {
        if (!passes(error)) return this.#model.drop(id);
        await pause(backOff(failures++));
      }
    }
  }

  /** In all tabs. @type {import("./types").Tell} */
  #tell = (name, news) => {
    this.#tabs?.say({ [name]: news });
    /** @type {(news: any) => void} */ (this.#hear[name])(news);
  };

  /** @param {string} type @param {unknown} [news] */
  #emit(type, news) {
    for (const listener of this.#listeners.get(type) ?? []) {
      try { listener(news); } catch (error) { console.error(error); }
    }
  }

  /** @param {Iterable<string>} ids of conversations */
  #changed(ids) {
    this.#emit("conversations");
    for (const conversationId of ids) {
      this.#dirty.add(conversationId);
      this.#emit("thread", { conversationId });
    }
    this.#saving ||= setTimeout(() => {
      this.#saving = 0;
      for (const id of this.#dirty) if (this.#threads.get(id)?.isLoaded) this.#cache.put(`thread/${id}`, this.#model.messages(id).slice(-50));
      this.#dirty.clear();
      if (this.state.isLeader) this.#cache.put("model", { ...this.#model.knowledge, cursor: null });
    }, 2000);
  }

  /** What is told from tab to tab. @type {import("./types").Hear} */
  #hear = {
    state: (news) => {
      if (news.status !== (this.state.status ?? news.status)) this.state.since = new Date();
      Object.assign(this.state, news);
      this.#emit("state", this.state);
    },
    step: (step) => {
      const model = this.#model, changed = new Set([""]);
      // Until it is told everything.
      if (!model.cursor) return;
      try {
        for (const event of model.take(step)) {
          const { message, user } = event.data;
          if (message?.clientMessageId && message.sender?.id === model.me?.id) this.#outbox.drop(message.clientMessageId);
          for (const id of user ? this.#threads.keys() : [event.conversationId ?? ""]) changed.add(id);
          this.#emit(event.type, event);
          this.#emit("event", event);
        }
      } catch (error) {
        if (this.state.isLeader) throw error;
        model.cursor = null;
        this.#tabs?.ask();
      }
      if (step.events.length) this.#changed(changed);
      if (step.unread) this.#hear.unread(step.unread);
      if (!step.ephemeral) return;
      model.ephemeral = step.ephemeral;
      this.#emit("typing", step.ephemeral.typing);
      this.#emit("presence", step.ephemeral.presence);
    },
    adopt: (knowledge) => {
      this.#model.adopt(knowledge);
      this.#changed(this.#threads.keys());
      this.#emit("unread", this.unread);
      for (const thread of this.#threads.values()) if (thread.isLoaded) thread.reload().catch(() => {});
    },
    unread: (unread) => {
      // Of a backlog, or after a cut, not every conversation's count was told.
      if (!this.#model.count(unread) && this.state.isLeader && !unread.isAll) {
        this.#http.call("GET", "/v1/unread").then(({ total, conversations }) => this.#tell("unread", { total, changed: conversations, isAll: true }), () => {});
      }
      this.#emit("unread", this.unread);
    },
    hold: (conversation) => {
      this.#model.hold(conversation);
      this.#changed([conversation.id]);
    },
    said: (message) => {
      this.#model.said(message);
      if (message.clientMessageId) this.#outbox.drop(message.clientMessageId);
      this.#changed([message.conversationId]);
    },
    draft: (draft) => {
      this.#outbox.put(draft);
      this.#changed([draft.conversationId]);
    },
    drop: (id) => {
      this.#outbox.drop(id);
      this.#changed(this.#threads.keys());
    },
    lost: (reason) => {
      console.error(`causerie: ${reason}: everything is loaded anew`);
      this.#emit("resync", { reason });
    },
    allow: (what) => {
      this.#feed.ladder.allow(what);
      this.#hear.state({ allowed: this.#feed.ladder.allowed });
      this.#restart();
    },
    gone: () => {
      this.stop();
      this.#cache.forget();
      this.#http.forget();
      this.#hear.adopt(NOTHING);
    },
  };
}
