"""Task distributions: how tasks are drawn, and the physics in which they are simulated."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mpsearch.tasks.registry import BUILT_IN, make_distribution, register

if TYPE_CHECKING:
    from mpsearch.tasks.applications.dosing import Dosing
    from mpsearch.tasks.applications.market import Market
    from mpsearch.tasks.applications.penalty_kicks import PenaltyKicks
    from mpsearch.tasks.applications.taste import Taste
    from mpsearch.tasks.applications.weak_leg import WeakLeg
    from mpsearch.tasks.batch import Batch
    from mpsearch.tasks.cheetah import CheetahDirection, CheetahVelocity
    from mpsearch.tasks.distribution import TaskDistribution
    from mpsearch.tasks.environments import TaskEnv
    from mpsearch.tasks.gymnasium import GymnasiumTasks
    from mpsearch.tasks.navigation import PointNavigation
    from mpsearch.tasks.planar_bodies import HopperBody, WalkerBody
    from mpsearch.tasks.spatial_bodies import AntDirection, AntGoal, HumanoidDirection

_HOME = {  # the module of each name; it is imported at first use, because importing MuJoCo takes half a second
    "AntDirection": "spatial_bodies",
    "AntGoal": "spatial_bodies",
    "Batch": "batch",
    "CheetahDirection": "cheetah",
    "CheetahVelocity": "cheetah",
    "Dosing": "applications.dosing",
    "GymnasiumTasks": "gymnasium",
    "HopperBody": "planar_bodies",
    "HumanoidDirection": "spatial_bodies",
    "Market": "applications.market",
    "PenaltyKicks": "applications.penalty_kicks",
    "PointNavigation": "navigation",
    "TaskDistribution": "distribution",
    "TaskEnv": "environments",
    "Taste": "applications.taste",
    "WalkerBody": "planar_bodies",
    "WeakLeg": "applications.weak_leg",
}

__all__ = [
    "BUILT_IN",
    "AntDirection",
    "AntGoal",
    "Batch",
    "CheetahDirection",
    "CheetahVelocity",
    "Dosing",
    "GymnasiumTasks",
    "HopperBody",
    "HumanoidDirection",
    "Market",
    "PenaltyKicks",
    "PointNavigation",
    "TaskDistribution",
    "TaskEnv",
    "Taste",
    "WalkerBody",
    "WeakLeg",
    "make_distribution",
    "register",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"mpsearch.tasks.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mpsearch.tasks' has no attribute {name!r}")
