/**
 * What the stories share: a Chromium, and a host's page with the elements on it, under the strictest policy that they
 * promise to live with. The page is answered here, for the address under test, so that every proxy gets the same one.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.CAUSERIE_TEST_TOOLS}/node/`);
const { chromium } = require("playwright-core");

/** The longest that anything may take: it catches hangs. */
export const PATIENCE = Number(process.env.PATIENCE ?? 60_000);
const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'";
const HTML = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Host</title><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><script type="module" src="/host.js"></script>
<body><header><h1>Host</h1><causerie-badge></causerie-badge><causerie-bell></causerie-bell><causerie-contact-button recipient-id="bob" context-type="AD" context-id="ad-1" context-title="Bike"></causerie-contact-button></header>
<main><causerie-inbox></causerie-inbox></main></body></html>`;

/** Whose page it is stands in the part of the address that no server sees. */
const script = `
  import { connect } from "/elements.js";
  import { Causerie } from "/client.js";
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => console.error("Content Security Policy", violatedDirective, blockedURI));
  const heard = (window.heard = []);
  const rung = (window.rung = []);
  document.addEventListener("causerie-notification", ({ detail }) => rung.push(detail.notification.title));
  const causerie = (window.causerie = new Causerie({ token: decodeURIComponent(location.hash.slice(1)) }));
  causerie.on("message.created", ({ data: { message } }) => heard.push(message.content));
  causerie.on("resync", ({ reason }) => heard.push("resync: " + reason));
  connect(causerie);
  causerie.start();
`;

/** A token as a host's backend signs it; `more` are claims, such as another name. */
export function token(id, more = {}) {
  const now = Math.floor(Date.now() / 1000);
  const parts = [{ alg: "HS256", typ: "JWT" }, { sub: id, name: id, iat: now, exp: now + 3600, ...more }];
  const said = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${said}.${createHmac("sha256", process.env.SECRET).update(said).digest("base64url")}`;
}

async function launch() {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({ executablePath: process.env.CAUSERIE_TEST_CHROMIUM ?? "/usr/bin/chromium", args });
}

/** A browser of one person; pages of it share storage, as tabs do. */
export async function context(browser, options = {}) {
  const made = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  made.setDefaultTimeout(PATIENCE);
  const answer = (body, contentType) => (route) => route.fulfill({ body, contentType, headers: { "Content-Security-Policy": POLICY } });
  await made.route(({ pathname }) => pathname === "/host.html", answer(HTML, "text/html"));
  await made.route(({ pathname }) => pathname === "/host.js", answer(script, "text/javascript"));
  return made;
}

/** A page that keeps what it said; what must not be in any story is a complaint. */
export async function listen(made) {
  const page = await made.newPage();
  page.complaints = [];
  page.said = [];
  page.on("console", (line) => page.said.push(line.text()));
  page.on("response", (response) => { if (response.status() >= 400) page.said.push(`${response.status()} ${response.url()}`); });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (line) => { if (/Content Security Policy|resync|loaded anew/.test(line.text())) page.complaints.push(line.text()); });
  return page;
}

/** The host's page, of whoever the token names. What the browser complains of fails the story. */
export async function visit(made, base, token) {
  const page = await listen(made);
  await page.goto(`${base}/host.html#${encodeURIComponent(token)}`);
  await until(page, () => window.causerie?.me).catch(async () => {
    const state = await page.evaluate(() => JSON.stringify(window.causerie?.state));
    throw new Error(`nobody is logged in: ${state}\n${page.said.join("\n")}`);
  });
  return page;
}

/** Waits for what a function of the page says to be true. */
export const until = (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: PATIENCE, polling: 100 });

/** Asks again until it is so, and gives what was last seen if it never is: what the service counts, it notices within seconds. */
export async function settles(ask, wanted) {
  for (const began = Date.now(); ;) {
    const seen = await ask();
    if (seen === wanted || Date.now() - began > PATIENCE) return seen;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export const transport = (page) => page.evaluate(() => window.causerie.state.transport);
export const rung = (page) => page.evaluate(() => window.rung);
export const heard = (page) => page.evaluate(() => window.heard);

/** A call to the service as somebody's backend or script would make it. */
export async function call(base, token, method, path, body) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const response = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** Plays a story, says what was seen, and leaves no browser behind. */
export async function play(story) {
  const browser = await launch();
  try {
    await story(browser);
  } finally {
    await browser.close();
  }
}
