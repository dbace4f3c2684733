/**
 * One side of the page: a person, the transport it follows by, its inbox and its open thread.
 * The feed changes `Conversations`, every change renders, and rendering an open thread that somebody looks at reads it.
 */
import { Api } from "./api.js";
import { Composer } from "./composer.js";
import { Conversations, quoteOf } from "./conversations.js";
import { el, mark, parts, say, soon } from "./dom.js";
import { Feed } from "./feed.js";
import { Inbox, badge } from "./inbox.js";
import { Members } from "./members.js";
import { Outbox } from "./outbox.js";
import { aboutOf, draw, nameOf, titleOf } from "./people.js";
import { renderStatus } from "./status.js";
import { t } from "./strings.js";
import { Thread } from "./thread.js";

export class Pane {
  #open = null;
  /** Which list is shown. */
  #status = "ACTIVE";
  #older = "ready";
  #readRequest = false;
  #feedState = null;

  /**
   * @param {HTMLElement} element  a clone of the page's template
   * @param {{tenant: string, user: object, token: string}[]} people
   * @param {{person: number, transport: import("./feed.js").Transport, conversationId: string}} start
   */
  constructor(element, people, { person, transport, conversationId }) {
    this.element = element;
    this.people = people;
    this.preferred = conversationId;
    this.part = parts(element);
    this.render = soon(() => this.#render());
    this.inbox = new Inbox(this.part.inbox, (id) => this.open(id, true));
    this.thread = new Thread(this.part, {
      older: () => this.#loadOlder(),
      retry: (id) => this.outbox.retry(id),
      act: (what, message) => this.#act(what, message),
      redraw: this.render,
    });
    this.composer = new Composer(this.part, (content, task) => this.#write(content, task));
    this.members = new Members(this.part, () => this.api, () => this.feed.wake());
    this.#listen();
    this.part.person.append(...tenantsOf(people));
    this.part.person.value = person;
    this.part.transport.value = transport;
    this.become(people[person]);
  }

  #listen() {
    const { person, transport, back, more, archive, members, put } = this.part;
    person.addEventListener("change", () => this.become(this.people[person.value]));
    transport.addEventListener("change", () => this.feed.change(transport.value));
    back.addEventListener("click", () => { this.#show("inbox"); this.part.inbox.querySelector("[aria-current=true]")?.focus(); });
    more.addEventListener("click", () => this.#loadMore(this.conversations.nextPageToken[this.#status]));
    archive.addEventListener("click", () => this.#list(this.#status === "ACTIVE" ? "ARCHIVED" : "ACTIVE"));
    members.addEventListener("click", () => { this.members.open(this.conversations.get(this.#open)); this.#render(); });
    put.addEventListener("click", () => this.#put());
    this.element.addEventListener("focusin", this.render);
    this.element.addEventListener("focusout", this.render);
    document.addEventListener("visibilitychange", this.render);
  }

  /** Another person sits down here: a new snapshot, a new feed. */
  become({ user, token }) {
    this.feed?.stop();
    this.#open = null;
    this.#status = "ACTIVE";
    this.composer.clear();
    say(this.part.problem, "");
    const api = (this.api = new Api(token));
    const conversations = (this.conversations = new Conversations(user, (id) => api.conversation(id), this.render));
    const outbox = (this.outbox = new Outbox(api, (message) => { conversations.sent(message); this.feed.wake(); }, this.render));
    this.feed = new Feed({
      token,
      transport: this.part.transport.value,
      onSync: (snapshot) => this.#sync(snapshot),
      onEvent: (event) => {
        if (event.type === "message.created" && event.actorId === user.id) outbox.settle(event.data.message.clientMessageId);
        conversations.apply(event);
      },
      onUnread: (unread) => conversations.unread(unread),
      onState: (state) => { this.#feedState = state; this.render(); },
    });
    draw(this.part.avatar, user.id, nameOf(user));
    this.feed.start();
  }

  #sync(snapshot) {
    this.conversations.sync(snapshot);
    const { conversations } = this;
    if (this.#status === "ARCHIVED") this.#loadMore(null);
    if (this.#open && conversations.get(this.#open)) return this.#load(this.#open, null);
    const first = conversations.get(this.preferred) ?? conversations.list()[0];
    if (first) this.open(first.id);
  }

  /** Shows a conversation; `asked` when a person did it, who then wants to write. */
  open(id, asked = false) {
    if (this.#open !== id) say(this.part.problem, "");
    this.#open = id;
    this.#show("thread");
    this.#older = "ready";
    if (!this.conversations.get(id).loaded) this.#load(id, null);
    this.#render();
    if (asked && matchMedia("(pointer: fine)").matches) this.composer.focus();
    else if (asked) this.part.log.focus({ preventScroll: true });
  }

  /** In a narrow pane the inbox and the thread take turns. */
  #show(view) {
    this.element.dataset.view = view;
    this.render();
  }

  #loadOlder() {
    const conversation = this.conversations.get(this.#open);
    this.#load(this.#open, conversation.loaded ? conversation.first : null);
  }

  async #load(id, before) {
    const { api, conversations } = this;
    this.#older = "loading";
    this.render();
    try {
      conversations.addMessages(id, await api.messages(id, before));
      if (this.#open === id) this.#older = "ready";
    } catch {
      if (this.#open === id) this.#older = "failed";
    }
    this.render();
  }

  async #loadMore(pageToken) {
    const { api, conversations, part } = this;
    const status = this.#status;
    part.more.disabled = true;
    const page = await api.conversations(status, pageToken).catch(() => null);
    if (page) conversations.add(page, status);
    part.more.disabled = false;
  }

  /** Shows the inbox, or the archive, which is read when it is looked at. */
  #list(status) {
    this.#status = status;
    if (status === "ARCHIVED") this.#loadMore(null);
    this.render();
  }

  /** Into the archive, where it is out of sight; or out of it. */
  async #put() {
    const { conversations } = this;
    const { id, me } = conversations.get(this.#open);
    const status = me.status === "ACTIVE" ? "ARCHIVED" : "ACTIVE";
    if (!(await this.#try((api) => api.put(id, status)))) return;
    conversations.put(id, status);
    if (status === "ARCHIVED" && this.#open === id) {
      this.#open = null;
      this.#show("inbox");
      this.part.archive.focus();
    }
  }

  async #write(content, { edits, answers }) {
    const { conversations } = this;
    const id = this.#open;
    if (!edits) return this.outbox.add(id, content, answers && quoteOf(answers));
    const isDone = await this.#try((api) => api.edit(edits.id, content), (message) => conversations.sent(message));
    // What was written is not lost with it.
    if (!isDone && this.#open === id) this.composer.edit(edits, content);
  }

  /** What was chosen of a message. */
  #act(what, message) {
    if (what === "reply") this.composer.answer(message);
    else if (what === "edit") this.composer.edit(message);
    else if (confirm(t("sureToDelete"))) this.#try((api) => api.delete(message.id));
    this.render();
  }

  /** Where the service refuses, the problem's own words are shown. */
  async #try(call, done = () => {}) {
    const { api, part } = this;
    say(part.problem, "");
    try {
      done(await call(api));
      this.feed.wake();
      return true;
    } catch (failure) {
      if (api === this.api) say(part.problem, failure.status ? failure.message : t("unreachable"));
      return false;
    }
  }

  /** Somebody looks at the open thread: the page is visible, the focus is in this pane, the newest is in view. */
  #isRead() {
    const { element, thread, part } = this;
    const looking = document.visibilityState === "visible" && element.contains(document.activeElement);
    return looking && thread.atEnd && part.log.getClientRects().length > 0;
  }

  #render() {
    const { part, conversations, element } = this;
    const conversation = this.#open ? conversations.get(this.#open) : null;
    element.classList.toggle("open", Boolean(conversation));
    part.thread.hidden = !conversation;
    part.empty.hidden = Boolean(conversation);
    say(part.empty, t(conversations.list(this.#status).length ? "pick" : "none"));
    if (conversation) this.#renderThread(conversation);
    const reading = conversation?.loaded && this.#isRead() ? conversation : null;
    this.inbox.render(conversations, this.#status, this.#open, reading?.id ?? null);
    this.members.render(conversation, conversations);
    part.more.hidden = !conversations.nextPageToken[this.#status];
    part.nothing.hidden = this.#status === "ACTIVE" || conversations.list("ARCHIVED").length > 0;
    mark(part.archive, "aria-pressed", String(this.#status === "ARCHIVED"));
    badge(part.total, Math.max(0, conversations.total - (reading?.me.unreadCount ?? 0)));
    if (this.#feedState) renderStatus(part, this.#feedState);
    if (reading) this.#read(reading);
  }

  #renderThread(conversation) {
    const { part, conversations } = this;
    say(part.title, titleOf(conversation, conversations.others(conversation)));
    say(part.about, aboutOf(conversation));
    part.members.hidden = conversation.type !== "GROUP";
    mark(part.put, "aria-pressed", String(conversation.me.status === "ARCHIVED"));
    this.thread.render(conversation, conversations, this.outbox.of(conversation.id), this.#older);
    this.composer.render(conversation);
  }

  async #read(conversation) {
    const upTo = conversation.lastMessage?.seq ?? 0;
    if (this.#readRequest || upTo <= conversation.me.readUpTo) return;
    this.#readRequest = true;
    const { api, conversations } = this;
    const read = () => conversations.read(conversation.id, upTo);
    // What was refused is not asked again with every frame.
    await api.read(conversation.id, upTo).then(read, () => new Promise((resolve) => setTimeout(resolve, 5_000)));
    this.#readRequest = false;
    this.render();
  }
}

/** Everybody to choose from, by tenant: an id names somebody else in each. */
function tenantsOf(people) {
  const tenants = [...new Set(people.map(({ tenant }) => tenant))];
  const option = (person) => el("option", { value: people.indexOf(person), text: nameOf(person.user) });
  return tenants.map((tenant) => el("optgroup", { label: tenant }, ...people.filter((one) => one.tenant === tenant).map(option)));
}
