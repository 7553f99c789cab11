"""Are observations and rewards of a size that networks and losses can work with?"""

from __future__ import annotations

import numpy as np

from mpsearch.diagnosis.playing import require
from mpsearch.language import say
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
    named = say(", ").join(say("{size:.2g} for number {i}", size=sizes[i], i=i) for i in odd[:SHOWN])
    require(
        len(odd) == 0,
        say(
            "{odd} of {count} observations are far from their observation_scale: typically {named}",
            odd=len(odd),
            count=len(sizes),
            named=named + (say(", ...") if len(odd) > SHOWN else ""),
        ),
        say("return these magnitudes from observation_scale, so that networks see numbers of order one"),
    )
    return say(
        "divided by observation_scale, they are typically between {low:.2g} and {high:.2g}",
        low=ratios.min(),
        high=ratios.max(),
    )


def check_feedback(family: TaskDistribution, episodes: Episodes) -> str:
    """Check that the rewards of random actions vary."""
    rewards = episodes.rewards[episodes.mask]
    sparse = family.sparse and not rewards.any()
    require(
        np.ptp(rewards) > 1e-6 * np.abs(rewards).max(),
        say("every reward is {reward:.3g}", reward=rewards[0])
        + (say(", because no random episode reached the goal") if sparse else ""),
        say("let some random episodes reach the goal: make the goal larger, or the horizon longer")
        if sparse
        else say("a reward that never changes teaches nothing: let it depend on what the agent does"),
    )
    returns = episodes.returns
    return say(
        "returns of random actions are {mean:.3g}, with a spread of {episodes:.2g} between episodes and {tasks:.2g}"
        " between tasks; an episode took {steps:.0f} steps",
        mean=returns.mean(),
        episodes=returns.std(axis=1).mean(),
        tasks=returns.mean(axis=1).std(),
        steps=episodes.mask.sum(-1).mean(),
    )


def check_rewards(family: TaskDistribution, episodes: Episodes) -> str:
    """Check that the root mean square of the rewards of random actions is of order one."""
    size = float(np.sqrt(np.square(episodes.rewards[episodes.mask], dtype=np.float64).mean()))
    require(
        size <= REWARDS[1] and (size >= REWARDS[0] or family.sparse),
        say("a reward is typically {size:.2g}", size=size),
        say(
            "divide the reward by {size:.1g}, so that a typical reward is of order one and losses and learning rates"
            " fit",
            size=size,
        ),
    )
    return say("a reward is typically {size:.2g}", size=size)
