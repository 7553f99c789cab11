"""The larger exercise of lesson 05: right in several ways, and wrong in typical ones, made from the solution."""

import numpy as np
import pytest
import torch

from mpsearch.course.exercises import lesson_05, source
from mpsearch.policies import with_parameters

SOLUTION = source.solved(source.exercise_cell(lesson_05.LESSON, "inner_loop"))
MOVED = "p - alpha * g for p, alpha, g in zip(parameters, rates[stage], gradients, strict=True)"


def verdict(*changes):
    """What the check says of the solution with some of its text changed."""
    text = SOLUTION
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    space = {"torch": torch, "np": np, "with_parameters": with_parameters}
    exec(text, space)
    return lesson_05.inner_loop.verdict(space["inner_loop"])


@pytest.mark.parametrize(
    "change",
    [
        ("advantages.std()", "(advantages.std(unbiased=False) + 1e-6)"),
        ("p.detach().clone().requires_grad_() for", "p for"),
        ("[p.detach().requires_grad_() for p in moved]", "moved"),
        ("return parameters, mean_returns", "return tuple(parameters), np.array(mean_returns)"),
        (
            "loss = -(log_probs * advantages)",
            "loss = -((log_probs - log_probs.detach()).exp() * advantages)",  # the ratio
        ),
    ],
)
def test_it_may_be_written_in_other_ways(change):
    assert verdict(change).status == "right"


@pytest.mark.parametrize(
    ("change", "stage", "said"),
    [
        (("rewards.sum(-1).mean().item()", "rewards.mean().item()"), 1, "the mean reward of a step is returned"),
        (("rewards.sum(-1).mean().item()", "rewards.sum().item()"), 1, "take the mean over episodes"),
        (("rewards.sum(-1).mean().item()", "rewards.sum(-1)"), 1, "an axis too many"),
        (("return parameters, mean_returns", "return parameters"), 1, "the result must be two things"),
        (("return parameters, mean_returns", "return mean_returns, parameters"), 1, "a list of tensors"),
        (("range(steps + 1)", "range(steps)"), 1, "explore was called 0 times"),
        (("explore(parameters)", "explore(None)"), 1, "what explore was called with must be a list"),
        (("if stage == steps", "if stage > steps"), 1, "those of the parameters that are returned"),
        (("-(log_probs", "(log_probs"), 2, "uphill"),
        (("to_go - to_go.mean(0)", "to_go"), 2, "no baseline is subtracted"),
        (("to_go - to_go.mean(0)", "to_go - to_go.mean()"), 2, "one baseline is taken for all steps"),
        (("to_go - to_go.mean(0)", "to_go - to_go.mean(1, keepdim=True)"), 2, "an episode's own steps"),
        (("advantages / advantages.std()", "advantages"), 2, "not divided by their standard deviation"),
        (("advantages).mean()", "advantages).sum()"), 2, "the loss is the sum"),
        (("discount * following", "following"), 2, "the discount is not used"),
        (("following = rewards[:, t] + discount * following", "following = rewards.sum(1)"), 2, "its total return"),
        (("explore(parameters)", "explore(list(policy.parameters()))"), 2, "those of the parameters that are returned"),
        (("with_parameters(policy, parameters)", "policy"), 2, "policy(observations) uses the policy's own"),
        ((".clone().requires_grad_()", ".clone()"), 2, "nothing leads from the loss back"),
        ((".log_prob(actions).sum(-1)", ".log_prob(actions)"), 2, "the sum over its A numbers"),
        (("(log_probs * advantages).mean()", "(log_probs * advantages)"), 2, "take the mean over all steps"),
        ((MOVED, "p - rates[stage] * gradients for p in parameters"), 2, "tensor by tensor"),
        (("reversed(range(rewards.shape[1]))", "range(rewards.shape[1])"), 3, "go through the steps in reverse"),
        (("discount * following", "0 * following"), 3, "only a step's own reward counts"),
        (("rates[stage]", "rates[0]"), 4, "all steps take the rates of the first"),
        (("rates[stage]", "[rates[stage][0]] * 5"), 4, "all tensors take the same rate"),
        (("zip(parameters, rates", "zip(policy.parameters(), rates"), 4, "every step begins at the start"),
    ],
)
def test_what_is_wrong_is_said_in_words_with_the_stage(change, stage, said):
    found = verdict(change)
    assert found.status == "wrong"
    assert f"Stage {stage}, " in found.words
    assert said in found.words


def test_a_policy_that_was_changed_is_noticed():
    in_place = ("return parameters", "policy.log_std.data += 1\n    return parameters")
    found = verdict(("p.detach().clone().requires_grad_() for", "p for"), in_place)
    assert "the policy itself was changed" in found.words


def test_a_loop_without_end_is_stopped():
    found = verdict(("if stage == steps:", "while True:\n            explore(parameters)\n        if stage == steps:"))
    assert "over and over" in found.words
