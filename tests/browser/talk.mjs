/** A buyer and a seller talk: ticks, typing, badge, unread, edit, delete, the queue of what was written offline, reload. */
import assert from "node:assert/strict";
import { call, context, play, visit } from "./stage.mjs";

const { BASE, ALICE, BOB } = process.env;

const bubbles = (page) => page.locator("causerie-thread [part=message] .text");
const texts = async (page) => (await bubbles(page).allTextContents()).filter(Boolean);
const composer = (page) => page.getByRole("textbox", { name: "Write a message" });
const said = (page, text) => page.locator("causerie-thread [part=message]", { hasText: text });
const badge = (page) => page.locator("header causerie-badge");

async function write(page, text) {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

await play(async (browser) => {
  await call(BASE, BOB, "GET", "/v1/me");
  const about = { type: "PRIVATE", recipientId: "bob", context: { type: "AD", id: "ad-1", title: "Bike" } };
  const { id } = await call(BASE, ALICE, "POST", "/v1/conversations", about);
  const [hers, his] = [await context(browser), await context(browser)];
  let alice = await visit(hers, BASE, ALICE);
  const bob = await visit(his, BASE, BOB);
  const open = (page) => page.locator("causerie-inbox [part=row]").first().click();
  await open(alice);
  await write(alice, "Still there?");
  await badge(bob).getByLabel("1 unread message").waitFor();
  await said(alice, "Still there?").getByLabel("delivered").waitFor();
  console.log("a badge, and delivered");

  await open(bob);
  await said(bob, "Still there?").waitFor();
  await said(alice, "Still there?").getByLabel("read").waitFor();
  await badge(bob).getByLabel(/unread/).waitFor({ state: "hidden" });
  console.log("read, and no badge");

  await composer(bob).pressSequentially("Yes", { delay: 30 });
  await alice.locator("causerie-thread [part=typing]", { hasText: "typing" }).waitFor();
  await composer(bob).press("Enter");
  await said(alice, "Yes").waitFor();
  await alice.locator("causerie-thread [part=typing]", { hasText: "typing" }).waitFor({ state: "hidden" });
  console.log("typing, and the message that ends it");

  const act = async (page, text, action) => {
    await said(page, text).getByRole("button", { name: "Actions" }).click();
    await page.getByRole("menuitem", { name: action }).click();
  };
  await act(bob, "Yes", "Edit");
  await write(bob, "Yes, of course");
  await said(alice, "Yes, of course").getByText("edited").waitFor();
  await act(bob, "Yes, of course", "Delete");
  await bob.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await said(alice, "deleted").waitFor();
  console.log("edited, deleted");

  await hers.setOffline(true);
  for (const text of ["one", "two", "three"]) await write(alice, text);
  await said(alice, "three").waitFor();
  assert.deepEqual((await texts(alice)).slice(-3), ["one", "two", "three"]);
  await hers.setOffline(false);
  await said(bob, "three").waitFor();
  await hers.setOffline(true);
  await write(alice, "four");
  await said(alice, "four").waitFor();
  await alice.waitForTimeout(500);
  await alice.close();
  await hers.setOffline(false);
  alice = await visit(hers, BASE, ALICE);
  await said(bob, "four").waitFor();
  await open(alice);
  await said(alice, "four").getByLabel("read").waitFor();
  const { items } = await call(BASE, ALICE, "GET", `/v1/conversations/${id}/messages`);
  const expected = ["Still there?", null, "one", "two", "three", "four"];
  assert.deepEqual(items.map(({ content }) => content), expected);
  assert.deepEqual(await texts(bob), await texts(alice));
  console.log("written offline: in order, once, and through a closed page");

  await write(bob, "<img src=x onerror=alert(1)>");
  await said(alice, "<img src=x onerror=alert(1)>").waitFor();
  assert.equal(await alice.locator("causerie-thread [part=message] img").count(), 0);
  assert.deepEqual([...alice.complaints, ...bob.complaints], []);
});
