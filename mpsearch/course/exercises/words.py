"""Describes in words how a learner's result differs from the right one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mpsearch.language import say
from mpsearch.records import Array

TOLERANCE = 1e-4  # relative to the largest right number; larger than rounding in float32, smaller than a mistake


class Mistake(Exception):
    """An answer is wrong. The message says what is wrong, as the end of a sentence."""


def difference(found: Any, expected: Any) -> str | None:
    """Describe how ``found`` differs from ``expected``, as the end of a sentence that begins with "the result".

    Returns ``None`` if the two are equal up to rounding. Each of the two may be a list, a NumPy array or a tensor.
    """
    try:
        x, right = as_array(found), as_array(expected)
    except Mistake as mistake:
        return str(mistake)
    if x.shape != right.shape:
        return _shapes(x, right)
    if not np.isfinite(x).all():
        count = _count(~np.isfinite(x))
        return say("has {count} that are not finite; look for a division by zero or a log of zero", count=count)
    if same(x, right):
        return None
    if np.issubdtype(x.dtype, np.integer) and same(x, np.trunc(right)):
        return say("has whole numbers (dtype int), which cut the fractions off; make an array of floats")
    return _pattern(x.astype(float), right) or _example(x, right)


def same(x: Any, right: Any) -> bool:
    """Return whether two results are equal up to rounding."""
    x, right = as_array(x), as_array(right)
    return x.shape == right.shape and bool(np.abs(x - right).max(initial=0) <= TOLERANCE * _size(right))


def as_array(value: Any) -> Array:
    """Return ``value`` as an array of numbers.

    Raises:
        Mistake: the value is not an array of numbers.
    """
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value)
    except ValueError:
        raise Mistake(say("is a list of lists of different lengths; all rows must have the same length")) from None
    if array.dtype.kind not in "iufb":
        raise Mistake(say("is of type {kind}; it must be an array of numbers", kind=type(value).__name__))
    return array.astype(int) if array.dtype.kind == "b" else array


def _size(right: Array) -> float:
    return float(max(np.abs(right).max(initial=0), 1e-6))


def _count(bad: Array) -> str:
    if bad.all():
        return say("numbers")
    return say("{bad} of {count} numbers", bad=int(bad.sum()), count=bad.size)


def _shapes(x: Array, right: Array) -> str:
    words = say("has shape {found}; it must be {right}", found=x.shape, right=right.shape)
    if x.ndim > 1 and x.shape == right.shape[::-1]:
        return words + say(": two axes are swapped")
    if x.ndim < right.ndim:
        return words + say(": an axis was summed or averaged away, or the answer holds only a part")
    if x.ndim > right.ndim:
        return words + say(": there is an axis too many, which comes from broadcasting or a missing sum")
    return words


def _pattern(x: Array, right: Array) -> str | None:
    """Describe a difference that follows one pattern in all numbers; return ``None`` if there is no such pattern."""
    if same(x, -right):
        return say("has the opposite sign everywhere")
    scale = float((x * right).sum() / (right * right).sum()) if right.any() else 0.0
    if abs(scale) > TOLERANCE and same(x / scale, right):
        flipped = say(" and of the opposite sign") if scale < 0 else ""
        return say(
            "is {scale:.3g} times as large as it should be{flipped}, everywhere: the scale is wrong",
            scale=abs(scale),
            flipped=flipped,
        )
    if not x.any():
        return say("is 0 everywhere")
    if x.size > 1 and same(x - (x - right).mean(), right):
        return say("is off by the same number everywhere: {by:+.3g}", by=(x - right).mean())
    if x.ndim and x.shape[-1] > 2:
        if same(x[..., ::-1], right):
            return say("is in the reverse order along the last axis")
        if same(x[..., 1:], right[..., :-1]) or same(x[..., :-1], right[..., 1:]):
            return say("is off by one along the last axis: each number belongs one place further on")
    return None


def _example(x: Array, right: Array) -> str:
    bad = np.argwhere(np.abs(x - right) > TOLERANCE * _size(right))
    place = tuple(int(i) for i in bad[0])
    where = say(" at [{place}]", place=", ".join(map(str, place))) if place else ""
    return say(
        "is {found:.4g}{where}, where {right:.4g} is right ({bad} of {count} numbers differ)",
        found=x[place],
        where=where,
        right=right[place],
        bad=len(bad),
        count=x.size,
    )
