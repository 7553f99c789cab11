"""A game: a goalkeeper meets a shooter whose habits it is not told."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from mpsearch.errors import check_count
from mpsearch.records import Array
from mpsearch.tasks.applications.application import Application
from mpsearch.tasks.batch import Batch

HALF_GOAL = 3.66  # m; half the distance between the posts
REACH = 0.25  # of half the goal; a shot at this distance from the dive is saved with probability exp(-1/2) = 0.61
SCATTER = 0.15  # of half the goal; the standard deviation of a shot around the place that the shooter aims at
EFFORT = 0.2  # saves; the price of a dive to a post


class PenaltyKicks(Application):
    """Save penalty kicks of a shooter whose habits are not told.

    The task is the shooter, ``(place, tell, reaction)``. Places are measured along the goal line from the middle, in
    units of half the goal's width (3.66 m), so that -1 and 1 are the posts. Her usual place is drawn from
    U(-0.3, 0.3). Her tell, from U(-0.8, 0.8), says how her run-up shows where she will shoot: she shoots to the side
    that she runs towards if it is positive, and to the other side if it is negative. Her reaction to being read is
    drawn from U(-0.8, 0.8).

    Observation (3 numbers): the side of her run-up, which is drawn from U(-1, 1) for each kick, where her last shot
    went and where we dived at it; the last two are 0 before the first kick. Action (1 number in [-1, 1], clipped):
    where we dive. We must choose before we see the shot.

    Let ``d`` be our dive and ``y`` the shot. It is saved with probability ``q = exp(-((y - d) / REACH)^2 / 2)``. The
    reward is ``q - EFFORT d^2``, so that a return is the expected number of saves minus the effort of diving. The
    next time, she aims at ``place + tell * run-up + reaction * q * y``, but not outside the posts. So if we came near
    the shot, a positive reaction moves her next shot to the same side, and a negative one to the other side. If we
    did not, she does not react. The shot is normal around the aim with the standard deviation SCATTER, also between
    the posts. Before the first kick she has not been read. An episode ends after ``horizon`` kicks.

    Our dives change the next aims, so the best response to a known shooter looks ahead. To learn how she reacts to
    being read, we must first read her.

    Sources: the width of the goal is from the Laws of the Game. Chiappori, Levitt and Groseclose 2002 (Testing
    mixed-strategy equilibria when players are heterogeneous) found that shooters differ, which is the reason to adapt
    to them. Savelsbergh et al. 2002 (Visual search, anticipation and expertise in soccer goalkeepers) show that
    keepers use what they see before the kick. Bar-Eli et al. 2007 (Action bias among elite soccer goalkeepers) found
    that keepers who stay in the middle save most, and hardly ever do so; this is our standard. What is a toy: all
    other numbers, a shooter who never misses the goal, one dimension, and a series of kicks by one shooter.

    Args:
        horizon: the number of kicks in an episode.
    """

    id = "penalty-kicks"
    field = "games"
    standard_name = "stay in the middle"
    observation_dim = 3
    action_dim = 1
    parameter_names = ("place", "tell", "reaction")
    low, high = np.array([-0.3, -0.8, -0.8]), np.array([0.3, 0.8, 0.8])

    def __init__(self, horizon: int = 20) -> None:
        self.horizon = check_count("horizon", horizon)

    @property
    def observation_scale(self) -> Array:
        return np.full(3, 0.5)

    @property
    def config(self) -> dict[str, Any]:
        return {"horizon": self.horizon}

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0) -> KicksBatch:
        return KicksBatch(self.check(tasks), episodes, self.action_dim)

    def optimum(self, batch: Batch) -> Array:
        """Return the dives of the best response to the true shooter, computed by dynamic programming."""
        assert isinstance(batch, KicksBatch)
        left = max(1, self.horizon - batch.time)
        aims, tasks = batch.aim(), batch.tasks.tolist()
        dives = [np.interp(aim, AIMS, best_dives(*task, left)) for aim, task in zip(aims, tasks, strict=True)]
        return np.stack(dives)[..., None]

    def standard(self, batch: Batch) -> Array:
        """Return the dive 0: stay in the middle."""
        return np.zeros((*batch.shape, 1))


class KicksBatch(Batch):
    """K x E series of penalty kicks.

    Attributes:
        run_up: [K, E] the side of the next kick's run-up.
        shot: [K, E] where the last shot went, in half goals from the middle.
        dive: [K, E] where we dived at it.
    """

    def __init__(self, tasks: Array, episodes: int, action_dim: int) -> None:
        super().__init__(tasks, episodes, action_dim)
        self._reset(np.random.default_rng(0))

    def _reset(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.run_up = rng.uniform(-1, 1, self.shape)
        self.shot, self.dive = np.zeros((2, *self.shape))

    def aim(self) -> Array:
        """Return where the shooter aims next, [K, E]."""
        place, tell, reaction = self.tasks.T[:, :, None]
        return np.asarray((place + tell * self.run_up + pull(reaction, self.shot, self.dive)).clip(-1, 1))

    def _step(self, actions: Array) -> Array:
        shot = (self.aim() + SCATTER * self.rng.standard_normal(self.shape)).clip(-1, 1)
        self.shot, self.dive = shot, actions[..., 0]
        self.run_up = self.rng.uniform(-1, 1, self.shape)
        return np.asarray(save_chance(self.shot, self.dive) - EFFORT * self.dive**2)

    def observe(self) -> Array:
        return np.stack([self.run_up, self.shot, self.dive], axis=-1)

    positions = observe


def save_chance(shot: Any, dive: Any) -> Any:
    """Return the probability that a ``dive`` saves a ``shot``. Any shape is allowed."""
    return np.exp(-(((shot - dive) / REACH) ** 2) / 2)


def pull(reaction: Any, shot: Any, dive: Any) -> Any:
    """Return how far the aim moves after a ``shot`` and a ``dive``. Any shape is allowed."""
    return reaction * save_chance(shot, dive) * shot


AIMS = np.linspace(-1, 1, 41)
DIVES = np.linspace(-1, 1, 41)
RUN_UPS = np.linspace(-0.95, 0.95, 20)  # the middles of 20 equal parts, for the mean over run-ups
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(15)  # for the mean over a normal number


@cache
def best_dives(place: float, tell: float, reaction: float, left: int) -> Array:
    """Return the best dive for each of AIMS when ``left`` kicks are left, [41]."""
    return _best_response(place, tell, reaction, left)[0]


@cache
def _best_response(place: float, tell: float, reaction: float, left: int) -> tuple[Array, Array]:
    """Return the best dives [41] for AIMS and their values [41], by backward induction."""
    if left == 0:
        return np.zeros_like(AIMS), np.zeros_like(AIMS)
    later = _best_response(place, tell, reaction, left - 1)[1]
    pulls = np.linspace(-1, 1, 41)  # then the value of a pull is the mean over the next run-up
    value = np.interp(place + tell * RUN_UPS + pulls[:, None], AIMS, later).mean(-1)
    shots = (AIMS[:, None, None] + SCATTER * NODES).clip(-1, 1)  # [aims, 1, nodes]
    dives = DIVES[:, None]
    rewards = save_chance(shots, dives) - EFFORT * dives**2
    totals = rewards + np.interp(pull(reaction, shots, dives), pulls, value)
    expected = totals @ (WEIGHTS / WEIGHTS.sum())  # [aims, dives]
    return DIVES[expected.argmax(-1)], expected.max(-1)
