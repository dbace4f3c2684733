/** Who is in a group: a dialog with everybody's role; leaving, and for an ADMIN adding, promoting and removing. */
import { action, el, mark, parts, reconcile, say } from "./dom.js";
import { draw, nameOf, titleOf } from "./people.js";
import { t } from "./strings.js";

export class Members {
  /** The conversation whose members are shown. */
  #id = null;

  /**
   * @param {Record<string, HTMLElement>} part  `dialog`, `dialogTitle`, `memberList`, `memberProblem`, `addForm`, `addId`, `dialogClose`
   * @param {() => object} api the service, as whoever is at this pane
   * @param {() => void} changed called when the service did something
   */
  constructor(part, api, changed) {
    this.part = part;
    this.api = api;
    this.changed = changed;
    part.memberList.addEventListener("click", ({ target }) => this.#click(target.closest("[data-do]")));
    part.dialogClose.addEventListener("click", () => part.dialog.close());
    part.addForm.addEventListener("submit", (event) => { event.preventDefault(); this.#add(part.addId.value.trim()); });
  }

  open(conversation) {
    this.#id = conversation.id;
    say(this.part.memberProblem, "");
    this.part.dialog.showModal();
  }

  /** @param {object | null} conversation the open one; without it, or as another, there is nothing to show any more */
  render(conversation, conversations) {
    const { dialog, dialogTitle, memberList, addForm } = this.part;
    if (!dialog.open) return;
    if (conversation?.id !== this.#id) return dialog.close();
    const { me } = conversation;
    say(dialogTitle, titleOf(conversation, conversations.others(conversation)));
    addForm.hidden = me.role !== "ADMIN";
    const items = conversation.members.map((member) => {
      const isMe = member.user.id === conversations.me.id;
      const manages = me.role === "ADMIN" && !isMe;
      const can = { leave: isMe, promote: manages && member.role !== "ADMIN", remove: manages };
      return { key: member.user.id, member, isMe, can };
    });
    reconcile(memberList, items, create, update);
  }

  #click(button) {
    if (!button) return;
    const { key } = button.closest("[data-key]").dataset;
    const name = parts(button.closest("li")).name.textContent;
    if (button.dataset.do === "promote") return this.#try((api) => api.changeRole(this.#id, key, "ADMIN"));
    const leaves = button.dataset.do === "leave";
    if (confirm(t(leaves ? "sureToLeave" : "sureToRemove", { name }))) this.#try((api) => api.removeMember(this.#id, leaves ? "me" : key));
  }

  async #add(userId) {
    if (userId && await this.#try((api) => api.addMember(this.#id, userId))) this.part.addId.value = "";
  }

  /** What the service does is seen by the feed; what it does not, it says itself. */
  async #try(call) {
    const { memberProblem } = this.part;
    say(memberProblem, "");
    try {
      await call(this.api());
      this.changed();
      return true;
    } catch (failure) {
      say(memberProblem, failure.status ? failure.message : t("unreachable"));
      return false;
    }
  }
}

function create() {
  return el("li", {},
    el("span", { "data-part": "avatar", "aria-hidden": "true" }),
    el("span", { class: "member" }, el("bdi", { "data-part": "name" }), el("small", { "data-part": "role" })),
    ...["promote", "remove", "leave"].map(action));
}

function update(row, { member, isMe, can }) {
  const part = parts(row);
  const name = nameOf(member.user);
  draw(part.avatar, member.user.id, name);
  say(part.name, isMe ? t("oneself", { name }) : name);
  say(part.role, t(member.role));
  for (const [what, may] of Object.entries(can)) {
    part[what].hidden = !may;
    say(part[what], t(what));
    mark(part[what], "aria-label", isMe ? t(what) : `${t(what)}: ${name}`);
  }
}
