/** The four stories: who is in them, what to try, and which conversation is open at first. Texts in English and French. */

export const STORIES = {
  ad: {
    tab: ["An ad", "Une annonce"],
    title: ["A buyer writes to a seller", "Une acheteuse écrit à un vendeur"],
    text: ["The button on the ad opens their conversation, or makes it the first time.", "Le bouton de l’annonce ouvre leur conversation, ou la crée la première fois."],
    steps: [
      ["On Alice’s page press “Contact the seller” and write something: Bob’s badge counts.", "Chez Alice, « Contacter le vendeur », puis écrivez : la pastille de Bob compte."],
      ["Open the conversation on Bob’s page and watch Alice’s ticks: ✓ sent, ✓✓ delivered, bright once read.", "Ouvrez la conversation chez Bob et regardez les coches d’Alice : ✓ envoyé, ✓✓ distribué, vives une fois lu."],
      ["Take one of them offline and write on: all of it arrives, in order and once, when the network is back.", "Mettez l’un d’eux hors ligne et continuez d’écrire : tout arrive, dans l’ordre et une seule fois, au retour du réseau."],
    ],
    people: [
      { as: "alice", name: "Alice Martin", part: ["buyer", "acheteuse"] },
      { as: "bob", name: "Bob Durand", part: ["seller", "vendeur"] },
    ],
  },
  appointment: {
    tab: ["An appointment", "Un rendez-vous"],
    title: ["A client and her salon", "Une cliente et son salon"],
    text: ["The salon’s booking system opened this conversation, and speaks in it when the hour changes.", "Le logiciel du salon a ouvert cette conversation, et y parle quand l’heure change."],
    opens: "appointment",
    steps: [
      ["Type without sending: the other side sees it. A message’s ⋯ menu replies, edits and deletes.", "Tapez sans envoyer : l’autre côté le voit. Le menu ⋯ d’un message répond, modifie et supprime."],
      ["Forbid SSE on one side: it goes on by long-poll, from the same cursor. Forbid both: by poll.", "Interdisez SSE d’un côté : il continue en long-poll, depuis le même curseur. Les deux : en poll."],
      ["Open the same person in a new tab: one connection serves both tabs.", "Ouvrez la même personne dans un nouvel onglet : une seule connexion sert les deux."],
    ],
    people: [
      { as: "alice", name: "Alice Martin", part: ["client", "cliente"] },
      { as: "salon", name: "Salon Lumière", part: ["salon", "salon"] },
    ],
  },
  group: {
    tab: ["A group", "Un groupe"],
    title: ["A group and its admin", "Un groupe et son admin"],
    text: ["The salon invites to its opening. It alone adds, promotes and removes people.", "Le salon invite à son ouverture. Lui seul ajoute, nomme et retire des personnes."],
    opens: "group",
    steps: [
      ["On the salon’s page: ⋯ → Members, add “nora”. Everybody sees the notice.", "Chez le salon : ⋯ → Membres, ajoutez « nora ». Tout le monde voit l’annonce."],
      ["Make Bob an admin, then open the same dialog on his page.", "Nommez Bob admin, puis ouvrez la même fenêtre chez lui."],
      ["Leave as Alice: what is written afterwards does not reach her.", "Quittez le groupe chez Alice : ce qui s’écrit ensuite ne lui parvient pas."],
    ],
    people: [
      { as: "salon", name: "Salon Lumière", part: ["admin", "admin"] },
      { as: "alice", name: "Alice Martin", part: ["member", "membre"] },
      { as: "bob", name: "Bob Durand", part: ["member", "membre"] },
    ],
  },
  tenants: {
    tab: ["Two sites", "Deux sites"],
    title: ["One service, two sites, the same user id", "Un service, deux sites, le même identifiant"],
    text: ["Both tokens say “alice”. One names the tenant “default”, the other “caserne”: two people who never meet.", "Les deux jetons disent « alice ». L’un nomme le site « default », l’autre « caserne » : deux personnes qui ne se croisent jamais."],
    steps: [
      ["Write on one side: nothing arrives on the other.", "Écrivez d’un côté : rien n’arrive de l’autre."],
      ["Start a conversation (+) with “karim” on both: the fire brigade knows him, the marketplace does not.", "Commencez une conversation (+) avec « karim » des deux côtés : la caserne le connaît, la brocante non."],
    ],
    people: [
      { as: "alice", name: "Alice Martin", part: ["of the marketplace", "de la brocante"] },
      { as: "alice@caserne", name: "Alice Renard", part: ["of the fire brigade", "de la caserne"] },
    ],
  },
};

/** Tenant and user id of `alice` or `alice@caserne`. */
export function identify(as) {
  const [id, tenant = "default"] = as.split("@");
  return { id, tenant };
}

/** Where a person's page of a story is; `ids` are the conversations', by story. */
export function pageOf(story, as, ids) {
  const { opens } = STORIES[story];
  return `/demo/person.html?${new URLSearchParams({ story, as, ...(opens && { conversation: ids[opens] }) })}`;
}
