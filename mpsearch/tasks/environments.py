"""Any task as a gymnasium environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from mpsearch.errors import UsageError
from mpsearch.records import Array
from mpsearch.tasks.batch import Batch

if TYPE_CHECKING:
    from mpsearch.tasks.pictures import Artist

PACE = 0.1  # seconds that a step takes in a film, where the family gives steps no duration
BOUND = 1e10  # MuJoCo's mjMAXVAL: a state beyond it is a divergence, so no observation is


class TaskEnv(gymnasium.Env[Array, Array]):
    """One task of a family with the standard API: a batch of one simulation.

    Observation, action, reward and start state are those of the family's docstring. The episode is
    *truncated* at the family's horizon, or earlier by a time limit of the simulation's own, and
    *terminated* where the task is over. ``info["positions"]`` holds the generalised positions [Q].

    It can be pickled and deep-copied in the middle of an episode: the other one goes on to the same numbers.

    Args:
        batch: of one task and one episode.
        horizon: control steps in an episode.
        observation_dim: O.
        render_mode: ``None``, or ``"rgb_array"`` for pictures: see :meth:`render`.

    Attributes:
        task: [P].

    Raises:
        UsageError: another ``render_mode``.
    """

    def __init__(self, batch: Batch, horizon: int, observation_dim: int, render_mode: str | None = None) -> None:
        if render_mode not in (None, "rgb_array"):
            raise UsageError(
                f'render_mode must be None or "rgb_array", not {render_mode!r}; gymnasium.wrappers.HumanRendering shows'
                " an environment of rgb_array in a window"
            )
        self.render_mode = render_mode
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": round(1 / getattr(batch, "dt", PACE))}
        self.task = batch.tasks[0]
        self.horizon = horizon
        self._batch = batch
        self._running = False
        self._path: list[Array] = []  # positions [Q] since the reset, for pictures
        self._artist: Artist | None = None  # from the first picture on
        self.observation_space = gymnasium.spaces.Box(-BOUND, BOUND, (observation_dim,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (batch.action_dim,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self._running = True
        self._path = []
        return self._batch.reset(self.np_random)[0, 0], self._info()

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        if not self._running:
            raise UsageError("the episode has ended, or none has begun: call reset() to begin the next one")
        observations, rewards = self._batch.step(np.asarray(action, dtype=np.float64)[None, None])
        terminated = bool(self._batch.terminated[0, 0])
        truncated = self._batch.time >= self.horizon or (self._batch.over and not terminated)
        self._running = not (terminated or truncated)
        return observations[0, 0], float(rewards[0, 0]), terminated, truncated, self._info()

    def _info(self) -> dict[str, Any]:
        positions = self._batch.positions()[0, 0]
        if self.render_mode:
            self._path.append(positions.copy())
        return {"positions": positions}

    def render(self) -> Array | None:
        """A picture [320, 480, 3] (uint8) of this moment; ``None`` and a warning if there is no ``render_mode``.

        A robot is seen from the side and followed; a square of ground is 1 m. It is drawn by MuJoCo where OpenGL
        works, and by mpsearch elsewhere. Of a family whose positions are two numbers, the picture shows the plane, the
        path and, if the task is two numbers too, the goal as a ring; of any other, the positions over time.

        Raises:
            UsageError: no episode has begun.
        """
        if self.render_mode is None:
            gymnasium.logger.warn('render() draws if the environment was made with render_mode="rgb_array"')
            return None
        if not self._path:
            raise UsageError("no episode has begun, so that there is nothing to draw: call reset() first")
        if self._artist is None:
            from mpsearch.tasks.pictures import artist_of  # takes time, and most environments draw nothing

            self._artist = artist_of(self._batch)
        return self._artist.draw(np.array(self._path))

    def close(self) -> None:
        if self._artist:
            self._artist.close()
        self._artist = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_artist": None}  # a copy draws with one of its own
