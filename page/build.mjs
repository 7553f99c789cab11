// Builds the page into mpsearch/web/, a folder of static files for any web server: npm run build

import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { withoutDebugging } from "./wasm.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = here("../mpsearch/web/");

if (!existsSync(here("models/half_cheetah.xml"))) {
  console.error("The exported meta-policies are missing: run 'mpsearch export --folder page/models' in the repository.");
  process.exit(1);
}
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  entryPoints: [here("src/main.js"), here("src/worker.js")],
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  external: ["module", "fs", "path", "node:*"], // MuJoCo's loader names them for Node.js
});
await cp(here("public"), out, { recursive: true });
await cp(here("models"), `${out}models`, { recursive: true });
const wasm = await readFile(here("node_modules/@mujoco/mujoco/mujoco.wasm"));
await writeFile(`${out}mujoco.bin`, gzipSync(withoutDebugging(wasm), { level: 9 }));

const files = (await readdir(out, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile() && entry.name !== "service-worker.js")
  .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.replaceAll("\\", "/").replace(/\/+/g, "/"))
  .map((path) => path.slice(out.replaceAll("\\", "/").length))
  .sort();
const digest = createHash("sha256");
let total = 0;
for (const file of files) {
  const data = await readFile(`${out}${file}`);
  digest.update(file).update(data);
  total += gzipSync(data).length;
}
const worker = await readFile(here("public/service-worker.js"), "utf8");
const filled = worker
  .replace("VERSION_OF_BUILD", digest.digest("hex").slice(0, 12))
  .replace('["FILES_OF_BUILD"]', JSON.stringify(["./", ...files]));
await writeFile(`${out}service-worker.js`, filled);
console.log(`${files.length + 1} files in mpsearch/web, ${(total / 1e6).toFixed(2)} MB compressed`);
