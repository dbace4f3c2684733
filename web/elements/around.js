/** What is around the messages of a thread: whom it is with and what about, where one writes, where the reader is. */
import { anchor, button, el, icon, mark, safe, say, secure, tool } from "./element.js";
import { avatar, drawConversation, partnerOf, picture, titleOf, upright } from "./message.js";

export class Head {
  menu = tool("more", "actions", { "aria-haspopup": "menu", "aria-expanded": "false", part: "menu-button" });
  #avatar = avatar();
  #title = el("bdi");
  #about = el("p", { class: "cut" });
  #card = el("div", { class: "card", part: "context" });
  #connection = el("p", { class: "connection", part: "connection", role: "status" });
  node = el("div", {}, el("header", { part: "header" }, el("slot", { name: "back" }), this.#avatar,
    el("div", { class: "lines" }, el("h2", { class: "cut", part: "title" }, this.#title), this.#about), this.menu), this.#card, this.#connection);

  /** @param {C.Element} host @param {C.Open} open */
  draw({ words }, { client, conversation }) {
    const partner = partnerOf(conversation, client);
    drawConversation(this.#avatar, conversation, client, words);
    say(this.#title, titleOf(conversation, client, words));
    say(this.#about, !partner ? words.t("people", { count: conversation.memberCount }) : client.presenceOf(partner.id)?.status === "ONLINE" ? words.t("online") : "");
    this.#drawCard(conversation, words);
    // Why nothing comes, once it has lasted (by the style); writing goes on all the while.
    const trouble = { syncing: "connecting", connecting: "connecting", waiting: "offline", offline: "offline", "signed-out": "signedOut" }[client.state.status];
    say(this.#connection, trouble ? words.t(trouble) : "");
  }

  /** @param {C.Conversation} conversation @param {C.Words} words */
  #drawCard({ context, subject, type }, words) {
    const { title = type === "PRIVATE" && subject, startsAt, imageUrl, url } = context ?? {};
    const shows = [words.code, title, startsAt, imageUrl, url].join(" ");
    this.#card.hidden = !title && !startsAt;
    if (this.#card.dataset.shows === shows) return;
    this.#card.dataset.shows = shows;
    const lines = el("span", { class: "lines" }, el("bdi", { class: "cut", text: upright(title || "") || words.t("appointment") }));
    this.#card.replaceChildren(lines);
    const [image, link] = [secure(imageUrl), safe(url)];
    if (image) lines.before(picture(image, () => lines.previousElementSibling?.remove()));
    if (startsAt) {
      const [month, day] = [words.format(startsAt, { month: "short" }), words.format(startsAt, { day: "numeric" })];
      lines.before(el("span", { class: "calendar", "aria-hidden": "true" }, el("span", { text: month }), el("span", { text: day })));
      lines.append(el("small", { text: words.format(startsAt, { weekday: "long", day: "numeric", month: "long", year: words.year(startsAt), hour: "numeric", minute: "2-digit" }) }));
    }
    if (link) this.#card.append(anchor(link, words.t("look")));
  }
}

const TALLEST_PX = 168;

/**
 * Enter sends, Shift+Enter breaks the line, Escape gives an answer or an edit up; what was begun is kept for each
 * conversation. Never disabled by a bad connection.
 */
export class Composer {
  /** @type {C.Task} */ #task = {};
  /** What was begun, by conversation. @type {Map<string, C.Begun>} */ #all = new Map();
  /** What was begun in the one that is open. @type {C.Begun} */ begun = { text: "", files: [] };
  #id = "";
  /** What stood here before an edit. */
  #before = "";

  #taskText = el("bdi", { class: "cut" });
  #taskLine = el("div", { class: "task" }, this.#taskText, tool("close", "cancel", { click: () => this.begin({}) }));
  #chips = el("div", { class: "chips" });
  attach = tool("plus", "attach", { part: "attach", click: () => this.#ask() });
  #text = el("textarea", { rows: 1, maxlength: 10_000, part: "input", "data-l": "write", "data-p": "write", enterkeyhint: "send", input: () => this.#typed(), blur: () => this.on.typing(false) });
  #send = el("button", { class: "send", part: "send" }, icon("send"));
  #closed = el("p", { class: "closed", "data-t": "closed" });
  #form = el("form", { class: "write", part: "composer", submit: (event) => this.#submit(event), keydown: (event) => this.#key(event) },
    this.#taskLine, this.#chips, this.attach, this.#text, this.#send);
  node = el("div", {}, this.#form, this.#closed);

  /** @param {C.Element} host @param {C.Writing} on */
  constructor(host, on) {
    this.host = host;
    this.on = on;
  }

  /** @param {C.Conversation} conversation */
  draw({ id, closed }) {
    this.#form.hidden = closed;
    this.#closed.hidden = !closed;
    if (this.#id !== id) {
      this.#end();
      this.begun.text = this.#text.value;
      this.#turnTo(id, this.#all.get(id));
    }
    this.#drawTask();
  }

  /** What one person began is nobody else's. */
  forget() {
    this.#task = {};
    this.#all.clear();
    this.#turnTo("");
  }

  /** @param {string} id @param {C.Begun} [begun] */
  #turnTo(id, begun = { text: "", files: [] }) {
    [this.#id, this.begun, this.#text.value] = [id, begun, begun.text];
    this.#all.set(id, begun);
    this.#drawFiles();
  }

  /** Nothing to begin gives up what was begun. @param {C.Task} task @param {string} [text] what was written and refused */
  begin(task, text = task.edits?.content ?? "") {
    this.#end();
    this.#task = task;
    if (task.edits) [this.#before, this.#text.value] = [this.#text.value, text];
    this.#drawTask();
    this.focus();
  }

  focus() { this.#text.focus({ preventScroll: true }); }

  /** What the site adds later still belongs where it was asked for. */
  #ask() {
    const { begun } = this;
    this.host.tell("causerie-attach", { conversationId: this.#id, add: (/** @type {C.Attachment} */ file) => {
      begun.files = [...begun.files, file];
      if (begun !== this.begun) return;
      this.#drawFiles();
      this.focus();
    } });
  }

  #drawFiles() {
    const { begun } = this;
    this.#chips.replaceChildren(...begun.files.map((file) => {
      const name = upright(file.fileName) || this.host.words.t("attachment");
      return button({ class: "button cut", text: `✕ ${name}`, "aria-label": `${this.host.words.t("remove")} ${name}`, click: () => {
        begun.files = begun.files.filter((one) => one !== file);
        this.#drawFiles();
        this.focus();
      } });
    }));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // While an input method composes, its keys belong to it; Safari says so by 229 alone.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape" && !this.#taskLine.hidden) this.begin({});
    if (event.key === "Enter" && !event.shiftKey && event.target === this.#text) this.#submit(event);
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const content = this.#text.value;
    const [task, files] = [this.#task, this.begun.files];
    if (!content.trim()) return;
    this.#text.value = "";
    this.begun.files = [];
    this.#end();
    this.#drawFiles();
    this.#drawTask();
    this.on.typing(false);
    this.on.send(content, task, files);
  }

  #end() {
    if (this.#task.edits) this.#text.value = this.#before;
    this.#task = {};
  }

  #typed() {
    this.#fit();
    if (!this.#task.edits) this.on.typing(this.#text.value.trim() !== "");
  }

  #drawTask() {
    const { words } = this.host;
    const { edits, answers } = this.#task;
    this.#taskLine.hidden = !edits && !answers;
    mark(this.#send, "aria-label", words.t(edits ? "save" : "send"));
    if (edits) say(this.#taskText, words.t("editing"));
    const name = answers ? this.on.authorOf(answers) : "";
    if (answers) say(this.#taskText, words.t(name === words.t("mine") ? "answeringMine" : "answering", { name, text: answers.content ?? "" }));
    this.#fit();
  }

  #fit() {
    const text = this.#text;
    this.#send.disabled = !text.value.trim();
    text.style.height = "auto";
    // The height takes the borders in, scrollHeight does not: without them there is always a scrollbar.
    text.style.height = `${Math.min(text.scrollHeight + text.offsetHeight - text.clientHeight, TALLEST_PX)}px`;
  }
}

/** How far from the end still counts as being there. */
const NEAR_PX = 60;
/** What flies by is not read; what could not be told is told again. */
const SETTLE_MS = 400;
const AGAIN_MS = 5_000;

/**
 * Where the reader is, kept whatever is drawn above or below: at the end new messages scroll into view, elsewhere the
 * line that is read stays where it is. The browser's own anchoring is off, since Safari has none.
 */
export class Place {
  isAtEnd = true;
  #timer = 0;

  /** @param {HTMLElement} log what scrolls @param {HTMLElement} list its rows @param {() => void} moved @param {() => unknown} read tells what is seen */
  constructor(log, list, moved, read) {
    this.log = log;
    this.list = list;
    this.moved = moved;
    this.read = read;
    log.addEventListener("scroll", () => this.#look(), { passive: true });
    const resized = new ResizeObserver(() => { if (this.isAtEnd) this.toEnd(); });
    resized.observe(log);
    resized.observe(list);
    new IntersectionObserver(() => this.notice()).observe(log);
  }

  get isNearStart() { return this.log.clientHeight > 0 && this.log.scrollTop < this.log.clientHeight; }

  /** How far below the upper edge it ends. @param {Element} row */
  below(row) { return row.getBoundingClientRect().bottom - this.log.getBoundingClientRect().top; }

  /** @param {Element | null | undefined} end */
  isSeen(end) {
    const bottom = end?.getBoundingClientRect().bottom ?? 0;
    return bottom > 0 && bottom <= Math.min(innerHeight, this.log.getBoundingClientRect().bottom);
  }

  notice = (/** @type {any} */ _event = null, ms = SETTLE_MS) => {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(async () => {
      try {
        await this.read();
      } catch {
        this.notice(null, AGAIN_MS);
      }
    }, ms);
  };

  /** Changes the rows, keeping the place. @param {() => void} change */
  keep(change) {
    const anchor = this.isAtEnd ? undefined : [...this.list.children].find((row) => this.below(row) > 0);
    const before = anchor ? this.below(anchor) : 0;
    change();
    if (this.isAtEnd) this.toEnd();
    else if (anchor?.isConnected) this.log.scrollTop += this.below(anchor) - before;
    this.#look();
  }

  toEnd() { this.#to(this.log.scrollHeight); }

  /** With a little of what is before it. @param {Element} row */
  show(row) { this.#to(this.log.scrollTop + this.below(row) - row.clientHeight - this.log.clientHeight / 8); }

  /** @param {number} top */
  #to(top) {
    this.log.scrollTop = top;
    this.#look();
  }

  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    this.moved();
    this.notice();
  }
}
