/**
 * What is served and published, made from web/client/ and web/elements/: one module each, and its types. Started by
 * script/pack; a test compares what is committed with what this makes.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
export const tools = resolve(process.env.CAUSERIE_TEST_TOOLS ?? join(root, "target/tools"), "node/");
const require = createRequire(`${tools}/`);
export const PARTS = ["client", "elements"];
const FIRST = (/** @type {string} */ name) => `/* Made from web/${name}/ by script/pack. */\n`;

/** As tests/browser/main.rs checks them. */
const CHECKED = "--checkJs --allowJs --strict --target es2022 --module es2022 --moduleResolution bundler --lib es2023,dom,dom.iterable".split(" ");

/** @param {string} name */
async function code(name) {
  const { build } = require("esbuild");
  const { outputFiles: [{ text }] } = await build({
    absWorkingDir: root, entryPoints: [`web/${name}/index.js`], outfile: `web/${name}.js`, write: false, bundle: true, minify: true,
    // A page has one client, whichever of the two it imports.
    format: "esm", target: "es2022", charset: "utf8", external: ["./web/client.js"], banner: { js: FIRST(name).trimEnd() },
  });
  return text;
}

/** The compiler gives each part its own file; a package wants one. @param {string} name */
async function types(name) {
  const { rollup } = require("rollup");
  const { dts } = require("rollup-plugin-dts");
  const made = mkdtempSync(join(tmpdir(), "causerie-types-"));
  try {
    execFileSync(process.execPath, [join(tools, "node_modules/typescript/bin/tsc"), "--declaration", "--emitDeclarationOnly", "--rootDir", "web", "--outDir", made,
      ...CHECKED, `web/${name}/index.js`, `web/${name}/types.d.ts`], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    // Written by hand, hence not given out.
    copyFileSync(join(root, "web", name, "types.d.ts"), join(made, name, "types.d.ts"));
    const bundle = await rollup({ input: join(made, name, "index.d.ts"), external: /\/client\.js$/, plugins: [dts()] });
    const { output: [{ code }] } = await bundle.generate({ format: "es", paths: (/** @type {string} */ path) => path.replace(/^.*\/(?=client\.js$)/, "./") });
    return FIRST(name) + code;
  } finally {
    rmSync(made, { recursive: true });
  }
}

/** What is made, by its name in web/; the elements are checked against the client's types as they are there. @returns {Promise<Record<string, string>>} */
export const pack = async (/** @type {string} */ name) => ({ [`${name}.js`]: await code(name), [`${name}.d.ts`]: await types(name) });

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const part of PARTS) for (const [name, text] of Object.entries(await pack(part))) writeFileSync(join(root, "web", name), text);
