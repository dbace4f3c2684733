/** What opens above the page, and what one can do there: menus, questions, toasts; members; another conversation. */
import { button, el, focused, mark, rove, Rows, say, tool, translate } from "./element.js";
import { nameOf, othersOf, personRow, plain } from "./message.js";

const EDGE_PX = 8;

export class Menu {
  /** @type {HTMLElement} */ node = el("div", { class: "menu", part: "menu", role: "menu", popover: "auto", toggle: ({ newState }) => this.#toggled(newState === "open"), keydown: ({ key }) => key === "Tab" && this.node.hidePopover() });
  /** @type {HTMLButtonElement | null} */ #opener = null;

  constructor() { rove(this.node, "button"); }

  /** Called as the opener is pressed: the press itself then opens the menu, or closes it. @param {HTMLButtonElement} opener @param {string} label @param {(C.Choice | false)[]} choices */
  fill(opener, label, choices) {
    if (this.#opener) mark(this.#opener, "aria-expanded", "false");
    this.#opener = opener;
    opener.popoverTargetElement = this.node;
    mark(this.node, "aria-label", label);
    this.node.replaceChildren(...choices.filter((choice) => choice !== false).map(({ text, act, isDanger }) =>
      // The focus goes back before a dialog remembers where it was.
      button({ role: "menuitem", class: isDanger && "danger", text, click: () => { this.node.hidePopover(); opener.focus(); act(); } })));
  }

  /** Below the opener, or above it where there is no room. @param {boolean} isOpen */
  #toggled(isOpen) {
    if (!this.#opener) return;
    mark(this.#opener, "aria-expanded", String(isOpen));
    // What was closed may still have the focus, though nobody sees it.
    if (!isOpen && (!focused(this.node) || this.node.contains(focused(this.node)))) this.#opener.focus();
    if (!isOpen) return;
    const at = this.#opener.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height, style } = this.node;
    style.top = `${at.bottom + height + EDGE_PX > innerHeight ? Math.max(EDGE_PX, at.top - height) : at.bottom}px`;
    style.left = `${at.left + width + EDGE_PX > innerWidth ? Math.max(EDGE_PX, at.right - width) : at.left}px`;
    this.node.querySelector("button")?.focus();
  }
}

/** A dialog that is gone once it is closed. @param {C.Element} host @param {string} title @param {...Node} content */
export function openDialog(host, title, ...content) {
  /** @type {HTMLDialogElement} */ const dialog = el("dialog", { part: "dialog", "aria-label": title, closedby: "any", close: () => dialog.remove() },
    el("header", {}, el("h2", { text: title }), tool("close", "close", { click: () => dialog.close() })), ...content);
  translate(dialog, host.words);
  host.root.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something that cannot be undone; the safe answer has the focus. @param {C.Element} host @param {string} title @param {string} action @returns {Promise<boolean>} */
export function ask(host, title, action) {
  const dialog = openDialog(host, title, el("div", { class: "bar" },
    button({ class: "button", "data-t": "cancel", autofocus: "", click: () => dialog.close() }),
    button({ class: "button danger", text: action, click: () => dialog.close("yes") })));
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes")));
}

/** Closes all that is open above the page. @param {ShadowRoot} root @param {Toast} toast */
export function closeAll(root, toast) {
  for (const dialog of root.querySelectorAll("dialog")) dialog.close();
  for (const above of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[popover]"))) above.hidePopover();
  toast.clear();
}

const TOAST_MS = 5_000;

/** Short words that come and go, read out without taking the focus. */
export class Toast {
  node = el("p", { class: "toast", part: "toast", popover: "manual" });
  /** Apart from what is seen, and there before its words: else they are not read out. */
  voice = el("p", { class: "unseen", role: "status" });
  #timer = 0;

  /** @param {string} text */
  show(text) {
    say(this.node, text);
    this.announce(text);
    if (this.node.isConnected) this.node.showPopover();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.node.hidePopover(), TOAST_MS);
  }

  clear() { for (const node of [this.node, this.voice]) say(node, ""); }

  /** The same words twice in a row are news as well. @param {string} text */
  announce(text) { this.voice.textContent = this.voice.textContent === text ? `${text}\u00a0` : text; }
}

/** Runs what may be refused, and says so in the service's words where it has some. @param {C.Element} host @param {() => unknown} act @param {(text: string) => void} tell */
export async function attempt(host, act, tell) {
  try {
    await act();
    return true;
  } catch (failure) {
    const { status, message } = /** @type {any} */ (failure);
    tell(status ? message : host.words.t("cannot"));
    return false;
  }
}

export class Actions {
  menu = new Menu();
  /** @param {() => unknown} act */
  #try = (act) => attempt(this.host, act, (text) => this.toast.show(text));

  /** @param {C.Element} host @param {import("./around.js").Composer} composer @param {Toast} toast */
  constructor(host, composer, toast) {
    this.host = host;
    this.composer = composer;
    this.toast = toast;
  }

  /** @param {string} key */
  t(key) { return this.host.words.t(key); }

  /** @param {HTMLButtonElement} opener @param {C.Item} item @param {C.Open} open */
  onMessage(opener, { message, can }, { thread }) {
    if (!message || !can) return;
    this.menu.fill(opener, this.t("actions"), [
      can.reply && { text: this.t("reply"), act: () => this.composer.begin({ answers: message }) },
      can.edit && { text: this.t("edit"), act: () => this.composer.begin({ edits: message }) },
      can.remove && { text: this.t("delete"), isDanger: true, act: () => this.#sure("sureDelete", "delete", async () => {
        await thread.delete(message.id);
        this.toast.show(this.t("isDeleted"));
        // The button that had the focus goes with its message.
        this.composer.focus();
      }) },
    ]);
  }

  /** @param {HTMLButtonElement} opener @param {C.Open} open */
  onConversation(opener, open) {
    const { client: { conversations }, conversation: { id, type, me } } = open;
    const isArchived = me.status !== "ARCHIVED";
    this.menu.fill(opener, this.t("actions"), [
      type === "GROUP" && { text: this.t("members"), act: () => openMembers(this.host, open) },
      { text: this.t(isArchived ? "archive" : "restore"), act: () => this.#try(async () => {
        await conversations.archive(id, isArchived);
        // An inbox around the thread says so itself: it may leave the thread.
        if (this.host.tell("causerie-archived", { conversationId: id, isArchived })) this.toast.show(this.t(isArchived ? "archived" : "restored"));
      }) },
      type === "GROUP" && { text: this.t("leave"), isDanger: true, act: () => this.#sure("sureLeave", "leave", () => conversations.removeMember(id, "me")) },
    ]);
  }

  /** @param {C.Open} open @param {string} content @param {C.Task} task @param {C.Attachment[]} attachments */
  async write({ thread }, content, { edits, answers }, attachments) {
    if (!edits) await this.#try(() => thread.send({ content, replyToId: answers?.id, ...(attachments.length && { attachments }) }));
    else {
      const { begun } = this.composer;
      // What was written is not lost where it is refused; nor is it another conversation's, or another person's.
      if (!(await this.#try(() => thread.edit(edits.id, content))) && begun === this.composer.begun) this.composer.begin({ edits }, content);
    }
  }

  /** @param {string} question @param {string} action @param {() => unknown} act */
  async #sure(question, action, act) {
    if (await ask(this.host, this.t(question), this.t(action))) await this.#try(act);
  }
}

const people = (label = "") => el("ul", { class: "people", tabindex: 0, "data-l": label });
/** @param {() => void} [input] */
const whoField = (input) => el("input", { class: "field", maxlength: 128, "data-p": "who", "data-l": "who", autofocus: input && "", input });
const problemLine = () => el("p", { class: "problem", role: "alert" });

/** As the service lists them, whatever they became since. @param {C.Member} a @param {C.Member} b */
const byJoining = (a, b) => (a.joinedAt + a.user.id < b.joinedAt + b.user.id ? -1 : 1);

/** Everybody's role; for an ADMIN adding, promoting and removing. @param {C.Element} host @param {C.Open} open */
function openMembers(host, { client, conversation }) {
  const { words } = host;
  const { id } = conversation;
  const { conversations, me } = client;
  const isAdmin = conversation.me.role === "ADMIN";
  const [list, problem, who] = [people("members"), problemLine(), whoField()];
  const held = () => conversations.peek(id) ?? conversation;
  /** Those beyond the hundred that a conversation holds, page by page. @type {Map<string, C.Member>} */ const further = new Map();
  let next = held().memberCount > held().members.length ? "" : null;
  /** What the service does, it reports; what it refuses is said here. @param {() => unknown} act */
  const run = (act) => attempt(host, act, (text) => say(problem, text));
  /** @param {string} label @param {string} name @param {() => unknown} act */
  const choice = (label, name, act) => button({ class: "button", text: words.t(label), "aria-label": `${words.t(label)} : ${name}`, click: () => run(act) });
  const rows = new Rows(list, (/** @type {C.Member & {key: string}} */ { user, role }) => {
    const name = nameOf(user, words);
    const isMe = user.id === me?.id;
    const choices = isAdmin && !isMe ? [
      choice(role === "ADMIN" ? "demote" : "promote", name, () => conversations.setRole(id, user.id, role === "ADMIN" ? "MEMBER" : "ADMIN")),
      choice("remove", name, async () => (await ask(host, words.t("sureRemove", { name }), words.t("remove"))) && conversations.removeMember(id, user.id)),
    ] : [];
    return { node: personRow(isMe ? words.t("you", { name }) : name, user, words.t(role), ...choices), update() {} };
  });
  const draw = () => {
    const shown = new Map([...further.values(), ...held().members].map((member) => [member.user.id, member]));
    const at = [...list.children].findIndex((row) => row.contains(focused(list)));
    rows.update([...shown.values()].sort(byJoining).map((member) => ({ ...member, key: member.user.id + member.role })));
    // A row that changed is another one, and one that went had the focus: it goes on from there.
    if (at >= 0 && !focused(list)) (list.children[at]?.querySelector("button") ?? list).focus();
    if (next === null && more.contains(focused(list))) list.focus();
    more.hidden = next === null;
  };
  const more = el("div", { class: "bar" }, button({ class: "button", "data-t": "more", click: () => run(async () => {
    // The first page is what the conversation holds.
    for (const before = list.childElementCount; next !== null && list.childElementCount === before; draw()) {
      const { items, nextPageToken } = await conversations.members(id, { pageToken: next });
      next = nextPageToken || null;
      for (const member of items) further.set(member.user.id, member);
    }
  }) }));
  /** What the feed says of somebody. @param {(member: C.Member) => unknown} act */
  const told = (act) => (/** @type {any} */ { conversationId, data }) => {
    if (conversationId === id) act(data.member);
    draw();
  };
  const form = el("form", { class: "bar", submit: async (event) => {
    event.preventDefault();
    if (await run(() => conversations.addMembers(id, [who.value.trim()]))) who.value = "";
  } }, who, el("button", { class: "button", "data-t": "add" }));
  const dialog = openDialog(host, words.t("members"), list, more, problem, ...(isAdmin ? [form] : []));
  const offs = [client.on("conversations", draw), client.on("member.left", told(({ user }) => further.delete(user.id))), client.on("member.updated", told((member) => further.set(member.user.id, member)))];
  dialog.addEventListener("close", () => offs.forEach((off) => off()));
  draw();
}

/**
 * One person, or several for a group: those one talks with already, whom the site finds, or an id.
 * @param {C.Element} host @param {((name: string) => Promise<C.User[]>) | null} find @param {(id: string) => void} opened
 */
export function openNew(host, find, opened) {
  const { words, causerie: client } = host;
  if (!client) return;
  const { conversations } = client;
  const known = new Map(conversations.items.flatMap((one) => othersOf(one, client)).map(({ user }) => [user.id, user]));
  /** @type {Set<string>} */ const chosen = new Set();
  const [list, problem, who] = [people("who"), problemLine(), whoField(() => draw())];
  const name = el("input", { class: "field", maxlength: 200, "data-p": "groupName", "data-l": "groupName" });
  const draw = async () => {
    const text = who.value.trim();
    const found = (text && (await find?.(text).catch(() => []))) || [];
    // The answer for less than what stands there now.
    if (text !== who.value.trim()) return;
    for (const user of found) known.set(user.id, user);
    name.hidden = chosen.size < 2;
    const shown = [...known.values()].filter((user) => chosen.has(user.id) || plain(`${user.name} ${user.id}`).includes(plain(text)));
    // Whoever is chosen stays in sight, and keeps nobody else out.
    if (text && !chosen.has(text) && shown.every(({ id }) => chosen.has(id))) shown.push({ id: text, name: text, imageUrl: null, role: null });
    list.replaceChildren(...shown.map((user) => {
      const box = el("input", { type: "checkbox", checked: chosen.has(user.id) ? "" : null, change: ({ target }) => choose(user, target.checked) });
      const row = personRow(nameOf(user, words), user, user.role ?? "");
      return el("li", {}, el("label", { class: "person" }, ...row.childNodes, box));
    }));
  };
  /** One that was typed is known from now on. @param {C.User} user @param {boolean} isChosen */
  const choose = (user, isChosen) => {
    known.set(user.id, user);
    chosen[isChosen ? "add" : "delete"](user.id);
    name.hidden = chosen.size < 2;
  };
  const start = async () => {
    const [first, ...more] = chosen;
    const { id } = await (more.length ? conversations.create({ type: "GROUP", memberIds: [...chosen], subject: name.value.trim() || undefined }) : conversations.contact({ recipientId: first }));
    // It was closed meanwhile, perhaps because another person is here.
    if (!dialog.open) return;
    dialog.close();
    opened(id);
  };
  const form = el("form", { class: "bar", submit: (event) => {
    event.preventDefault();
    if (chosen.size) void attempt(host, start, (text) => say(problem, text));
  } }, name, el("button", { class: "button main", "data-t": "start" }));
  const dialog = openDialog(host, words.t("newConversation"), el("div", { class: "bar" }, who), list, problem, form);
  void draw();
}
