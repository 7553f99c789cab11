"""The hyper-parameters of MAML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from mpsearch.errors import UsageError, check_widths
from mpsearch.training.config import Config


@dataclass(frozen=True)
class MAMLConfig(Config):
    """Hyper-parameters of MAML. Where a default differs from Finn et al. 2017, the reason is given.

    Attributes:
        tasks_per_iteration: K. The paper has 40 for the cheetah.
        episodes: E, for each task at each stage.
        inner_steps: gradient steps of an adaptation in training. The meta-loss is the mean of the losses after each
            step, so that every step has to help (Antoniou et al. 2019); the paper takes the last loss alone.
        earlier_weight: the weight of the losses after all steps but the last in this mean, relative to that of the
            last. Antoniou et al. lower it from 1 to 0 in the course of a training; 0 is the paper's loss.
        inner_rate: alpha. The paper has 0.1; with observations scaled to order one, 0.3 learned faster.
        rate_decay: the initial alpha of each inner step is that of the step before times this factor.
        learn_rates: whether to learn an alpha for each inner step and parameter tensor (Li et al. 2017).
        order: 2 for exact meta-gradients, 1 for first-order MAML.
        discount: gamma. If ``discount ** horizon`` is near 1, most of a return lies beyond the end of the episode,
            where the linear baseline has to estimate it. Learning from scratch then fails: with 20 steps, it failed
            with 0.99 and succeeded with 0.9.
        gae_lambda: lambda. The paper has 1; 0.95 has less variance and learned several times faster.
        finite_horizon: whether nothing is earned after the time limit, as in the paper; the baseline then depends on
            the time, too. By default the task would go on, and the baseline estimates what would follow. A linear
            baseline cannot do that if robots move differently at the end of their episodes than before: on
            ``walker-body``, its values were several times too high on some tasks, and MAML's return fell.
        shared_scale: whether the advantages of all tasks are divided by one standard deviation, so that the outer loop
            improves the mean return. The default, one for each task, gives tasks with small and large rewards the same
            weight. Adaptation needs that; an average policy (inner_steps=0) that has to weigh tasks against each other
            needs the mean return.
        outer: "trust-region", as in the paper, or "clipped", which is Adam on a clipped surrogate: ProMP (Rothfuss et
            al. 2019) without its penalty on the KL of the inner steps.
        max_kl: the size of the trust region. The paper has 0.01; 0.03 learned faster and stayed stable.
        curvature_steps: the number of transitions of each task for Hessian-vector products. With all transitions,
            these products would take most of the time of an iteration. With three inner steps, 1000 transitions gave
            better steps than 400.
        epochs, clip, outer_rate: of the clipped outer loop: the number of Adam steps on the same episodes, the largest
            change of a likelihood ratio that pays, and Adam's rate. The defaults are those of ProMP; on the
            direction of HalfCheetah, 10 steps and a rate of 0.003 learned nearly twice as fast.
        hidden: widths of the policy's tanh layers.
        initial_std: the standard deviation of the actions at the start. The paper has 1; with actions clipped to
            [-1, 1], 0.5 learns and 1 does not.
        minimum_std: the standard deviation never falls below this.
        context: the width of the policy's learned task vector, or 0 for none.
        context_rate: alpha of this vector; by default that of all parameters. With ``inner_rate=0``, an adaptation
            changes nothing else (Zintgraf et al. 2019, CAVIA).
    """

    tasks_per_iteration: int = 20
    episodes: int = 20
    inner_steps: int = 1
    earlier_weight: float = 1.0
    inner_rate: float = 0.3
    rate_decay: float = 1.0
    learn_rates: bool = False
    order: Literal[1, 2] = 2
    discount: float = 0.99
    gae_lambda: float = 0.95
    finite_horizon: bool = False
    shared_scale: bool = False
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
    context_rate: float | None = None

    least: ClassVar = {"inner_steps": 0, "context": 0}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_widths("hidden", self.hidden)
        if self.order not in (1, 2) or self.outer not in ("trust-region", "clipped"):
            raise UsageError("order must be 1 or 2, and outer 'trust-region' or 'clipped'")
        if not (0 <= self.discount <= 1 and 0 <= self.gae_lambda <= 1):
            raise UsageError("discount and gae_lambda must lie in [0, 1]")
        if not 0 <= self.earlier_weight <= 1:
            raise UsageError("earlier_weight must lie in [0, 1]")
        if not (self.inner_rate >= 0 and self.max_kl > 0 and self.clip > 0 and self.outer_rate > 0):
            raise UsageError("inner_rate must not be negative; max_kl, clip and outer_rate must be positive")
        if self.context_rate is not None and not (self.context and self.context_rate >= 0):
            raise UsageError("context_rate must not be negative, and needs a context of at least 1")
