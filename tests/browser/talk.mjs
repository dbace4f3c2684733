/**
 * A buyer and a seller talk, behind whatever is between them and the service. The client must find the transport that gets
 * through it, EXPECTED, and whatever it tries on the way, each message is heard once and in order. Then, by that transport:
 * ticks, typing, badge, unread, edit, delete, the queue of what was written offline, reload.
 */
import assert from "node:assert/strict";
import { act, badge, composer, rows, said, texts, typing, write } from "./reader.mjs";
import { cutter } from "./relay.mjs";
import { call, context, heard, play, token, transport, until, visit } from "./stage.mjs";

const { EXPECTED, CUT_AT } = process.env;
const BASE = CUT_AT ? await cutter(process.env.BASE, Number(CUT_AT)) : process.env.BASE;
const [ALICE, BOB] = [token("alice"), token("bob")];

/** Alice writes until Bob's page has found its transport. Gives what she wrote. */
async function settle(alice, bob, id) {
  const sent = [];
  const send = async () => {
    const content = `message ${sent.length + 1}`;
    sent.push(content);
    await alice.evaluate(([id, content]) => window.causerie.thread(id).send({ content }), [id, content]);
    await until(bob, (content) => window.heard.includes(content), content);
  };
  const began = Date.now();
  for (let n = 0; n < 3; n++) await send();
  while (EXPECTED && (await transport(bob)) !== EXPECTED) {
    assert.ok(Date.now() - began < 120_000, JSON.stringify(await bob.evaluate(() => window.causerie.state)));
    // Quiet in between, as conversations are: what cuts silence, or long-polls twice in a row, is to be met.
    await bob.waitForTimeout(12_000);
    await send();
  }
  const settled = Date.now() - began;
  for (let n = 0; n < 3; n++) await send();
  assert.deepEqual(await heard(bob), sent);
  const { transport: last, reason } = await bob.evaluate(() => window.causerie.state);
  console.log(`${last} after ${settled} ms (${reason}), ${sent.length} messages heard once each, in order`);
  return sent;
}

async function tick(alice, bob) {
  await write(alice, "Still there?");
  await badge(bob).getByLabel(/^[1-9]\d* unread message/).waitFor();
  await said(alice, "Still there?").getByLabel("delivered").waitFor();
  await rows(bob).first().click();
  // Opened at the first unread one: the last may be below.
  await said(bob, "Still there?").scrollIntoViewIfNeeded();
  await said(alice, "Still there?").getByLabel("read").waitFor();
  await badge(bob).getByLabel(/unread/).waitFor({ state: "hidden" });
  console.log("a badge, and delivered; read, and no badge");
}

async function answer(alice, bob) {
  await composer(bob).pressSequentially("Yes", { delay: 30 });
  await typing(alice).waitFor();
  await composer(bob).press("Enter");
  await said(alice, "Yes").waitFor();
  await typing(alice).waitFor({ state: "hidden" });
  await act(bob, "Yes", "Edit");
  await write(bob, "Yes, of course");
  await said(alice, "Yes, of course").getByText("edited").waitFor();
  await act(bob, "Yes, of course", "Delete");
  await bob.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await said(alice, "Message deleted").waitFor();
  console.log("typing, and the message that ends it; edited, deleted");
}

/** Writes while the network is away; once more, and then the page is closed before it is back. */
async function drop(hers, alice, bob) {
  await hers.setOffline(true);
  for (const text of ["one", "two", "three"]) await write(alice, text);
  await said(alice, "three").waitFor();
  assert.deepEqual((await texts(alice)).slice(-3), ["one", "two", "three"]);
  await hers.setOffline(false);
  await said(bob, "three").waitFor();
  await hers.setOffline(true);
  await write(alice, "four");
  await said(alice, "four").waitFor();
  // Not before it is kept: what is being written when a tab is closed may be lost in any page.
  await until(alice, async () => {
    const [{ name }] = await indexedDB.databases();
    const database = await new Promise((resolve, reject) => Object.assign(indexedDB.open(name), { onsuccess: ({ target }) => resolve(target.result), onerror: reject }));
    const asked = database.transaction("kept").objectStore("kept").getAll(IDBKeyRange.bound("draft/", "draft/~"));
    const drafts = await new Promise((resolve, reject) => Object.assign(asked, { onsuccess: () => resolve(asked.result), onerror: reject }));
    database.close();
    return drafts.some(({ content }) => content === "four");
  });
  await alice.close();
  await hers.setOffline(false);
}

await play(async (browser) => {
  await call(process.env.BASE, BOB, "GET", "/v1/me");
  const about = { type: "PRIVATE", recipientId: "bob", context: { type: "AD", id: "ad-1", title: "Bike" } };
  const { id } = await call(process.env.BASE, ALICE, "POST", "/v1/conversations", about);
  const [hers, his] = [await context(browser), await context(browser)];
  let alice = await visit(hers, BASE, ALICE);
  const bob = await visit(his, BASE, BOB);
  const sent = await settle(alice, bob, id);
  await rows(alice).first().click();
  await tick(alice, bob);
  await answer(alice, bob);
  await drop(hers, alice, bob);
  alice = await visit(hers, BASE, ALICE);
  await said(bob, "four").waitFor();
  await rows(alice).first().click();
  await said(alice, "four").getByLabel("read").waitFor();
  const { items } = await call(process.env.BASE, ALICE, "GET", `/v1/conversations/${id}/messages?limit=100`);
  assert.deepEqual(items.map(({ content }) => content), [...sent, "Still there?", null, "one", "two", "three", "four"]);
  assert.deepEqual(await texts(bob), await texts(alice));
  console.log("written offline: in order, once, and through a closed page");
  // It tries the way up now and then.
  if (EXPECTED) await until(bob, (expected) => window.causerie.state.transport === expected, EXPECTED);
  assert.deepEqual([...alice.complaints, ...bob.complaints], []);
});
