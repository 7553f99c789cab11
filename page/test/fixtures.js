// Reads the exported models and the fixtures that Python wrote: python tests/tools/page_fixtures.py

import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import loadMujoco from "@mujoco/mujoco";
import { readMetaPolicy, readSafetensors } from "../src/policies/weights.js";

globalThis.crypto ??= webcrypto; // Node.js 18 has it under this name only

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const bytesOf = (path) => Uint8Array.from(readFileSync(here(path))).buffer;

export const cardOf = (name) => readFileSync(here(`../models/${name}.json`), "utf8");
export const weightsOf = (name) => bytesOf(`../models/${name}.safetensors`);
export const metaPolicy = (name) => readMetaPolicy(cardOf(name), weightsOf(name));

/** The arrays of a fixture, by name, each as nested arrays of numbers. */
export function fixture(name) {
  const tensors = readSafetensors(bytesOf(`fixtures/${name}.safetensors`));
  return Object.fromEntries(Object.entries(tensors).map(([key, { shape, values }]) => [key, nested(values, shape)]));
}

function nested(values, [, ...inner]) {
  if (!inner.length) return Array.from(values);
  const size = inner.reduce((a, b) => a * b);
  return Array.from({ length: values.length / size }, (_, i) => nested(values.subarray(i * size, (i + 1) * size), inner));
}

let mujoco;
export async function loadModel() {
  mujoco ??= await loadMujoco();
  return { mujoco, model: mujoco.MjModel.from_xml_string(readFileSync(here("../models/half_cheetah.xml"), "utf8")) };
}

/** The largest difference between two equally nested arrays. */
export function farthest(a, b) {
  if (typeof a === "number") return Math.abs(a - b);
  if (a.length !== b.length) throw new Error(`${a.length} numbers against ${b.length}`);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, farthest(a[i], b[i]));
  return most;
}

/** The length of a - b as a fraction of that of b. */
export function relative(a, b) {
  const length = (x) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
  return length(Array.from(b, (value, i) => value - a[i])) / length(Array.from(b));
}
