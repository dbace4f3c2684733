/**
 * The calls a page makes besides the feed. All of them may be repeated (a send carries its `clientMessageId`), so a
 * lost connection, 429 and 503 are tried again here; what remains is thrown.
 */
import { Refusal, backOff, parse } from "./feed.js";
import { language } from "./strings.js";

const TRIES = 5;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Api {
  constructor(token) {
    this.token = token;
  }

  conversation(id) {
    return this.#call("GET", `/v1/conversations/${id}`);
  }

  /** A page of the inbox (`ACTIVE`) or of the archive (`ARCHIVED`): the first, or the one that a token names. */
  conversations(status, pageToken = null) {
    const query = new URLSearchParams({ status, ...(pageToken && { pageToken }) });
    return this.#call("GET", `/v1/conversations?${query}`);
  }

  /** Into one's own archive, or out of it. */
  put(id, status) {
    return this.#call("PATCH", `/v1/conversations/${id}`, { status });
  }

  /** The newest page, or the one before a `seq`; oldest first. */
  messages(id, before = null) {
    return this.#call("GET", `/v1/conversations/${id}/messages?limit=50${before ? `&before=${before}` : ""}`);
  }

  send(id, { content, clientMessageId, replyTo }) {
    return this.#call("POST", `/v1/conversations/${id}/messages`, { content, clientMessageId, replyToId: replyTo?.id });
  }

  edit(messageId, content) {
    return this.#call("PATCH", `/v1/messages/${messageId}`, { content });
  }

  delete(messageId) {
    return this.#call("DELETE", `/v1/messages/${messageId}`);
  }

  addMember(id, userId) {
    return this.#call("POST", `/v1/conversations/${id}/members`, { memberIds: [userId] });
  }

  changeRole(id, userId, role) {
    return this.#call("PATCH", `/v1/conversations/${id}/members/${encodeURIComponent(userId)}`, { role });
  }

  /** Somebody, or oneself: `me`. */
  removeMember(id, userId) {
    return this.#call("DELETE", `/v1/conversations/${id}/members/${encodeURIComponent(userId)}`);
  }

  read(id, upTo) {
    return this.#call("POST", `/v1/conversations/${id}/read`, { upTo });
  }

  async #call(method, path, body) {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#once(method, path, body);
      } catch (failure) {
        const passing = !failure.status || failure.status === 429 || failure.status >= 500;
        if (!passing || failures + 1 === TRIES) throw failure;
        await pause(backOff(failures, failure.retryAfterMs));
      }
    }
  }

  async #once(method, path, body) {
    const headers = { Accept: "application/json", "Accept-Language": language(), Authorization: `Bearer ${this.token}` };
    if (body) headers["Content-Type"] = "application/json";
    const options = { method, headers, cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(15_000) };
    const response = await fetch(path, { ...options, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Refusal(response.status, parse(text), response.headers.get("Retry-After"));
    return parse(text);
  }
}
