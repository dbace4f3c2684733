/**
 * What a tab knows: its place in the feed, conversations, messages. Every step may be applied twice without harm: what is
 * fetched on the side may be ahead of the feed. @import * as T from "./types"
 */
import { Broken } from "./feed.js";
import { Refusal, isNew } from "./http.js";
import { makeNotices } from "./notifications.js";

/** @type {T.Knowledge} */
export const NOTHING = { cursor: null, me: null, next: null, total: 0, notified: 0, ephemeral: { typing: [], presence: [] }, last: [], conversations: [], unread: [], arriving: [] };

/** Judged as the service does: by all who were there when it was sent; receipts of larger groups are nobody else's. @type {T.StatusOf} */
export const statusOf = ({ seq, createdAt, status = "SENT" }, { members, memberCount }, me) => {
  const to = members.filter(({ user, joinedAt }) => user.id !== me && joinedAt <= createdAt);
  if (!to.length || memberCount > 20 || status === "READ") return status;
  if (to.every(({ readUpTo }) => readUpTo >= seq)) return "READ";
  return to.every(({ deliveredUpTo }) => deliveredUpTo >= seq) ? "DELIVERED" : status;
};

const of = encodeURIComponent, path = (id = "", rest = "") => `/v1/conversations/${of(id)}${rest}`;

