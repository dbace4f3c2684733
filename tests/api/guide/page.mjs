/**
 * docs/samples/page.html, messages.js and toasts.js in a real browser, below the guide's policy, on a site whose backend is here: who
 * is logged in is said by docs/samples/messages_token.mjs. The service is where the guide's nginx lines put it.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { messagesToken } from "../../../docs/samples/messages_token.mjs";
import { play, token, until } from "../../browser/stage.mjs";

const { SITE, CAUSERIE_JWT_SECRET } = process.env;
process.env.SECRET = CAUSERIE_JWT_SECRET;
const read = (path) => readFile(new URL(`../../../docs/${path}`, import.meta.url), "utf8");
const [policy] = /^script-src .*$/m.exec(await read("integrate.md"));
const html = await read("samples/page.html");
const page = (body) => ({ contentType: "text/html", body, headers: { "Content-Security-Policy": `default-src 'none'; ${policy}` } });
// As the file says: the inbox is on a page of its own. All on one page is tried as well.
const ad = page(html.replace("<causerie-inbox></causerie-inbox>", ""));
const [script, toasts] = await Promise.all(["messages.js", "toasts.js"].map(async (name) => ({ contentType: "text/javascript", body: await read(`samples/${name}`) })));

/** A browser in which `person` is logged in; nobody is, where there is none. */
async function visit(browser, path, person) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(Number(process.env.PATIENCE ?? 60_000));
  const answer = (at, what) => context.route((url) => url.origin === SITE && url.pathname === at, (route) => route.fulfill(what()));
  await answer("/ad", () => ad);
  for (const at of ["/all", "/messages", "/login"]) await answer(at, () => page(html));
  await answer("/messages.js", () => script);
  await answer("/toasts.js", () => toasts);
  await answer("/api/messages-token", () => person ? { json: { token: messagesToken(person) } } : { status: 401 });
  const made = await context.newPage();
  made.complaints = [];
  made.on("pageerror", (error) => made.complaints.push(String(error)));
  made.on("console", (line) => { if (/Content Security Policy/.test(line.text())) made.complaints.push(line.text()); });
  await made.goto(SITE + path);
  return made;
}

const write = async (on, text) => {
  const box = on.getByRole("textbox", { name: "Write a message" });
  await box.fill(text);
  await box.press("Enter");
};
const said = (on, text) => on.locator("causerie-thread [part=message]", { hasText: text });

await play(async (browser) => {
  const stranger = await visit(browser, "/ad");
  await stranger.getByRole("button", { name: "Contact the seller" }).click();
  await until(stranger, () => location.pathname === "/login");
  assert.equal(new URL(stranger.url()).searchParams.get("next"), "/ad");
  console.log("a stranger is sent to the login, and from there back");

  const ben = await visit(browser, "/messages", { id: "ben", name: "Ben Okri" });
  await ben.getByText("No conversation").first().waitFor();
  const ann = await visit(browser, "/ad", { id: "ann", name: "Ann Lee", picture: "https://www.example.org/ann.jpg" });
  await ann.getByRole("button", { name: "Contact the seller" }).click();
  await until(ann, () => location.pathname === "/messages" && location.search.includes("conversation="));
  await write(ann, "Is it still there?");
  await ben.locator("causerie-badge").getByLabel("1 unread message").waitFor();
  await ben.locator("causerie-inbox [part=row]", { hasText: "iPhone 14 Pro" }).click();
  await said(ben, "Is it still there?").waitFor();
  await write(ben, "Yes, come at six.");
  await said(ann, "Yes, come at six.").waitFor();
  console.log("the button, the badge, the inbox: each has the other's message");

  await ann.addScriptTag({ url: "/toasts.js", type: "module" });
  const env = { ...process.env, no_proxy: "*", CAUSERIE_URL: `${SITE}/causerie`, TOKEN: token("backend", { role: "service" }) };
  await promisify(execFile)("sh", [fileURLToPath(new URL("../../../docs/samples/notify.sh", import.meta.url))], { env });
  await ann.locator(".toast", { hasText: "Your haircut was moved" }).waitFor();
  await ann.getByRole("button", { name: "1 unread notification" }).click();
  assert.equal(await ann.locator("causerie-bell [part=row]", { hasText: "with Inès" }).getAttribute("href"), `${SITE}/appointments/7`);
  console.log("the bell: what the backend tells is counted, shown as the page likes, and leads to its own pages");

  const again = await visit(browser, "/all", { id: "ann", name: "Ann Lee" });
  await again.getByRole("button", { name: "Contact the seller" }).click();
  await said(again, "Yes, come at six.").waitFor();
  assert.equal(new URL(again.url()).pathname, "/all", "an inbox on the same page opens it there");
  assert.deepEqual([stranger, ben, ann, again].flatMap(({ complaints }) => complaints), []);
});
