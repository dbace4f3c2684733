/**
 * What a person has written and the service has not yet acknowledged: shown at once, sent one after the other in the
 * order of writing. A draft keeps its `clientMessageId` through every try, so that it is stored once.
 */

/** @typedef {{clientMessageId: string, conversationId: string, content: string, replyTo: object | null, createdAt: string, failed: boolean}} Draft */

/** Random enough for an id, and there without a secure context, which `crypto.randomUUID` is not. */
function freshId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Outbox {
  /** @type {Draft[]} */ #drafts = [];
  #sending = false;

  /**
   * @param {import("./api.js").Api} api
   * @param {(message: object) => void} sent
   * @param {() => void} changed
   */
  constructor(api, sent, changed) {
    this.api = api;
    this.sent = sent;
    this.changed = changed;
  }

  of(conversationId) {
    return this.#drafts.filter((draft) => draft.conversationId === conversationId);
  }

  add(conversationId, content, replyTo = null) {
    const draft = { clientMessageId: freshId(), conversationId, content, replyTo, createdAt: new Date().toISOString(), failed: false };
    this.#drafts.push(draft);
    this.changed();
    this.#send();
  }

  retry(clientMessageId) {
    const draft = this.#drafts.find((draft) => draft.clientMessageId === clientMessageId);
    if (draft) draft.failed = false;
    this.changed();
    this.#send();
  }

  /** The message is there, by whatever way we learnt it. */
  settle(clientMessageId) {
    this.#drafts = this.#drafts.filter((draft) => draft.clientMessageId !== clientMessageId);
  }

  async #send() {
    if (this.#sending) return;
    this.#sending = true;
    for (let draft; (draft = this.#drafts.find((draft) => !draft.failed)); ) {
      try {
        const message = await this.api.send(draft.conversationId, draft);
        this.settle(draft.clientMessageId);
        this.sent(message);
      } catch (failure) {
        draft.failed = true;
        draft.reason = failure.status ? failure.message : "";
      }
      this.changed();
    }
    this.#sending = false;
  }
}
