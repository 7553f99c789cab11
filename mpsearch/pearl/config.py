"""The hyper-parameters of PEARL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mpsearch.errors import UsageError, check_widths
from mpsearch.training.config import Config


@dataclass(frozen=True)
class PEARLConfig(Config):
    """Hyper-parameters of PEARL. Departures from Rakelly et al. 2019 and the authors' code say why.

    Attributes:
        training_tasks: how many tasks are drawn, once, to train on (fewer where there are fewer: two directions).
        tasks_per_iteration: training tasks that are explored in an iteration.
        explorers: how many explore each of them, each for itself. More cost little time, but environment steps.
        stages: exploration episodes of each; the first acts on the prior, each later one on what was seen so far.
        context_stages: contexts come from so many of them. With 1, from the prior's alone, an encoder cannot read
            the task off the behaviour of an agent that already knew it.
        resample_every: steps after which an episode draws z anew, from a belief that has seen them; 0 for once
            an episode, as in the paper. Where an episode is long enough for several guesses, several find more.
        random_episodes: of uniform actions on each training task, before the first gradient step.
        gradient_steps: in an iteration.
        meta_batch: training tasks in a gradient step.
        batch: transitions of each for the losses. The paper has 256; half of that teaches as much in less time.
        context, least_context: transitions of each for the encoder, at most and at least. On a number that is fixed
            in training, as in the authors' code, the encoder can rely: it then misjudges longer and shorter contexts.
            But where few transitions tell anything, as with sparse rewards, short contexts teach little.
        recent: contexts are drawn from each task's so many latest explorations: what the present agent sees.
            With few tasks it takes many, or the encoder learns by heart which task ran which way.
        context_episodes: of these, so many successive ones make a context. Where one exploration often tells nothing,
            it takes several: an encoder that is trained to say "unknown" says so with certainty, and explores no more.
        replay_size: transitions kept, all tasks together. A late plateau on the direction ended with a replay of
            250,000 and more explorers: fresher data.
        latent: Z, the width of the latent task variable.
        hidden, encoder_hidden: widths of the ReLU layers. The authors have 3 x 300 and 3 x 200; two of
            256 cost less than half.
        rate: of Adam, for all networks. The paper has 3e-4; 1e-3 learned twice as fast, and a smaller one at the end
            is worth much.
        discount: gamma.
        reward_scale: rewards are multiplied by it in the critic's targets, which weighs them against the KL.
        kl_weight: beta, of the information bottleneck; the KL is summed over the meta-batch. The authors have 0.1. More
            keeps the beliefs where the prior can guess them: 10 for two directions; 0.05 for sparse goals.
        target_entropy: of the policy, for each action dimension; the temperature is learned to reach it. On the
            direction a plateau at 1475 ended by raising it to -0.7 with a rate of 6e-4, a discount of 0.983 and a
            target_rate of 0.01, and then lowering it to -2 with a rate of 2e-4: 1548.
        settle_from, settle_until: iterations between which rate and target entropy move evenly to final_rate and
            final_entropy: a large rate and much noise find more, small ones measure better. With 0 they stay.
        target_rate: tau; the target critics move this share of the way to the critics after each step.
        actor_every: the actor moves at every such gradient step. The paper has 1; with 2 a step costs a fifth less.
        evaluate_every: iterations between evaluations on held-out tasks, for the metrics only.
        evaluation_tasks: of each evaluation.
    """

    training_tasks: int = 100
    tasks_per_iteration: int = 2
    explorers: int = 1
    stages: int = 2
    context_stages: int = 1
    resample_every: int = 0
    random_episodes: int = 5
    gradient_steps: int = 200
    meta_batch: int = 2
    batch: int = 128
    context: int = 400
    least_context: int = 1
    recent: int = 10
    context_episodes: int = 2
    replay_size: int = 1_000_000
    latent: int = 5
    hidden: Sequence[int] = (256, 256)
    encoder_hidden: Sequence[int] = (200, 200)
    rate: float = 1e-3
    discount: float = 0.99
    reward_scale: float = 5.0
    kl_weight: float = 1.0
    target_entropy: float = -1.0
    final_rate: float = 2e-4
    final_entropy: float = -2.0
    settle_from: int = 0
    settle_until: int = 0
    target_rate: float = 0.005
    actor_every: int = 2
    evaluate_every: int = 10
    evaluation_tasks: int = 10

    least: ClassVar = {"gradient_steps": 0, "resample_every": 0, "settle_from": 0, "settle_until": 0}

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("hidden", "encoder_hidden"):
            check_widths(name, getattr(self, name))
        if not 0 <= self.discount < 1:
            raise UsageError("discount must lie in [0, 1)")
        if 0 < self.settle_until <= self.settle_from:
            raise UsageError("settle_until must be 0, or an iteration after settle_from")
        if not (
            self.rate > 0 < self.final_rate
            and self.reward_scale > 0
            and self.kl_weight >= 0
            and 0 < self.target_rate <= 1
        ):
            raise UsageError(
                "rate, final_rate and reward_scale must be positive, kl_weight not negative, target_rate in (0, 1]"
            )

    def pace(self, iteration: int) -> tuple[float, float]:
        """Adam's rate and the target entropy (for each action dimension) in ``iteration``."""
        if iteration <= self.settle_from or not self.settle_until:
            return self.rate, self.target_entropy
        share = min(1.0, (iteration - self.settle_from) / (self.settle_until - self.settle_from))
        return (
            self.rate + share * (self.final_rate - self.rate),
            self.target_entropy + share * (self.final_entropy - self.target_entropy),
        )
