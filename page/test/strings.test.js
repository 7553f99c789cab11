import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import en from "../src/strings/en.js";
import zh from "../src/strings/zh.js";

const blanks = (words) => (words.match(/\{\w+\}/g) ?? []).sort();

test("both languages have the same strings, with the same blanks", () => {
  assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort());
  for (const key of Object.keys(en)) assert.deepEqual(blanks(zh[key]), blanks(en[key]), key);
});

test("every string that the page asks for exists", () => {
  const page = readFileSync(new URL("../public/index.html", import.meta.url), "utf8");
  const folder = new URL("../src/", import.meta.url);
  const sources = readdirSync(folder).filter((name) => name.endsWith(".js"));
  const code = sources.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");
  const asked = [...page.matchAll(/data-t="(\w+)"/g), ...code.matchAll(/\b(?:t|tell|fail)\("(\w+)"/g)].map(([, key]) => key);
  assert.ok(asked.length > 30);
  for (const key of asked) assert.ok(key in en, key);
});

test("every error of the worker has a sentence", () => {
  for (const code of ["damaged", "tooNew", "missing", "diverged", "unexpected"]) assert.ok(en[code].endsWith("."));
});
