/**
 * The open conversation: days, bubbles with their ticks and quotes, notices, what is still being sent; older pages on
 * demand. What can be done with a message is behind its button; the arrow keys go from one message's to the next.
 */
import { action, el, mark, parts, reconcile, say } from "./dom.js";
import { nameOf } from "./people.js";
import { day, t, time } from "./strings.js";

/** Messages of one sender this close together are drawn as one group. */
const CLOSE_MS = 5 * 60_000;
/** How far from the end still counts as being at the end. */
const NEAR_PX = 60;

export class Thread {
  #shown = null;
  #prepending = false;
  /** What is drawn, by its key; of which message the actions are shown; whose button the Tab key reaches. */
  #items = new Map();
  #acting = null;
  #reached = null;

  /**
   * @param {Record<string, HTMLElement>} part  `log`, `messages`, `older`, `jump`
   * @param {{older: () => void, retry: (clientMessageId: string) => void, act: (what: string, message: object) => void,
   *   redraw: () => void}} on
   */
  constructor(part, on) {
    this.part = part;
    this.on = on;
    part.older.addEventListener("click", () => { this.#prepending = true; on.older(); });
    part.jump.addEventListener("click", () => { this.#toEnd(); part.log.focus({ preventScroll: true }); });
    part.messages.addEventListener("click", ({ target }) => this.#click(target.closest("[data-do]")));
    part.messages.addEventListener("keydown", (event) => this.#key(event));
    part.log.addEventListener("scroll", () => this.#offerJump(), { passive: true });
    new ResizeObserver(() => { if (this.atEnd) this.#toEnd(); }).observe(part.log);
  }

  atEnd = true;

  /** @param {"ready" | "loading" | "failed"} older what the button above the messages can do */
  render(conversation, conversations, drafts, older) {
    const { log, messages } = this.part;
    const opened = this.#shown !== conversation.id;
    const fromEnd = log.scrollHeight - log.scrollTop;
    if (opened) this.#acting = this.#reached = null;
    const items = itemsOf(conversation, conversations, drafts);
    this.#items = new Map(items.map((item) => [item.key, item]));
    const can = items.filter((item) => item.actions?.length).map((item) => item.key);
    const reached = can.includes(this.#reached) ? this.#reached : can.at(-1);
    for (const item of items) Object.assign(item, { acting: item.key === this.#acting, reached: item.key === reached });
    // Only what arrives is announced, not a page of history.
    log.setAttribute("aria-live", opened || this.#prepending || !conversation.loaded ? "off" : "polite");
    const wrote = drafts.some((draft) => !messages.querySelector(`[data-key="c:${draft.clientMessageId}"]`));
    if (opened) messages.replaceChildren();
    reconcile(messages, items, (item) => create(item, this.on.retry), update);
    this.#renderOlder(conversation, older, items.length);
    if (opened || wrote || (this.atEnd && !this.#prepending)) this.#toEnd();
    else if (this.#prepending) log.scrollTop = log.scrollHeight - fromEnd;
    if (older === "ready") this.#prepending = false;
    this.#shown = conversation.loaded ? conversation.id : null;
    this.#offerJump();
  }

  #renderOlder(conversation, state, count) {
    const { older } = this.part;
    older.hidden = conversation.loaded ? conversation.complete && count > 0 : false;
    older.disabled = state === "loading" || (conversation.loaded && conversation.complete);
    const idle = conversation.loaded && conversation.complete ? "first" : "older";
    say(older, t({ ready: idle, loading: "loading", failed: "again" }[state]));
  }

  #click(button) {
    if (!button) return;
    const { key } = button.closest("[data-key]").dataset;
    const shows = button.dataset.do === "actions" && this.#acting !== key;
    this.#acting = shows ? key : null;
    this.#reached = key;
    if (button.dataset.do === "actions") this.on.redraw();
    else this.on.act(button.dataset.do, this.#items.get(key).message);
  }

  #key(event) {
    const row = event.target.closest("[data-key]");
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Escape" && this.#acting) {
      this.#acting = null;
      parts(row).actions.focus();
      this.on.redraw();
    }
    if (!step || event.target.dataset.do !== "actions") return;
    event.preventDefault();
    const rows = [...this.part.messages.children].filter((one) => this.#items.get(one.dataset.key)?.actions?.length);
    const next = rows[rows.indexOf(row) + step];
    if (!next) return;
    this.#reached = next.dataset.key;
    parts(next).actions.focus();
    this.on.redraw();
  }

  #toEnd() {
    this.part.log.scrollTop = this.part.log.scrollHeight;
    this.#offerJump();
  }

  #offerJump() {
    const { log, jump } = this.part;
    this.atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
    jump.hidden = this.atEnd;
  }
}

/** Everything a thread shows, in order, each with a key that stays: a draft's is that of the message it becomes. */
function itemsOf(conversation, conversations, drafts) {
  const others = conversations.others(conversation);
  const least = (horizon) => (others.length ? Math.min(...others.map((member) => member[horizon])) : 0);
  const horizons = { read: least("readUpTo"), delivered: least("deliveredUpTo") };
  const written = [...conversation.messages.values()].sort((a, b) => a.seq - b.seq);
  const pending = drafts.map((draft) => ({ ...draft, type: "USER", sender: conversations.me, draft }));
  const items = [];
  const days = new Set();
  let previous = null;
  for (const message of [...written, ...pending]) {
    const date = new Date(message.createdAt).toDateString();
    const opensDay = !days.has(date);
    if (opensDay) items.push({ key: `d:${date}`, day: message.createdAt });
    days.add(date);
    const mine = message.sender?.id === conversations.me.id;
    items.push({
      key: mine && message.clientMessageId ? `c:${message.clientMessageId}` : `m:${message.id}`,
      message, mine,
      notice: message.type === "SYSTEM" || Boolean(message.notice),
      follows: !opensDay && follows(previous, message),
      author: mine ? t("me") : message.sender ? nameOf(message.sender) : "",
      named: conversation.type === "GROUP" && !mine,
      status: statusOf(message, horizons),
      actions: actionsOf(message, mine, conversation),
    });
    previous = message;
  }
  return items;
}

function follows(previous, message) {
  return previous.type === "USER" && message.type === "USER" && previous.sender?.id === message.sender?.id
    && Date.parse(message.createdAt) - Date.parse(previous.createdAt) < CLOSE_MS;
}

/** By all the others. */
function statusOf(message, { read, delivered }) {
  if (message.draft) return message.draft.failed ? "failed" : "sending";
  if (message.seq <= read) return "read";
  return message.seq <= delivered ? "delivered" : "sent";
}

const TICKS = { sending: "◷", sent: "✓", delivered: "✓✓", read: "✓✓", failed: "!" };

/** What the service would let this person do with a message. */
function actionsOf(message, mine, { type, closed, me }) {
  if (message.draft || message.isDeleted) return [];
  const moderates = type === "GROUP" && me.role === "ADMIN";
  return [!closed && !message.notice && "reply", !closed && mine && "edit", (mine || moderates) && "delete"].filter(Boolean);
}

const ACTIONS = ["reply", "edit", "delete"];

/** The button, and what it shows. */
function menu() {
  const button = action("actions");
  button.append("⋯");
  return [button, el("span", { class: "choices", "data-part": "choices" }, ...ACTIONS.map(action))];
}

function updateMenu(part, { actions, acting, reached }) {
  part.actions.hidden = actions.length === 0;
  part.actions.tabIndex = reached ? 0 : -1;
  mark(part.actions, "aria-label", t("actions"));
  mark(part.actions, "aria-expanded", String(acting));
  part.choices.hidden = !acting || part.actions.hidden;
  for (const name of ACTIONS) {
    part[name].hidden = !actions.includes(name);
    say(part[name], t(name));
  }
}

function create(item, retry) {
  if (item.day) return el("li", { class: "day" }, el("span", { "data-part": "day" }));
  if (item.notice) {
    return el("li", { class: "notice" },
      el("bdi", { "data-part": "text", dir: "auto" }), " ", el("time", { "data-part": "time" }), ...menu());
  }
  const again = el("button", { class: "retry", type: "button", "data-part": "retry", hidden: true });
  const [button, choices] = menu();
  again.addEventListener("click", () => retry(item.message.clientMessageId));
  return el("li", {},
    el("bdi", { class: "author", "data-part": "author" }),
    el("p", { class: "quote", "data-part": "quote" }, el("bdi", { "data-part": "quoted" }), " ", el("bdi", { dir: "auto", "data-part": "excerpt" })),
    el("div", { class: "line" },
      el("div", { class: "bubble" },
        el("bdi", { class: "text", dir: "auto", "data-part": "text" }),
        el("ul", { class: "attachments", "data-part": "attachments" }),
        el("span", { class: "meta" },
          el("span", { "data-part": "edited" }), el("time", { "data-part": "time" }),
          el("span", { class: "tick", role: "img", "data-part": "tick" }))),
      button),
    choices,
    el("p", { class: "trouble", "data-part": "trouble", hidden: true }, el("span", { "data-part": "reason" }), again));
}

function update(element, item) {
  const part = parts(element);
  if (item.day) return say(part.day, day(item.day));
  const { message } = item;
  say(part.text, message.isDeleted ? t("deleted") : message.content ?? t("notice"));
  say(part.time, time(message.createdAt));
  mark(part.time, "datetime", message.createdAt);
  updateMenu(part, item);
  if (item.notice) return;
  const { mine, status, follows, named } = item;
  const kinds = ["message", mine ? "mine" : "theirs", status, follows && "follows", named && !follows && "named"];
  mark(element, "class", [...kinds, message.isDeleted && "deleted"].filter(Boolean).join(" "));
  say(part.author, item.author);
  updateQuote(part, message.replyTo);
  say(part.edited, message.editedAt && !message.isDeleted ? t("edited") : "");
  part.tick.hidden = !item.mine;
  say(part.tick, TICKS[item.status]);
  mark(part.tick, "aria-label", t(item.status));
  const attachments = attachmentsOf(message);
  if (attachments.length !== part.attachments.childElementCount) reconcile(part.attachments, attachments, link, () => {});
  part.trouble.hidden = item.status !== "failed";
  if (item.status === "failed") say(part.reason, message.draft.reason || t("failed"));
  part.retry.hidden = part.trouble.hidden;
  say(part.retry, t("retry"));
}

function updateQuote(part, quote) {
  part.quote.hidden = !quote;
  if (!quote) return;
  say(part.quoted, t("quoted", { name: quote.sender ? nameOf(quote.sender) : t("host") }));
  say(part.excerpt, quote.isDeleted ? t("deleted") : quote.excerpt ?? t("notice"));
  mark(part.excerpt, "class", quote.isDeleted ? "gone" : "");
}

/** The service allows https and what its configuration adds; a page trusts https alone. */
function attachmentsOf(message) {
  const safe = (message.attachments ?? []).filter((attachment) => attachment.url.startsWith("https://"));
  return safe.map((attachment) => ({ key: attachment.id, ...attachment }));
}

function link({ url, fileName }) {
  return el("li", {}, el("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" },
    el("bdi", { text: fileName ?? t("attachment") })));
}
