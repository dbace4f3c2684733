// The types of the client, from the JSDoc of its parts.
export { Causerie } from "./client/causerie.js";
export { Refusal, Unreachable } from "./client/http.js";
