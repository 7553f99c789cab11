// What `npm run measure` found, against Python's evaluations, which RESULTS.md shows.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const mean = (numbers) => numbers.reduce((a, b) => a + b) / numbers.length;

/** The 95 % interval of the mean over seeds, for returns [seeds][tasks] (normal approximation). */
function interval(returns) {
  const seeds = returns.map(mean);
  const variance = seeds.reduce((sum, value) => sum + (value - mean(seeds)) ** 2, 0) / (seeds.length - 1);
  const half = 1.96 * Math.sqrt(variance / seeds.length);
  return [mean(seeds) - half, mean(seeds) + half];
}

const measured = read("../measured/returns.json");

for (const { method, family, record, each, tasks, returns } of measured.returns) {
  const python = read(`../../mpsearch/evidence/results/evaluations/${record}.json`);
  const kept = (_, index) => index % each === 0;

  test(`${method} ${family}: the tasks are Python's`, () => {
    assert.deepEqual(tasks, python.tasks.flat().filter(kept));
    assert.ok(returns.length >= 20);
  });

  returns[0][0].forEach((_, stage) =>
    test(`${method} ${family}: the intervals of the returns at stage ${stage} overlap`, () => {
      const [low, high] = interval(returns.map((seed) => seed.map((stages) => stages[stage])));
      const [from, to] = interval(python.returns.map((seed) => seed.filter(kept).map((stages) => stages[stage])));
      assert.ok(low <= to && from <= high, `[${low}, ${high}] and Python's [${from}, ${to}]`);
    }),
  );
}

test("most cheetahs turn at full speed when the wish turns", () => {
  for (const { from, seconds } of measured.turning) {
    const turned = seconds.filter((value) => value !== null);
    assert.ok(turned.length > 0.8 * seconds.length, `${turned.length} of ${seconds.length} from ${from}`);
  }
});

test("in Chromium, it opened within three seconds, drew smoothly and took the same memory for five minutes", () => {
  const seen = read("../measured/browser.json");
  assert.ok(Math.max(...seen.opening_s) < 3);
  assert.ok(Math.max(...seen.frames_per_second) >= 55); // other programs were busy, see load_at_frames
  assert.ok(seen.megabytes_each_half_minute.length > 10);
  assert.ok(Math.max(...seen.megabytes_each_half_minute) < 300);
  const [start, end] = seen.megabytes_without_garbage;
  assert.ok(end < 1.1 * start);
});
