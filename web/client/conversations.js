/** What a page asks of its conversations, and of the messages in one. */
import { statusOf } from "./model.js";

const path = (id = "", rest = "") => `/v1/conversations/${id}${rest}`;
const of = encodeURIComponent;

/** @type {import("./types").MakeConversations} */
export const makeConversations = ({ http: { call }, model, tell }) => {
  /** @type {(...request: [string, string, object?]) => Promise<any>} */
  const held = async (...request) => {
    const conversation = await call(...request);
    tell("hold", conversation);
    return model.peek(conversation.id);
  };
  const activity = /** @param {import("./types").Conversation} conversation */ ({ lastMessageAt, createdAt }) => lastMessageAt ?? createdAt;

  return {
    get items() { return model.held.filter(({ me }) => me.status === "ACTIVE").sort((a, b) => (activity(a) < activity(b) ? 1 : -1)); },
    get hasMore() { return !!model.next; },
    peek: model.peek,
    get: async (id) => model.peek(id) ?? held("GET", path(id)),
    async more() {
      const { items, nextPageToken = null } = await call("GET", `/v1/conversations?pageToken=${model.next}`);
      model.next = nextPageToken;
      for (const one of items) tell("hold", one);
    },
    contact: (about) => held("POST", "/v1/conversations", { type: "PRIVATE", ...about }),
    create: (body) => held("POST", "/v1/conversations", body),
    update: (id, changes) => held("PATCH", path(id), changes),
    archive: (id, isArchived = true) => held("PATCH", path(id), { status: isArchived ? "ARCHIVED" : "ACTIVE" }),
    delete: (id) => call("DELETE", path(id)),
    members: (id, { pageToken } = {}) => call("GET", path(id, `/members${pageToken ? `?pageToken=${of(pageToken)}` : ""}`)),
    addMembers: (id, memberIds) => call("POST", path(id, "/members"), { memberIds }),
    setRole: (id, userId, role) => call("PATCH", path(id, `/members/${of(userId)}`), { role }),
    removeMember: (id, userId) => call("DELETE", path(id, `/members/${of(userId)}`)),
  };
};

/** @type {import("./types").MakeThread} */
export const makeThread = (id, { http: { call }, model, outbox, cache, tell, changed }) => {
  let typedAt = 0, readUpTo = 0;
  const page = async (query = "") => {
    model.put(id, (await call("GET", path(id, `/messages?limit=50${query}`))).items, !query);
    changed(id);
  };

  /** @type {import("./types").Thread} */
  const thread = {
    isLoaded: false,
    get items() {
      const messages = model.messages(id), me = model.me?.id, settled = messages.map((one) => one.clientMessageId);
      return [
        ...messages.map((one) => (one.sender?.id === me && !one.isDeleted ? { ...one, status: statusOf(one, model.peek(id), me) } : one)),
        ...outbox.of(id).filter((draft) => !settled.includes(draft.clientMessageId)),
      ];
    },
    get hasOlder() { return model.messages(id)[0]?.seq > 1; },
    async load() {
      if (thread.isLoaded) return;
      const kept = model.messages(id).length ? null : await cache.get(`thread/${id}`);
      if (kept) model.put(id, kept);
      if (kept) changed(id);
      await thread.reload();
    },
    async reload() {
      await page();
      thread.isLoaded = true;
    },
    older: () => page(`&before=${model.messages(id)[0]?.seq}`),
    async send(message) {
      typedAt = 0;
      const draft = outbox.add(id, message);
      changed(id);
      return draft;
    },
    retry: outbox.retry,
    discard: (clientMessageId) => tell("drop", clientMessageId),
    edit: async (messageId, content) => tell("said", await call("PATCH", `/v1/messages/${messageId}`, { content })),
    delete: (messageId) => call("DELETE", `/v1/messages/${messageId}`),
    async read(seq) {
      if (seq <= Math.max(readUpTo, model.peek(id)?.me.readUpTo ?? 0)) return;
      const before = readUpTo;
      readUpTo = seq;
      await call("POST", path(id, "/read"), { upTo: seq }).catch((error) => {
        readUpTo = before;
        throw error;
      });
    },
    // Said once in three seconds, however often it is called.
    async typing(isTyping) {
      if (isTyping === Date.now() - typedAt < 3000) return;
      typedAt = isTyping ? Date.now() : 0;
      await call("PUT", path(id, "/typing"), { isTyping }).catch(() => {});
    },
    receipts: async (messageId) => (await call("GET", `/v1/messages/${messageId}/receipts`)).items,
  };
  return thread;
};
