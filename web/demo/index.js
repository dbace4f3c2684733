/** The first page: four stories, the people of one side by side, and under each of them what travels. */
import { el, put } from "/demo/dom.js";
import { addressOf } from "/demo/host.js";
import { makePanel } from "/demo/panel.js";
import { STORIES, pageOf } from "/demo/stories.js";
import { language, onLanguage, say, setLanguage, translate } from "/demo/words.js";

const find = (selector) => document.querySelector(selector);
const [tabs, story, languages] = [".tabs", "#story", ".languages"].map(find);
const { stories: ids } = await (await fetch("/demo.json")).json();

const fromAddress = () => location.hash.slice(1) in STORIES ? location.hash.slice(1) : "ad";
let current = "";
let panels = [];

/** A person: who it is, its page, and what travels. */
function makePerson({ as, name, part }) {
  const page = pageOf(current, as, ids);
  const frame = el("iframe", { src: page, "data-as": as });
  const [role, link] = [el("p", { class: "part" }), el("a", { class: "link", href: page, target: "_blank", rel: "noopener" })];
  const panel = makePanel(as, name, frame);
  const node = el("section", { class: "person", "aria-label": name },
    el("header", {}, el("span", { class: "face", "aria-hidden": "true", text: name[0] }), el("div", {}, el("h3", { text: name }), role), link),
    el("div", { class: "window" }, el("p", { class: "address", "aria-hidden": "true", text: addressOf(current, as) }), frame), panel.node);
  const draw = () => {
    put(role, say(part));
    put(link, `${say("newTab")} ↗`);
    link.setAttribute("aria-label", `${say("newTab")} : ${name}`);
    frame.title = say("page", { name });
    panel.draw();
  };
  return { node, draw, stop: panel.stop };
}

function draw() {
  const { title, text, steps } = STORIES[current];
  translate();
  document.title = say("title");
  for (const button of languages.children) button.setAttribute("aria-pressed", String(button.value === language()));
  for (const tab of tabs.children) put(tab, say(STORIES[tab.value].tab));
  put(story.querySelector("h2"), say(title));
  put(story.querySelector(".text"), say(text));
  story.querySelector("ol").replaceChildren(...steps.map((step) => el("li", { text: say(step) })));
  for (const { draw } of panels) draw();
}

/** Frames are made anew: those of the story before end with their connections. */
function show(name) {
  current = name;
  for (const { stop } of panels) stop();
  panels = STORIES[name].people.map(makePerson);
  const people = find(".people");
  people.dataset.count = panels.length;
  people.replaceChildren(...panels.map(({ node }) => node));
  for (const tab of tabs.children) {
    const isIt = tab.value === name;
    tab.setAttribute("aria-selected", String(isIt));
    tab.tabIndex = isIt ? 0 : -1;
    if (isIt) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  story.setAttribute("aria-labelledby", `tab-${name}`);
  draw();
}

function choose(name) {
  if (name === current) return;
  history.replaceState(null, "", `#${name}`);
  show(name);
}

tabs.append(...Object.keys(STORIES).map((name) => el("button", {
  type: "button", role: "tab", id: `tab-${name}`, value: name, "aria-controls": "story", click: () => choose(name),
})));
tabs.addEventListener("keydown", (event) => {
  const all = [...tabs.children];
  const at = all.indexOf(document.activeElement);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  const tab = all.at(to % all.length);
  tab.focus();
  choose(tab.value);
});
languages.addEventListener("click", ({ target: { value } }) => value && setLanguage(value));
find(".skip").addEventListener("click", (event) => {
  // The address names the story.
  event.preventDefault();
  story.focus();
});
addEventListener("hashchange", () => choose(fromAddress()));
onLanguage(draw);
show(fromAddress());
