import assert from "node:assert/strict";
import { test } from "node:test";
import { Live } from "../src/live.js";
import { makePearl } from "../src/policies/pearl.js";
import { makeMaml } from "../src/policies/maml.js";
import { adapt } from "../src/swarm.js";
import { families } from "../src/tasks.js";
import { loadModel, metaPolicy } from "./fixtures.js";

async function start(options) {
  const { mujoco, model } = await loadModel();
  const pearl = makePearl(await metaPolicy("pearl-cheetah-velocity"));
  return new Live({ mujoco, model, pearl, family: families.velocity, task: 0.5, memory: 20, seed: 1, ...options });
}

function run(live, steps) {
  let frame;
  for (let step = 0; step < steps; step++) frame = live.step();
  return frame;
}

for (const seed of [1, 2, 3]) {
  test(`after the wanted speed changes from 0.5 to 2.5, it runs that fast within two seconds (seed ${seed})`, async () => {
    const live = await start({ seed });
    run(live, 100);
    live.set({ task: 2.5 });
    const speeds = Array.from({ length: 40 }, () => live.step().speed); // means over half a second
    assert.ok(speeds.some((speed) => Math.abs(speed - 2.5) < 0.4));
    live.close();
  });
}

test("without rewards of the new task, it does not change its speed", async () => {
  const live = await start({ lie: 0.5 });
  run(live, 200);
  live.set({ task: 2.5, lie: 0.5 });
  assert.ok(Math.abs(run(live, 100).speed - 0.5) < 0.6);
  live.close();
});

test("a cheetah on its back is told from one that runs", async () => {
  const live = await start();
  assert.equal(run(live, 100).fallen, false);
  live.cheetah.setState([0, 0, Math.PI, 0, 0, 0, 0, 0, 0], new Array(9).fill(0));
  assert.equal(run(live, 60).fallen, true);
  live.start();
  assert.equal(run(live, 60).fallen, false);
  live.close();
});

test("the same seed gives the same run", async () => {
  const [one, two] = [await start(), await start()];
  assert.deepEqual(run(one, 30), run(two, 30));
  one.close();
  two.close();
});

test("a run that diverges says so, and can start over", async () => {
  const live = await start();
  live.cheetah.view("qvel").fill(1e9);
  assert.throws(() => run(live, 3), { code: "diverged" });
  live.start();
  assert.ok(Number.isFinite(run(live, 5).speed));
  live.close();
});

test("a swarm adapts: after a gradient step its mean return is higher", async () => {
  const { mujoco, model } = await loadModel();
  const maml = makeMaml(await metaPolicy("maml-cheetah-direction"));
  const events = [...adapt({ mujoco, model, maml, family: families.direction, task: -1, steps: 1, seed: 0, episodes: 10 })];
  const [before, after] = events.filter(({ kind }) => kind === "stage");
  const mean = (numbers) => numbers.reduce((a, b) => a + b) / numbers.length;
  assert.ok(mean(after.returns) > mean(before.returns) + 300);
  assert.equal(after.envSteps, 10 * 200);
});
