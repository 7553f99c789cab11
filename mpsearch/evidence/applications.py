"""Measure what adapting is worth in each application family, and keep it as records.

python -m mpsearch.evidence.applications             families that ``results/applications`` lacks
python -m mpsearch.evidence.applications NAME ...    the named families, even if it has them

Every row of a record is measured on the same held-out tasks with the same seeds: random actions, the field's standard
rule, the average policy without adaptation, MAML and PEARL at each stage, and the optimum, which is told the task. Rows
whose policies are not shipped are left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from tyro.conf import Positional

from mpsearch.errors import unknown
from mpsearch.evaluation import held_out
from mpsearch.evidence import results
from mpsearch.evidence.program import run
from mpsearch.evidence.records import write_record
from mpsearch.records import Array
from mpsearch.seeding import Streams
from mpsearch.tasks import BUILT_IN, TaskDistribution
from mpsearch.tasks.applications import Application, Rule, follow
from mpsearch.tasks.applications.dosing import overdose
from mpsearch.training.provenance import code_revision, describe_machine, package_versions
from mpsearch.zoo import available, load

EPISODES = 20  # of a rule, for each task and seed
HARM: dict[str, Callable[[Array], Array]] = {"dosing": overdose}  # trajectories [..., T + 1, Q] -> a share [...]
SHIPPED = {"average": "average", "maml": "maml", "pearl": "pearl", "optimum": "oracle"}  # row -> name in the zoo
Row = dict[str, Any]


def families() -> list[str]:
    """Return the ids of the application families among the built-in ones."""
    return [name for name, home in BUILT_IN.items() if home.startswith("mpsearch.tasks.applications.")]


def measure(family: TaskDistribution, tasks: Array, seeds: int) -> dict[str, Row]:
    """Return the rows of one family, by name, on ``tasks`` [K, P]. Each row has its returns [R, K, S]."""
    rows = {name: of_rule(family, rule, tasks, seeds) for name, rule in rules(family).items()}
    for row, prefix in SHIPPED.items():
        if row not in rows and (name := f"{prefix}-{family.id}") in available():
            rows[row] = of_agent(load(name), tasks, seeds, adapts=row in ("maml", "pearl"))
        elif row not in rows:
            print(f"{family.id}: no row {row!r}, because {name} is not shipped")
    return rows


def rules(family: TaskDistribution) -> dict[str, Callable[[np.random.Generator], Rule]]:
    """Return the rows that need no training: for each, a function that makes the rule from a generator."""
    size = family.action_dim
    found: dict[str, Callable[[np.random.Generator], Rule]] = {
        "random": lambda rng: lambda batch: rng.uniform(-1.0, 1.0, (*batch.shape, size))
    }
    if isinstance(family, Application):
        found["standard"] = lambda rng: family.standard
        found["optimum"] = lambda rng: family.optimum
    return found


def of_rule(family: TaskDistribution, make: Callable[[np.random.Generator], Rule], tasks: Array, seeds: int) -> Row:
    """Return the row of a rule. It has one stage."""
    returns, shares = [], []
    for seed in range(seeds):
        streams = Streams(seed)
        rewards, positions = follow(family, make(streams.numpy("rule")), tasks, EPISODES, streams.numpy("reset"))
        returns.append(rewards.sum(axis=-1).mean(axis=1)[:, None])
        shares.append(_harm(family, positions))
    return _row(returns, shares, [0])


def of_agent(agent: Any, tasks: Array, seeds: int, *, adapts: bool) -> Row:
    """Return the row of a policy, with the stages of its adaptation or with the one before."""
    more = {} if adapts else {"steps": 0}
    adaptations = [agent.adapt(tasks, seed=seed, **more) for seed in range(seeds)]
    return _row(
        [result.returns.mean(axis=-1) for result in adaptations],
        [_harm(agent.tasks, np.moveaxis(result.trajectories, 1, 0)) for result in adaptations],
        adaptations[0].env_steps.tolist(),
    )


def _harm(family: TaskDistribution, trajectories: Array) -> Array | None:
    return HARM[family.id](trajectories) if family.id in HARM else None


def _row(returns: list[Array], shares: list[Array | None], env_steps: list[int]) -> Row:
    """Return a row from each seed's returns [K, S] and shares of harm, [S, K] of an agent or [K, E] of a rule."""
    row: Row = {"env_steps": env_steps, "returns": np.round(returns, 3).tolist()}
    found = [share for share in shares if share is not None]
    if found:
        stages = len(env_steps)
        row["overdose"] = np.mean([share.reshape(stages, -1).mean(axis=1) for share in found], axis=0).round(4).tolist()
    return row


def keep(name: str, seeds: int, count: int) -> None:
    """Measure the family ``name`` and write its record, if its average policy and a meta-policy are shipped."""
    shipped = [found for row in ("maml", "pearl") if (found := f"{row}-{name}") in available()]
    if not shipped or f"average-{name}" not in available():
        print(f"{name}: skipped, because average-{name} and maml-{name} or pearl-{name} are not shipped")
        return
    start, family = time.monotonic(), load(shipped[0]).tasks
    tasks = held_out(family, count)
    record = {
        "tasks_id": name,
        "family": family.config,
        "standard": getattr(family, "standard_name", None),
        "parameters": list(family.parameter_names),
        "tasks": tasks.round(4).tolist(),
        "seeds": list(range(seeds)),
        "rows": measure(family, tasks, seeds),
        "command": f"python -m mpsearch.evidence.applications {name} --seeds {seeds} --count {count}",
        "machine": describe_machine(),
        "versions": package_versions(),
        "revision": code_revision(),
    }
    write_record(results.FOLDER / "applications" / f"{name}.json", record)
    print(f"{name}: {(time.monotonic() - start) / 60:.1f} minutes", flush=True)


def main(names: Positional[tuple[str, ...]] = (), seeds: int = 5, count: int = 20) -> None:
    """Measure the application families that have no record yet, or those that are named.

    Args:
        names: the families.
        seeds: the number of seeds of each row.
        count: the number of held-out tasks.
    """
    for name in names:
        if name not in families():
            raise unknown("application", name, families())
    for name in names or [name for name in families() if name not in results.names("applications")]:
        keep(name, seeds, count)


if __name__ == "__main__":
    run(main)
