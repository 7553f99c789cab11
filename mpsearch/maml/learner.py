"""MAML: learn initial parameters from which one policy-gradient step is enough (Finn et al. 2017, algorithm 3)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from mpsearch import ranks
from mpsearch.errors import CheckpointError
from mpsearch.maml.acting import AdaptedPolicies
from mpsearch.maml.config import MAMLConfig
from mpsearch.maml.inner import Steps, inner_step, spread_over_tasks
from mpsearch.maml.outer import MetaBatch, clipped_update, trust_region_update
from mpsearch.maml.told import told_as_context
from mpsearch.maml.trust_region import StepReport
from mpsearch.meta_policy import Callback, MetaPolicy
from mpsearch.policies import PolicyNet
from mpsearch.records import AdaptationResult, Array, Episodes
from mpsearch.returns import task_advantages
from mpsearch.rollouts import collect, gathered, gaussian_actor, placed, with_same_ends
from mpsearch.seeding import Streams
from mpsearch.shares import Share
from mpsearch.tasks import Batch
from mpsearch.training.metrics import Metrics
from mpsearch.training.storage import read_card, require_structure
from mpsearch.training.trainable import tasks_of


class MAML(MetaPolicy):
    """Model-agnostic meta-learning for reinforcement learning.

    Algorithm 3 of Finn et al. 2017 is :meth:`_iterate`. Its steps, in the order of the paper:

    1. Draw tasks: :meth:`~mpsearch.tasks.distribution.TaskDistribution.sample`.
    2. Collect episodes of each task with the initial policy: :func:`~mpsearch.rollouts.collect`.
    3. Estimate the advantages: :func:`~mpsearch.returns.task_advantages`.
    4. Adapt the parameters to each task by a gradient step: :func:`~mpsearch.maml.inner.inner_step`.
    5. Collect episodes of each task with the adapted policy: :func:`~mpsearch.rollouts.collect`.
    6. Update the initial parameters: :func:`~mpsearch.maml.outer.trust_region_update`, or
       :func:`~mpsearch.maml.outer.clipped_update`. Both differentiate :func:`~mpsearch.maml.outer.meta_losses`.

    A training can start (:meth:`start_from`) from another one of MAML, or from a policy that was told its task. Then
    the context, which must be as wide as the task, takes its place: see :mod:`mpsearch.maml.told`.

    Attributes:
        policy: pi_theta, the policy from which every adaptation starts.
        rates: alpha [inner steps, parameter tensors of the policy].
        learned: the tensors that training changes: theta, and alpha if ``learn_rates``.
    """

    algorithm = "maml"
    config_type = MAMLConfig
    config: MAMLConfig

    def _build(self) -> None:
        c, tasks = self.config, self.tasks
        self.policy = PolicyNet(
            tasks.observation_dim,
            tasks.action_dim,
            hidden=c.hidden,
            observation_scale=tasks.observation_scale,
            initial_std=c.initial_std,
            minimum_std=c.minimum_std,
            context=c.context,
        )
        decays = c.rate_decay ** torch.arange(c.inner_steps).float()
        self.rates = nn.Parameter(torch.outer(decays, self._first_rates()), requires_grad=c.learn_rates)
        self.learned = [*self.policy.parameters(), *([self.rates] if c.learn_rates else [])]
        self.optimizer = torch.optim.Adam(self.learned, lr=c.outer_rate)
        for p in self.learned:  # Adam would create its state at the first step, but checkpoints are loaded before
            moments = {"exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
            self.optimizer.state[p] = {"step": torch.tensor(0.0), **moments}

    def _start(self, streams: Streams) -> None:
        self.policy.initialise(streams.torch("initial-policy"))

    def _iterate(self, streams: Streams) -> Metrics:
        """Run the outer loop of algorithm 3 once."""
        c, i = self.config, self.iteration
        share = Share.of(c.tasks_per_iteration)  # all tasks, unless several processes share them
        every = self.tasks.sample(c.tasks_per_iteration, streams.numpy("tasks", i))  # T_k ~ p(T)
        tasks = every[share.rows]
        batch = self.tasks.make_batch(tasks, c.episodes, threads=share.threads)
        parameters: Sequence[Tensor] = spread_over_tasks(self.policy, len(tasks))
        stages, returns, env_steps = [], [], 0
        for stage in range(c.inner_steps + 1):
            with ranks.together():  # D_k with pi_theta_k
                episodes = self._explore(batch, parameters, streams, i, stage, share=share)
            steps = self._weigh(with_same_ends(episodes, share), share)
            if stage < c.inner_steps:
                alpha = self._alpha(stage)
                parameters, _ = inner_step(self.policy, parameters, alpha, steps, order=0)  # theta'_k
            stages.append(steps)
            returns.append(share.gather(torch.from_numpy(episodes.returns)).numpy().mean())
            env_steps += int(ranks.total_number(episodes.env_steps))
        report = self._improve(MetaBatch(tuple(stages), share), streams.torch("curvature", i))
        self._require_finite_parameters()
        return {
            "env_steps": env_steps,
            "returns": returns,
            "before": returns[0],
            "after": returns[-1],
            "loss_improvement": report.loss_before - report.loss_after,
            "kl": report.kl,
            "step_fraction": report.fraction,
            "std": self.policy.log_std.detach().exp().mean().item(),
            "rates": self.rates.mean(-1).tolist(),
        }

    def _first_rates(self) -> Tensor:
        """Return alpha of the first inner step before training, one for each parameter tensor."""
        c = self.config
        own = {"context": c.inner_rate if c.context_rate is None else c.context_rate}
        return torch.tensor([own.get(name, c.inner_rate) for name, _ in self.policy.named_parameters()])

    def _alpha(self, stage: int) -> Tensor:
        """Return the rates of the inner step after ``stage``. Steps that training did not make use the last rates."""
        c = self.config
        return self.rates[min(stage, c.inner_steps - 1)] if c.inner_steps else self._first_rates()

    def _explore(
        self,
        batch: Batch,
        parameters: Sequence[Tensor],
        streams: Streams,
        *index: int,
        share: Share | None = None,
        record: bool = False,
    ) -> Episodes:
        """Collect episodes of each task with its own parameters."""
        share = share or Share()
        actor = gaussian_actor(self.policy, parameters, streams.torch("actions", *index), share)
        rng = share.generator(streams.numpy("reset", *index))
        return collect(batch, self.tasks.horizon, actor, rng, record=record)

    def _weigh(self, episodes: Episodes, share: Share | None = None) -> Steps:
        """Return the transitions of ``episodes`` with their advantages."""
        c, scale, share = self.config, self.tasks.observation_scale, share or Share()
        # Rounding depends on a number's place in an array. So this is computed for all tasks, as one
        # process does it; copies stand for the tasks of other ranks, unless these matter.
        options = {"shared_scale": c.shared_scale, "finite_horizon": c.finite_horizon}
        every = gathered(episodes, share) if c.shared_scale else placed(episodes, share)
        advantages = task_advantages(every, scale, c.discount, c.gae_lambda, **options)
        return Steps.of(episodes, advantages[share.rows], share=share)

    def _improve(self, batch: MetaBatch, generator: torch.Generator) -> StepReport:
        """Update theta, and alpha if it is learned."""
        c, args = self.config, (self.policy, self.rates, self.learned, batch)
        if c.outer == "clipped":
            update = partial(clipped_update, optimizer=self.optimizer, epochs=c.epochs, clip=c.clip)
        else:
            sample = batch.subsample(c.curvature_steps, generator)
            update = partial(trust_region_update, sample=sample, max_kl=c.max_kl)
        return update(*args, order=c.order, earlier_weight=c.earlier_weight)

    def _most_ranks(self) -> int:
        return self.config.tasks_per_iteration

    @property
    def default_episodes(self) -> int:
        return self.config.episodes

    @property
    def default_steps(self) -> int:
        return 3

    def _adapt(
        self, tasks: Array, streams: Streams, episodes: int, steps: int, callback: Callback, resample_every: int | None
    ) -> AdaptationResult:
        batch = self.tasks.make_batch(tasks, episodes)
        parameters: Sequence[Tensor] = [p.detach() for p in spread_over_tasks(self.policy, len(tasks))]
        stages, seen = [parameters], []
        for stage in range(steps + 1):
            seen.append(self._explore(batch, stages[stage], streams, stage, record=True))
            callback(stage)
            if stage < steps:
                alpha = self._alpha(stage)
                adapted, _ = inner_step(self.policy, stages[stage], alpha, self._weigh(seen[stage]), order=0)
                stages.append(adapted)
        return AdaptationResult.of_stages(tasks, seen, AdaptedPolicies(copy.deepcopy(self.policy), stages))

    def _load_start(self, path: Path) -> MAML:
        """Load the start. If its family told it the task, it needs this family."""
        try:
            family = tasks_of(read_card(path), str(path))
        except CheckpointError:  # a family of one's own, or a damaged card, of which load tells
            family = self.tasks
        return self.load(path, family if getattr(family, "told", False) else self.tasks)

    def _take_over(self, other: MAML) -> None:
        mine: dict[str, Tensor] = dict(self.policy.named_parameters())
        theirs: dict[str, Tensor] = dict(other.policy.named_parameters())
        if getattr(other.tasks, "told", False) and not getattr(self.tasks, "told", False):
            theirs = told_as_context(other.policy, self.config.context, (self.tasks.low + self.tasks.high) / 2)
        require_structure(theirs, mine, "the start")
        with torch.no_grad():
            for name, parameter in mine.items():
                parameter.copy_(theirs[name])
            if other.config.inner_steps:
                for stage, row in enumerate(self.rates):  # steps that the other did not make start from its last rates
                    beyond = max(0, stage - len(other.rates) + 1)
                    row.copy_(other._alpha(stage) * self.config.rate_decay**beyond)

    def _acting_tensors(self) -> dict[str, Tensor]:
        policy = {f"policy.{name}": value for name, value in self.policy.state_dict(keep_vars=True).items()}
        return {**policy, "rates": self.rates}

    def _tensors(self) -> dict[str, Tensor]:
        tensors = self._acting_tensors()
        if self.config.outer == "clipped":
            for i, p in enumerate(self.learned):
                tensors |= {f"adam.{i}.{name}": value for name, value in self.optimizer.state[p].items()}
        return tensors
