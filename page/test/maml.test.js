import assert from "node:assert/strict";
import { test } from "node:test";
import { advantages } from "../src/policies/advantages.js";
import { act, innerStep, makeMaml, policyGradient, std } from "../src/policies/maml.js";
import { farthest, fixture, metaPolicy, relative } from "./fixtures.js";

/** The tensors of a fixture whose names begin with `prefix`, flat. */
function parameters(seen, prefix) {
  const names = Object.keys(seen).filter((name) => name.startsWith(prefix));
  return Object.fromEntries(names.map((name) => [name.slice(prefix.length), Float64Array.from(seen[name].flat())]));
}

const difference = (a, b) => Array.from(a, (value, i) => value - b[i]);

for (const family of ["direction", "velocity"]) {
  const maml = makeMaml(await metaPolicy(`maml-cheetah-${family}`));
  for (const step of [0, 1]) {
    const seen = fixture(`maml-${family}-${step}`);
    const before = parameters(seen, "before.");
    const after = parameters(seen, "after.");
    const episodes = seen.rewards.map((rewards, e) => ({
      rewards,
      observations: seen.observations[e],
      actions: seen.actions[e],
    }));

    if (step === 0) {
      test(`${family}: adaptation starts from the exported parameters`, () => {
        for (const [name, values] of Object.entries(before)) assert.equal(farthest(maml.theta[name], values), 0, name);
      });
    }

    // Python computes the baseline's linear system in single precision.
    test(`${family}: the advantages before inner step ${step} are Python's`, () => {
      assert.ok(farthest(advantages(episodes, maml.scale, maml.card.config), seen.advantages) < 0.02);
    });

    test(`${family}: inner step ${step} is Python's, in every tensor`, () => {
      const moved = innerStep(maml, before, episodes, step);
      for (const [name, values] of Object.entries(after)) {
        assert.ok(relative(moved[name], values) < 1e-4, name);
        assert.ok(relative(difference(moved[name], before[name]), difference(values, before[name])) < 2e-3, name);
      }
    });

    test(`${family}: the actions of stage ${step} have the policy's mean and standard deviation`, () => {
      const noise = episodes.flatMap(({ observations, actions }) =>
        actions.map((action, t) => difference(action, act(maml, before, observations[t]))),
      );
      std(maml, before).forEach((deviation, i) => {
        const mean = noise.reduce((sum, row) => sum + row[i], 0) / noise.length;
        const square = noise.reduce((sum, row) => sum + row[i] ** 2, 0) / noise.length;
        assert.ok(Math.abs(mean) < 0.1 * deviation);
        assert.ok(Math.abs(Math.sqrt(square) / deviation - 1) < 0.05);
      });
    });
  }
}

test("the gradient is that of finite differences", async () => {
  const maml = makeMaml(await metaPolicy("maml-cheetah-velocity"));
  const seen = fixture("maml-velocity-0");
  const episodes = seen.rewards.slice(0, 2).map((rewards, e) => ({
    rewards: rewards.slice(0, 30),
    observations: seen.observations[e].slice(0, 31),
    actions: seen.actions[e].slice(0, 30),
  }));
  const weights = advantages(episodes, maml.scale, maml.card.config);
  const loss = (theta) => {
    const deviation = std(maml, theta);
    const terms = episodes.flatMap(({ observations, actions }, e) =>
      actions.map((action, t) => {
        const z = difference(action, act(maml, theta, observations[t])).map((x, i) => x / deviation[i]);
        return weights[e][t] * z.reduce((sum, x, i) => sum - x ** 2 / 2 - Math.log(deviation[i]), 0);
      }),
    );
    return -terms.reduce((a, b) => a + b) / terms.length;
  };
  const gradient = policyGradient(maml, maml.theta, episodes);
  for (const name of Object.keys(maml.theta)) {
    const index = Math.floor(maml.theta[name].length / 2);
    const moved = [1e-5, -1e-5].map((h) => {
      const theta = { ...maml.theta, [name]: Float64Array.from(maml.theta[name]) };
      theta[name][index] += h;
      return loss(theta);
    });
    assert.ok(Math.abs((moved[0] - moved[1]) / 2e-5 - gradient[name][index]) < 1e-6, name);
  }
});

test("a policy that was trained with another baseline is refused", () => {
  const config = { discount: 0.99, gae_lambda: 0.95, finite_horizon: true };
  assert.throws(() => advantages([], [1], config), /no baseline for finite_horizon=true/);
});
