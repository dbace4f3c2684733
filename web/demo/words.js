/**
 * The demo's words, in English and French, and what its pages keep: one language for all of them, and for each person what
 * the network may do. Kept in `localStorage`, whose events reach the frames and the other tabs.
 */

/** English, French. A frame's own words stand where they are used; these are the first page's and the panel's. */
const TABLE = {
  messages: ["Messages", "Messages"],
  title: ["Causerie, the demo", "Causerie, la démo"],
  lead: ["Messaging beside a site’s own pages: one script, no build step, behind any proxy.", "Une messagerie à côté des pages d’un site : un script, rien à compiler, derrière n’importe quel proxy."],
  stories: ["Stories", "Histoires"], language: ["Language", "Langue"], api: ["API", "API"], skip: ["To the story", "Aller à l’histoire"],
  newTab: ["New tab", "Nouvel onglet"], page: ["The page of {name}", "La page de {name}"], travels: ["What travels: {name}", "Ce qui circule : {name}"],
  try: ["Try this", "À essayer"],
  stream: ["SSE stream", "Flux SSE"], "long-poll": ["Long-poll", "Long-poll"], poll: ["Poll", "Poll"], none: ["Nothing", "Rien"],
  stopped: ["stopped", "arrêté"], syncing: ["reading the snapshot", "lecture de l’instantané"], connecting: ["connecting", "connexion"], live: ["live", "en direct"],
  waiting: ["waiting", "en attente"], offline: ["offline", "hors ligne"], "signed-out": ["signed out", "déconnecté"],
  since: ["{status} since {time}", "{status} depuis {time}"], retry: ["again in {count} s", "nouvel essai dans {count} s"],
  best: ["the best there is", "le meilleur qui soit"], noStream: ["SSE is forbidden", "SSE est interdit"], noHold: ["SSE and long-poll are forbidden", "SSE et long-poll sont interdits"], noLongPoll: ["long-poll is forbidden", "long-poll est interdit"],
  isOff: ["you cut the network", "vous avez coupé le réseau"],
  silent: ["{what} brought nothing: something buffers it", "{what} : rien n’arrivait, un tampon le retient"], refused: ["{what} was refused on the way", "{what} : refusé en chemin"],
  "no-locks": ["Insecure page: tabs cannot share a connection, so each one polls", "Page non sécurisée : les onglets ne partagent pas de connexion, chacun interroge"],
  "no-token": ["The site gives no token now; the one at hand is used as long as it lasts", "Le site ne donne pas de jeton ; celui d’avant sert tant qu’il est valable"],
  cut: ["{what} was cut on the way", "{what} : coupé en chemin"], away: ["{what} got no answer", "{what} : sans réponse"],
  leads: ["this tab holds the connection", "cet onglet tient la connexion"], follows: ["another tab holds the connection", "un autre onglet tient la connexion"],
  requests: ["Requests", "Requêtes"], notModified: ["304", "304"], received: ["Received", "Reçus"], cursor: ["Cursor", "Curseur"],
  forbidStream: ["Forbid SSE", "Interdire SSE"], forbidLongPoll: ["Forbid long-poll", "Interdire long-poll"], goOffline: ["Go offline", "Hors ligne"],
  quiet: ["Nothing yet.", "Rien encore."],
};

const read = (key) => {
  try { return localStorage.getItem(key); } catch { return null; }
};
const write = (key, value) => {
  try { localStorage.setItem(key, value); } catch { /* a browser that keeps nothing: as at first, each time */ }
};

const LANGUAGE = "causerie-demo.language";
let here = read(LANGUAGE);

/** As chosen, else the browser's. */
export const language = () => here ?? (navigator.language.toLowerCase().startsWith("fr") ? "fr" : "en");

/** Of an English and a French text, or of a key above, the one to show, with `{name}` filled in. */
export function say(text, values = {}) {
  const pair = TABLE[text] ?? text;
  // The spaces that French has beside its signs break no line.
  return pair[language() === "fr" ? 1 : 0].replace(/(?<=«) | (?=[»:;?!])/g, "\u00a0").replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Words what is marked with `data-t`, and the document itself. */
export function translate(root = document) {
  document.documentElement.lang = language();
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = say(node.dataset.t);
  for (const node of root.querySelectorAll("[data-l]")) node.setAttribute("aria-label", say(node.dataset.l));
}

const speakers = new Set();

/** Tells of another language, chosen here or in another page. */
export const onLanguage = (speak) => speakers.add(speak);

export function setLanguage(code) {
  here = code;
  write(LANGUAGE, code);
  for (const speak of speakers) speak();
}

addEventListener("storage", ({ key }) => {
  if (key !== LANGUAGE) return;
  here = read(LANGUAGE);
  for (const speak of speakers) speak();
});

const SWITCHES = "causerie-demo.network.";

/** What a person's network may do, in all tabs. */
export const switchesOf = (who) => ({ stream: true, longPoll: true, isOffline: false, ...JSON.parse(read(SWITCHES + who) ?? "{}") });

export const setSwitches = (who, switches) => write(SWITCHES + who, JSON.stringify(switches));

/** Tells of what another page changed. */
export const onSwitches = (who, act) => addEventListener("storage", ({ key }) => key === SWITCHES + who && act(switchesOf(who)));

const formats = new Map();

/** A date or a number in the page's language; making a format costs more than using it. */
export function format(value, options) {
  const key = language() + JSON.stringify(options);
  const Format = value instanceof Date ? Intl.DateTimeFormat : Intl.NumberFormat;
  const made = formats.get(key) ?? new Format(navigator.languages.find((one) => one.startsWith(`${language()}-`)) ?? language(), options);
  formats.set(key, made);
  return made.format(value);
}
