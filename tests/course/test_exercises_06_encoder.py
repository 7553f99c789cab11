"""The larger exercise of lesson 06: right in several ways, and wrong in typical ones, made from the solution."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.nn.functional import softplus

import mpsearch
from mpsearch.course.exercises import lesson_06, source

SOLUTION = source.solved(source.exercise_cell(lesson_06.LESSON, "MyEncoder"))
FACTORS = "return mean, softplus(raw).clamp_min(1e-7)"
PRODUCT = "return Normal((precision * mean).sum(1) / total, total.rsqrt())"
GUESS = "return belief.mean + belief.stddev * noise"


def encoder(*changes, solution=SOLUTION):
    """The class of the solution, with some of its text changed."""
    for before, after in changes:
        assert before in solution
        solution = solution.replace(before, after)
    space = {"torch": torch, "nn": nn, "Normal": Normal, "softplus": softplus}
    exec(solution, space)
    return space["MyEncoder"]


def verdict(*changes):
    return lesson_06.encoder.verdict(encoder(*changes))


@pytest.mark.parametrize(
    "change",
    [
        ("softplus(raw).clamp_min(1e-7)", "softplus(raw) + 1e-7"),
        ("total.rsqrt()", "total**-0.5"),
        ("torch.relu(self.second(x))", "self.second(x).clamp_min(0)"),
        (PRODUCT, "return Normal((mean / variance).sum(-2) / total, 1 / total.sqrt())"),
        (".sum(-1)\n", ".sum(1)\n"),
        ('self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32))', "self.scale = scale"),
    ],
)
def test_it_may_be_written_in_other_ways(change):
    assert verdict((change[0].replace("\n", ""), change[1].replace("\n", ""))).status == "right"


@pytest.mark.parametrize(
    ("change", "stage", "said"),
    [
        (("super().__init__()", "pass"), 1, "begin __init__ with super().__init__()"),
        (("2 * latent_dim", "latent_dim"), 1, "each dimension of z needs two"),
        (("nn.Linear(transition_dim, width)", "nn.Linear(width, width)"), 1, "the list of inputs and outputs"),
        (("self.register_buffer", "print"), 1, "the scale is not kept"),
        (("context / self.scale", "context"), 2, "not divided by their scale"),
        (("context / self.scale", "context * self.scale"), 2, "multiplied by their scale"),
        ((FACTORS, "return softplus(raw)"), 2, "must return two tensors"),
        (
            (FACTORS, "return softplus(raw), mean"),
            2,
            "the two results are swapped",
        ),
        (("mean, raw =", "raw, mean ="), 2, "the halves of the outputs are swapped"),
        (("softplus(raw).clamp_min(1e-7)", "raw"), 2, "not made positive"),
        (("softplus(raw)", "raw.exp()"), 2, "trained with softplus"),
        (("softplus(raw)", "softplus(raw).sqrt()"), 2, "the second result is the standard deviation"),
        (("softplus(raw)", "softplus(raw).square()"), 2, "softplus is squared"),
        (("softplus(raw)", "1 / softplus(raw)"), 2, "the second result is the precision"),
        (("torch.relu", "torch.tanh"), 2, "tanh stands between the layers"),
        (("torch.relu", ""), 2, "no relu between the layers"),
        (("1 + precision", "precision"), 3, "the prior is missing: it adds 1"),
        ((" / total, ", " / precision.sum(1), "), 3, "the prior is missing in the mean"),
        (("total.rsqrt()", "precision.sum(1).rsqrt()"), 3, "the prior is missing in the width"),
        (("total.rsqrt()", "1 / total"), 3, "Normal got the variance"),
        (("(precision * mean).sum(1) / total", "mean.mean(1)"), 3, "each must weigh by its precision"),
        (("1 / variance", "variance"), 3, "the variances are added up"),
        (("sum(1)", "sum(0)"), 3, "it must be (2, 1, 2)"),
        ((PRODUCT, "return (precision * mean).sum(1) / total, total.rsqrt()"), 3, "forward must return a distribution"),
        (
            (PRODUCT, "return Normal(total.rsqrt(), (precision * mean).sum(1))"),
            3,
            "the second argument of Normal",
        ),
        ((GUESS, "return belief.sample()"), 4, "with the noise that is given"),
        ((GUESS, "return belief.mean + belief.variance * noise"), 4, "with the noise that is given"),
        ((GUESS, "return (belief.mean + belief.stddev * noise).detach()"), 4, "z has no gradient"),
        (
            (GUESS, "return belief.mean + belief.stddev.detach() * noise"),
            4,
            "through the mean only",
        ),
        ((").sum(-1)", ")"), 5, "one number for each dimension"),
        ((").sum(-1)", ").mean(-1)"), 5, "averaged"),
        ((").sum(-1)", ").sum()"), 5, "one number for each"),
        (("belief.variance.log()", "belief.stddev.log()"), 5, "the logarithm of the standard deviation"),
    ],
)
def test_what_is_wrong_is_said_in_words_with_the_stage(change, stage, said):
    found = verdict(change)
    assert found.status == "wrong"
    assert f"Stage {stage}, " in found.words
    assert said in found.words


def test_the_stub_and_a_part_that_is_missing_are_not_attempted():
    stub = source.blank(source.exercise_cell(lesson_06.LESSON, "MyEncoder"))
    assert str(lesson_06.encoder.verdict(encoder(solution=stub))).startswith("Not attempted yet: Stage 1, the layers")
    found = verdict((GUESS, "..."))
    assert found.status == "blank"
    assert "3 of 5 stages are done. Stage 4" in found.words


@pytest.mark.parametrize("nothing", [None, ...])
def test_nothing(nothing):
    assert lesson_06.encoder.verdict(nothing).status == "blank"


def test_an_encoder_in_place_of_its_class_is_explained():
    found = lesson_06.encoder.verdict(encoder()(4, 2, 8, torch.ones(4)))
    assert "check needs the class itself" in found.words


@pytest.mark.slow
def test_with_the_shipped_weights_it_drives_the_shipped_actor_both_ways():
    agent = mpsearch.load("pearl-cheetah-direction")
    scale, context = agent.encoder.scale, torch.randn(2, 5, len(agent.encoder.scale))
    mine = encoder()(len(scale), agent.config.latent, 200, scale)
    lesson_06.load_weights(mine, agent.encoder)
    torch.testing.assert_close(mine(context).mean, agent.encoder(context).mean, rtol=1e-3, atol=1e-4)
    driven = copy.deepcopy(agent)
    driven.encoder = mine
    assert driven.adapt(np.array([[1.0], [-1.0]]), seed=0).after.min() > 1000
