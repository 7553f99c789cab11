"""PEARL: infer the task from a few transitions, then act (Rakelly et al. 2019)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from mpsearch.errors import CheckpointError, NonFiniteError, UsageError, check_count
from mpsearch.meta_policy import MetaPolicy, Metrics
from mpsearch.pearl.encoder import Encoder, kl_from_prior
from mpsearch.pearl.losses import Transitions, actor_loss, critic_loss, soft_targets, temperature_loss
from mpsearch.pearl.networks import Actor, TwinCritic, squash
from mpsearch.pearl.replay import Replay
from mpsearch.records import AdaptationResult, Array, Episodes, Policy
from mpsearch.rollouts import Actor as Act
from mpsearch.rollouts import collect
from mpsearch.seeding import Streams
from mpsearch.storage import read_tensors, require_structure, write_tensors
from mpsearch.tasks import TaskDistribution


@dataclass(frozen=True)
class PEARLConfig:
    """Hyper-parameters of PEARL. Departures from Rakelly et al. 2019 and the authors' code say why.

    Attributes:
        training_tasks: how many tasks are drawn, once, to train on (fewer where there are fewer: two directions).
        tasks_per_iteration: training tasks that are explored in an iteration.
        stages: exploration episodes on each; the first acts on the prior, each later one on what was seen so far.
        context_stages: contexts come from so many of them. With 1, from the prior's alone, an encoder cannot read
            the task off the behaviour of an agent that already knew it.
        random_episodes: of uniform actions on each training task, before the first gradient step.
        gradient_steps: in an iteration.
        meta_batch: training tasks in a gradient step.
        batch: transitions of each for the losses.
        context: transitions of each for the encoder.
        recent: contexts are drawn from each task's so many latest explorations: what the present agent sees.
        replay_size: transitions kept, all tasks together.
        latent: Z, the width of the latent task variable.
        hidden, encoder_hidden: widths of the ReLU layers. The authors have 3 x 300 and 3 x 200; two of 256 cost half.
        rate: of Adam, for all networks.
        discount: gamma.
        reward_scale: rewards are multiplied by it in the critic's targets, which weighs them against the KL.
        kl_weight: beta, of the information bottleneck.
        target_rate: tau; the target critics move this share of the way to the critics after each step.
        actor_every: the actor moves at every such gradient step. The paper has 1; with 2 a step costs a third less.
        evaluate_every: iterations between evaluations on held-out tasks, for the metrics only.
        evaluation_tasks: of each evaluation.
    """

    training_tasks: int = 100
    tasks_per_iteration: int = 2
    stages: int = 2
    context_stages: int = 1
    random_episodes: int = 5
    gradient_steps: int = 200
    meta_batch: int = 2
    batch: int = 256
    context: int = 100
    recent: int = 2
    replay_size: int = 1_000_000
    latent: int = 5
    hidden: Sequence[int] = (256, 256)
    encoder_hidden: Sequence[int] = (200, 200)
    rate: float = 3e-4
    discount: float = 0.99
    reward_scale: float = 5.0
    kl_weight: float = 0.1
    target_rate: float = 0.005
    actor_every: int = 1
    evaluate_every: int = 10
    evaluation_tasks: int = 10

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.type == "int":
                check_count(field.name, getattr(self, field.name), least=0 if field.name == "gradient_steps" else 1)
        if not 0 <= self.discount < 1:
            raise UsageError("discount must lie in [0, 1)")
        if not (self.rate > 0 and self.reward_scale > 0 and self.kl_weight >= 0 and 0 < self.target_rate <= 1):
            raise UsageError("rate and reward_scale must be positive, kl_weight not negative, target_rate in (0, 1]")


class PEARL(MetaPolicy):
    """Probabilistic embeddings for actor-critic reinforcement learning.

    Attributes:
        encoder: q(z | c).
        actor: pi(a | s, z).
        critic, target: the twin critics Q(s, a, z), and the slow copy that their targets come from.
        log_temperature: of the entropy bonus, learned.
        training_tasks: [K, P], drawn when training starts.
        replay: what was seen of each.
    """

    algorithm = "pearl"
    config_type = PEARLConfig
    config: PEARLConfig

    def __init__(self, tasks: TaskDistribution, config: PEARLConfig | None = None) -> None:
        super().__init__(tasks, config)
        c, o, a, scale = self.config, tasks.observation_dim, tasks.action_dim, tasks.observation_scale
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
        self._saved: tuple[Path | None, list[dict[str, Any]], Array] = (None, [], self.replay.added.copy())

    def _start(self, streams: Streams) -> None:
        generator = streams.torch("initial-networks")
        for network in (self.encoder, self.actor, self.critic):
            network.layers.initialise(generator)
        self.target.load_state_dict(self.critic.state_dict())
        drawn = self.tasks.sample(self.config.training_tasks, streams.numpy("training-tasks"))
        self._train_on(np.unique(drawn, axis=0))

    def _iterate(self, streams: Streams) -> Metrics:
        """Algorithm 1: explore some training tasks, then learn from the replay of all of them."""
        c, i = self.config, self.iteration
        env_steps = self._fill_replay(streams, i)
        rng, generator = streams.numpy("replay", i), streams.torch("noise", i)
        chosen = self._choose(c.tasks_per_iteration, rng)
        returns = []
        for stage, (episodes, _, _) in enumerate(self._explore(self.training_tasks[chosen], c.stages, streams, i)):
            env_steps += self._keep(chosen, episodes, stage)
            returns.append(episodes.returns.mean())
        records = [self._gradient_step(step, rng, generator) for step in range(c.gradient_steps)]
        self._require_finite_parameters()
        metrics = {"env_steps": env_steps, "returns": returns, "before": returns[0], "after": returns[-1]}
        for name in records[0] if records else ():
            metrics[name] = np.mean([record[name] for record in records if name in record], axis=0).tolist()
        if i % c.evaluate_every == 0:
            held_out = self.tasks.sample(c.evaluation_tasks, streams.numpy("held-out-tasks"))
            by_task = self.adapt(held_out, seed=i, steps=c.stages).returns.mean(-1)  # [K, S]
            metrics |= {"held_out": by_task.mean(0).tolist(), "held_out_worst": by_task.min(0).tolist()}
        return metrics

    def _choose(self, n: int, rng: np.random.Generator) -> Array:
        """Indices of ``n`` different training tasks, or of all."""
        count = len(self.training_tasks)
        return rng.choice(count, min(n, count), replace=False)

    def _fill_replay(self, streams: Streams, i: int) -> int:
        """Act on tasks without any data: at random first, and by exploring where only the networks were loaded."""
        empty = np.flatnonzero(self.replay.added == 0)
        if len(empty) == 0:
            return 0
        if i > 0:
            stages = self._explore(self.training_tasks[empty], self.config.stages, streams, i, 1)
            return sum(self._keep(empty, episodes, stage) for stage, (episodes, _, _) in enumerate(stages))
        batch = self.tasks.make_batch(self.training_tasks[empty], self.config.random_episodes)
        act = uniform_actor(self.tasks.action_dim, streams.torch("random-actions"))
        return self._keep(empty, collect(batch, self.tasks.horizon, act, streams.numpy("random-reset")), stage=0)

    def _keep(self, tasks: Array, episodes: Episodes, stage: int) -> int:
        """Store the episodes of a stage; returns how many environment steps they took."""
        self.replay.add(tasks, episodes, exploration=stage < self.config.context_stages)
        return episodes.env_steps

    @torch.no_grad()
    def _explore(
        self, tasks: Array, stages: int, streams: Streams, *index: int, episodes: int = 1, adapting: bool = False
    ) -> Iterator[tuple[Episodes, Normal, Tensor]]:
        """Posterior sampling (section 5): act on a z drawn from the belief, look, update the belief, repeat.

        Args:
            adapting: act on the mean action instead of drawing actions, and on the mean of the last belief.

        Yields:
            the episodes of a stage, the belief [K, Z] before it, and the z [K, E, Z] it acted on.
        """
        batch = self.tasks.make_batch(tasks, episodes)
        context = torch.zeros(len(tasks), 0, len(self.encoder.scale))
        for stage in range(stages):
            generator = streams.torch("explore", *index, stage)
            belief = self.encoder(context)
            noise = torch.randn((len(tasks), episodes, self.config.latent), generator=generator)
            settled = adapting and stage > 0 and stage == stages - 1
            z = belief.mean[:, None] + (0.0 if settled else belief.stddev[:, None]) * noise
            act = latent_actor(self.actor, z, None if adapting else generator)
            rng = streams.numpy("reset", *index, stage)
            seen = collect(batch, self.tasks.horizon, act, rng, record=adapting)
            yield seen, belief, z
            context = torch.cat([context, Transitions.of(seen).context().flatten(1, 2)], dim=1)

    def _gradient_step(self, step: int, rng: np.random.Generator, generator: torch.Generator) -> Metrics:
        """One pass of algorithm 1's inner loop over a meta-batch of tasks."""
        c = self.config
        tasks = self._choose(c.meta_batch, rng)
        context = self.replay.sample_recent(tasks, c.context, rng).context()
        data = self.replay.sample(tasks, c.batch, rng).flat()
        draw = torch.randn((len(data.rewards), c.latent + 2 * self.tasks.action_dim), generator=generator)
        noise, next_noise, actor_noise = draw.split([c.latent, self.tasks.action_dim, self.tasks.action_dim], dim=-1)
        temperature = self.log_temperature.detach().exp()

        belief = self.encoder(context)  # q(z | c)
        z = belief.mean.repeat_interleave(c.batch, 0) + belief.stddev.repeat_interleave(c.batch, 0) * noise
        targets = soft_targets(
            data, z, next_noise, self.actor, self.target, temperature,
            discount=c.discount, reward_scale=c.reward_scale,
        )  # fmt: skip
        loss, values = critic_loss(data, z, targets, self.critic)
        kl = kl_from_prior(belief)
        bottleneck = c.kl_weight * kl.sum()
        metrics = {"critic_loss": loss.item(), "q": values.detach().mean().item(), "kl": kl.detach().mean(0).numpy()}
        self.optimizer.zero_grad()
        (loss + bottleneck).backward(inputs=self.by_critic_loss)
        if step % c.actor_every == 0:
            loss, log_prob = actor_loss(data.observations, z, actor_noise, self.actor, self.critic, temperature)
            metrics |= {"actor_loss": loss.item(), "entropy": -log_prob.item(), "temperature": temperature.item()}
            loss = loss + temperature_loss(self.log_temperature, log_prob, -self.tasks.action_dim)
            loss.backward(inputs=self.by_actor_loss)
        for name, value in metrics.items():
            if not np.isfinite(value).all():
                raise NonFiniteError(f"{name} is not finite in gradient step {step} of iteration {self.iteration}")
        self.optimizer.step()
        self._follow()
        return metrics

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the target critics a little towards the critics."""
        for slow, fast in zip(self.target.parameters(), self.critic.parameters(), strict=True):
            slow.lerp_(fast, self.config.target_rate)

    def _require_finite_parameters(self) -> None:
        for name, tensor in self._tensors().items():
            if not torch.isfinite(tensor).all():
                raise NonFiniteError(f"{name} is not finite after iteration {self.iteration}; lower rate")

    def adapt(
        self, tasks: Array, *, seed: int, episodes: int | None = None, steps: int | None = None
    ) -> AdaptationResult:
        """Adapt to each task by acting on what was inferred from ``steps`` rounds of exploration.

        A stage of the result is an exploration episode: stage 0 acts on z from the prior, each later one on z from
        the posterior given all that was seen on that task; the last acts on the posterior's mean. Actions are the
        mean ones throughout: all exploration is in z.

        Args:
            tasks: [K, P].
            seed: of the exploration.
            episodes: E episodes at each stage, each with its own z; 1 by default.
            steps: posteriors to act on; 2 by default, as in the paper's figures.
        """
        tasks = self.tasks.check(tasks)
        streams = Streams(check_count("seed", seed, 0))
        steps = check_count("steps", 2 if steps is None else steps, 0)
        count = check_count("episodes", 1 if episodes is None else episodes)
        stages = list(self._explore(tasks, steps + 1, streams, episodes=count, adapting=True))
        names = ["prior", *(f"posterior {s}" for s in range(1, steps)), *(["posterior mean"] if steps else [])]
        return AdaptationResult(
            tasks=tasks,
            returns=np.stack([seen.returns for seen, _, _ in stages], axis=1),
            env_steps=np.arange(steps + 1) * count * self.tasks.horizon,
            trajectories=np.stack([np.asarray(seen.positions) for seen, _, _ in stages], axis=1),
            policies=lambda k, stage: self._mean_policy(stages[stage][2][k, 0]),
            stage_names=tuple(names),
            beliefs=np.stack([[belief.mean.numpy(), belief.stddev.numpy()] for _, belief, _ in stages], axis=2),
        )

    def _mean_policy(self, z: Tensor) -> Policy:
        actor = copy.deepcopy(self.actor)

        @torch.no_grad()
        def policy(observation: Array) -> Array:
            observations = torch.as_tensor(np.asarray(observation), dtype=torch.float32)
            flat = observations.reshape(-1, observations.shape[-1])
            mean, _ = actor(flat, z.expand(len(flat), -1))
            return torch.tanh(mean).reshape(*observations.shape[:-1], -1).numpy()

        return policy

    def _take_over(self, other: PEARL) -> None:
        mine, theirs = self._tensors(), other._tensors()
        require_structure(theirs, mine, "the start")
        with torch.no_grad():
            for name, tensor in mine.items():
                tensor.copy_(theirs[name])
        self._train_on(other.training_tasks)
        if self.config.recent == other.config.recent:  # else the replay starts anew, by exploring all tasks
            self.replay.restore(other.replay.since(np.zeros_like(other.replay.added)))

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

    def _write_shards(self, folder: Path) -> list[dict[str, Any]]:
        """The replay since the last save into this folder, as one more file."""
        where, shards, added = self._saved
        if where != folder:
            shards, added = [], np.zeros_like(self.replay.added)
        if (self.replay.added > added).any():
            shards = [*shards, write_tensors(folder, "shard", self.replay.since(added))]
        self._saved = (folder, shards, self.replay.added.copy())
        return shards

    def _restore(self, folder: Path, card: Mapping[str, Any]) -> None:
        try:
            training_tasks = np.array(card["training_tasks"], dtype=float).reshape(-1, len(self.tasks.low))
            self._train_on(training_tasks)
            if card["tasks"] != {"id": self.tasks.id, "config": self.tasks.config}:
                return  # on other tasks than it was trained on: what was seen of those does not apply
            shards = list(card.get("shards", ()))
            for shard in shards:
                self.replay.restore(read_tensors(folder, shard))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise CheckpointError(f"the replay in {folder} is damaged: {error}; use another copy") from None
        self._saved = (folder, shards, self.replay.added.copy())


def uniform_actor(action_dim: int, generator: torch.Generator) -> Act:
    """Actions uniform on [-1, 1]."""

    def act(observations: Tensor) -> tuple[Tensor, Tensor]:
        shape = observations.shape[:-1]
        return 2 * torch.rand((*shape, action_dim), generator=generator) - 1, torch.zeros(shape)

    return act


def latent_actor(actor: Actor, z: Tensor, generator: torch.Generator | None) -> Act:
    """Act on z [K, E, Z]: draw actions with ``generator``, or take the mean ones without."""
    flat_z = z.flatten(0, 1)

    def act(observations: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = actor(observations.flatten(0, 1), flat_z)
        noise = torch.zeros_like(mean) if generator is None else torch.randn(mean.shape, generator=generator)
        actions, log_prob = squash(mean, log_std, noise)
        return actions.unflatten(0, z.shape[:2]), log_prob.unflatten(0, z.shape[:2])

    return act
