"""What is not finite is named where it arose, and adapting leaves the agent as it was whatever happens in between."""

from __future__ import annotations

import pytest
import torch
from agents import algorithms, make

from mpsearch import PEARL
from mpsearch.errors import NonFiniteError
from mpsearch.maml import gradients, outer
from mpsearch.tasks.navigation import PointBatch, PointNavigation

NAN = float("nan")


def spoil(agent, name) -> None:
    with torch.no_grad():
        agent._tensors()[name].view(-1)[0] = NAN


def bits(agent):
    return {name: tensor.detach().clone() for name, tensor in agent._tensors().items()}


def same(agent, before) -> bool:
    return all(torch.equal(tensor, before[name]) for name, tensor in agent._tensors().items())


@pytest.mark.parametrize(("algorithm", "name"), [("maml", "policy.layers.1.bias"), ("pearl", "actor.layers.biases.1")])
def test_an_action(algorithm, name) -> None:
    agent = make(algorithm)
    agent.train(1, seed=0, progress=False)
    spoil(agent, name)
    with pytest.raises(NonFiniteError, match=r"the action is not finite in task 0 .*, episode 0, at step 0"):
        agent.train(1, seed=0, progress=False)


@algorithms
def test_a_reward(algorithm, monkeypatch) -> None:
    agent = make(algorithm)
    monkeypatch.setattr(PointNavigation, "reward", lambda self, distance: distance * NAN)
    with pytest.raises(NonFiniteError, match=r"the reward is not finite in task 0 .*, episode 0, at step 0"):
        agent.train(1, seed=0, progress=False)


@algorithms
def test_a_simulation(algorithm, monkeypatch) -> None:
    agent, observe = make(algorithm), PointBatch.observe
    monkeypatch.setattr(PointBatch, "observe", lambda self: observe(self) + (NAN if self.time == 2 else 0))
    with pytest.raises(NonFiniteError, match=r"the observation is not finite in task 0 .*, episode 0, at step 2"):
        agent.train(1, seed=0, progress=False)


def test_a_loss_of_maml(monkeypatch) -> None:
    surrogate = outer.meta_losses.__kwdefaults__["loss"]
    monkeypatch.setitem(outer.meta_losses.__kwdefaults__, "loss", lambda *given: surrogate(*given) * NAN)
    with pytest.raises(NonFiniteError, match="the meta-loss is not finite"):
        make("maml").train(1, seed=0, progress=False)


def test_a_loss_of_pearl() -> None:
    agent = make("pearl")
    agent.train(1, seed=0, progress=False)
    spoil(agent, "critic.layers.weights.0")
    with pytest.raises(NonFiniteError, match="critic_loss is not finite in gradient step 0 of iteration 1"):
        agent.train(1, seed=0, progress=False)


def test_a_gradient_of_maml(monkeypatch) -> None:
    agent = make("maml")
    add_up = gradients.add_up
    monkeypatch.setattr(gradients, "add_up", lambda *given: add_up(*given) * NAN)
    with pytest.raises(NonFiniteError, match="the meta-gradient is not finite"):
        agent.train(1, seed=0, progress=False)


@pytest.mark.parametrize("part", ["encoder", "actor", "critic"])
def test_a_gradient_of_pearl(part) -> None:
    agent = make("pearl")
    agent.modules[part].layers.weights[1].register_hook(lambda gradient: gradient / 0)
    words = f"the gradient of {part}.layers.weights.1 is not finite in gradient step 0 of iteration 0"
    with pytest.raises(NonFiniteError, match=words):
        agent.train(1, seed=0, progress=False)


def test_a_parameter_of_maml(monkeypatch) -> None:
    agent = make("maml")
    improve = agent._improve
    monkeypatch.setattr(agent, "_improve", lambda *given: (improve(*given), spoil(agent, "policy.log_std"))[0])
    with pytest.raises(NonFiniteError, match=r"policy.log_std is not finite after iteration 0"):
        agent.train(1, seed=0, progress=False)


def test_a_parameter_of_pearl(monkeypatch) -> None:
    agent, step = make("pearl"), PEARL._gradient_step
    last = agent.config.gradient_steps - 1

    def spoiled(self, number, *given):
        metrics = step(self, number, *given)
        if number == last:
            spoil(self, "target.layers.weights.0")
        return metrics

    monkeypatch.setattr(PEARL, "_gradient_step", spoiled)
    with pytest.raises(NonFiniteError, match=r"target.layers.weights.0 is not finite after iteration 0"):
        agent.train(1, seed=0, progress=False)


@algorithms
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, MemoryError])
@pytest.mark.parametrize("at", [0, 1])
def test_what_is_raised_while_it_adapts_leaves_the_agent_to_the_bit(algorithm, error, at) -> None:
    agent = make(algorithm)
    agent.train(1, seed=0, progress=False)
    before = bits(agent)

    def fail(stage) -> None:
        if stage == at:
            raise error

    with pytest.raises(error):
        agent.adapt([[0.1, 0.2]], seed=0, callback=fail)
    assert same(agent, before)
    agent.adapt([[0.1, 0.2]], seed=0)
    assert same(agent, before)


@algorithms
def test_a_simulation_that_fails_while_it_adapts_leaves_the_agent_to_the_bit(algorithm, monkeypatch) -> None:
    agent, observe = make(algorithm), PointBatch.observe
    agent.train(1, seed=0, progress=False)
    before, seen = bits(agent), []
    monkeypatch.setattr(
        PointBatch, "observe", lambda self: seen.append(1) or observe(self) * (NAN if len(seen) > 7 else 1)
    )
    with pytest.raises(NonFiniteError, match="the observation is not finite"):
        agent.adapt([[0.1, 0.2]], seed=0)
    assert same(agent, before)
