// MAML (Finn et al. 2017): from learned initial parameters, one policy-gradient step adapts the policy to a task.
// The policy is Gaussian: a tanh network computes its mean; its standard deviation does not depend on the state.

import { advantages } from "./advantages.js";

const LAYERS = [0, 1, 2];

/** Makes an exported MAML: theta, the parameters by name, and alpha, a row of rates for each inner step. */
export function makeMaml({ card, tensors }) {
  const names = card.export.parameters.map((name) => name.replace("policy.", ""));
  const theta = Object.fromEntries(names.map((name) => [name, Float64Array.from(tensors[`policy.${name}`].values)]));
  const { values, shape } = tensors.rates;
  const rates = Array.from({ length: shape[0] }, (_, step) =>
    Object.fromEntries(names.map((name, i) => [name, values[step * names.length + i]])),
  );
  const scale = tensors["policy.observation_scale"].values;
  return { card, theta, rates, scale, minimumStd: card.config.minimum_std };
}

/** The standard deviations of the actions [A]. */
export function std({ minimumStd }, theta) {
  return theta.log_std.map((log) => Math.sqrt(Math.exp(2 * log) + minimumStd ** 2));
}

/** The values of all layers for an observation [O]: the input with its learned context, two hidden, the mean [A]. */
function forward({ scale }, theta, observation) {
  const input = Float64Array.from([...observation.map((value, i) => value / scale[i]), ...(theta.context ?? [])]);
  const values = [input];
  for (const i of LAYERS) {
    const [x, weight] = [values[i], theta[`layers.${i}.weight`]]; // weight [out, in]
    const y = Float64Array.from(theta[`layers.${i}.bias`]);
    for (let k = 0, at = 0; k < y.length; k++) for (let j = 0; j < x.length; j++, at++) y[k] += weight[at] * x[j];
    values.push(i < LAYERS.length - 1 ? y.map(Math.tanh) : y);
  }
  return values;
}

/** An action [A] for an observation [O] with noise [A] from N(0, 1). Without noise, it is the mean. */
export function act(maml, theta, observation, noise) {
  const mean = forward(maml, theta, observation)[LAYERS.length];
  if (!noise) return Array.from(mean);
  const deviation = std(maml, theta);
  return Array.from(mean, (value, i) => value + deviation[i] * noise[i]);
}

/** Adds weight * grad log pi(action | observation) to `gradient`, by backpropagation. */
function addGradient(maml, theta, observation, action, weight, gradient) {
  const values = forward(maml, theta, observation);
  const deviation = std(maml, theta);
  const error = Float64Array.from(action, (value, i) => value - values[LAYERS.length][i]);
  error.forEach((e, i) => {
    const slope = Math.exp(2 * theta.log_std[i]) / deviation[i]; // d std / d log_std
    gradient.log_std[i] += (weight * slope * (e ** 2 / deviation[i] ** 2 - 1)) / deviation[i];
  });
  let delta = error.map((e, i) => (weight * e) / deviation[i] ** 2); // d / d mean
  for (const i of [...LAYERS].reverse()) {
    const [x, matrix, sums] = [values[i], theta[`layers.${i}.weight`], gradient[`layers.${i}.weight`]];
    const below = new Float64Array(x.length);
    for (let k = 0, at = 0; k < delta.length; k++) {
      gradient[`layers.${i}.bias`][k] += delta[k];
      for (let j = 0; j < x.length; j++, at++) {
        sums[at] += delta[k] * x[j];
        below[j] += delta[k] * matrix[at];
      }
    }
    delta = i > 0 ? below.map((d, j) => d * (1 - x[j] ** 2)) : below; // the derivative of tanh
  }
  const context = gradient.context ?? [];
  for (let j = 0; j < context.length; j++) context[j] += delta[maml.scale.length + j];
}

/** The gradient of the loss -E[log pi(a | s) A] of the episodes that theta made, by name. */
export function policyGradient(maml, theta, episodes) {
  const weights = advantages(episodes, maml.scale, maml.card.config);
  const gradient = Object.fromEntries(Object.entries(theta).map(([name, p]) => [name, new Float64Array(p.length)]));
  const count = weights.reduce((sum, row) => sum + row.length, 0);
  episodes.forEach(({ observations, actions }, e) =>
    actions.forEach((action, t) =>
      addGradient(maml, theta, observations[t], action, -weights[e][t] / count, gradient),
    ),
  );
  return gradient;
}

/** The inner step number `step` (from 0): theta' = theta - alpha * grad L(theta) (Finn et al. 2017, eq. 1). */
export function innerStep(maml, theta, episodes, step) {
  const alpha = maml.rates[Math.min(step, maml.rates.length - 1)]; // later steps use the last rates, as in Python
  const gradient = policyGradient(maml, theta, episodes);
  return Object.fromEntries(
    Object.entries(theta).map(([name, p]) => [name, p.map((value, i) => value - alpha[name] * gradient[name][i])]),
  );
}
