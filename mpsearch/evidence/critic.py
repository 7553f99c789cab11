"""A learned critic for MAML: does it explain more of what follows a state than the linear baseline does?

python -m mpsearch.evidence.critic      (a few minutes on one core)

The critic has the features of the linear baseline and those of a network. Its last layer is fitted to each task in
closed form, as the linear baseline is. The network is shared by all tasks and trained by gradient descent. In the
comparison, each stage has a network of its own; in a training of MAML (:mod:`mpsearch.evidence.ablate`), one serves all
stages.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from tqdm import trange

from mpsearch.evidence import results
from mpsearch.evidence.program import run
from mpsearch.evidence.records import rounded, write_record
from mpsearch.maml import MAML
from mpsearch.maml.inner import Steps, inner_step, spread_over_tasks
from mpsearch.policies import TaskLinear
from mpsearch.records import Array, Episodes
from mpsearch.returns import (
    baseline_features,
    discounted_sums,
    fitted_weights,
    generalised_advantages,
    predicted_values,
    standardise,
)
from mpsearch.rollouts import collect, gaussian_actor
from mpsearch.seeding import Streams
from mpsearch.shares import Share
from mpsearch.surroundings import own_torch
from mpsearch.training.provenance import code_revision, describe_machine
from mpsearch.zoo import find

WIDTH = 64
FITS = 5  # Adam steps on the episodes of each stage, when MAML trains with the critic
ROUNDS = 100  # Adam steps of the critic that is compared with the linear baseline
POLICIES = ("maml-cheetah-direction", "maml-cheetah-velocity-long")
TASKS, EPISODES, SEED = 10, 20, 7


class Critic:
    """A baseline that is linear in the features of the linear baseline and in those of a network.

    Args:
        observations: O, the width of an observation.
        generator: draws the network's first weights.
    """

    def __init__(self, observations: int, generator: torch.Generator) -> None:
        layers = TaskLinear(observations, WIDTH), TaskLinear(WIDTH, WIDTH)
        for layer, width in zip(layers, (observations, WIDTH), strict=True):
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -(width**-0.5), width**-0.5, generator=generator)
        self.network = nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh())
        self.observations = observations
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)

    def features(self, episodes: Episodes, scale: Array) -> Tensor:
        """Return the features [K, E, T + 1, F]."""
        linear = baseline_features(episodes, scale)
        return torch.cat([linear, self.network(linear[..., : self.observations])], dim=-1)

    def values(self, episodes: Episodes, scale: Array, discount: float) -> Tensor:
        """Return the values [K, E, T + 1]."""
        features = self.features(episodes, scale)
        return predicted_values(features, fitted_weights(features, episodes, discount))

    def fit(self, episodes: Episodes, scale: Array, discount: float, rounds: int) -> None:
        """Train the network's features: lower the error that is left after the last layer is fitted to each task."""
        for _ in range(rounds):
            values = self.values(episodes, scale, discount)
            target = discounted_sums(episodes.rewards, discount, values[..., -1].detach().numpy())
            error = values[..., :-1] - torch.from_numpy(target)
            loss = (error.square().mean((1, 2)) / torch.from_numpy(target).var((1, 2))).mean()  # tasks count alike
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


class MAMLWithCritic(MAML):
    """MAML with a :class:`Critic` in the place of the linear baseline.

    It is made for an ablation alone: for episodes that do not terminate, and for one process that trains without a
    break. The critic is not part of a checkpoint.
    """

    critic: Critic

    def _start(self, streams: Streams) -> None:
        super()._start(streams)
        self.critic = Critic(self.tasks.observation_dim, streams.torch("critic"))

    def _weigh(self, episodes: Episodes, share: Share | None = None) -> Steps:
        c, scale = self.config, self.tasks.observation_scale
        self.critic.fit(episodes, scale, c.discount, FITS)
        with torch.no_grad():
            values = self.critic.values(episodes, scale, c.discount).numpy()
        advantages = generalised_advantages(episodes.rewards, values, c.discount, c.gae_lambda)
        return Steps.of(episodes, standardise(advantages), share=share)


def explained(values: Array, truth: Array) -> Array:
    """Return for each task the share of the variance of ``truth`` [K, E, T] that ``values`` explain, [K]."""
    return 1 - (truth - values).var(axis=(1, 2)) / truth.var(axis=(1, 2))


def part(episodes: Episodes, rows: slice, horizon: int) -> Episodes:
    """Return the first ``horizon`` steps of the episodes ``rows`` of each task."""
    steps = (episodes.actions, episodes.rewards, episodes.log_probs)
    return Episodes(episodes.observations[:, rows, : horizon + 1], *(x[:, rows, :horizon] for x in steps))


def shares(fitted: Episodes, others: Episodes, truth: Array, agent: MAML) -> dict[str, list[float]]:
    """Fit both baselines to ``fitted``; return what each explains of ``truth`` in ``others``, by task."""
    discount, scale = agent.config.discount, agent.tasks.observation_scale
    critic = Critic(agent.tasks.observation_dim, Streams(SEED).torch("critic"))
    critic.fit(fitted, scale, discount, ROUNDS)
    found = {}
    for name, features in (("linear", baseline_features), ("learned", critic.features)):
        with torch.no_grad():
            weights = fitted_weights(features(fitted, scale), fitted, discount)
            values = predicted_values(features(others, scale), weights)[..., :-1].numpy()
        found[name] = explained(values, truth).tolist()
    return found


def compare(name: str) -> dict[str, Any]:
    """Compare both baselines on ten tasks, at each stage of an adaptation.

    Both are fitted to 20 episodes of each task, as in training. They are judged on 20 others, by the discounted sum of
    the rewards in as many steps as an episode has. So that this sum is known for every state, episodes go on to twice
    the horizon.
    """
    agent = MAML.load(find(name))
    family, discount, streams = agent.tasks, agent.config.discount, Streams(SEED)
    horizon, tasks = family.horizon, family.sample(TASKS, streams.numpy("tasks"))
    batch = family.make_batch(tasks, 2 * EPISODES)
    parameters = [p.detach() for p in spread_over_tasks(agent.policy, TASKS)]
    stages = []
    for stage in trange(agent.default_steps + 1, desc=name):
        actor = gaussian_actor(agent.policy, parameters, streams.torch("actions", stage), Share())
        whole = collect(batch, 2 * horizon, actor, streams.numpy("reset", stage))
        fitted, others = part(whole, slice(0, EPISODES), horizon), part(whole, slice(EPISODES, None), horizon)
        sums = discounted_sums(whole.rewards[:, EPISODES:], discount)
        truth = sums[..., :horizon] - discount**horizon * sums[..., horizon:]
        stages.append(shares(fitted, others, truth, agent))
        parameters, _ = inner_step(agent.policy, parameters, agent._alpha(stage), agent._weigh(fitted), order=0)
    return {"weights": name, "tasks": tasks.tolist(), "stages": stages}


def main() -> None:
    """Compare the critic with the linear baseline, and write the record mpsearch/evidence/results/critic.json."""
    with own_torch():
        policies = [compare(name) for name in POLICIES]
    record = {
        "command": "python -m mpsearch.evidence.critic",
        "machine": describe_machine(),
        "revision": code_revision(),
        "policies": policies,
    }
    write_record(results.FOLDER / "critic.json", rounded(record))


if __name__ == "__main__":
    run(main)
