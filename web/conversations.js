/**
 * What one person's page knows: its conversations and their messages, kept right by the feed. No DOM here.
 * Every step may be applied twice without harm, because a page fetched on the side may be ahead of the feed.
 */

/** What others wrote counts as unread; notices and tombstones do not. */
const counts = (message, me) => message.sender?.id !== me.id && !message.notice && !message.isDeleted;

/** Which of two copies of a message is the later one: a tombstone, then the last edit. */
const version = (message) => (message.isDeleted ? "~" : message.editedAt ?? "");

/** A message as an answer to it shows it: the service's own cut. */
export const quoteOf = ({ id, seq, sender, content, isDeleted }) =>
  ({ id, seq, sender, excerpt: content && [...content].slice(0, 140).join(""), isDeleted });

export class Conversations {
  #held = new Map();
  /** Events of a conversation that is being fetched, by its id. */
  #arriving = new Map();
  total = 0;
  /** How each of the two lists goes on: null at its end. */
  nextPageToken = { ACTIVE: null, ARCHIVED: null };

  /**
   * @param {object} me the User whose view this is
   * @param {(id: string) => Promise<object>} fetch one Conversation
   * @param {() => void} changed called after every change
   */
  constructor(me, fetch, changed) {
    this.me = me;
    this.fetch = fetch;
    this.changed = changed;
  }

  get(id) {
    return this.#held.get(id) ?? null;
  }

  /** Newest activity first; `ACTIVE`, or those in the archive. */
  list(status = "ACTIVE") {
    const activity = (conversation) => conversation.lastMessageAt ?? conversation.createdAt;
    return [...this.#held.values()].filter(({ me }) => me.status === status).sort((a, b) => (activity(a) < activity(b) ? 1 : -1));
  }

  /** Who a conversation is with. */
  others(conversation) {
    return conversation.members.filter((member) => member.user.id !== this.me.id);
  }

  /** A snapshot replaces everything; threads are read again. */
  sync(snapshot) {
    this.#held.clear();
    this.#arriving.clear();
    this.add(snapshot.conversations);
    this.total = snapshot.unread.total;
    this.changed();
  }

  /** A page of the inbox, or of the archive. */
  add(page, status = "ACTIVE") {
    for (const conversation of page.items) this.#hold(conversation);
    this.nextPageToken[status] = page.hasMore ? page.nextPageToken : null;
    this.changed();
  }

  /** A page of a thread, which the feed may have overtaken. */
  addMessages(id, page) {
    const conversation = this.get(id);
    if (!conversation) return;
    const first = page.items[0]?.seq ?? 1;
    // What came by events before the first page may lie far below it: a thread has no holes.
    if (!conversation.loaded) for (const seq of conversation.messages.keys()) if (seq < first) conversation.messages.delete(seq);
    for (const message of page.items) this.#addMessage(conversation, message);
    Object.assign(conversation, { loaded: true, first, complete: first === 1 });
    this.changed();
  }

  /**
   * The service's count. It names the conversations of one page only, so those of the pages before it, and of a
   * stream that ended between an event and its `unread`, are counted here as the events come; this corrects them.
   */
  unread({ total, changed = [] }) {
    this.total = total;
    for (const { id, unreadCount } of changed) {
      const conversation = this.get(id);
      if (conversation) conversation.me.unreadCount = unreadCount;
    }
    this.changed();
  }

  /** The service took a message of ours; the feed will say so again. */
  sent(message) {
    const conversation = this.get(message.conversationId);
    if (conversation) this.messaged(conversation, { message });
    this.changed();
  }

  /** The service put a conversation into our archive, or took it out. */
  put(id, status) {
    const conversation = this.get(id);
    if (conversation) conversation.me.status = status;
    this.changed();
  }

  /** The service took a read horizon of ours: no need to wait for the feed to say so. */
  read(id, upTo) {
    const conversation = this.get(id);
    if (!conversation) return;
    const before = conversation.me.unreadCount;
    this.#moveHorizon(conversation, this.me.id, { readUpTo: upTo });
    this.total = Math.max(0, this.total - before + conversation.me.unreadCount);
    this.changed();
  }

  /** One durable event. Types that are not known here change nothing. */
  apply(event) {
    const id = event.conversationId ?? event.data.conversation?.id;
    const apply = APPLY[event.type];
    if (!apply) return;
    if (event.type === "user.updated") this.#rename(event.data.user);
    else if (this.#arriving.has(id)) this.#arriving.get(id).push(event);
    else if (this.#held.has(id)) apply.call(this, this.get(id), event.data);
    else if (FETCHED.has(event.type) || event.data.status === "ACTIVE") this.#arrive(id);
    this.changed();
  }

  /** A conversation we do not hold: fetched, with what happens to it meanwhile kept for afterwards. */
  async #arrive(id) {
    const events = [];
    this.#arriving.set(id, events);
    const conversation = await this.fetch(id).catch(() => null);
    if (this.#arriving.get(id) !== events) return;
    this.#arriving.delete(id);
    // One that is gone again stays away; one that could not be fetched is asked for again at its next event.
    if (conversation) {
      this.#hold(conversation);
      events.forEach((event) => this.apply(event));
    }
    this.changed();
  }

  #hold(conversation) {
    const known = this.get(conversation.id);
    const { messages = new Map(), loaded = false, first = 1, complete = false } = known ?? {};
    this.#held.set(conversation.id, { ...conversation, messages, loaded, first, complete });
  }

  #addMessage(conversation, message) {
    const known = conversation.messages.get(message.seq);
    if (!known || version(message) >= version(known)) conversation.messages.set(message.seq, message);
    const { me, lastMessage } = conversation;
    const last = lastMessage?.seq ?? 0;
    if (known && message.seq > me.readUpTo && counts(known, this.me) && message.isDeleted) me.unreadCount = Math.max(0, me.unreadCount - 1);
    if (message.seq < last) return;
    if (message.seq > last) {
      if (message.seq > me.readUpTo && counts(message, this.me)) me.unreadCount++;
      // What is new takes a conversation out of the archive.
      me.status = "ACTIVE";
    }
    conversation.lastMessage = conversation.messages.get(message.seq);
    conversation.lastMessageAt = message.createdAt;
  }

  /** What was read has been delivered as well. */
  #moveHorizon(conversation, userId, { readUpTo = 0, deliveredUpTo = readUpTo, readAt = null }) {
    const member = conversation.members.find(({ user }) => user.id === userId);
    if (member && readUpTo > member.readUpTo) Object.assign(member, { readUpTo, readAt: readAt ?? member.readAt });
    if (member && deliveredUpTo > member.deliveredUpTo) member.deliveredUpTo = deliveredUpTo;
    const { me, lastMessage } = conversation;
    if (userId !== this.me.id || readUpTo <= me.readUpTo) return;
    me.readUpTo = readUpTo;
    me.unreadCount = Math.min(me.unreadCount, Math.max(0, (lastMessage?.seq ?? 0) - readUpTo));
  }

