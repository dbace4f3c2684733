// The shapes of the service's contract, as far as the client reads them, and those of its own parts.
// For the type checker only: no page loads it.

export interface User { id: string; name: string | null; imageUrl: string | null; role: string | null }
export interface Member { user: User; role: "MEMBER" | "ADMIN"; joinedAt: string; readUpTo: number; readAt: string | null; deliveredUpTo: number }
export interface Attachment { id?: string; url: string; type: string; fileName?: string | null; fileSize?: number | null }
export interface ReplyTo { id: string; seq: number; sender: User | null; excerpt: string | null; isDeleted: boolean }
export type Status = "SENT" | "DELIVERED" | "READ";
export interface Message {
  id: string; conversationId: string; seq: number; type: "USER" | "SYSTEM"; sender: User | null; content: string | null;
  attachments: Attachment[]; replyTo: ReplyTo | null; notice: Record<string, unknown> | null; clientMessageId: string | null;
  metadata: Record<string, unknown>; createdAt: string; editedAt: string | null; isDeleted: boolean;
  /** Of one's own only. */
  status?: Status;
}
export interface Context { type: string; id: string; title: string | null; url: string | null; imageUrl: string | null; startsAt: string | null }
/** One's own side of a conversation. */
export interface Side { role: "MEMBER" | "ADMIN"; status: "ACTIVE" | "ARCHIVED"; unreadCount: number; readUpTo: number }
export interface Conversation {
  id: string; type: "PRIVATE" | "GROUP"; subject: string | null; context: Context | null; organizationId: string | null;
  closed: boolean; members: Member[]; memberCount: number; lastMessage: Message | null; lastMessageAt: string | null;
  metadata: Record<string, unknown>; createdAt: string; updatedAt: string; me: Side;
}
export interface Receipt { conversationId: string; userId: string; readUpTo?: number; readAt?: string | null; deliveredUpTo?: number }
export interface MessageReceipt { user: User; status: Status; deliveredAt: string | null; readAt: string | null }
export interface Page<T> { items: T[]; hasMore?: boolean; nextPageToken?: string; cursor?: string }
/** One durable change. Which field of `data` is there depends on `type`. */
export interface FeedEvent {
  cursor: string; type: string; conversationId: string | null; actorId: string | null; occurredAt: string;
  data: { conversation?: Conversation; status?: Side["status"]; member?: Member; message?: Message; receipt?: Receipt; user?: User };
}
/** `isAll`: whoever is not in `changed` has nothing unread. */
export interface UnreadState { total: number; conversations?: number; changed?: { id: string; unreadCount: number }[]; isAll?: boolean }
export interface Typing { conversationId: string; userId: string; name: string | null }
export interface Presence { userId: string; status: "ONLINE" | "OFFLINE"; lastSeenAt: string | null }
export interface Ephemeral { typing: Typing[]; presence: Presence[] }
export interface Snapshot { cursor: string; me: User; conversations: Page<Conversation>; unread: UnreadState }

