"""Random streams: the same everywhere, and independent of each other."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mpsearch.seeding import Streams

SHOW = """
import json
import torch
from mpsearch.seeding import Streams
print(json.dumps([
    Streams(3).numpy("tasks", 7).random(4).tolist(),
    torch.rand(4, generator=Streams(3).torch("noise", 7), dtype=torch.float64).tolist(),
]))
"""
GOLDEN_NUMPY = [1030201720141276489, 5631911652007451757]
GOLDEN_TORCH = 13151139297971745622
keys = st.tuples(st.integers(0, 2**64), st.text(max_size=8), st.lists(st.integers(0, 2**31), max_size=2).map(tuple))


@pytest.mark.slow
def test_a_fresh_process_draws_the_same() -> None:
    run = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    ours = Streams(3).numpy("tasks", 7).random(4).tolist()
    torchs = torch.rand(4, generator=Streams(3).torch("noise", 7), dtype=torch.float64).tolist()
    assert json.loads(run.stdout) == [ours, torchs]


def test_the_streams_are_those_that_shipped_checkpoints_were_trained_with() -> None:
    assert Streams(0).numpy("tasks", 7).bit_generator.random_raw(2).tolist() == GOLDEN_NUMPY
    assert Streams(0).torch("noise", 1, 2).initial_seed() == GOLDEN_TORCH


def first_draws(key):
    seed, name, index = key
    streams = Streams(seed)
    return streams.numpy(name, *index).integers(2**63), streams.torch(name, *index).initial_seed()


@settings(deadline=None, max_examples=60)
@given(one=keys, other=keys)
def test_streams_agree_exactly_when_seed_name_and_index_do(one, other) -> None:
    assert first_draws(one) == first_draws(one)
    if one != other:
        assert all(a != b for a, b in zip(first_draws(one), first_draws(other), strict=True))


def test_an_index_of_zero_is_not_the_stream_without_index() -> None:
    draws = [first_draws((0, "tasks", index))[0] for index in ((), (0,), (0, 0), (1,), (1, 0), (0, 1))]
    assert len(set(draws)) == len(draws)


def test_streams_are_uncorrelated_across_names_indexes_and_seeds() -> None:
    streams = [(s, n, (i,)) for s in (0, 1) for n in ("tasks", "reset") for i in (0, 1, 2)]
    for draw in (
        [Streams(s).numpy(n, *i).standard_normal(4000) for s, n, i in streams],
        [torch.randn(4000, generator=Streams(s).torch(n, *i)).numpy() for s, n, i in streams],
    ):
        correlations = np.corrcoef(draw)[~np.eye(len(draw), dtype=bool)]
        assert abs(correlations).max() < 0.08  # five standard errors


def test_a_stream_is_its_own_generator_and_leaves_the_global_ones_alone() -> None:
    before = torch.get_rng_state()
    Streams(0).torch("noise").seed()
    streams = Streams(0)
    spent = streams.numpy("tasks")
    spent.random(100)
    assert streams.numpy("tasks").random() == Streams(0).numpy("tasks").random()  # asking again starts it again
    torch.rand(5, generator=streams.torch("noise"))
    assert torch.equal(torch.get_rng_state(), before)
