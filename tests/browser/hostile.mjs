/**
 * Names, subjects, titles, file names, messages and addresses of people who mean ill, on a desk and on a phone: all of it is
 * shown as text, nothing of it runs, becomes an element, asks for an address, or pushes the page out of its width.
 */
import assert from "node:assert/strict";
import { composer, rows, said, typing } from "./reader.mjs";
import { call, context, heard, play, token, until, visit } from "./stage.mjs";

const { BASE } = process.env;
const RUN = "window.pwned=1";
const TEXTS = [
  `<img src=x onerror="${RUN}">`,
  `<script>${RUN}</script>`,
  `</bdi></li></ol><a href="javascript:${RUN}">here</a><svg onload="${RUN}">`,
  `"'><iframe srcdoc="&lt;script&gt;parent.pwned=1&lt;/script&gt;">`,
  "&lt;b&gt; {name} {count} ${7*7} {{7*7}} $& $1 %s \\u003cb\\u003e",
  `javascript:${RUN} data:text/html,<script>${RUN}</script> vbscript:x`,
  `https://x.invalid/"onmouseover="${RUN}" mailto:a@b.invalid?body=<b>`,
  "\u202Efdp.exe \u2066\u2067\u202B reversed",
  "a\u200Bb\u200Dc\uFEFFd\u2060e\u00ADf",
  "W".repeat(4000),
  `https://long.invalid/${"w".repeat(3000)}`,
  "👨‍👩‍👧‍👦🏳️‍🌈🇫🇷👍🏽".repeat(120),
  `Z${"\u0351\u036B\u0343\u036A\u0302".repeat(40)}algo`,
  "مرحبا שלום — mixed 123 ordinary",
  "__proto__",
];
/** What stands in the service's answers instead of the addresses that it took: it would not take these. */
const ADDRESSES = [
  `javascript:${RUN}`, ` JaVa\tScRiPt:${RUN}`, `data:text/html,<script>${RUN}</script>`, `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='${RUN}'/>`,
  "blob:https://x.invalid/1", "file:///etc/passwd", "http://x.invalid/1.png", "//x.invalid/1.png", "ftp://x.invalid/1", "vbscript:x", "about:blank", "https://", "filesystem:https://x.invalid/1", "ws://x.invalid", "x:y",
];
const addressOf = (n) => `https://address.invalid/${n}`;
const short = (text, most) => [...text].slice(0, most).join("");
/** As a name may be: the service refuses what would turn the direction of all that follows, and keeps names in NFC. */
const line = (text, most) => short(text, most).replace(/[\u202A-\u202E\u2066-\u2069]/g, "").normalize("NFC");
const named = (text) => line(text, 100);
const VIEWS = { desk: { viewport: { width: 1280, height: 900 } }, phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } };
/** All that the elements are made of. */
const TAGS = "a b bdi button causerie-badge causerie-bell causerie-contact-button causerie-inbox causerie-thread dialog div form h1 h2 header input label li main ol p path section slot small span svg textarea time ul".split(" ");

/** Each of them writes to Alice about something, with a picture and a file; and all are in one group. */
async function prepare(alice) {
  const backend = token("backend", { role: "service" });
  await call(BASE, alice, "GET", "/v1/me");
  const people = [];
  for (const [n, text] of TEXTS.entries()) {
    const his = token(`h${n}`, { name: named(text) });
    const about = { type: "AD", id: `ad-${n}`, title: line(text, 150), url: addressOf(n), imageUrl: addressOf(n) };
    const { id } = await call(BASE, his, "POST", "/v1/conversations", { type: "PRIVATE", recipientId: "alice", subject: line(text, 150), context: about });
    const attachments = ["image/png", "application/pdf"].map((type) => ({ url: addressOf(n), type, fileName: line(text, 120) }));
    await call(BASE, his, "POST", `/v1/conversations/${id}/messages`, { content: text, attachments });
    people.push({ id, token: his, text, user: `h${n}` });
  }
  const members = people.map(({ user }) => user);
  const group = await call(BASE, alice, "POST", "/v1/conversations", { type: "GROUP", memberIds: members, subject: short(TEXTS[0], 150) });
  for (const { token, text } of people.slice(0, 9)) await call(BASE, token, "POST", `/v1/conversations/${group.id}/messages`, { content: text });
  await call(BASE, backend, "POST", `/v1/conversations/${group.id}/messages`, { content: TEXTS[1] });
  return { people, group };
}

/** As if the service had let the addresses through. */
async function spoil(made) {
  let spoiled = 0;
  await made.route(({ pathname }) => pathname === "/v1/sync" || pathname.startsWith("/v1/conversations"), async (route) => {
    if (route.request().method() !== "GET") return route.fallback();
    const response = await route.fetch();
    const text = await response.text();
    const body = text.replace(/"https:\/\/address\.invalid\/(\d+)"/g, (_, n) => (spoiled++, JSON.stringify(ADDRESSES[n])));
    return route.fulfill({ response, body });
  });
  return () => spoiled;
}

