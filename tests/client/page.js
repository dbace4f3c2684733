/** A page with elements on it, in a Chromium, with a stand-in for the client: no service, no network. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { tools } from "../../web/pack.mjs";

const require = createRequire(`${tools}/`);
const { chromium } = require("playwright-core");
const PATIENCE = 60_000;
export const HOST = "http://host.test";
const at = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const SCRIPTS = { "/client.js": "../../web/client.js", "/elements.js": "../../web/elements.js", "/stand-in.js": "./stand-in.js" };

let browser;
before(async () => {
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"];
  browser = await chromium.launch({ executablePath: process.env.CAUSERIE_TEST_CHROMIUM ?? "/usr/bin/chromium", args });
});
after(() => browser.close());

/** A page with these elements on it. What it complains of fails the test. */
export async function show(t, body, { path = "/", change = (text) => text, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const complaints = [];
  t.after(() => context.close().then(() => assert.deepEqual(complaints, [])));
  context.setDefaultTimeout(PATIENCE);
  await context.route("**/*", (route) => {
    const name = new URL(route.request().url()).pathname;
    if (name in SCRIPTS) return route.fulfill({ body: change(at(SCRIPTS[name])), contentType: "text/javascript" });
    const html = `<!doctype html><html lang="${options.lang ?? "en"}"><meta charset="utf-8"><title>Host</title><body><main>${body}</main><script type="module" src="/stand-in.js"></script></body></html>`;
    return route.fulfill({ body: html, contentType: "text/html" });
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(HOST + path);
  await page.waitForFunction(() => window.client);
  return page;
}

export const THREAD = '<causerie-thread conversation-id="c"></causerie-thread>';
export const drawn = (page) => page.locator("causerie-thread [part=message]").first().waitFor();
