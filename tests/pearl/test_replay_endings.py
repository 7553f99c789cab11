"""The replay of episodes that end before the time limit: what is drawn, how often, and what is saved."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import episodes_that_end, one_by_one
from scipy.stats import chisquare

from mpsearch.errors import CheckpointError
from mpsearch.pearl.replay import Replay

TASKS, HORIZON = 3, 4


def make() -> Replay:
    return Replay(TASKS, 6, HORIZON, observation_dim=2, action_dim=1, recent=3)


def save(replay: Replay, added):
    """Return a copy of what would go to disk."""
    return {name: tensor.clone() for name, tensor in replay.since(added).items()}


def add_ending(replay: Replay, seed: int, exploration: bool = True):
    """Add three random episodes of each task, some of which end early; returns them."""
    episodes = episodes_that_end(np.random.default_rng(seed), (TASKS, 3, HORIZON))
    replay.add(np.arange(TASKS), episodes, exploration=exploration)
    return episodes


def transitions(episodes, k):
    """Map the reward of each real transition of task ``k`` to (next observation, whether the task was over)."""
    found = {}
    for episode in one_by_one(episodes, k):
        for t in range(episode["length"]):
            over = episode["terminated"] and t == episode["length"] - 1
            found[float(episode["rewards"][t])] = (tuple(episode["observations"][t + 1].tolist()), over)
    return found


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from(["sample", "sample_recent"]))
def test_of_episodes_that_end_every_real_transition_is_drawn_and_no_padding(seed, name) -> None:
    replay = make()
    episodes = add_ending(replay, seed)
    options = {"episodes": 3} if name == "sample_recent" else {}
    drawn = getattr(replay, name)(np.arange(TASKS), 400, np.random.default_rng(seed), **options)
    ends = drawn.terminated if torch.is_tensor(drawn.terminated) else torch.zeros_like(drawn.rewards)
    for k in range(TASKS):
        expected = transitions(episodes, k)
        assert set(drawn.rewards[k].tolist()) == set(expected)
        for reward, following, over in zip(drawn.rewards[k], drawn.next_observations[k], ends[k], strict=True):
            assert expected[float(reward)] == (tuple(following.tolist()), bool(over))


def test_transitions_of_short_and_long_episodes_are_equally_likely() -> None:
    replay = make()
    episodes = add_ending(replay, seed=1)
    count = len(transitions(episodes, 0))
    assert count < 3 * HORIZON
    for sample in (replay.sample, functools.partial(replay.sample_recent, episodes=3)):
        drawn = sample(np.array([0]), 20_000, np.random.default_rng(0))
        _, counts = np.unique(drawn.rewards.numpy(), return_counts=True)
        assert len(counts) == count
        assert chisquare(counts).pvalue > 0.01


def test_a_replay_of_episodes_that_end_is_restored_to_the_bit() -> None:
    whole, restored = make(), make()
    plain = episodes_that_end(np.random.default_rng(1), (TASKS, 2, HORIZON), share=0.0)
    whole.add(np.arange(TASKS), plain)
    shards = [save(whole, np.zeros_like(whole.added))]
    added = whole.added.copy()
    add_ending(whole, seed=2)
    shards.append(save(whole, added))
    assert ["lengths" in shard for shard in shards] == [False, True]  # a family that never ends saves what it did
    for shard in shards:
        restored.restore(shard)
    for name in ("lengths", "terminated", "whole", "observations", "rewards", "added"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(restored, name))
    drawn = [replay.sample(np.arange(TASKS), 50, np.random.default_rng(3)) for replay in (whole, restored)]
    assert torch.equal(drawn[0].rows(), drawn[1].rows())
    assert torch.equal(drawn[0].terminated, drawn[1].terminated)


@pytest.mark.parametrize(("name", "value"), [("lengths", 0), ("lengths", HORIZON + 1), ("lengths", None)])
def test_lengths_that_no_episode_has_are_refused(name, value) -> None:
    replay = make()
    add_ending(replay, seed=2)
    shard = save(replay, np.zeros_like(replay.added))
    if value is None:
        del shard[name]
    else:
        shard[name][0] = value
    with pytest.raises(CheckpointError):
        make().restore(shard)
