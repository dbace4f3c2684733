/**
 * How people and conversations are called and drawn; and what a thread shows, each with a key that stays: days, the
 * mark of what is new, messages, drafts.
 */
import { anchor, button, el, icon, mark, say, secure, tool, write } from "./element.js";

/** Names as they are written: what turns the direction around makes `fdp.exe` of an `exe.pdf`. @param {string | null | undefined} text */
export const upright = (text) => text?.replace(/[\u202A-\u202E\u2066-\u2069]/g, "") ?? "";

/** @param {{id?: string, userId?: string, name: string | null, isDeleted?: boolean}} user @param {C.Words} words */
export const nameOf = ({ name, id, userId, isDeleted }, words) => (isDeleted ? words.t("gone") : upright(name || id || userId));

/** Whom a conversation is with. @param {C.Conversation} conversation @param {C.Client} client */
export const othersOf = ({ members }, client) => members.filter(({ user }) => user.id !== client.me?.id);

/** The other person of a pair. @param {C.Conversation} conversation @param {C.Client} client */
export const partnerOf = (conversation, client) => (conversation.type === "PRIVATE" ? othersOf(conversation, client)[0]?.user : undefined);

/** Whom it is with, or what a group is called. @param {C.Conversation} conversation @param {C.Client} client @param {C.Words} words */
export function titleOf(conversation, client, words) {
  const names = othersOf(conversation, client).map(({ user }) => nameOf(user, words)).join(", ");
  const subject = upright(conversation.subject || conversation.context?.title);
  return conversation.type === "PRIVATE" ? names || subject : subject || names;
}

/** Without accents and capitals: "Helene" finds "Hélène". @param {string} text */
export const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** @param {{sender: C.User | null}} message @param {C.Client} client @param {C.Words} words */
export const authorOf = ({ sender }, client, words) => (!sender ? words.t("host") : sender.id === client.me?.id ? words.t("mine") : nameOf(sender, words));

/** Said by the name beside it, hence hidden. */
export const avatar = () => el("span", { class: "avatar", part: "avatar", "aria-hidden": "true" });

/** @param {HTMLElement} element @param {{id: string, name: string | null, imageUrl?: string | null, isDeleted?: boolean}} of */
export function drawAvatar(element, { id, name, imageUrl, isDeleted }) {
  const url = secure(imageUrl);
  const words = (isDeleted ? "–" : name || id).split(/[\s-]+/);
  const initials = [...new Set([words[0], words[words.length - 1]])].map((word) => [...word][0]).join("").toUpperCase();
  const shows = `${id} ${initials} ${url}`;
  if (element.dataset.shows === shows) return;
  element.dataset.shows = shows;
  element.style.setProperty("--hue", String([...id].reduce((sum, letter) => (sum + Number(letter.codePointAt(0))) * 137 % 360, 7)));
  element.replaceChildren(initials);
  if (url) element.append(picture(url, () => element.replaceChildren(initials)));
}

/** Fetched without a word about this page. @param {string} src @param {() => void} error @param {string} [alt] */
export const picture = (src, error, alt = "") => el("img", { alt, loading: "lazy", referrerpolicy: "no-referrer", src, error });

/** @param {HTMLElement} element @param {C.Conversation} conversation @param {C.Client} client @param {C.Words} words */
export function drawConversation(element, conversation, client, words) {
  const partner = partnerOf(conversation, client);
  drawAvatar(element, partner ?? { id: conversation.id, name: titleOf(conversation, client, words), imageUrl: conversation.context?.imageUrl });
  mark(element, "class", `avatar ${partner && client.presenceOf(partner.id)?.status === "ONLINE" ? "online" : ""}`);
}

/** @param {string} name @param {C.User} user @param {string} detail @param {...Node} more */
export function personRow(name, user, detail, ...more) {
  const face = avatar();
  drawAvatar(face, user);
  return el("li", { class: "person" }, face, el("span", { class: "who" }, el("span", { class: "lines" }, el("bdi", { text: name }), el("small", { text: detail })), el("span", {}, ...more)));
}

/** @param {{userId: string, name: string | null}[]} people @param {C.Words} words */
export const typingLine = (people, words) => (people.length ? words.t("typing", { count: people.length, names: people.map((one) => nameOf(one, words)).join(" & ") }) : "");

