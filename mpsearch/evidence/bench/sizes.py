"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sizes:
    """What :func:`mpsearch.evidence.bench.benchmark` measures, and how often.

    Attributes:
        quick: whether these are the small sizes, as the result says.
        simulations: of collection: ``episodes`` on each task, as many tasks as that makes; fewer episodes on one task.
        reference, headline: two of them. Costs are told relative to the first; the second is compared with raw
            physics and gymnasium in one number.
        environments: in gymnasium's vector environments; collection is compared with the largest.
        steps: in a collected episode, of at most ``repeats`` collections up to ``budget`` control steps in all.
        episodes, horizon: of collection, and of the meta-iteration that is compared with its physics.
        training_tasks: of that meta-iteration.
        base: tasks, episodes and inner steps of the meta-iterations that are compared with each other.
        more_tasks, more_episodes, more_inner_steps: what replaces one number of the base.
        width, meta_batch, batch: of PEARL's networks and gradient step.
        widths, meta_batches: what replaces one of these.
        gradient_steps: in a run.
        memory: numbers of simulations whose memory is measured, each an episode of ``horizon`` steps.
        ..._rounds: of each part, after a first one to warm up.
    """

    quick: bool = False
    simulations: tuple[int, ...] = (1, 4, 10, 40, 200, 800, 2000)
    reference: int = 40
    headline: int = 800
    environments: tuple[int, ...] = (1, 10, 40)
    steps: int = 200
    repeats: int = 50
    budget: int = 104_000
    gymnasium_steps: int = 2000
    collection_rounds: int = 7
    episodes: int = 20
    horizon: int = 200
    training_tasks: int = 40
    training_rounds: int = 3
    base: tuple[int, int, int] = (10, 10, 1)
    base_horizon: int = 200
    more_tasks: tuple[int, ...] = (5, 20)
    more_episodes: tuple[int, ...] = (5, 20)
    more_inner_steps: tuple[int, ...] = (2, 3)
    iteration_rounds: int = 3
    width: int = 256
    meta_batch: int = 4
    batch: int = 256
    widths: tuple[int, ...] = (64, 128, 512)
    meta_batches: tuple[int, ...] = (1, 2, 16)
    gradient_steps: int = 5
    gradient_rounds: int = 9
    import_rounds: int = 3
    memory: tuple[int, ...] = (40, 400, 1000, 2000)

    def shape(self, simulations: int) -> tuple[int, int]:
        """Tasks and episodes on each, of so many simulations."""
        tasks = max(1, simulations // self.episodes)
        return tasks, simulations // tasks

    def collections(self, simulations: int) -> int:
        """How often so many simulations are collected in one run."""
        return max(1, min(self.repeats, self.budget // (simulations * self.steps)))

    def to_json(self) -> dict[str, Any]:
        """What the single numbers of a result are measured on."""
        return {
            "tasks": self.training_tasks,
            "episodes": self.episodes,
            "horizon": self.horizon,
            "repeats": self.training_rounds,
            "quick": self.quick,
        }


FULL = Sizes()
"""About eight minutes on two cores."""

QUICK = Sizes(
    quick=True,
    simulations=(1, 40, 800),
    environments=(1, 40),
    steps=50,
    repeats=20,
    budget=10_000,
    gymnasium_steps=1000,
    collection_rounds=3,
    training_tasks=10,
    training_rounds=2,
    base=(5, 5, 1),
    base_horizon=50,
    more_tasks=(10,),
    more_episodes=(10,),
    more_inner_steps=(2,),
    iteration_rounds=2,
    widths=(64,),
    meta_batches=(1,),
    gradient_rounds=5,
    import_rounds=1,
    memory=(40, 200, 400),
)
"""A minute at most."""
