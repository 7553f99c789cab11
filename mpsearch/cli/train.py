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
from mpsearch.errors import UsageError, check_number
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
    """Start from the checkpoint in this folder, with other hyper-parameters. For MAML it may be a policy that was told
    its task (inner_steps=0, told=true): with a context as wide as the task, this becomes what gradient steps adapt."""
    set: Settings = ()
    """Hyper-parameters to change, such as inner_steps=2."""
    family: Settings = ()
    """Settings of the task family to change, such as horizon=100."""
    device: str = "cpu"
    """Where gradient steps are made: cpu, or cuda for PEARL on a GPU."""
    on_nonfinite: Literal["stop", "rollback"] = "stop"
    """When training diverges, stop, or go back to the last checkpoint and continue with other random numbers."""
    save_every: float = 60.0
    """Seconds between checkpoints. One is always written at the end."""
    keep_best: bool = False
    """Also keep, in the subfolder best, the agent with the highest returns on held-out tasks (PEARL only)."""
    patience: float = 60.0
    """With torchrun: the seconds that a process waits for the others before it gives up."""

    def run(self) -> None:
        from mpsearch import ranks

        with ranks.joined(self.patience):
            with ranks.together():
                agent, folder = self._prepare()
                remaining = self.iterations - agent.iteration
                if remaining < 1 and not ranks.restarted():
                    raise UsageError(f"{folder} already has {agent.iteration} iterations; give more with --iterations")
            if remaining > 0:
                self._train(agent, folder, remaining)
            if ranks.number() == 0:
                print(f"{agent.iteration} iterations, {agent.env_steps:,} environment steps: saved in {folder}")

    def _train(self, agent: MetaPolicy, folder: Path, iterations: int) -> None:
        agent.train(
            iterations,
            seed=agent.seed or 0,
            folder=folder,
            save_every=check_number("save_every", self.save_every, 0),
            on_nonfinite=self.on_nonfinite,
            device=self.device,
            keep_best=self.keep_best,
        )

    def _prepare(self) -> tuple[MetaPolicy, Path]:
        """Return the agent to train, and the folder of the run."""
        from mpsearch import ranks, zoo
        from mpsearch.training.storage import CARD

        kind, family_id = zoo.algorithm(self.algo), name_family(self.tasks)
        if self.resume:
            return self._resumed(kind, family_id, self.resume), self.resume
        folder = self.folder or Path("runs") / f"{self.algo}-{family_id}-{self.seed}"
        if ranks.restarted() and (folder / CARD).exists():
            return kind.load(folder), folder
        return self._fresh(kind, family_id, folder), folder

    def _fresh(self, kind: type[MetaPolicy], family_id: str, folder: Path) -> MetaPolicy:
        from mpsearch import ranks
        from mpsearch.training.metrics import copy_metrics
        from mpsearch.training.storage import CARD

        if (folder / CARD).exists():
            raise UsageError(f"{folder} already holds a run; continue it with --resume {folder} or choose another")
        family = make_distribution(family_id, **parse_settings(self.family, "--family"))
        agent = kind(family, self._config(kind))
        agent.seed, agent.command = self.seed, shlex.join(["mpsearch", *sys.argv[1:]])
        if self.start:
            agent.start_from(self.start)
            if ranks.number() == 0:
                copy_metrics(self.start, folder)
        return agent

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

    def _resumed(self, kind: type[MetaPolicy], family_id: str, folder: Path) -> MetaPolicy:
        if self.set or self.family or self.folder or self.start:
            raise UsageError("--resume continues a run as it was: leave out --set, --family, --folder and --start")
        agent = kind.load(folder)
        if agent.tasks.id != family_id:
            raise UsageError(f"{folder} was trained on {agent.tasks.id}, not {family_id}")
        return agent
