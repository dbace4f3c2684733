/** Where a message is written. Enter sends, Shift+Enter breaks the line; what was begun is kept per conversation. */

const TALLEST_PX = 160;

export class Composer {
  #begun = new Map();
  #conversationId = null;

  /**
   * @param {Record<string, HTMLElement>} part  `composer`, `text`, `send`, `closed`
   * @param {(content: string) => void} send
   */
  constructor(part, send) {
    this.part = part;
    this.send = send;
    part.composer.addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    part.text.addEventListener("input", () => this.#fit());
    part.text.addEventListener("keydown", (event) => {
      // While an input method composes, Enter belongs to it.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
  }

  render(conversation) {
    const { text, composer, closed } = this.part;
    composer.hidden = conversation.closed;
    closed.hidden = !conversation.closed;
    if (this.#conversationId === conversation.id) return;
    if (this.#conversationId) this.#begun.set(this.#conversationId, text.value);
    this.#conversationId = conversation.id;
    text.value = this.#begun.get(conversation.id) ?? "";
    this.#fit();
  }

  focus() {
    this.part.text.focus({ preventScroll: true });
  }

  /** Another person writes here now. */
  clear() {
    this.#begun.clear();
    this.#conversationId = null;
    this.part.text.value = "";
  }

  #submit() {
    const content = this.part.text.value;
    if (!content.trim()) return;
    this.part.text.value = "";
    this.#fit();
    this.send(content);
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
