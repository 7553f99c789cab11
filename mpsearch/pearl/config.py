"""The hyper-parameters of PEARL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mpsearch.errors import UsageError, check_widths
from mpsearch.training.config import Config


@dataclass(frozen=True)
class PEARLConfig(Config):
    """The hyper-parameters of PEARL, with a reason for each difference from Rakelly et al. 2019 or the authors' code.

    Attributes:
        training_tasks: the number of tasks to train on, which are drawn once. A family with fewer tasks, such as the
            two directions, has fewer.
        tasks_per_iteration: the number of training tasks that are explored in each iteration.
        explorers: the number of independent explorations of each of these tasks. More of them need little more time,
            but more environment steps.
        stages: the number of episodes of an exploration. The first episode draws z from the prior, each later one
            from the belief after the previous episodes.
        context_stages: contexts are drawn from this many first episodes of an exploration. With 1, the agent of the
            context did not know the task, so the encoder cannot learn to infer the task from the agent's behaviour.
        resample_every: the number of steps after which an episode draws a new z, from a belief that includes these
            steps. 0 draws z once an episode, as in the paper. If an episode is long enough to try several values of
            z, it is more likely to find a reward.
        random_episodes: the number of episodes with uniform random actions on each training task, before the first
            gradient step.
        gradient_steps: the number of gradient steps in each iteration.
        meta_batch: the number of training tasks in a gradient step.
        batch: the number of transitions of each of these tasks, for the losses. The paper has 256; with half of them
            the agent learned as much in less time.
        context, least_context: the largest and the smallest number of transitions of each task, for the encoder. The
            authors' code uses a fixed number, but an encoder trained so misjudges longer and shorter contexts. If few
            transitions are informative, as with sparse rewards, short contexts are of little use for learning.
        recent: contexts are drawn from this many latest explorations of each task, so that they resemble what the
            present agent sees. With few tasks, a large number is needed; otherwise the encoder memorises the
            explorations of each task.
        context_episodes: the number of successive explorations that a context is drawn from. If one exploration is
            often not informative, several are needed. Otherwise the encoder learns to return a confident belief for
            an unknown task, and the agent stops exploring.
        replay_size: the number of transitions that the replay keeps, for all tasks together. On the direction task,
            250,000 and more explorers, which make the data more recent, ended a late plateau.
        latent: Z, the width of the latent task variable.
        hidden, encoder_hidden: the widths of the ReLU layers. The authors have 3 x 300 and 3 x 200; two layers of
            256 need less than half the time.
        rate: the learning rate of Adam for all networks. The paper has 3e-4; with 1e-3 the agent learned twice as
            fast. A smaller rate at the end of a training improves the result considerably.
        discount: the discount gamma.
        reward_scale: the factor on the rewards in the critics' targets. It weighs the rewards against the KL.
        kl_weight: the weight beta of the information bottleneck; the KL is summed over the meta-batch. The authors
            have 0.1. A larger weight keeps the beliefs close to the prior, so that draws from the prior find them. We
            use 0.1 for the two directions, 0.01 for velocities and 0.05 for sparse goals.
        first_temperature: the weight of the entropy bonus when training starts, beside rewards times reward_scale.
            From there on it is learned.
        target_entropy: the target of the policy's entropy for each action dimension; the temperature is learned to
            reach it. The shipped trainings on HalfCheetah go from -1 to -2. That on the direction has a discount of
            0.983 and a target_rate of 0.01. With these, its other seed collapsed; with 0.99 and 0.005, both seeds held,
            and ended lower; with 0.983 and 0.005, both held as well, and reached 1668 and 1736, or 1684 and 1752 with
            averages (see average_rate).
        settle_from, settle_until: between these iterations, the learning rate and the target entropy move linearly to
            final_rate and final_entropy. Exploration needs a large rate and much noise; at the end, small ones reach
            higher returns. With settle_until at 0, both stay as they are.
        final_rate, final_entropy: the learning rate and the target entropy from the iteration settle_until on.
        target_rate: the rate tau. After each gradient step, the target critics move this fraction of the way to the
            critics.
        average_rate: after each gradient step, averages of the encoder and of the actor move this fraction of the way
            to what is learned, and adaptation uses the averages (Polyak and Juditsky 1992). Returns of an agent that
            learns with a large rate go up and down from one evaluation to the next; those of the average were steadier,
            on ``walker-body`` and on the two directions. With 0 there are no averages, as in the paper.
        actor_every: the actor is updated once in this many gradient steps. The paper has 1; with 2, a gradient step
            needs a fifth less time on average.
        evaluate_every: the number of iterations between evaluations on held-out tasks, which are only for the metrics.
        evaluation_tasks: the number of tasks in each of these evaluations.

    Raises:
        UsageError: a number is out of its range.
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
    first_temperature: float = 1.0
    target_entropy: float = -1.0
    final_rate: float = 2e-4
    final_entropy: float = -2.0
    settle_from: int = 0
    settle_until: int = 0
    target_rate: float = 0.005
    average_rate: float = 0.0
    actor_every: int = 2
    evaluate_every: int = 10
    evaluation_tasks: int = 10

    least: ClassVar = {"gradient_steps": 0, "resample_every": 0, "settle_from": 0, "settle_until": 0}

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("hidden", "encoder_hidden"):
            check_widths(name, getattr(self, name))
        if not 0 <= self.discount < 1:
            raise UsageError("discount must be at least 0 and below 1")
        if 0 < self.settle_until <= self.settle_from:
            raise UsageError("settle_until must be 0, or an iteration after settle_from")
        for name in ("rate", "final_rate", "reward_scale", "first_temperature"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be positive")
        if not (self.kl_weight >= 0 and 0 < self.target_rate <= 1):
            raise UsageError("kl_weight must not be negative, and target_rate must be in (0, 1]")
        if not 0 <= self.average_rate <= 1:
            raise UsageError("average_rate must be in [0, 1]; 0 adapts with what is learned, without averages")

    def pace(self, iteration: int) -> tuple[float, float]:
        """Return the learning rate and the target entropy for each action dimension in ``iteration``."""
        if iteration <= self.settle_from or not self.settle_until:
            return self.rate, self.target_entropy
        share = min(1.0, (iteration - self.settle_from) / (self.settle_until - self.settle_from))
        return (
            self.rate + share * (self.final_rate - self.rate),
            self.target_entropy + share * (self.final_entropy - self.target_entropy),
        )
