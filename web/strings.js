/**
 * The page's words in English and French, and dates, numbers and sizes in the same language.
 * Elements say which word they show by `data-t`, `data-t-label` (accessible name) or `data-t-placeholder`.
 */

const TABLE = {
  en: {
    tagline: "Two people, one conversation. Each side follows it by poll, long-poll or stream. Change at any moment: nothing is lost, nothing comes twice.",
    docs: "API reference", openapi: "OpenAPI", language: "Language",
    left: "Left person", right: "Right person", person: "Person", transport: "Transport",
    poll: "Poll", "long-poll": "Long-poll", stream: "Stream",
    conversations: "Conversations", more: "More conversations", back: "Back to conversations",
    messages: "Messages", older: "Load older messages", loading: "Loading…", again: "Try again", newest: "Newest messages",
    pick: "Choose a conversation.", none: "No conversation yet.", first: "No message yet. Say hello!",
    write: "Write a message", send: "Send", closed: "This conversation is closed: nobody can write in it any more.",
    archived: "Archived", archive: "Archive", nothing: "Nothing is archived.",
    actions: "Actions", reply: "Reply", edit: "Edit", delete: "Delete", sureToDelete: "Delete this message for everybody?",
    answering: "Reply to {name}: {text}", quoted: "{name} wrote:", editing: "You are editing a message.", save: "Save", giveUp: "Cancel",
    host: "The site", members: "Members", MEMBER: "Member", ADMIN: "Admin", oneself: "{name} (you)", close: "Close",
    leave: "Leave", promote: "Make admin", remove: "Remove", add: "Add", addId: "Somebody’s id",
    sureToLeave: "Leave this group?", sureToRemove: "Remove {name} from this group?",
    me: "You", you: "You: {text}", sending: "Sending", sent: "Sent", delivered: "Delivered", read: "Read", failed: "Not sent", retry: "Send again",
    deleted: "Message deleted", edited: "edited", notice: "Notice", attachment: "Attachment", group: "{count} people",
    today: "Today", yesterday: "Yesterday", unread: "{count} unread",
    syncing: "reading the snapshot", connecting: "connecting", live: "live", retrying: "again in {seconds} s", stopped: "signed out, reload the page",
    cursor: "cursor", requests: "requests", notModified: "304", bytes: "received", lastEvent: "last event", never: "none yet",
    about: "This is Causerie, a messaging service: its pages poll, long-poll or stream with one cursor.",
    unreachable: "The service does not answer.",
  },
  fr: {
    tagline: "Deux personnes, une conversation. Chaque côté la suit par relève, longue relève ou flux. Changez à tout moment : rien ne se perd, rien n’arrive deux fois.",
    docs: "Référence de l’API", openapi: "OpenAPI", language: "Langue",
    left: "Personne de gauche", right: "Personne de droite", person: "Personne", transport: "Transport",
    poll: "Relève", "long-poll": "Longue relève", stream: "Flux",
    conversations: "Conversations", more: "Plus de conversations", back: "Retour aux conversations",
    messages: "Messages", older: "Messages précédents", loading: "Chargement…", again: "Réessayer", newest: "Derniers messages",
    pick: "Choisissez une conversation.", none: "Aucune conversation pour l’instant.", first: "Aucun message. Dites bonjour !",
    write: "Écrire un message", send: "Envoyer", closed: "Cette conversation est close : plus personne ne peut y écrire.",
    archived: "Archivées", archive: "Archiver", nothing: "Aucune conversation archivée.",
    actions: "Actions", reply: "Répondre", edit: "Modifier", delete: "Supprimer", sureToDelete: "Supprimer ce message pour tous ?",
    answering: "Réponse ({name}) : {text}", quoted: "{name} a écrit :", editing: "Vous modifiez un message.", save: "Enregistrer", giveUp: "Annuler",
    host: "Le site", members: "Membres", MEMBER: "Membre", ADMIN: "Admin", oneself: "{name} (vous)", close: "Fermer",
    leave: "Quitter", promote: "Nommer admin", remove: "Retirer", add: "Ajouter", addId: "Identifiant",
    sureToLeave: "Quitter ce groupe ?", sureToRemove: "Retirer {name} de ce groupe ?",
    me: "Vous", you: "Vous : {text}", sending: "Envoi en cours", sent: "Envoyé", delivered: "Distribué", read: "Lu", failed: "Non envoyé", retry: "Renvoyer",
    deleted: "Message supprimé", edited: "modifié", notice: "Information", attachment: "Pièce jointe", group: "{count} personnes",
    today: "Aujourd’hui", yesterday: "Hier", unread: "{count} non lus",
    syncing: "lecture de l’instantané", connecting: "connexion", live: "en direct", retrying: "nouvel essai dans {seconds} s", stopped: "déconnecté, rechargez la page",
    cursor: "curseur", requests: "requêtes", notModified: "304", bytes: "reçus", lastEvent: "dernier événement", never: "aucun",
    about: "Voici Causerie, une messagerie : ses pages relèvent, attendent ou reçoivent en flux, avec un seul curseur.",
    unreachable: "Le service ne répond pas.",
  },
};
const KEPT = "causerie.language";

/** A browser that keeps nothing for us throws. */
function kept() {
  try { return localStorage.getItem(KEPT); } catch { return null; }
}

let current = kept() ?? navigator.language.slice(0, 2).toLowerCase();
if (!TABLE[current]) current = "en";

export const languages = Object.keys(TABLE);
export const language = () => current;

export function setLanguage(code) {
  current = code;
  try { localStorage.setItem(KEPT, code); } catch { /* asked again next time */ }
}

/** The words for a key, with `{name}` filled in. */
export function t(key, values = {}) {
  return TABLE[current][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Words every marked element below `root`. */
export function translate(root) {
  document.documentElement.lang = current;
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
    if (element.tagName === "BUTTON") element.title = t(element.dataset.tLabel);
  }
  for (const element of root.querySelectorAll("[data-t-placeholder]")) element.placeholder = t(element.dataset.tPlaceholder);
}

/** Of the person's own languages the one the page speaks, with its region: 14:05 in London, 2:05 PM in Boston. */
const locale = () => navigator.languages.find((code) => code.split("-")[0] === current) ?? current;
const formats = new Map();

/** Making a format costs more than using it a thousand times. */
function format(date, options) {
  const key = current + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale(), options));
  return formats.get(key).format(date);
}

const midnight = (date) => new Date(date).setHours(0, 0, 0, 0);

export const time = (date) => format(new Date(date), { timeStyle: "short" });
export const clock = (date) => format(date, { timeStyle: "medium" });
export const number = (value) => new Intl.NumberFormat(locale()).format(value);

/** "Today", "Yesterday" or the date. */
export function day(date) {
  const days = Math.round((midnight(Date.now()) - midnight(date)) / 86_400_000);
  if (days === 0 || days === 1) return t(days ? "yesterday" : "today");
  const year = new Date(date).getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  return format(new Date(date), { weekday: "long", day: "numeric", month: "long", ...year });
}

/** As short as an inbox needs it: the time today, the date before. */
export function when(date) {
  return midnight(date) === midnight(Date.now()) ? time(date) : format(new Date(date), { day: "numeric", month: "short" });
}

export function bytes(count) {
  const [unit, value] = count < 1000 ? ["byte", count] : count < 1e6 ? ["kilobyte", count / 1000] : ["megabyte", count / 1e6];
  return new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: value < 100 ? 1 : 0 }).format(value);
}
