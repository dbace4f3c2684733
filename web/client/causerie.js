/** One person's conversations, the same in all tabs of a browser. @import * as T from "./types" */
import { makeFeed } from "./feed.js";
import { backOff, makeHttp, passes, pause } from "./http.js";
import { NOTHING, makeModel } from "./model.js";
import { makeCache, makeNote, makeOutbox, makeTabs } from "./tabs.js";

/** Of what tabs tell each other and keep. Another deploy's tabs may speak otherwise: they have a lock of their own. */
const VERSION = 1;

/** @type {T.MakeCauserie} */
const makeCauserie = ({ url = "", cache: isKept = true, language = globalThis.document?.documentElement.lang || globalThis.navigator?.language || "en", ...options }) => {
  const listeners = new Map(), changed = new Set(), finding = new Set(), ours = `causerie ${url} `, signedOut = makeNote(`${ours}signed out`);
  let run = new AbortController(), tabs = /** @type {T.Tabs | null} */ (null), saving = 0, counted = 0, outAt = "";

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
      if (state.isLeader) cache.put("model", { ...model.knowledge, cursor: null, arriving: [] });
    }, 2000);
  };

  const noticed = () => emit("notifications", model.notifications);

  /** A conversation that events speak of; the leader fetches it for all, and not when all members of a new group do. */
  const find = async (id = "", within = 2000) => {
    if (!state.isLeader || finding.has(id)) return;
    finding.add(id);
    await pause(Math.random() * within);
    for (let failures = 0; state.isLeader && model.arriving.includes(id);) await http.call("GET", `/v1/conversations/${id}`)
      .then((conversation) => tell("hold", conversation), (error) => (passes(error) ? pause(backOff(failures++, error.retryAfterMs)) : model.drop(id)));
    finding.delete(id);
  };

  const http = makeHttp({ url, language, ...options }, () => {
    signedOut.set(String(Date.now()));
    tell("gone", true);
  });
  const cache = makeCache(), outbox = makeOutbox(http, cache, tell), model = makeModel(http, outbox, cache, tell, show, find, noticed);
  const feed = makeFeed(http, {
    step: (step) => tell("step", step),
    lost: (reason) => tell("lost", reason),
    state: (news) => tell("state", news),
    sync: ({ cursor, me, conversations: { items, nextPageToken = null }, unread: { total, notifications = 0, changed = [] } }) => tell("adopt", {
      ...NOTHING, cursor, me, total, notified: notifications, next: nextPageToken, conversations: items,
      last: items.map(({ id, lastMessage }) => [id, lastMessage?.seq ?? 0]), unread: changed.map(({ id, unreadCount }) => [id, unreadCount]),
    }),
  }, makeNote(`${ours}transport`));

  /** @type {(what: { reload(): Promise<void> }, failures?: number) => Promise<void>} */
  const reload = (what, failures = 0, { signal } = run) => what.reload().catch(async (error) => {
    if (!passes(error)) return;
    await pause(backOff(failures, error.retryAfterMs), signal);
    if (!signal.aborted) await reload(what, failures + 1);
  });

  const again = async (signal = run.signal) => {
    await pause(300_000, signal);
    if (!signal.aborted) causerie.start();
  };

  const restart = () => { if (state.isLeader) feed.start(model.cursor); };

  const lead = (isLeader = true, isAlone = false) => {
    // A browser has six connections to an origin, perhaps, and each tab would hold one. A program has no tabs.
    if (isAlone && globalThis.document) feed.ladder.allow({ stream: false, longPoll: false }, "no-locks");
    outbox.isLeading = isLeader;
    hear.state({ isLeader, allowed: feed.ladder.allowed });
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

  /** Out of it, time has passed: whose page it is, is asked anew. */
  const back = ({ persisted = false }) => {
    if (!persisted) return;
    http.forget(false);
    if (signedOut.get() === outAt) return causerie.start();
    // What is kept now is of who came after.
    cache.use("");
    hear.gone(true);
  };

  const relearn = () => tabs?.ask(model.cursor = null);

  /** Nothing of a person is shown, or sent. What is kept stays. */
  const clear = () => {
    cache.use("");
    outbox.forget();
    hear.adopt(NOTHING);
    changed.clear();
  };

  /** Tenant and user, as soon as they are known; "" for nobody. */
  const identify = async ({ signal } = run) => {
    for (let failures = 0; !signal.aborted;) try {
      return await http.who();
    } catch (error) {
      const { code, message } = /** @type {any} */ (error), isOut = code === "signed-out";
      if (!signal.aborted) hear.state({ status: isOut ? code : "waiting", reason: message });
      if (isOut) break;
      await pause(backOff(failures++), signal);
    }
    return "";
  };

  /** @type {T.State} */
  const state = { transport: null, status: "stopped", reason: null, since: new Date(), isLeader: false, cursor: null, ...http.counts, retryAt: null, allowed: feed.ladder.allowed };

  /** What is told from tab to tab. @type {T.Hear} */
  const hear = {
    state(news) {
      const text = () => JSON.stringify([state, ...state.allowed]), before = text();
      const { status, transport } = { ...state, ...news };
      if (status !== state.status || transport !== state.transport) state.since = new Date();
      if (news.allowed) feed.ladder.allowed = news.allowed;
      // Whoever logs in again need not load the page anew.
      if (news.status === "signed-out" && options.getToken) again(run.signal);
      Object.assign(state, news);
      if (text() !== before) emit("state", state);
    },
    step(step) {
      let isNoticed = false;
      const touched = new Set(), { events, unread, ephemeral } = step, { signal } = run;
      // Until it is told everything, or what it has missed.
      if (!model.cursor) return;
      if (!state.isLeader && !model.has(step.from)) return tabs?.ask();
      try {
        for (const event of model.take(step)) {
          const { message, user, notification } = event.data;
          isNoticed ||= !!notification;
          if (message?.sender?.id === model.me?.id) outbox.drop(message?.clientMessageId);
          for (const id of user ? model.threads.keys() : notification ? [] : [event.conversationId]) touched.add(id);
          emit(event.type, event);
          emit("event", event);
          // By who heard it. The rest is asked for again.
          if (signal.aborted) return;
        }
      } catch (error) {
        if (state.isLeader) throw error;
        relearn();
      }
      if (events[0]) show(touched);
      if (isNoticed) noticed();
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
      noticed();
      if (isBehind) emit("resync", { reason: "missed" });
      // Not of somebody who has signed out. A snapshot holds the newest conversations; an open one may be older.
      if (!model.cursor) return;
      if (model.notifications.isLoaded) reload(model.notifications);
      for (const [id, thread] of model.threads) {
        if (!model.conversations.peek(id)) model.conversations.get(id).catch(() => {});
        if (thread.isLoaded) reload(thread);
      }
    },
    unread(unread) {
      const at = ++counted, { notified } = model;
      // Of a backlog, or after a cut, not every conversation's count was told.
      if (!model.count(unread) && state.isLeader && !unread.isAll) http.call("GET", "/v1/unread").then(({ total, conversations }) => {
        if (at === counted) tell("unread", { total, changed: conversations, isAll: true });
      }, () => {});
      emit("unread", causerie.unread);
      if (notified !== model.notified) noticed();
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
    // A tab that slept has missed what it was told: events, and the rest.
    at(step) {
      if (state.isLeader || model.has(step.cursor)) return;
      hear.step(step);
      relearn();
    },
    lost(reason) {
      console.error(`causerie resyncs: ${reason}`);
      // Nobody, whoever leads next, goes on from there.
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

  /** @type {T.Causerie} */
  const causerie = {
    state,
    conversations: model.conversations,
    thread: model.thread,
    notifications: model.notifications,
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
      for (const [type, act] of Object.entries(when)) globalThis.addEventListener?.(type, /** @type {any} */ (act), { signal });
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
        // Another that led may still speak: whoever leads goes by its own feed.
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

/** @type {new (options: T.Options) => T.Causerie} */
export const Causerie = /** @type {any} */ (function (/** @type {any} */ options) { return makeCauserie(options); });
