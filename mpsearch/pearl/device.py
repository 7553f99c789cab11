"""Gradient steps on a GPU, while the processor explores.

A gradient step of PEARL is some two hundred small operations. One by one they would mostly wait for their launch;
recorded once as a CUDA graph, they run as one. All random numbers come from the processor, so that the steps are those
that it would have made itself, to rounding; only their data is that of the iterations before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mpsearch.errors import NonFiniteError, UsageError
from mpsearch.pearl.config import PEARLConfig
from mpsearch.pearl.learning import Learning
from mpsearch.pearl.losses import Transitions
from mpsearch.pearl.replay import Replay
from mpsearch.records import Array
from mpsearch.tasks import TaskDistribution
from mpsearch.training.metrics import Metrics

WARM_UP = 3  # steps before recording, as libraries set themselves up in the first ones
_recording = threading.Lock()  # a process records one graph at a time


class Mirror:
    """A copy of a replay on a device.

    Attributes:
        arrays: the observations, actions and rewards of all episodes, one after the other.
        last: the number of each episode's last transition if the episode terminated, otherwise -1.
    """

    def __init__(self, replay: Replay, device: torch.device) -> None:
        self.replay, self.device, self.added = replay, device, np.zeros_like(replay.added)
        self.arrays = [
            torch.zeros(array.reshape(-1, *array.shape[3:]).shape, device=device)
            for array in (replay.observations, replay.actions, replay.rewards)
        ]
        self.last = torch.full((replay.lengths.size,), -1, device=device)

    def update(self) -> None:
        """Copy the episodes that were added since the last call."""
        new, replay = self.replay.since(self.added), self.replay
        episode = new["task"] * replay.capacity + new["number"] % replay.capacity
        for array, name in zip(self.arrays, ("observations", "actions", "rewards"), strict=True):
            length = new[name].shape[1]
            rows = episode[:, None] * length + torch.arange(length)
            array.index_copy_(0, rows.flatten().to(self.device), new[name].flatten(0, 1).to(array))
        lengths, terminated = (array.reshape(-1)[episode.numpy()] for array in (replay.lengths, replay.terminated))
        last = np.where(terminated, episode.numpy() * replay.horizon + lengths - 1, -1)
        self.last.index_copy_(0, episode.to(self.device), torch.from_numpy(last).to(self.device))
        self.added = replay.added.copy()

    def take(self, rows: Tensor) -> Transitions:
        """Return the transitions with the numbers ``rows`` [M, N], which :meth:`Replay.draw_step` explains."""
        observations, actions, rewards = self.arrays
        episode = rows // self.replay.horizon
        first = rows + episode  # an episode has one observation more than it has steps
        taken = ((observations, first), (actions, rows), (rewards, rows), (observations, first + 1))
        data = (a.index_select(0, i.flatten()).view(*i.shape, *a.shape[1:]) for a, i in taken)
        ends = rows == self.last.index_select(0, episode.flatten()).view_as(rows)
        return replace(Transitions(*data), terminated=ends.to(rewards.dtype))


class Away:
    """Makes an agent's gradient steps on ``device``, from copies of its networks and of its replay.

    Args:
        device: "cuda" or "cuda:N". On "cpu" the same steps are made one by one, for tests.
    """

    def __init__(self, tasks: TaskDistribution, config: PEARLConfig, replay: Replay, device: str) -> None:
        self.config, self.device = config, torch.device(device)
        self.stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        self.recorded: dict[bool, Callable[[], None]] = {}
        steps, k, rows = config.gradient_steps, min(config.meta_batch, len(replay.added)), config.batch
        with self._queue(), self.device:
            self.learning = Learning(tasks, config, captured=self.stream is not None)
            self.mirror = Mirror(replay, self.device)
            self.step_number = torch.zeros(1, dtype=torch.long)
            self.plan = [
                torch.zeros((steps, k, config.context), dtype=torch.long),  # which transitions are the contexts
                torch.zeros((steps, k, rows), dtype=torch.long),  # which ones the losses get
                torch.zeros((steps,), dtype=torch.long),  # lengths of the contexts
                torch.zeros((steps, k * rows, config.latent + 2 * tasks.action_dim)),  # noise
            ]
            self.history = torch.zeros((steps, 5 + config.latent))

    @contextmanager
    def _queue(self) -> Iterator[None]:
        """Inside, work on the GPU is queued behind this agent's earlier work, and no other's."""
        with torch.cuda.stream(self.stream) if self.stream else nullcontext():
            yield

    def start(self, learning: Learning, iteration: int, rng: np.random.Generator, noise: torch.Generator) -> None:
        """Begin an iteration's gradient steps, from the values in ``learning``; on a GPU this does not wait."""
        with self._queue():
            self.mirror.update()
            if not self.recorded:
                self.recorded = {moves_actor: self._record(moves_actor) for moves_actor in (True, False)}
            self.learning.copy_from(learning)
            self.learning.set_pace(iteration)
            for mine, drawn in zip(self.plan, self._draw(rng, noise), strict=True):
                mine.copy_(drawn)
            self.step_number.zero_()
            for step in range(self.config.gradient_steps):
                self.recorded[step % self.config.actor_every == 0]()

    def finish(self, learning: Learning, iteration: int) -> list[Metrics]:
        """Wait for the steps, put the new values into ``learning``, and give each step's metrics."""
        with self._queue():
            learning.copy_from(self.learning)
            history = self.history.cpu().numpy()
        records = [self._record_of(step, values) for step, values in enumerate(history)]
        for step, record in enumerate(records):
            for name, value in record.items():
                if not np.isfinite(value).all():
                    raise NonFiniteError(f"{name} is not finite in gradient step {step} of iteration {iteration}")
        return records

    def _draw(self, rng: np.random.Generator, noise: torch.Generator) -> list[Tensor]:
        """Everything random in an iteration, drawn in the order in which the processor draws it."""
        contexts, batches, lengths, noises = [x.new_zeros(x.shape, device="cpu") for x in self.plan]
        for step in range(self.config.gradient_steps):
            context, batch = self.mirror.replay.draw_step(self.config, rng)
            lengths[step] = context.shape[1]
            contexts[step, :, : context.shape[1]] = torch.from_numpy(context)
            batches[step] = torch.from_numpy(batch)
            noises[step] = torch.randn(noises[step].shape, generator=noise)
        return [contexts, batches, lengths, noises]

    def _step(self, moves_actor: bool) -> None:
        """One gradient step: the one of the plan whose turn it is."""
        context, batch, length, draw = (x.index_select(0, self.step_number)[0] for x in self.plan)
        counts = (torch.arange(self.config.context, device=self.device) < length).to(draw.dtype)
        counts = counts.expand(len(context), -1)
        rows, data = self.mirror.take(context).rows(), self.mirror.take(batch).flat()
        metrics = self.learning.differentiate(rows, data, draw, moves_actor=moves_actor, counts=counts)
        self.learning.move()
        nothing = metrics["q"].new_zeros(())
        values = [metrics.get(name, nothing) for name in ("critic_loss", "q", "actor_loss", "entropy", "temperature")]
        self.history.index_copy_(0, self.step_number, torch.cat([torch.stack(values), metrics["kl"]])[None])
        self.step_number += 1

    def _record_of(self, step: int, values: Array) -> Metrics:
        loss, q, actor, entropy, temperature, *kl = values.tolist()
        record: Metrics = {"critic_loss": loss, "q": q, "kl": np.array(kl)}
        if step % self.config.actor_every == 0:
            record |= {"actor_loss": actor, "entropy": entropy, "temperature": temperature}
        return record

    def _record(self, moves_actor: bool) -> Callable[[], None]:
        """A step as one launch. (What the steps before recording change is overwritten afterwards.)"""
        if self.stream is None:
            return lambda: self._step(moves_actor)
        graph = torch.cuda.CUDAGraph()
        with _recording, fast_products():
            for _ in range(WARM_UP):
                self.step_number.zero_()
                self._step(moves_actor)
            with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                self._step(moves_actor)
        return graph.replay


@contextmanager
def fast_products() -> Iterator[None]:
    """Inside, a GPU's matrix products use its TF32 units, which round their factors to 10 bits."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def check_device(device: str) -> str:
    """Return ``device`` if this machine has it: "cpu", "cuda" or "cuda:N".

    Raises:
        UsageError: it has not.
    """
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and not (kind == "cuda" and number.isdecimal())):
        raise UsageError(f"device must be cpu, cuda or cuda:N, not {device!r}")
    if kind == "cuda" and not (torch.cuda.is_available() and int(number or 0) < torch.cuda.device_count()):
        raise UsageError(f"device {device!r} is not there for torch on this machine; train with device='cpu'")
    return device


def describe_device(device: str) -> str:
    """``device`` with the name of the GPU."""
    return device if device == "cpu" else f"{device}, {torch.cuda.get_device_name(device)}"