export type Transport = "stream" | "long-poll" | "poll";
export interface State {
  transport: Transport | null;
  status: "stopped" | "syncing" | "connecting" | "live" | "waiting" | "offline" | "signed-out";
  /** Why the transport is not the best one ("stream-silent", "long-poll-cut", …), or why nobody is known yet. */
  reason: string | null;
  /** Of `status`. */
  since: Date;
  isLeader: boolean; cursor: string | null; requests: number; notModified: number; bytes: number; retryAt: Date | null; allowed: Set<Transport>;
}
export interface Options {
  /** Where the service is: an origin, a path, or both; "" is the page's own origin. */
  url?: string;
  token?: string;
  /** Null: nobody is logged in. */
  getToken?: (why: { reason: "start" | "expiring" | "refused" }) => Promise<string | null> | string | null;
  /** Whether conversations, messages and drafts are kept in IndexedDB; they are unless this is false. */
  cache?: boolean;
  /** `Accept-Language` of problems; the page's own unless this is given. */
  language?: string;
}
export interface NewMessage { content: string; replyToId?: string; attachments?: Attachment[]; metadata?: Record<string, unknown> }
export interface Draft extends NewMessage {
  clientMessageId: string; conversationId: string; draft: "queued" | "sending" | "failed"; createdAt: string;
  /** Its order among drafts. */
  at: number;
  problem: { status: number; code: string; message: string; errors: object[] } | null;
}
export interface Conversations {
  readonly items: Conversation[];
  readonly hasMore: boolean;
  peek(id: string): Conversation | null;
  get(id: string): Promise<Conversation>;
  more(): Promise<void>;
  contact(about: { recipientId: string; context?: Partial<Context> | null; firstMessage?: NewMessage; subject?: string }): Promise<Conversation>;
  create(body: object): Promise<Conversation>;
  update(id: string, changes: { subject?: string; metadata?: object; closed?: boolean; status?: Side["status"] }): Promise<Conversation>;
  archive(id: string, isArchived?: boolean): Promise<Conversation>;
  delete(id: string): Promise<void>;
  members(id: string, where?: { pageToken?: string }): Promise<Page<Member>>;
  addMembers(id: string, userIds: string[]): Promise<Page<Member>>;
  setRole(id: string, userId: string, role: Member["role"]): Promise<Member>;
  removeMember(id: string, userId: string): Promise<void>;
}
export interface Thread {
  /** Whether the newest page was loaded; before, `items` are of the last visit. */
  isLoaded: boolean;
  readonly items: (Message | Draft)[];
  readonly hasOlder: boolean;
  load(): Promise<void>;
  reload(): Promise<void>;
  older(): Promise<void>;
  send(message: NewMessage): Promise<Draft>;
  retry(clientMessageId: string): void;
  discard(clientMessageId: string): void;
  edit(messageId: string, content: string): Promise<void>;
  delete(messageId: string): Promise<void>;
  read(seq: number): Promise<void>;
  typing(isTyping: boolean): Promise<void>;
  receipts(messageId: string): Promise<MessageReceipt[]>;
}

// The parts, and what they ask of each other.

export interface Request { signal?: AbortSignal; headers?: Record<string, string>; body?: object }
export interface Http {
  counts: { requests: number; notModified: number; bytes: number };
  /** Tenant and user of the token. */
  who(): Promise<string>;
  forget(): void;
  /** One that is good for now, and not the one that was refused. */
  token(refused?: string): Promise<string>;
  /** An answer's head; its body comes later, and `signal` may end it. */
  open(method: string, path: string, request?: Request): Promise<Response>;
  json(method: string, path: string, request?: Request & { ms?: number }): Promise<{ response: Response; body: any }>;
  call(method: string, path: string, body?: object): Promise<any>;
}
/** `onOther`: a token came that is another person's. */
export type MakeHttp = (options: Options, onOther: () => void) => Http;

/** A step of the feed, as the leading tab takes it and tells it to the others. */
export interface Step { from: string; cursor: string; events: FeedEvent[]; unread?: UnreadState; ephemeral?: Ephemeral }
export type Failure = "silent" | "refused" | "cut" | "away";
export interface Ladder {
  allowed: Set<Transport>;
  reason: string | null;
  /** Seconds that a long-poll may be held. */
  wait: number;
  allow(what: { stream?: boolean; longPoll?: boolean }): void;
  next(): Transport;
  worked(): void;
  /** `ms`: how long it was held. */
  failed(how: Failure, ms?: number): void;
}
export type MakeLadder = (now?: () => number) => Ladder;
export interface Feed {
  ladder: Ladder;
  tell(status: State["status"], more?: Partial<State>): void;
  /** Goes on from a cursor, or starts with a snapshot; for ever. */
  start(cursor: string | null): void;
  stop(): void;
}
export type MakeFeed = (http: Http, on: {
  sync(snapshot: Snapshot): void;
  /** May throw `Broken`. */
  step(step: Step): void;
  lost(reason: string): void;
  state(state: Partial<State>): void;
}, ladder?: Ladder) => Feed;

