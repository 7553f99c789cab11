"""The sizes at which the benchmark measures, and how often it repeats each measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sizes:
    """The sizes of all measurements of :func:`mpsearch.evidence.bench.benchmark`.

    Attributes:
        quick: whether these are the small sizes; the result reports it.
        simulations: the numbers of simulations at which collection is measured. They are divided into tasks with
            ``episodes`` each; a number below ``episodes`` is one task with fewer episodes.
        reference: the number of simulations to which costs are relative.
        headline: the number of simulations at which collection is compared with raw physics and with gymnasium.
        environments: the sizes of gymnasium's vector environments. Collection is compared with the largest.
        steps: the length of a collected episode.
        repeats: the largest number of collections in a run.
        budget: the largest number of control steps in a run, unless a single collection already has more.
        gymnasium_steps: the number of control steps in a run of gymnasium's environments.
        episodes, horizon: the episodes for each task, and the length of an episode in the meta-iteration that is
            compared with its physics and in the measurement of memory.
        training_tasks: the number of tasks in that meta-iteration.
        base: the tasks, episodes and inner steps of the base, to which other meta-iterations are compared.
        base_horizon: the length of the episodes in these meta-iterations.
        more_tasks, more_episodes, more_inner_steps: values that replace one number of the base.
        width, meta_batch, batch: the width of PEARL's networks, and the tasks and transitions of its gradient step.
        widths, meta_batches: values that replace one of these.
        gradient_steps: the number of gradient steps in a run.
        memory: the numbers of simulations at which memory is measured.
        collection_rounds, training_rounds, iteration_rounds, gradient_rounds, import_rounds: the number of rounds of
            each measurement. Except for the imports, one more round before them is not counted.
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
        """Return the number of tasks, and the episodes for each task, that make this many simulations."""
        tasks = max(1, simulations // self.episodes)
        return tasks, simulations // tasks

    def collections(self, simulations: int) -> int:
        """Return how often a run collects with this many simulations."""
        return max(1, min(self.repeats, self.budget // (simulations * self.steps)))

    def to_json(self) -> dict[str, Any]:
        """Return the sizes that a benchmark's result reports."""
        return {
            "tasks": self.training_tasks,
            "episodes": self.episodes,
            "horizon": self.horizon,
            "repeats": self.training_rounds,
            "quick": self.quick,
        }


FULL = Sizes()
"""The default sizes. They take about eight minutes on two cores."""

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
"""The sizes of ``mpsearch bench --quick``. They take one minute at most."""
