"""The runners of a player: their data, their description, and the bytes that are sent to the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpsearch.errors import UsageError
from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.tasks.navigation import GOAL_RADIUS
from mpsearch.tasks.robots import find_robot
from mpsearch.view.player.kinematics import capsule_radii, relative_capsules, way
from mpsearch.view.plots import PALETTE

COLOURS = [PALETTE[name] for name in ("orange", "blue", "green", "purple", "sky", "vermillion")]
CHEETAH = "HalfCheetah"
GLYPHS, MARKERS = "●◆■▲▼✚", "oDs^vP"  # the sign of each runner, as text and in matplotlib


@dataclass(frozen=True, eq=False)
class Runner:
    """One episode to play.

    Args:
        name: the text of its label.
        positions: [T + 1, Q] generalised positions of a robot, with Q = 9 for HalfCheetah; or Q = 2 for the
            position (x, y) of a point in m. They are stored as float32.
        rewards: [T]. If they are given, the player shows the return so far.
        target: the target velocity in m/s. A ghost runs at this velocity. Robots only.
        goal: the centre (x, y) in m of a circle. Points only.
        radius: the radius of the goal in m.
        robot: the name of a gymnasium robot, such as "Walker2d". If Q = 9, it is by default HalfCheetah.
        heading: the direction of its track in rad, from the x axis towards the y axis. Ant and Humanoid only.
        faded: the numbers of a robot's capsules that are drawn hollow, such as those of a weak leg; for their order see
            :func:`~mpsearch.view.player.kinematics.capsules`.

    Raises:
        UsageError: a shape is wrong, a number is not finite, or there are fewer than two positions.
    """

    name: str
    positions: Array
    rewards: Array | None = None
    target: float | None = None
    goal: tuple[float, float] | None = None
    radius: float = GOAL_RADIUS
    robot: str | None = None
    heading: float = 0.0
    faded: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self._keep("positions", _floats(self.positions, f"the positions of {self.name!r}"))
        if self.robot is None and self.positions.shape[-1] == find_robot(CHEETAH).model.nq:
            self._keep("robot", CHEETAH)
        _check_positions(self.name, self.positions, self.robot)
        if self.rewards is not None:
            self._keep("rewards", _floats(self.rewards, f"the rewards of {self.name!r}"))
            if self.rewards.shape != (self.steps,):
                raise UsageError(
                    f"{self.name!r} needs one reward for each step, {self.steps} in all, not {self.rewards.shape}"
                )
        self._check_aim()

    def _keep(self, field: str, value: object) -> None:
        object.__setattr__(self, field, value)  # a field of a frozen dataclass can only be set in this way

    def _check_aim(self) -> None:
        if self.target is not None:
            if self.robot is None:
                raise UsageError(f"{self.name!r} is a point: it can have a goal=(x, y), not a target velocity")
            self._keep("target", float(_floats(self.target, "the target velocity", ())))
        if self.goal is not None:
            if self.robot is not None:
                raise UsageError(
                    f"{self.name!r} is not a point but {self.robot}: it can have a target velocity, not a goal"
                )
            self._keep("goal", tuple(_floats(self.goal, "the goal", (2,)).tolist()))
        if not 0 < self.radius < np.inf:
            raise UsageError(f"the goal's radius must be positive and finite, not {self.radius}")
        self._keep("heading", float(_floats(self.heading, "the heading", ())))
        if self.heading and (self.robot is None or find_robot(self.robot).planar):
            raise UsageError(f"{self.name!r} moves along x or is a point: only Ant and Humanoid can have a heading")
        parts = len(capsule_radii(self.robot)) if self.robot else 0
        self._keep("faded", tuple(int(part) for part in self.faded))
        if not set(self.faded) <= set(range(parts)):
            raise UsageError(f"the faded parts of {self.name!r} must be numbers below {parts}, not {self.faded}")

    @property
    def steps(self) -> int:
        """T, the number of steps."""
        return len(self.positions) - 1

    @property
    def track(self) -> Array:
        """[T + 1] the distance of a robot along its track, in m."""
        return way(self.positions, str(self.robot), self.heading).astype(np.float32)

    @property
    def dt(self) -> float:
        """Seconds in a step of a robot."""
        return find_robot(str(self.robot)).dt

    @property
    def distance(self) -> float:
        """The distance from start to end in m. For a robot it is along the track, and negative for backward."""
        if self.robot is None:
            return float(np.hypot(*(self.positions[-1] - self.positions[0]).astype(np.float64)))
        return float(self.track[-1] - self.track[0])

    @property
    def velocity(self) -> float:
        """A robot's mean velocity along its track in m/s."""
        return self.distance / (self.steps * self.dt)

    def describe(self) -> str:
        """Describe the episode in words: distance, mean velocity or distance from the goal, and return."""
        return say("{name}: {what}", name=self.name, what=say(", ").join(self.facts()))

    def facts(self) -> list[str]:
        """Return the parts of the description after the name."""
        if self.robot is None:
            facts = [say("{distance:.2f} m from the start at the end", distance=self.distance)]
        else:
            facts = [say("{distance:.1f} m along the track", distance=self.distance)]
            facts.append(say("mean velocity {velocity:.2f} m/s", velocity=self.velocity))
        if self.target is not None:
            facts.append(say("target {target:.2f} m/s", target=self.target))
        if self.goal is not None:
            distance = np.linalg.norm(self.positions[-1] - self.goal)
            facts.append(say("{distance:.2f} m from the goal", distance=distance))
        if self.rewards is not None:
            facts.append(say("return {value:.1f}", value=self.rewards.sum(dtype=np.float64)))
        return facts

    def frames(self) -> Array:
        """Return the numbers [T + 1, F] that the page draws, as float32.

        For a robot of C capsules F = 1 + 4 C, which is 33 for HalfCheetah. The first number is the distance of the
        torso along the track. The others are the two ends of each capsule, as x relative to the torso and z. For a
        point F = 2.
        """
        if self.robot is None:
            return self.positions
        ends = relative_capsules(self.positions, self.robot, self.heading).reshape(len(self.positions), -1)
        return np.concatenate([self.track[:, None], ends], axis=1, dtype=np.float32, casting="same_kind")