/** Everything that a tab knows: from a snapshot, from another tab, or (without a cursor) from the last visit. */
export interface Knowledge {
  cursor: string | null; me: User | null; next: string | null; total: number; ephemeral: Ephemeral;
  last: [string, number][]; conversations: Conversation[]; unread: [string, number][];
}
export type StatusOf = (message: Message, conversation: Conversation | null, me?: string) => Status;
export type Moved = (of: Conversation, userId: string, horizons: { readUpTo?: number; deliveredUpTo?: number; readAt?: string | null }) => void;
export interface Model {
  cursor: string | null; me: User | null; next: string | null; total: number; ephemeral: Ephemeral;
  readonly held: Conversation[];
  /** Ids of what is to be fetched. */
  readonly arriving: string[];
  readonly knowledge: Knowledge;
  peek(id: string): Conversation | null;
  drop(id: string): void;
  unreadOf(id: string): number;
  has(cursor: string | null): boolean;
  adopt(knowledge: Knowledge): void;
  /** The events that are new here, each applied; may throw `Broken`. */
  take(step: Step): Iterable<FeedEvent>;
  hold(conversation: Conversation): void;
  said(message: Message): void;
  /** Whether the counts add up. */
  count(unread: UnreadState): boolean;
  messages(conversationId: string): Message[];
  put(conversationId: string, messages: Message[], isNewest?: boolean): void;
}
export type MakeModel = (unknown: (conversationId: string) => void) => Model;

export interface Cache {
  name: string;
  get(key: string): Promise<any>;
  all(prefix: string): Promise<any[]>;
  put(key: string, value?: unknown): Promise<unknown>;
  forget(): void;
}
export type MakeCache = () => Cache;
export interface Outbox {
  isLeading: boolean;
  readonly all: Draft[];
  of(conversationId: string): Draft[];
  add(conversationId: string, message: NewMessage): Draft;
  keep(draft: Draft): Promise<void>;
  put(draft: Draft): void;
  retry(clientMessageId: string): void;
  drop(clientMessageId: string): void;
  send(conversationId: string): Promise<void>;
}
export type MakeOutbox = (http: Http, cache: Cache, tell: Tell) => Outbox;

/** What is told from tab to tab, and done in each. */
export interface Hear {
  state(news: Partial<State>): void;
  step(step: Step): void;
  adopt(knowledge: Knowledge): void;
  unread(unread: UnreadState): void;
  hold(conversation: Conversation): void;
  said(message: Message): void;
  draft(draft: Draft): void;
  drop(clientMessageId: string): void;
  lost(reason: string): void;
  allow(what: { stream?: boolean; longPoll?: boolean }): void;
  gone(is: true): void;
}
export type News = { [name in keyof Hear]?: Parameters<Hear[name]>[0] };
export type Tell = <name extends keyof Hear>(name: name, news: Parameters<Hear[name]>[0]) => void;
/** `hello`: a tab that stands at `cursor` asks; `to`: the answer. */
export type Word = News & { hello?: string; cursor?: string | null; to?: string; isSlow?: boolean };
export interface Tabs { isLeader: boolean; say(word: Word): void; ask(): void; start(): void; stop(): void }
export type MakeTabs = (name: string, on: {
  lead(): void;
  follow(): void;
  cursor(): string | null;
  answer(cursor: string | null): Word;
  hear(news: News): void;
}) => Tabs;

export interface Parts { http: Http; model: Model; outbox: Outbox; cache: Cache; tell: Tell; changed(conversationId: string): void }
export type MakeConversations = (parts: Parts) => Conversations;
export type MakeThread = (conversationId: string, parts: Parts) => Thread;
