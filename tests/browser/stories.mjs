/**
 * The four stories of the demo, each step that its page asks one to try, by mouse or by keyboard alone (HAND); and what the
 * panel shows when one forbids SSE, then long-poll too, or takes the network away.
 */
import assert from "node:assert/strict";
import * as hands from "./hand.mjs";
import { badge, composer, rows, said, texts, typing } from "./reader.mjs";
import { context, listen, play, settles } from "./stage.mjs";

const { BASE, HAND } = process.env;

/** Somebody's page, in its frame, and the panel below it. */
const person = (page, as, name) => ({
  name,
  at: page.frameLocator(`iframe[data-as="${as}"]`),
  panel: page.locator(".person", { has: page.locator(`iframe[data-as="${as}"]`) }).locator(".panel"),
});
const shows = (panel, what, value) => panel.and(panel.page().locator(`[data-${what}="${value}"]`)).waitFor();
const switchOf = ({ panel }, name) => panel.locator(`input[name=${name}]`);
const menuOf = (at) => at.locator("causerie-thread [part=menu-button]");
const item = (at, name) => at.getByRole("menuitem", { name });
const actions = (at, text) => said(at, text).getByRole("button", { name: "Actions" });
const allActions = (at) => at.locator("causerie-thread [part=message] .tool:not([hidden])");

async function say(hand, at, text) {
  await hand.type(composer(at), text);
  await hand.enter();
  await said(at, text).waitFor();
}

async function open(hand, page, story) {
  const tabs = page.getByRole("tab");
  await hand.pick(tabs.and(page.locator(`[value=${story}]`)), tabs, "ArrowRight");
  await page.locator(`#story[aria-labelledby=tab-${story}]`).waitFor();
}

