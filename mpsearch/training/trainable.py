"""The base class of agents that can be trained and saved: their tensors, and the totals of their training so far."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from mpsearch import ranks
from mpsearch.errors import CheckpointError, NonFiniteError, UsageError, check_count, check_number
from mpsearch.seeding import Streams
from mpsearch.surroundings import own_torch
from mpsearch.tasks import TaskDistribution
from mpsearch.tasks.registry import ID, is_known, make_distribution
from mpsearch.training import checkpoints
from mpsearch.training.checkpoints import Checkpoint, Growing, Shards
from mpsearch.training.metrics import Metrics
from mpsearch.training.provenance import code_revision, describe_machine, package_versions
from mpsearch.training.storage import read_card, require_structure

PAST = ("config", "seed", "command", "iteration", "env_steps", "wall_seconds", "cpu_seconds", "machine", "revision")

# The names of the optimiser's moments and of the target critics begin with these. They are the larger part of a PEARL.
# An agent that is loaded without them, as shipped ones are, has fresh moments, and targets that equal its critics.
NOT_SHIPPED = ("adam.", "target.")


def without(tensors: Mapping[str, Tensor], prefixes: tuple[str, ...]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with none of ``prefixes``."""
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(prefixes)}


class Trainable(ABC):
    """An agent that :class:`mpsearch.training.loop.Loop` can train, and that can be saved in a folder.

    Attributes:
        tasks: the task distribution.
        config: a frozen dataclass of hyper-parameters.
        iteration, env_steps: the numbers of iterations and of environment steps of the training so far.
        wall_seconds, cpu_seconds: the time that training took so far.
        seed: the seed of the last training.
        command: the command line of this training; ``None`` if it was not started from the command line.
        history: excerpts of the cards of the trainings from which this one started.
        rollbacks: how often training went back to a checkpoint and continued with other random numbers.
        device: where the last training made its gradient steps: "cpu" or "cuda".
        evaluates: whether its metrics have evaluations on held-out tasks.
    """

    algorithm: ClassVar[str]
    evaluates: ClassVar[bool] = False
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
        self.device = "cpu"
        self._shards = Shards()
        with own_torch():
            self._build()

    @abstractmethod
    def _build(self) -> None:
        """Create the networks and the optimiser. :meth:`_start` draws the values of their parameters."""

    @abstractmethod
    def _start(self, streams: Streams) -> None:
        """Draw the initial parameters."""

    @abstractmethod
    def _iterate(self, streams: Streams) -> Metrics:
        """Run one iteration of training; returns its metrics, which include ``env_steps``."""

    @abstractmethod
    def _take_over(self, other: Self) -> None:
        """Copy everything that ``other`` has learned."""

    @abstractmethod
    def _tensors(self) -> dict[str, Tensor]:
        """Return everything that training changes, by name. These are no copies, so that values can be set."""

    @abstractmethod
    def _acting_tensors(self) -> dict[str, Tensor]:
        """Return the tensors that acting and adapting need, by name, for programs that do not use Python."""

    def _growing(self) -> Growing | None:
        """Return the data that only grows during training, or ``None`` if there is none."""
        return None

    def _restore(self, saved: Checkpoint) -> None:  # noqa: B027 - most agents have nothing more
        """Restore from a checkpoint what is not among :meth:`_tensors`."""

    def _most_ranks(self) -> int:
        """Return the largest number of processes that can share the tasks of an iteration."""
        return 1

    def _check_device(self, device: str) -> str:
        """Return ``device`` if this agent can be trained there."""
        if device != "cpu":
            raise UsageError(f"{self.algorithm} trains on the processor, not on {device!r}")
        return device

    def _require_finite_parameters(self) -> None:
        for name, tensor in self._tensors().items():
            if not torch.isfinite(tensor).all():
                raise NonFiniteError(f"{name} is not finite after iteration {self.iteration}; smaller steps may help")

    def card(self) -> dict[str, Any]:
        """Return what the checkpoint's card says about this agent and its training, as JSON data."""
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
            "device": self.device,
            "processes": ranks.count(),
            "versions": package_versions(),
            "revision": code_revision(),
            "history": self.history,
        }

    def save(self, path: str | os.PathLike[str], **notes: Any) -> None:
        """Write a checkpoint into the folder ``path``. ``notes`` are added to its card.

        Raises:
            CheckpointError: it cannot be written. An earlier checkpoint in the folder is not damaged.
        """
        checkpoints.write(Path(path), {**self.card(), **notes}, self._tensors(), self._growing(), self._shards)

    @classmethod
    def load(cls, path: str | os.PathLike[str], tasks: TaskDistribution | None = None) -> Self:
        """Load the agent that was saved in the folder ``path``.

        Args:
            tasks: the distribution to use; by default the one that the card names.

        Raises:
            CheckpointError: the checkpoint is damaged, belongs to another architecture or algorithm, or was written by
                a newer version of mpsearch.
        """
        with own_torch():
            return cls._load(Path(path), tasks)

    @classmethod
    def _load(cls, path: Path, tasks: TaskDistribution | None) -> Self:
        saved = checkpoints.read(path)
        if saved.card.get("algorithm") != cls.algorithm:
            raise CheckpointError(f"{path} holds {saved.card.get('algorithm')!r:.80}, not {cls.algorithm!r}")
        import_module("torch._dynamo")  # optimisers import it, which fails with torch 2.6 in the block below
        with torch.device("meta"):  # this takes no memory, even if the card declares more than the weights file holds
            expected = cls._from_card(saved.card, tasks, str(path))._tensors()
        absent = [prefix for prefix in NOT_SHIPPED if not any(name.startswith(prefix) for name in saved.tensors)]
        expected = without(expected, tuple(absent))
        require_structure(saved.tensors, expected, str(path))
        agent = cls._from_card(saved.card, tasks, str(path))
        with torch.no_grad():
            for name, tensor in agent._tensors().items():
                if name in expected:
                    tensor.copy_(saved.tensors[name])
        agent._restore(saved)
        return agent

    def start_from(self, path: str | os.PathLike[str]) -> None:
        """Start training from the checkpoint in ``path``, with this agent's own config.

        The iterations, environment steps and time of the checkpoint are included in this agent's totals.

        Raises:
            CheckpointError: the checkpoint is damaged, or belongs to another architecture.
        """
        other, card = self._load_start(Path(path)), read_card(Path(path))
        self._take_over(other)
        self.iteration, self.env_steps = other.iteration, other.env_steps
        self.wall_seconds, self.cpu_seconds = other.wall_seconds, other.cpu_seconds
        self.history = [*other.history, {"folder": os.fspath(path), **{key: card[key] for key in PAST}}]

    def _load_start(self, path: Path) -> Self:
        return self.load(path, self.tasks)

    @classmethod
    def _from_card(cls, card: Mapping[str, Any], tasks: TaskDistribution | None, where: str) -> Self:
        tasks = tasks or tasks_of(card, where)
        try:
            agent = cls(tasks, cls.config_type(**card["config"]))
            for name in ("iteration", "env_steps"):
                setattr(agent, name, check_count(name, card[name], 0))
            for name in ("wall_seconds", "cpu_seconds"):
                setattr(agent, name, check_number(name, card[name], 0))
            agent.rollbacks = check_count("rollbacks", card.get("rollbacks", 0), 0)
            agent.seed = None if card["seed"] is None else check_count("seed", card["seed"], 0)
            agent.command, agent.history = card["command"], [dict(past) for past in card["history"]]
        except Exception as error:  # constructors may raise anything on data from an unknown source
            raise damaged_card(where, error) from error
        return agent


