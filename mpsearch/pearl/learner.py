"""PEARL: infer the task from a few transitions, and act on the result (Rakelly et al. 2019)."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mpsearch import ranks
from mpsearch.errors import CheckpointError, NonFiniteError, UsageError
from mpsearch.language import say
from mpsearch.meta_policy import Callback, MetaPolicy
from mpsearch.pearl.acting import ConditionedPolicies
from mpsearch.pearl.config import PEARLConfig
from mpsearch.pearl.device import Away, check_device, describe_device
from mpsearch.pearl.exploration import Explorer, beliefs_at, uniform_actor
from mpsearch.pearl.learning import Learning, follow
from mpsearch.pearl.losses import Transitions
from mpsearch.pearl.replay import Replay, choose
from mpsearch.records import AdaptationResult, Array, Episodes
from mpsearch.rollouts import collect, gathered
from mpsearch.seeding import Streams
from mpsearch.shares import Share
from mpsearch.training.checkpoints import Checkpoint, Shards
from mpsearch.training.metrics import Metrics
from mpsearch.training.storage import require_structure


class PEARL(MetaPolicy):
    """Probabilistic embeddings for actor-critic reinforcement learning.

    Algorithm 1 of Rakelly et al. 2019 is :meth:`_iterate`. Its steps, in the order of the paper:

    1. Explore training tasks with z from the belief: :meth:`~mpsearch.pearl.exploration.Explorer.explore`.
    2. Store the episodes: :meth:`~mpsearch.pearl.replay.Replay.add`.
    3. Draw a context and a batch of each task: :meth:`~mpsearch.pearl.replay.Replay.draw_step`.
    4. Infer the belief q(z | c) and draw z: :class:`~mpsearch.pearl.encoder.Encoder`.
    5. Compute the losses of the critics, the actor and the belief, and their gradients:
       :meth:`~mpsearch.pearl.learning.Learning.differentiate`.
    6. Make a gradient step on all networks: :meth:`~mpsearch.pearl.learning.Learning.move`.

    Algorithm 2, the adaptation to a new task, is :meth:`_adapt`. It explores like step 1.

    Attributes:
        encoder: q(z | c), as adaptation uses it: what is learned, or its average (``average_rate``).
        actor: pi(a | s, z), likewise.
        critic: the twin critics Q(s, a, z).
        learning: these networks, and everything else that gradient steps change.
        training_tasks: [K, P], drawn when training starts.
        replay: the episodes of the training tasks.
    """

    algorithm = "pearl"
    resamples = evaluates = True
    config_type = PEARLConfig
    config: PEARLConfig

    def _build(self) -> None:
        self.learning = learning = Learning(self.tasks, self.config)
        (self.encoder, self.actor), self.critic = learning.adapting, learning.critic
        self.modules = learning.modules
        self._away: Away | None = None  # where gradient steps are made on another device
        self._train_on(np.empty((0, len(self.tasks.low))))

    def _train_on(self, training_tasks: Array) -> None:
        c, t = self.config, self.tasks.horizon
        self.training_tasks = training_tasks
        capacity = c.replay_size // (max(1, len(training_tasks)) * t)
        dims = (self.tasks.observation_dim, self.tasks.action_dim)
        self.replay = Replay(len(training_tasks), capacity, t, *dims, c.recent)
        self._shards = Shards()

    def _start(self, streams: Streams) -> None:
        self.learning.initialise(streams.torch("initial-networks"))
        drawn = self.tasks.sample(self.config.training_tasks, streams.numpy("training-tasks"))
        self._train_on(np.unique(drawn, axis=0))

    def _iterate(self, streams: Streams) -> Metrics:
        """Run the outer loop of algorithm 1 once: explore some tasks, then learn from all."""
        c, i = self.config, self.iteration
        env_steps = self._fill_replay(streams, i)
        rng, generator = streams.numpy("replay", i), streams.torch("noise", i)
        chosen = choose(len(self.training_tasks), c.tasks_per_iteration, rng).repeat(c.explorers)
        away = self._start_away(rng, generator)
        returns = []
        for number, episodes in enumerate(self._explore(chosen, streams, i)):
            env_steps += self._keep(chosen, episodes, number)
            returns.append(episodes.returns.mean())
        if away:
            records = away.finish(self.learning, i)
        else:
            self.learning.set_pace(i)
            records = [self._gradient_step(step, rng, generator) for step in range(c.gradient_steps)]
        self._require_finite_parameters()
        metrics = {"env_steps": env_steps, "returns": returns}
        metrics["before"], metrics["after"] = returns[0], returns[-1]
        for name in records[0] if records else ():
            values = [record[name] for record in records if name in record]
            metrics[name] = np.mean(values, axis=0).tolist()
        if i % c.evaluate_every == 0:
            held_out = self.tasks.sample(c.evaluation_tasks, streams.numpy("held-out-tasks"))
            by_task = self.adapt(held_out, seed=i, steps=c.stages).returns.mean(-1)  # [K, S]
            metrics["held_out"] = by_task.mean(0).tolist()
            metrics["held_out_worst"] = by_task.min(0).tolist()
        return metrics

    def _explore(self, chosen: Array, streams: Streams, *index: int) -> list[Episodes]:
        """Explore the training tasks ``chosen`` [K]; returns the episodes [K, 1, ...] of each stage.

        If several processes train together, each explores a share of the tasks, and all get all episodes.
        """
        share = Share.of(len(chosen))
        explorer = self._explorer(adapting=False, share=share)
        with ranks.together():
            tasks = self.training_tasks[chosen[share.rows]]
            stages = list(explorer.explore(tasks, 1, self.config.stages, streams, *index))
        return [gathered(stage.episodes, share) for stage in stages]

    def _fill_replay(self, streams: Streams, i: int) -> int:
        """Collect episodes of the tasks that have none; returns the number of environment steps.

        At the start of training, the actions are random. Networks that were loaded without their replay explore.
        """
        empty = np.flatnonzero(self.replay.added == 0)
        if len(empty) == 0:
            return 0
        if i > 0:
            stages = self._explore(empty, streams, i, 1)
            return sum(self._keep(empty, episodes, number) for number, episodes in enumerate(stages))
        share = Share.of(len(empty))
        tasks = self.training_tasks[empty[share.rows]]
        with ranks.together():
            batch = self.tasks.make_batch(tasks, self.config.random_episodes, threads=share.threads)
            act = uniform_actor(self.tasks.action_dim, streams.torch("random-actions"), share)
            episodes = collect(batch, self.tasks.horizon, act, share.generator(streams.numpy("random-reset")))
        return self._keep(empty, gathered(episodes, share), number=0)

    def _keep(self, tasks: Array, episodes: Episodes, number: int) -> int:
        """Store the episodes of stage ``number``; returns the number of their environment steps."""
        self.replay.add(tasks, episodes, exploration=number < self.config.context_stages)
        return episodes.env_steps

    def _explorer(self, *, adapting: bool, resample_every: int | None = None, share: Share | None = None) -> Explorer:
        every = self.config.resample_every if resample_every is None else resample_every
        learning = self.learning
        encoder, actor = (self.encoder, self.actor) if adapting else (learning.encoder, learning.actor)
        return Explorer(encoder, actor, self.tasks, adapting, every, share or Share())

    def _gradient_step(self, step: int, rng: np.random.Generator, noise: torch.Generator) -> Metrics:
        """Run the inner loop of algorithm 1 once, with a context and a batch for each task.

        If several processes train together, each computes the gradient of a share of the tasks.
        """
        context, batch = self.replay.draw_step(self.config, rng)
        share = Share.of(len(context))
        context, batch = context[share.rows], batch[share.rows]
        return self._learn(step, self.replay.take(context), self.replay.take(batch), noise, share)

    def _learn(
        self,
        step: int,
        context: Transitions,
        batch: Transitions,
        generator: torch.Generator,
        share: Share | None = None,
    ) -> Metrics:
        """Update all networks once, from a context [K, N, ...] and a batch [K, B, ...] of K tasks."""
        c, whose = self.config, share or Share()
        width = c.latent + 2 * self.tasks.action_dim
        draw = whose.draw(torch.randn, (*batch.rewards.shape, width), generator).flatten(0, 1)
        options: dict[str, Any] = {"moves_actor": step % c.actor_every == 0, "tasks": whose.count}
        tensors = self.learning.differentiate(context.rows(), batch.flat(), draw, **options)
        if not whose.alone:
            tensors = self.learning.combine(tensors, len(context.rewards))
        metrics: Metrics = {name: x.numpy() if x.dim() else x.item() for name, x in tensors.items()}
        for name, value in metrics.items():
            if not np.isfinite(value).all():
                where = f"gradient step {step} of iteration {self.iteration}"
                raise NonFiniteError(f"{name} is not finite in {where}")
        self._require_finite_gradients(step)
        self.learning.move()
        return metrics

    def _start_away(self, rng: np.random.Generator, noise: torch.Generator) -> Away | None:
        """Start this iteration's gradient steps on another device, if there is one. They run while we explore."""
        if self.device == "cpu" or not self.config.gradient_steps:
            return None
        if self._away is None or self._away.mirror.replay is not self.replay:
            self._away = Away(self.tasks, self.config, self.replay, self.device)
        self._away.start(self.learning, self.iteration, rng, noise)
        return self._away

    def _require_finite_gradients(self, step: int) -> None:
        where = f"gradient step {step} of iteration {self.iteration}"
        if torch.nn.utils.get_total_norm([p.grad for p in self.learning.learned if p.grad is not None]).isfinite():
            return
        named = [(f"{part}.{name}", p) for part, net in self.modules.items() for name, p in net.named_parameters()]
        for name, p in [*named, ("log_temperature", self.learning.log_temperature)]:
            if p.grad is not None and not torch.isfinite(p.grad).all():
                raise NonFiniteError(f"the gradient of {name} is not finite in {where}; a smaller rate may help")
        raise NonFiniteError(f"the gradient is too large in {where}; a smaller rate may help")

    @property
    def default_episodes(self) -> int:
        return 1

    @property
    def default_steps(self) -> int:
        return 2

    def _adapt(
        self, tasks: Array, streams: Streams, episodes: int, steps: int, callback: Callback, resample_every: int | None
    ) -> AdaptationResult:
        explorer, stages = self._explorer(adapting=True, resample_every=resample_every), []
        for number, stage in enumerate(explorer.explore(tasks, episodes, steps + 1, streams)):
            stages.append(stage)
            callback(number)
        draws = np.arange(0, self.tasks.horizon, explorer.resample_every or self.tasks.horizon)
        within = np.stack([beliefs_at(stage.beliefs, len(draws)) for stage in stages], axis=2)  # [2, K, S, D, Z]
        names = [say("prior"), *(say("posterior {number}", number=s) for s in range(1, steps))]
        return AdaptationResult.of_stages(
            tasks,
            [stage.episodes for stage in stages],
            ConditionedPolicies(copy.deepcopy(self.actor), [stage.z[:, 0] for stage in stages]),
            stage_names=tuple([*names, say("posterior mean")] if steps else names),
            beliefs=within[:, :, :, 0],
            belief_steps=draws,
            beliefs_within=within,
        )

    def _take_over(self, other: PEARL) -> None:
        mine, theirs = self._tensors(), other.learning.tensors(averages=self.config.average_rate > 0)
        require_structure(theirs, mine, "the start")
        with torch.no_grad():
            for name, tensor in mine.items():
                tensor.copy_(theirs[name])
        self._train_on(other.training_tasks)
        first = np.maximum(0, other.replay.added - self.replay.capacity)
        there = (first >= other.replay.added - other.replay.capacity).all()
        if there and self.config.recent == other.config.recent:  # otherwise the replay is filled by exploration
            self.replay.restore(other.replay.since(first))

    def _tensors(self) -> dict[str, Tensor]:
        return self.learning.tensors()

    def _acting_tensors(self) -> dict[str, Tensor]:
        networks = {"encoder": self.encoder, "actor": self.actor}
        return {f"{part}.{name}": x for part, network in networks.items() for name, x in network.state_dict().items()}

    def card(self) -> dict[str, Any]:
        device = describe_device(self.device)
        return {**super().card(), "device": device, "training_tasks": self.training_tasks.tolist()}

    def _most_ranks(self) -> int:
        known = len(self.training_tasks)
        return min(known, self.config.meta_batch, self.config.tasks_per_iteration * self.config.explorers)

    def _check_device(self, device: str) -> str:
        if device != "cpu" and ranks.count() > 1:
            raise UsageError("several processes make their gradient steps on processors: leave out --device")
        return check_device(device)

    def _growing(self) -> Replay:
        return self.replay

    def _restore(self, saved: Checkpoint) -> None:
        if not any(name.startswith("target.") for name in saved.tensors):  # as in what is shipped
            follow((self.learning.target,), (self.critic,), 1.0)
        try:
            training_tasks = np.array(saved.card["training_tasks"], dtype=float).reshape(-1, len(self.tasks.low))
            if not np.isfinite(training_tasks).all():
                raise ValueError("a training task is not finite")
            self._train_on(training_tasks)
            if saved.card["tasks"] != {"id": self.tasks.id, "config": self.tasks.config}:
                return  # the episodes in the checkpoint belong to another family
            for tensors in saved.grown():
                self.replay.restore(tensors)
            self._shards.remember(saved.folder, saved.shards, self.replay)
        except (KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
            where = saved.folder
            raise CheckpointError(f"the replay in {where} is damaged: {error!s:.200}; use another copy") from None
