"""The training loop: iterations with a progress bar, metrics and checkpoints, until the end or an interrupt."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from tqdm import tqdm

from mpsearch.errors import NonFiniteError, UsageError, check_count, unknown
from mpsearch.seeding import Streams
from mpsearch.training.interrupt import Interrupt
from mpsearch.training.metrics import METRICS_LINES, Metrics, MetricsLog
from mpsearch.training.storage import locked, require_savable
from mpsearch.training.trainable import Trainable

OnNonFinite = Literal["stop", "rollback"]
MOST_ROLLBACKS = 3  # to the same checkpoint
PROGRESS = "before {before:.1f}, after {after:.1f}, {steps_per_second:,.0f} steps/s"


@dataclass(frozen=True)
class Loop:
    """The settings of a training of ``agent``. See :meth:`mpsearch.meta_policy.MetaPolicy.train` for their meaning."""

    agent: Trainable
    seed: int
    callback: Callable[[Metrics], None] | None = None
    folder: Path | None = None
    save_every: float = 60.0
    on_nonfinite: OnNonFinite = "stop"
    progress: bool = True

    def __post_init__(self) -> None:
        if self.on_nonfinite not in get_args(OnNonFinite):
            raise unknown("on_nonfinite", self.on_nonfinite, get_args(OnNonFinite))
        if self.on_nonfinite == "rollback" and self.folder is None:
            raise UsageError("on_nonfinite='rollback' goes back to a checkpoint: give a folder for checkpoints")

    def run(self, iterations: int) -> None:
        """Train for ``iterations`` more iterations.

        Raises:
            KeyboardInterrupt, Terminated: training was told to stop, and has saved.
        """
        agent = self.agent
        end = agent.iteration + check_count("iterations", iterations)
        agent.seed = self.seed
        if self.folder:
            require_savable(agent.card())
        if agent.iteration == 0:
            agent._start(Streams(self.seed, agent.rollbacks))
        with locked(self.folder) if self.folder else nullcontext(), Interrupt() as interrupt:
            self._train_until(end, interrupt)
        if interrupt.asked:
            where = f"; saved in {self.folder}" if self.folder else ""
            raise interrupt.error(f"stopped after iteration {agent.iteration}{where}")

    def _train_until(self, end: int, interrupt: Interrupt) -> None:
        agent, folder = self.agent, self.folder
        log = MetricsLog(folder, agent.iteration) if folder else None
        if folder and self.on_nonfinite == "rollback":
            agent.save(folder)
        saved = time.monotonic()
        with tqdm(total=end, initial=agent.iteration, disable=not self.progress, unit="it") as bar:
            while agent.iteration < end and not interrupt.asked:
                metrics = self._iterate()
                bar.set_postfix_str(PROGRESS.format(**metrics))
                bar.update(agent.iteration - bar.n)
                if log:
                    log.append(metrics)
                if self.callback:
                    self.callback(metrics)
                if folder and log and time.monotonic() - saved > self.save_every:
                    agent.save(folder, **{METRICS_LINES: log.lines})
                    saved = time.monotonic()
        if folder and log:
            agent.save(folder, **{METRICS_LINES: log.lines})

    def _iterate(self) -> Metrics:
        """Run one iteration. If it diverges and rollback is allowed, run one from the last checkpoint instead."""
        agent, note = self.agent, Metrics()
        while True:
            try:
                return timed_iteration(agent, Streams(self.seed, agent.rollbacks)) | note
            except NonFiniteError as error:
                if self.folder is None or self.on_nonfinite == "stop":
                    raise
                roll_back(agent, self.folder, error)
                note = {"rollback": str(error)}


def timed_iteration(agent: Trainable, streams: Streams) -> Metrics:
    """Run one iteration of ``agent`` and add its time and steps to the totals; returns the metrics with the totals."""
    wall, cpu = time.perf_counter(), time.process_time()
    metrics = agent._iterate(streams)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    agent.wall_seconds += wall
    agent.cpu_seconds += cpu
    agent.env_steps += metrics["env_steps"]
    agent.iteration += 1
    totals = {key: getattr(agent, key) for key in ("env_steps", "wall_seconds", "cpu_seconds")}
    return {"iteration": agent.iteration, **metrics, **totals, "steps_per_second": metrics["env_steps"] / wall}


def roll_back(agent: Trainable, folder: Path, error: NonFiniteError) -> None:
    """Restore ``agent`` from the checkpoint in ``folder``. From then on it draws other random numbers.

    The environment steps and the time since the checkpoint still count.

    Raises:
        NonFiniteError: the agent went back to this checkpoint ``MOST_ROLLBACKS`` times already.
    """
    other = agent.load(folder, agent.tasks)
    if agent.rollbacks == other.rollbacks + MOST_ROLLBACKS:
        raise NonFiniteError(f"{error}; went back to iteration {other.iteration} {MOST_ROLLBACKS} times in vain")
    spent = {key: getattr(agent, key) for key in ("env_steps", "wall_seconds", "cpu_seconds")}
    vars(agent).update(vars(other) | spent | {"rollbacks": agent.rollbacks + 1})
