"""What MAML and PEARL have in common: train over tasks, adapt to new ones, save and load."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

import torch
from torch import Tensor
from tqdm import tqdm

from mpsearch.errors import CheckpointError, NonFiniteError, UsageError, check_count, check_number, unknown
from mpsearch.records import AdaptationResult, Array
from mpsearch.seeding import Streams
from mpsearch.tasks import TaskDistribution, make_distribution
from mpsearch.training.interrupt import Interrupt
from mpsearch.training.metrics import METRICS_LINES, Metrics, MetricsLog
from mpsearch.training.provenance import code_revision, describe_machine, package_versions
from mpsearch.training.storage import locked, read_card, read_checkpoint, require_structure, write_checkpoint

OnNonFinite = Literal["stop", "rollback"]
MOST_ROLLBACKS = 3  # to one checkpoint
PROGRESS = "before {before:.1f}, after {after:.1f}, {steps_per_second:,.0f} steps/s"
PAST = ("config", "seed", "command", "iteration", "env_steps", "wall_seconds", "cpu_seconds", "machine", "revision")


class MetaPolicy(ABC):
    """A policy that is trained over a task distribution and then adapts to tasks it has not seen.

    Attributes:
        tasks: the task distribution.
        config: a frozen dataclass of hyper-parameters.
        iteration, env_steps: training so far.
        wall_seconds, cpu_seconds: time that training took so far.
        seed: of the last training.
        command: the command line that repeats this training, if one did it.
        history: cards of the trainings that this one started from.
        rollbacks: how often training went back to a checkpoint, and on with other random numbers.
    """

    algorithm: ClassVar[str]
    config_type: ClassVar[type[Any]]

    def __init__(self, tasks: TaskDistribution, config: Any = None) -> None:
        self.tasks = tasks
        self.config = self.config_type() if config is None else config
        self.iteration = self.env_steps = 0
        self.wall_seconds = self.cpu_seconds = 0.0
        self.seed: int | None = None
        self.command: str | None = None
        self.history: list[dict[str, Any]] = []
        self.rollbacks = 0

    @abstractmethod
    def adapt(
        self,
        tasks: Array,
        *,
        seed: int,
        episodes: int | None = None,
        steps: int | None = None,
        callback: Callable[[int], None] | None = None,
    ) -> AdaptationResult:
        """Adapt to each of ``tasks`` [K, P] from the agent's own exploration; the meta-policy is unchanged.

        Args:
            tasks: [K, P].
            seed: of the exploration.
            episodes, steps: what each algorithm says of them.
            callback: receives the number of each stage that is done; what it raises stops the adaptation.
        """

    @abstractmethod
    def _start(self, streams: Streams) -> None:
        """Draw the initial parameters."""

    @abstractmethod
    def _iterate(self, streams: Streams) -> Metrics:
        """One iteration of training; returns its metrics, ``env_steps`` among them."""

    @abstractmethod
    def _take_over(self, other: Self) -> None:
        """Copy what ``other`` learned."""

    @abstractmethod
    def _tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, by name: live tensors, so that loading can copy into them."""

    def _write_shards(self, folder: Path) -> list[dict[str, Any]]:
        """Write what training adds to, and does not change, into ``folder``; returns the entries of all its files."""
        return []

    def _restore(self, folder: Path, card: Mapping[str, Any]) -> None:  # noqa: B027 - most have nothing
        """Take from a checkpoint what is not among :meth:`_tensors`."""

    def _require_finite_parameters(self) -> None:
        for name, tensor in self._tensors().items():
            if not torch.isfinite(tensor).all():
                raise NonFiniteError(f"{name} is not finite after iteration {self.iteration}; smaller steps may help")

    def train(
        self,
        iterations: int,
        *,
        seed: int,
        callback: Callable[[Metrics], None] | None = None,
        folder: Path | None = None,
        save_every: float = 60.0,
        on_nonfinite: OnNonFinite = "stop",
        progress: bool = True,
    ) -> None:
        """Train for ``iterations`` more iterations.

        All randomness is a function of ``seed`` and the iteration, so a run that was saved, stopped and continued
        equals one that never stopped, and one in another process, to the bit: on the same machine with as many
        threads. Elsewhere, or with other versions of torch, NumPy or MuJoCo, compare mean returns.

        Args:
            callback: receives the metrics of each iteration.
            folder: where to keep checkpoints and one JSON line of metrics an iteration.
            save_every: seconds between checkpoints; one is always written at the end.
            on_nonfinite: "stop", or "rollback": go back to the last checkpoint in ``folder`` and on with other
                random numbers; the next metrics say so by ``rollback``, the reason.
            progress: show a progress bar with returns and steps per second.

        Raises:
            NonFiniteError: training diverged; the last checkpoint is in ``folder``.
            CheckpointError: ``folder`` cannot be written, or another process is training there.
            KeyboardInterrupt: it was interrupted, and has saved; a second interrupt does not wait for that.
        """
        self.seed = check_count("seed", seed, 0)
        end = self.iteration + check_count("iterations", iterations)
        check_rollback(on_nonfinite, folder)
        if self.iteration == 0:
            self._start(Streams(seed, self.rollbacks))
        with locked(folder) if folder else nullcontext(), Interrupt() as interrupt:
            back = folder if on_nonfinite == "rollback" else None
            self._train_until(end, interrupt, callback, folder, save_every, back, progress)
        if interrupt.asked:
            where = f"; saved in {folder}" if folder else ""
            raise KeyboardInterrupt(f"stopped after iteration {self.iteration}{where}")

    def _train_until(
        self, end: int, interrupt: Interrupt, callback: Callable[[Metrics], None] | None, folder: Path | None,
        save_every: float, back: Path | None, progress: bool,
    ) -> None:  # fmt: skip
        """Iterate until iteration ``end`` or an interrupt; ``back`` is the folder to roll back to, if any."""
        log = MetricsLog(folder, self.iteration) if folder else None
        if back:
            self.save(back)
        saved = time.monotonic()
        with tqdm(total=end, initial=self.iteration, disable=not progress, unit="it") as bar:
            while self.iteration < end and not interrupt.asked:
                metrics = self._guarded_iteration(back)
                bar.set_postfix_str(PROGRESS.format(**metrics))
                bar.update(self.iteration - bar.n)
                if log:
                    log.append(metrics)
                if callback:
                    callback(metrics)
                if folder and log and time.monotonic() - saved > save_every:
                    self.save(folder, **{METRICS_LINES: log.lines})
                    saved = time.monotonic()
        if folder and log:
            self.save(folder, **{METRICS_LINES: log.lines})

    def _guarded_iteration(self, folder: Path | None) -> Metrics:
        """One iteration; if it diverges, one from the checkpoint in ``folder``, if there is one to go back to."""
        note: Metrics = {}
        while True:
            try:
                return self._timed_iteration(Streams(self.seed or 0, self.rollbacks)) | note
            except NonFiniteError as error:
                if folder is None:
                    raise
                self._roll_back(folder, error)
                note = {"rollback": str(error)}

    def _roll_back(self, folder: Path, error: NonFiniteError) -> None:
        """Become what was last saved in ``folder``, with other random numbers from there on."""
        other = self.load(folder, self.tasks)
        if self.rollbacks == other.rollbacks + MOST_ROLLBACKS:
            raise NonFiniteError(f"{error}; went back to iteration {other.iteration} {MOST_ROLLBACKS} times in vain")
        spent = {key: getattr(self, key) for key in ("env_steps", "wall_seconds", "cpu_seconds")}  # all the same
        vars(self).update(vars(other) | spent | {"rollbacks": self.rollbacks + 1})

    def _timed_iteration(self, streams: Streams) -> Metrics:
        wall, cpu = time.perf_counter(), time.process_time()
        metrics = self._iterate(streams)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.wall_seconds += wall
        self.cpu_seconds += cpu
        self.env_steps += metrics["env_steps"]
        self.iteration += 1
        totals = {"env_steps": self.env_steps, "wall_seconds": self.wall_seconds, "cpu_seconds": self.cpu_seconds}
        return {"iteration": self.iteration, **metrics, **totals, "steps_per_second": metrics["env_steps"] / wall}

    def save(self, path: str | os.PathLike[str], **notes: Any) -> None:
        """Write a checkpoint into the folder ``path``; ``notes`` are added to its card.

        Raises:
            CheckpointError: it cannot be written; an earlier checkpoint there stays whole.
        """
        folder = Path(path)
        with locked(folder):
            shards = self._write_shards(folder)
            write_checkpoint(folder, self._tensors(), {**self.card(), **notes}, shards)

    def card(self) -> dict[str, Any]:
        """Where this meta-policy comes from, as JSON data."""
        return {
            "algorithm": self.algorithm,
            "tasks": {"id": self.tasks.id, "config": self.tasks.config},
            "config": asdict(self.config),
            "seed": self.seed,
            "command": self.command,
            "iteration": self.iteration,
            "rollbacks": self.rollbacks,
            "env_steps": self.env_steps,
            "wall_seconds": round(self.wall_seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "machine": describe_machine(),
            "versions": package_versions(),
            "revision": code_revision(),
            "history": self.history,
        }

    @classmethod
    def load(cls, path: str | os.PathLike[str], tasks: TaskDistribution | None = None) -> Self:
        """The meta-policy saved in the folder ``path``.

        Args:
            tasks: the distribution to use; by default the one named in the card.

        Raises:
            CheckpointError: damaged, of another architecture or algorithm, or of a newer version.
        """
        tensors, card = read_checkpoint(Path(path))
        if card.get("algorithm") != cls.algorithm:
            raise CheckpointError(f"{path} holds {card.get('algorithm')!r:.80}, not {cls.algorithm!r}")
        with torch.device("meta"):  # shapes without memory: a card may declare more than the weights file holds
            expected = cls._from_card(card, tasks, str(path))._tensors()
        require_structure(tensors, expected, str(path))
        agent = cls._from_card(card, tasks, str(path))
        with torch.no_grad():
            for name, tensor in agent._tensors().items():
                tensor.copy_(tensors[name])
        agent._restore(Path(path), card)
        return agent

    def start_from(self, path: str | os.PathLike[str]) -> None:
        """Begin training where the checkpoint in ``path`` ended, under this config; its cost counts as this one's.

        Raises:
            CheckpointError: it is damaged, or the two differ in architecture.
        """
        other, card = self.load(path, self.tasks), read_card(Path(path))
        self._take_over(other)
        self.iteration, self.env_steps = other.iteration, other.env_steps
        self.wall_seconds, self.cpu_seconds = other.wall_seconds, other.cpu_seconds
        self.history = [*other.history, {"folder": os.fspath(path), **{key: card[key] for key in PAST}}]

    @classmethod
    def _from_card(cls, card: Mapping[str, Any], tasks: TaskDistribution | None, where: str) -> Self:
        try:
            tasks = tasks or make_distribution(card["tasks"]["id"], **card["tasks"]["config"])
            agent = cls(tasks, cls.config_type(**card["config"]))
            for name in ("iteration", "env_steps"):
                setattr(agent, name, check_count(name, card[name], 0))
            for name in ("wall_seconds", "cpu_seconds"):
                setattr(agent, name, check_number(name, card[name], 0))
            agent.rollbacks = check_count("rollbacks", card.get("rollbacks", 0), 0)
            agent.seed = None if card["seed"] is None else check_count("seed", card["seed"], 0)
            agent.command, agent.history = card["command"], [dict(past) for past in card["history"]]
        except Exception as error:  # whatever constructors say of a stranger's data
            reason = f"{type(error).__name__}: {error!s:.200}"
            raise CheckpointError(
                f"the card of {where} is damaged or was edited ({reason}); use another copy"
            ) from error
        return agent


def check_rollback(on_nonfinite: str, folder: Path | None) -> None:
    """Raise :class:`UsageError` unless training can do ``on_nonfinite`` with this ``folder``."""
    if on_nonfinite not in get_args(OnNonFinite):
        raise unknown("on_nonfinite", on_nonfinite, get_args(OnNonFinite))
    if on_nonfinite == "rollback" and folder is None:
        raise UsageError("on_nonfinite='rollback' goes back to a checkpoint: give a folder to keep one in")