/** @type {T.MakeModel} */
export const makeModel = ({ call }, outbox, cache, tell, show, unknown, notified = () => {}) => {
  let held = new Map(), counts = new Map(), last = new Map(), arriving = new Map(), passed = new Map(), archived = /** @type {string | null | undefined} */ (undefined);
  const told = new Map(), messages = new Map(), threads = new Map(), notices = makeNotices({ call }, notified, () => !!model.me);

  const pass = (cursor = "", event = /** @type {T.FeedEvent | null} */ (null)) => isNew(passed, cursor, event) && (model.cursor = cursor);

  /** What was read was delivered; what one writes, one has read. @type {T.Moved} */
  const moved = (it, userId, { readUpTo = 0, deliveredUpTo = readUpTo, readAt }) => {
    for (const one of it.members) if (one.user.id === userId) {
      one.deliveredUpTo = Math.max(one.deliveredUpTo, deliveredUpTo);
      one.readUpTo = Math.max(one.readUpTo, readUpTo);
      one.readAt = readAt ?? one.readAt;
    }
    if (userId === model.me?.id) it.me.readUpTo = Math.max(it.me.readUpTo, readUpTo);
  };

  /** @type {T.Does} */
  const does = {
    // Not what events of other kinds change.
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
      // A pair stays two people's: the other account is gone, and was somebody.
      if (it.type === "PRIVATE" && user.id !== model.me?.id) return;
      it.members = it.members.filter((one) => one.user.id !== user.id);
      it.memberCount--;
      if (user.id === model.me?.id) model.drop(it.id);
    },
  };

  /** A person's new name, wherever it stands; of one who was erased by then, not a word either. Who was erased stays so:
   *  whoever comes back under that id is somebody else. @type {T.Rename} */
  const rename = (it, user, at) => {
    if (!it || typeof it !== "object") return;
    if (it.id === user.id && "name" in it && "role" in it && !it.isDeleted) Object.assign(it, user);
    if (user.isDeleted && it.user?.id === user.id && "readAt" in it) it.readAt = null;
    if (user.isDeleted && it.sender?.id === user.id) {
      if ("excerpt" in it) Object.assign(it, { excerpt: null, isDeleted: true });
      else if (it.createdAt <= at) Object.assign(it, { content: null, attachments: [], replyTo: null, clientMessageId: null, metadata: {}, isDeleted: true });
    }
    // Worded by the service, which has other words for it by now.
    if (user.isDeleted && it.notice && [it.notice.actorId, ...it.notice.userIds].includes(user.id) && it.createdAt <= at) {
      it.content = null;
      for (const { replyTo } of messages.get(it.conversationId)?.values() ?? []) if (replyTo?.id === it.id) replyTo.excerpt = null;
    }
    for (const one of it instanceof Map ? it.values() : Object.values(it)) rename(one, user, at);
  };

  /** @type {T.Apply} */
  const apply = (event) => {
    const { type, data, conversationId: id } = event, it = held.get(id);
    if (data.notification) notices.take(event);
    else if (data.user) {
      rename([held, messages, model.me], data.user, event.occurredAt);
      if (data.user.isDeleted && id) cache.put(`thread/${id}`);
    }
    else if (type === "conversation.deleted") model.drop(id);
    else if (it) does[type === "member.left" ? "left" : type.split(".")[0]]?.(it, data);
    else if (arriving.has(id)) arriving.get(id).push(event);
    // Its first sign: it is fetched, since events carry neither `me` nor `lastMessage`.
    else if (["conversation.created", "member.joined", "message.created"].includes(type) || data.status === "ACTIVE") {
      arriving.set(id, [event]);
      // Of two people, nobody else asks.
      unknown(id, data.conversation?.type === "PRIVATE" ? 0 : undefined);
    }
  };

  /** @type {T.Model["messages"]} */
  const run = (id) => {
    const known = messages.get(id) ?? new Map(), found = new Array();
    let seq = 0;
    for (const one of known.keys()) seq = Math.max(seq, one);
    for (; known.has(seq); seq--) found.push(known.get(seq));
    return found.reverse();
  };

  /** @type {T.Held} */
  const hold = async (...request) => {
    const conversation = await call(...request);
    // An id from an address may name anything.
    if (!conversation?.me) throw new Refusal(404, { code: "not-found" });
    tell("hold", conversation);
    return held.get(conversation.id);
  };

  /** @type {T.MakeThread} */
  const makeThread = (id) => {
    let typedAt = -Infinity, readUpTo = 0;
    const page = async (query = "") => {
      model.put(id, (await call("GET", path(id, `/messages?limit=50${query}`))).items, !query);
      show([id]);
    };
    /** @type {T.Thread} */
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
      // Said once in three seconds, however often it is called.
      async typing(isTyping) {
        if (isTyping === performance.now() - typedAt < 3000) return;
        typedAt = isTyping ? performance.now() : -Infinity;
        await call("PUT", path(id, "/typing"), { isTyping }).catch(() => {});
      },
      receipts: async (messageId) => (await call("GET", `/v1/messages/${messageId}/receipts`)).items,
    };
    return thread;
  };

  /** @type {T.Model} */
  const model = {
    ...NOTHING, threads,
    get arriving() { return [...arriving.keys()]; },
    get knowledge() {
      const { cursor, me, next, total, notified, ephemeral } = model;
      return { cursor, me, next, total, notified, ephemeral, last: [...last], conversations: model.conversations.all, unread: [...counts], arriving: [...arriving] };
    },
    messages: run,
    notifications: notices.notifications,
    get notified() { return notices.count; },
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

    adopt({ last: seqs, conversations, unread, arriving: awaited, notified: count, ...rest }) {
      held = new Map(conversations.map((one) => [one.id, one]));
      counts = new Map(unread);
      last = new Map(seqs);
      passed = new Map([[rest.cursor, null]]);
      arriving = new Map(awaited);
      archived = undefined;
      const isOther = rest.me?.id !== model.me?.id;
      if (isOther) for (const one of [messages, told]) one.clear();
      Object.assign(model, rest);
      notices.adopt(count, isOther);
    },

    *take({ from, cursor, events }) {
      if (!passed.has(from)) throw new Broken(`a step from ${from}, not ${model.cursor}`);
      for (const event of events) {
        if (!pass(event.cursor, event)) continue;
        const { type, data: { message, member }, conversationId: id } = event, seq = message?.seq ?? 0, before = last.get(id) ?? seq - 1;
        // Messages come in order and without a hole, from one's joining to one's leaving.
        if (type === "message.created") {
          if (seq !== before + 1) throw new Broken(`message ${seq} after ${before} in ${id}`);
          last.set(id, seq);
        } else if (type === "conversation.deleted" || member?.user.id === model.me?.id) last.delete(id);
        apply(event);
        // A snapshot may lie before what was told here, where an instance lags.
        if (isNew(told, event.cursor)) yield event;
      }
      pass(cursor);
    },

    hold(conversation) {
      const { id } = conversation, events = arriving.get(id);
      // What is held is kept right by the feed, which may be ahead of an answer.
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

    count({ total, changed = [], notifications = notices.count, isAll }) {
      notices.count = notifications;
      if (isAll) counts.clear();
      for (const { id, unreadCount } of changed) counts.set(id, unreadCount);
      for (const it of held.values()) it.me.unreadCount = model.unreadOf(it.id);
      model.total = total;
      return total === [...counts.values()].reduce((sum, count) => sum + count, 0);
    },

    put(id, news, isNewest) {
      const known = messages.get(id) ?? new Map(), version = (one = news[0]) => (one.isDeleted ? "~" : one.editedAt ?? "");
      messages.set(id, known);
      // What is older was not kept right meanwhile.
      if (isNewest) for (const seq of known.keys()) if (seq < news[0]?.seq) known.delete(seq);
      for (const message of news) {
        const old = known.get(message.seq), excerpt = message.content && [...message.content].slice(0, 140).join("");
        if (old && version(message) < version(old)) continue;
        known.set(message.seq, { status: old?.status, ...message });
        if (old || version(message)) for (const { replyTo } of known.values()) if (replyTo?.id === message.id) Object.assign(replyTo, { excerpt, isDeleted: message.isDeleted });
      }
      // Of what nobody has opened, as much as a first page.
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
      get hasMoreArchived() { return archived === undefined ? null : !!archived; },
      peek: (id) => held.get(id) ?? null,
      get: async (id) => held.get(id) ?? hold("GET", path(id)),
      async more(status = "ACTIVE") {
        const isActive = status === "ACTIVE", from = isActive ? model.next : archived;
        const { items, nextPageToken = null } = await call("GET", `/v1/conversations?status=${status}${from ? `&pageToken=${from}` : ""}`);
        // Not if what was held went meanwhile, the pages before with it.
        if (isActive && model.next === from) model.next = nextPageToken;
        if (!isActive && archived === from) archived = nextPageToken;
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
