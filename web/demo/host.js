/** Three small sites that never were: a marketplace, a salon, a fire brigade. What their own pages show around Causerie. */
import { el, picture } from "/demo/dom.js";
import { STORIES } from "/demo/stories.js";
import { format, say } from "/demo/words.js";

/** The hour of the appointment, as `src/demo.rs` books it. */
const BOOKED = new Date("2027-03-12T10:00:00Z");
const OPENING = new Date("2027-03-20T18:30:00Z");

const SITES = {
  market: { name: "La Brocante", address: "labrocante.example" },
  salon: { name: "Salon Lumière", address: "salon-lumiere.example" },
  brigade: { name: "Caserne 12", address: "caserne-12.example" },
};

const h1 = (text) => el("h1", { text });
const dated = (tag, date, options) => el(tag, { class: tag === "h1" ? "dated" : "price dated", text: format(date, options) });
const kicker = (text) => el("p", { class: "kicker", text: say(text) });
const line = (text) => el("p", { class: "line", text: say(text) });
const art = (name) => el("div", { class: "art" }, picture(name));
/** Where the party is, wherever one looks from: its invitation names the hour. Appointments are in the reader's own time, as in the thread. */
const THERE = { timeZone: "Europe/Paris" };
const DAY = { weekday: "long", day: "numeric", month: "long" };
const HOUR = { hour: "numeric", minute: "2-digit" };

function leaf(date) {
  const [month, day] = [format(date, { month: "short" }), format(date, { day: "numeric" })];
  return el("div", { class: "art leaf", "aria-hidden": "true" }, el("span", { text: month }), el("span", { text: day }));
}

/** All that an ad needs: with whom, and about what. The inbox below opens what it finds. */
const contact = () => el("causerie-contact-button", {
  "full-width": "",
  "recipient-id": "bob", "context-type": "AD", "context-id": "ad-456", "context-title": "iPhone 14 Pro", text: say(["Contact the seller", "Contacter le vendeur"]),
});

const CARDS = {
  ad: (as) => [
    art("phone"),
    kicker(as === "bob" ? ["Your ad · online", "Votre annonce · en ligne"] : ["Phones · Lyon", "Téléphones · Lyon"]),
    h1("iPhone 14 Pro"),
    el("p", { class: "price", text: format(620, { style: "currency", currency: "EUR", maximumFractionDigits: 0 }) }),
    line(["128 GB, space black, like new, in its box.", "128 Go, noir sidéral, comme neuf, dans sa boîte."]),
    as === "bob" && line(["128 views, 9 favourites", "128 vues, 9 favoris"]),
  ],
  appointment: (as) => as === "salon" ? [
    leaf(BOOKED),
    kicker(["Diary", "Agenda"]),
    dated("h1", BOOKED, DAY),
    el("ul", { class: "slots" }, ...[[-90, ["Brushing · Lucie", "Brushing · Lucie"]], [0, ["Cut and colour · Alice Martin", "Coupe et couleur · Alice Martin"]], [180, ["Free", "Libre"]]]
      .map(([minutes, what]) => el("li", { class: !minutes && "now" }, el("time", { text: format(new Date(+BOOKED + minutes * 60_000), HOUR) }), say(what)))),
  ] : [
    leaf(BOOKED),
    kicker(["Your appointment", "Votre rendez-vous"]),
    h1(say(["Cut and colour", "Coupe et couleur"])),
    dated("p", BOOKED, { ...DAY, ...HOUR }),
    line(["With Inès, about two hours. Moved at the salon’s request.", "Avec Inès, deux heures environ. Déplacé à la demande du salon."]),
  ],
  group: () => [
    art("party"),
    kicker(["Salon Lumière invites", "Salon Lumière invite"]),
    h1(say(["Opening night", "Soirée d’ouverture"])),
    dated("p", OPENING, { ...DAY, ...HOUR, ...THERE }),
    line(["12, rue des Lilas. Music, a buffet, and the new chairs.", "12, rue des Lilas. De la musique, un buffet et les nouveaux fauteuils."]),
  ],
  tenants: (as) => as === "alice" ? [
    art("phone"),
    kicker(["Marketplace", "Petites annonces"]),
    h1(say(["Hello Alice Martin", "Bonjour Alice Martin"])),
    el("p", { class: "claims" }, el("code", { text: "sub: alice" }), el("code", { text: "tenant: default" })),
    line(["One ad followed, one appointment, one invitation.", "Une annonce suivie, un rendez-vous, une invitation."]),
  ] : [
    el("div", { class: "art flame" }, picture("brigade")),
    kicker(["Fire brigade", "Sapeurs-pompiers"]),
    h1(say(["Hello Alice Renard", "Bonjour Alice Renard"])),
    el("p", { class: "claims" }, el("code", { text: "sub: alice" }), el("code", { text: "tenant: caserne" })),
    line(["Night watch from 8 pm, with Karim Benali.", "Garde de nuit dès 20 h, avec Karim Benali."]),
  ],
};

const siteOf = (story, as) => as.endsWith("@caserne") ? "brigade" : { ad: "market", tenants: "market" }[story] ?? "salon";

/** What a browser would show as the page's address. */
export const addressOf = (story, as) => SITES[siteOf(story, as)].address;

export function drawHost(story, as) {
  const site = siteOf(story, as);
  const { name } = SITES[site];
  const { name: me } = STORIES[story].people.find((person) => person.as === as);
  document.documentElement.dataset.site = site;
  document.title = `${name} · ${me}`;
  document.querySelector(".brand").replaceChildren(picture(site), name);
  document.querySelector(".me").textContent = me;
  // Side by side in one window, their landmarks are told apart by whose they are.
  for (const [landmark, what] of [[".top", name], ["main", "Page"], ["#messages", "Messages"]]) document.querySelector(landmark).setAttribute("aria-label", `${what} · ${me}`);
  // What follows the picture stands beside it, as one block.
  const [shown, ...texts] = CARDS[story](as);
  document.querySelector(".card").replaceChildren(shown, el("div", { class: "about" }, ...texts));
  if (story === "ad" && as !== "bob") document.querySelector(".card").append(contact());
}
