"""The arguments that commands share, and what they stand for: settings, agents, tasks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from mpsearch.cli.naming import name_family
from mpsearch.errors import UsageError, unknown
from mpsearch.evidence import BASELINES
from mpsearch.tasks.registry import known, make_distribution
from mpsearch.zoo import ALGORITHMS

if TYPE_CHECKING:
    from mpsearch.records import Array
    from mpsearch.tasks import TaskDistribution

METHODS = [*ALGORITHMS, *BASELINES]
FAMILY = f"{', '.join(known())}; or your own: path/to/file.py:Class or package.module:Class"

Algorithm = Annotated[str, tyro.conf.arg(metavar="ALGO", help=f"one of {', '.join(ALGORITHMS)}")]
Method = Annotated[str, tyro.conf.arg(metavar="ALGO", help=f"one of {', '.join(METHODS)}")]
Tasks = Annotated[str, tyro.conf.arg(metavar="TASKS", help=FAMILY)]
Settings = Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE ...")]


@dataclass
class Adapting:
    """The arguments that ``mpsearch adapt`` and ``mpsearch evaluate`` have in common."""

    algo: tyro.conf.Positional[Method]
    tasks: tyro.conf.Positional[Tasks]
    episodes: int | None = None
    """Episodes at each stage; by default 20 for maml and 1 for pearl."""
    steps: int | None = None
    """Stages after the first: gradient steps for maml (by default 3), exploration episodes for pearl (by default 2)."""
    resample_every: int | None = None
    """Steps between two draws of z within an episode (pearl only): 1 adapts within the first second, 0 draws once an
    episode; as in training, if not given."""
    weights: Path | None = None
    """A folder with a checkpoint, or the name of another shipped one, to use instead of the shipped one."""
    family: Settings = ()
    """Settings of the task family to change, such as horizon=100."""
    json: bool = False
    """Print one JSON object."""

    @property
    def options(self) -> dict[str, int]:
        """What was said of how to adapt."""
        return options_of(episodes=self.episodes, steps=self.steps, resample_every=self.resample_every)

    def load(self) -> Any:
        """Load the agent that the arguments name, with its task family."""
        return load_agent(self.algo, self.tasks, self.weights, self.family)


def parse_settings(pairs: tuple[str, ...], what: str) -> dict[str, Any]:
    """Return the settings of ``("horizon=100", "sparse=true")`` as ``{"horizon": 100, "sparse": True}``."""
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
    """Load the shipped meta-policy or baseline, or the one in ``weights``, and change its family's settings."""
    from mpsearch import zoo
    from mpsearch.evidence import baselines

    if method not in METHODS:
        raise unknown("algorithm", method, METHODS)
    family_id, changed = name_family(tasks), parse_settings(family, "--family")
    if method in ("random", "scratch"):
        if weights is not None:
            raise UsageError(f"{method} starts from nothing: leave out --weights")
        return baselines.start(method, make_distribution(family_id, **changed))
    name = f"{method}-{family_id}"
    if weights is None and name not in zoo.available():
        shipped = ", ".join(zoo.available())
        raise UsageError(
            f"no {name} comes with mpsearch: train one with 'mpsearch train {method} {tasks}' and give its folder with"
            f" --weights, or take one that does: {shipped}"
        )
    agent = zoo.load(name if weights is None else weights)
    trainer = method if method in ALGORITHMS else "maml"
    if (agent.algorithm, agent.tasks.id) != (trainer, family_id):
        raise UsageError(
            f"{weights} was trained by {agent.algorithm} on {agent.tasks.id}, not {trainer} on {family_id}"
        )
    if changed:
        agent.tasks = make_distribution(family_id, **{**agent.tasks.config, **changed})
    return agent


def rows_of(values: tuple[float, ...], family: TaskDistribution) -> Array:
    """Return task values from the command line as rows [K, P]. Without values, return evenly spread tasks."""
    import numpy as np

    width = len(family.parameter_names)
    if len(values) % width:
        names = " ".join(name.upper() for name in family.parameter_names)
        raise UsageError(
            f"--task of {family.id} takes {width} numbers for each task ({names}), not {len(values)} in all"
        )
    return family.check(np.reshape(values, (-1, width))) if values else family.spread()


def options_of(**given: int | None) -> dict[str, int]:
    """Return the options that are not ``None``."""
    return {name: value for name, value in given.items() if value is not None}
