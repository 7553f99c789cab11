"""PEARL: infer the task from a few transitions, and act on the result (Rakelly et al. 2019)."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mpsearch.errors import CheckpointError, NonFiniteError
from mpsearch.meta_policy import Callback, MetaPolicy
from mpsearch.pearl.acting import ConditionedPolicies
from mpsearch.pearl.config import PEARLConfig
from mpsearch.pearl.encoder import Encoder, kl_from_prior
from mpsearch.pearl.exploration import Explorer, beliefs_at, uniform_actor
from mpsearch.pearl.losses import Transitions, actor_loss, critic_loss, soft_targets, temperature_loss
from mpsearch.pearl.networks import Actor, TwinCritic
from mpsearch.pearl.replay import Replay
from mpsearch.records import AdaptationResult, Array, Episodes
from mpsearch.rollouts import collect
from mpsearch.seeding import Streams
from mpsearch.training.checkpoints import Checkpoint, Shards
from mpsearch.training.metrics import Metrics
from mpsearch.training.storage import require_structure


class PEARL(MetaPolicy):
    """Probabilistic embeddings for actor-critic reinforcement learning.

    Algorithm 1 of Rakelly et al. 2019 is :meth:`_iterate`. Its steps, in the order of the paper:

    1. Explore training tasks with z from the belief: :meth:`~mpsearch.pearl.exploration.Explorer.explore`.
    2. Store the episodes: :meth:`~mpsearch.pearl.replay.Replay.add`.
    3. Draw a context and a batch of each task: :meth:`~mpsearch.pearl.replay.Replay.sample_recent` and
       :meth:`~mpsearch.pearl.replay.Replay.sample`.
    4. Infer the belief q(z | c) and draw z: :class:`~mpsearch.pearl.encoder.Encoder`.
    5. Compute the losses of the critics, the actor and the belief: :func:`~mpsearch.pearl.losses.soft_targets`,
       :func:`~mpsearch.pearl.losses.critic_loss`, :func:`~mpsearch.pearl.losses.actor_loss` and
       :func:`~mpsearch.pearl.encoder.kl_from_prior`.
    6. Make a gradient step on all networks.

    Algorithm 2, the adaptation to a new task, is :meth:`_adapt`. It explores like step 1.

    Attributes:
        encoder: q(z | c).
        actor: pi(a | s, z).
        critic, target: the twin critics Q(s, a, z), and the slow copy that their targets come from.
        log_temperature: of the entropy bonus, learned.
        training_tasks: [K, P], drawn when training starts.
        replay: the episodes of the training tasks.
    """

    algorithm = "pearl"
    resamples = True
    config_type = PEARLConfig
    config: PEARLConfig

    def _build(self) -> None:
        c, tasks = self.config, self.tasks
        o, a, scale = tasks.observation_dim, tasks.action_dim, tasks.observation_scale
        transition_scale = np.concatenate([scale, np.ones(a + 1), scale])
        self.encoder = Encoder(len(transition_scale), c.latent, c.encoder_hidden, transition_scale)
        self.actor = Actor(o, a, c.latent, c.hidden, scale)
        self.critic = TwinCritic(o, a, c.latent, c.hidden, scale)
        self.target = copy.deepcopy(self.critic).requires_grad_(False)
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.modules = {"encoder": self.encoder, "actor": self.actor, "critic": self.critic, "target": self.target}
        self.by_critic_loss = [*self.encoder.parameters(), *self.critic.parameters()]
        self.by_actor_loss = [*self.actor.parameters(), self.log_temperature]
        self.learned = self.by_critic_loss + self.by_actor_loss
        self.optimizer = torch.optim.Adam(self.learned, lr=c.rate, fused=True)
        for p in self.learned:  # made now, not at the first step, so that a checkpoint can be read into it
            moments = {"exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
            self.optimizer.state[p] = {"step": torch.tensor(0.0), **moments}
        self._train_on(np.empty((0, len(tasks.low))))

    def _train_on(self, training_tasks: Array) -> None:
        c, t = self.config, self.tasks.horizon
        self.training_tasks = training_tasks
        capacity = c.replay_size // (max(1, len(training_tasks)) * t)
        dims = (self.tasks.observation_dim, self.tasks.action_dim)
        self.replay = Replay(len(training_tasks), capacity, t, *dims, c.recent)
        self._shards = Shards()

    def _start(self, streams: Streams) -> None:
        generator = streams.torch("initial-networks")
        for network in (self.encoder, self.actor, self.critic):
            network.layers.initialise(generator)
        self.target.load_state_dict(self.critic.state_dict())
        drawn = self.tasks.sample(self.config.training_tasks, streams.numpy("training-tasks"))
        self._train_on(np.unique(drawn, axis=0))

    def _iterate(self, streams: Streams) -> Metrics:
        """Run the outer loop of algorithm 1 once: explore some tasks, then learn from all."""
        c, i = self.config, self.iteration
        env_steps = self._fill_replay(streams, i)
        rng, generator = streams.numpy("replay", i), streams.torch("noise", i)
        chosen = self._choose(c.tasks_per_iteration, rng).repeat(c.explorers)
        returns = []
        explorer = self._explorer(adapting=False)
        stages = explorer.explore(self.training_tasks[chosen], 1, c.stages, streams, i)
        for number, stage in enumerate(stages):
            env_steps += self._keep(chosen, stage.episodes, number)
            returns.append(stage.episodes.returns.mean())
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

    def _choose(self, n: int, rng: np.random.Generator) -> Array:
        """Indices of ``n`` different training tasks, or of all."""
        count = len(self.training_tasks)
        return rng.choice(count, min(n, count), replace=False)

    def _fill_replay(self, streams: Streams, i: int) -> int:
        """Collect episodes of the tasks that have none; returns the number of environment steps.

        At the start of training, the actions are random. Networks that were loaded without their replay explore.
        """
        empty = np.flatnonzero(self.replay.added == 0)
        if len(empty) == 0:
            return 0
        if i > 0:
            explorer = self._explorer(adapting=False)
            stages = explorer.explore(self.training_tasks[empty], 1, self.config.stages, streams, i, 1)
            return sum(self._keep(empty, stage.episodes, number) for number, stage in enumerate(stages))
        batch = self.tasks.make_batch(self.training_tasks[empty], self.config.random_episodes)
        act = uniform_actor(self.tasks.action_dim, streams.torch("random-actions"))
        return self._keep(empty, collect(batch, self.tasks.horizon, act, streams.numpy("random-reset")), number=0)

    def _keep(self, tasks: Array, episodes: Episodes, number: int) -> int:
        """Store the episodes of stage ``number``; returns the number of their environment steps."""
        self.replay.add(tasks, episodes, exploration=number < self.config.context_stages)
        return episodes.env_steps

    def _explorer(self, *, adapting: bool, resample_every: int | None = None) -> Explorer:
        every = self.config.resample_every if resample_every is None else resample_every
        return Explorer(self.encoder, self.actor, self.tasks, adapting, every)

    def _gradient_step(self, step: int, rng: np.random.Generator, noise: torch.Generator) -> Metrics:
        """Run the inner loop of algorithm 1 once, with a context and a batch for each task."""
        c = self.config
        tasks = self._choose(c.meta_batch, rng)
        length = int(rng.integers(min(c.least_context, c.context), c.context + 1))
        context = self.replay.sample_recent(tasks, length, rng, c.context_episodes)
        return self._learn(step, context, self.replay.sample(tasks, c.batch, rng), noise)

    def _learn(
        self,
        step: int,
        context: Transitions,
        batch: Transitions,
        generator: torch.Generator,
    ) -> Metrics:
        """Update all networks once, from a context [K, N, ...] and a batch [K, B, ...] of K tasks."""
        c, data, a = self.config, batch.flat(), self.tasks.action_dim
        draw = torch.randn((len(data.rewards), c.latent + 2 * a), generator=generator)
        noise, next_noise, actor_noise = draw.split([c.latent, a, a], dim=-1)
        temperature = self.log_temperature.detach().exp()

        belief = self.encoder(context.rows())  # q(z | c)
        mean, std = (x.repeat_interleave(c.batch, 0) for x in (belief.mean, belief.stddev))
        z = mean + std * noise
        targets = soft_targets(
            data,
            z,
            next_noise,
            self.actor,
            self.target,
            temperature,
            discount=c.discount,
            reward_scale=c.reward_scale,
        )
        loss, values = critic_loss(data, z, targets, self.critic)
        kl = kl_from_prior(belief)
        metrics: Metrics = {"critic_loss": loss.item(), "q": values.detach().mean().item()}
        metrics["kl"] = kl.detach().mean(0).numpy()
        self.optimizer.zero_grad()
        (loss + c.kl_weight * kl.sum()).backward(inputs=self.by_critic_loss)
        if step % c.actor_every == 0:
            networks = (self.actor, self.critic)
            loss, log_prob = actor_loss(data.observations, z, actor_noise, *networks, temperature)
            metrics |= {"actor_loss": loss.item(), "entropy": -log_prob.item()}
            metrics["temperature"] = temperature.item()
            loss = loss + temperature_loss(self.log_temperature, log_prob, c.target_entropy * a)
            loss.backward(inputs=self.by_actor_loss)
        for name, value in metrics.items():
            if not np.isfinite(value).all():
                where = f"gradient step {step} of iteration {self.iteration}"
                raise NonFiniteError(f"{name} is not finite in {where}")
        self._require_finite_gradients(step)
        self.optimizer.step()
        self._follow()
        return metrics

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the target critics follow the critics slowly."""
        for slow, fast in zip(self.target.parameters(), self.critic.parameters(), strict=True):
            slow.lerp_(fast, self.config.target_rate)

    def _require_finite_gradients(self, step: int) -> None:
        where = f"gradient step {step} of iteration {self.iteration}"
        if torch.nn.utils.get_total_norm([p.grad for p in self.learned if p.grad is not None]).isfinite():
            return
        named = [(f"{part}.{name}", p) for part, net in self.modules.items() for name, p in net.named_parameters()]
        for name, p in [*named, ("log_temperature", self.log_temperature)]:
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
        names = ["prior", *(f"posterior {s}" for s in range(1, steps)), *(["posterior mean"] if steps else [])]
        return AdaptationResult.of_stages(
            tasks,
            [stage.episodes for stage in stages],
            ConditionedPolicies(copy.deepcopy(self.actor), [stage.z[:, 0] for stage in stages]),
            stage_names=tuple(names),
            beliefs=within[:, :, :, 0],
            belief_steps=draws,
            beliefs_within=within,
        )

    def _take_over(self, other: PEARL) -> None:
        mine, theirs = self._tensors(), other._tensors()
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
        tensors = {
            f"{part}.{name}": value
            for part, module in self.modules.items()
            for name, value in module.state_dict(keep_vars=True).items()
        }
        tensors["log_temperature"] = self.log_temperature
        for i, p in enumerate(self.learned):
            tensors |= {f"adam.{i}.{name}": value for name, value in self.optimizer.state[p].items()}
        return tensors

    def card(self) -> dict[str, Any]:
        return {**super().card(), "training_tasks": self.training_tasks.tolist()}

    def _growing(self) -> Replay:
        return self.replay

    def _restore(self, saved: Checkpoint) -> None:
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
