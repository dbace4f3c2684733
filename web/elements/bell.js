/** `<causerie-bell>`: what the site tells, behind a bell with a number on it. */
import { attempt, closeAll, Toast } from "./actions.js";
import { button, CauserieElement, el, focused, icon, mark, rove, Rows, safe, say, tool } from "./element.js";
import { upright } from "./message.js";
import { bellSheet } from "./style.js";

const SHOWN = 99;
const EDGE_PX = 8;
/** Below this it opens upwards, where there is more room. */
const ROOM_PX = 240;

/** @param {C.Notification} notification */
const titleOf = ({ title }) => upright(title);

/** An address, or a path; and a path stays within the site, however it is written. @param {C.Notification} notification */
function linkOf({ link }) {
  const href = /^(https?:\/\/|\/)/i.test(link ?? "") ? safe(link) : null;
  return href && link?.startsWith("/") && new URL(href).origin !== new URL(document.baseURI).origin ? null : href;
}

/**
 * Follows a link in the same tab. Of each new one it tells by `causerie-notification`, so that a page may show a toast;
 * by `causerie-notification-open` of one that is opened: whoever prevents that leads on by themselves.
 */
export class CauserieBell extends CauserieElement {
  static reports = ["notifications", "notification.created", "state"];
  static sheet = bellSheet;

