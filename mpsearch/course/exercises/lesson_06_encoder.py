"""The larger exercise of lesson 06: PEARL's encoder, which drives the shipped actor with the shipped weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import softplus

from mpsearch.course.exercises.exercise import Trial
from mpsearch.course.exercises.lesson_06_network import (
    ENTRIES,
    LATENT,
    SCALE,
    WIDTH,
    added_variances,
    belief,
    factors,
    gradient,
    guess,
    load_weights,
    other_half,
    price,
    right_gradient,
    small_context,
    small_encoder,
)
from mpsearch.course.exercises.staged import Part, Staged
from mpsearch.course.exercises.words import Mistake, same
from mpsearch.language import say

LESSON, NAME = "06_pearl", "MyEncoder"
Maker = Callable[..., Any]


def _made(maker: Maker) -> Any:
    made = maker(ENTRIES, LATENT, WIDTH, SCALE)
    load_weights(made, small_encoder())
    return made


def layers_of(maker: Maker) -> list[list[int]] | None:
    """Return the inputs and outputs of each linear layer; ``None`` if there is no layer.

    Raises:
        Mistake: the scale is not kept.
    """
    made = maker(ENTRIES, LATENT, WIDTH, SCALE)
    layers = [module for module in made.modules() if isinstance(module, nn.Linear)]
    if layers and not isinstance(getattr(made, "scale", None), Tensor):
        raise Mistake('the scale is not kept: self.register_buffer("scale", torch.as_tensor(scale))')
    return [[layer.in_features, layer.out_features] for layer in layers] or None


def factors_of(maker: Maker, context: Tensor) -> Tensor | None:
    """Return the means and the variances of the factors, [2, K, N, Z].

    Raises:
        Mistake: they are not two tensors of one shape.
    """
    found = _made(maker).factors(context)
    wanted = say("factors must return two tensors of one shape: means and variances")
    return None if found is None else _pair(found, wanted)


def _pair(found: Any, wanted: str) -> Tensor:
    if not isinstance(found, (tuple, list)) or len(found) != 2 or found[0].shape != found[1].shape:
        raise Mistake(wanted)
    return torch.stack(list(found)).detach()


def belief_of(maker: Maker, context: Tensor) -> Tensor | None:
    """Return mean and standard deviation of the beliefs, [2, K, Z].

    Raises:
        Mistake: the belief is not a normal distribution.
    """
    found = _made(maker)(context)
    if found is not None and not isinstance(found, Normal):
        raise Mistake("forward must return a distribution: torch.distributions.Normal(mean, standard deviation)")
    return None if found is None else torch.stack([found.mean, found.stddev]).detach()


def draw_of(maker: Maker, context: Tensor, noise: Tensor) -> Tensor | None:
    """Return the gradient of the sum of the guesses z with respect to all weights, as one vector.

    Raises:
        Mistake: the guesses are wrong, or have no gradient.
    """
    made = _made(maker)
    z = made.draw(context, noise)
    if z is None:
        return None
    right = guess(context, noise)
    if not same(z, right):
        raise Mistake("draw does not return mean + standard deviation * noise with the noise that is given")
    if not z.requires_grad:
        raise Mistake(
            "z has no gradient: sample() and no_grad() cut the way back to the weights, mean + std * noise keeps it"
        )
    return gradient(z, made)


def price_of(maker: Maker, context: Tensor) -> Any:
    """Return the divergence of the beliefs from the prior, [K]."""
    return _made(maker).price(context)


def _trials(*noise: Tensor) -> list[Trial]:
    return [
        ("one task and two transitions", (small_context(1, 2), *(x[:1] for x in noise))),
        ("2 tasks and 3 transitions of each", (small_context(2, 3), *noise)),
    ]


def _with_empty() -> list[Trial]:
    return [*_trials(), ("an empty context", (small_context(2, 0),))]


STOPS = {
    "before Module.__init__() call": "begin __init__ with super().__init__(), which prepares the module for its layers",
    "mat1 and mat2 shapes": "the numbers that go into a layer are not as many as its inputs; the layers are"
    " C to width, width to width, and width to 2 Z",
    "has no attribute": "a name is used that __init__ or another method does not define on self",
    "satisfy the constraint GreaterThan": "a standard deviation must be above 0, and is the second argument of Normal",
    "must match the size": "look at the axes: the transitions are axis 1 of [K, N, Z], and the sum takes them away",
    "expected scalar type": "all numbers must be float32; keep the scale with dtype=torch.float32",
    "positional argument": "its arguments are named in the text above; the first is self",
    "Can't call numpy()": "a tensor with a graph is no NumPy array; compute with torch",
}


def _part(
    use: Maker, reference: Maker, trials: Callable[[], list[Trial]], result: str, mistakes: dict[str, Maker]
) -> Part:
    return Part(
        lesson=LESSON,
        name=NAME,
        hints=(),
        moral="",
        use=use,
        reference=reference,
        trials=trials,
        result=result,
        mistakes=mistakes,
        stops=STOPS,
    )


STAGES = {
    "the layers": _part(
        layers_of,
        lambda: [[ENTRIES, WIDTH], [WIDTH, WIDTH], [WIDTH, 2 * LATENT]],
        lambda: [("4 entries, Z = 2 and width 8", ())],
        "the list of inputs and outputs of the linear layers",
        {
            "the last layer gives Z numbers, but each dimension of z needs two: a mean and a variance": lambda: [
                [ENTRIES, WIDTH],
                [WIDTH, WIDTH],
                [WIDTH, LATENT],
            ],
        },
    ),
    "the factor of a transition": _part(
        factors_of,
        factors,
        _trials,
        "the pair of means and variances",
        {
            "the two results are swapped: means first, then variances": lambda c: factors(c).flip(0),
            "the halves of the outputs are swapped: the first half is the mean": other_half,
            "the entries are not divided by their scale": lambda c: factors(c, scaled=lambda x: x),
            "the entries are multiplied by their scale; divide, so that all are of order one": lambda c: factors(
                c, scaled=lambda x: x * SCALE
            ),
            "the variances are not made positive: put softplus around them": lambda c: factors(c, wide=lambda r: r),
            "exp makes the variances positive, but the shipped weights were trained with softplus": lambda c: factors(
                c, wide=torch.exp
            ),
            "the second result is the precision; return the variance": lambda c: factors(
                c, wide=lambda r: 1 / softplus(r)
            ),
            "the second result is the standard deviation; return the variance": lambda c: factors(
                c, wide=lambda r: softplus(r).sqrt()
            ),
            "softplus is squared, as if it were a standard deviation; it makes the variance": lambda c: factors(
                c, wide=lambda r: softplus(r).square()
            ),
            "there is no relu between the layers": lambda c: factors(c, bend=lambda x: x),
            "tanh stands between the layers, but the shipped weights were trained with relu": lambda c: factors(
                c, bend=torch.tanh
            ),
        },
    ),
    "the belief": _part(
        belief_of,
        belief,
        _with_empty,
        "the pair of mean and standard deviation",
        {
            "the two are swapped: Normal takes the mean first, then the standard deviation": lambda c: belief(c).flip(
                0
            ),
            "the variances are added up; take the precisions, 1 / variance": added_variances,
            "the prior is missing: it adds 1 to the total precision": lambda c: belief(c, prior=0.0),
            "the prior is missing in the mean: divide by the same total as in the width": lambda c: belief(
                c, in_mean=0.0
            ),
            "the prior is missing in the width: its precision 1 belongs into the total": lambda c: belief(
                c, prior=0.0, in_mean=1.0
            ),
            "Normal got the variance; it takes the standard deviation": lambda c: torch.stack(
                [belief(c)[0], belief(c)[1].square()]
            ),
            "all factors have the same weight in the mean; each must weigh by its precision": lambda c: torch.stack(
                [factors(c)[0].mean(1), belief(c)[1]]
            ),
        },
    ),
    "a guess with a gradient": _part(
        draw_of,
        right_gradient,
        lambda: _trials(torch.tensor([[0.5, -1.0], [2.0, 0.3]])),
        "the gradient of z",
        {
            "the gradient passes through the mean only; the width depends on the weights, too": lambda c, noise: (
                right_gradient(c, noise, width=False)
            ),
        },
    ),
    "the price": _part(
        price_of,
        lambda c: price(c).sum(-1),
        _trials,
        "the divergence",
        {
            "there is one number for each dimension of z; add them up, [K]": price,
            "the divergences of the dimensions are averaged; they add up": lambda c: price(c).mean(-1),
            "all tasks are added up; return one number for each": lambda c: price(c).sum(),
            "the logarithm of the standard deviation stands in place of that of the variance": lambda c: (
                price(c) + 0.5 * belief(c)[1].log()
            ).sum(-1),
        },
    ),
}

encoder = Staged(
    lesson=LESSON,
    name=NAME,
    stages=STAGES,
    hints=(
        "Write the parts in the order of the stages, and run the check after each. A method that is not written yet"
        " does not disturb the stages before it.",
        "`factors` is the network: divide by the scale, two layers with relu, the last one without. Cut its outputs in"
        " two halves by .chunk(2, dim=-1). `forward` is exercise 1, with the transitions on axis 1.",
        "`draw` and `price` both begin with belief = self(context). The first is belief.mean + belief.stddev * noise,"
        " the second the formula of section 3, summed over the dimensions of z.",
    ),
    moral="Now load the shipped weights into it, and let it drive the cheetah.",
)
