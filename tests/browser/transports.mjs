/**
 * Two people behind some proxy: the client must find the transport that gets through it, EXPECTED, and whatever it tries
 * on the way, each message is heard once and in order.
 */
import assert from "node:assert/strict";
import { call, context, heard, play, transport, until, visit } from "./stage.mjs";
import { cutter } from "./cutter.mjs";

const { ALICE, BOB, EXPECTED, CUT_AT } = process.env;
const BASE = CUT_AT ? await cutter(process.env.BASE, Number(CUT_AT)) : process.env.BASE;

await play(async (browser) => {
  await call(BASE, BOB, "GET", "/v1/me");
  const { id } = await call(BASE, ALICE, "POST", "/v1/conversations", { type: "PRIVATE", recipientId: "bob" });
  const alice = await visit(await context(browser), BASE, ALICE);
  const bob = await visit(await context(browser), BASE, BOB);
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
    // Quiet in between, as conversations are: what cuts silence is to be met.
    await bob.waitForTimeout(5000);
    await send();
  }
  const settled = Date.now() - began;
  for (let n = 0; n < 3; n++) await send();
  assert.deepEqual(await heard(bob), sent);
  const { transport: last, reason } = await bob.evaluate(() => window.causerie.state);
  if (EXPECTED) assert.equal(last, EXPECTED, reason);
  assert.deepEqual([...alice.complaints, ...bob.complaints], []);
  console.log(`${last} after ${settled} ms (${reason}), ${sent.length} messages heard once each, in order`);
});
