"""Task distributions: what varies from task to task, and the physics they share."""

from __future__ import annotations

from typing import Any

from mpsearch.errors import UsageError, unknown
from mpsearch.tasks.cheetah import CheetahDirection, CheetahVelocity
from mpsearch.tasks.distribution import Batch, TaskDistribution
from mpsearch.tasks.environments import TaskEnv
from mpsearch.tasks.navigation import PointNavigation
from mpsearch.tasks.planar_bodies import HopperBody, WalkerBody
from mpsearch.tasks.spatial_bodies import AntDirection, AntGoal, HumanoidDirection

__all__ = [
    "AntDirection",
    "AntGoal",
    "Batch",
    "CheetahDirection",
    "CheetahVelocity",
    "HopperBody",
    "HumanoidDirection",
    "PointNavigation",
    "TaskDistribution",
    "TaskEnv",
    "WalkerBody",
    "make_distribution",
]

FAMILIES: dict[str, type[TaskDistribution]] = {
    family.id: family
    for family in (
        CheetahDirection,
        CheetahVelocity,
        PointNavigation,
        AntDirection,
        AntGoal,
        WalkerBody,
        HopperBody,
        HumanoidDirection,
    )
}


def make_distribution(family_id: str, **config: Any) -> TaskDistribution:
    """The task distribution with this id; ``config`` goes to its constructor.

    Raises:
        UsageError: the id or an argument is unknown.
    """
    if family_id not in FAMILIES:
        raise unknown("tasks", family_id, FAMILIES)
    try:
        return FAMILIES[family_id](**config)
    except TypeError as error:
        raise UsageError(f"{family_id} cannot be made with {config}: {error}") from None
