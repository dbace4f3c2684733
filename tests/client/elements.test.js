/** What the elements do and how they look, in a Chromium, with a stand-in for the client: no service, no network. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { tools } from "../../web/pack.mjs";
import { HOST, THREAD, drawn, show } from "./page.js";

const voice = (page) => page.locator("causerie-thread [role=status].unseen");

/** Puts a draft below the first message, or changes it. */
const draft = (page, status) => page.evaluate((status) => {
  const problem = status === "failed" ? { status: 422, code: "blank", message: "This is empty.", errors: [] } : null;
  client.held.items = [client.message(1), { clientMessageId: "d", conversationId: "c", content: "lost words", draft: status, createdAt: "2026-01-05T10:01:00.000Z", body: {}, problem }];
  client.emit("thread", { conversationId: "c" });
}, status);
const drafted = (page, status) => page.locator(`causerie-thread [part=message][data-status=${status}]`).waitFor();

test("what could not be sent is said once, and again when it fails again", async (t) => {
  const page = await show(t, THREAD);
  await drawn(page);
  for (let round = 0; round < 2; round++) {
    await draft(page, "sending");
    await drafted(page, "sending");
    await draft(page, "failed");
    await voice(page).filter({ hasText: "Not sent. This is empty. lost words" }).waitFor({ state: "attached" });
    // Drawn again, for another reason.
    await page.evaluate(() => {
      document.querySelector("causerie-thread").shadowRoot.querySelector("[role=status].unseen").textContent = "";
      client.held.items.splice(1, 0, client.message(2, { content: "drawn" }));
      client.emit("thread", { conversationId: "c" });
    });
    await voice(page).filter({ hasText: /^u001: drawn$/ }).waitFor({ state: "attached" });
    await page.evaluate(() => { client.held.items.splice(1, 1); });
  }
});

test("sending again by keyboard leads to where one writes", async (t) => {
  const page = await show(t, THREAD);
  await drawn(page);
  await draft(page, "failed");
  await drafted(page, "failed");
  await page.getByRole("button", { name: "Send again" }).press("Enter");
  assert.ok(await page.getByRole("textbox", { name: "Write a message" }).evaluate((node) => node === node.getRootNode().activeElement));
  assert.deepEqual(await page.evaluate(() => client.held.asked.at(-1)), ["retry", "d"]);
});

test("drafts and failures have enough contrast, in both themes", async (t) => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await show(t, THREAD, { colorScheme });
    await drawn(page);
    await page.addScriptTag({ path: join(tools, "node_modules/axe-core/axe.min.js") });
    for (const status of ["queued", "failed"]) {
      await draft(page, status);
      await drafted(page, status);
      const { violations } = await page.evaluate(() => axe.run("causerie-thread"));
      assert.deepEqual(violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
    }
  }
});

test("asking for more by keyboard leaves the focus where one goes on", async (t) => {
  const page = await show(t, `<causerie-inbox url-param=""></causerie-inbox>${THREAD}`);
  await drawn(page);
  const focus = (tag) => page.evaluate((tag) => document.querySelector(tag).shadowRoot.activeElement?.getAttribute("part"), tag);
  await page.evaluate(() => {
    client.conversations.hasMore = true;
    client.conversations.more = async () => {
      client.conversations.hasMore = false;
      client.emit("conversations");
    };
    client.held.older = () => Promise.reject(new Error("away"));
    client.held.hasOlder = true;
    client.emit("conversations");
  });
  await page.getByRole("button", { name: "Show more" }).press("Enter");
  await page.getByRole("button", { name: "Show more" }).waitFor({ state: "hidden" });
  assert.equal(await focus("causerie-inbox"), "row");
  await page.getByRole("button", { name: "Try again" }).press("Enter");
  await page.getByRole("button", { name: "Try again" }).waitFor();
  assert.equal(await focus("causerie-thread"), "log");
});

/** The members dialog, opened as people do. */
async function members(page) {
  await drawn(page);
  await page.locator("causerie-thread [part=menu-button]").click();
  await page.getByRole("menuitem", { name: "Members" }).click();
  return page.getByRole("dialog");
}

