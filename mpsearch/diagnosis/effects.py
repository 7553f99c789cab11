"""What actions and tasks change, from episodes that have everything else in common.

The same starts and the same sequences of actions, here called behaviours, are played on several tasks. The contract
says that only the task can then make a difference. Therefore no statistics are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mpsearch.diagnosis.playing import Track, agree, play, random_actions, require, same
from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.tasks import TaskDistribution

BEHAVIOURS, STARTS, STEPS = 6, 2, 50
ACTION_STEPS = 10  # of the episodes that show what an action changes
FEWEST = 0.02  # share of comparisons in which two tasks must disagree


@dataclass(frozen=True)
class Effects:
    """N behaviours on each of K tasks, from the same E starts.

    Attributes:
        tasks: [K, P].
        tracks: for each task, one track [T, N, E, ...] with the behaviours in place of tasks.
        actions: [T, N, A].
    """

    tasks: Array
    tracks: list[Track]
    actions: Array

    @property
    def returns(self) -> Array:
        """[K, N, E] undiscounted returns."""
        return np.stack([track.rewards.sum(0) for track in self.tracks])


def play_behaviours(family: TaskDistribution, tasks: Array, seed: int) -> Effects:
    """Play the same behaviours from the same starts on each of ``tasks`` [K, P]."""
    rng = np.random.default_rng(seed)
    actions = random_actions((min(STEPS, family.horizon), BEHAVIOURS, family.action_dim), rng)
    tracks = []
    for task in tasks:
        batch = family.make_batch(task[None], STARTS, threads=1)
        played = [
            play(batch, np.repeat(one[:, None, None], STARTS, axis=2), seed) for one in np.moveaxis(actions, 1, 0)
        ]
        tracks.append(Track(*(np.concatenate(parts, axis=1) for parts in zip(*played, strict=True))))
    return Effects(tasks, tracks, actions)


def check_actions(family: TaskDistribution, seed: int) -> str:
    """Check that each number of the action changes an observation or a reward."""
    batch = family.make_batch(family.spread(1), 2, threads=1)
    steps = min(ACTION_STEPS, family.horizon)
    actions = np.full((steps, 1, 2, family.action_dim), 0.5)
    base, idle = play(batch, actions, seed), []
    for i in range(family.action_dim):
        changed = actions.copy()
        changed[..., i] = -1.0
        if same(base, play(batch, changed, seed)):
            idle.append(i)
    some = say("the numbers {idle} of an action change nothing in {count} steps", idle=idle, count=steps)
    require(
        not idle,
        say("no action changes anything") if len(idle) == family.action_dim else some,
        say("let _step use every number of the action; leave out those that do nothing"),
    )
    return say("each number of an action changes what happens")


def check_tasks_differ(effects: Effects) -> str:
    """Check that there are several tasks, and that rewards or observations depend on the task."""
    require(
        len(effects.tasks) > 1,
        say("sample draws only one task, {task}", task=effects.tasks[0].tolist()),
        say("a distribution needs several tasks: widen low and high, or mend sample"),
    )
    first = effects.tracks[0]
    kinds = [
        name
        for name, index in ((say("observations"), 0), (say("rewards"), 1))
        if not all(agree(first[index], track[index]) for track in effects.tracks[1:])
    ]
    require(
        bool(kinds),
        say("with the same starts and actions, rewards and observations are the same on all tasks"),
        say("let the reward or the simulation use self.tasks (row k belongs to task k)"),
    )
    return say("with the same starts and actions, {kinds} differ between tasks", kinds=say(" and ").join(kinds))


def check_hidden(effects: Effects) -> str:
    """Check that the first observation does not tell the task."""
    starts = [track.observations[0] for track in effects.tracks]
    require(
        all(agree(starts[0], one) for one in starts[1:]),
        say("the first observation already depends on the task, so that one policy can read the task from it"),
        say("leave the task out of the observation; if that is intended, this family needs no adaptation"),
    )
    return say("the first observation does not tell the task")


def check_one_policy(effects: Effects) -> str:
    """Check that tasks disagree on which of two behaviours is better. Otherwise one policy is the best on all."""
    returns = effects.returns
    share = max((disagreement(*pair) for pair in combinations(returns, 2)), default=0.0)
    require(
        share >= FEWEST,
        say(
            "what is better on one task is better on all: two tasks disagree in {share:.0%} of the comparisons of two"
            " behaviours",
            share=share,
        ),
        say(
            "one policy without adaptation can solve this family: let tasks want different things, or spread them more"
        ),
    )
    means = returns.mean(-1)  # [K, N]
    return say(
        "two tasks disagree in up to {share:.0%} of the comparisons of two random behaviours; the best for each task"
        " returns {best:.3g}, the best single one {single:.3g}, an average one {mean:.3g}",
        share=share,
        best=means.max(1).mean(),
        single=means.mean(0).max(),
        mean=means.mean(),
    )


def disagreement(one: Array, other: Array) -> float:
    """Return the share of pairs of behaviours whose order differs between two tasks with returns [N, E]. Ties agree."""
    size = max(np.abs(one).max(), np.abs(other).max())
    i, j = np.triu_indices(len(one), 1)
    gaps, others = one[i] - one[j], other[i] - other[j]
    clear = np.minimum(np.abs(gaps), np.abs(others)) > 1e-9 * size
    return float((clear & (gaps * others < 0)).mean())