  #rename(user) {
    for (const { members, messages, lastMessage } of this.#held.values()) {
      for (const member of members) if (member.user.id === user.id) member.user = user;
      for (const said of [lastMessage, ...messages.values()]) {
        if (said?.sender?.id === user.id) said.sender = user;
        if (said?.replyTo?.sender?.id === user.id) said.replyTo.sender = user;
      }
    }
    if (user.id === this.me.id) this.me = user;
  }

  // What each event does to the conversation it names.

  /** For all; and, with `status`, one's own side of it. */
  updated(conversation, { conversation: { me, lastMessage, lastMessageAt, ...shared }, status }) {
    Object.assign(conversation, shared);
    if (status) conversation.me.status = status;
  }

  deleted(conversation) {
    this.#held.delete(conversation.id);
  }

  joined(conversation, { member }) {
    const at = conversation.members.findIndex(({ user }) => user.id === member.user.id);
    if (at >= 0) conversation.members[at] = member;
    else {
      conversation.members.push(member);
      conversation.memberCount++;
    }
    if (member.user.id === this.me.id) conversation.me.role = member.role;
  }

  left(conversation, { member }) {
    if (member.user.id === this.me.id) return this.deleted(conversation);
    const staying = conversation.members.filter(({ user }) => user.id !== member.user.id);
    // Of a large group not everybody is held here.
    if (staying.length < conversation.members.length || conversation.memberCount > staying.length) conversation.memberCount--;
    conversation.members = staying;
  }

  /** Writing is reading: a sender's horizon is at least what it sent. */
  messaged(conversation, { message }) {
    if (!conversation.loaded || message.seq >= conversation.first) this.#addMessage(conversation, message);
    if (message.sender) this.#moveHorizon(conversation, message.sender.id, { readUpTo: message.seq });
  }

  /** Edited or deleted: the answers to it say so too. */
  revised(conversation, { message }) {
    this.messaged(conversation, { message });
    for (const answer of conversation.messages.values()) if (answer.replyTo?.id === message.id) answer.replyTo = quoteOf(message);
  }

  receipted(conversation, { receipt }) {
    this.#moveHorizon(conversation, receipt.userId, receipt);
  }
}

const { updated, deleted, joined, left, messaged, revised, receipted } = Conversations.prototype;
const APPLY = {
  "conversation.created": updated, "conversation.updated": updated, "conversation.deleted": deleted,
  "member.joined": joined, "member.updated": joined, "member.left": left,
  "message.created": messaged, "message.updated": revised, "message.deleted": revised,
  "receipt.read": receipted, "receipt.delivered": receipted, "user.updated": () => {},
};
/** First signs of a conversation: it is fetched, since events carry no `me` and no `lastMessage`. */
const FETCHED = new Set(["conversation.created", "member.joined", "message.created"]);
