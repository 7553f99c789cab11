"""The interface of meta-policies: they are trained on many tasks, and then adapt to tasks that they have not seen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from mpsearch.errors import UsageError, check_count
from mpsearch.records import AdaptationResult, Array
from mpsearch.seeding import Streams
from mpsearch.surroundings import own_torch
from mpsearch.tasks import TaskDistribution
from mpsearch.training.loop import Loop, OnNonFinite
from mpsearch.training.metrics import Metrics
from mpsearch.training.trainable import Trainable

Callback = Callable[[int], None]


class Adapts(ABC):
    """The base class of all that adapts to tasks: meta-policies, and the baselines that they are compared with.

    Attributes:
        algorithm: the agent's name on the command line.
        tasks: the task distribution.
        resamples: whether it guesses the task, and can guess anew within an episode.
    """

    algorithm: ClassVar[str]
    resamples: ClassVar[bool] = False
    tasks: TaskDistribution

    def adapt(
        self,
        tasks: Array,
        *,
        seed: int,
        episodes: int | None = None,
        steps: int | None = None,
        resample_every: int | None = None,
        callback: Callback | None = None,
    ) -> AdaptationResult:
        """Adapt to each of ``tasks`` from the agent's own exploration on it. The agent itself stays as it is.

        The result has ``steps + 1`` stages; stage 0 is before any adaptation.

        ======== ============================ ======================================= ====================
        agent    a stage after the first is   episodes at each stage                  steps by default
        ======== ============================ ======================================= ====================
        MAML     a policy-gradient step       the data of the next step; as in        3, as in the paper's
                                              training by default                     figures
        PEARL    an episode that acts on the  parallel ones, each with a draw of z    2, as in the paper's
                 belief from those before     of its own; 1 by default                figures
        scratch  a training from nothing      those of a training iteration           all of its stages
        ======== ============================ ======================================= ====================

        MAML measures with sampled actions, and the episodes of its last stage are only measured. PEARL takes mean
        actions, because all of its exploration is in z; its first stage draws z from the prior, and its last one
        acts on the mean of the belief.

        With ``resample_every=n``, PEARL renews its belief and draws z anew every n steps, within each episode. Where a
        reward at every step tells the task, it then acts well from the first second on. Whoever only wants it to act
        takes ``steps=1, resample_every=1``: the policy of the last stage then acts on the belief after one episode. By
        default z is drawn as in training. For the cheetahs this is once an episode, so that nothing has been learned
        of the task in stage 0, as with MAML, and ``before`` is comparable. With a number, stage 0 adapts too, and
        ``before`` is its first episode.

        Args:
            tasks: [K, P].
            seed: of the exploration. The same seed gives the same result.
            episodes: E, at least 1.
            steps: stages after the first, at least 0.
            resample_every: the number of steps between two draws of z within an episode; 0 for one draw an episode.
                For PEARL only.
            callback: receives the number of each stage that is done; what it raises stops the adaptation.

        Raises:
            UsageError: a task is not one of :attr:`tasks`, a number is not allowed, or there is no z to draw.
            NonFiniteError: a simulation diverged.
        """
        if resample_every is not None:
            if not self.resamples:
                raise UsageError(f"{self.algorithm} draws no z that it could draw anew: leave out resample_every")
            check_count("resample_every", resample_every, 0)
        checked = (
            self.tasks.check(tasks),
            Streams(check_count("seed", seed, 0)),
            check_count("episodes", self.default_episodes if episodes is None else episodes),
            check_count("steps", self.default_steps if steps is None else steps, 0),
        )
        with own_torch():
            result = self._adapt(*checked, callback or (lambda stage: None), resample_every)
        return replace(result, robot=self.tasks.robot)

    @property
    @abstractmethod
    def default_episodes(self) -> int:
        """The number of episodes at each stage of :meth:`adapt` if the caller does not give it."""

    @property
    @abstractmethod
    def default_steps(self) -> int:
        """The number of stages of :meth:`adapt` after the first if the caller does not give it."""

    @abstractmethod
    def _adapt(
        self, tasks: Array, streams: Streams, episodes: int, steps: int, callback: Callback, resample_every: int | None
    ) -> AdaptationResult:
        """Do the work of :meth:`adapt`, which has checked the arguments."""


class MetaPolicy(Trainable, Adapts):
    """A policy that is trained over a task distribution and then adapts to tasks it has not seen.

    See :class:`Adapts` for the adaptation, and :class:`Trainable` for what training records and how it is saved.
    """

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
        device: str = "cpu",
        keep_best: bool = False,
    ) -> None:
        """Train for ``iterations`` more iterations.

        All random numbers depend only on ``seed`` and the iteration. Therefore a training that was saved, stopped and
        continued gives the same result as one that never stopped. The results are equal to the bit on the same
        machine with the same number of threads. On other machines, or with other versions of torch, NumPy or MuJoCo,
        compare mean returns.

        Args:
            seed: at least 0.
            callback: is called with the metrics of each iteration.
            folder: where to write checkpoints and, for each iteration, one JSON line of metrics.
            save_every: seconds between checkpoints. One is always written at the end.
            on_nonfinite: what to do when training diverges. "stop" raises the error. "rollback" goes back to the last
                checkpoint in ``folder`` and continues with other random numbers; the next metrics then have an entry
                ``rollback`` with the reason.
            progress: show a progress bar with returns and steps per second.
            device: "cpu", or "cuda" for gradient steps on a GPU (PEARL only) while the processor explores. There a
                step learns from the iterations before, and runs agree in their mean returns, not to the bit.
            keep_best: also keep, in ``folder``/best, the agent whose last five evaluations on held-out tasks had the
                highest mean (PEARL only). Late in a training, returns can fall, and even break down.

        Raises:
            UsageError: this machine or this algorithm has no such device.
            NonFiniteError: training diverged. The last checkpoint is in ``folder``.
            CheckpointError: ``folder`` cannot be written, or another process is training there.
            KeyboardInterrupt: training was interrupted and has saved. A second interrupt stops it without saving.
            Terminated: the process received SIGTERM, and training has saved.
        """
        self.device = self._check_device(device)
        loop = Loop(self, check_count("seed", seed, 0), callback, folder, save_every, on_nonfinite, progress, keep_best)
        with own_torch():
            loop.run(iterations)
