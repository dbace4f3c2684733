/** The page at `/`: two people side by side. Who they are comes from `/demo.json`, which only development answers. */
import { el } from "./dom.js";
import { Pane } from "./pane.js";
import { language, languages, setLanguage, translate } from "./strings.js";

const SIDES = [
  { name: "left", person: 0, transport: "stream" },
  { name: "right", person: 1, transport: "long-poll" },
];

/** @type {Pane[]} */
let panes = [];

function build({ people, conversationId }) {
  const template = document.querySelector("#pane");
  panes = SIDES.map((side) => {
    const element = template.content.cloneNode(true).firstElementChild;
    element.dataset.tLabel = side.name;
    document.querySelector("main").append(element);
    translate(document);
    return new Pane(element, people, { ...side, conversationId });
  });
}

/** Instead of the panes: what this is, or that it does not answer. */
function tell(key) {
  document.body.classList.add("bare");
  const links = [["/docs", "docs"], ["/openapi.json", "openapi"]].map(([href, word]) => el("a", { href, "data-t": word }));
  document.querySelector("main").append(el("div", { class: "tell" }, el("p", { "data-t": key }), el("nav", {}, ...links)));
  translate(document);
}

function offerLanguages() {
  const select = document.querySelector("#language");
  const names = (code) => new Intl.DisplayNames(code, { type: "language" }).of(code);
  select.append(...languages.map((code) => el("option", { value: code, lang: code, text: names(code) })));
  select.value = language();
  select.addEventListener("change", () => {
    setLanguage(select.value);
    translate(document);
    panes.forEach((pane) => pane.render());
  });
}

offerLanguages();
translate(document);
const response = await fetch("/demo.json", { cache: "no-store", credentials: "omit" }).catch(() => null);
if (response?.ok) build(await response.json());
else tell(response?.status === 404 ? "about" : "unreachable");
