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


def check_feedback(family: TaskDistribution, episodes: Episodes) -> str:
    """Check that the rewards of random actions vary."""
    rewards = episodes.rewards[episodes.mask]
    sparse = family.sparse and not rewards.any()
    require(
        np.ptp(rewards) > 1e-6 * np.abs(rewards).max(),
        f"every reward is {rewards[0]:.3g}" + (", because no random episode reached the goal" if sparse else ""),
        "let some random episodes reach the goal: make the goal larger, or the horizon longer"
        if sparse
        else "a reward that never changes teaches nothing: let it depend on what the agent does",
    )
    returns = episodes.returns
    return (
        f"returns of random actions are {returns.mean():.3g}, with a spread of {returns.std(axis=1).mean():.2g} between"
        f" episodes and {returns.mean(axis=1).std():.2g} between tasks; an episode took"
        f" {episodes.mask.sum(-1).mean():.0f} steps"
    )


def check_rewards(family: TaskDistribution, episodes: Episodes) -> str:
    """Check that the root mean square of the rewards of random actions is of order one."""
    size = float(np.sqrt(np.square(episodes.rewards[episodes.mask], dtype=np.float64).mean()))
    require(
        size <= REWARDS[1] and (size >= REWARDS[0] or family.sparse),
        f"a reward is typically {size:.2g}",
        f"divide the reward by {size:.1g}, so that a typical reward is of order one and losses and learning rates fit",
    )
    return f"a reward is typically {size:.2g}"
