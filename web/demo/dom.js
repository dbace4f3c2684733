/** A few lines about the DOM: texts go in as text only. */

/** `el("p", { class: "why", text: "…", click: () => … }, child, …)`: a function listens; null and false leave out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name === "text") element.textContent = value;
    else if (value != null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

/** One of the pictures that the page holds as symbols. */
export function picture(name) {
  const [svg, use] = ["svg", "use"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

/** Only a change is written: what stands still is not announced again. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
