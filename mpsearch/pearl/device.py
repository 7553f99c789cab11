"""Gradient steps on a GPU, while the processor explores.

A gradient step of PEARL is some two hundred small operations. One by one they would mostly wait for their launch;
recorded once as a CUDA graph, they run as one. The steps are those that the processor would make from the same draws,
to rounding; only their data is that of the iterations before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext

import numpy as np
import torch

from mpsearch.errors import NonFiniteError, UsageError
from mpsearch.pearl.config import PEARLConfig
from mpsearch.pearl.learning import Learning
from mpsearch.pearl.mirror import Mirror
from mpsearch.pearl.replay import Replay
from mpsearch.records import Array
from mpsearch.tasks import TaskDistribution
from mpsearch.training.metrics import Metrics

WARM_UP = 3  # steps before recording, as libraries set themselves up in the first ones
_recording = threading.Lock()  # a process records one graph at a time


class Away:
    """Makes an agent's gradient steps on ``device``, from copies of its networks and of its replay.

    Args:
        device: "cuda" or "cuda:N". On "cpu" the same steps are made one by one, for tests.
    """

    def __init__(self, tasks: TaskDistribution, config: PEARLConfig, replay: Replay, device: str) -> None:
        self.config, self.device = config, torch.device(device)
        self.stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        self.recorded: dict[bool, Callable[[], None]] = {}
        self._launcher = ThreadPoolExecutor(1)  # a thread, because a GPU with enough work makes its caller wait
        self._launched: Future[None] | None = None
        steps, k, rows = config.gradient_steps, min(config.meta_batch, len(replay.added)), config.batch
        with self._queue(), self.device:
            self.learning = Learning(tasks, config, captured=self.stream is not None)
            self.mirror = Mirror(replay, self.device)
            self.noise = torch.Generator(self.device)
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
        if self._launched:
            wait([self._launched])  # of an iteration that was interrupted
        with self._queue():
            self.mirror.update()
            if not self.recorded:
                self.recorded = {moves_actor: self._record(moves_actor) for moves_actor in (True, False)}
            self.learning.copy_from(learning)
            self.learning.set_pace(iteration)
            drawn = self.mirror.replay.draw_steps(self.config, self.config.gradient_steps, rng)
            for mine, numbers in zip(self.plan, drawn, strict=False):
                mine.copy_(torch.from_numpy(numbers))
            self.noise.manual_seed(int(torch.randint(2**62, (), generator=noise)))
            self.plan[-1].normal_(generator=self.noise)
            self.step_number.zero_()
        self._launched = self._launcher.submit(self._launch)

    def _launch(self) -> None:
        with self._queue():
            for step in range(self.config.gradient_steps):
                self.recorded[step % self.config.actor_every == 0]()

    def finish(self, learning: Learning, iteration: int) -> list[Metrics]:
        """Wait for the steps, put the new values into ``learning``, and give each step's metrics."""
        if self._launched:
            self._launched.result()
        with self._queue():
            learning.copy_from(self.learning)
            history = self.history.cpu().numpy()
        records = [self._record_of(step, values) for step, values in enumerate(history)]
        for step, record in enumerate(records):
            for name, value in record.items():
                if not np.isfinite(value).all():
                    raise NonFiniteError(f"{name} is not finite in gradient step {step} of iteration {iteration}")
        return records

    def _step(self, moves_actor: bool) -> None:
        """One gradient step: the one of the plan whose turn it is."""
        context, batch, length, draw = (x.index_select(0, self.step_number)[0] for x in self.plan)
        counts = (torch.arange(self.config.context, device=self.device) < length).to(draw.dtype)
        counts = counts.expand(len(context), -1)
        rows, data = self.mirror.rows(context), self.mirror.take(batch).flat()
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
