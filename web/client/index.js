/** What a page may import of the client. @import * as T from "./types" */
import { Causerie as Made } from "./causerie.js";

export { Refusal, Unreachable } from "./http.js";

export const Causerie = Made;

// The same names as types, for whoever checks theirs.
/** @typedef {T.Causerie} Causerie */
/** @typedef {T.Options} Options */
/** @typedef {T.State} State */
/** @typedef {T.Transport} Transport */
/** @typedef {T.User} User */
/** @typedef {T.Member} Member */
/** @typedef {T.Conversation} Conversation */
/** @typedef {T.Context} Context */
/** @typedef {T.Thread} Thread */
/** @typedef {T.Message} Message */
/** @typedef {T.NewMessage} NewMessage */
/** @typedef {T.Draft} Draft */
/** @typedef {T.Attachment} Attachment */
/** @typedef {T.Notification} Notification */
/** @typedef {T.Notifications} Notifications */
/** @typedef {T.FeedEvent} FeedEvent */
/** @typedef {T.Presence} Presence */
/** @typedef {T.Typing} Typing */
