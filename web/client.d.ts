/* Made from web/client/ by script/pack. */
// The shapes of the service's contract, as far as the client reads them, and those of its own parts.
// For the type checker only: no page loads it.

interface User$1 { id: string; name: string | null; imageUrl: string | null; role: string | null; /** Only where true: the account was erased. */ isDeleted?: boolean }
interface Member$1 { user: User$1; role: "MEMBER" | "ADMIN"; joinedAt: string; readUpTo: number; readAt: string | null; deliveredUpTo: number }
interface Attachment$1 { id?: string; url: string; type: string; fileName?: string | null; fileSize?: number | null }
interface ReplyTo { id: string; seq: number; sender: User$1 | null; excerpt: string | null; isDeleted: boolean }
type Status = "SENT" | "DELIVERED" | "READ";
interface Message$1 {
  id: string; conversationId: string; seq: number; type: "USER" | "SYSTEM"; sender: User$1 | null; content: string | null;
  attachments: Attachment$1[]; replyTo: ReplyTo | null; notice: Record<string, unknown> | null; clientMessageId: string | null;
  metadata: Record<string, unknown>; createdAt: string; editedAt: string | null; isDeleted: boolean;
  /** Of one's own only. */
  status?: Status;
}
interface Context$1 { type: string; id: string; title: string | null; url: string | null; imageUrl: string | null; startsAt: string | null }
/** One's own side of a conversation. */
interface Side { role: "MEMBER" | "ADMIN"; status: "ACTIVE" | "ARCHIVED"; unreadCount: number; readUpTo: number }
interface Conversation$1 {
  id: string; type: "PRIVATE" | "GROUP"; subject: string | null; context: Context$1 | null; organizationId: string | null;
  closed: boolean; members: Member$1[]; memberCount: number; lastMessage: Message$1 | null; lastMessageAt: string | null;
  metadata: Record<string, unknown>; createdAt: string; updatedAt: string; me: Side;
}
interface Receipt { conversationId: string; userId: string; readUpTo?: number; readAt?: string | null; deliveredUpTo?: number }
interface MessageReceipt { user: User$1; status: Status; deliveredAt: string | null; readAt: string | null }
interface Page<T> { items: T[]; hasMore?: boolean; nextPageToken?: string; cursor?: string }
/** What the host tells one person. Once it is deleted its texts are null. */
interface Notification$1 {
  id: string; userId: string; type: string; title: string | null; message: string | null;
  /** By https, or a path of the page's own site. */
  link: string | null;
  createdAt: string; deliverAt: string | null; readAt: string | null; isDeleted: boolean;
}
/** One durable change. Which field of `data` is there depends on `type`. */
interface FeedEvent$1 {
  cursor: string; type: string; conversationId: string; actorId: string | null; occurredAt: string;
  data: { conversation?: Conversation$1; status?: Side["status"]; member?: Member$1; message?: Message$1; receipt?: Receipt; user?: User$1; notification?: Notification$1; andOlder?: boolean };
}
interface Typing$1 { conversationId: string; userId: string; name: string | null }
interface Presence$1 { userId: string; status: "ONLINE" | "OFFLINE"; lastSeenAt: string | null }

