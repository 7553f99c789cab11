// PEARL (Rakelly et al. 2019): infer the task from transitions, and act on a guess of it.
// Shapes: O = 17 observations, A = 6 actions, Z = 5 latent variables, C = O + A + 1 + O entries of a transition.

const LEAST_VARIANCE = 1e-7; // of a factor, as in Python

/** Makes the two networks of an exported PEARL: `encoder`, q(z | c), and `actor`, pi(a | s, z). */
export function makePearl({ card, tensors }) {
  const layers = (network) =>
    [0, 1, 2].map((i) => ({
      weight: tensors[`${network}.layers.weights.${i}`].values, // [in, out]
      bias: tensors[`${network}.layers.biases.${i}`].values,
    }));
  return {
    card,
    latent: card.config.latent,
    encoder: { layers: layers("encoder"), scale: tensors["encoder.scale"].values },
    actor: { layers: layers("actor"), scale: tensors["actor.observation_scale"].values },
  };
}

/** Applies linear layers with ReLU between them to the input x. */
function network(layers, x) {
  layers.forEach(({ weight, bias }, i) => {
    const y = Float64Array.from(bias);
    for (let j = 0; j < x.length; j++) {
      if (x[j] !== 0) for (let k = 0, at = j * y.length; k < y.length; k++, at++) y[k] += x[j] * weight[at];
    }
    x = i < layers.length - 1 ? y.map((value) => Math.max(value, 0)) : y;
  });
  return x;
}

/** The transition (s, a, r, s') as one row [C]. */
export function transition(observation, action, reward, next) {
  return Float64Array.from([...observation, ...action, reward, ...next]);
}

/** The Gaussian factor of one transition [C]: its mean and its precision, [Z] each. */
export function factor({ encoder, latent }, row) {
  const out = network(encoder.layers, row.map((value, i) => value / encoder.scale[i]));
  const precision = Array.from(out.subarray(latent), (raw) => 1 / Math.max(softplus(raw), LEAST_VARIANCE));
  return { mean: Array.from(out.subarray(0, latent)), precision };
}

const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/**
 * The belief q(z | c) after the transitions whose factors are given: their product with the prior N(0, 1).
 * The precisions add up, so the order of the transitions does not matter. Without any, the belief is the prior.
 */
export function belief(factors, latent) {
  const total = new Array(latent).fill(1);
  const weighted = new Array(latent).fill(0);
  for (const { mean, precision } of factors) {
    for (let i = 0; i < latent; i++) {
      total[i] += precision[i];
      weighted[i] += precision[i] * mean[i];
    }
  }
  return { mean: weighted.map((sum, i) => sum / total[i]), std: total.map((sum) => sum ** -0.5) };
}

/** A guess of the task: z [Z] drawn from a belief, with noise [Z] from N(0, 1). Without noise, it is the mean. */
export function guess({ mean, std }, noise) {
  return mean.map((value, i) => value + (noise ? std[i] * noise[i] : 0));
}

/** The mean action [A] in (-1, 1) for an observation [O] and a guess z [Z]. */
export function act({ actor }, observation, z) {
  const x = [...observation.map((value, i) => value / actor.scale[i]), ...z];
  const out = network(actor.layers, x); // the second half would be the log standard deviations
  return Array.from(out.subarray(0, out.length / 2), Math.tanh);
}
