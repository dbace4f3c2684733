/** The list of conversations in a pane: whom with, the last words, what is unread. */
import { el, mark, parts, reconcile, say } from "./dom.js";
import { aboutOf, draw, nameOf, titleOf } from "./people.js";
import { number, t, when } from "./strings.js";

/** One line of the last message, with who wrote it where that is not plain. */
function excerpt(conversation, me) {
  const message = conversation.lastMessage;
  if (!message) return "";
  const text = message.isDeleted ? t("deleted") : message.content ?? t("notice");
  if (message.sender?.id === me.id) return t("you", { text });
  return conversation.type === "GROUP" && message.sender ? `${nameOf(message.sender)}: ${text}` : text;
}

/** A count in a badge, with words for who does not see it; none for 0. */
export function badge(element, count) {
  element.hidden = count === 0;
  say(element, count > 99 ? "99+" : number(count));
  mark(element, "aria-label", t("unread", { count }));
}

export class Inbox {
  /**
   * @param {HTMLElement} list
   * @param {(id: string) => void} open
   */
  constructor(list, open) {
    this.list = list;
    this.open = open;
  }

  /**
   * @param {"ACTIVE" | "ARCHIVED"} status
   * @param {string | null} current the open conversation
   * @param {string | null} reading the one read right now
   */
  render(conversations, status, current, reading) {
    const items = conversations.list(status).map((conversation) => ({
      key: conversation.id,
      conversation,
      title: titleOf(conversation, conversations.others(conversation)),
      avatar: conversation.type === "PRIVATE" ? conversations.others(conversation)[0]?.user.id ?? "" : conversation.id,
      excerpt: excerpt(conversation, conversations.me),
      unread: conversation.id === reading ? 0 : conversation.me.unreadCount,
      current: conversation.id === current,
    }));
    reconcile(this.list, items, (item) => this.#create(item), update);
  }

  #create({ key }) {
    const button = el("button", { class: "row", type: "button" },
      el("span", { "data-part": "avatar", "aria-hidden": "true" }),
      el("span", { class: "row-text" },
        el("span", { class: "row-line" },
          el("bdi", { class: "row-title", "data-part": "title" }),
          el("span", { class: "badge", role: "img", "data-part": "badge" })),
        el("span", { class: "row-line" }, el("bdi", { class: "row-about", "data-part": "about" }), el("time", { "data-part": "when" })),
        el("bdi", { class: "row-excerpt", "data-part": "excerpt" })));
    button.addEventListener("click", () => this.open(key));
    return el("li", {}, button);
  }
}

function update(row, item) {
  const part = parts(row);
  draw(part.avatar, item.avatar, item.title);
  say(part.title, item.title);
  say(part.about, aboutOf(item.conversation));
  say(part.excerpt, item.excerpt);
  const at = item.conversation.lastMessageAt;
  say(part.when, at ? when(at) : "");
  badge(part.badge, item.unread);
  mark(row, "class", item.unread > 0 ? "unread" : "");
  mark(row.firstElementChild, "aria-current", String(item.current));
}
