"""The data that the parts of the library pass to each other: frozen records of arrays.

All docstrings use these letters for the axes of arrays: K tasks, E episodes, T time, O observation, A action,
S adaptation stages, P task parameters, Q generalised positions, Z latent variables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Policy = Callable[[Array], Array]  # observation [..., O] -> action [..., A]


def whole(values: Array) -> Array:
    """Return ``values``, such as mean numbers of environment steps, rounded to whole numbers."""
    return np.rint(values).astype(np.int64)


@dataclass(frozen=True)
class Episodes:
    """E episodes of at most T steps on each of K tasks.

    An episode ends at the time limit T or earlier. The entries after its end are padding, which nothing uses: they
    repeat the last observation, and actions, rewards and log-densities are 0.

    Attributes:
        observations: [K, E, T + 1, O]; the last one is the observation after the last action.
        actions: [K, E, T, A] as the policy drew them, before the environment clipped them.
        rewards: [K, E, T].
        log_probs: [K, E, T] log-density of each action under the policy that drew it.
        positions: [K, T + 1, Q] generalised positions of each task's first episode, for the player; or ``None``.
        lengths: [K, E] steps of each episode; ``None`` if all have T.
        terminated: [K, E] whether the episode terminated: the task was over, so the value of its last state is 0.
            The other episodes were cut off by a time limit, so their last states have a value. ``None`` if no
            episode terminated.
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
        """[K, E, T] which steps belong to the episodes; the others are padding."""
        if self.lengths is None:
            return np.ones(self.rewards.shape, dtype=bool)
        return np.arange(self.rewards.shape[-1]) < self.lengths[..., None]

    @property
    def returns(self) -> Array:
        """[K, E] undiscounted returns."""
        return self.rewards.sum(-1, dtype=np.float64)

    @property
    def env_steps(self) -> int:
        """The number of environment steps of all tasks and episodes together."""
        return int(self.rewards.size if self.lengths is None else self.lengths.sum())


@dataclass(frozen=True)
class AdaptationResult:
    """The result of an adaptation to K tasks in S stages. Stage 0 is before any adaptation.

    Attributes:
        tasks: [K, P] the tasks.
        returns: [K, S, E] undiscounted return of every episode at every stage.
        env_steps: [S] environment steps per task that were used for adaptation before each stage; 0 at stage 0.
            Where episodes end before the time limit, this is the mean over the tasks, rounded.
        trajectories: [K, S, T + 1, Q] generalised positions of one episode per stage, for the player. After the end
            of the episode they repeat the last positions.
        rewards: [K, S, T] rewards of the same episodes; 0 after their end.
        policies: maps a task index and a stage to the policy at that stage.
        stage_names: the names of the S stages, or ``None`` if their numbers are enough.
        robot: the name of the gymnasium robot that acted, such as "HalfCheetah"; ``None`` if it was another simulation.
        beliefs: [2, K, S, Z] mean and standard deviation of PEARL's belief about the task at the start of each stage;
            ``None`` for other agents.
        belief_steps: [D] the steps of an episode before which PEARL updated its belief and drew z; the first is 0.
        beliefs_within: [2, K, S, D, Z] the belief at each of these steps. Where all episodes of a stage ended before
            such a step, it is the last belief of that stage.
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
        """Return the result of an adaptation to ``tasks`` [K, P] from the recorded episodes of its stages, in order."""
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
        """Return the deterministic policy of task ``k`` at ``stage``: observation [..., O] -> action [..., A]."""
        return self.policies(k, range(self.returns.shape[1])[stage])