type Transport$1 = "stream" | "long-poll" | "poll";
interface State$1 {
  transport: Transport$1 | null;
  status: "stopped" | "syncing" | "connecting" | "live" | "waiting" | "offline" | "signed-out";
  /** Why it is not the best one: "stream-silent", …, "no-locks" (tabs cannot share one: each polls); "no-token"; why nobody is known. */
  reason: string | null;
  /** Of this transport in this status. */
  since: Date;
  isLeader: boolean; cursor: string | null; requests: number; notModified: number; bytes: number; retryAt: Date | null; allowed: Set<Transport$1>;
}
interface Options$1 {
  /** Where the service is: an origin, a path, or both; "" is the page's own origin. */
  url?: string;
  token?: string;
  /** Null: nobody is logged in. While it fails for "expiring", the old one is used until it ends. */
  getToken?: (why: { reason: "start" | "expiring" | "refused" }) => Promise<string | null> | string | null;
  /** Whether conversations, messages and drafts are kept in IndexedDB; they are unless this is false. */
  cache?: boolean;
  /** `Accept-Language` of problems; the page's own unless this is given. */
  language?: string;
}
interface NewMessage$1 { content: string; replyToId?: string; attachments?: Attachment$1[]; metadata?: Record<string, unknown> }
interface Draft$1 extends NewMessage$1 {
  clientMessageId: string; conversationId: string; draft: "queued" | "sending" | "failed"; createdAt: string;
  /** As it is sent. */
  body: NewMessage$1 & { clientMessageId: string };
  problem: { status: number; code: string; message: string; errors: object[] } | null;
}
interface Conversations {
  /** Newest activity first, those of the archive left out. */
  readonly items: Conversation$1[];
  /** Whatever is held, the archive's as far as it was loaded. */
  readonly all: Conversation$1[];
  readonly hasMore: boolean; /** null: not asked for, or gone since. */ readonly hasMoreArchived: boolean | null;
  peek(id: string): Conversation$1 | null;
  get(id: string): Promise<Conversation$1>;
  more(status?: "ACTIVE" | "ARCHIVED"): Promise<void>;
  contact(about: { recipientId: string; context?: Partial<Context$1> | null; firstMessage?: NewMessage$1; subject?: string }): Promise<Conversation$1>;
  create(body: object): Promise<Conversation$1>;
  update(id: string, changes: { subject?: string; metadata?: object; closed?: boolean; status?: Side["status"] }): Promise<Conversation$1>;
  archive(id: string, isArchived?: boolean): Promise<Conversation$1>;
  delete(id: string): Promise<void>;
  members(id: string, where?: { pageToken?: string }): Promise<Page<Member$1>>;
  addMembers(id: string, userIds: string[]): Promise<Page<Member$1>>;
  setRole(id: string, userId: string, role: Member$1["role"]): Promise<Member$1>;
  removeMember(id: string, userId: string): Promise<void>;
}
interface Thread$1 {
  /** Whether the newest page was loaded; before, `items` are of the last visit. */
  isLoaded: boolean;
  readonly items: (Message$1 | Draft$1)[];
  readonly hasOlder: boolean;
  load(): Promise<void>; reload(): Promise<void>; older(): Promise<void>;
  send(message: NewMessage$1): Promise<Draft$1>;
  retry(clientMessageId: string): void; discard(clientMessageId: string): void;
  edit(messageId: string, content: string): Promise<void>; delete(messageId: string): Promise<void>;
  read(seq: number): Promise<void>;
  typing(isTyping: boolean): Promise<void>;
  receipts(messageId: string): Promise<MessageReceipt[]>;
}
/** They change at once, and back where the service refuses: the promise says so. `on("notifications")` tells of each change. */
interface Notifications$1 {
  /** Newest first; loaded at the first use. */
  readonly items: Notification$1[];
  readonly unreadCount: number;
  /** Also before the first page is there. */
  readonly hasMore: boolean;
  readonly isLoaded: boolean;
  load(): Promise<void>; reload(): Promise<void>; loadMore(): Promise<void>;
  markAsRead(id: string): Promise<void>; markAllAsRead(): Promise<void>;
  remove(id: string): Promise<void>;
}

interface Causerie$1 {
  readonly me: User$1 | null;
  readonly state: State$1;
  readonly conversations: Conversations;
  readonly notifications: Notifications$1;
  readonly unread: { total: number; conversations: number; of(conversationId: string): number };
  typingIn(conversationId: string): Typing$1[];
  presenceOf(userId: string): Presence$1 | null;
  /** One object per id. */
  thread(conversationId: string): Thread$1;
  /** Ends with the function that is given back. `resync`: not every event was told here; what is shown is whole again. */
  on(type: string, listener: (news: any) => void): () => void;
  /** What any tab may use. */
  allow(what: { stream?: boolean; longPoll?: boolean }): void;
  start(): Promise<void>; stop(): void;
  /** Forgets what was kept, in all tabs, of whoever used this service in this browser; a fixed `token` is of no use then. */
  signOut(): Promise<void>;
}

/** The one place that fetches, every wait bounded; and the frames of a stream. @import * as T from "./types" */

/** An answer of 400 and above; without a `code` it is a proxy's. */
declare class Refusal extends Error {
    status: number;
    code: any;
    errors: any;
    retryAfterMs: number;
    constructor(status?: number, problem?: any, retryAfter?: string);
}
declare class Unreachable extends Error {
    code: string;
    constructor(cause?: unknown, code?: string);
}

declare const Causerie: new (options: Options$1) => Causerie$1;
type Causerie = Causerie$1;
type Options = Options$1;
type State = State$1;
type Transport = Transport$1;
type User = User$1;
type Member = Member$1;
type Conversation = Conversation$1;
type Context = Context$1;
type Thread = Thread$1;
type Message = Message$1;
type NewMessage = NewMessage$1;
type Draft = Draft$1;
type Attachment = Attachment$1;
type Notification = Notification$1;
type Notifications = Notifications$1;
type FeedEvent = FeedEvent$1;
type Presence = Presence$1;
type Typing = Typing$1;

export { Causerie, Refusal, Unreachable };
export type { Attachment, Context, Conversation, Draft, FeedEvent, Member, Message, NewMessage, Notification, Notifications, Options, Presence, State, Thread, Transport, Typing, User };
