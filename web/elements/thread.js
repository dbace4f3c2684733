/**
 * `<causerie-thread conversation-id>`: one conversation, read and written. With `attach`, the site is asked for files
 * by `causerie-attach`, since it keeps them.
 */
import { Actions, closeAll, Toast } from "./actions.js";
import { Composer, Head, Place } from "./around.js";
import { button, CauserieElement, el, focused, icon, mark, rove, Rows, say } from "./element.js";
import { authorOf, itemsOf, newRow, typingLine } from "./message.js";
import { threadSheet } from "./style.js";

/** Captured: neither bubbles. */
const SEEN = ["focus", "visibilitychange"];

/** What goes with the conversation that is open. */
const fresh = () => ({
  /** The first page is there; the reader was put where reading goes on; what was new was seen. */
  isLoaded: false, isPlaced: false, isNewSeen: false, isMissing: false,
  older: /** @type {"older" | "loading" | "again"} */ ("older"),
  /** After which `seq` all was new when it was opened, and how much that was. */
  newAfter: Infinity, newCount: 0,
  /** The newest `seq` that was drawn, and what came below the reader's place since. */
  newest: -1, below: 0,
  /** What could not be sent, as far as it was said. */
  failed: new Set(/** @type {string[]} */ ([])),
  items: /** @type {C.Item[]} */ ([]),
});

export class CauserieThread extends CauserieElement {
  static reports = ["thread", "conversations", "typing", "presence", "state"];
  static sheet = threadSheet;
  static observedAttributes = ["conversation-id", "attach"];

