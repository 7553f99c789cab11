"""The command line: ``mpsearch adapt | train | evaluate | bench | doctor | lab``.

Exit codes: 0 done, 1 failed, 2 wrong usage. Everything slow is imported by the command that needs it.
"""

from __future__ import annotations

import json
import shlex
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from mpsearch.arguments import load_agent, options_of, parse_settings, rows_of
from mpsearch.errors import MpsearchError, UsageError

if TYPE_CHECKING:
    from mpsearch.meta_policy import MetaPolicy

Algorithm = Annotated[str, tyro.conf.arg(metavar="ALGO", help="algorithm: maml or pearl")]
Method = Annotated[
    str, tyro.conf.arg(metavar="ALGO", help="maml, pearl, or a baseline: random, average, oracle or scratch")
]
Tasks = Annotated[str, tyro.conf.arg(metavar="TASKS", help="cheetah-direction, cheetah-velocity or point-navigation")]
Settings = Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE ...")]


@dataclass
class Adapt:
    """Adapt a shipped meta-policy to tasks and print the return before and after."""

    algo: tyro.conf.Positional[Method]
    tasks: tyro.conf.Positional[Tasks]
    task: tuple[float, ...] = ()
    """The tasks; evenly spread ones if not given. Two numbers a task for point-navigation."""
    seed: int = 0
    episodes: int | None = None
    """Episodes at each stage: 20 for maml and 1 for pearl, if not given."""
    steps: int | None = None
    """Stages after the first: gradient steps (maml, 3 if not given) or exploration episodes (pearl, 2)."""
    weights: Path | None = None
    """A folder with another checkpoint."""
    family: Settings = ()
    """Settings of the task family to change, such as horizon=100."""
    json: bool = False
    """Print one JSON object."""

    def run(self) -> None:
        from mpsearch.view.tables import adaptation_json, adaptation_table

        agent = load_agent(self.algo, self.tasks, self.weights, self.family)
        tasks = rows_of(self.task, agent.tasks)
        result = agent.adapt(tasks, seed=self.seed, episodes=self.episodes, steps=self.steps)
        data, family = adaptation_json(agent, self.seed, result), agent.tasks
        print(json.dumps(data) if self.json else adaptation_table(family, result))


@dataclass
class Train:
    """Meta-train, with a checkpoint a minute and one JSON line of metrics an iteration."""

    algo: tyro.conf.Positional[Algorithm]
    tasks: tyro.conf.Positional[Tasks]
    iterations: int = 1000
    """Iterations in all, those of a resumed run included."""
    seed: int = 0
    folder: Path | None = None
    """Where to write; runs/ALGO-TASKS-SEED if not given. It must not hold a run already."""
    resume: Path | None = None
    """Continue the run in this folder, to the bit as if it had not stopped."""
    start: Path | None = None
    """Begin from the checkpoint in this folder, with other hyper-parameters."""
    set: Settings = ()
    """Hyper-parameters to change, such as inner_steps=2."""
    family: Settings = ()
    """Settings of the task family to change, such as horizon=100."""
    on_nonfinite: Literal["stop", "rollback"] = "stop"
    """When training diverges: stop, or go back to the last checkpoint and on with other random numbers."""

    def run(self) -> None:
        from mpsearch import checkpoints

        kind = checkpoints.algorithm(self.algo)
        agent, folder = self._resumed(kind, self.resume) if self.resume else self._fresh(kind)
        remaining = self.iterations - agent.iteration
        if remaining < 1:
            raise UsageError(f"{folder} already has {agent.iteration} iterations; ask for more with --iterations")
        agent.train(remaining, seed=agent.seed or 0, folder=folder, on_nonfinite=self.on_nonfinite)
        print(f"{agent.iteration} iterations, {agent.env_steps:,} environment steps: saved in {folder}")

    def _fresh(self, kind: type[MetaPolicy]) -> tuple[MetaPolicy, Path]:
        from mpsearch.metrics import copy_metrics
        from mpsearch.storage import CARD
        from mpsearch.tasks import make_distribution

        folder = self.folder or Path("runs") / f"{self.algo}-{self.tasks}-{self.seed}"
        if (folder / CARD).exists():
            raise UsageError(f"{folder} already holds a run; continue it with --resume {folder} or choose another")
        family = make_distribution(self.tasks, **parse_settings(self.family, "--family"))
        agent = kind(family, self._config(kind))
        agent.seed, agent.command = self.seed, shlex.join(["mpsearch", *sys.argv[1:]])
        if self.start:
            agent.start_from(self.start)
            copy_metrics(self.start, folder)
        return agent, folder

    def _config(self, kind: type[MetaPolicy]) -> Any:
        settings = parse_settings(self.set, "--set")
        allowed = list(kind.config_type.__dataclass_fields__)
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
        agent = kind.load(folder)
        if agent.tasks.id != self.tasks:
            raise UsageError(f"{folder} was trained on {agent.tasks.id}, not {self.tasks}")
        return agent, folder