test("all members of a large group can be reached, and who leaves is gone", async (t) => {
  const page = await show(t, THREAD);
  const dialog = await members(page);
  const people = dialog.locator(".person");
  assert.equal(await people.count(), 100);
  await dialog.getByRole("button", { name: "Show more" }).press("Enter");
  await people.nth(129).waitFor();
  await dialog.getByRole("button", { name: "Show more" }).waitFor({ state: "hidden" });
  assert.equal(await people.count(), 130);
  assert.equal(await people.last().locator("bdi").textContent(), "u129");
  await page.evaluate(() => client.emit("member.left", { conversationId: "c", data: { member: client.everybody[129] } }));
  await people.nth(129).waitFor({ state: "detached" });
  assert.equal(await people.last().locator("bdi").textContent(), "u128");
});

test("whoever is made an admin keeps the place, and its button the focus", async (t) => {
  const page = await show(t, THREAD);
  const dialog = await members(page);
  await dialog.getByRole("button", { name: "Make admin : u001" }).press("Enter");
  const demote = dialog.getByRole("button", { name: "Make member : u001" });
  await demote.waitFor();
  assert.ok(await demote.evaluate((node) => node === node.getRootNode().activeElement));
  assert.deepEqual((await dialog.locator(".person bdi").allTextContents()).slice(0, 3), ["Me (you)", "u001", "u002"]);
});

test("a stranger comes back to the page that the button was on, by its path alone", async (t) => {
  // The second address is one that somebody else may have made.
  for (const [path, back] of [["/ads/7?x=1&y=2#pictures", "/ads/7?x=1&y=2#pictures"], ["//evil.test/7", "/evil.test/7"]]) {
    const page = await show(t, '<causerie-contact-button recipient-id="u1" login-url="/login?next={return}"></causerie-contact-button>', { path });
    await page.evaluate(() => { client.state.status = "signed-out"; });
    await page.getByRole("button").click();
    await page.waitForURL("**/login?**");
    assert.equal(page.url(), `${HOST}/login?next=${encodeURIComponent(back)}`);
  }
});

test("a contact button has the looks that its attributes name", async (t) => {
  const kinds = ["", 'variant="secondary"', 'variant="outline"', 'size="sm"', 'size="lg"', "full-width"];
  const page = await show(t, `<div style="width: 40rem">${kinds.map((kind) => `<p><causerie-contact-button recipient-id="u1" ${kind}></causerie-contact-button></p>`).join("")}</div>`);
  await page.getByRole("button", { name: "Send a message" }).last().waitFor();
  const looks = await page.evaluate(() => [...document.querySelectorAll("causerie-contact-button")].map(({ shadowRoot }) => {
    const button = shadowRoot.querySelector("button"), { backgroundColor } = getComputedStyle(button), { width, height } = button.getBoundingClientRect();
    return { backgroundColor, width, height };
  }));
  const [primary, secondary, outline, small, large, full] = looks;
  assert.equal(new Set([primary, secondary, outline].map(({ backgroundColor }) => backgroundColor)).size, 3);
  assert.ok(small.height < primary.height && primary.height < large.height);
  assert.ok(primary.width < 320 && full.width === 640);
});

test("a contact button of full width fills what it stands in on a phone, however that aligns things", async (t) => {
  const page = await show(t, '<div style="display: flex; flex-direction: column; align-items: flex-start; width: 300px"><causerie-contact-button recipient-id="u1" full-width></causerie-contact-button></div>', { viewport: { width: 390, height: 844 } });
  const box = await page.getByRole("button", { name: "Send a message" }).boundingBox();
  assert.equal(box.width, 300);
});