  /** What came since it was drawn. @type {C.Notification[]} */ #news = [];
  #isOpen = false;
  #isLoading = false;
  #badge = el("span", { class: "badge", part: "badge", "aria-hidden": "true" });
  #button = button({ class: "bell", part: "button", "aria-haspopup": "dialog", "aria-expanded": "false" }, icon("bell"), this.#badge);
  #list = el("ul", { class: "list" });
  #settle = rove(this.#list, ".row");
  #none = el("p", { class: "none" });
  #more = button({ class: "button", click: () => this.#load() });
  #all = button({ class: "all", part: "read-all", "data-t": "readAll", click: () => this.#readAll() });
  /** @type {HTMLElement} */ #panel = el("div", { class: "panel", part: "panel", role: "dialog", tabindex: -1, popover: "auto", "data-l": "notifications", toggle: ({ newState }) => this.#toggled(newState === "open") },
    el("div", { class: "head" }, el("h2", { "data-t": "notifications" }), tool("close", "close", { click: () => this.#panel.hidePopover() })),
    el("div", { class: "scroll" }, this.#all, this.#list, this.#none, this.#more));
  #toast = new Toast();
  #rows = new Rows(this.#list, (/** @type {C.Told} */ { notification }) => this.#row(notification));

  constructor() {
    super();
    this.#button.popoverTargetElement = this.#panel;
    this.root.append(this.#button, this.#panel, this.#toast.node, this.#toast.voice);
    // One stop for each row; from there the Tab key leads to what deletes it.
    this.#list.addEventListener("focusin", () => this.#settleTools());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const type of ["resize", "scroll"]) removeEventListener(type, this.#place, true);
  }

  /** @param {any} detail */
  reported(detail) {
    const notification = /** @type {C.Notification | undefined} */ (detail?.type === "notification.created" ? detail.data.notification : undefined);
    // What was read meanwhile, or taken back, is no news.
    if (notification && !notification.readAt && !notification.isDeleted) {
      this.#news.push(notification);
      this.tell("causerie-notification", { notification });
    }
    this.redraw();
  }

  focus() { this.#button.focus(); }

  forget() {
    closeAll(this.root, this.#toast);
    this.#news = [];
    // What stands in the closed panel, too: the next person opens it.
    this.#rows.update([]);
  }

  draw() {
    const { causerie: client, words } = this;
    const count = client?.notifications.unreadCount ?? 0;
    const name = words.t(count ? "notified" : "notifications", { count });
    this.#badge.hidden = count === 0;
    say(this.#badge, count > SHOWN ? `${SHOWN}+` : String(count));
    mark(this.#button, "aria-label", name);
    this.#button.title = name;
    mark(this, "count", count ? String(count) : null);
    this.#announce();
    if (this.#isOpen) this.#drawList();
  }

  #announce() {
    const [first, ...more] = this.#news.splice(0);
    if (first) this.#toast.announce(this.words.t("toldNews", { count: more.length + 1, title: titleOf(first) }));
  }

  #drawList() {
    const { causerie: client, words } = this;
    const { isLoaded = false, hasMore = false, items = [], unreadCount = 0 } = client?.me ? client.notifications : {};
    const [at, isAsking] = [[...this.#list.children].findIndex((row) => row.contains(focused(row))), focused(this.#more) === this.#more];
    this.#rows.update(items.map((notification) => ({ key: `${notification.id} ${linkOf(notification) ?? ""}`, notification })));
    this.#settle();
    this.#settleTools();
    this.#none.hidden = items.length > 0 || (hasMore && !this.#isLoading);
    say(this.#none, words.t(!client?.me ? "signedOut" : isLoaded ? "noNotification" : "loading"));
    this.#more.hidden = !hasMore || (this.#isLoading && !items.length);
    say(this.#more, words.t(this.#isLoading ? "loading" : isLoaded ? "more" : "again"));
    if (this.#all.hidden !== (unreadCount === 0) && focused(this.#all) === this.#all) this.#panel.focus();
    this.#all.hidden = unreadCount === 0;
    // What had the focus went: it goes on from there.
    const rows = this.#list.querySelectorAll(/** @type {"a"} */ (".row"));
    if ((at >= 0 || isAsking) && !this.#panel.contains(focused(this.#panel))) (rows[isAsking ? rows.length - 1 : Math.min(at, rows.length - 1)] ?? this.#panel).focus();
  }

  #settleTools() {
    for (const row of this.#list.children) {
      const [open, remove] = /** @type {NodeListOf<HTMLElement>} */ (row.querySelectorAll(".row, .tool"));
      remove.tabIndex = row.contains(focused(row)) ? 0 : open.tabIndex;
    }
  }

  /** @param {C.Notification} shown @returns {C.Row<C.Told>} */
  #row(shown) {
    const [title, message, time, isNew] = [el("bdi", { class: "title" }), el("bdi", { class: "text" }), el("time"), el("span", { class: "unseen" })];
    const lines = el("span", { class: "lines" }, title, message, time);
    const href = linkOf(shown);
    const click = (/** @type {MouseEvent} */ event) => this.#open(event, shown);
    const row = href ? el("a", { class: "row", part: "row", href, click, auxclick: (event) => event.button === 1 && click(event) }, lines, isNew) : button({ class: "row", part: "row", click }, lines, isNew);
    const remove = tool("close", "delete", { "data-l": null, part: "delete", click: () => this.#remove(shown) });
    return { node: el("li", { class: "told" }, row, remove), update: ({ notification }) => {
      shown = notification;
      say(title, titleOf(shown));
      say(message, upright(shown.message));
      message.hidden = !shown.message;
      say(time, this.words.when(shown.createdAt));
      mark(time, "datetime", shown.createdAt);
      time.title = this.words.format(shown.createdAt, { dateStyle: "full", timeStyle: "short" });
      row.classList.toggle("unread", !shown.readAt);
      say(isNew, shown.readAt ? "" : this.words.t("isNew"));
      const label = `${this.words.t("delete")} : ${titleOf(shown)}`;
      mark(remove, "aria-label", label);
      remove.title = this.words.t("delete");
    } };
  }

  /** @param {() => unknown} act */
  #try = (act) => attempt(this, act, (text) => this.#toast.show(text));

  /** @param {MouseEvent} event @param {C.Notification} notification */
  #open(event, notification) {
    if (!notification.readAt) void this.#try(() => this.causerie?.notifications.markAsRead(notification.id));
    if (!this.tell("causerie-notification-open", { notification })) event.preventDefault();
    // Not where another tab follows it.
    if (linkOf(notification) && !(event.ctrlKey || event.metaKey || event.shiftKey || event.button)) this.#panel.hidePopover();
  }

  /** @param {C.Notification} notification */
  #remove({ id }) { void this.#try(() => this.causerie?.notifications.remove(id)); }

  #readAll() { void this.#try(() => this.causerie?.notifications.markAllAsRead()); }

  /** The first page, or the next one. */
  async #load() {
    const client = this.causerie;
    if (this.#isLoading || !client) return;
    this.#isLoading = true;
    this.redraw();
    await this.#try(() => client.notifications.loadMore());
    this.#isLoading = false;
    this.redraw();
  }

  /** @param {boolean} isOpen */
  #toggled(isOpen) {
    this.#isOpen = isOpen;
    mark(this.#button, "aria-expanded", String(isOpen));
    for (const type of ["resize", "scroll"]) (isOpen ? addEventListener : removeEventListener)(type, this.#place, true);
    const at = focused(this.#panel);
    // Not from where somebody clicked meanwhile.
    if (!isOpen && (this.#panel.contains(at) || document.activeElement === document.body)) this.#button.focus();
    if (!isOpen) return;
    if (this.causerie?.me && !this.causerie.notifications.isLoaded) void this.#load();
    this.#drawList();
    this.#place();
    this.#panel.focus();
  }

  /** Below the bell, its end at the bell's, within the window; above it where there is more room. */
  #place = () => {
    const { top, bottom, left, right } = this.#button.getBoundingClientRect();
    const { style, offsetWidth } = this.#panel;
    const isBelow = innerHeight - bottom > ROOM_PX || innerHeight - bottom > top;
    const isLeft = getComputedStyle(this).direction === "rtl";
    const most = document.documentElement.clientWidth - offsetWidth - EDGE_PX;
    style.left = `${Math.max(EDGE_PX, Math.min(isLeft ? left : right - offsetWidth, most))}px`;
    style.top = isBelow ? `${bottom + EDGE_PX}px` : "auto";
    style.bottom = isBelow ? "auto" : `${innerHeight - top + EDGE_PX}px`;
    style.maxHeight = `${(isBelow ? innerHeight - bottom : top) - 2 * EDGE_PX}px`;
  };
}
