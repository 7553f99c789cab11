"""Write records of results. :mod:`mpsearch.evidence.results` reads them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

from mpsearch.evaluation import Evaluation
from mpsearch.maml import MAML
from mpsearch.meta_policy import MetaPolicy
from mpsearch.training.metrics import METRICS_FILE
from mpsearch.training.provenance import code_revision, describe_machine, package_versions
from mpsearch.training.storage import write_atomically
from mpsearch.view.plots import plot_evaluations, save


def write_record(path: Path, record: Any) -> None:
    """Write ``record`` atomically to ``path``, as JSON on one line. The folder is created if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(record) + "\n").encode())


def write_evidence(path: Path, evaluation: Evaluation, agent: Any, *, method: str, command: str) -> None:
    """Write the evaluation to ``path``.json, which :meth:`Evaluation.from_record` can read, and to ``path``.png."""
    record = {
        "method": method,
        "command": command,
        **origin(agent),
        **evaluation.to_record(),
        "machine": describe_machine(),
        "versions": package_versions(),
        "revision": code_revision(),
    }
    write_record(path.with_suffix(".json"), record)
    save(plot_evaluations({method: evaluation}), path.with_suffix(".png"))


def origin(agent: Any) -> dict[str, Any]:
    """Return what was evaluated, as JSON data: the family of tasks and, if the agent was trained, its training."""
    training = None
    if isinstance(agent, MetaPolicy) and agent.iteration:
        training = {
            "seed": agent.seed,
            "iterations": agent.iteration,
            "env_steps": agent.env_steps,
            "core_minutes": round(agent.cpu_seconds / 60, 2),
            "commands": [*(past["command"] for past in agent.history), agent.command],
        }
    return {
        "tasks_id": agent.tasks.id,
        "family": agent.tasks.config,
        "horizon": agent.tasks.horizon,
        "training": training,
        **({"inner_rate": agent.config.inner_rate} if untrained_rate(agent) else {}),
    }


def untrained_rate(agent: Any) -> bool:
    """Return whether the inner rate of ``agent`` was chosen and not used in its training."""
    return isinstance(agent, MAML) and agent.config.inner_steps == 0


def repeatable(command: str | None, *, weights: str | None = None, iterations: int | None = None) -> str | None:
    """Return ``command`` as others can repeat it: a folder with a full path, which only this machine has, is runs/NAME.

    Args:
        weights: what to give after ``--weights`` instead, if the command has this option. Without it, the option is
            left out, since a command then takes the shipped meta-policy.
        iterations: what to give after ``--iterations``: the number that a training reached, which was stopped before.
    """
    if command is None:  # the training was started from Python
        return None
    words = [part for word in shlex.split(command) for part in _option_and_value(word)]
    given = {"--weights": weights, "--iterations": None if iterations is None else str(iterations)}
    found: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        if before == "--weights" and weights is None:
            found.pop()
        else:
            found.append(given.get(before) or without_place(word))
    return shlex.join(found)


def _option_and_value(word: str) -> list[str]:
    """Return the two words of ``--option=value``, and other words as they are."""
    return word.split("=", 1) if word.startswith("--") and "=" in word else [word]


def without_place(folder: str) -> str:
    """Return runs/NAME for a folder with a full path, and others as they are."""
    return f"runs/{PurePath(folder).name}" if PurePath(folder).is_absolute() else folder


def learning_curve(folder: Path, columns: Iterable[str], iterations: int) -> list[dict[str, Any]]:
    """Return the given columns of the metrics of a training's first ``iterations``, where a line has them.

    The metrics of an agent that ``--keep-best`` kept lie in the folder above it.
    """
    log = folder / METRICS_FILE if (folder / METRICS_FILE).exists() else folder.parent / METRICS_FILE
    lines = log.read_text(encoding="utf-8").splitlines()[:iterations]
    return [{key: rounded(line[key]) for key in columns if key in line} for line in map(json.loads, lines)]


def rounded(value: object) -> object:
    """Round numbers to five digits, which is enough to plot a curve."""
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return float(f"{value:.5g}") if isinstance(value, float) else value
