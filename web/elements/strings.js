/** The elements' words in English and French, and dates in the same language. */

/** English, French; "one" before "many" where they differ. @type {Record<string, [string, string]>} */
const TABLE = {
  contact: ["Send a message", "Envoyer un message"],
  cannot: ["That did not work.", "Cela n’a pas marché."],
  messages: ["Messages", "Messages"], search: ["Search by name", "Rechercher par nom"], newConversation: ["New conversation", "Nouvelle conversation"],
  ALL: ["All", "Toutes"], UNREAD: ["Unread", "Non lues"], ARCHIVED: ["Archived", "Archivées"], back: ["Back", "Retour"],
  none: ["No conversation here.", "Aucune conversation ici."], pick: ["Choose a conversation.", "Choisissez une conversation."], more: ["Show more", "Afficher plus"],
  missing: ["Conversation not found.", "Conversation introuvable."], archived: ["Archived.", "Conversation archivée."], restored: ["Unarchived.", "Conversation désarchivée."],
  who: ["Name or identifier", "Nom ou identifiant"], groupName: ["Group name", "Nom du groupe"], start: ["Start", "Commencer"],
  actions: ["Actions", "Actions"], reply: ["Reply", "Répondre"], edit: ["Edit", "Modifier"], delete: ["Delete", "Supprimer"],
  members: ["Members", "Membres"], archive: ["Archive", "Archiver"], restore: ["Unarchive", "Désarchiver"], leave: ["Leave", "Quitter"],
  sureDelete: ["Delete this message for everybody?", "Supprimer ce message pour tous\u00a0?"], isDeleted: ["Message deleted.", "Message supprimé."], cancel: ["Cancel", "Annuler"], close: ["Close", "Fermer"],
  sureLeave: ["Leave this group?", "Quitter ce groupe\u00a0?"], sureRemove: ["Remove {name} from this group?", "Retirer {name} de ce groupe\u00a0?"],
  MEMBER: ["Member", "Membre"], ADMIN: ["Admin", "Admin"], you: ["{name} (you)", "{name} (vous)"], promote: ["Make admin", "Nommer admin"], demote: ["Make member", "Rendre membre"], remove: ["Remove", "Retirer"], add: ["Add", "Ajouter"],
  write: ["Write a message", "Écrire un message"], send: ["Send", "Envoyer"], attach: ["Attach a file", "Joindre un fichier"], editing: ["Editing", "Modification"], save: ["Save", "Enregistrer"],
  answering: ["Reply to {name} · {text}", "Réponse à {name} · {text}"], answeringMine: ["Reply to yourself · {text}", "Réponse à vous-même · {text}"], closed: ["Conversation closed.", "Conversation close."], mine: ["You", "Vous"], host: ["The site", "Le site"], gone: ["Deleted account", "Compte supprimé"], wrote: ["{name}: {text}", "{name}\u00a0: {text}"],
  sending: ["sending", "envoi en cours"], queued: ["waiting to be sent", "en attente d’envoi"], sent: ["sent", "envoyé"], delivered: ["delivered", "distribué"], read: ["read", "lu"], failed: ["Not sent.", "Non envoyé."],
  retry: ["Send again", "Renvoyer"], discard: ["Discard", "Abandonner"], deleted: ["Message deleted", "Message supprimé"], edited: ["edited", "modifié"], attachment: ["Attachment", "Pièce jointe"],
  people: ["{count} people", "{count} personnes"], online: ["Online", "En ligne"], today: ["Today", "Aujourd’hui"], yesterday: ["Yesterday", "Hier"],
  first: ["No message yet.", "Aucun message."], older: ["Earlier messages", "Messages précédents"], loading: ["Loading…", "Chargement…"], again: ["Try again", "Réessayer"],
  toEnd: ["Newest messages", "Derniers messages"], new: ["New messages", "Nouveaux messages"], news: ["1 new message|{count} new messages", "1 nouveau message|{count} nouveaux messages"], unread: ["1 unread message|{count} unread messages", "1 message non lu|{count} messages non lus"],
  typing: ["{names} is typing…|{names} are typing…", "{names} est en train d’écrire…|{names} sont en train d’écrire…"],
  connecting: ["Connecting…", "Connexion…"], offline: ["No connection. Your messages leave when it is back.", "Pas de connexion. Vos messages partiront à son retour."], signedOut: ["You are signed out.", "Vous êtes déconnecté."],
  notifications: ["Notifications", "Notifications"], notified: ["1 unread notification|{count} unread notifications", "1 notification non lue|{count} notifications non lues"], isNew: ["Unread", "Non lue"],
  readAll: ["Mark all as read", "Tout marquer comme lu"], noNotification: ["No notification.", "Aucune notification."], toldNews: ["New notification: {title}|{count} new notifications", "Nouvelle notification\u00a0: {title}|{count} nouvelles notifications"],
  appointment: ["Appointment", "Rendez-vous"], look: ["See more", "Voir"],
};

