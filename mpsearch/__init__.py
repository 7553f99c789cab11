"""mpsearch: meta-policy search, to learn from and to build on.

A task distribution hands out tasks; a meta-policy (:class:`MAML` or :class:`PEARL`) is trained over them and then
adapts to a task it has never seen from a few episodes::

    agent = mpsearch.load("maml-cheetah-direction")
    result = agent.adapt(agent.tasks.spread(2), seed=0)
    print(result.before, result.after)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mpsearch.tasks.registry import BUILT_IN, make_distribution, register, register_environment

if TYPE_CHECKING:
    from mpsearch.evaluation import Evaluation, evaluate
    from mpsearch.language import set_language
    from mpsearch.maml import MAML, MAMLConfig
    from mpsearch.pearl import PEARL, PEARLConfig
    from mpsearch.policies import PolicyNet
    from mpsearch.records import AdaptationResult
    from mpsearch.tasks import (
        AntDirection,
        AntGoal,
        Batch,
        CheetahDirection,
        CheetahVelocity,
        Dosing,
        GymnasiumTasks,
        HopperBody,
        HumanoidDirection,
        Market,
        PenaltyKicks,
        PointNavigation,
        TaskDistribution,
        Taste,
        WalkerBody,
        WeakLeg,
    )
    from mpsearch.zoo import available, load

_HOME = {  # the module of each name; it is imported at first use, because torch and MuJoCo take seconds to import
    "AdaptationResult": "records",
    "AntDirection": "tasks",
    "AntGoal": "tasks",
    "Batch": "tasks",
    "CheetahDirection": "tasks",
    "CheetahVelocity": "tasks",
    "Dosing": "tasks",
    "Evaluation": "evaluation",
    "GymnasiumTasks": "tasks",
    "HopperBody": "tasks",
    "HumanoidDirection": "tasks",
    "MAML": "maml",
    "MAMLConfig": "maml",
    "Market": "tasks",
    "PEARL": "pearl",
    "PEARLConfig": "pearl",
    "PenaltyKicks": "tasks",
    "PointNavigation": "tasks",
    "PolicyNet": "policies",
    "TaskDistribution": "tasks",
    "Taste": "tasks",
    "WalkerBody": "tasks",
    "WeakLeg": "tasks",
    "available": "zoo",
    "evaluate": "evaluation",
    "load": "zoo",
    "set_language": "language",
}

__all__ = [
    "MAML",
    "PEARL",
    "AdaptationResult",
    "AntDirection",
    "AntGoal",
    "Batch",
    "CheetahDirection",
    "CheetahVelocity",
    "Dosing",
    "Evaluation",
    "GymnasiumTasks",
    "HopperBody",
    "HumanoidDirection",
    "MAMLConfig",
    "Market",
    "PEARLConfig",
    "PenaltyKicks",
    "PointNavigation",
    "PolicyNet",
    "TaskDistribution",
    "Taste",
    "WalkerBody",
    "WeakLeg",
    "available",
    "evaluate",
    "load",
    "make_distribution",
    "register",
    "set_language",
]

for _family in BUILT_IN:
    register_environment(_family)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"mpsearch.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mpsearch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