def pack(runners: Sequence[Runner]) -> bytes:
    """Return the frames and the rewards of each runner as little-endian float32, one runner after the other."""
    parts = [part for runner in runners for part in (runner.frames(), runner.rewards) if part is not None]
    return b"".join(part.astype("<f4").tobytes() for part in parts)


def describe(runners: Sequence[Runner]) -> str:
    """Describe the episodes of all runners in words and numbers."""
    robot, count = runners[0].robot, len(runners)
    steps = max(runner.steps for runner in runners)
    time = say("{count} steps", count=steps)
    if robot:
        time = say("{seconds:.1f} s ({count} steps)", seconds=steps * runners[0].dt, count=steps)
    values = {"what": robot or say("point"), "time": time, "each": say("; ").join(map(Runner.describe, runners))}
    if count == 1:
        return say("One {what} run of {time}. {each}.", **values)
    return say("{count} {what} runs of {time}. {each}.", count=count, **values)


def look(runners: Sequence[Runner]) -> list[dict[str, str]]:
    """Return the colour and the signs of each runner. A single runner has those of "after adaptation"."""
    first = 1 if len(runners) == 1 else 0
    looks = list(zip(COLOURS, GLYPHS, MARKERS, strict=True))[first : first + len(runners)]
    return [{"colour": colour, "glyph": glyph, "marker": marker} for colour, glyph, marker in looks]


def check_runners(runners: Sequence[Runner]) -> tuple[Runner, ...]:
    """Return the runners if they can be shown together.

    Raises:
        UsageError: there are none, too many, or different kinds of them.
    """
    runners = tuple(runners)
    if not 1 <= len(runners) <= len(COLOURS):
        raise UsageError(f"a player shows 1 to {len(COLOURS)} runners, not {len(runners)}")
    kinds = sorted({runner.robot or "point" for runner in runners})
    if len(kinds) > 1:
        raise UsageError(f"{' and '.join(kinds)} cannot be on one track: give each kind a player of its own")
    return runners


def _floats(values: Any, what: str, shape: tuple[int, ...] | None = None) -> Array:
    try:
        with np.errstate(over="ignore"):  # numbers that are too large for float32 become infinite, an error below
            numbers = np.array(values, dtype=np.float32)  # a copy, because the caller may change the original later
    except (TypeError, ValueError):
        raise UsageError(f"{what} must be an array of numbers") from None
    if shape is not None and numbers.shape != shape:
        raise UsageError(f"{what} must have shape {shape}, not {numbers.shape}")
    if bad := int((~np.isfinite(numbers)).sum()):
        raise UsageError(f"cannot play: {bad} numbers of {what} are not finite")
    numbers.setflags(write=False)
    return numbers


def _check_positions(name: str, positions: Array, robot: str | None) -> None:
    if positions.size == 0:
        raise UsageError(f"cannot play: the trajectory of {name!r} is empty")
    count = 2 if robot is None else find_robot(robot).model.nq
    if positions.ndim != 2 or positions.shape[1] != count:
        right = f"[T + 1, {count}] for {robot}"
        if robot is None:
            right = "[T + 1, 9] for HalfCheetah or [T + 1, 2] for a point; other robots need robot=, such as 'Ant'"
        raise UsageError(f"the positions of {name!r} must be {right}, not {positions.shape}")
    if len(positions) < 2:
        raise UsageError(f"cannot play: the trajectory of {name!r} has fewer than two positions")