@dataclass
class Evaluate:
    """Adapt to held-out tasks with many seeds; print the mean return of each stage with its interval."""

    algo: tyro.conf.Positional[Method]
    tasks: tyro.conf.Positional[Tasks]
    seeds: int = 10
    """Seeds 0, 1, ... of the exploration."""
    count: int = 40
    """Held-out tasks (the two directions for cheetah-direction)."""
    episodes: int | None = None
    steps: int | None = None
    weights: Path | None = None
    family: Settings = ()
    json: bool = False
    """Print one JSON object."""
    out: Path | None = None
    """Write every return, with all that says where they come from, to OUT.json, and a picture to OUT.png."""
    into_card: bool = False
    """Write the result into the card of --weights."""

    def run(self) -> None:
        from mpsearch.baselines import with_best_rate
        from mpsearch.errors import check_count
        from mpsearch.evaluation import evaluate, held_out
        from mpsearch.view.tables import evaluation_table

        agent = load_agent(self.algo, self.tasks, self.weights, self.family)
        seeds = range(check_count("seeds", self.seeds))
        if self.algo in ("random", "average"):
            agent = with_best_rate(agent)
        steps = 0 if self.algo == "oracle" and self.steps is None else self.steps
        options = options_of(episodes=self.episodes, steps=steps)
        evaluation = evaluate(agent, held_out(agent.tasks, self.count), seeds, progress=not self.json, **options)
        result = {**evaluation.to_json(), "horizon": agent.tasks.horizon, "command": self._command()}
        if self.out is not None:
            from mpsearch.view.evidence import write_evidence

            write_evidence(self.out, evaluation, agent, method=self.algo, command=result["command"])
        if self.into_card:
            if self.weights is None:
                raise UsageError("--into-card needs --weights FOLDER")
            from mpsearch.storage import add_to_card

            add_to_card(self.weights, "evaluations", result)
        print(json.dumps(result) if self.json else evaluation_table(result))

    def _command(self) -> str:
        """What repeats this evaluation on the meta-policy once it ships under its name."""
        words = ["mpsearch", "evaluate", self.algo, self.tasks, "--seeds", str(self.seeds), "--count", str(self.count)]
        words += [f"--{key} {value}" for key, value in options_of(episodes=self.episodes, steps=self.steps).items()]
        return " ".join([*words, *(["--family", *self.family] if self.family else [])])


@dataclass
class Bench:
    """Measure speed and memory, mostly as ratios to what runs beside it: raw physics, gymnasium, torch."""

    quick: bool = False
    """A minute at most, at smaller sizes; about eight without."""
    figure: Path | None = None
    """Draw the result into this .png file."""
    json: bool = False
    """Print one JSON object."""

    def run(self) -> None:
        from mpsearch.bench import report

        print(report(quick=self.quick, as_json=self.json, figure=self.figure))


@dataclass
class Doctor:
    """Say what this machine has and lacks, with advice."""

    def run(self) -> None:
        from mpsearch.doctor import examine, report

        findings = examine()
        print(report(findings))
        if any(finding.needed and not finding.ok for finding in findings):
            raise MpsearchError("something that mpsearch needs is missing; see the advice above")


@dataclass
class Lab:
    """Lay the notebooks out in a folder (never overwriting yours) and open JupyterLab on the first."""

    folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="DIR")]] = field(
        default_factory=lambda: Path("mpsearch-notebooks")
    )
    browser: bool = True
    """Open a browser window."""

    def run(self) -> None:
        from mpsearch.lab import lay_out, open_lab

        lay_out(self.folder)
        code = open_lab(self.folder, browser=self.browser)
        if code:
            raise MpsearchError(f"JupyterLab ended with exit code {code}")


COMMANDS: dict[str, Callable[..., Any]] = {
    "adapt": Adapt,
    "train": Train,
    "evaluate": Evaluate,
    "bench": Bench,
    "doctor": Doctor,
    "lab": Lab,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    warnings.filterwarnings("ignore", module=r"(torch|gymnasium|higher|mujoco)\b")
    words = sys.argv[1:] if arguments is None else arguments
    command = tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="mpsearch", description=__doc__, args=words)
    try:
        command.run()
    except MpsearchError as error:
        print(f"mpsearch: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except (OSError, MemoryError) as error:
        no_memory = "there is not enough memory for that; ask for fewer or smaller things"
        print(f"mpsearch: {error if isinstance(error, OSError) else no_memory}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        print(f"mpsearch: {interrupt or 'interrupted; what was saved is kept'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
