"""``mpsearch train``: meta-train an agent, resume a training, or start from another training."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from mpsearch.cli.arguments import Algorithm, Settings, Tasks, parse_settings
from mpsearch.cli.naming import name_family
from mpsearch.errors import UsageError
from mpsearch.tasks.registry import make_distribution

if TYPE_CHECKING:
    from mpsearch.meta_policy import MetaPolicy


@dataclass
class Train:
    """Meta-train, with a checkpoint every minute and one JSON line of metrics for each iteration."""

    algo: tyro.conf.Positional[Algorithm]
    tasks: tyro.conf.Positional[Tasks]
    iterations: int = 1000
    """The total number of iterations, including those of a resumed run."""
    seed: int = 0
    folder: Path | None = None
    """The folder of the run, by default runs/ALGO-TASKS-SEED. It must not hold another run."""
    resume: Path | None = None
    """Continue the run in this folder. The result is the same, to the bit, as without a stop."""
    start: Path | None = None
    """Start from the checkpoint in this folder, with other hyper-parameters."""
    set: Settings = ()
    """Hyper-parameters to change, such as inner_steps=2."""
    family: Settings = ()
    """Settings of the task family to change, such as horizon=100."""
    on_nonfinite: Literal["stop", "rollback"] = "stop"
    """When training diverges, stop, or go back to the last checkpoint and continue with other random numbers."""

    def run(self) -> None:
        from mpsearch import zoo

        kind = zoo.algorithm(self.algo)
        agent, folder = self._resumed(kind, self.resume) if self.resume else self._fresh(kind)
        remaining = self.iterations - agent.iteration
        if remaining < 1:
            raise UsageError(f"{folder} already has {agent.iteration} iterations; give more with --iterations")
        agent.train(remaining, seed=agent.seed or 0, folder=folder, on_nonfinite=self.on_nonfinite)
        print(f"{agent.iteration} iterations, {agent.env_steps:,} environment steps: saved in {folder}")

    def _fresh(self, kind: type[MetaPolicy]) -> tuple[MetaPolicy, Path]:
        from mpsearch.training.metrics import copy_metrics
        from mpsearch.training.storage import CARD

        family_id = name_family(self.tasks)
        folder = self.folder or Path("runs") / f"{self.algo}-{family_id}-{self.seed}"
        if (folder / CARD).exists():
            raise UsageError(f"{folder} already holds a run; continue it with --resume {folder} or choose another")
        family = make_distribution(family_id, **parse_settings(self.family, "--family"))
        agent = kind(family, self._config(kind))
        agent.seed, agent.command = self.seed, shlex.join(["mpsearch", *sys.argv[1:]])
        if self.start:
            agent.start_from(self.start)
            copy_metrics(self.start, folder)
        return agent, folder

    def _config(self, kind: type[MetaPolicy]) -> Any:
        settings = parse_settings(self.set, "--set")
        allowed = [field.name for field in fields(kind.config_type)]
        for key in settings:
            if key not in allowed:
                raise UsageError(f"{kind.algorithm} has no hyper-parameter {key!r}; known: {', '.join(allowed)}")
        try:
            return kind.config_type(**settings)
        except TypeError as error:
            raise UsageError(f"--set: {error}") from None

    def _resumed(self, kind: type[MetaPolicy], folder: Path) -> tuple[MetaPolicy, Path]:
        if self.set or self.family or self.folder or self.start:
            raise UsageError("--resume continues a run as it was: leave out --set, --family, --folder and --start")
        family_id, agent = name_family(self.tasks), kind.load(folder)
        if agent.tasks.id != family_id:
            raise UsageError(f"{folder} was trained on {agent.tasks.id}, not {family_id}")
        return agent, folder
