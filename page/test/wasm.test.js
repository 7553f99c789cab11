import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withoutDebugging } from "../wasm.mjs";

const whole = readFileSync(new URL("../node_modules/@mujoco/mujoco/mujoco.wasm", import.meta.url));

test("without what debuggers need, MuJoCo has the same imports and exports, and less than half of the bytes", () => {
  const small = withoutDebugging(whole);
  assert.ok(small.length < whole.length / 2);
  const [before, after] = [new WebAssembly.Module(whole), new WebAssembly.Module(small)];
  assert.deepEqual(WebAssembly.Module.exports(after), WebAssembly.Module.exports(before));
  assert.deepEqual(WebAssembly.Module.imports(after), WebAssembly.Module.imports(before));
  assert.equal(WebAssembly.Module.customSections(after, "name").length, 0);
  assert.deepEqual(withoutDebugging(small), small);
});
