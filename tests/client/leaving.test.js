/** What the elements keep of what one began, and of whom: another conversation's, and nobody else's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { THREAD, drawn, show } from "./page.js";

const WRITER = '<causerie-thread conversation-id="c" attach></causerie-thread>';
const field = (page) => page.getByRole("textbox", { name: "Write a message" });
const chips = (page) => page.getByRole("button", { name: "Remove plan.pdf" });
const turnTo = (page, id) => page.locator("causerie-thread").evaluate((node, id) => node.setAttribute("conversation-id", id), id);

/** A page whose site attaches a file once it is asked to, or later: `add()`. */
async function writer(t) {
  const page = await show(t, WRITER);
  await page.evaluate(() => {
    client.conversations.peek = (id) => (client.me ? { ...client.group, id, subject: `Group ${id}` } : null);
    addEventListener("causerie-attach", ({ detail }) => { window.add = () => detail.add({ url: "https://example.org/f", type: "application/pdf", fileName: "plan.pdf" }); });
    client.emit("conversations");
  });
  await drawn(page);
  return page;
}

/** The client is another person's, or nobody's. */
const become = (page, id) => page.evaluate((id) => {
  client.me = id && { id, name: id, imageUrl: null, role: null };
  client.emit("state");
  client.emit("conversations");
}, id);

test("what was written and attached waits for its conversation, and is sent with it alone", async (t) => {
  const page = await writer(t);
  await field(page).fill("for c");
  await page.getByRole("button", { name: "Attach" }).click();
  await page.evaluate(() => add());
  await chips(page).waitFor();
  await turnTo(page, "d");
  await page.getByRole("heading", { name: "Group d" }).waitFor();
  assert.deepEqual([await field(page).inputValue(), await chips(page).count()], ["", 0]);
  // A file that took its time.
  await page.evaluate(() => add());
  assert.equal(await chips(page).count(), 0);
  await turnTo(page, "c");
  await chips(page).nth(1).waitFor();
  assert.equal(await field(page).inputValue(), "for c");
  await chips(page).first().click();
  await field(page).press("Enter");
  await chips(page).waitFor({ state: "detached" });
  assert.deepEqual(await page.evaluate(() => client.held.asked.filter(([name]) => name === "send").map(([, { content, attachments }]) => [content, attachments.length])), [["for c", 1]]);
});

test("an edit that is refused late is not put into another conversation", async (t) => {
  const page = await writer(t);
  await page.evaluate(() => {
    client.held.items = [client.message(1, { sender: client.me })];
    client.held.edit = () => new Promise((_, reject) => { window.refuse = () => reject(Object.assign(new Error("Refused"), { status: 422 })); });
    client.emit("thread", { conversationId: "c" });
  });
  await page.locator("causerie-thread .mine").hover();
  await page.locator("causerie-thread .mine").getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await field(page).fill("mended");
  await field(page).press("Enter");
  await turnTo(page, "d");
  await page.getByRole("heading", { name: "Group d" }).waitFor();
  await page.evaluate(() => refuse());
  await page.locator("causerie-thread .toast").filter({ hasText: "Refused" }).waitFor();
  assert.equal(await field(page).inputValue(), "");
});

for (const [how, next] of [["signs out", null], ["gives way to another", "u001"]]) {
  test(`whoever comes after a person who ${how} finds nothing open, written or attached`, async (t) => {
    const page = await writer(t);
    await field(page).fill("my secret");
    await page.getByRole("button", { name: "Attach" }).click();
    await page.evaluate(() => add());
    await chips(page).waitFor();
    await turnTo(page, "d");
    await page.getByRole("heading", { name: "Group d" }).waitFor();
    await field(page).fill("another");
    // Read out, and still there to be read.
    await page.evaluate(() => {
      client.held.items.push(client.message(2, { content: "for your ears" }));
      client.emit("thread", { conversationId: "d" });
    });
    const voice = page.locator("causerie-thread [role=status].unseen");
    await voice.filter({ hasText: "for your ears" }).waitFor({ state: "attached" });
    await page.locator("causerie-thread [part=menu-button]").click();
    await page.getByRole("menuitem", { name: "Members" }).click();
    await page.getByRole("dialog").waitFor();
    await become(page, next);
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await voice.textContent(), "");
    await become(page, "u001");
    await page.getByRole("heading", { name: "Group d" }).waitFor();
    assert.equal(await field(page).inputValue(), "");
    await turnTo(page, "c");
    await page.getByRole("heading", { name: "Group c" }).waitFor();
    assert.deepEqual([await field(page).inputValue(), await chips(page).count()], ["", 0]);
    // What it began is afresh as well: it was loaded again.
    assert.ok(await page.evaluate(() => client.held.asked.filter(([name]) => name === "load").length) >= 4);
  });
}

test("nor does anybody find another's contacts or search in an inbox", async (t) => {
  const page = await show(t, '<causerie-inbox url-param=""></causerie-inbox>');
  const search = page.getByRole("searchbox");
  await page.locator("causerie-inbox [part=row]").waitFor();
  await search.fill("gro");
  await page.getByRole("button", { name: "Unread" }).click();
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.getByRole("dialog").locator(".person").first().waitFor();
  await become(page, "u001");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await search.inputValue(), "");
  await page.locator("causerie-inbox [part=row]").waitFor();
});

test("what begins for a person who has gone is not opened for the next", async (t) => {
  const page = await show(t, '<causerie-inbox url-param=""></causerie-inbox>');
  await page.evaluate(() => { client.conversations.contact = () => new Promise((resolve) => { window.begun = () => resolve(client.group); }); });
  await page.getByRole("button", { name: "New conversation" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("checkbox").first().check();
  await dialog.getByRole("button", { name: "Start" }).click();
  await page.waitForFunction(() => window.begun);
  await become(page, "u001");
  await dialog.waitFor({ state: "detached" });
  // Drawn after that: whatever would open is open by then.
  await page.evaluate(() => new Promise((resolve) => { begun(); requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
  assert.equal(await page.locator("causerie-inbox causerie-thread").getAttribute("conversation-id"), "");
});

test("what nobody could read is loaded once somebody is there", async (t) => {
  const page = await writer(t);
  await page.evaluate(() => {
    window.found = null;
    client.conversations.peek = () => window.found;
    client.conversations.get = async () => {
      window.isTried = true;
      if (!client.me) throw new Error("nobody");
      return window.found = client.group;
    };
  });
  await become(page, null);
  await page.waitForFunction(() => window.isTried);
  await become(page, "u001");
  await page.evaluate(() => client.emit("state", { status: "live" }));
  await drawn(page);
});

test("elements that have no client any more show nothing of it", async (t) => {
  const page = await show(t, `<causerie-inbox url-param=""></causerie-inbox>${THREAD}`);
  await drawn(page);
  await page.locator("causerie-inbox [part=row]").waitFor();
  await page.evaluate(async () => {
    client.conversations.hasMore = true;
    (await import("/elements.js")).connect(null);
  });
  await page.locator("causerie-inbox [part=row]").waitFor({ state: "detached" });
  await page.locator("causerie-thread [part=message]").waitFor({ state: "detached" });
  assert.ok(await page.getByRole("button", { name: "Show more" }).isHidden());
});
