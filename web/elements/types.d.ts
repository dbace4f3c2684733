// What the elements ask of a client, and the shapes they exchange. `Causerie` of client.js fits `C.Client`, and so does a
// stand-in for a test. For the type checker only: no page loads it.

import type * as Shapes from "../client/types";
import type { CauserieElement } from "./element.js";
import type { Words as Language } from "./strings.js";

declare global {
  namespace C {
    type Attachment = Shapes.Attachment;
    type Context = Shapes.Context;
    type Conversation = Shapes.Conversation;
    type Draft = Shapes.Draft;
    type Member = Shapes.Member;
    type Message = Shapes.Message;
    type Notification = Shapes.Notification;
    type Quote = Shapes.ReplyTo;
    type User = Shapes.User;
    type Words = Language;
    type Element = CauserieElement;

    /** A function listens to the event of that name. */
    type Attributes = Record<string, string | number | boolean | null | undefined | ((event: any) => unknown)>;

    interface Thread {
      /** Oldest first, then drafts. */
      readonly items: (Message | Draft)[];
      readonly hasOlder: boolean;
      load(): Promise<unknown>;
      older(): Promise<unknown>;
      send(message: { content: string; replyToId?: string; attachments?: Attachment[] }): Promise<unknown>;
      retry(clientMessageId: string): unknown;
      discard(clientMessageId: string): unknown;
      edit(messageId: string, content: string): Promise<unknown>;
      delete(messageId: string): Promise<unknown>;
      read(seq: number): unknown;
      typing(isTyping: boolean): unknown;
    }

    interface Conversations {
      readonly items: Conversation[];
      /** With the archived ones, as far as they are held. */
      readonly all?: Conversation[];
      readonly hasMore: boolean;
      /** null: the archive was not asked for, or what was held of it is gone. */
      readonly hasMoreArchived?: boolean | null;
      more(status?: string): Promise<unknown>;
      get(id: string): Promise<Conversation>;
      peek(id: string): Conversation | null | undefined;
      contact(about: { recipientId: string; context?: any; firstMessage?: { content: string }; subject?: string }): Promise<Conversation>;
      create(body: any): Promise<Conversation>;
      archive(id: string, isArchived: boolean): Promise<unknown>;
      members(id: string, where?: { pageToken?: string }): Promise<Shapes.Page<Member>>;
      addMembers(id: string, userIds: string[]): Promise<unknown>;
      setRole(id: string, userId: string, role: Member["role"]): Promise<unknown>;
      removeMember(id: string, userId: string): Promise<unknown>;
    }

    interface Notifications {
      /** Newest first. */
      readonly items: Notification[];
      readonly unreadCount: number;
      readonly isLoaded: boolean;
      /** Also before the first page is there. */
      readonly hasMore: boolean;
      loadMore(): Promise<unknown>;
      markAsRead(id: string): Promise<unknown>;
      markAllAsRead(): Promise<unknown>;
      remove(id: string): Promise<unknown>;
    }

    interface Client {
      readonly me: User | null;
      readonly state: { status: string };
      readonly unread: { readonly total: number; of(conversationId: string): number };
      readonly conversations: Conversations;
      readonly notifications: Notifications;
      thread(conversationId: string): Thread;
      typingIn(conversationId: string): { userId: string; name: string | null }[];
      presenceOf(userId: string): Pick<Shapes.Presence, "status" | "lastSeenAt"> | null | undefined;
      on(type: string, listener: (detail: any) => void): () => void;
    }

    /** What stands for one item of a list, for as long as its key is there. */
    interface Row<Item> {
      node: HTMLElement;
      update(item: Item): void;
    }

    type Status = Draft["draft"] | "sent" | "delivered" | "read";

    /** What a thread shows: a line (a day, the mark of what is new), or a message or draft. */
    interface Item {
      key: string;
      line?: string;
      isNew?: boolean;
      message?: Message;
      draft?: Draft;
      isMine?: boolean;
      isNotice?: boolean;
      /** Of the same person, soon after the one above. */
      follows?: boolean;
      isNamed?: boolean;
      author?: string;
      status?: Status;
      /** What the service would let this person do with it. */
      can?: { reply: boolean; edit: boolean; remove: boolean };
      at?: string;
      quote?: Quote | null;
    }

    /** What a bell shows. */
    interface Told {
      key: string;
      notification: Notification;
    }

    /** What a message asks of its thread. */
    interface Host {
      words: Words;
      menu(opener: HTMLElement, item: Item): void;
      show(messageId: string): void;
      focus(): void;
      readonly open: Open | null;
    }

    /** The message that is edited, or the one that is answered. */
    interface Task {
      edits?: Message;
      answers?: Message;
    }

    /** What was written and attached, and not sent. */
    interface Begun {
      text: string;
      files: Attachment[];
    }

    /** What a composer tells its thread. */
    interface Writing {
      send(content: string, task: Task, files: Attachment[]): void;
      typing(isTyping: boolean): void;
      authorOf(message: Message): string;
    }

    interface Choice {
      text: string;
      act(): void;
      isDanger?: boolean;
    }

    /** A conversation that is open in an element. */
    interface Open {
      client: Client;
      conversation: Conversation;
      thread: Thread;
    }
  }
}
