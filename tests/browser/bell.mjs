/**
 * What the site's backend tells somebody is counted and listed in all of their tabs, without loading anything anew; read,
 * deleted and followed by mouse and by keyboard. Titles and links of ill will are text, and lead nowhere.
 */
import assert from "node:assert/strict";
import { bell, notices } from "./reader.mjs";
import { call, context, play, rung, settles, token, until, visit } from "./stage.mjs";

const { BASE } = process.env;
const BACKEND = token("backend", { role: "service" });
const RUN = "window.pwned=1";

const notify = (userId, title, more = {}) => call(BASE, BACKEND, "POST", "/v1/notifications", { userId, type: "T", title, ...more });
const person = async (id) => {
  const made = token(id);
  await call(BASE, made, "GET", "/v1/me");
  return made;
};
const named = (page, name) => page.locator("causerie-bell").getByRole("button", { name, exact: true });
const counts = (page, count) => named(page, count === 0 ? "Notifications" : `${count} unread notification${count === 1 ? "" : "s"}`).waitFor();
const titles = (page) => notices(page).locator(".title").allTextContents();
const row = (page, title) => notices(page).filter({ has: page.locator(".title").getByText(title, { exact: true }) });
const panel = (page) => page.getByRole("dialog", { name: "Notifications" });
/** Waits until the focus is in that part: it moves once what had it is gone. */
const isAt = (page, part) => until(page, (part) => document.querySelector("causerie-bell").shadowRoot.activeElement?.getAttribute("part") === part, part);
const isFocused = (page, title) => until(page, (title) => document.querySelector("causerie-bell").shadowRoot.activeElement?.querySelector(".title")?.textContent === title, title);
const isListed = (page, ...wanted) => until(page, (wanted) => [...document.querySelector("causerie-bell").shadowRoot.querySelectorAll(".row .title")].map((one) => one.textContent).join() === wanted, wanted.join());

