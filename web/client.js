export { Causerie } from "./client/causerie.js";
export { Refusal, Unreachable } from "./client/http.js";
