import assert from "node:assert/strict";
import { test } from "node:test";
import { Cheetah } from "../src/physics.js";
import { act, belief, factor, guess, makePearl, transition } from "../src/policies/pearl.js";
import { families } from "../src/tasks.js";
import { farthest, fixture, loadModel, metaPolicy } from "./fixtures.js";

const STEPS = 20;

for (const family of ["direction", "velocity"]) {
  const seen = fixture(`pearl-${family}`);
  const pearl = makePearl(await metaPolicy(`pearl-cheetah-${family}`));
  const rows = seen.rewards.map((reward, t) =>
    transition(seen.observations[t], seen.actions[t], reward, seen.observations[t + 1]),
  );

  test(`${family}: the beliefs of a whole episode are Python's`, () => {
    const factors = rows.map((row) => factor(pearl, row));
    const beliefs = rows.map((_, t) => belief(factors.slice(0, t), pearl.latent));
    assert.ok(farthest(beliefs.map((b) => b.mean), seen.means) < 1e-5);
    assert.ok(farthest(beliefs.map((b) => b.std), seen.stds) < 1e-5);
  });

  test(`${family}: the actions of a whole episode are Python's`, () => {
    const actions = seen.means.map((mean, t) => {
      const z = guess({ mean, std: seen.stds[t] }, seen.noise[t]);
      return act(pearl, seen.observations[t], z);
    });
    assert.ok(farthest(actions, seen.actions) < 1e-5);
  });

  test(`${family}: a belief that leaves out a transition is another one`, () => {
    const factors = rows.slice(1, 20).map((row) => factor(pearl, row));
    assert.ok(farthest(belief(factors, pearl.latent).mean, seen.means[20]) > 1e-4);
  });

  test(`${family}: Python's actions lead to Python's states and rewards`, async () => {
    const { mujoco, model } = await loadModel();
    const cheetah = new Cheetah(mujoco, model);
    cheetah.setState(seen.states[0].slice(0, 9), seen.states[0].slice(9));
    for (let t = 0; t < STEPS; t++) {
      const speed = cheetah.step(seen.actions[t]);
      const state = [...cheetah.view("qpos"), ...cheetah.view("qvel")];
      assert.ok(farthest(state, seen.states[t + 1]) < 1e-6, `step ${t}`);
      const reward = families[family].reward(seen.task[0], speed, seen.actions[t]);
      assert.ok(Math.abs(reward - seen.rewards[t]) < 1e-5, `step ${t}`);
    }
    cheetah.close();
  });

  // Rounding to single precision grows to 1e-2 within a second, because running is chaotic. So this episode of
  // Python's has networks in double precision.
  test(`${family}: from the same start and noise, it runs like in Python for ${STEPS} steps`, async () => {
    const { mujoco, model } = await loadModel();
    const cheetah = new Cheetah(mujoco, model);
    cheetah.setState(seen.states[0].slice(0, 9), seen.states[0].slice(9));
    const factors = [];
    for (let t = 0; t < STEPS; t++) {
      const observation = cheetah.observe();
      const action = act(pearl, observation, guess(belief(factors, pearl.latent), seen.noise[t]));
      const speed = cheetah.step(action);
      const reward = families[family].reward(seen.task[0], speed, action);
      factors.push(factor(pearl, transition(observation, action, reward, cheetah.observe())));
      assert.ok(farthest(action, seen.double_actions[t]) < 1e-5, `step ${t}`);
      assert.ok(farthest([...cheetah.view("qpos"), ...cheetah.view("qvel")], seen.double_states[t + 1]) < 1e-6, `step ${t}`);
    }
    cheetah.close();
  });
}
