/**
 * Where a message is written, answered or edited. Enter sends, Shift+Enter breaks the line, Escape gives an answer or an
 * edit up; what was begun is kept per conversation.
 */
import { mark, say } from "./dom.js";
import { nameOf } from "./people.js";
import { t } from "./strings.js";

const TALLEST_PX = 160;

/** @typedef {{edits: object | null, answers: object | null}} Task the message that is edited, the one that is answered */

export class Composer {
  #begun = new Map();
  #conversationId = null;
  /** @type {Task} */ #task = { edits: null, answers: null };
  /** What stood here before an edit. */
  #before = "";

  /**
   * @param {Record<string, HTMLElement>} part  `composer`, `text`, `send`, `closed`, `task`, `taskText`, `giveUp`
   * @param {(content: string, task: Task) => void} send
   */
  constructor(part, send) {
    this.part = part;
    this.send = send;
    part.composer.addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    part.text.addEventListener("input", () => this.#fit());
    part.composer.addEventListener("keydown", (event) => {
      // While an input method composes, its keys belong to it.
      if (event.isComposing) return;
      if (event.key === "Escape" && !part.task.hidden) this.#giveUp();
      if (event.key !== "Enter" || event.shiftKey || event.target !== part.text) return;
      event.preventDefault();
      this.#submit();
    });
    part.giveUp.addEventListener("click", () => this.#giveUp());
  }

  render(conversation) {
    const { text, composer, closed } = this.part;
    composer.hidden = conversation.closed;
    closed.hidden = !conversation.closed;
    if (this.#conversationId !== conversation.id) {
      this.#end();
      if (this.#conversationId) this.#begun.set(this.#conversationId, text.value);
      this.#conversationId = conversation.id;
      text.value = this.#begun.get(conversation.id) ?? "";
      this.#fit();
    }
    this.#renderTask();
  }

  answer(message) {
    this.#end();
    this.#task = { edits: null, answers: message };
    this.#renderTask();
    this.focus();
  }

  /** With what it is to say, where that was written already and refused. */
  edit(message, content = message.content) {
    this.#end();
    this.#task = { edits: message, answers: null };
    this.#before = this.part.text.value;
    this.part.text.value = content;
    this.#renderTask();
    this.#fit();
    this.focus();
  }

  focus() {
    this.part.text.focus({ preventScroll: true });
  }

  /** Another person writes here now. */
  clear() {
    this.#end();
    this.#begun.clear();
    this.#conversationId = null;
    this.part.text.value = "";
  }

  #submit() {
    const content = this.part.text.value;
    if (!content.trim()) return;
    const task = this.#task;
    this.part.text.value = "";
    this.#end();
    this.#renderTask();
    this.#fit();
    this.send(content, task);
  }

  #giveUp() {
    this.#end();
    this.#renderTask();
    this.#fit();
    this.focus();
  }

  /** What stood here before an edit comes back. */
  #end() {
    if (this.#task.edits) this.part.text.value = this.#before;
    this.#task = { edits: null, answers: null };
  }

  #renderTask() {
    const { task, taskText, send } = this.part;
    const { edits, answers } = this.#task;
    task.hidden = !edits && !answers;
    mark(send, "aria-label", t(edits ? "save" : "send"));
    if (edits) say(taskText, t("editing"));
    if (answers) say(taskText, t("answering", { name: answers.sender ? nameOf(answers.sender) : t("host"), text: answers.content ?? "" }));
  }

  #fit() {
    const { text, send } = this.part;
    send.disabled = !text.value.trim();
    text.style.height = "auto";
    // The height takes the borders in, scrollHeight does not: without them there is always a scrollbar.
    const borders = text.offsetHeight - text.clientHeight;
    text.style.height = `${Math.min(text.scrollHeight + borders, TALLEST_PX)}px`;
  }
}