/** @param {string | number | Date} date */
const midnight = (date) => new Date(date).setHours(0, 0, 0, 0);

/** Words, dates and numbers of one language. */
export class Words {
  /** Making a format costs more than using it a thousand times. @type {Map<string, Intl.DateTimeFormat>} */
  #formats = new Map();

  /** @param {string} tag what `lang` says: "fr", "fr-CA"; else English */
  constructor(tag) {
    const code = tag.slice(0, 2).toLowerCase();
    this.code = code === "fr" ? code : "en";
    // With a region where one is known: 14:05 in London, 2:05 PM in Boston.
    this.locale = [tag, ...navigator.languages].find((one) => one.startsWith(`${this.code}-`)) ?? this.code;
  }

  /** The words for a key, with `{name}` filled in. @param {string} key @param {Record<string, string | number>} [values] */
  t(key, values = {}) {
    const [one, many = one] = TABLE[key][this.code === "fr" ? 1 : 0].split("|");
    return (values.count === 1 ? one : many).replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
  }

  /** @param {string | number | Date} date @param {Intl.DateTimeFormatOptions} options */
  format(date, options) {
    const key = JSON.stringify(options);
    const format = this.#formats.get(key) ?? new Intl.DateTimeFormat(this.locale, options);
    this.#formats.set(key, format);
    return format.format(new Date(date));
  }

  /** @param {string} date */
  time = (date) => this.format(date, { timeStyle: "short" });

  /** "Today", "Yesterday" or the date. @param {string} date */
  day(date) {
    const days = Math.round((midnight(Date.now()) - midnight(date)) / 86_400_000);
    if (days === 0 || days === 1) return this.t(days ? "yesterday" : "today");
    return this.format(date, { weekday: "long", day: "numeric", month: "long", year: this.year(date) });
  }

  /** Said where it is another one. @param {string} date @returns {"numeric" | undefined} */
  year = (date) => (new Date(date).getFullYear() === new Date().getFullYear() ? undefined : "numeric");

  /** As short as a list needs it: the time today, the date before. @param {string} date */
  when = (date) => (midnight(date) === midnight(Date.now()) ? this.time(date) : this.format(date, { day: "numeric", month: "short" }));
}

/** @type {Map<string, Words>} */ const spoken = new Map();

/** The words for whoever looks at `node`: the language of the closest `lang`, through shadow roots. @param {Element} node */
export function wordsOf(node) {
  let tag = "";
  for (let at = /** @type {Element | undefined} */ (node); at && !tag; at = /** @type {ShadowRoot} */ (at.getRootNode()).host) tag = at.closest("[lang]:not([lang=''])")?.getAttribute("lang") ?? "";
  tag ||= navigator.language;
  const words = spoken.get(tag) ?? new Words(tag);
  spoken.set(tag, words);
  return words;
}
