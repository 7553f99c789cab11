"""What flows between the parts: frozen records of arrays.

Axis letters, everywhere: K tasks, E episodes, T time, O observation, A action, S adaptation stages,
P task parameters, Q generalised positions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Policy = Callable[[Array], Array]  # observation [..., O] -> action [..., A]


def whole(values: Array) -> Array:
    """``values`` rounded to whole numbers: a mean number of environment steps, for example."""
    return np.rint(values).astype(np.int64)


@dataclass(frozen=True)
class Episodes:
    """E episodes of at most T steps on each of K tasks.

    An episode ends at the time limit T or before it. What lies behind its end is padding and counts nowhere: the
    last observation, and 0 for action, reward and log-density.

    Attributes:
        observations: [K, E, T + 1, O]; the last one is what followed the last action.
        actions: [K, E, T, A] as the policy drew them, before the environment clipped them.
        rewards: [K, E, T].
        log_probs: [K, E, T] log-density of each action under the policy that drew it.
        positions: [K, T + 1, Q] generalised positions of each task's first episode, for the player; or ``None``.
        lengths: [K, E] steps of each episode; ``None`` if all have T.
        terminated: [K, E] whether the task was over at the episode's end, so that nothing follows. Elsewhere a time
            limit cut the episode off, and what would have followed has a value. ``None`` if no task was over.
    """

    observations: Array
    actions: Array
    rewards: Array
    log_probs: Array
    positions: Array | None = None
    lengths: Array | None = None
    terminated: Array | None = None

    @property
    def mask(self) -> Array:
        """[K, E, T] which steps count."""
        if self.lengths is None:
            return np.ones(self.rewards.shape, dtype=bool)
        return np.arange(self.rewards.shape[-1]) < self.lengths[..., None]

    @property
    def returns(self) -> Array:
        """[K, E] undiscounted returns."""
        return self.rewards.sum(-1, dtype=np.float64)

    @property
    def env_steps(self) -> int:
        """Environment steps in all tasks and episodes together."""
        return int(self.rewards.size if self.lengths is None else self.lengths.sum())


@dataclass(frozen=True)
class AdaptationResult:
    """How a meta-policy adapted to K tasks over S stages; stage 0 is before any adaptation.

    Attributes:
        tasks: [K, P] the tasks.
        returns: [K, S, E] undiscounted return of every episode at every stage.
        env_steps: [S] environment steps per task spent on adapting before that stage; 0 at stage 0. Where episodes
            end before the time limit, those really taken: their mean over tasks, rounded.
        trajectories: [K, S, T + 1, Q] generalised positions of one episode a stage, for the player; they stay as they
            are behind the episode's end.
        rewards: [K, S, T] of the same episodes; 0 behind the end.
        policies: maps (task index, stage) to the policy of that stage.
        stage_names: S of them, where stages differ in more than their number.
        robot: which of gymnasium's robots acted, such as "HalfCheetah"; ``None`` where it was none of them.
        beliefs: [2, K, S, Z] mean and standard deviation of what each stage believed of the task at its start, with
            PEARL.
        belief_steps: [D] the steps of an episode at which the belief was renewed and z was drawn; the first is 0.
        beliefs_within: [2, K, S, D, Z] the belief at each of these steps; the last one again where all episodes of a
            stage had ended before that step.
    """

    tasks: Array
    returns: Array
    env_steps: Array
    trajectories: Array
    rewards: Array
    policies: Callable[[int, int], Policy]
    stage_names: tuple[str, ...] | None = None
    beliefs: Array | None = None
    robot: str | None = None
    belief_steps: Array | None = None
    beliefs_within: Array | None = None

    @classmethod
    def of_stages(
        cls, tasks: Array, stages: Sequence[Episodes], policies: Callable[[int, int], Policy], **more: Any
    ) -> AdaptationResult:
        """The result of an adaptation to ``tasks`` [K, P] that saw these recorded episodes, in this order."""
        spent = np.cumsum([0, *(stage.env_steps for stage in stages[:-1])])
        return cls(
            tasks=tasks,
            returns=np.stack([stage.returns for stage in stages], axis=1),
            env_steps=whole(spent / len(tasks)),
            trajectories=np.stack([np.asarray(stage.positions) for stage in stages], axis=1),
            rewards=np.stack([stage.rewards[:, 0] for stage in stages], axis=1),
            policies=policies,
            **more,
        )

    @property
    def before(self) -> Array:
        """[K] mean return before adaptation."""
        return self.returns[:, 0].mean(-1)

    @property
    def after(self) -> Array:
        """[K] mean return at the last stage."""
        return self.returns[:, -1].mean(-1)

    @property
    def renewed_every(self) -> int | None:
        """Steps between two draws of z within an episode; ``None`` if there was one draw an episode, or no z."""
        if self.belief_steps is None or len(self.belief_steps) == 1:
            return None
        return int(self.belief_steps[1])

    @property
    def worst(self) -> Array:
        """[K] the lowest return of an episode at the last stage."""
        return self.returns[:, -1].min(-1)

    @property
    def fell(self) -> Array:
        """[K] whether the mean return at the last stage is below that before adaptation."""
        return self.after < self.before

    def policy(self, k: int, stage: int = -1) -> Policy:
        """The deterministic policy of task ``k`` at ``stage``: observation [..., O] -> action [..., A]."""
        return self.policies(k, range(self.returns.shape[1])[stage])
