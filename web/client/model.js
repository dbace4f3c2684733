/**
 * What a tab knows: where it stands in the feed, conversations and their messages, from a snapshot and what came after.
 * Every step may be applied twice without harm: what is fetched on the side may be ahead of the feed.
 * @import { Conversation, FeedEvent, Message } from "./types"
 */
import { Broken } from "./feed.js";

/** How far one's own message has come, judged as the service does: by all who were there when it was sent. @type {import("./types").StatusOf} */
export const statusOf = ({ seq, createdAt, status = "SENT" }, conversation, me) => {
  const to = conversation?.members.filter(({ user, joinedAt }) => user.id !== me && joinedAt <= createdAt) ?? [];
  // Receipts of larger groups are nobody else's.
  if (!to.length || (conversation?.memberCount ?? 0) > 20 || status === "READ") return status;
  if (to.every(({ readUpTo }) => readUpTo >= seq)) return "READ";
  return to.every(({ readUpTo, deliveredUpTo }) => Math.max(readUpTo, deliveredUpTo) >= seq) ? "DELIVERED" : status;
};

/** First signs of a conversation: it is fetched, since events carry neither `me` nor `lastMessage`. */
const FIRST = ["conversation.created", "member.joined", "message.created"];

/** @type {import("./types").MakeModel} */
export const makeModel = (unknown) => {
  let held = /** @type {Map<string, Conversation>} */ (new Map()), counts = /** @type {Map<string, number>} */ (new Map());
  /** The newest `seq` of each conversation; and cursors this tab has been at: a change of leader brings some twice. */
  let last = /** @type {Map<string, number>} */ (new Map()), passed = new Set([""]);
  /** Events of what is not held yet; and threads, by `seq`. */
  const arriving = /** @type {Map<string, FeedEvent[]>} */ (new Map()), threads = /** @type {Map<string, Map<number, Message>>} */ (new Map());

  const pass = (cursor = "") => {
    if (passed.has(cursor)) return false;
    passed.add(model.cursor = cursor);
    if (passed.size > 1000) passed.delete([...passed][0]);
    return true;
  };

  /** What was read was delivered; and what one writes, one has read. @type {import("./types").Moved} */
  const moved = (it, userId, { readUpTo = 0, deliveredUpTo = readUpTo, readAt }) => {
    const member = it.members.find(({ user }) => user.id === userId);
    if (member && readUpTo > member.readUpTo) Object.assign(member, { readUpTo, readAt: readAt ?? member.readAt });
    if (member) member.deliveredUpTo = Math.max(member.deliveredUpTo, deliveredUpTo);
    if (userId === model.me?.id) it.me.readUpTo = Math.max(it.me.readUpTo, readUpTo);
  };

  /** What an event does, by the noun of its type. @type {Record<string, (it: Conversation, data: Required<FeedEvent["data"]>) => void>} */
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
      it.members = it.members.filter((one) => one.user.id !== user.id);
      it.memberCount--;
      if (user.id === model.me?.id) model.drop(it.id);
    },
  };

  /** A person's new name, wherever it stands. @param {any} it @param {import("./types").User} user */
  const rename = (it, user) => {
    if (!it || typeof it !== "object") return;
    if (it.id === user.id && "name" in it && "role" in it) Object.assign(it, user);
    for (const one of it instanceof Map ? it.values() : Object.values(it)) rename(one, user);
  };

  /** Messages come in order and without a hole, from one's joining to one's leaving. @param {FeedEvent} event */
  const check = ({ type, conversationId, data: { message, member, conversation } }) => {
    const id = conversationId ?? conversation?.id ?? "", before = last.get(id);
    if (type === "conversation.deleted" || member?.user.id === model.me?.id) last.delete(id);
    if (type !== "message.created" || !message) return;
    if (message.seq !== (before ?? message.seq - 1) + 1) throw new Broken(`message ${message.seq} of ${id} came after ${before}`);
    last.set(id, message.seq);
  };

  const apply = /** @param {FeedEvent} event */ (event) => {
    const { type, data } = event, id = event.conversationId ?? data.conversation?.id ?? "", it = held.get(id);
    const change = does[type === "member.left" ? "left" : type.split(".")[0]];
    if (data.user) rename([held, threads, model.me], data.user);
    else if (type === "conversation.deleted") model.drop(id);
    else if (it) change?.(it, /** @type {any} */ (data));
    else if (arriving.has(id)) arriving.get(id)?.push(event);
    else if (FIRST.includes(type) || data.status === "ACTIVE") {
      arriving.set(id, [event]);
      unknown(id);
    }
  };

  /** @type {import("./types").Model} */
  const model = {
    cursor: null, me: null, next: null, total: 0, ephemeral: { typing: [], presence: [] },
    get held() { return [...held.values()]; },
    get arriving() { return [...arriving.keys()]; },
    get knowledge() {
      const { cursor, me, next, total, ephemeral } = model;
      return { cursor, me, next, total, ephemeral, last: [...last], conversations: model.held, unread: [...counts] };
    },
    drop: (id) => [held, arriving, threads, counts].forEach((map) => map.delete(id)),
    peek: (id) => held.get(id) ?? null,
    unreadOf: (id) => counts.get(id) ?? 0,
    has: (cursor) => passed.has(cursor ?? ""),

    adopt({ cursor, last: seqs, conversations, unread, ...rest }) {
      held = new Map(conversations.map((one) => [one.id, one]));
      counts = new Map(unread);
      last = new Map(seqs);
      passed = new Set([cursor ?? ""]);
      arriving.clear();
      if (rest.me?.id !== model.me?.id) threads.clear();
      Object.assign(model, { cursor, ...rest });
    },

    *take({ from, cursor, events }) {
      if (!passed.has(from)) throw new Broken(`it went on from ${from}, not from ${model.cursor}`);
      for (const event of events) {
        if (!pass(event.cursor)) continue;
        check(event);
        apply(event);
        yield event;
      }
      pass(cursor);
    },

    hold(conversation) {
      const { id } = conversation, known = held.get(id), events = arriving.get(id);
      // What is held is kept right by the feed, which may be ahead of an answer.
      if (known) does.conversation(known, /** @type {any} */ ({ conversation }));
      else held.set(id, conversation);
      arriving.delete(id);
      events?.forEach(apply);
    },

    said(message) {
      const it = held.get(message.conversationId), last = it?.lastMessage?.seq ?? 0;
      model.put(message.conversationId, [message]);
      if (!it || message.seq < last) return;
      it.lastMessage = message;
      if (message.seq === last) return;
      it.lastMessageAt = message.createdAt;
      it.me.status = "ACTIVE";
      if (message.sender) moved(it, message.sender.id, { readUpTo: message.seq });
    },

    count({ total, changed = [], isAll }) {
      if (isAll) counts.clear();
      for (const { id, unreadCount } of changed) counts.set(id, unreadCount);
      for (const it of held.values()) it.me.unreadCount = model.unreadOf(it.id);
      model.total = total;
      return total === [...counts.values()].reduce((sum, count) => sum + count, 0);
    },

    // The unbroken run up to the newest: what lies below a gap is loaded again.
    messages(id) {
      const known = threads.get(id) ?? new Map(), run = [];
      for (let seq = Math.max(0, ...known.keys()); known.has(seq); seq--) run.unshift(known.get(seq));
      return run;
    },

    put(id, messages, isNewest) {
      const known = threads.get(id) ?? new Map(), first = messages[0]?.seq;
      threads.set(id, known);
      // What is older was not kept right meanwhile.
      if (isNewest) for (const seq of known.keys()) if (seq < first) known.delete(seq);
      const version = /** @param {Message} message */ (message) => (message.isDeleted ? "~" : message.editedAt ?? "");
      for (const message of messages) {
        const old = known.get(message.seq), excerpt = message.content && [...message.content].slice(0, 140).join("");
        if (old && version(message) < version(old)) continue;
        known.set(message.seq, { status: old?.status, ...message });
        for (const { replyTo } of known.values()) if (replyTo?.id === message.id) Object.assign(replyTo, { excerpt, isDeleted: message.isDeleted });
      }
    },
  };
  return model;
};
