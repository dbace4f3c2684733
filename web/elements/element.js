/**
 * What the elements have in common: a few lines about the DOM, where text goes in as text only; the page's client; a
 * shadow root with its style, the reader's language, one draw a frame. @import { Options } from "../client.js"
 */
import { Causerie } from "../client.js";
import { Words, wordsOf } from "./strings.js";
import { theme } from "./style.js";

/**
 * `el("button", { class: "main", text: "…", click: () => … }, child, …)`: a function listens; null and false leave out.
 * @template {keyof HTMLElementTagNameMap} Tag @param {Tag} tag @param {C.Attributes} [attributes] @param {...(Node | string)} children
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name === "text") element.textContent = String(value);
    else if (value != null && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** @param {C.Attributes} attributes @param {...(Node | string)} children */
export const button = (attributes, ...children) => el("button", { type: "button", ...attributes }, ...children);

/** Drawn here: a strict policy allows no `data:` images. */
const ICONS = {
  more: "M5 11.6v.8M12 11.6v.8M19 11.6v.8", back: "M15 5l-7 7 7 7", send: "M5 12l15-7-5 15-3-6z", close: "M6 6l12 12M18 6L6 18", plus: "M12 5v14M5 12h14",
  down: "M12 5v14M6 13l6 6 6-6", up: "M12 19V5M6 11l6-6 6 6", file: "M14 3H6v18h12V7zM14 3v4h4", bell: "M6 9.500a6 6 0 0 1 12 0c0 5.500 2.200 7.500 2.200 7.500H3.800S6 15 6 9.500M10 20.500a2.200 2.200 0 0 0 4 0", bubble: "M21 12a8 8 0 0 1-8 8H4l1.8-3.2A8 8 0 1 1 21 12z",
};

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  mark(svg, "viewBox", "0 0 24 24");
  mark(svg, "aria-hidden", "true");
  mark(path, "d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows an icon alone. @param {keyof typeof ICONS} name @param {string} label @param {C.Attributes} [attributes] */
export const tool = (name, label, attributes) => button({ class: "tool", "data-l": label, ...attributes }, icon(name));

/** Only a change is written: what stands still is not announced again. @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The same for an attribute; null takes it away. @param {Element} element @param {string} name @param {string | null} value */
export function mark(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** What has the focus in the shadow root of `node`. @param {Node} node */
export const focused = (node) => /** @type {HTMLElement | null} */ (/** @type {ShadowRoot} */ (node.getRootNode()).activeElement);

/** An address one may follow, or null: what others wrote may say `javascript:`. @param {string | null | undefined} url @param {RegExp} [allowed] */
export function safe(url, allowed = /^https?:$/) {
  const parsed = url && URL.canParse(url, document.baseURI) ? new URL(url, document.baseURI) : null;
  return parsed && allowed.test(parsed.protocol) ? parsed.href : null;
}

/** What others sent is shown from https alone. @param {string | null | undefined} url */
export const secure = (url) => safe(url, /^https:$/);

/** The children of an element, one for each item, kept by key: what stays keeps its focus. @template {{key: string}} Item */
export class Rows {
  /** @type {Map<string, C.Row<Item>>} */ #rows = new Map();

  /** @param {HTMLElement} parent @param {(item: Item) => C.Row<Item>} create */
  constructor(parent, create) {
    this.parent = parent;
    this.create = create;
  }

  /** @param {string} key */
  node(key) { return this.#rows.get(key)?.node; }

  /** @param {Item[]} items */
  update(items) {
    const active = focused(this.parent);
    const kept = new Set(items.map(({ key }) => key));
    for (const [key, { node }] of this.#rows) if (!kept.has(key) && this.#rows.delete(key)) node.remove();
    let at = this.parent.firstElementChild;
    for (const item of items) {
      const row = this.#rows.get(item.key) ?? this.create(item);
      this.#rows.set(item.key, row);
      row.update(item);
      if (row.node === at) at = at.nextElementSibling;
      else this.parent.insertBefore(row.node, at);
    }
    if (active?.isConnected && focused(this.parent) !== active) active.focus({ preventScroll: true });
  }
}

/**
 * One stop for the Tab key among the buttons in `list`; the arrows go on from there.
 * @param {HTMLElement} list @param {string} selector @param {number} [first] which one it is at first @returns {() => void} settles it, once they changed
 */
export function rove(list, selector, first = 0) {
  const all = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll(selector)]);
  const settle = () => {
    const items = all();
    const stop = items.find((item) => item === focused(list)) ?? items.find((item) => item.tabIndex === 0) ?? items.at(first);
    for (const item of items) item.tabIndex = item === stop ? 0 : -1;
  };
  list.addEventListener("focusin", settle);
  list.addEventListener("keydown", (event) => {
    const items = all();
    const at = items.findIndex((item) => item === focused(list));
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: items.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    items[to]?.focus();
  });
  return settle;
}

/** Addresses that say what they are. Bounded, for the time that the next line takes. */
const LINK = /(?:https?:\/\/|mailto:)[^\s<>"“”«»]{1,2000}/gi;
/** A sentence's own signs are no part of an address; a bracket is, where the address opened it. */
const TAIL = /(?:[.,;:!?'’*_~…]|(?<!\([^()]*)\)|[\]}])+$/;

/** Text with its addresses as links. @param {Element} element @param {string} text */
export function write(element, text) {
  if (element.textContent === text) return;
  let from = 0;
  element.replaceChildren();
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const shown = found.replace(TAIL, "");
    const href = safe(shown, /^(https?|mailto):$/);
    if (!href) continue;
    element.append(text.slice(from, index), anchor(href, shown));
    from = index + shown.length;
  }
  element.append(text.slice(from));
}

/** @param {string} href an address that was checked @param {string} text */
export const anchor = (href, text = "") => el("a", { href, text, target: "_blank", rel: "noopener noreferrer nofollow ugc" });

/** Words what always says the same: `data-t` its text, `data-l` its accessible name, `data-p` a placeholder. @param {ParentNode} root @param {C.Words} words */
export function translate(root, words) {
  for (const node of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-t], [data-l]"))) {
    const { t, l, p } = node.dataset;
    if (t) say(node, words.t(t));
    if (l) mark(node, "aria-label", words.t(l));
    if (l && node.localName === "button") node.title = words.t(l);
    if (p) mark(node, "placeholder", words.t(p));
  }
}

/** @type {C.Client | null} */ let shared = null;
/** Made here, hence ended here. @type {Causerie | null} */ let made = null;
/** @type {Set<CauserieElement>} */ const elements = new Set();

/** Gives the elements a client that the caller starts and stops. @param {Causerie | null} client */
export function connect(client) {
  shared = client;
  for (const element of elements) element.bind();
}

/** Makes the page's client and starts it. @param {Options} options @returns {Causerie} */
export function configure(options) {
  made?.stop();
  const causerie = made = new Causerie(options);
  causerie.start();
  connect(causerie);
  return causerie;
}

export class CauserieElement extends HTMLElement {
  static reports = ["state"];
  static sheet = theme;

  root = this.attachShadow({ mode: "open" });
  words = new Words("en");
  /** @type {C.Words | null} */ #worded = null;
  /** @type {C.Client | null} */ #own = null;
  /** @type {C.Client | null} */ #bound = null;
  /** @type {(() => void)[]} */ #offs = [];
  #isAsked = false;
  /** Whose it was when it was drawn last. */
  #person = "";
  redraw = () => {
    if (!this.#isAsked) requestAnimationFrame(() => this.#draw());
    this.#isAsked = true;
  };

  constructor() {
    super();
    // Constructed sheets need no `style-src` in the site's Content-Security-Policy.
    this.root.adoptedStyleSheets = [theme, /** @type {typeof CauserieElement} */ (this.constructor).sheet];
  }

  /** @returns {C.Client | null} the page's client, or this element's own */
  get causerie() { return this.#own ?? shared; }

  set causerie(client) {
    this.#own = client;
    this.bind();
  }

  connectedCallback() {
    elements.add(this);
    // Set before this class was known, it hides the accessor.
    const { causerie } = this;
    if (Reflect.deleteProperty(this, "causerie") && causerie !== shared) this.#own = causerie;
    this.bind();
    this.redraw();
  }

  disconnectedCallback() {
    elements.delete(this);
    this.#listen(null);
  }

  attributeChangedCallback() { this.redraw(); }

  bind() {
    if (this.isConnected && this.causerie !== this.#bound) this.#listen(this.causerie);
  }

  /** @param {C.Client | null} client */
  #listen(client) {
    for (const off of this.#offs) off();
    this.#bound = client;
    const { reports } = /** @type {typeof CauserieElement} */ (this.constructor);
    this.#offs = client ? reports.map((type) => client.on(type, (detail) => this.reported(detail))) : [];
    this.redraw();
  }

  /** @param {any} _detail */
  reported(_detail) { this.redraw(); }

  #draw() {
    this.#isAsked = false;
    if (!this.isConnected) return;
    this.words = wordsOf(this);
    if (this.#worded !== this.words) translate(this.root, this.words);
    this.#worded = this.words;
    const person = this.causerie?.me?.id ?? "";
    if (this.#person && this.#person !== person) this.forget();
    this.#person = person;
    this.draw();
  }

  draw() {}

  /** The person is gone, or another one now: nobody finds what was left open or begun here. */
  forget() {}

  /** @param {string} type @param {object} [detail] @returns whether what usually follows may follow */
  tell(type, detail) {
    return this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable: true }));
  }
}

// A site that changes its language without loading anew changes ours with it.
new MutationObserver(() => { for (const element of elements) element.redraw(); })
  .observe(document, { attributeFilter: ["lang"], subtree: true });
