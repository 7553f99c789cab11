"""Can tasks be told apart from transitions? A small probe tries, and its control tries with shuffled tasks.

The probe learns a model of each task: it predicts the reward from the action and the next observation, and the change
of the observation from the observation and the action. It then says of a new episode which task's model predicts it
best. The models are ridge regressions on the inputs and random tanh features, so that they are learned in closed form.
"""

from __future__ import annotations

import numpy as np

from mpsearch.diagnosis.playing import Fault, random_actions
from mpsearch.language import say
from mpsearch.records import Array, Episodes
from mpsearch.rollouts import Actor, collect
from mpsearch.tasks import TaskDistribution

EPISODES = 96  # of all tasks together; the probe learns from one half and is tested on the other
STEPS = 60  # of an episode
FEATURES = 50
RIDGE = 10.0
FARTHEST = 3.0  # standard deviations at which inputs and targets are clipped, because rare outliers hide the rest
CLEAR = 3.0  # standard deviations above chance
ENOUGH = 6  # transitions for each input of a task's model; with less, a failure of the probe says nothing


def explore(family: TaskDistribution, tasks: Array, rng: np.random.Generator) -> Episodes:
    """Return episodes of random actions on each of ``tasks`` [K, P]."""
    count, steps = EPISODES // len(tasks), min(STEPS, family.horizon)
    actions = iter(random_actions((steps, len(tasks), count, family.action_dim), rng))
    actor: Actor = lambda seen: (next(actions), np.zeros(seen.shape[:2]))  # noqa: E731
    return collect(family.make_batch(tasks, count), steps, actor, rng)


def check_telling(episodes: Episodes, scale: Array, rng: np.random.Generator) -> str:
    """Check that the probe names the right task of new episodes more often than by chance."""
    tasks, count = episodes.rewards.shape[:2]
    now, then = (episodes.observations[:, :, part] / scale for part in (slice(-1), slice(1, None)))
    actions, mask = episodes.actions.clip(-1, 1), episodes.mask
    probes = {
        say("rewards"): ((then, actions), episodes.rewards[..., None]),
        say("movements"): ((now, actions), then - now),
    }
    labels = np.repeat(np.arange(tasks), count).reshape(tasks, count)
    shuffled = rng.permutation(labels.ravel()).reshape(labels.shape)
    said, told, enough = [], False, True
    for name, (parts, target) in probes.items():
        inputs = np.concatenate([standardised(part, mask) for part in parts], axis=-1)
        features = with_random_features(inputs, rng)
        outputs = standardised(target, mask)
        right, control = (accuracy(features, outputs, mask, truth) for truth in (labels, shuffled))
        told |= right >= 1 / tasks + CLEAR * np.sqrt((1 - 1 / tasks) / tasks / (tasks * (count - count // 2)))
        enough &= mask[:, : count // 2].sum() / tasks >= ENOUGH * features.shape[-1]
        shares = {"right": right, "control": control}
        said.append(say("{right:.0%} from {name} ({control:.0%} with shuffled tasks)", name=name, **shares))
    detail = say(
        "a probe names the right one of {count} tasks in {shares}; by chance {chance:.0%}",
        count=tasks,
        shares=say(" and ").join(said),
        chance=1 / tasks,
    )
    if told:
        return detail
    if not enough:
        return say("undecided, because random episodes are short for so many observations: {detail}", detail=detail)
    advice = say("let the task show in rewards or movements that random actions reach, and not only in rare ones")
    raise Fault(detail, advice)


def standardised(values: Array, mask: Array) -> Array:
    """Return ``values`` [K, E, T, C] with median 0 and a spread of 1 over the steps in ``mask`` [K, E, T], and clipped.

    The spread is that of the middle half, as in a normal distribution, or the standard deviation if this half is equal.
    """
    kept = values[mask].astype(np.float64)
    low, middle, high = np.quantile(kept, [0.25, 0.5, 0.75], axis=0)
    spread, deviation = (high - low) / 1.35, kept.std(0)
    rare = spread <= 1e-3 * deviation
    centre, width = np.where(rare, kept.mean(0), middle), np.where(rare, deviation, spread)
    width = np.where(width > 1e-6 * np.abs(centre), width, np.inf)  # what does not vary becomes 0
    return np.clip((values - centre) / np.where(width > 0, width, np.inf), -FARTHEST, FARTHEST)


def with_random_features(inputs: Array, rng: np.random.Generator) -> Array:
    """Return ``inputs`` [..., C] with a 1 and random tanh features appended (Rahimi and Recht 2008)."""
    count = inputs.shape[-1]
    weights, shifts = rng.standard_normal((count, FEATURES)) / np.sqrt(count), rng.uniform(-2.0, 2.0, FEATURES)
    return np.concatenate([np.ones((*inputs.shape[:-1], 1)), inputs, np.tanh(inputs @ weights + shifts)], axis=-1)


def accuracy(features: Array, targets: Array, mask: Array, labels: Array) -> float:
    """Return how often the model that predicts an episode best is that of its task, on the second half of the episodes.

    The model of a task is one for all tasks plus a correction, which is learned from the task's own episodes.

    Args:
        features: [K, E, T, F].
        targets: [K, E, T, D].
        mask: [K, E, T].
        labels: [K, E] the task of each episode, as the probe is told.
    """
    half = mask.shape[1] // 2
    learned = mask.copy()
    learned[:, half:] = False
    targets = targets - features @ ridge(features[learned], targets[learned])
    counts = mask.sum(-1)[..., None]
    errors = []
    for task in range(len(mask)):
        own = learned & (labels == task)[..., None]
        misses = np.square(targets - features @ ridge(features[own], targets[own]))
        errors.append(np.log((misses * mask[..., None]).sum(2) / counts + 1e-6).sum(-1)[:, half:])
    return float((np.argmin(errors, axis=0) == labels[:, half:]).mean())


def ridge(inputs: Array, targets: Array) -> Array:
    """Return the weights [F, D] of a ridge regression from ``inputs`` [N, F] to ``targets`` [N, D]."""
    gram = inputs.T @ inputs + RIDGE * np.eye(inputs.shape[1])
    return np.asarray(np.linalg.solve(gram, inputs.T @ targets))