const SHOWN = 99;

export const newBadge = () => el("span", { class: "badge", part: "badge", role: "img" });

/** A count, with words for who does not see it; none for 0. @param {HTMLElement} element @param {number} count @param {C.Words} words */
export function drawBadge(element, count, words) {
  element.hidden = count === 0;
  say(element, count > SHOWN ? `${SHOWN}+` : String(count));
  mark(element, "aria-label", words.t("unread", { count }));
}

/** Messages of one person this close together are drawn as one group. */
const CLOSE_MS = 5 * 60_000;

/** @param {C.Draft} draft @param {(C.Message | C.Draft)[]} all @returns {C.Quote | null} */
function quoteOf({ replyToId }, all) {
  const of = all.find((one) => "seq" in one && one.id === replyToId);
  return of && "seq" in of ? { ...of, excerpt: of.content } : null;
}

/** @param {C.Item | undefined} before @param {C.Item} item */
function follows(before, item) {
  if (!before?.at || !item.at || before.isNotice || item.isNotice || before.isMine !== item.isMine) return false;
  return (item.isMine || before.message?.sender?.id === item.message?.sender?.id) && Date.parse(item.at) - Date.parse(before.at) < CLOSE_MS;
}

/**
 * @param {(C.Message | C.Draft)[]} all
 * @param {C.Conversation} conversation
 * @param {C.Client} client
 * @param {C.Words} words
 * @param {number} newAfter the `seq` after which the mark of what is new stands
 */
export function itemsOf(all, conversation, client, words, newAfter) {
  /** @type {C.Item[]} */ const items = [];
  let day = "";
  for (const one of all) {
    const [message, draft] = "draft" in one ? [undefined, one] : [one, undefined];
    const at = one.createdAt;
    const isMine = Boolean(draft) || message?.sender?.id === client.me?.id;
    const before = items.at(-1);
    if (words.day(at) !== day) items.push({ key: day = words.day(at), line: day });
    if (message && message.seq > newAfter && !isMine) {
      items.push({ key: "new", isNew: true, line: words.t("new") });
      newAfter = Infinity;
    }
    const isNotice = message?.type === "SYSTEM" || Boolean(message?.notice);
    /** @type {C.Item} */ const item = {
      // A draft keeps its element when it becomes a message.
      key: isMine && one.clientMessageId ? `c:${one.clientMessageId}` : `m:${message?.id}`,
      message, draft, isMine, isNotice, at, quote: draft ? quoteOf(draft, all) : message?.replyTo,
      can: message && allowed(message, conversation, client),
      author: message ? authorOf(message, client, words) : words.t("mine"),
      isNamed: conversation.type === "GROUP" && !isMine && !isNotice,
      status: draft?.draft ?? (isMine ? /** @type {C.Status} */ (message?.status?.toLowerCase() ?? "sent") : undefined),
    };
    item.follows = before === items.at(-1) && follows(before, item);
    items.push(item);
  }
  return items;
}

/** What the service would let this person do with a message. @param {C.Message} message @param {C.Conversation} conversation @param {C.Client} client */
function allowed({ isDeleted, notice, type, sender }, { closed, me, type: kind }, client) {
  const isMine = sender?.id === client.me?.id;
  const isOpen = !isDeleted && !closed;
  return { reply: isOpen && !notice, edit: isOpen && isMine && type === "USER", remove: !isDeleted && (isMine || (kind === "GROUP" && me.role === "ADMIN")) };
}

const TICKS = { queued: "◷", sending: "◷", failed: "!", sent: "✓", delivered: "✓✓", read: "✓✓" };

/** @param {C.Item} item @param {C.Host} host @returns {C.Row<C.Item>} */
export function newRow(item, host) {
  if (item.line === undefined) return new Bubble(host, item);
  const text = el("span");
  return { node: el("li", { class: item.isNew ? "line new" : "line", part: "line" }, text), update: ({ line = "" }) => say(text, line) };
}