def tasks_of(card: Mapping[str, Any], where: str) -> TaskDistribution:
    """Return the task distribution that a card names. It must be of a known family; no other code is imported.

    Raises:
        CheckpointError: the family is not known, or cannot be created with the card's settings.
    """
    try:
        name, config = card["tasks"]["id"], dict(card["tasks"]["config"])
    except Exception as error:
        raise damaged_card(where, error) from error
    if not isinstance(name, str) or not ID.fullmatch(name):
        raise damaged_card(where, UsageError(f"{name!r:.80} is no id of a family"))
    if not is_known(name):
        raise CheckpointError(
            f"the files in {where} are intact, but their family {name!r:.80} is not known here; register it first"
            " with mpsearch.register(Family), or give it with mpsearch.load(folder, tasks=Family());"
            " on the command line, name it as path/to/file.py:Class"
        )
    try:
        return make_distribution(name, **config)
    except Exception as error:  # a constructor may raise anything on data from an unknown source
        raise CheckpointError(
            f"the family {name!r} cannot be made with the settings {str(config)[:200]} that the card of {where} has"
            f" ({type(error).__name__}: {error!s:.200}); give the family by tasks=, or use another copy"
        ) from error


def damaged_card(where: str, error: Exception) -> CheckpointError:
    """Return the error for a card whose content cannot be what was saved."""
    reason = f"{type(error).__name__}: {error!s:.200}"
    return CheckpointError(f"the card of {where} is damaged or was edited ({reason}); use another copy")
