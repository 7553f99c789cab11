"""MAML: learn a start from which one policy-gradient step is enough (Finn et al. 2017, algorithm 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from mpsearch.errors import UsageError, check_count, check_widths
from mpsearch.maml.inner import Steps, inner_step, spread_over_tasks
from mpsearch.maml.outer import MetaBatch, clipped_update, trust_region_update
from mpsearch.maml.trust_region import StepReport
from mpsearch.meta_policy import Callback, MetaPolicy
from mpsearch.policies import PolicyNet, with_parameters
from mpsearch.records import AdaptationResult, Array, Episodes, Policy
from mpsearch.returns import task_advantages
from mpsearch.rollouts import collect, gaussian_actor
from mpsearch.seeding import Streams
from mpsearch.tasks import Batch, TaskDistribution
from mpsearch.training.metrics import Metrics
from mpsearch.training.storage import require_structure


@dataclass(frozen=True)
class MAMLConfig:
    """Hyper-parameters of MAML. Departures from Finn et al. 2017 say why.

    Attributes:
        tasks_per_iteration: K; the paper has 40 for the cheetah.
        episodes: E on each task at each stage.
        inner_steps: gradient steps of adaptation in training.
        inner_rate: alpha. The paper has 0.1; with observations of order one 0.3 learned faster.
        rate_decay: the second inner step's alpha starts at this share of the first's, and so on.
        learn_rates: learn an alpha for each inner step and parameter tensor, with theta (Li et al. 2017).
        order: 2 for exact meta-gradients, 1 for first-order MAML.
        discount: gamma. Where ``discount ** horizon`` is near 1, the linear baseline has to guess most of what
            follows an episode, and learning from scratch fails: on 20 steps, 0.99 failed and 0.9 did not.
        gae_lambda: lambda. The paper has 1; 0.95 has less variance and learned several times faster.
        outer: "trust-region" (the paper's) or "clipped" (Adam epochs on a clipped surrogate).
        max_kl: size of the trust region. The paper has 0.01; 0.03 learned faster and stayed stable.
        curvature_steps: transitions of each task for Hessian-vector products. With all of them, these products would
            take most of the time of an iteration; with three inner steps, 1000 made better steps than 400.
        epochs, clip, outer_rate: of the clipped outer loop.
        hidden: widths of the policy's tanh layers.
        initial_std: of the actions. The paper has 1; with actions clipped to [-1, 1], 0.5 learns and 1 does not.
        minimum_std: exploration never falls below it.
        context: width of the policy's learned task vector; 0 for none.
    """

    tasks_per_iteration: int = 20
    episodes: int = 20
    inner_steps: int = 1
    inner_rate: float = 0.3
    rate_decay: float = 1.0
    learn_rates: bool = False
    order: Literal[1, 2] = 2
    discount: float = 0.99
    gae_lambda: float = 0.95
    outer: Literal["trust-region", "clipped"] = "trust-region"
    max_kl: float = 0.03
    curvature_steps: int = 200
    epochs: int = 5
    clip: float = 0.3
    outer_rate: float = 1e-3
    hidden: Sequence[int] = (64, 64)
    initial_std: float = 0.5
    minimum_std: float = 0.0
    context: int = 0

    def __post_init__(self) -> None:
        for name in ("tasks_per_iteration", "episodes", "curvature_steps", "epochs"):
            check_count(name, getattr(self, name))
        check_count("inner_steps", self.inner_steps, least=0)
        check_widths("hidden", self.hidden)
        if self.order not in (1, 2) or self.outer not in ("trust-region", "clipped"):
            raise UsageError("order must be 1 or 2, and outer 'trust-region' or 'clipped'")
        if not (0 <= self.discount <= 1 and 0 <= self.gae_lambda <= 1):
            raise UsageError("discount and gae_lambda must lie in [0, 1]")
        if not (self.inner_rate >= 0 and self.max_kl > 0 and self.clip > 0 and self.outer_rate > 0):
            raise UsageError("inner_rate must not be negative; max_kl, clip and outer_rate must be positive")


class MAML(MetaPolicy):
    """Model-agnostic meta-learning for reinforcement learning.

    Attributes:
        policy: pi_theta, the start of every adaptation.
        rates: alpha [inner steps, parameter tensors of the policy].
        learned: what training changes: theta, and alpha if ``learn_rates``.
    """

    algorithm = "maml"
    config_type = MAMLConfig
    config: MAMLConfig

    def __init__(self, tasks: TaskDistribution, config: MAMLConfig | None = None) -> None:
        super().__init__(tasks, config)
        c = self.config
        self.policy = PolicyNet(
            tasks.observation_dim,
            tasks.action_dim,
            hidden=c.hidden,
            observation_scale=tasks.observation_scale,
            initial_std=c.initial_std,
            minimum_std=c.minimum_std,
            context=c.context,
        )
        count = len(list(self.policy.parameters()))
        rows = c.inner_rate * c.rate_decay ** torch.arange(c.inner_steps).float()
        self.rates = nn.Parameter(rows[:, None].repeat(1, count), requires_grad=c.learn_rates)
        self.learned = [*self.policy.parameters(), *([self.rates] if c.learn_rates else [])]
        self.optimizer = torch.optim.Adam(self.learned, lr=c.outer_rate)
        for p in self.learned:  # made now, not at the first step, so that a checkpoint can be read into it
            moments = {"exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
            self.optimizer.state[p] = {"step": torch.tensor(0.0), **moments}

    def _start(self, streams: Streams) -> None:
        self.policy.initialise(streams.torch("initial-policy"))

    def _iterate(self, streams: Streams) -> Metrics:
        """One pass of algorithm 3's outer loop."""
        c, i = self.config, self.iteration
        tasks = self.tasks.sample(c.tasks_per_iteration, streams.numpy("tasks", i))  # T_k ~ p(T)
        batch = self.tasks.make_batch(tasks, c.episodes)
        parameters: Sequence[Tensor] = spread_over_tasks(self.policy, len(tasks))
        stages, returns, env_steps = [], [], 0
        for stage in range(c.inner_steps + 1):
            episodes = self._explore(batch, parameters, streams, i, stage)  # D_k with pi_theta_k
            steps = self._weigh(episodes)
            if stage < c.inner_steps:
                alpha = self._alpha(stage)
                parameters, _ = inner_step(self.policy, parameters, alpha, steps, order=0)  # theta'_k
            stages.append(steps)
            returns.append(episodes.returns.mean())
            env_steps += episodes.env_steps
        report = self._improve(MetaBatch(tuple(stages)), streams.torch("curvature", i))
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

    def _alpha(self, stage: int) -> Tensor:
        """The rates of the inner step after ``stage``; steps beyond those of training take the last one's."""
        c = self.config
        return (
            self.rates[min(stage, c.inner_steps - 1)]
            if c.inner_steps
            else torch.full((len(list(self.policy.parameters())),), c.inner_rate)
        )

    def _explore(
        self, batch: Batch, parameters: Sequence[Tensor], streams: Streams, *index: int,
        record: bool = False,
    ) -> Episodes:  # fmt: skip
        actor = gaussian_actor(self.policy, parameters, streams.torch("actions", *index))
        rng = streams.numpy("reset", *index)
        return collect(batch, self.tasks.horizon, actor, rng, record=record)

    def _weigh(self, episodes: Episodes) -> Steps:
        c, scale = self.config, self.tasks.observation_scale
        return Steps.of(episodes, task_advantages(episodes, scale, c.discount, c.gae_lambda))

    def _improve(self, batch: MetaBatch, generator: torch.Generator) -> StepReport:
        c = self.config
        start = (self.policy, self.rates, self.learned)
        if c.outer == "clipped":
            return clipped_update(
                *start, batch, self.optimizer, epochs=c.epochs, clip=c.clip, order=c.order
            )  # fmt: skip
        sample = batch.subsample(c.curvature_steps, generator)
        return trust_region_update(*start, batch, sample, max_kl=c.max_kl, order=c.order)

    @property
    def default_episodes(self) -> int:
        return self.config.episodes

    @property
    def default_steps(self) -> int:
        return 3

    def _adapt(self, tasks: Array, streams: Streams, episodes: int, steps: int, callback: Callback) -> AdaptationResult:
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
        return AdaptationResult.of_stages(
            tasks, seen, policies=lambda k, stage: self._mean_policy([p[k] for p in stages[stage]])
        )

    def _mean_policy(self, parameters: Sequence[Tensor]) -> Policy:
        distribution = with_parameters(self.policy, [p.detach().clone() for p in parameters])

        @torch.no_grad()
        def policy(observation: Array) -> Array:
            mean = distribution(torch.as_tensor(observation, dtype=torch.float32)).mean
            return mean.numpy().clip(-1.0, 1.0)

        return policy

    def _take_over(self, other: MAML) -> None:
        mine, theirs = dict(self.policy.named_parameters()), dict(other.policy.named_parameters())
        require_structure(theirs, mine, "the start")
        with torch.no_grad():
            for name, parameter in mine.items():
                parameter.copy_(theirs[name])
            for stage, row in enumerate(self.rates):  # steps that the other never made start from its last one's rates
                beyond = max(0, stage - len(other.rates) + 1)
                row.copy_(other._alpha(stage) * self.config.rate_decay**beyond)

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"policy.{name}": value for name, value in self.policy.state_dict(keep_vars=True).items()}
        tensors["rates"] = self.rates
        if self.config.outer == "clipped":
            for i, p in enumerate(self.learned):
                tensors |= {f"adam.{i}.{name}": value for name, value in self.optimizer.state[p].items()}
        return tensors
