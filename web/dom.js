/**
 * The few lines about the DOM that every part of the page uses. Text goes in as text only, never as markup.
 */

/** `el("p", { class: "note", text: "…" }, child, …)`; a value of null or false leaves an attribute out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const known = new WeakMap();

/** The elements below `root` that are marked `data-part`, by name; looked for once. */
export function parts(root) {
  const found = known.get(root) ?? Object.fromEntries([...root.querySelectorAll("[data-part]")].map((node) => [node.dataset.part, node]));
  known.set(root, found);
  return found;
}

/** Only a change is written: what stands still is not announced again, and a selection in it survives. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The same for an attribute; one that is written anew costs a restyle even if it says the same. */
export function mark(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** A button that says what it does; which one it is of its element's, `data-do` says to who listens there. */
export const action = (name) => el("button", { type: "button", "data-do": name, "data-part": name });

/**
 * Makes `parent` show `items` in order, keeping the elements of those already there, and the focus.
 * @template Item
 * @param {Element} parent
 * @param {(Item & {key: string})[]} items
 * @param {(item: Item) => HTMLElement} create the element, once
 * @param {(element: HTMLElement, item: Item) => void} update what may change in it, each time
 */
export function reconcile(parent, items, create, update) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const kept = new Set(items.map((item) => item.key));
  const there = new Map();
  for (const node of [...parent.children]) kept.has(node.dataset.key) ? there.set(node.dataset.key, node) : node.remove();
  let at = parent.firstElementChild;
  for (const item of items) {
    const node = there.get(item.key) ?? create(item);
    mark(node, "data-key", item.key);
    update(node, item);
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

/** Runs `render` before the next frame, once, however often it is asked for; a hidden page waits until it is seen. */
export function soon(render) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; render(); });
  };
}
