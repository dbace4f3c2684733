// The client as one file: `node web/client/pack.mjs > web/client.js`, which is committed and served. Its parts, in the order
// in which they need each other, without comments and indentation; nothing is renamed. No name stands at the top of two
// parts, so they can be one.
import { readFileSync } from "node:fs";

const PARTS = ["http", "feed", "tabs", "model", "causerie"];
const EXPORTED = ["Causerie", "Refusal", "Unreachable"];

export const pack = () => {
  const texts = PARTS.map((name) => readFileSync(new URL(`./${name}.js`, import.meta.url), "utf8"));
  const code = texts.join("\n").replace(/\/\*\*[^]*?\*\/\s?/g, "").replace(/^import .*\n/gm, "").replace(/^export /gm, "");
  return `/* Made from web/client/ by pack.mjs. */\n${code.replace(/^\s*\/\/.*\n/gm, "").replace(/^\s+/gm, "")}export { ${EXPORTED.join(", ")} };\n`;
};

if (process.argv[1]?.endsWith("pack.mjs")) process.stdout.write(pack());
