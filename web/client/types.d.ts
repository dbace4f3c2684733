// The shapes of the service's contract, as far as the client reads them, and those of its own parts.
// For the type checker only: no page loads it.

export interface User { id: string; name: string | null; imageUrl: string | null; role: string | null; /** Only where true: the account was erased. */ isDeleted?: boolean }
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
/** What the host tells one person. Once it is deleted its texts are null. */
export interface Notification {
  id: string; userId: string; type: string; title: string | null; message: string | null;
  /** By https, or a path of the page's own site. */
  link: string | null;
  createdAt: string; deliverAt: string | null; readAt: string | null; isDeleted: boolean;
}
/** One durable change. Which field of `data` is there depends on `type`. */
export interface FeedEvent {
  cursor: string; type: string; conversationId: string; actorId: string | null; occurredAt: string;
  data: { conversation?: Conversation; status?: Side["status"]; member?: Member; message?: Message; receipt?: Receipt; user?: User; notification?: Notification; andOlder?: boolean };
}
/** `isAll`: whoever is not in `changed` has nothing unread. */
export interface UnreadState { total: number; conversations?: number; notifications?: number; changed?: { id: string; unreadCount: number }[]; isAll?: boolean }
export interface Typing { conversationId: string; userId: string; name: string | null }
export interface Presence { userId: string; status: "ONLINE" | "OFFLINE"; lastSeenAt: string | null }
export interface Ephemeral { typing: Typing[]; presence: Presence[] }
export interface Snapshot { cursor: string; me: User; conversations: Page<Conversation>; unread: UnreadState }