const STORIES = {
  async ad(hand, page) {
    const [alice, bob] = [person(page, "alice", "Alice Martin"), person(page, "bob", "Bob Durand")];
    for (const { panel } of [alice, bob]) await shows(panel, "transport", "stream");
    await hand.press(alice.at.getByRole("button", { name: "Contact the seller" }));
    await said(alice.at, "Parfait").waitFor();
    await say(hand, alice.at, "Is it still there?");
    await badge(bob.at).getByLabel(/^[1-9]\d* unread message/).waitFor();
    await said(alice.at, "Is it still there?").getByLabel("delivered").waitFor();
    await hand.pick(rows(bob.at).filter({ hasText: "Is it still there?" }), rows(bob.at));
    await said(alice.at, "Is it still there?").getByLabel("read").waitFor();
    await badge(bob.at).getByLabel(/unread/).waitFor({ state: "hidden" });

    await hand.toggle(switchOf(alice, "isOffline"));
    await shows(alice.panel, "status", "offline");
    const later = ["I come at six", "or at seven", "not at eight"];
    for (const text of later) await say(hand, alice.at, text);
    await said(alice.at, later[2]).getByLabel("waiting to be sent").waitFor();
    assert.ok(!(await texts(bob.at)).includes(later[0]), "nothing leaves without a network");
    await hand.toggle(switchOf(alice, "isOffline"));
    await said(bob.at, later[2]).waitFor();
    assert.deepEqual((await texts(bob.at)).slice(-3), later);
    // Not read: the focus is on Alice’s page.
    await said(alice.at, later[2]).getByLabel("delivered").waitFor();
    return "badge, ticks, and what was written offline: in order, once";
  },

  async appointment(hand, page) {
    const [alice, salon] = [person(page, "alice", "Alice Martin"), person(page, "salon", "Salon Lumière")];
    await hand.type(composer(salon.at), "Until Friday");
    await typing(alice.at).waitFor();
    await hand.enter();
    await said(alice.at, "Until Friday").waitFor();
    await typing(alice.at).waitFor({ state: "hidden" });
    await hand.choose(actions(alice.at, "Until Friday"), item(alice.at, "Reply"), allActions(alice.at));
    await say(hand, alice.at, "I look forward to it");
    await said(salon.at, "I look forward to it").locator("[part=quote]").getByText("Until Friday").waitFor();
    await hand.choose(actions(salon.at, "Until Friday").first(), item(salon.at, "Edit"), allActions(salon.at));
    await hand.type(composer(salon.at), ", at eleven");
    await hand.enter();
    await said(alice.at, "Until Friday, at eleven").getByText("edited").waitFor();
    await say(hand, salon.at, "Wrong person, sorry");
    await hand.choose(actions(salon.at, "Wrong person"), item(salon.at, "Delete"), allActions(salon.at));
    await hand.press(salon.at.getByRole("dialog").getByRole("button", { name: "Delete" }));
    await said(alice.at, "Message deleted").waitFor();

    for (const [name, is, text] of [["stream", "long-poll", "by long-poll"], ["longPoll", "poll", "by poll"]]) {
      await hand.toggle(switchOf(alice, name));
      await shows(alice.panel, "transport", is);
      await say(hand, salon.at, text);
      await said(alice.at, text).waitFor();
    }
    await alice.panel.getByText("SSE and long-poll are forbidden").waitFor();
    for (const name of ["stream", "longPoll"]) await hand.toggle(switchOf(alice, name));
    await shows(alice.panel, "transport", "stream");
    await shows(alice.panel, "status", "live");

    const opened = page.context().waitForEvent("page");
    await hand.press(page.getByRole("link", { name: "New tab : Alice Martin" }));
    const tab = await opened;
    await said(tab, "by poll").waitFor();
    await page.bringToFront();
    await say(hand, salon.at, "To both tabs");
    await said(tab, "To both tabs").waitFor();
    await said(alice.at, "To both tabs").waitFor();
    const streams = async () => Number((await (await fetch(`${BASE}/metrics`)).text()).match(/^causerie_streams_open ([0-9.]+)/m)[1]);
    assert.equal(await settles(streams, 2), 2, "one of Alice's two tabs, and one of the salon");
    await tab.close();
    return "typing, reply, edit, delete; stream, long-poll, poll and back; one connection for two tabs";
  },

  async group(hand, page) {
    const [salon, alice, bob] = [person(page, "salon", "Salon Lumière"), person(page, "alice", "Alice Martin"), person(page, "bob", "Bob Durand")];
    const members = salon.at.getByRole("dialog", { name: "Members" });
    await hand.choose(menuOf(salon.at), item(salon.at, "Members"));
    await hand.type(members.getByRole("textbox"), "nora");
    await hand.enter();
    for (const { at } of [salon, alice, bob]) await said(at, "Nora Petit").first().waitFor();
    await hand.press(members.getByRole("button", { name: "Make admin : Bob Durand" }));
    await members.getByRole("button", { name: "Make member : Bob Durand" }).waitFor();
    await hand.close(members);
    await hand.choose(menuOf(bob.at), item(bob.at, "Members"));
    const his = bob.at.getByRole("dialog", { name: "Members" });
    await his.getByRole("button", { name: "Add" }).waitFor();
    await hand.close(his);
    await hand.choose(menuOf(alice.at), item(alice.at, "Leave"));
    await hand.press(alice.at.getByRole("dialog").getByRole("button", { name: "Leave" }));
    await rows(alice.at).filter({ hasText: "Soirée" }).waitFor({ state: "detached" });
    await say(hand, salon.at, "Without Alice");
    await said(bob.at, "Without Alice").waitFor();
    assert.ok(!(await alice.at.locator("body").innerText()).includes("Without Alice"));
    return "somebody added, one more admin, one who left and hears nothing more";
  },

  async tenants(hand, page) {
    const [here, there] = [person(page, "alice", "Alice Martin"), person(page, "alice@caserne", "Alice Renard")];
    await hand.pick(rows(there.at).filter({ hasText: "Garde de nuit" }), rows(there.at));
    await say(hand, there.at, "Who is on watch?");
    await said(there.at, "Who is on watch?").getByLabel("sent", { exact: true }).waitFor();
    // Who is not known is offered as the id that was typed, and then refused.
    for (const [{ at }, found] of [[here, "karim"], [there, "Karim Benali"]]) {
      const [back, dialog] = [at.getByRole("button", { name: "Back", exact: true }), at.getByRole("dialog")];
      if (await back.isVisible()) await hand.press(back);
      await hand.press(at.getByRole("button", { name: "New conversation" }));
      await hand.type(dialog.getByRole("textbox").first(), "karim");
      await dialog.getByText(found, { exact: true }).waitFor();
      await hand.toggle(dialog.getByRole("checkbox", { name: found }));
      await hand.press(dialog.getByRole("button", { name: "Start" }));
      if (found === "karim") {
        await dialog.getByRole("alert").filter({ hasText: /./ }).waitFor();
        await hand.close(dialog);
      } else await dialog.waitFor({ state: "hidden" });
    }
    await say(hand, there.at, "Ready, Karim?");
    assert.ok(!(await here.at.locator("body").innerText()).includes("on watch"));
    return "two people of one id: neither sees or finds whom the other knows";
  },
};

await play(async (browser) => {
  // As tall as the page: a dialog in a frame that is half below the edge cannot be scrolled to.
  const page = await listen(await context(browser, { locale: "en-GB", viewport: { width: 1280, height: 1800 } }));
  const hand = hands[HAND](page);
  await page.goto(`${BASE}/demo`);
  for (const [name, story] of Object.entries(STORIES)) {
    const began = Date.now();
    const what = await open(hand, page, name).then(() => story(hand, page)).catch((error) => {
      throw new Error([`${name}, by ${hand.name}`, ...page.said.slice(-20)].join("\n"), { cause: error });
    });
    console.log(`${name}, by ${hand.name}, ${Date.now() - began} ms: ${what}`);
  }
  assert.deepEqual(page.complaints, []);
});