class Bubble {
  #avatar = avatar();
  #author = el("bdi");
  #quoted = el("bdi");
  #excerpt = el("bdi", { class: "cut", dir: "auto" });
  #quote = button({ class: "quote", part: "quote", click: () => this.host.show(this.item.quote?.id ?? "") }, el("b", {}, this.#quoted), this.#excerpt);
  #text = el("bdi", { class: "text", dir: "auto" });
  #files = el("div", { class: "files" });
  #edited = el("span");
  #time = el("time");
  #tick = el("span", { class: "tick", role: "img" });
  #more = tool("more", "actions", { tabindex: -1, "aria-haspopup": "menu", "aria-expanded": "false", click: () => this.host.menu(this.#more, this.item) });
  #reason = el("span");
  // Neither button is there afterwards.
  #retry = button({ click: () => { this.host.open?.thread.retry(this.#draftId); this.host.focus(); } });
  #discard = button({ click: () => { this.host.open?.thread.discard(this.#draftId); this.host.focus(); } });
  #trouble = el("p", { class: "trouble" }, this.#reason, this.#retry, this.#discard);
  node = el("li", { part: "message" }, this.#avatar, el("div", { class: "column" }, this.#author, el("div", { class: "beside" },
    el("div", { class: "bubble", part: "bubble" }, this.#quote, this.#files, this.#text, el("span", { class: "meta" }, this.#edited, this.#time, this.#tick)), this.#more), this.#trouble));

  /** @param {C.Host} host @param {C.Item} item */
  constructor(host, item) {
    this.host = host;
    this.item = item;
  }

  get #draftId() { return this.item.draft?.clientMessageId ?? ""; }

  /** @param {C.Item} item */
  update(item) {
    this.item = item;
    const { words } = this.host;
    const { message, draft, isMine, isNotice, isNamed, follows, status, quote, can, author = "", at = "" } = item;
    const shown = message ?? draft;
    const isDeleted = message?.isDeleted;
    const kinds = ["message", isNotice ? "notice" : isMine ? "mine" : "theirs", follows && "follows", isNamed && "named", isDeleted && "deleted", draft && `draft ${status}`];
    mark(this.node, "class", kinds.filter(Boolean).join(" "));
    mark(this.node, "data-status", status ?? null);
    // Who wrote is plain to see in a pair, and heard in any case.
    mark(this.#author, "class", isNamed && !follows ? "author" : "unseen");
    say(this.#author, author);
    if (isNamed && message?.sender) drawAvatar(this.#avatar, message.sender);
    write(this.#text, isDeleted ? words.t("deleted") : shown?.content ?? (message?.notice ? words.t("gone") : ""));
    say(this.#edited, message?.editedAt && !isDeleted ? words.t("edited") : "");
    say(this.#time, words.time(at));
    mark(this.#time, "datetime", at);
    this.#tick.hidden = !status;
    if (status) say(this.#tick, TICKS[status]);
    if (status) mark(this.#tick, "aria-label", words.t(status));
    this.#quote.hidden = !quote;
    say(this.#quoted, quote?.sender ? nameOf(quote.sender, words) : words.t("host"));
    say(this.#excerpt, quote?.isDeleted ? words.t("deleted") : quote?.excerpt ?? "");
    this.#drawFiles((!isDeleted && shown?.attachments) || []);
    this.#more.hidden = !Object.values(can ?? {}).includes(true);
    mark(this.#more, "aria-label", words.t("actions"));
    this.#trouble.hidden = status !== "failed";
    say(this.#reason, draft?.problem?.message || words.t("failed"));
    say(this.#retry, words.t("retry"));
    say(this.#discard, words.t("discard"));
  }

  /** @param {C.Attachment[]} attachments */
  #drawFiles(attachments) {
    const key = attachments.map(({ url }) => url).join(" ");
    if (this.#files.dataset.shows === key) return;
    this.#files.dataset.shows = key;
    this.#files.replaceChildren(...attachments.flatMap((file) => fileOf(file, secure(file.url), this.host.words) ?? []));
  }
}

/** A picture in a box of known size, so that its arrival moves nothing; anything else as a link. @param {C.Attachment} file @param {string | null} url @param {C.Words} words */
function fileOf({ type, fileName }, url, words) {
  if (!url) return null;
  const name = upright(fileName) || words.t("attachment");
  const link = anchor(url);
  const asLink = () => {
    mark(link, "class", "file");
    link.replaceChildren(icon("file"), el("bdi", { class: "cut", text: name }));
  };
  if (!/^image\/(?!svg)/.test(type)) asLink();
  else {
    mark(link, "class", "picture");
    link.append(picture(url, asLink, name));
  }
  return link;
}