export type Transport = "stream" | "long-poll" | "poll";
export interface State {
  transport: Transport | null;
  status: "stopped" | "syncing" | "connecting" | "live" | "waiting" | "offline" | "signed-out";
  /** Why it is not the best one: "stream-silent", …, "no-locks" (tabs cannot share one: each polls); "no-token"; why nobody is known. */
  reason: string | null;
  /** Of this transport in this status. */
  since: Date;
  isLeader: boolean; cursor: string | null; requests: number; notModified: number; bytes: number; retryAt: Date | null; allowed: Set<Transport>;
}
export interface Options {
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
export interface NewMessage { content: string; replyToId?: string; attachments?: Attachment[]; metadata?: Record<string, unknown> }
export interface Draft extends NewMessage {
  clientMessageId: string; conversationId: string; draft: "queued" | "sending" | "failed"; createdAt: string;
  /** As it is sent. */
  body: NewMessage & { clientMessageId: string };
  problem: { status: number; code: string; message: string; errors: object[] } | null;
}
export interface Conversations {
  /** Newest activity first, those of the archive left out. */
  readonly items: Conversation[];
  /** Whatever is held, the archive's as far as it was loaded. */
  readonly all: Conversation[];
  readonly hasMore: boolean; /** null: not asked for, or gone since. */ readonly hasMoreArchived: boolean | null;
  peek(id: string): Conversation | null;
  get(id: string): Promise<Conversation>;
  more(status?: "ACTIVE" | "ARCHIVED"): Promise<void>;
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
  load(): Promise<void>; reload(): Promise<void>; older(): Promise<void>;
  send(message: NewMessage): Promise<Draft>;
  retry(clientMessageId: string): void; discard(clientMessageId: string): void;
  edit(messageId: string, content: string): Promise<void>; delete(messageId: string): Promise<void>;
  read(seq: number): Promise<void>;
  typing(isTyping: boolean): Promise<void>;
  receipts(messageId: string): Promise<MessageReceipt[]>;
}
/** They change at once, and back where the service refuses: the promise says so. `on("notifications")` tells of each change. */
export interface Notifications {
  /** Newest first; loaded at the first use. */
  readonly items: Notification[];
  readonly unreadCount: number;
  /** Also before the first page is there. */
  readonly hasMore: boolean;
  readonly isLoaded: boolean;
  load(): Promise<void>; reload(): Promise<void>; loadMore(): Promise<void>;
  markAsRead(id: string): Promise<void>; markAllAsRead(): Promise<void>;
  remove(id: string): Promise<void>;
}

export interface Causerie {
  readonly me: User | null;
  readonly state: State;
  readonly conversations: Conversations;
  readonly notifications: Notifications;
  readonly unread: { total: number; conversations: number; of(conversationId: string): number };
  typingIn(conversationId: string): Typing[];
  presenceOf(userId: string): Presence | null;
  /** One object per id. */
  thread(conversationId: string): Thread;
  /** Ends with the function that is given back. `resync`: not every event was told here; what is shown is whole again. */
  on(type: string, listener: (news: any) => void): () => void;
  /** What any tab may use. */
  allow(what: { stream?: boolean; longPoll?: boolean }): void;
  start(): Promise<void>; stop(): void;
  /** Forgets what was kept, in all tabs, of whoever used this service in this browser; a fixed `token` is of no use then. */
  signOut(): Promise<void>;
}
export type MakeCauserie = (options: Options) => Causerie;

// The parts, and what they ask of each other.

/** An option of `fetch`, as far as it is used. */
export interface Request { signal?: AbortSignal; headers?: Record<string, string>; body?: object }
export type Renew = (reason: "start" | "expiring" | "refused") => Promise<string>;
export interface Http {
  /** Of everything this tab asked. */
  counts: { requests: number; notModified: number; bytes: number };
  /** Tenant and user of the token. */
  who(): Promise<string>;
  /** What is asked and not answered yet comes to nothing. The next token may be another person's only where `isWhole`. */
  forget(isWhole?: boolean): void;
  /** One that is good for now, and not the one that was refused. */
  token(refused?: string): Promise<string>;
  /** An answer's head; its body comes later, and `signal` may end it. A 401 is answered with a new token, once. */
  open(method: string, path: string, request?: Request): Promise<Response>;
  /** One try, at most `ms` long. `body` is empty for 204 and 304. Throws `Refusal` or `Unreachable`. */
  json(method: string, path: string, request?: Request & { ms?: number }): Promise<{ response: Response; body: any }>;
  call(method: string, path: string, body?: object): Promise<any>;
}
/** `onOther`: a token came that is another person's. */
export type MakeHttp = (options: Options, onOther: () => void) => Http;

/** A step of the feed, as the leading tab takes it and tells it to the others: what came after `from`, up to `cursor`. */
export interface Step { from: string; cursor: string; events: FeedEvent[]; unread?: UnreadState; ephemeral?: Ephemeral }
export type TakeStep = (step: Partial<Step>) => void;
/**
 * silent: a stream that brings nothing, so something on the way buffers it; refused: an answer, but a proxy's;
 * cut: ended while it was held open; away: no answer at all, which is mostly no transport's fault.
 */
export type Failure = "silent" | "refused" | "cut" | "away";
/** A text that outlives the page, of all tabs; "" is none. */
export interface Note { get(): string; set(text: string): void }
export type MakeNote = (key: string) => Note;
/** Pure: the clock is given. */
export interface Ladder {
  allowed: Set<Transport>;
  reason: string | null;
  /** Seconds that a long-poll may be held; shorter where longer ones are cut. */
  wait: number;
  /** `reason`: why no better one is. */
  allow(what: { stream?: boolean; longPoll?: boolean }, reason?: string | null): void;
  /** Goes on where another page, or tab, has found what works. */
  recall(): void;
  /** The one to use now. */
  next(): Transport;
  /** Something came through. It proves the transport if it is a stream's heartbeat, or a long-poll's answer that was held. */
  worked(isProof?: boolean): void;
  /** `ms`: how long it was held. */
  failed(how: Failure, ms?: number): void;
}
export type MakeLadder = (now?: () => number, note?: Note) => Ladder;
export type TellState = (status: State["status"], more?: Partial<State>) => void;
export interface Feed {
  ladder: Ladder;
  /** Goes on from a cursor, or starts with a snapshot; for ever. */
  start(cursor: string | null): void;
  stop(): void;
}
export type MakeFeed = (http: Http, on: {
  sync(snapshot: Snapshot): void;
  /** May throw `Broken`: then everything is loaded anew. */
  step(step: Step): void;
  lost(reason: string): void;
  state(state: Partial<State>): void;
}, note?: Note) => Feed;

/** Everything that a tab knows: from a snapshot, from another tab, or (without a cursor) from the last visit. */
export interface Knowledge {
  cursor: string | null; me: User | null; next: string | null; total: number; ephemeral: Ephemeral;
  /** How many notifications are unread; a tab of before there were any does not say. */
  notified?: number;
  /** The newest `seq` of each conversation. */
  last: [string, number][];
  conversations: Conversation[]; unread: [string, number][];
  /** Conversations that are being fetched, and what has happened to them since. */
  arriving: [string, FeedEvent[]][];
}
export type StatusOf = (message: Message, conversation: Conversation, me?: string) => Status;
export type Moved = (of: Conversation, userId: string, horizons: { readUpTo?: number; deliveredUpTo?: number; readAt?: string | null }) => void;
/** What an event does to a conversation that is held, by the noun of its type. */
export type Does = Record<string, (to: Conversation, data: any) => void>;
export type Rename = (all: any, user: User, at: string) => void;
export type Apply = (event: FeedEvent) => void;
export type Held = (method: string, path: string, body?: object) => Promise<Conversation>;
export type MakeThread = (conversationId: string) => Thread;
export interface Model {
  cursor: string | null; me: User | null; next: string | null; total: number; ephemeral: Ephemeral;
  /** Those that were asked for. */
  threads: Map<string, Thread>;
  /** Ids of conversations that are to be fetched. */
  readonly arriving: string[];
  readonly knowledge: Knowledge;
  conversations: Conversations;
  notifications: Notifications;
  readonly notified: number;
  thread(conversationId: string): Thread;
  /** The unbroken run up to the newest: what lies below a gap is loaded again. */
  messages(conversationId: string): Message[];
  drop(conversationId: string): void;
  unreadOf(conversationId: string): number;
  /** Whether this tab has been at that cursor. */
  has(cursor: string | null): boolean;
  after(cursor: string): FeedEvent[];
  adopt(knowledge: Knowledge): void;
  /** The events that were not told here before, each checked and applied; may throw `Broken`. */
  take(step: Step): Iterable<FeedEvent>;
  hold(conversation: Conversation): void;
  said(message: Message): void;
  /** Whether the counts add up. */
  count(unread: UnreadState): boolean;
  put(conversationId: string, messages: Message[], isNewest?: boolean): void;
}
/** Tells listeners that these conversations changed; all, unless they are named. */
export type Show = (conversationIds?: Iterable<string>) => void;
/** `unknown`: a conversation has to be fetched, within so many milliseconds. */
export type MakeModel = (http: Http, outbox: Outbox, cache: Cache, tell: Tell, show: Show, unknown: (conversationId: string, within?: number) => void, notified?: () => void) => Model;

export type IsUnread = (notification: Notification) => boolean;
/** `did`: the service has done it; `ids`: what a mark of all covers. */
export type Mark = (key: string, method: string, path: string, did: () => void, ids?: Set<string>) => Promise<void>;
export interface Notices {
  notifications: Notifications;
  /** How many are unread, as the service counts. */
  count: number;
  take(event: FeedEvent): void;
  /** `isOther`: another person's, of which nothing is known. */
  adopt(unread: number | undefined, isOther: boolean): void;
}
/** `changed` is called after what changes here, not after what the feed tells; `isKnown`: whether somebody is logged in. */
export type MakeNotices = (http: Pick<Http, "call">, changed: () => void, isKnown: () => boolean) => Notices;

export type Done = <T>(request: IDBRequest<T>) => Promise<T>;
export type AskCache = (mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest) => Promise<any>;
export interface Cache {
  name: string;
  get(key: string): Promise<any>;
  /** Whatever starts with it. */
  all(prefix: string): Promise<any[]>;
  /** Nothing deletes. */
  put(key: string, value?: unknown): Promise<unknown>;
  /** Of a service, a tenant and a user, so that nobody sees another's; "" keeps nothing. */
  use(name: string): void;
  /** Deletes this database, and those whose names start with `prefix`. */
  forget(prefix?: string): Promise<void>;
}
export type MakeCache = () => Cache;
export interface Outbox {
  isLeading: boolean;
  /** In the order of writing. */
  readonly all: Draft[]; of(conversationId: string): Draft[];
  add(conversationId: string, message: NewMessage): Draft;
  keep(draft: Draft): Promise<void>;
  put(draft: Draft): void;
  retry(clientMessageId: string): void;
  drop(clientMessageId?: string | null): void;
  /** All of them. */
  forget(): void;
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
  /** Where the leader stands, and what has happened since this tab was told. */
  at(step: Step): void;
  lost(reason: string): void;
  allow(what: { stream?: boolean; longPoll?: boolean }): void;
  /** `isAnother`: another person is logged in now. */
  gone(isAnother: boolean): void;
}
export type News = { [name in keyof Hear]?: Parameters<Hear[name]>[0] };
export type Tell = <name extends keyof Hear>(name: name, news: Parameters<Hear[name]>[0]) => void;
/** `hello`: a tab that stands at `cursor` asks; `to`: the answer, by a leader that may be slowed down. */
export type Word = News & { hello?: string; cursor?: string | null; to?: string; isSlow?: boolean };
export interface Tabs {
  isLeader: boolean;
  say(word: Word): void;
  /** What has happened since; and whether the leader is awake. */
  ask(cursor?: string | null): void;
  start(): void;
  /** Lets the page rest in the back-forward cache: no lock, no channel. */
  stop(): void;
}
export type MakeTabs = (name: string, on: {
  /** `isAlone`: there are no locks, so that every tab leads. */
  lead(isLeader: boolean, isAlone?: boolean): void;
  cursor(): string | null;
  /** To a tab that stands there. */
  answer(cursor: string | null): Word;
  hear(news: News): void;
}) => Tabs;
