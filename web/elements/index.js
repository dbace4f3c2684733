/**
 * Custom elements that a site drops into its own pages. They share one client: `configure({ url, token | getToken })`
 * makes it, `connect(causerie)` gives them the caller's; an element's own `causerie` property comes before both.
 */
import { attempt, closeAll, openNew, Toast } from "./actions.js";
import { CauserieBell } from "./bell.js";
import { button, CauserieElement, el, focused, icon, mark, rove, Rows, safe, say, tool } from "./element.js";
import { authorOf, avatar, drawBadge, drawConversation, nameOf, newBadge, othersOf, plain, titleOf, upright } from "./message.js";
import { badgeSheet, contactSheet, inboxSheet } from "./style.js";
import { CauserieThread } from "./thread.js";

export { configure, connect } from "./element.js";

/** `<causerie-badge>`: how many messages are unread. */
class CauserieBadge extends CauserieElement {
  static reports = ["unread", "state"];
  static sheet = badgeSheet;
  #badge = newBadge();

  constructor() {
    super();
    this.root.append(this.#badge);
  }

  draw() {
    const total = this.causerie?.unread.total ?? 0;
    drawBadge(this.#badge, total, this.words);
    mark(this, "count", total ? String(total) : null);
  }
}

/**
 * `<causerie-contact-button recipient-id context-type context-id …>`: opens the conversation about what the page shows,
 * and makes it where there is none. A stranger goes to `login-url`, in which `{return}` stands for this page: its path, since
 * logins that are careful refuse whole addresses. `variant` (`secondary`, `outline`), `size` (`sm`, `lg`), `full-width`: its looks.
 */
class CauserieContactButton extends CauserieElement {
  static sheet = contactSheet;
  static observedAttributes = ["recipient-id"];
  #label = el("slot");
  #button = button({ class: "contact main", part: "button", click: () => this.#contact() }, icon("bubble"), this.#label);
  #problem = el("p", { class: "problem", role: "alert" });

  constructor() {
    super();
    this.root.append(this.#button, this.#problem);
  }

  draw() {
    const { me } = this.causerie ?? {};
    say(this.#label, this.words.t("contact"));
    this.#button.disabled = me?.id === this.getAttribute("recipient-id");
  }

  async #contact() {
    const client = this.causerie;
    const isStranger = () => !client || client.state.status === "signed-out";
    if (this.#button.ariaBusy === "true") return;
    this.#button.ariaBusy = "true";
    say(this.#problem, "");
    if (!isStranger()) await attempt(this, async () => this.#open(await /** @type {C.Client} */ (client).conversations.contact(this.#asked())), (text) => isStranger() || say(this.#problem, text));
    this.#button.ariaBusy = null;
    if (isStranger() && this.tell("causerie-login")) go(this.#of("login-url")?.replace("{return}", encodeURIComponent(here())));
  }

  /** @param {string} name */
  #of(name) { return this.getAttribute(name) || undefined; }

  #asked() {
    const [type, id, content] = [this.#of("context-type"), this.#of("context-id"), this.#of("first-message")];
    const context = { type, id, title: this.#of("context-title"), url: this.#of("context-url"), imageUrl: this.#of("context-image-url"), startsAt: this.#of("context-starts-at") };
    return { recipientId: this.#of("recipient-id") ?? "", ...(type && id && { context }), ...(content && { firstMessage: { content } }) };
  }

  /** @param {C.Conversation} conversation */
  #open(conversation) {
    const url = this.#of("open-url");
    if (!this.tell("causerie-open", { conversation }) || !url) return;
    const address = new URL(url, document.baseURI);
    address.searchParams.set("conversation", conversation.id);
    go(address.href);
  }
}

/** This page, within its origin: a path that began with two slashes would name another. */
const here = () => location.pathname.replace(/^\/+/, "/") + location.search + location.hash;

/** @param {string | undefined} url */
const go = (url) => safe(url) && location.assign(url ?? "");

const FILTERS = ["ALL", "UNREAD", "ARCHIVED"];

/**
 * `<causerie-inbox>`: the list of conversations beside the open one, or one after the other on a phone. Opens what
 * `?conversation=` names, and keeps that in the address; `url-param` names another parameter, or none if empty.
 */
class CauserieInbox extends CauserieElement {
  static reports = ["conversations", "unread", "presence", "state"];
  static sheet = inboxSheet;
  static observedAttributes = ["theme", "attach"];

  /** The site's own way to find people, by name. @type {((name: string) => Promise<C.User[]>) | null} */ findPeople = null;
  #filter = "ALL";
  /** Whether the archive was asked for since it was known last: one that fails is asked for again by hand. */
  #isArchiveAsked = false;
  #current = "";
  /** What was open last; and what keeps its rank among the unread while it is read. */
  #last = "";
  #held = "";
  #new = tool("plus", "newConversation", { part: "new", click: () => openNew(this, this.findPeople, (id) => this.open(id)) });
  #search = el("input", { type: "search", class: "field", "data-p": "search", "data-l": "search", input: () => { this.redraw(); void this.#fill(); } });
  #filters = el("div", { class: "bar filters", role: "group", "data-l": "messages" }, ...FILTERS.map((name) => button({ "data-t": name, value: name, click: () => this.#choose(name) })));
  #list = el("ul");
  #settle = rove(this.#list, ".row");
  #none = el("p", { class: "none" });
  #more = button({ class: "button", "data-t": "more", click: () => this.#loadMore() });
  #back = tool("back", "back", { class: "tool back", slot: "back", click: () => this.#close() });
  #thread = new CauserieThread();
  #panes = el("div", { class: "panes" },
    el("section", { class: "side", part: "list" }, el("header", {}, el("h2", { "data-t": "messages" }), this.#new), el("div", { class: "bar" }, this.#search), this.#filters,
      el("div", { class: "list" }, this.#list, this.#none, this.#more)), this.#thread);
  #toast = new Toast();
  #rows = new Rows(this.#list, (/** @type {{key: string, conversation: C.Conversation}} */ { key }) => this.#row(key));

  constructor() {
    super();
    this.#thread.append(this.#back);
    this.root.append(el("div", { class: "frame" }, this.#panes), this.#toast.node, this.#toast.voice);
    this.#thread.addEventListener("causerie-archived", (/** @type {any} */ event) => {
      event.preventDefault();
      this.#toast.show(this.words.t(event.detail.isArchived ? "archived" : "restored"));
      if (event.detail.isArchived) this.#close();
    });
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("popstate", this.#fromAddress);
    document.addEventListener("causerie-open", this.#asked);
    this.#fromAddress();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("popstate", this.#fromAddress);
    document.removeEventListener("causerie-open", this.#asked);
  }

  /** A person chose it, and wants to write. @param {string} id */
  open(id) {
    this.#show(id);
    requestAnimationFrame(() => requestAnimationFrame(() => this.#thread.focus()));
  }

  #close() {
    this.#show("");
    requestAnimationFrame(() => (this.#rows.node(this.#last)?.querySelector("button") ?? this.#search).focus());
  }

  /** A contact button of this very page. */
  #asked = (/** @type {any} */ event) => {
    event.preventDefault();
    this.open(event.detail.conversation.id);
  };

  get #param() { return this.getAttribute("url-param") ?? "conversation"; }

  #fromAddress = () => {
    if (this.#param) this.#current = new URLSearchParams(location.search).get(this.#param) ?? "";
    this.redraw();
  };

  /** On a phone the browser's own "back" leads to the list. @param {string} id */
  #show(id) {
    const address = new URL(location.href);
    if (id) address.searchParams.set(this.#param, id);
    else address.searchParams.delete(this.#param);
    if (this.#param && id !== this.#current) history[id && !this.#current ? "pushState" : "replaceState"](history.state, "", address);
    this.#last = this.#current;
    this.#current = id;
    this.redraw();
  }

  /** @param {string} filter */
  #choose(filter) {
    this.#filter = filter;
    this.#isArchiveAsked = false;
    void this.#fill();
    this.redraw();
  }

  get #status() { return this.#filter === "ARCHIVED" ? "ARCHIVED" : "ACTIVE"; }

  /** Whether there is more of what is chosen; null where the archive is still to be asked for. */
  get #hasMore() {
    const { hasMore = false, hasMoreArchived = null } = this.causerie?.conversations ?? {};
    return this.#status === "ARCHIVED" ? hasMoreArchived : hasMore;
  }

  #loadMore = () => attempt(this, () => this.causerie?.conversations.more(this.#status), (text) => this.#toast.show(text));

  /** What is archived is asked for as it is looked at, once; a search by name goes through all there are. */
  async #fill() {
    if (this.#hasMore === null && !this.#isArchiveAsked) {
      this.#isArchiveAsked = true;
      if (!(await this.#loadMore())) return;
    }
    while (this.#hasMore && this.#search.value) if (!(await this.#loadMore())) return;
  }

  forget() {
    closeAll(this.root, this.#toast);
    this.#search.value = "";
    this.#filter = "ALL";
  }

  draw() {
    const client = this.causerie;
    this.#thread.causerie = client;
    mark(this.#thread, "conversation-id", this.#current);
    for (const name of ["theme", "attach"]) mark(this.#thread, name, this.getAttribute(name));
    this.#panes.classList.toggle("open", this.#current !== "");
    for (const choice of /** @type {NodeListOf<HTMLButtonElement>} */ (this.#filters.querySelectorAll("button"))) {
      choice.hidden = choice.value === "ARCHIVED" && !client?.conversations.all;
      mark(choice, "aria-pressed", String(choice.value === this.#filter));
    }
    this.#held = client?.unread.of(this.#current) || this.#held === this.#current ? this.#current : "";
    const shown = client ? this.#shown(client) : [];
    this.#rows.update(shown.map((conversation) => ({ key: conversation.id, conversation })));
    this.#none.hidden = !client || shown.length > 0;
    say(this.#none, this.words.t(client?.state.status === "syncing" ? "loading" : "none"));
    const isAsking = focused(this.#more) === this.#more;
    const hasMore = this.#hasMore;
    this.#more.hidden = !client || hasMore === false;
    if (hasMore !== null) this.#isArchiveAsked = false;
    // What was held of the archive can go: a client that lost its place begins afresh.
    else if (client) void this.#fill();
    this.#settle();
    // It goes, and the focus is not lost with it.
    if (isAsking && this.#more.hidden) this.#rows.node(shown.at(-1)?.id ?? "")?.querySelector("button")?.focus();
  }

  /** Unread ones first. @param {C.Client} client */
  #shown(client) {
    const { conversations, unread } = client;
    const wanted = plain(this.#search.value.trim());
    const isUnread = (/** @type {C.Conversation} */ { id }) => unread.of(id) > 0 || (id === this.#held);
    const all = (this.#filter === "ARCHIVED" ? conversations.all ?? [] : conversations.items).filter((one) => (one.me.status === "ARCHIVED") === (this.#filter === "ARCHIVED"));
    const named = all.filter((one) => plain([one.subject, one.context?.title, ...othersOf(one, client).map(({ user }) => nameOf(user, this.words))].join(" ")).includes(wanted));
    const first = named.filter(isUnread);
    return this.#filter === "UNREAD" ? first : [...first, ...named.filter((one) => !isUnread(one))];
  }

  /** @param {string} id @returns {C.Row<{conversation: C.Conversation}>} */
  #row(id) {
    const [face, title, about, excerpt, badge, time] = [avatar(), el("bdi", { class: "title cut" }), el("bdi", { class: "about cut" }), el("bdi", { class: "excerpt cut", dir: "auto" }), newBadge(), el("time")];
    const node = el("li", {}, button({ class: "row", part: "row", tabindex: -1, click: () => this.open(id) }, face,
      el("span", { class: "lines" }, el("span", { class: "bar" }, title, time), about, el("span", { class: "bar" }, excerpt, badge))));
    return { node, update: ({ conversation }) => {
      const client = this.causerie;
      if (!client) return;
      const { context, subject, lastMessage, lastMessageAt } = conversation;
      const text = lastMessage?.isDeleted ? this.words.t("deleted") : lastMessage?.content ?? "";
      const isPlain = !lastMessage?.sender || (conversation.type === "PRIVATE" && lastMessage.sender.id !== client.me?.id);
      drawConversation(face, conversation, client, this.words);
      say(title, titleOf(conversation, client, this.words));
      say(about, conversation.type === "PRIVATE" ? upright(context?.title || subject) : "");
      say(excerpt, lastMessage && !isPlain ? this.words.t("wrote", { name: authorOf(lastMessage, client, this.words), text }) : text);
      say(time, lastMessageAt ? this.words.when(lastMessageAt) : "");
      drawBadge(badge, client.unread.of(id), this.words);
      mark(node, "class", badge.hidden ? null : "unread");
      mark(/** @type {Element} */ (node.firstElementChild), "aria-current", String(id === this.#current));
    } };
  }
}

// The thread before the inbox that has one in it.
customElements.define("causerie-thread", CauserieThread);
customElements.define("causerie-inbox", CauserieInbox);
customElements.define("causerie-badge", CauserieBadge);
customElements.define("causerie-bell", CauserieBell);
customElements.define("causerie-contact-button", CauserieContactButton);
