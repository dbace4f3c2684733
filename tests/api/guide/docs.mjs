/** The description of the API as somebody meets it in development: "Authorize" is filled in, and trying an operation works. */
import assert from "node:assert/strict";
import { play } from "../../browser/stage.mjs";

const { SITE } = process.env;

await play(async (browser) => {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  const complaints = [];
  const foreign = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (line) => { if (line.type() === "error") complaints.push(line.text()); });
  page.on("request", (request) => { if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== SITE) foreign.push(request.url()); });
  await page.goto(`${SITE}/docs`);
  const me = page.locator("#operations-users-getMe");
  await me.locator(".opblock-summary").click();
  await me.getByRole("button", { name: "Try it out" }).click();
  await me.getByRole("button", { name: "Execute" }).click();
  const answer = me.locator(".live-responses-table tbody");
  await answer.getByText("Alice Martin").waitFor();
  assert.match(await answer.innerText(), /^200/);
  assert.deepEqual([complaints, foreign], [[], []]);
});
