/**
 * docs/samples/page.html and messages.js in a real browser, below the guide's policy, on a site whose backend is here: who
 * is logged in is said by docs/samples/messages_token.mjs. The service is where the guide's nginx lines put it.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { messagesToken } from "../../../docs/samples/messages_token.mjs";
import { play, until } from "../../browser/stage.mjs";

const { SITE } = process.env;
const read = (path) => readFile(new URL(`../../../docs/${path}`, import.meta.url), "utf8");
const [policy] = /^script-src .*$/m.exec(await read("integrate.md"));
const html = await read("samples/page.html");
const page = (body) => ({ contentType: "text/html", body, headers: { "Content-Security-Policy": `default-src 'none'; ${policy}` } });
// As the file says: the inbox is on a page of its own. All on one page is tried as well.
const ad = page(html.replace("<causerie-inbox></causerie-inbox>", ""));
const script = { contentType: "text/javascript", body: await read("samples/messages.js") };

/** A browser in which `person` is logged in; nobody is, where there is none. */
async function visit(browser, path, person) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(Number(process.env.PATIENCE ?? 60_000));
  const answer = (at, what) => context.route((url) => url.origin === SITE && url.pathname === at, (route) => route.fulfill(what()));
  await answer("/ad", () => ad);
  for (const at of ["/all", "/messages", "/login"]) await answer(at, () => page(html));
  await answer("/messages.js", () => script);
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

  const again = await visit(browser, "/all", { id: "ann", name: "Ann Lee" });
  await again.getByRole("button", { name: "Contact the seller" }).click();
  await said(again, "Yes, come at six.").waitFor();
  assert.equal(new URL(again.url()).pathname, "/all", "an inbox on the same page opens it there");
  assert.deepEqual([stranger, ben, ann, again].flatMap(({ complaints }) => complaints), []);
});