  #id = "";
  /** @type {C.Client | null} */ #client = null;
  #now = fresh();
  #toast = new Toast();
  #head = new Head();
  #composer = new Composer(this, {
    send: (content, task, files) => this.open && this.#actions.write(this.open, content, task, files),
    typing: (is) => this.open?.thread.typing(is),
    authorOf: (message) => (this.#client ? authorOf(message, this.#client, this.words) : ""),
  });
  #actions = new Actions(this, this.#composer, this.#toast);
  #older = button({ class: "button older", click: () => this.#loadOlder() });
  #hint = el("p", { class: "hint" });
  #list = el("ol");
  #settle = rove(this.#list, ".tool:not([hidden])", -1);
  // What comes is read out apart: a log that is live says every tick, and history as if it were news.
  #log = el("div", { class: "log", part: "log", role: "log", "aria-live": "off", tabindex: 0, "data-l": "messages" }, this.#older, this.#hint, this.#list);
  #aboveText = el("span");
  #above = button({ class: "jump above", part: "jump", click: () => this.#toNew() }, icon("up"), this.#aboveText);
  #belowText = el("span");
  #below = button({ class: "jump", part: "jump", click: () => { this.#place.toEnd(); this.#log.focus({ preventScroll: true }); } }, this.#belowText, icon("down"));
  #typing = el("p", { class: "typing", part: "typing" });
  #frame = el("section", { class: "thread", part: "thread" }, this.#head.node, el("div", { class: "frame" }, this.#log, this.#above, this.#below), this.#typing, this.#composer.node);
  #blank = el("p", { class: "blank" });
  #place = new Place(this.#log, this.#list, () => this.#moved(), () => this.#read());
  #rows = new Rows(this.#list, (/** @type {C.Item} */ item) => newRow(item, this));

  constructor() {
    super();
    this.root.append(this.#frame, this.#blank, this.#actions.menu.node, this.#toast.node, this.#toast.voice);
    this.#head.menu.addEventListener("click", () => this.open && this.#actions.onConversation(this.#head.menu, this.open));
  }

  connectedCallback() {
    super.connectedCallback();
    for (const type of SEEN) addEventListener(type, this.#place.notice, true);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const type of SEEN) removeEventListener(type, this.#place.notice, true);
    this.#client = null;
  }

  /** @param {any} detail */
  reported(detail) {
    const { isLoaded, isMissing, older } = this.#now;
    if (detail?.status === "live" && older === "again" && !isLoaded && !isMissing) void this.#loadOlder();
    if (!detail?.conversationId || detail.conversationId === this.#id) this.redraw();
  }

  focus() {
    // On a phone the keyboard would hide what one came to read.
    if (matchMedia("(pointer: fine)").matches) this.#composer.focus();
    else this.#log.focus();
  }

  /** @returns {C.Open | null} */
  get open() {
    const client = this.#client;
    const conversation = client?.conversations.peek(this.#id);
    return client && conversation ? { client, conversation, thread: client.thread(this.#id) } : null;
  }

  forget() {
    closeAll(this.root, this.#toast);
    this.#composer.forget();
    // Hence it begins afresh.
    this.#id = "";
  }

  draw() {
    const { causerie, words } = this;
    const id = this.getAttribute("conversation-id") ?? "";
    if (id !== this.#id || causerie !== this.#client) {
      [this.#id, this.#client, this.#now, this.#place.isAtEnd] = [id, causerie, fresh(), true];
      this.#rows.update([]);
      void this.#load();
    }
    const open = this.open;
    this.#frame.hidden = !open;
    this.#blank.hidden = Boolean(open);
    say(this.#blank, words.t(!id ? "pick" : this.#now.isMissing || this.#now.isLoaded ? "missing" : "loading"));
    if (!open) return;
    this.#head.draw(this, open);
    this.#composer.attach.hidden = !this.hasAttribute("attach");
    this.#composer.draw(open.conversation);
    say(this.#typing, typingLine(open.client.typingIn(id), words));
    this.#drawMessages(open);
  }

  async #load() {
    const { causerie: client } = this;
    const now = this.#now;
    if (!client || !this.#id) return;
    try {
      await client.conversations.get(this.#id);
      await client.thread(this.#id).load();
      now.isLoaded = true;
      now.older = "older";
    } catch (failure) {
      now.isMissing = /** @type {any} */ (failure).status === 404;
      now.older = "again";
    }
    this.redraw();
  }

  /** @param {C.Open} open */
  #drawMessages({ client, conversation, thread }) {
    const now = this.#now;
    const { items: all, hasOlder } = thread;
    const unread = client.unread.of(this.#id);
    if (!now.isPlaced && unread) [now.newAfter, now.newCount] = [conversation.me.readUpTo, unread];
    const wrote = all.some((one) => "draft" in one && !this.#rows.node(`c:${one.clientMessageId}`));
    // The mark of what is new stands where all of that is below it.
    now.items = itemsOf(all, conversation, client, this.words, this.#reaches(thread) ? now.newAfter : Infinity);
    this.#place.keep(() => {
      this.#rows.update(now.items);
      this.#settle();
      this.#older.hidden = now.isLoaded ? !hasOlder : now.older !== "again";
      this.#older.disabled = now.older === "loading";
      say(this.#older, this.words.t(now.older));
      this.#hint.hidden = all.length > 0 || !this.#older.hidden;
      say(this.#hint, this.words.t(now.isLoaded ? "first" : "loading"));
    });
    if (now.isLoaded && !now.isPlaced) this.#begin();
    else if (wrote) this.#place.toEnd();
    this.#hear(all, client);
    this.#moved();
  }

  /** At the first unread message, or at the end. */
  #begin() {
    const row = this.#rows.node("new");
    this.#now.isPlaced = true;
    if (row) this.#place.show(row);
    else this.#place.toEnd();
  }

  /** @param {C.Thread} thread */
  #reaches({ items: [first], hasOlder }) {
    return !hasOlder || (first && "seq" in first && first.seq <= this.#now.newAfter + 1);
  }

  /** Reads out what others wrote since and what could not be sent, and counts what came below the reader's place. @param {(C.Message | C.Draft)[]} all @param {C.Client} client */
  #hear(all, client) {
    const now = this.#now;
    const messages = all.filter((one) => "seq" in one);
    const news = messages.filter(({ seq, sender, isDeleted }) => seq > now.newest && sender?.id !== client.me?.id && !isDeleted);
    const last = news.at(-1);
    const failed = all.filter((one) => "draft" in one).filter(({ draft }) => draft === "failed");
    if (now.newest >= 0) {
      if (!this.#place.isAtEnd) now.below += news.length;
      const heard = failed.filter(({ clientMessageId }) => !now.failed.has(clientMessageId)).map(({ content, problem }) => [this.words.t("failed"), problem?.message, content].filter(Boolean).join(" "));
      if (last) heard.unshift(news.length > 1 ? this.words.t("news", { count: news.length }) : this.words.t("wrote", { name: authorOf(last, client, this.words), text: last.content ?? "" }));
      if (heard.length) this.#toast.announce(heard.join("\n"));
    }
    now.failed = new Set(failed.map(({ clientMessageId }) => clientMessageId));
    if (now.isLoaded) now.newest = messages.at(-1)?.seq ?? 0;
  }

  /** Reads up to the last message whose end is seen: who sees a long one begin has not read it. */
  #read() {
    if (document.visibilityState !== "visible" || !document.hasFocus()) return;
    const last = this.#now.items.findLast(({ key, message }) => message && this.#place.isSeen(this.#rows.node(key)?.querySelector("time")));
    const seq = last?.message?.seq ?? 0;
    const open = this.open;
    if (open && this.#now.isPlaced && seq > open.conversation.me.readUpTo && open.client.unread.of(this.#id)) return open.thread.read(seq);
  }

  /** The two buttons, and older pages before they are missed. */
  #moved() {
    const now = this.#now;
    const row = this.#rows.node("new");
    if (this.#place.isAtEnd) now.below = 0;
    this.#below.hidden = this.#place.isAtEnd;
    const news = now.below ? this.words.t("news", { count: now.below }) : "";
    say(this.#belowText, news);
    mark(this.#below, "aria-label", news || this.words.t("toEnd"));
    if (now.isPlaced && row && this.#place.below(row) > 0) now.isNewSeen = true;
    this.#above.hidden = !now.isPlaced || !now.newCount || now.isNewSeen;
    say(this.#aboveText, this.words.t("unread", { count: now.newCount }));
    if (now.isPlaced && now.older === "older" && this.#place.isNearStart && this.open?.thread.hasOlder) void this.#loadOlder();
  }

  async #loadOlder() {
    const [open, now] = [this.open, this.#now];
    if (now.older === "loading") return;
    now.older = "loading";
    // The button rests meanwhile, and may be gone afterwards.
    if (focused(this.#older) === this.#older) this.#log.focus({ preventScroll: true });
    this.redraw();
    if (!now.isLoaded || !open) return this.#load();
    now.older = await open.thread.older().then(() => "older", () => "again");
    this.redraw();
  }

  /** Fetches the pages down to it. */
  async #toNew() {
    const [open, now] = [this.open, this.#now];
    while (open && now === this.#now && !this.#reaches(open.thread)) if (!(await open.thread.older().then(() => true, () => false))) break;
    if (!open || now !== this.#now) return;
    this.#place.isAtEnd = false;
    this.#drawMessages(open);
    this.#begin();
    this.#log.focus({ preventScroll: true });
  }

  /** Shows the message that another one answers, where it is loaded. @param {string} messageId */
  show(messageId) {
    const row = this.#rows.node(this.#now.items.find(({ message }) => message?.id === messageId)?.key ?? "");
    if (!row) return;
    this.#place.show(row);
    row.classList.add("shown");
    setTimeout(() => row.classList.remove("shown"), 1_500);
  }

  /** @param {HTMLButtonElement} opener @param {C.Item} item */
  menu(opener, item) { if (this.open) this.#actions.onMessage(opener, item, this.open); }
}
