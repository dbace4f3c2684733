/**
 * Takes the pictures in docs/screenshots: the demo and its pages, on a desk and on a phone, light and dark. It is always
 * the same morning in them. What is made of new ids differs each time: cursors, and the colours of groups.
 */
import { mkdir } from "node:fs/promises";
import { bell, notices, rows, said } from "../tests/browser/reader.mjs";
import { context, listen, play, until } from "../tests/browser/stage.mjs";

const { BASE } = process.env;
const FOLDER = new URL("../docs/screenshots/", import.meta.url).pathname;
const NOW = new Date("2027-03-10T09:24:00Z");
/** When the first message of each story was written. */
const BEGAN = { ad: "2027-03-10T08:12:00Z", appointment: "2027-03-09T16:40:00Z", group: "2027-03-08T18:05:00Z", brigade: "2027-03-09T18:30:00Z" };
const STEP_MS = 4 * 60_000;
const VIEWS = { desktop: { viewport: { width: 1280, height: 900 } }, phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } };
const { stories } = await (await fetch(`${BASE}/demo.json`)).json();
const began = new Map(Object.entries(stories).map(([story, id]) => [id, Date.parse(BEGAN[story])]));

/** Between one notification and the next. */
const APART_MS = 130 * 60_000;

/** Messages were written minutes apart, not all at the demo's start; so was what the site told. */
function date(value) {
  if (!value || typeof value !== "object") return;
  const { conversationId, seq, lastMessage } = value;
  const { items = [] } = value;
  for (const [at, one] of items.entries?.() ?? []) if ("deliverAt" in one) one.createdAt = new Date(NOW - (at + 0.3) * APART_MS).toISOString();
  if (began.has(conversationId) && seq) value.createdAt = new Date(began.get(conversationId) + seq * STEP_MS).toISOString();
  for (const one of Object.values(value)) date(one);
  if (lastMessage) value.lastMessageAt = lastMessage.createdAt;
}

async function redate(made) {
  await made.route(({ pathname }) => pathname === "/v1/sync" || pathname === "/v1/notifications" || pathname.startsWith("/v1/conversations"), async (route) => {
    if (route.request().method() !== "GET") return route.fallback();
    const response = await route.fetch();
    const body = await response.text();
    if (!body.startsWith("{")) return route.fulfill({ response });
    const json = JSON.parse(body);
    date(json);
    return route.fulfill({ response, json });
  });
}

const person = (story, as, conversation) => `/demo/person.html?${new URLSearchParams({ story, as, ...(conversation && { conversation: stories[conversation] }) })}`;
/** Connected, and what is seen is read: no picture shows what passes in a moment. */
const thread = async (page) => {
  await said(page, /./).last().waitFor();
  await until(page, () => {
    const { causerie } = document.querySelector("causerie-inbox");
    return causerie.state.status === "live" && !causerie.unread.of(new URLSearchParams(location.search).get("conversation"));
  });
};
const list = (page) => rows(page).nth(2).waitFor();
/** Two are there; the older one is read. */
const rung = async (page) => {
  await thread(page);
  await bell(page).click();
  await notices(page).nth(1).waitFor();
  await page.locator("causerie-bell").evaluate(({ causerie: { notifications } }) => notifications.markAsRead(notifications.items[1].id));
  await page.locator("causerie-bell .row:not(.unread)").waitFor();
};
const frame = (page, as) => page.frameLocator(`iframe[data-as="${as}"]`);

/** What is seen, on what, where it is in the demo, what is done there. The lists come before anybody reads. */
const PICTURES = [
  ["demo", "desktop", "light", "/demo", async (page) => {
    await frame(page, "alice").getByRole("button", { name: "Contacter le vendeur" }).click();
    await said(frame(page, "alice"), "Parfait").waitFor();
    await page.locator(".panel[data-transport=stream]").nth(1).waitFor();
    await frame(page, "alice").getByText("En ligne").waitFor();
  }],
  ["demo", "desktop", "dark", "/demo#group", async (page) => {
    for (const as of ["salon", "alice", "bob"]) await said(frame(page, as), "musique").waitFor();
  }],
  ["demo", "phone", "light", "/demo#appointment", (page) => said(frame(page, "alice"), "Merci").waitFor()],
  ["list", "phone", "light", person("group", "alice"), list],
  ["list", "phone", "dark", person("group", "alice"), list],
  ["inbox", "desktop", "light", person("ad", "bob", "ad"), thread],
  ["inbox", "desktop", "dark", person("appointment", "alice", "appointment"), thread],
  ["thread", "phone", "light", person("group", "bob", "group"), thread],
  ["thread", "phone", "dark", person("ad", "bob", "ad"), thread],
  ["menu", "desktop", "light", person("group", "salon", "group"), async (page) => {
    await thread(page);
    await said(page, "19 h 30").first().getByRole("button", { name: "Actions" }).click();
    await page.getByRole("menu").waitFor();
  }],
  ["dialog", "desktop", "dark", person("group", "salon", "group"), async (page) => {
    await thread(page);
    await page.locator("causerie-thread [part=menu-button]").click();
    await page.getByRole("menuitem", { name: "Membres" }).click();
    await page.getByRole("dialog").getByText("Bob Durand").first().waitFor();
  }],
  ["bell", "desktop", "light", person("appointment", "alice", "appointment"), rung],
  ["bell", "phone", "dark", person("appointment", "alice", "appointment"), rung],
  ["contact", "phone", "light", person("ad", "alice"), list],
];

await mkdir(FOLDER, { recursive: true });
await play(async (browser) => {
  for (const [name, view, colorScheme, path, act] of PICTURES) {
    const made = await context(browser, { ...VIEWS[view], colorScheme, locale: "fr-FR", timezoneId: "Europe/Paris", reducedMotion: "reduce" });
    await redate(made);
    const page = await listen(made);
    await page.clock.setFixedTime(NOW);
    await page.goto(BASE + path);
    await act(page);
    // On a phone the messages stand below the page's own part.
    if (["list", "thread"].includes(name)) await page.locator("#messages").evaluate((messages) => messages.scrollIntoView());
    await page.screenshot({ path: `${FOLDER}${name}-${view}-${colorScheme}.png`, caret: "hide", animations: "disabled", fullPage: path === "/demo" });
    await made.unrouteAll({ behavior: "ignoreErrors" });
    await made.close();
  }
});