/** Runs in the page: what is on it that must not be, in words. */
function faults(tags) {
  const found = [];
  const roots = [document];
  for (const root of roots) {
    for (const element of root.querySelectorAll(root === document ? "body *" : "*")) {
      const { localName, shadowRoot, scrollWidth, clientWidth } = element;
      if (shadowRoot) roots.push(shadowRoot);
      if (!tags.includes(localName)) found.push(`an element <${localName}>`);
      for (const { name, value } of element.attributes) if (name.startsWith("on") || name === "srcdoc") found.push(`${name}=${value}`);
      if (localName === "a" && !/^(https?|mailto):/.test(element.protocol && `${element.protocol}`)) found.push(`a link to ${element.href}`);
      if (localName === "a" && element.rel !== "noopener noreferrer nofollow ugc") found.push(`a link with rel ${element.rel}`);
      const scrolls = ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
      if (scrolls && clientWidth && scrollWidth > clientWidth + 1) found.push(`<${localName} class="${element.className}">: ${scrollWidth} wide in ${clientWidth}`);
    }
  }
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) found.push(`the page: ${scrollWidth} wide in ${innerWidth}`);
  if (window.pwned) found.push("a script ran");
  return found;
}

const shown = (locator) => locator.allTextContents();

async function look(page, where) {
  assert.deepEqual(await page.evaluate(faults, TAGS), [], where);
}

async function visitAll(page, { people, group }) {
  await rows(page).nth(TEXTS.length).waitFor();
  await look(page, "the list");
  const titles = await shown(page.locator("causerie-inbox [part=row] .title"));
  for (const { text } of people) assert.ok(titles.includes(named(text)), `a row of ${named(text)}`);
  for (const { id, text } of people) {
    await page.evaluate((id) => document.querySelector("causerie-inbox").open(id), id);
    const bubble = page.locator("causerie-thread [part=message] .text").first();
    await until(page, ({ text, id }) => {
      const { shadowRoot } = document.querySelector("causerie-inbox");
      const thread = shadowRoot.querySelector("causerie-thread");
      return thread.getAttribute("conversation-id") === id && thread.shadowRoot.querySelector("[part=message] .text")?.textContent === text;
    }, { text, id });
    assert.equal(await bubble.textContent(), text);
    assert.equal(await page.locator("causerie-thread [part=title]").textContent(), named(text));
    await look(page, `the message ${short(text, 60)}`);
  }
  await page.evaluate((id) => document.querySelector("causerie-inbox").open(id), group.id);
  await said(page, TEXTS[1]).first().waitFor();
  await look(page, "the group");
}

/** Menus and dialogs in which names and texts are said again. */
async function openAll(page, { people, group }) {
  await said(page, TEXTS[2]).first().getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Reply" }).click();
  await look(page, "a reply");
  await composer(page).fill(TEXTS[2]);
  await composer(page).press("Enter");
  await page.locator("causerie-thread [part=quote]").filter({ visible: true }).first().waitFor();
  await look(page, "an answer");
  await call(BASE, people[0].token, "PUT", `/v1/conversations/${group.id}/typing`, { isTyping: true });
  await typing(page).waitFor();
  await look(page, "who is typing");
  await page.locator("causerie-thread [part=menu-button]").click();
  await page.getByRole("menuitem", { name: "Members" }).click();
  await page.getByRole("dialog").getByRole("listitem").nth(TEXTS.length).waitFor();
  await look(page, "the members");
  await page.getByRole("button", { name: /^Remove : / }).first().click();
  await page.getByRole("dialog", { name: /^Remove / }).waitFor();
  await look(page, "the question");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  const back = page.getByRole("button", { name: "Back", exact: true });
  if (await back.isVisible()) await back.click();
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.getByRole("dialog").getByRole("checkbox").nth(TEXTS.length - 1).waitFor();
  await page.getByRole("dialog").getByRole("textbox").first().fill(TEXTS[0]);
  await page.getByRole("dialog").getByRole("checkbox").first().check();
  await look(page, "a new conversation");
  await page.keyboard.press("Escape");
}

await play(async (browser) => {
  const alice = token("alice", { name: TEXTS[0] });
  const prepared = await prepare(alice);
  for (const [name, view] of Object.entries(VIEWS)) {
    const made = await context(browser, view);
    const spoiled = await spoil(made);
    const asked = [];
    made.on("request", (request) => asked.push(request.url()));
    made.on("page", (page) => asked.push(page.url()));
    const page = await visit(made, BASE, alice);
    await visitAll(page, prepared);
    await openAll(page, prepared);
    await page.goto(`${BASE}/host.html?conversation=${encodeURIComponent(TEXTS[0])}#${encodeURIComponent(alice)}`);
    await page.getByText("Conversation not found.").waitFor();
    await look(page, "a conversation that the address makes up");
    assert.deepEqual(asked.filter((url) => !url.startsWith(BASE) && url !== "about:blank"), []);
    assert.ok(spoiled() > ADDRESSES.length, "the addresses have come");
    assert.deepEqual(page.complaints, []);
    assert.ok(!(await heard(page)).some((text) => text?.startsWith("resync")));
    console.log(`${name}: ${TEXTS.length} texts and ${ADDRESSES.length} addresses, shown as text`);
    await made.unrouteAll({ behavior: "ignoreErrors" });
    await made.close();
  }
});
