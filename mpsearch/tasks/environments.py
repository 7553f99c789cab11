"""A gymnasium environment for any task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from mpsearch.errors import UsageError
from mpsearch.records import Array
from mpsearch.tasks.batch import Batch

if TYPE_CHECKING:
    from mpsearch.tasks.pictures import Artist

PACE = 0.1  # seconds that a film takes for a step of a family whose steps have no duration
BOUND = 1e10  # of observations; MuJoCo's mjMAXVAL, beyond which a simulation counts as diverged


class TaskEnv(gymnasium.Env[Array, Array]):
    """One task of a family as a gymnasium environment. It contains a batch of one simulation.

    See the family's docstring for observation, action, reward and start state. The episode is *truncated* at the
    family's horizon or at a time limit of the simulation, and *terminated* when the task is over.
    ``info["positions"]`` holds the generalised positions [Q].

    An environment can be pickled and deep-copied during an episode. The copy continues with the same numbers.

    Args:
        batch: a batch of one task and one episode.
        horizon: control steps in an episode.
        observation_dim: O.
        render_mode: ``None``, or ``"rgb_array"`` for pictures. See :meth:`render`.

    Attributes:
        task: [P].

    Raises:
        UsageError: ``render_mode`` has another value.
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
        self._artist: Artist | None = None  # created for the first picture
        self.observation_space = gymnasium.spaces.Box(-BOUND, BOUND, (observation_dim,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (batch.action_dim,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self._running = True
        self._path = []
        return self._batch.reset(self.np_random)[0, 0], self._info()

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        if not self._running:
            raise UsageError("the episode has ended, or has not begun: call reset() to begin the next one")
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
        """Draw the present state; returns a picture [320, 480, 3], uint8. Without a ``render_mode``, warn.

        A robot is seen from the side, and a camera follows it. A square of the ground is 1 m. MuJoCo draws it if OpenGL
        works, otherwise mpsearch does. If positions are two numbers, the picture shows the plane and the path, and the
        goal as a ring if the task consists of two numbers, too. For all other families, it shows the positions over
        time.

        Raises:
            UsageError: no episode has begun.
        """
        if self.render_mode is None:
            gymnasium.logger.warn('render() draws if the environment was made with render_mode="rgb_array"')
            return None
        if not self._path:
            raise UsageError("no episode has begun, so that there is nothing to draw: call reset() first")
        if self._artist is None:
            from mpsearch.tasks.pictures import artist_of  # a slow import, which most environments do not need

            self._artist = artist_of(self._batch)
        return self._artist.draw(np.array(self._path))

    def close(self) -> None:
        if self._artist:
            self._artist.close()
        self._artist = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_artist": None}  # a copy creates its own
