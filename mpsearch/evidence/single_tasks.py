"""Train SAC on single tasks: the highest returns on them that are known here, without any meta-learning.

python -m mpsearch.evidence.single_tasks cheetah-direction --folder runs/sac --only 0
python -m mpsearch.evidence.single_tasks cheetah-direction --folder runs/sac --measure-only

PEARL on a family of one task is soft actor-critic (Haarnoja et al. 2018): nothing is left that z could tell. A training
starts from the networks of the shipped PEARL agent, which saves most of its time. The first command trains on the first
of the tasks, and goes on where it was stopped; the second evaluates the trainings of all tasks and keeps the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tyro.conf import Positional

from mpsearch.errors import UsageError
from mpsearch.evaluation import evaluate, held_out
from mpsearch.evidence.baselines import OneTask
from mpsearch.evidence.program import run
from mpsearch.evidence.records import learning_curve, origin, write_record
from mpsearch.evidence.results import FOLDER
from mpsearch.meta_policy import Adapts, Callback
from mpsearch.pearl import PEARL, PEARLConfig
from mpsearch.records import AdaptationResult, Array, Policy
from mpsearch.seeding import Streams
from mpsearch.tasks import TaskDistribution
from mpsearch.training.provenance import code_revision, describe_machine, package_versions
from mpsearch.zoo import ZOO

TASKS = 4  # of a family with many tasks; those on which training from scratch is measured, too
ADDED = ("iteration", "env_steps", "cpu_seconds")  # what a training adds to those of its start
SETTINGS: Mapping[str, Any] = {
    "tasks_per_iteration": 1,
    "training_tasks": 1,
    "explorers": 4,
    "meta_batch": 1,
    "random_episodes": 1,
    "batch": 256,
    "context": 128,
    "gradient_steps": 600,
    "replay_size": 200_000,
    "recent": 8,
    "rate": 3e-4,
    "final_rate": 1e-4,
    "target_entropy": -1.0,
    "final_entropy": -2.0,
    "evaluate_every": 5,
}


@dataclass(frozen=True)
class LastPolicies:
    """Maps a task index k to the policy that the agent of this task ends with."""

    found: Sequence[AdaptationResult]

    def __call__(self, k: int, stage: int) -> Policy:
        return self.found[k].policy(0)


@dataclass
class SingleTasks(Adapts):
    """The agents of several tasks, each trained on its own task alone. There is nothing that they have to adapt to.

    Attributes:
        tasks: the family.
        agents: one for each task, by the task's row as a tuple.
    """

    tasks: TaskDistribution
    agents: Mapping[tuple[float, ...], PEARL]
    algorithm = "sac"

    @property
    def default_episodes(self) -> int:
        return 1

    @property
    def default_steps(self) -> int:
        return 0

    def _adapt(
        self, tasks: Array, streams: Streams, episodes: int, steps: int, callback: Callback, resample_every: int | None
    ) -> AdaptationResult:
        if steps:
            raise UsageError("a policy of a single task does not adapt: use steps=0")
        agents = [self.agents[tuple(row)] for row in tasks]
        found = [agent.adapt(row[None], seed=streams.seed) for agent, row in zip(agents, tasks, strict=True)]
        callback(0)
        return AdaptationResult(
            tasks=tasks,
            returns=np.concatenate([each.returns[:, -1:] for each in found]),
            env_steps=np.zeros(1, dtype=int),
            trajectories=np.concatenate([each.trajectories[:, -1:] for each in found]),
            rewards=np.concatenate([each.rewards[:, -1:] for each in found]),
            policies=LastPolicies(found),
        )


def settings(start: PEARL, iterations: int) -> PEARLConfig:
    """Return the settings of a training of so many iterations that follows the one of ``start``.

    The learning rate and the target entropy fall in its second half. The replay has room for the tasks of ``start``,
    too, which the new training takes over before it drops them.
    """
    least = 2 * SETTINGS["recent"] * len(start.training_tasks) * start.tasks.horizon
    settle: dict[str, Any] = {
        "settle_from": start.iteration + iterations // 2,
        "settle_until": start.iteration + iterations,
        "replay_size": max(least, SETTINGS["replay_size"]),
    }
    return replace(start.config, **{**SETTINGS, **settle})


def train(start: Path, task: Array, folder: Path, iterations: int, seed: int, *, progress: bool = True) -> PEARL:
    """Train on ``task`` [P] from the networks in ``start``, or go on with the training that ``folder`` holds."""
    first = PEARL.load(start)
    family = OneTask(first.tasks, task)
    if (folder / "card.json").exists():
        agent = PEARL.load(folder, family)
    else:
        agent = PEARL(family, settings(first, iterations))
        agent.start_from(start)
        agent._train_on(family.sample(1, np.random.default_rng(0)))
    remaining = first.iteration + iterations - agent.iteration
    if remaining > 0:
        agent.train(remaining, seed=seed, folder=folder, progress=progress)
    return agent


def measure(folders: Mapping[tuple[float, ...], Path], family: TaskDistribution) -> dict[str, Any]:
    """Return the record of an evaluation of the trainings in ``folders``, by task."""
    agents = {task: PEARL.load(folder, OneTask(family, np.array(task))) for task, folder in folders.items()}
    agent = SingleTasks(family, agents)
    evaluation = evaluate(agent, np.array(list(folders)), range(10))
    added = [{key: getattr(agent, key) - agent.history[-1][key] for key in ADDED} for agent in agents.values()]
    means = {key: float(np.mean([each[key] for each in added])) for key in ADDED}
    first = next(iter(agents.values()))
    training = {
        "start": Path(first.history[-1]["folder"]).name,
        "env_steps": int(means["env_steps"]),
        "core_minutes": round(means["cpu_seconds"] / 60, 1),
    }
    options = f"--iterations {means['iteration']:.0f} --seed {first.seed}"
    curves = {
        str(task[0]): learning_curve(folder, ("env_steps", "held_out"), 10**9) for task, folder in folders.items()
    }
    return {
        "method": "sac",
        "command": f"python -m mpsearch.evidence.single_tasks {family.id} {options}",
        **origin(agent),
        "training": training,
        **evaluation.to_record(),
        "curves": curves,
        "machine": describe_machine(),
        "versions": package_versions(),
        "revision": code_revision(),
    }


def main(
    tasks: Positional[str],
    folder: Path = Path("runs/sac"),
    iterations: int = 120,
    only: int | None = None,
    seed: int = 0,
    measure_only: bool = False,
) -> None:
    """Train SAC on single tasks of a family, and keep an evaluation of all of them.

    Args:
        tasks: the name of the family.
        folder: where the trainings are kept; a training that was stopped goes on.
        iterations: of each training, beyond those of the shipped agent.
        only: the number of the one task to train on; by default all tasks, and then the evaluation.
        seed: of the trainings.
        measure_only: do not train.
    """
    start = ZOO / f"pearl-{tasks}"
    first = PEARL.load(start)
    rows = held_out(first.tasks, TASKS)
    chosen = rows if only is None else rows[only : only + 1]
    for row in () if measure_only else chosen:
        train(start, row, _place(folder, tasks, row), iterations, seed)
    if only is None:
        record = measure({tuple(row): _place(folder, tasks, row) for row in rows}, first.tasks)
        write_record(FOLDER / "evaluations" / f"sac-{tasks}.json", record)
        print(f"sac-{tasks}: {record['mean'][0]:.0f}, by task {np.round(record['task_means'], 0).tolist()}")


def _place(folder: Path, tasks: str, row: Array) -> Path:
    return folder / f"{tasks}{row[0]:+.4g}"


if __name__ == "__main__":
    run(main)
