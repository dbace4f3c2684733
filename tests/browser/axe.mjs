/**
 * axe-core looks at the elements in all that they can show: each menu and each dialog open, light and dark, on a phone and
 * on a desk. What it calls serious or critical fails the story; the rest is printed.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { act, badge, bell, composer, notices, rows, said, write } from "./reader.mjs";
import { call, context, listen, play, token, until, visit } from "./stage.mjs";

const { BASE, CAUSERIE_TEST_TOOLS } = process.env;
const AXE = await readFile(`${CAUSERIE_TEST_TOOLS}/node/node_modules/axe-core/axe.min.js`, "utf8");
const DESK = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const VIEWS = [["light", DESK], ["dark", DESK], ["light", PHONE], ["dark", PHONE]];
const [ALICE, BOB, NORA] = ["Alice", "Bob", "Nora"].map((name) => token(name.toLowerCase(), { name }));

/** Two conversations with all kinds of messages in them; nothing that has to be fetched from elsewhere. */
async function prepare() {
  for (const one of [ALICE, BOB, NORA]) await call(BASE, one, "GET", "/v1/me");
  const context = { type: "APPOINTMENT", id: "1", title: "Cut and colour", startsAt: "2027-03-12T10:00:00Z", url: "https://salon.example/1" };
  const pair = await call(BASE, BOB, "POST", "/v1/conversations", { type: "PRIVATE", recipientId: "alice", context });
  const group = await call(BASE, ALICE, "POST", "/v1/conversations", { type: "GROUP", memberIds: ["bob", "nora"], subject: "Opening night" });
  const say = (who, { id }, content, more = {}) => call(BASE, who, "POST", `/v1/conversations/${id}/messages`, { content, ...more });
  const asked = await say(BOB, group, "Shall I bring music? See https://music.example");
  await say(ALICE, group, "Please do", { replyToId: asked.id });
  await call(BASE, ALICE, "PATCH", `/v1/messages/${(await say(ALICE, group, "At seven")).id}`, { content: "At eight" });
  await call(BASE, NORA, "DELETE", `/v1/messages/${(await say(NORA, group, "Wrong place")).id}`);
  await say(BOB, group, "Here is the list", { attachments: [{ url: "https://files.example/list.pdf", type: "application/pdf", fileName: "list.pdf" }] });
  await say(BOB, pair, "See you there");
}

const BACKEND = token("backend", { role: "service" });
const notify = (more) => call(BASE, BACKEND, "POST", "/v1/notifications", { userId: "alice", type: "T", title: "Your appointment was moved", message: "Friday at ten, with Inès", ...more });

const closed = (page) => page.keyboard.press("Escape");
const open = (page, name) => rows(page).filter({ hasText: name }).click();
const back = async (page) => { if (await page.getByRole("button", { name: "Back", exact: true }).isVisible()) await page.getByRole("button", { name: "Back", exact: true }).click(); };
const choose = async (page, action) => {
  await page.locator("causerie-thread [part=menu-button]").click();
  await page.getByRole("menuitem", { name: action }).click();
};

