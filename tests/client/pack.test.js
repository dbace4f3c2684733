import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { pack } from "../../web/client/pack.mjs";
import { Browser } from "./browser.js";
import { Service, clock, token } from "./support.js";

const LIMIT = 12 * 1024;
const zipped = (text) => gzipSync(text, { level: 9 }).length;

test("packed, the client is at most 12 KiB, gzipped", (t) => {
  const folder = new URL("../../web/client/", import.meta.url);
  const parts = readdirSync(folder).filter((name) => name.endsWith(".js")).map((name) => zipped(readFileSync(new URL(name, folder))));
  t.diagnostic(`packed ${zipped(pack())} B; as ${parts.length} parts with their comments ${parts.reduce((sum, size) => sum + size)} B`);
  assert.ok(zipped(pack()) <= LIMIT);
});

test("what is served is what is packed: node web/client/pack.mjs > web/client.js", () => {
  assert.equal(readFileSync(new URL("../../web/client.js", import.meta.url), "utf8"), pack());
});

test("the elements are at most 30 KiB, gzipped", () => {
  const folder = new URL("../../web/elements/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".js")).map((name) => new URL(name, folder));
  const sizes = [new URL("../../web/elements.js", import.meta.url), ...files].map((file) => zipped(readFileSync(file)));
  assert.ok(sizes.reduce((sum, size) => sum + size) <= 30 * 1024);
});

test("packed, the client still talks", async (t) => {
  new Browser().install(t);
  const after = clock(t), service = new Service(t), got = [];
  const { Causerie, Refusal, Unreachable } = await import(`data:text/javascript,${encodeURIComponent(pack())}`);
  assert.ok(Refusal.prototype instanceof Error && Unreachable.prototype instanceof Error);
  const client = new Causerie({ token: token() });
  client.on("message.created", ({ cursor }) => got.push(cursor));
  client.start();
  await after(1000);
  service.say(1);
  client.thread("c").send({ content: "bonjour" });
  await after(1000);
  assert.deepEqual(got, ["k1", "k2"]);
  client.stop();
});
