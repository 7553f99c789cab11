"""Are observations and rewards of a size that networks and losses can work with?"""

from __future__ import annotations

import numpy as np

from mpsearch.diagnosis.playing import require
from mpsearch.records import Episodes
from mpsearch.tasks import TaskDistribution

OBSERVATIONS = (0.02, 10.0)  # the range of a root mean square, in units of observation_scale
REWARDS = (0.01, 100.0)  # the range of a reward's root mean square
SHOWN = 4  # observations that a sentence names


def check_observations(family: TaskDistribution, episodes: Episodes) -> str:
    """Compare the root mean square of each observation under random actions with ``observation_scale``."""
    seen = episodes.observations[:, :, 1:][episodes.mask].astype(np.float64)
    sizes = np.sqrt(np.square(seen).mean(0))
    ratios = sizes / family.observation_scale
    odd = np.flatnonzero((ratios > OBSERVATIONS[1]) | ((ratios < OBSERVATIONS[0]) & (ratios > 0)))
    named = ", ".join(f"{sizes[i]:.2g} for number {i}" for i in odd[:SHOWN]) + (", ..." if len(odd) > SHOWN else "")
    require(
        len(odd) == 0,
        f"{len(odd)} of {len(sizes)} observations are far from their observation_scale: typically {named}",
        "return these magnitudes from observation_scale, so that networks see numbers of order one",
    )
    return f"divided by observation_scale, they are typically between {ratios.min():.2g} and {ratios.max():.2g}"


def check_rewards(family: TaskDistribution, episodes: Episodes) -> str:
    """Look at the rewards of random actions: whether they vary, their size, and the spread of the returns."""
    rewards, returns = episodes.rewards[episodes.mask].astype(np.float64), episodes.returns
    if np.ptp(rewards) <= 1e-6 * np.abs(rewards).max():
        sparse = family.sparse and not rewards.any()
        require(
            False,
            f"every reward is {rewards[0]:.3g}" + (", so that no episode reached the goal" if sparse else ""),
            "let some random episodes reach the goal, by a larger goal or a longer horizon"
            if sparse
            else "a reward that never changes teaches nothing: let it depend on what the agent does",
        )
    size = float(np.sqrt(np.square(rewards).mean()))
    require(
        size <= REWARDS[1] and (size >= REWARDS[0] or family.sparse),
        f"a reward is typically {size:.2g}",
        f"divide the reward by {size:.1g}, so that losses and learning rates fit: a typical reward is of order one",
    )
    return (
        f"a reward is typically {size:.2g}; returns of random actions are {returns.mean():.3g}, with a spread of"
        f" {returns.std(axis=1).mean():.2g} between episodes and {returns.mean(axis=1).std():.2g} between tasks;"
        f" {episodes.mask.sum(-1).mean():.0f} steps an episode"
    )
