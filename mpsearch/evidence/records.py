"""An evaluation as a file of data and a picture, with all that says where it comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mpsearch.evaluation import Evaluation
from mpsearch.maml import MAML
from mpsearch.meta_policy import MetaPolicy
from mpsearch.training.provenance import code_revision, describe_machine, package_versions
from mpsearch.training.storage import write_atomically
from mpsearch.view.plots import plot_evaluations, save


def origin(agent: Any) -> dict[str, Any]:
    """What was evaluated: its tasks, and what training it took, if any."""
    training = None
    if isinstance(agent, MetaPolicy) and agent.iteration:
        training = {
            "seed": agent.seed,
            "iterations": agent.iteration,
            "env_steps": agent.env_steps,
            "core_minutes": round(agent.cpu_seconds / 60, 1),
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
    """Whether ``agent`` takes gradient steps of a size that was chosen, not trained."""
    return isinstance(agent, MAML) and agent.config.inner_steps == 0


def write_evidence(path: Path, evaluation: Evaluation, agent: Any, *, method: str, command: str) -> None:
    """Write ``path``.json, from which :meth:`Evaluation.from_record` reads it again, and ``path``.png."""
    record = {
        "method": method,
        "command": command,
        **origin(agent),
        **evaluation.to_record(),
        "machine": describe_machine(),
        "versions": package_versions(),
        "revision": code_revision(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path.with_suffix(".json"), (json.dumps(record) + "\n").encode())
    save(plot_evaluations({method: evaluation}), path.with_suffix(".png"))
