/** What an inbox finds: people for a new conversation, and all of an archive. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeModel } from "../../web/client/model.js";
import { show } from "./page.js";
import { conversation } from "./support.js";

const INBOX = '<causerie-inbox url-param=""></causerie-inbox>';
const names = (dialog) => dialog.locator(".person bdi").allTextContents();
const box = (dialog, name) => dialog.getByRole("checkbox", { name });

/** The dialog for a new conversation, opened as people do, and where one types in it. */
async function newConversation(page) {
  await page.getByRole("button", { name: "New conversation" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator(".person").first().waitFor();
  return [dialog, dialog.getByRole("textbox").first()];
}

test("a group can be of somebody one knows and of an id one types", async (t) => {
  const page = await show(t, INBOX);
  await page.evaluate(() => { client.conversations.create = async (body) => (window.made = body, client.group); });
  const [dialog, who] = await newConversation(page);
  await box(dialog, /^u001/).check();
  await who.fill("cara");
  await box(dialog, /^cara/).check();
  assert.deepEqual(await names(dialog), ["u001", "cara"]);
  await dialog.getByRole("button", { name: "Start" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual(await page.evaluate(() => window.made.memberIds), ["u001", "cara"]);
});

test("an id that was ticked by mistake can be unticked, whatever is typed since", async (t) => {
  const page = await show(t, INBOX);
  const [dialog, who] = await newConversation(page);
  await who.fill("be");
  await box(dialog, /^be/).check();
  await who.fill("ben");
  await box(dialog, /^ben/).check();
  await box(dialog, /^be(?!n)/).uncheck();
  await who.fill("ben ");
  await page.waitForFunction(() => document.querySelector("causerie-inbox").shadowRoot.querySelectorAll(".person").length === 1);
  assert.deepEqual(await names(dialog), ["ben"]);
});

test("the answer for what was typed before does not come over the one for what is typed now", async (t) => {
  const page = await show(t, INBOX);
  await page.evaluate(() => {
    window.answer = {};
    const person = (name) => ({ id: `p-${name}`, name, imageUrl: null, role: null });
    document.querySelector("causerie-inbox").findPeople = (text) => new Promise((resolve) => { answer[text] = (...found) => resolve(found.map(person)); });
  });
  const [dialog, who] = await newConversation(page);
  await who.fill("al");
  await who.fill("ali");
  await page.evaluate(() => answer.ali("Alice"));
  await box(dialog, /^Alice/).waitFor();
  // The late one is through once its promise's callbacks are.
  await page.evaluate(async () => { answer.al("Albert"); await new Promise((resolve) => setTimeout(resolve)); });
  assert.deepEqual(await names(dialog), ["Alice"]);
});

/** Pages of an archive, as a service and a model hold them; what is held of it can go. */
const archive = (page) => page.evaluate(() => {
  const one = (number) => ({ ...client.group, id: `a${number}`, subject: `Old ${number}`, me: { ...client.group.me, status: "ARCHIVED" } });
  const pages = [0, 1].map((page) => Array.from({ length: 20 - 15 * page }, (_, number) => one(page * 20 + number)));
  const { conversations } = client;
  window.asked = [];
  let at = 0;
  Object.assign(conversations, { hasMoreArchived: null, more: async (status) => {
    asked.push(status);
    await null;
    if (window.isAway) throw new Error("away");
    if (status !== "ARCHIVED") return;
    conversations.all.push(...pages[at++]);
    conversations.hasMoreArchived = at < pages.length;
    client.emit("conversations");
  } });
  window.lose = () => {
    at = 0;
    conversations.all = [client.group];
    conversations.hasMoreArchived = null;
    client.emit("conversations");
  };
  lose();
});

test("an archive is shown to its end, and again once what was held of it is gone", async (t) => {
  const page = await show(t, INBOX);
  await archive(page);
  const rows = page.locator("causerie-inbox [part=row]"), more = page.getByRole("button", { name: "Show more" });
  await page.getByRole("button", { name: "Archived" }).click();
  await rows.nth(19).waitFor();
  await more.click();
  await rows.nth(24).waitFor();
  await more.waitFor({ state: "hidden" });
  await page.evaluate(() => lose());
  await rows.nth(20).waitFor({ state: "detached" });
  await rows.nth(19).waitFor();
  await page.getByRole("searchbox").fill("old 24");
  await rows.filter({ hasText: "Old 24" }).waitFor();
  assert.deepEqual(await page.evaluate(() => asked), Array(4).fill("ARCHIVED"));
  // Asked for in vain, it is left to the person.
  await page.getByRole("searchbox").fill("");
  await page.evaluate(() => { isAway = true; lose(); });
  await page.locator("causerie-inbox .toast").filter({ hasText: /./ }).waitFor();
  await page.evaluate(() => { isAway = false; client.emit("conversations"); });
  await more.click();
  await rows.nth(19).waitFor();
  assert.equal(await page.evaluate(() => asked.length), 6);
});

test("a model keeps a place of its own in the archive, until what it held is gone", async () => {
  const asked = [], tokens = ["t1", undefined, "t1", "t2", "u2"];
  let meanwhile = () => {};
  const call = async (_, path) => {
    asked.push(path.split("?")[1]);
    meanwhile();
    return { items: [], nextPageToken: tokens.shift() };
  };
  const model = makeModel({ call }, {}, { put() {} }, () => {}, () => {}, () => {}), { conversations } = model;
  const known = { cursor: "k0", me: { id: "me", name: "ME", imageUrl: null, role: null }, next: "u1", total: 0, ephemeral: { typing: [], presence: [] }, last: [], conversations: [conversation()], unread: [], arriving: [] };
  const has = () => [conversations.hasMore, conversations.hasMoreArchived];
  model.adopt(known);
  assert.deepEqual(has(), [true, null]);
  await conversations.more("ARCHIVED");
  assert.deepEqual(has(), [true, true]);
  await conversations.more("ARCHIVED");
  assert.deepEqual(has(), [true, false]);
  model.adopt({ ...known, next: "v1" });
  assert.deepEqual(has(), [true, null]);
  await conversations.more("ARCHIVED");
  // Pages that were on their way as what was before them went.
  meanwhile = () => model.adopt({ ...known, next: "w1" });
  await conversations.more("ARCHIVED");
  assert.deepEqual(has(), [true, null]);
  meanwhile = () => model.adopt({ ...known, next: "x1" });
  await conversations.more();
  assert.equal(model.next, "x1");
  assert.deepEqual(asked, ["status=ARCHIVED", "status=ARCHIVED&pageToken=t1", "status=ARCHIVED", "status=ARCHIVED&pageToken=t1", "status=ACTIVE&pageToken=w1"]);
});
