/** One person's conversations, the same in all tabs of a browser. @import * as T from "./types" */
import { makeFeed } from "./feed.js";
import { backOff, makeHttp, passes, pause } from "./http.js";
import { NOTHING, makeModel } from "./model.js";
import { makeCache, makeOutbox, makeTabs } from "./tabs.js";

/** @type {T.MakeCauserie} */
const makeCauserie = ({ url = "", cache: isKept = true, language = globalThis.document?.documentElement.lang || globalThis.navigator?.language || "en", ...options }) => {
  const listeners = new Map(), changed = new Set();
  let run = new AbortController(), tabs = /** @type {T.Tabs | null} */ (null), saving = 0;

  const emit = (type = "", news = /** @type {any} */ (null)) => {
    for (const listener of listeners.get(type) ?? []) try { listener(news); } catch (error) { console.error(error); }
  };

  /** @type {(news: any) => void} */
  const listen = (news) => { for (const name in news) /** @type {any} */ (hear)[name]?.(news[name]); };

  /** In all tabs. @type {T.Tell} */
  const tell = (name, news) => {
    tabs?.say({ [name]: news });
    listen({ [name]: news });
  };

  /** @type {T.Show} */
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

  /** A conversation that events speak of; the leader fetches it for all. */
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

  /** @type {(thread: T.Thread, failures?: number) => Promise<void>} */
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

  /** A page in the back-forward cache holds no connection and no lock. */
  const rest = () => {
    tabs?.stop();
    lead(false);
  };

  /** @type {T.State} */
  const state = { transport: null, status: "stopped", reason: null, since: new Date(), isLeader: false, cursor: null, ...http.counts, retryAt: null, allowed: feed.ladder.allowed };

  /** What is told from tab to tab. @type {T.Hear} */
  const hear = {
    state(news) {
      if (news.status && news.status !== state.status) state.since = new Date();
      // Whoever logs in again need not load the page anew.
      if (news.status === "signed-out" && options.getToken) again(run.signal);
      emit("state", Object.assign(state, news));
    },
    step(step) {
      const touched = new Set(), { events, unread, ephemeral } = step;
      // Until it is told everything.
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
      // Not of somebody who has signed out. A snapshot holds the newest conversations; an open one may be older.
      if (model.cursor) for (const [id, thread] of model.threads) {
        if (!model.conversations.peek(id)) model.conversations.get(id).catch(() => {});
        if (thread.isLoaded) reload(thread);
      }
    },
    unread(unread) {
      // Of a backlog, or after a cut, not every conversation's count was told.
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
    // A tab that slept has missed what it was told.
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

  /** @type {T.Causerie} */
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
      for (const [type, act] of Object.entries(when)) globalThis.addEventListener?.(type, /** @type {any} */ (act), { signal });
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

/** @type {new (options: T.Options) => T.Causerie} */
export const Causerie = /** @type {any} */ (function (/** @type {any} */ options) { return makeCauserie(options); });
