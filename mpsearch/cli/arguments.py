"""What the words of a command line stand for: settings, agents, tasks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from mpsearch.errors import UsageError

if TYPE_CHECKING:
    from mpsearch.records import Array
    from mpsearch.tasks import TaskDistribution

Algorithm = Annotated[str, tyro.conf.arg(metavar="ALGO", help="algorithm: maml or pearl")]
Method = Annotated[
    str, tyro.conf.arg(metavar="ALGO", help="maml, pearl, or a baseline: random, average, oracle or scratch")
]
Tasks = Annotated[str, tyro.conf.arg(metavar="TASKS", help="cheetah-direction, cheetah-velocity or point-navigation")]
Settings = Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE ...")]


def parse_settings(pairs: tuple[str, ...], what: str) -> dict[str, Any]:
    """``("horizon=100", "sparse=true")`` as ``{"horizon": 100, "sparse": True}``."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"{what} {pair!r} must have the form KEY=VALUE, such as horizon=100")
        try:
            settings[key.replace("-", "_")] = json.loads(value)
        except ValueError:
            settings[key.replace("-", "_")] = value
    return settings


def load_agent(method: str, tasks: str, weights: Path | None, family: tuple[str, ...]) -> Any:
    """The shipped meta-policy or baseline, or the one in ``weights``, on the family with its changed settings."""
    from mpsearch import zoo
    from mpsearch.errors import unknown
    from mpsearch.evidence import baselines
    from mpsearch.tasks import FAMILIES, make_distribution

    if method not in (known := [*zoo.ALGORITHMS, *baselines.NAMES]):
        raise unknown("algorithm", method, known)
    if tasks not in FAMILIES:
        raise unknown("tasks", tasks, FAMILIES)
    changed = parse_settings(family, "--family")
    if method in ("random", "scratch"):
        if weights is not None:
            raise UsageError(f"{method} starts from nothing: leave out --weights")
        return baselines.start(method, make_distribution(tasks, **changed))
    agent = zoo.load(weights or f"{method}-{tasks}")
    trainer = method if method in zoo.ALGORITHMS else "maml"
    if (agent.algorithm, agent.tasks.id) != (trainer, tasks):
        raise UsageError(f"{weights} was trained by {agent.algorithm} on {agent.tasks.id}, not {trainer} on {tasks}")
    if changed:
        agent.tasks = make_distribution(tasks, **{**agent.tasks.config, **changed})
    return agent


def rows_of(values: tuple[float, ...], family: TaskDistribution) -> Array:
    """Task values from the command line as rows [K, P]; none gives evenly spread tasks."""
    import numpy as np

    width = len(family.parameter_names)
    if len(values) % width:
        names = " ".join(name.upper() for name in family.parameter_names)
        raise UsageError(f"--task of {family.id} takes {width} numbers a task ({names}), not {len(values)} in all")
    return family.check(np.reshape(values, (-1, width))) if values else family.spread()


def options_of(**given: int | None) -> dict[str, int]:
    """The options that were given."""
    return {name: value for name, value in given.items() if value is not None}
