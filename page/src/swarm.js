// MAML: twenty episodes with one policy, a gradient step from them, and the next twenty.

import { Cheetah } from "./physics.js";
import { act, innerStep } from "./policies/maml.js";
import { gaussian, uniform } from "./policies/random.js";
import { HORIZON } from "./tasks.js";

export const EPISODES = 20;

/**
 * Adapts MAML to a task in stages, and yields what happens: `{stage, step, positions}` after each control step of the
 * swarm, `{stage, returns, envSteps}` when it is over, and `{stage, moved}` after each gradient step, with the length
 * of the change of every tensor.
 */
export function* adapt({ mujoco, model, maml, family, task, steps, seed, episodes = EPISODES }) {
  const draw = uniform(seed);
  const noise = gaussian(draw);
  let theta = maml.theta;
  const swarm = Array.from({ length: episodes }, () => new Cheetah(mujoco, model));
  try {
    for (let stage = 0; stage <= steps; stage++) {
      const seen = yield* explore({ swarm, maml, theta, family, task, stage, draw, noise });
      const returns = seen.map(({ rewards }) => rewards.reduce((a, b) => a + b));
      yield { kind: "stage", stage, returns, envSteps: stage * episodes * HORIZON };
      if (stage === steps) return;
      const next = innerStep(maml, theta, seen, stage);
      yield { kind: "gradient", stage, moved: lengths(theta, next) };
      theta = next;
    }
  } finally {
    swarm.forEach((cheetah) => cheetah.close());
  }
}

function* explore({ swarm, maml, theta, family, task, stage, draw, noise }) {
  swarm.forEach((cheetah) => cheetah.reset(draw, noise));
  const seen = swarm.map((cheetah) => ({ observations: [cheetah.observe()], actions: [], rewards: [] }));
  yield { kind: "step", stage, step: 0, positions: swarm.map((cheetah) => cheetah.position) };
  for (let step = 1; step <= HORIZON; step++) {
    swarm.forEach((cheetah, e) => {
      const { observations, actions, rewards } = seen[e];
      const action = act(maml, theta, observations.at(-1), noise(6));
      const speed = cheetah.step(action);
      observations.push(cheetah.observe());
      actions.push(action);
      rewards.push(family.reward(task, speed, action));
    });
    yield { kind: "step", stage, step, positions: swarm.map((cheetah) => cheetah.position) };
  }
  return seen;
}

/** How far each tensor moved: the length of the change. */
function lengths(before, after) {
  const length = (name) => Math.hypot(...after[name].map((value, i) => value - before[name][i]));
  return Object.fromEntries(Object.keys(before).map((name) => [name, length(name)]));
}
