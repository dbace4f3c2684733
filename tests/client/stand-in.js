/**
 * What the elements ask of a client, made up in a page: a group of 130 people, one thread, no service. A test changes
 * `window.client` and tells of it with `client.emit`.
 */
import { connect } from "/elements.js";

const at = "2026-01-05T10:00:00.000Z";
const user = (id, name = id) => ({ id, name, imageUrl: null, role: null });
const member = (number) => ({ user: number ? user(`u${number}`) : user("me", "Me"), role: number ? "MEMBER" : "ADMIN", joinedAt: at, readUpTo: 0, readAt: null, deliveredUpTo: 0 });
// Zeros, so that the order of the ids is that of the numbers.
const everybody = Array.from({ length: 130 }, (_, number) => member(number && String(number).padStart(3, "0")));
const listeners = new Map();

const message = (seq, more = {}) => ({
  id: `m${seq}`, conversationId: "c", seq, type: "USER", sender: user("u001"), content: `message ${seq}`, attachments: [], replyTo: null, notice: null,
  clientMessageId: null, metadata: {}, createdAt: at, editedAt: null, isDeleted: false, ...more,
});
const group = {
  id: "c", type: "GROUP", subject: "Group", context: null, organizationId: null, closed: false, members: everybody.slice(0, 100), memberCount: 130,
  lastMessage: message(1), lastMessageAt: at, metadata: {}, createdAt: at, updatedAt: at, me: { role: "ADMIN", status: "ACTIVE", unreadCount: 0, readUpTo: 9 },
};

const thread = { items: [message(1)], hasOlder: false, asked: [] };
for (const name of ["load", "older", "send", "edit", "delete", "read", "typing", "retry", "discard"]) thread[name] = async (...given) => thread.asked.push([name, ...given]);

const client = {
  me: user("me", "Me"), state: { status: "live" }, unread: { total: 0, of: () => 0 }, notifications: { items: [], unreadCount: 0, isLoaded: true, hasMore: false }, group, held: thread, everybody, message,
  conversations: {
    items: [group], all: [group], hasMore: false,
    peek: () => group, get: async () => group, more: async () => {}, contact: async () => group,
    members: async (_, { pageToken }) => ({ items: everybody.slice(+pageToken, +pageToken + 100), ...(+pageToken + 100 < everybody.length && { nextPageToken: String(+pageToken + 100) }) }),
    // As the feed tells it, and the model does: whoever changed comes last.
    setRole: async (_, id, role) => {
      const of = everybody.find((one) => one.user.id === id);
      const changed = { ...of, role };
      everybody[everybody.indexOf(of)] = changed;
      if (group.members.includes(of)) group.members = [...group.members.filter((one) => one !== of), changed];
      client.emit("member.updated", { conversationId: "c", data: { member: changed } });
      client.emit("conversations");
    },
  },
  thread: () => thread, typingIn: () => [], presenceOf: () => null,
  on(type, listener) {
    listeners.set(type, (listeners.get(type) ?? new Set()).add(listener));
    return () => listeners.get(type).delete(listener);
  },
  emit: (type, news) => listeners.get(type)?.forEach((listener) => listener(news)),
};
window.client = client;
connect(client);
