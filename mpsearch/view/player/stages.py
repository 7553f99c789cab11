"""The runners that show the stages of an adaptation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mpsearch.errors import UsageError
from mpsearch.language import say
from mpsearch.records import AdaptationResult, Array
from mpsearch.tasks.robots import find_robot
from mpsearch.view.player.runners import CHEETAH, Runner


def has_runners(result: AdaptationResult) -> bool:
    """Say whether the positions of ``result`` are those of a robot or of a point in the plane, so that they can run."""
    return result.robot is not None or result.trajectories.shape[-1] in (2, find_robot(CHEETAH).model.nq)


def runners_of(
    result: AdaptationResult,
    task: int = 0,
    *,
    stages: Sequence[int] = (0, -1),
    target: float | None = None,
    goal: Sequence[float] | None = None,
    names: Sequence[str] | None = None,
    faded: Sequence[int] = (),
) -> list[Runner]:
    """Return the runners of :func:`~mpsearch.view.player.player.play`, for example to race several methods.

    Arguments and errors are those of that function.
    """
    count, depth = result.trajectories.shape[:2]
    _check_index("task", task, 0, count)
    for stage in stages:
        _check_index("stage", stage, -depth, depth)
    stages = list(dict.fromkeys(range(depth)[stage] for stage in stages))
    names = [_stage_name(result, stage) for stage in stages] if names is None else names
    if len(names) != len(stages):
        raise UsageError(f"there must be one name for each stage: {len(stages)} stages, {len(names)} names")
    if goal is None and result.trajectories.shape[-1] == 2:
        goal = result.tasks[task]
    robot = result.robot
    aim: dict[str, Any] = {"target": target, "goal": goal, "robot": robot, "faded": tuple(faded)}
    if robot and not find_robot(robot).planar:
        aim["heading"] = _heading(result.tasks[task])
    return [
        Runner(name, result.trajectories[task, stage], result.rewards[task, stage], **aim)
        for name, stage in zip(names, stages, strict=True)
    ]


def _heading(task: Array) -> float:
    """Return the direction in rad in which a task [P] sends a robot: its angle, or the direction of its goal (x, y)."""
    return float(task[0] if len(task) == 1 else np.arctan2(task[1], task[0]))


def _stage_name(result: AdaptationResult, stage: int) -> str:
    if stage == 0:
        return say("before adaptation")
    last = stage == len(result.env_steps) - 1
    return say("after adaptation") if last else say("after {count:,} steps", count=result.env_steps[stage])


def _check_index(what: str, index: int, low: int, count: int) -> None:
    if isinstance(index, bool) or not isinstance(index, (int, np.integer)) or not low <= index < count:
        raise UsageError(f"{what} must be a whole number from {low} to {count - 1}, not {index!r}")
