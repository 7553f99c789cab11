// How much better an action was than usual: returns, a linear baseline and generalised advantages.
// An episode is {observations: T + 1 rows [O], actions: T rows [A], rewards: [T]}. Its end is a time limit.

import { solve } from "./linear.js";

const FEATURE_CLIP = 10; // scaled observations are clipped here, as in Python
const RIDGE = 1e-5; // as a fraction of the mean diagonal, as in Python

/** G_t = r_t + discount * G_{t+1}, with 0 after the last. */
export function discountedSums(rewards, discount) {
  const sums = new Array(rewards.length);
  let following = 0;
  for (let t = rewards.length - 1; t >= 0; t--) sums[t] = following = rewards[t] + discount * following;
  return sums;
}

/** The features of a state: the scaled observation, its square and 1. */
export function features(observation, scale) {
  const x = Array.from(observation, (value, i) => Math.min(Math.max(value / scale[i], -FEATURE_CLIP), FEATURE_CLIP));
  return [...x, ...x.map((value) => value * value), 1];
}

/**
 * Fits a linear value function to the episodes of a task, and returns its weights.
 * The target of step t is the discounted return plus discount^(T-t) V(s_T). It is linear in the weights, because V is.
 */
export function fitValues(episodes, scale, discount) {
  const size = 2 * scale.length + 1;
  const gram = Array.from({ length: size }, () => new Float64Array(size));
  const target = new Float64Array(size);
  for (const { observations, rewards } of episodes) {
    const last = features(observations[rewards.length], scale);
    const sums = discountedSums(rewards, discount);
    sums.forEach((sum, t) => {
      const phi = features(observations[t], scale);
      const left = discount ** (rewards.length - t);
      for (let i = 0; i < size; i++) {
        target[i] += phi[i] * sum;
        for (let j = 0; j < size; j++) gram[i][j] += phi[i] * (phi[j] - left * last[j]);
      }
    });
  }
  const ridge = (RIDGE * gram.reduce((sum, row, i) => sum + Math.abs(row[i]), 0)) / size;
  gram.forEach((row, i) => (row[i] += ridge));
  return solve(gram, target);
}

/** Generalised advantages of all steps of a task's episodes (Schulman et al. 2016, eq. 16), standardised. */
export function advantages(episodes, scale, { discount, gae_lambda: lambda, finite_horizon: finite }) {
  if (finite) throw new Error("the page has no baseline for finite_horizon=true, with which this policy was trained");
  const weights = fitValues(episodes, scale, discount);
  const value = (observation) => features(observation, scale).reduce((sum, x, i) => sum + x * weights[i], 0);
  const raw = episodes.map(({ observations, rewards }) => {
    const values = observations.map(value);
    const residuals = rewards.map((reward, t) => reward + discount * values[t + 1] - values[t]);
    return discountedSums(residuals, discount * lambda);
  });
  return standardise(raw);
}

/** Shifts and scales numbers [E][T] to mean 0 and standard deviation 1. */
export function standardise(numbers) {
  const all = numbers.flat();
  const mean = all.reduce((a, b) => a + b) / all.length;
  const std = Math.sqrt(all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / all.length);
  return numbers.map((row) => row.map((x) => (x - mean) / (std + 1e-8)));
}
