"""What a player shows: runners, what they did in words, and the bytes that the page draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpsearch.errors import UsageError
from mpsearch.records import Array
from mpsearch.tasks.navigation import GOAL_RADIUS
from mpsearch.view.player.kinematics import POSITIONS, relative_capsules
from mpsearch.view.plots import CONTROL_STEP, PALETTE

COLOURS = [PALETTE[name] for name in ("orange", "blue", "green", "purple", "vermillion", "sky")]
GLYPHS, MARKERS = "●◆■▲▼✚", "oDs^vP"  # one sign a runner beside its colour: as text, and in matplotlib


@dataclass(frozen=True, eq=False)
class Runner:
    """One episode to play.

    Args:
        name: what its label says.
        positions: [T + 1, Q], kept as float32: Q = 9 for HalfCheetah, Q = 2 for a point (x, y in m).
        rewards: [T], for a return that ticks up.
        target: velocity asked for in m/s; a ghost runs at it. HalfCheetah only.
        goal: (x, y) in m, a circle. Points only.
        radius: of the goal, in m.

    Raises:
        UsageError: a wrong shape, a number that is not finite, fewer than two positions.
    """

    name: str
    positions: Array
    rewards: Array | None = None
    target: float | None = None
    goal: tuple[float, float] | None = None
    radius: float = GOAL_RADIUS

    def __post_init__(self) -> None:
        self._keep("positions", _floats(self.positions, f"the positions of {self.name!r}"))
        _check_positions(self.name, self.positions)
        if self.rewards is not None:
            self._keep("rewards", _floats(self.rewards, f"the rewards of {self.name!r}"))
            if self.rewards.shape != (self.steps,):
                raise UsageError(
                    f"{self.name!r} needs one reward a step, {self.steps} in all, not {self.rewards.shape}"
                )
        self._check_aim()

    def _keep(self, field: str, value: object) -> None:
        object.__setattr__(self, field, value)  # the way to normalise a field of a frozen record

    def _check_aim(self) -> None:
        if self.target is not None:
            if not self.is_cheetah:
                raise UsageError(f"{self.name!r} is a point: it can have a goal=(x, y), not a target velocity")
            self._keep("target", float(_floats(self.target, "the target velocity", ())))
        if self.goal is not None:
            if self.is_cheetah:
                raise UsageError(f"{self.name!r} is a HalfCheetah: it can have a target velocity, not a goal")
            self._keep("goal", tuple(_floats(self.goal, "the goal", (2,)).tolist()))
        if not 0 < self.radius < np.inf:
            raise UsageError(f"the goal's radius must be positive and finite, not {self.radius}")

    @property
    def steps(self) -> int:
        """T, the number of steps."""
        return len(self.positions) - 1

    @property
    def is_cheetah(self) -> bool:
        """Whether it is a HalfCheetah, and not a point."""
        return bool(self.positions.shape[1] == POSITIONS)

    @property
    def distance(self) -> float:
        """From start to end in m, along x for a HalfCheetah (negative: backward)."""
        way = (self.positions[-1] - self.positions[0]).astype(np.float64)
        return float(way[0] if self.is_cheetah else np.hypot(*way))

    @property
    def velocity(self) -> float:
        """A HalfCheetah's mean velocity along x in m/s."""
        return self.distance / (self.steps * CONTROL_STEP)

    def describe(self) -> str:
        """What it did, in words: distance, mean velocity or place, and return."""
        words = [f"{self.name}: {self.distance:.1f} m along the track, mean velocity {self.velocity:.2f} m/s"]
        if not self.is_cheetah:
            words = [f"{self.name}: {self.distance:.2f} m from the start at the end"]
        if self.target is not None:
            words.append(f"target {self.target:.2f} m/s")
        if self.goal is not None:
            words.append(f"{np.linalg.norm(self.positions[-1] - self.goal):.2f} m from the goal")
        if self.rewards is not None:
            words.append(f"return {self.rewards.sum(dtype=np.float64):.1f}")
        return ", ".join(words)

    def frames(self) -> Array:
        """[T + 1, F] float32 that the page draws.

        F = 33 for HalfCheetah: the torso's x, then 8 capsules x 2 ends x (x relative to it, z). F = 2 for a point.
        """
        if not self.is_cheetah:
            return self.positions
        ends = relative_capsules(self.positions).reshape(len(self.positions), -1)
        return np.concatenate([self.positions[:, :1], ends], axis=1, dtype=np.float32, casting="same_kind")


def pack(runners: Sequence[Runner]) -> bytes:
    """The frames and then the rewards of each runner, little-endian float32, one runner after the other."""
    parts = [part for runner in runners for part in (runner.frames(), runner.rewards) if part is not None]
    return b"".join(part.astype("<f4").tobytes() for part in parts)


def describe(runners: Sequence[Runner]) -> str:
    """What the runners did, in words and numbers."""
    what, count = "HalfCheetah" if runners[0].is_cheetah else "point", len(runners)
    steps = max(runner.steps for runner in runners)
    time = f"{steps * CONTROL_STEP:.1f} s ({steps} steps)" if runners[0].is_cheetah else f"{steps} steps"
    each = "; ".join(runner.describe() for runner in runners)
    return f"{'One' if count == 1 else count} {what} {'run' if count == 1 else 'runs'} of {time}. {each}."


def look(runners: Sequence[Runner]) -> list[dict[str, str]]:
    """Colour and sign of each runner; one alone has those of "after adaptation"."""
    first = 1 if len(runners) == 1 else 0
    looks = list(zip(COLOURS, GLYPHS, MARKERS, strict=True))[first : first + len(runners)]
    return [{"colour": colour, "glyph": glyph, "marker": marker} for colour, glyph, marker in looks]


def check_runners(runners: Sequence[Runner]) -> tuple[Runner, ...]:
    """The runners, if they can be shown together.

    Raises:
        UsageError: none, too many, or HalfCheetahs and points mixed.
    """
    runners = tuple(runners)
    if not 1 <= len(runners) <= len(COLOURS):
        raise UsageError(f"a player shows 1 to {len(COLOURS)} runners, not {len(runners)}")
    if len({runner.is_cheetah for runner in runners}) > 1:
        raise UsageError("HalfCheetahs and points cannot be on one track: give each kind a player of its own")
    return runners


def _floats(values: Any, what: str, shape: tuple[int, ...] | None = None) -> Array:
    try:
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused below
            numbers = np.array(values, dtype=np.float32)  # a copy: what is shown later is what was given now
    except (TypeError, ValueError):
        raise UsageError(f"{what} must be an array of numbers") from None
    if shape is not None and numbers.shape != shape:
        raise UsageError(f"{what} must have shape {shape}, not {numbers.shape}")
    if bad := int((~np.isfinite(numbers)).sum()):
        raise UsageError(f"cannot play: {bad} numbers of {what} are not finite")
    numbers.setflags(write=False)
    return numbers


def _check_positions(name: str, positions: Array) -> None:
    if positions.size == 0:
        raise UsageError(f"cannot play: the trajectory of {name!r} is empty")
    if positions.ndim != 2 or positions.shape[1] not in (POSITIONS, 2):
        raise UsageError(
            f"the positions of {name!r} must be [T + 1, {POSITIONS}] for HalfCheetah or [T + 1, 2] for a point,"
            f" not {positions.shape}"
        )
    if len(positions) < 2:
        raise UsageError(f"cannot play: the trajectory of {name!r} has fewer than two positions")