/** What is looked at, in order: each begins where the one before has left the page. */
const SCENES = {
  "a bell that nothing rings": async (page) => {
    for (const { id } of (await call(BASE, ALICE, "GET", "/v1/notifications?limit=100")).items) await call(BASE, ALICE, "DELETE", `/v1/notifications/${id}`);
    await bell(page).click();
    await page.getByText("No notification.").waitFor();
  },
  "a bell that was rung": async (page) => {
    await closed(page);
    await notify({ link: "/host.html" });
    await notify({ title: "Ready", message: undefined });
    await page.getByRole("button", { name: "2 unread notifications" }).click();
    await notices(page).nth(1).waitFor();
  },
  "notifications that are read": async (page) => {
    await page.getByRole("button", { name: "Mark all as read" }).click();
    await page.locator("causerie-bell .row.unread").first().waitFor({ state: "detached" });
  },
  "the list": async (page) => {
    await closed(page);
    await badge(page).getByLabel(/unread/).waitFor();
  },
  "a search that finds nobody": (page) => page.getByRole("searchbox").fill("zzz"),
  "what is archived": async (page) => {
    await page.getByRole("searchbox").fill("");
    await page.getByRole("button", { name: "Archived" }).click();
  },
  "an appointment": async (page) => {
    await page.getByRole("button", { name: "All", exact: true }).click();
    await open(page, "Cut and colour");
    await said(page, "See you there").last().waitFor();
  },
  "a group": async (page) => {
    await back(page);
    await open(page, "Opening night");
    await said(page, "At eight").getByText("edited").waitFor();
  },
  "a message's menu": (page) => said(page, "At eight").getByRole("button", { name: "Actions" }).click(),
  "an edit": async (page) => {
    await closed(page);
    await act(page, "At eight", "Edit");
  },
  "an answer": async (page) => {
    await closed(page);
    await act(page, "Here is the list", "Reply");
  },
  "the question before a message is deleted": async (page) => {
    await closed(page);
    await act(page, "At eight", "Delete");
    await page.getByRole("dialog").waitFor();
  },
  "a conversation's menu": async (page) => {
    await closed(page);
    await page.locator("causerie-thread [part=menu-button]").click();
  },
  "the members": async (page) => {
    await page.getByRole("menuitem", { name: "Members" }).click();
    await page.getByRole("dialog").getByText("Nora").first().waitFor();
  },
  "what the service refuses": async (page) => {
    await page.getByRole("dialog").getByRole("textbox").fill("nobody-at-all");
    await page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
    await page.getByRole("alert").filter({ hasText: /./ }).waitFor();
  },
  "the question before a member is removed": async (page) => {
    await page.getByRole("button", { name: "Remove : Nora" }).click();
    await page.getByRole("dialog", { name: /^Remove Nora/ }).waitFor();
  },
  "the question before one leaves": async (page) => {
    await closed(page);
    await closed(page);
    await choose(page, "Leave");
    await page.getByRole("dialog", { name: /^Leave/ }).waitFor();
  },
  "a toast": async (page) => {
    await closed(page);
    await choose(page, "Archive");
    await page.locator("[part=toast]").filter({ hasText: "Archived." }).last().waitFor();
  },
  "a new conversation, with two people": async (page) => {
    const group = await page.evaluate(() => window.causerie.conversations.all.find(({ type }) => type === "GROUP").id);
    await page.evaluate((id) => window.causerie.conversations.archive(id, false), group);
    await page.getByRole("button", { name: "New conversation" }).click();
    for (const name of ["Bob", "Nora"]) await page.getByRole("dialog").getByRole("checkbox", { name }).check();
  },
  "a message that was refused": async (page) => {
    await closed(page);
    await open(page, "Cut and colour");
    await page.route("**/messages", (route) => route.request().method() === "POST"
      ? route.fulfill({ status: 422, contentType: "application/problem+json", body: JSON.stringify({ status: 422, code: "validation", title: "No", detail: "That is too much." }) }) : route.fallback());
    await write(page, "Refused");
    await said(page, "Refused").getByRole("button", { name: "Send again" }).waitFor();
  },
  "no network": async (page) => {
    await page.context().setOffline(true);
    await page.locator("[part=connection]").filter({ hasText: "No connection" }).waitFor();
    await write(page, "Later");
    await composer(page).fill("And more");
  },
};

/** Looks at the page once what fades in is there; gives what it finds, in words. */
async function look(page) {
  await until(page, () => {
    const roots = [document];
    for (const root of roots) for (const { shadowRoot } of root.querySelectorAll("*")) if (shadowRoot) roots.push(shadowRoot);
    return roots.every((root) => root.getAnimations().every(({ playState }) => playState !== "running"));
  });
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.flatMap(({ id, impact, help, nodes }) => nodes.map(({ target, failureSummary }) =>
    ({ isSerious: ["serious", "critical"].includes(impact), text: `${impact} ${id} (${help}): ${target.flat().join(" ")}\n    ${failureSummary.split("\n").slice(1).join("; ").trim()}` })));
}

await play(async (browser) => {
  await prepare();
  /** What was found, and where. */
  const found = new Map();
  let looks = 0;
  const note = async (page, where) => {
    looks++;
    for (const one of await look(page)) found.set(one.text, { ...one, wheres: [...(found.get(one.text)?.wheres ?? []), where] });
  };
  for (const [colorScheme, view] of VIEWS) {
    const name = `${colorScheme}, ${view === DESK ? "desk" : "phone"}`;
    const made = await context(browser, { ...view, colorScheme });
    const stranger = await listen(made);
    await stranger.goto(`${BASE}/host.html`);
    await until(stranger, () => window.causerie?.state.status === "signed-out");
    await stranger.evaluate(AXE);
    await note(stranger, `${name}: a stranger`);
    assert.deepEqual(stranger.complaints, []);
    await stranger.close();
    // Each view begins with something unread.
    const bobs = await call(BASE, BOB, "GET", "/v1/conversations");
    await call(BASE, BOB, "POST", `/v1/conversations/${bobs.items.find(({ type }) => type === "PRIVATE").id}/messages`, { content: `See you there, ${name}` });
    const page = await visit(made, BASE, ALICE);
    await page.evaluate(AXE);
    for (const [scene, begin] of Object.entries(SCENES)) {
      await begin(page).catch((error) => { throw new Error(`${name}: ${scene}`, { cause: error }); });
      await note(page, `${name}: ${scene}`);
    }
    assert.deepEqual(page.complaints, []);
    await made.close();
  }
  for (const { text, wheres } of found.values()) console.log(`${text}\n    at ${wheres.length} of ${looks}: ${wheres.slice(0, 4).join("; ")}`);
  assert.equal([...found.values()].filter(({ isSerious }) => isSerious).length, 0, "serious or critical: see above");
  console.log(`axe-core looked ${looks} times: nothing serious`);
});