test("the time of a notice stands after its words, centred with them, in a narrow thread", async (t) => {
  const page = await show(t, THREAD, { viewport: { width: 390, height: 844 } });
  await drawn(page);
  await page.evaluate(() => {
    const words = "Your appointment with the salon in the old town was moved to the afternoon of the next day".split(" ");
    client.held.items = words.map((_, at) => client.message(at + 1, { type: "SYSTEM", sender: null, content: words.slice(0, at + 1).join(" ") }));
    client.emit("thread", { conversationId: "c" });
  });
  await page.locator("causerie-thread .notice").nth(17).waitFor();
  // Of the line that the time is on: how far its middle is from that of the log, and the words of it that are beside the time.
  const lines = await page.evaluate(() => {
    const { shadowRoot } = document.querySelector("causerie-thread");
    const { left, right } = shadowRoot.querySelector("[part=log] ol").getBoundingClientRect();
    return [...shadowRoot.querySelectorAll(".notice")].map((notice) => {
      const time = notice.querySelector("time").getBoundingClientRect();
      const words = [...notice.querySelector(".text").getClientRects()].filter(({ top, bottom }) => bottom > time.top && top < time.bottom);
      const all = [...words, time];
      return { off: Math.abs(Math.min(...all.map((one) => one.left)) + Math.max(...all.map((one) => one.right)) - left - right) / 2, isAfter: words.every((one) => one.right <= time.left) };
    });
  });
  for (const { off, isAfter } of lines) assert.ok(off <= 6 && isAfter, JSON.stringify(lines));
});

test("the filters stay on one line beside a narrow thread, in French", async (t) => {
  const page = await show(t, "<causerie-inbox></causerie-inbox>", { viewport: { width: 740, height: 900 }, lang: "fr" });
  const filters = page.locator("causerie-inbox .filters button");
  await filters.filter({ hasText: "Non lues" }).waitFor();
  // What is chosen is bold, hence wider.
  for (const chosen of await filters.all()) {
    await chosen.click();
    await chosen.and(page.locator("[aria-pressed=true]")).waitFor();
    const places = await filters.evaluateAll((all) => all.map((one) => `${one.offsetTop} ${one.offsetHeight}`));
    assert.equal(new Set(places).size, 1, String(places));
  }
});

test("a name that turns the direction around is shown as it is written", async (t) => {
  const page = await show(t, THREAD);
  await drawn(page);
  await page.evaluate(() => {
    const attachments = [{ url: "https://example.org/f", type: "application/pdf", fileName: "annual\u202Efdp.exe" }];
    client.held.items = [client.message(1, { sender: { id: "u1", name: "\u202EMallory\u2066" , imageUrl: null, role: null }, attachments })];
    client.emit("thread", { conversationId: "c" });
  });
  await page.locator("causerie-thread .file").waitFor();
  assert.equal(await page.locator("causerie-thread .file bdi").textContent(), "annualfdp.exe");
  assert.equal(await page.locator("causerie-thread .author").textContent(), "Mallory");
});

test("an appointment of another year says which", async (t) => {
  const page = await show(t, THREAD);
  await drawn(page);
  const meet = (startsAt) => page.evaluate((startsAt) => {
    client.group.context = { type: "APPOINTMENT", id: "a", title: "Cut", url: null, imageUrl: null, startsAt };
    client.emit("conversations");
  }, startsAt);
  const shown = page.locator("causerie-thread [part=context] small");
  await meet(new Date().toISOString());
  assert.doesNotMatch(await shown.textContent(), /\b\d{4}\b/);
  await meet("2199-03-12T10:00:00Z");
  await shown.filter({ hasText: "2199" }).waitFor();
});

test("where colours for light and dark are unknown all is light, and can be read", async (t) => {
  const change = (text) => text.replaceAll("light-dark(", "not-known(");
  const page = await show(t, THREAD, { change, colorScheme: "dark" });
  await drawn(page);
  const looks = await page.evaluate(() => {
    const style = (selector) => getComputedStyle(document.querySelector("causerie-thread").shadowRoot.querySelector(selector));
    return [style("[part=bubble]").backgroundColor !== "rgba(0, 0, 0, 0)", style("[part=bubble]").color, style(".avatar").backgroundColor !== "rgba(0, 0, 0, 0)", getComputedStyle(document.querySelector("causerie-thread")).backgroundColor];
  });
  assert.deepEqual(looks, [true, "rgb(23, 32, 29)", true, "rgb(255, 255, 255)"]);
});
