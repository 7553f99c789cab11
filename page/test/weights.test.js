import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHalf, readMetaPolicy } from "../src/policies/weights.js";
import { cardOf, weightsOf } from "./fixtures.js";

const NAME = "maml-cheetah-velocity";
const changedCard = (change) => {
  const card = JSON.parse(cardOf(NAME));
  Object.assign(card.export, change);
  return JSON.stringify(card);
};

test("numbers in half precision", () => {
  const known = { 0x3c00: 1, 0xc000: -2, 0x3555: 0.333251953125, 0x0001: 2 ** -24, 0x7bff: 65504, 0x8000: -0 };
  for (const [bits, value] of Object.entries(known)) assert.equal(fromHalf(Number(bits)), value);
  assert.equal(fromHalf(0x7c00), Infinity);
  assert.ok(Number.isNaN(fromHalf(0x7e00)));
});

test("intact files are read", async () => {
  const { card, tensors } = await readMetaPolicy(cardOf(NAME), weightsOf(NAME));
  assert.equal(card.name, NAME);
  assert.deepEqual(tensors.rates.shape, [3, 8]);
});

test("a file of a newer version is refused as too new", async () => {
  await assert.rejects(readMetaPolicy(changedCard({ format: 2 }), weightsOf(NAME)), { code: "tooNew" });
});

for (const at of [0, 9, 300, 20000]) {
  test(`a file with byte ${at} changed is refused as damaged`, async () => {
    const bytes = weightsOf(NAME);
    new Uint8Array(bytes)[at] ^= 0x40;
    await assert.rejects(readMetaPolicy(cardOf(NAME), bytes), { code: "damaged" });
  });
}

test("a truncated file and a card that is none are refused as damaged", async () => {
  await assert.rejects(readMetaPolicy(cardOf(NAME), weightsOf(NAME).slice(0, 1000)), { code: "damaged" });
  await assert.rejects(readMetaPolicy("{", weightsOf(NAME)), { code: "damaged" });
  await assert.rejects(readMetaPolicy("{}", weightsOf(NAME)), { code: "damaged" });
});
