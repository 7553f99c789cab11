"""The training loop: iterations with a progress bar, metrics and checkpoints, until the end or an interrupt."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from tqdm import tqdm

from mpsearch import ranks
from mpsearch.errors import NonFiniteError, UsageError, check_count, unknown
from mpsearch.language import say
from mpsearch.seeding import Streams
from mpsearch.training.best import Best
from mpsearch.training.interrupt import Interrupt
from mpsearch.training.metrics import METRICS_LINES, Metrics, MetricsLog
from mpsearch.training.provenance import code_revision, package_versions
from mpsearch.training.storage import locked, require_savable
from mpsearch.training.trainable import Trainable

OnNonFinite = Literal["stop", "rollback"]
MOST_ROLLBACKS = 3  # to the same checkpoint


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
    keep_best: bool = False

    def __post_init__(self) -> None:
        if self.on_nonfinite not in get_args(OnNonFinite):
            raise unknown("on_nonfinite", self.on_nonfinite, get_args(OnNonFinite))
        if self.on_nonfinite == "rollback" and self.folder is None:
            raise UsageError("on_nonfinite='rollback' goes back to a checkpoint: give a folder for checkpoints")
        if self.keep_best and self.folder is None:
            raise UsageError("keep_best saves the best agent: give a folder for it")
        if self.keep_best and not self.agent.evaluates:
            raise UsageError(
                f"keep_best compares evaluations on held-out tasks, which {self.agent.algorithm} does not make while it"
                " trains: leave it out"
            )

    def run(self, iterations: int) -> None:
        """Train for ``iterations`` more iterations. With several ranks, the first one writes.

        Raises:
            UsageError: the ranks do not agree, or are more than can share the tasks.
            RankError: a rank is gone.
            KeyboardInterrupt, Terminated: training was told to stop, and has saved.
        """
        agent = self.agent
        end = agent.iteration + check_count("iterations", iterations)
        agent.seed = self.seed
        if self.folder:
            require_savable(agent.card())
        if agent.iteration == 0:
            agent._start(Streams(self.seed, agent.rollbacks))
        self._require_agreement(end)
        with ExitStack() as stack:
            with ranks.together():
                if self.folder and ranks.number() == 0:
                    stack.enter_context(locked(self.folder))
            interrupt = stack.enter_context(Interrupt())
            stopped = self._train_until(end, interrupt)
        if stopped or interrupt.asked:
            where = f"; saved in {self.folder}" if self.folder else ""
            raise interrupt.error(f"stopped after iteration {agent.iteration}{where}")

    def _require_agreement(self, end: int) -> None:
        """Check that all ranks are about to do the same, and that there are tasks for each of them."""
        agent, count = self.agent, ranks.count()
        if count == 1:
            return
        if count > agent._most_ranks():
            raise UsageError(
                f"{count} processes cannot share the {agent._most_ranks()} tasks of an iteration; start fewer of them,"
                " or raise the number of tasks with --set"
            )
        card = agent.card()
        facts = {name: card[name] for name in ("algorithm", "tasks", "config", "seed", "iteration", "rollbacks")}
        facts |= {"iterations": end, "versions": package_versions(), "revision": code_revision()}
        facts |= {"parameters": ranks.digest(agent._tensors()), "folder": self.folder is not None}
        ranks.require_same(facts, "start all of them with the same versions and the same command")
        if self.folder:
            ranks.require_shared(self.folder)

    def _train_until(self, end: int, interrupt: Interrupt) -> bool:
        """Train, and save at the end; returns whether a rank was told to stop before."""
        agent, log, stopped = self.agent, self._open_log(), False
        with ranks.together():
            best = Best(agent, self.folder) if self.keep_best and log and self.folder else None
        if self.on_nonfinite == "rollback":
            self._save(None)
        saved, quiet = time.monotonic(), not self.progress or ranks.number() > 0
        with tqdm(total=end, initial=agent.iteration, disable=quiet, unit="it") as bar:
            while agent.iteration < end and not stopped:
                metrics = self._iterate()
                bar.set_postfix_str(
                    say("before {before:.1f}, after {after:.1f}, {steps_per_second:,.0f} steps/s", **metrics)
                )
                bar.update(agent.iteration - bar.n)
                with ranks.together():
                    if log:
                        log.append(metrics)
                    if best:
                        best.consider(agent, metrics)
                if self.callback:
                    self.callback(metrics)
                (due,) = ranks.largest(time.monotonic() - saved > self.save_every)
                if due:
                    self._save(log)
                    saved = time.monotonic()
                (stopped,) = map(bool, ranks.largest(interrupt.asked))
        self._save(log)
        return stopped

    def _open_log(self) -> MetricsLog | None:
        with ranks.together():
            return MetricsLog(self.folder, self.agent.iteration) if self.folder and ranks.number() == 0 else None

    def _save(self, log: MetricsLog | None) -> None:
        """Save, if there is a folder. First compare the parameters of the ranks."""
        if self.folder is None:
            return
        if ranks.count() > 1:
            words = (
                "which must not happen on equal machines: continue from the last checkpoint, on machines of one kind"
            )
            ranks.require_same({"parameters": ranks.digest(self.agent._tensors())}, words)
        with ranks.together():
            if ranks.number() == 0:
                self.agent.save(self.folder, **({METRICS_LINES: log.lines} if log else {}))

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
    wall, cpu = time.perf_counter() - wall, ranks.total_number(time.process_time() - cpu)
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
    vars(agent).update(vars(other) | spent | {"rollbacks": agent.rollbacks + 1, "device": agent.device})