const STORIES = {
  async "two tabs"(browser) {
    const ann = await person("ann");
    await notify("ann", "before");
    const hers = await context(browser);
    const asked = [];
    hers.on("request", (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
    const tabs = [await visit(hers, BASE, ann), await visit(hers, BASE, ann)];
    const [one, two] = tabs;
    for (const tab of tabs) await counts(tab, 1);
    assert.ok(!asked.includes("GET /v1/notifications"), "the list is not asked for before it is looked at");
    // Followers and the leader: whichever is which.
    await two.bringToFront();
    await bell(two).click();
    await isListed(two, "before");
    await notify("ann", "Moved", { message: "To ten\no'clock" });
    for (const tab of tabs) await counts(tab, 2);
    await isListed(two, "Moved", "before");
    assert.equal(await row(two, "Moved").locator(".text").textContent(), "To ten\no'clock");
    await two.locator("causerie-bell [role=status]", { hasText: "New notification: Moved" }).waitFor({ state: "attached" });
    for (const tab of tabs) assert.deepEqual(await rung(tab), ["Moved"]);
    await row(two, "Moved").click();
    for (const tab of tabs) await counts(tab, 1);
    assert.ok(await panel(two).isVisible(), "what leads nowhere is read where it stands");
    await one.bringToFront();
    await bell(one).click();
    await isListed(one, "Moved", "before");
    assert.equal(await one.locator("causerie-bell .row.unread").count(), 1);
    await named(one, "Delete : Moved").click();
    await isListed(one, "before");
    await isListed(two, "before");
    await notify("ann", "last");
    for (const tab of tabs) await counts(tab, 2);
    await named(one, "Mark all as read").click();
    for (const tab of tabs) await counts(tab, 0);
    await named(one, "Mark all as read").waitFor({ state: "hidden" });
    for (const title of ["last", "before"]) await named(one, `Delete : ${title}`).click();
    for (const tab of tabs) await tab.getByText("No notification.").waitFor({ state: tab === one ? "visible" : "attached" });
    assert.equal(await settles(async () => (await call(BASE, ann, "GET", "/v1/notifications")).items.length, 0), 0);
    return [tabs, "rung in both, read in one and then in the other, deleted in one and gone in both"];
  },

  async "what the service refuses"(browser) {
    const ben = await person("ben");
    await notify("ben", "Stays");
    const page = await visit(await context(browser), BASE, ben);
    await bell(page).click();
    await isListed(page, "Stays");
    await page.route("**/v1/notifications/**", (route) => route.fulfill({ status: 429, contentType: "application/problem+json", body: JSON.stringify({ status: 429, code: "too-many-sends", detail: "Too much at once." }) }));
    for (const act of [() => row(page, "Stays").click(), () => named(page, "Mark all as read").click(), () => named(page, "Delete : Stays").click()]) {
      await act();
      await page.locator("causerie-bell [part=toast]", { hasText: "Too much at once." }).waitFor();
      await counts(page, 1);
      await page.locator("causerie-bell .row.unread").waitFor();
      await page.evaluate(() => document.querySelector("causerie-bell").shadowRoot.querySelector("[part=toast]").hidePopover());
    }
    return [[page], "shown as it was before, with the service's own words"];
  },

  async "keyboard alone"(browser) {
    const cleo = await person("cleo");
    for (let n = 1; n <= 22; n++) await notify("cleo", `Told ${n}`, n === 21 ? { link: "/host.html?followed=1" } : {});
    const page = await visit(await context(browser), BASE, cleo);
    const { keyboard } = page;
    await counts(page, 22);
    await bell(page).focus();
    await keyboard.press("Enter");
    await notices(page).nth(19).waitFor();
    await isAt(page, "panel");
    await keyboard.press("Escape");
    await panel(page).waitFor({ state: "hidden" });
    await isAt(page, "button");
    await keyboard.press("Space");
    await isAt(page, "panel");
    for (const part of ["close", "read-all", "row", "delete"]) {
      await keyboard.press("Tab");
      if (part !== "close") await isAt(page, part);
    }
    await keyboard.press("Enter");
    await row(page, "Told 22").waitFor({ state: "detached" });
    // What is deleted leads to the next one.
    await isFocused(page, "Told 21");
    await keyboard.press("ArrowDown");
    await keyboard.press("Enter");
    await counts(page, 20);
    await isFocused(page, "Told 20");
    await keyboard.press("End");
    for (const _ of ["delete", "more"]) await keyboard.press("Tab");
    await keyboard.press("Enter");
    await row(page, "Told 1").waitFor();
    // Nothing more: it goes on at the last one.
    await isFocused(page, "Told 1");
    await keyboard.press("Home");
    await keyboard.press("Enter");
    await until(page, () => location.search === "?followed=1");
    // The mark outlives the page.
    assert.equal(await settles(async () => (await call(BASE, cleo, "GET", "/v1/notifications?limit=1")).unreadCount, 19), 19);
    return [[page], "opened, read, deleted, more of them, followed; Escape gives the focus back"];
  },

  async "ill will"(browser) {
    const dana = await person("dana");
    const texts = [`<img src=x onerror="${RUN}">`, `</bdi><a href="javascript:${RUN}">here</a>`, "<script>window.pwned=1</script>", "W".repeat(200), "{title} {count}", "مرحبا fdp.exe"];
    for (const [n, text] of texts.entries()) await notify("dana", text, { message: text, link: `/address/${n}` });
    // The service would not take these: they stand in its answer instead of those it took.
    const links = [`javascript:${RUN}`, ` JaVa\tScRiPt:${RUN}`, "//evil.invalid/", "/\\evil.invalid/", "/\t/evil.invalid/", `data:text/html,<script>${RUN}</script>`];
    const made = await context(browser, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    const asked = [];
    made.on("request", (request) => asked.push(request.url()));
    await made.route(({ pathname }) => pathname === "/v1/notifications", async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace(/"\/address\/(\d)"/g, (_, n) => JSON.stringify(links[n]));
      assert.ok(body.includes("evil.invalid"));
      return route.fulfill({ response, body });
    });
    const page = await visit(made, BASE, dana);
    await counts(page, texts.length);
    await bell(page).click();
    await notices(page).nth(texts.length - 1).waitFor();
    assert.deepEqual((await titles(page)).reverse(), texts);
    const found = await page.evaluate(() => [...document.querySelector("causerie-bell").shadowRoot.querySelectorAll("*")]
      .filter((one) => ["a", "img", "script", "iframe"].includes(one.localName) || one.hasAttribute("onerror") || one.hasAttribute("href")).map((one) => one.outerHTML));
    assert.deepEqual(found, []);
    for (const text of texts) await row(page, text).first().click();
    await counts(page, 0);
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
    assert.deepEqual(asked.filter((url) => !url.startsWith(BASE)), []);
    await made.unrouteAll({ behavior: "ignoreErrors" });
    return [[page], `${texts.length} texts and links, shown as text`];
  },

  async "the other ways"(browser) {
    const emma = await person("emma");
    const page = await visit(await context(browser), BASE, emma);
    await page.evaluate(() => {
      document.documentElement.lang = "fr";
      document.addEventListener("causerie-notification-open", (event) => {
        event.preventDefault();
        window.opened = event.detail.notification.link;
      });
    });
    for (let n = 0; n < 3; n++) await notify("emma", `Dit ${n}`, { link: "/host.html?followed=1" });
    await named(page, "3 notifications non lues").click();
    await named(page, "Tout marquer comme lu").waitFor();
    await row(page, "Dit 1").click();
    await until(page, () => window.opened === "/host.html?followed=1");
    assert.equal(new URL(page.url()).search, "", "a page that leads on by itself is not left");
    await named(page, "2 notifications non lues").waitFor();
    await panel(page).waitFor({ state: "hidden" });
    const many = await call(BASE, BACKEND, "POST", "/v1/notifications", { userId: "emma", type: "T", title: "100" });
    assert.equal(many.items.length, 1);
    for (let n = 0; n < 98; n++) await notify("emma", `${n}`);
    await named(page, "101 notifications non lues").waitFor();
    assert.equal(await page.locator("causerie-bell [part=badge]").textContent(), "99+");
    // Nobody's any more, and then another person's.
    assert.ok(await page.locator("causerie-bell .told").count() > 0, "there is something to forget");
    await page.evaluate(() => window.causerie.signOut());
    // In the closed panel: whoever comes next opens it.
    await until(page, () => document.querySelector("causerie-bell").shadowRoot.querySelectorAll(".told").length === 0);
    await named(page, "Notifications").waitFor();
    await bell(page).click();
    await page.getByText("Vous êtes déconnecté.").first().waitFor();
    return [[page], "in French, by the page's own router, ninety-nine and more, signed out"];
  },
};

await play(async (browser) => {
  for (const [name, story] of Object.entries(STORIES)) {
    const began = Date.now();
    const [pages, what] = await story(browser).catch((error) => { throw new Error(name, { cause: error }); });
    for (const page of pages) assert.deepEqual(page.complaints, [], name);
    console.log(`${name}, ${Date.now() - began} ms: ${what}`);
  }
});
