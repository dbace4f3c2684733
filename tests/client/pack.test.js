/** What is served and published: of today's sources, small enough, and of use to who installs it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { PARTS, pack, tools } from "../../web/pack.mjs";
import { Browser } from "./browser.js";
import { Service, clock, token } from "./support.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (name) => readFileSync(join(root, name), "utf8");
const LIMITS = { client: 12, elements: 30 };

for (const part of PARTS) {
  test(`web/${part}.js and its types are of today's sources: script/pack`, async () => {
    for (const [name, text] of Object.entries(await pack(part))) assert.ok(read(`web/${name}`) === text, `${name} is stale`);
  });

  test(`${part}.js is at most ${LIMITS[part]} KiB, gzipped`, (t) => {
    const size = gzipSync(read(`web/${part}.js`), { level: 9 }).length;
    t.diagnostic(`${size} B`);
    assert.ok(size <= LIMITS[part] * 1024);
  });
}

test("the package has the version of the service", () => {
  const [, version] = read("Cargo.toml").match(/^version = "(.*)"$/m), [, license] = read("Cargo.toml").match(/^license = "(.*)"$/m);
  const made = JSON.parse(read("web/package.json"));
  assert.deepEqual([made.version, made.license], [version, license]);
});

const CONSUMER = `
import { Causerie, Refusal, type Message, type Thread } from "causerie";
import { configure, connect } from "causerie/elements";
const causerie: Causerie = new Causerie({ url: "/causerie", getToken: async () => null });
const thread: Thread = causerie.thread("c");
const contents: (string | null)[] = thread.items.map((one) => one.content);
const failure: unknown = await thread.send({ content: "bonjour" }).catch((error) => error);
if (failure instanceof Refusal) console.log(failure.status, failure.code, contents);
causerie.on("message.created", ({ data }: { data: { message: Message } }) => console.log(data.message.seq));
connect(causerie);
configure({ token: "t" }).stop();
// @ts-expect-error: the types are there, not any.
causerie.thread(7);
`;

test("the package can be installed, imported in Node, and checked by a compiler", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "causerie-consumer-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const run = (program, ...args) => execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const [{ filename, files }] = JSON.parse(run("npm", "pack", join(root, "web"), "--json", "--loglevel=error"));
  assert.deepEqual(files.map(({ path }) => path).sort(), ["client.d.ts", "client.js", "elements.d.ts", "elements.js", "package.json"]);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  run("npm", "install", `./${filename}`, "--offline", "--no-audit", "--no-fund", "--loglevel=error");
  const printed = run("node", "-e", 'import("causerie").then(({ Causerie }) => console.log(new Causerie({ token: "" }).state.status))');
  assert.equal(printed, "stopped\n");
  writeFileSync(join(folder, "consumer.ts"), CONSUMER);
  run("node", join(tools, "node_modules/typescript/bin/tsc"), ..."--noEmit --strict --target es2022 --module nodenext --lib es2023,dom --types".split(" "), "", "consumer.ts");
});

test("packed, the client still talks", async (t) => {
  new Browser().install(t);
  const after = clock(t), service = new Service(t), got = [];
  const { Causerie, Refusal, Unreachable } = await import("../../web/client.js");
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
