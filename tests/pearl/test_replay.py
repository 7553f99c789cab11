"""The replay, against lists of episode numbers; every number in it says which task, episode and time it is of."""

from __future__ import annotations

import functools
import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import ReplayLists
from scipy.stats import chisquare

from mpsearch.errors import CheckpointError, UsageError
from mpsearch.pearl.config import PEARLConfig
from mpsearch.pearl.replay import Replay
from mpsearch.records import Episodes

TASKS, HORIZON = 3, 4
some_tasks = st.lists(st.integers(0, TASKS - 1), min_size=1, unique=True)
additions = st.lists(st.tuples(some_tasks, st.integers(1, 3), st.booleans()), max_size=12)
recents = st.integers(1, 2)


def make(capacity=5, recent=2, tasks=TASKS, horizon=HORIZON) -> Replay:
    return Replay(tasks, capacity, horizon, observation_dim=2, action_dim=1, recent=recent)


def add(replay: Replay, tasks, count: int = 1, exploration: bool = True) -> None:
    """``count`` more episodes of each of ``tasks``: observation (m, -m), action m + 0.25 and reward m + 0.5."""
    numbers = replay.added[tasks][:, None] + np.arange(count)
    m = 1000 * np.array(tasks)[:, None, None] + 10 * numbers[..., None] + np.arange(replay.horizon + 1)
    moments = m[..., :-1]
    episodes = Episodes(np.stack([m, -m], -1), moments[..., None] + 0.25, moments + 0.5, np.zeros(moments.shape))
    replay.add(np.array(tasks), episodes, exploration=exploration)


def draw(sample, tasks, n=400, seed=0):
    """[M, n] task, episode and time of the transitions drawn, all of which must be of one piece."""
    drawn = sample(np.array(tasks, dtype=int), n, np.random.default_rng(seed))
    m = drawn.observations[..., 0]
    assert torch.equal(drawn.observations, torch.stack([m, -m], -1))
    assert torch.equal(drawn.next_observations, torch.stack([m + 1, -m - 1], -1))
    assert torch.equal(drawn.actions, m[..., None] + 0.25)
    assert torch.equal(drawn.rewards, m + 0.5)
    return m.numpy() // 1000, m.numpy() % 1000 // 10, m.numpy() % 10


def fill(replay: Replay, todo) -> ReplayLists:
    lists = ReplayLists(len(replay.added), replay.capacity, replay.recent)
    for tasks, count, exploration in todo:
        add(replay, tasks, count, exploration)
        for k in tasks:
            for _ in range(count):
                lists.add(k, exploration)
    return lists


@settings(deadline=None, max_examples=40)
@given(additions, recents, st.integers(0, 3), st.permutations(range(TASKS)))
def test_all_kept_episodes_of_the_right_task_are_drawn_and_no_others(todo, recent, spare, order) -> None:
    replay = make(2 * recent + spare, recent)
    lists = fill(replay, todo)
    tasks = [k for k in order if lists.kept[k]]
    task, number, time = draw(replay.sample, tasks)
    for row, k in enumerate(tasks):
        assert set(task[row]) == {k}
        assert set(number[row]) == set(lists.kept[k])
        assert set(time[row]) == set(range(HORIZON))


@settings(deadline=None, max_examples=40)
@given(additions, recents, st.integers(0, 3), st.permutations(range(TASKS)), st.integers(1, 3))
@pytest.mark.slow
def test_a_context_is_a_stretch_of_the_latest_explorations_and_each_has_its_turn(
    todo, recent, spare, order, episodes
) -> None:
    replay = make(2 * recent + spare, recent)
    lists = fill(replay, todo)
    # Only where they are kept: behind enough other episodes, a latest exploration is replaced as well.
    tasks = [k for k in order if lists.latest[k] and set(lists.latest[k]) <= set(lists.kept[k])]
    seen = {k: set() for k in tasks}
    for seed in range(20):
        sample = functools.partial(replay.sample_recent, episodes=episodes)
        task, number, time = draw(sample, tasks, n=100, seed=seed)
        for row, k in enumerate(tasks):
            assert set(task[row]) == {k}
            assert set(time[row]) == set(range(HORIZON))
            places = sorted(lists.latest[k].index(n) for n in set(number[row]))
            assert len(places) == min(episodes, len(lists.latest[k]))
            assert places == list(range(places[0], places[-1] + 1))
            seen[k] |= set(number[row])
    assert seen == {k: set(lists.latest[k]) for k in tasks}


def test_what_is_no_exploration_is_drawn_for_the_losses_only() -> None:
    replay = make()
    add(replay, [0])
    add(replay, [0], count=2, exploration=False)
    assert set(draw(replay.sample, [0])[1].flat) == {0, 1, 2}
    assert set(draw(replay.sample_recent, [0])[1].flat) == {0}


@pytest.mark.parametrize(("name", "episodes"), [("sample", range(2, 7)), ("sample_recent", [6])])
def test_every_transition_is_as_likely_as_any_other(name, episodes) -> None:
    replay = make(capacity=5, recent=1)
    add(replay, [1], count=7)
    _, number, time = draw(getattr(replay, name), [1], n=20_000)
    cells, counts = np.unique(10 * number + time, return_counts=True)
    assert cells.tolist() == [10 * n + t for n in episodes for t in range(HORIZON)]
    assert chisquare(counts).pvalue > 0.01
    counts[0] += counts[0] // 5
    assert chisquare(counts).pvalue < 1e-3  # it would see a favourite


def test_draws_are_the_generators() -> None:
    replay = make()
    add(replay, [0, 2], count=3)
    first, same, other = (np.stack(draw(replay.sample, [0, 2], seed=seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    for episode_or_time in (1, 2):
        assert (first[episode_or_time] != other[episode_or_time]).any()
        assert (first[episode_or_time, 0] != first[episode_or_time, 1]).any()  # nor do tasks share their draws


def test_the_draws_of_many_steps_are_as_those_of_one() -> None:
    replay = make(recent=2)
    add(replay, [0, 1, 2])  # becomes too old for contexts
    add(replay, [0, 1, 2], count=2)
    add(replay, [0, 1, 2], exploration=False)
    config = PEARLConfig(meta_batch=2, batch=40, context=30, least_context=7)
    contexts, batches, lengths = replay.draw_steps(config, 200, np.random.default_rng(0))
    assert contexts.shape == (200, 2, 30)
    assert batches.shape == (200, 2, 40)
    assert set(lengths) == set(range(7, 31))
    task, episode = np.divmod(contexts // HORIZON, replay.capacity)
    assert (task == task[..., :1]).all()
    assert (task[..., 0] == batches[..., 0] // (HORIZON * replay.capacity)).all()
    assert (task[:, 0, 0] != task[:, 1, 0]).all()
    assert set(task.flat) == {0, 1, 2}
    assert set(episode.flat) == {1, 2}
    assert set((batches // HORIZON % replay.capacity).flat) == {0, 1, 2, 3}
    nothing = replay.draw_steps(config, 0, np.random.default_rng(0))
    assert [len(x) for x in nothing] == [0, 0, 0]


def test_a_task_without_episodes_is_named() -> None:
    replay = make()
    add(replay, [0, 2])
    add(replay, [1], exploration=False)
    draw(replay.sample, [0, 1, 2])
    with pytest.raises(UsageError, match="task 1 has no"):
        draw(replay.sample_recent, [0, 1, 2])
    other = make()
    add(other, [0, 1])
    with pytest.raises(UsageError, match="task 2 has no such episodes yet"):
        draw(other.sample, [1, 2, 0])


def assert_same(a: Replay, b: Replay) -> None:
    """They hold the same and would draw the same, to the bit."""
    for name in ("added", "explored"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    lost = (a.explorations < (a.added - a.capacity)[:, None]) & (np.arange(a.recent) < a.explored[:, None])
    for name, usable in (("sample", a.added > 0), ("sample_recent", (a.explored > 0) & ~lost.any(axis=1))):
        tasks = np.flatnonzero(usable)
        drawn = [getattr(replay, name)(tasks, 50, np.random.default_rng(3)) for replay in (a, b)]
        assert torch.equal(drawn[0].rows(), drawn[1].rows())


def save(replay: Replay, added):
    """What would go to disk: a copy."""
    return {name: tensor.clone() for name, tensor in replay.since(added).items()}


@settings(deadline=None, max_examples=40)
@given(st.lists(additions, max_size=4), additions, recents, st.integers(0, 3))
@pytest.mark.slow
def test_a_replay_saved_in_parts_and_restored_in_order_is_the_same_to_the_bit(parts, more, recent, spare) -> None:
    whole, restored = make(2 * recent + spare, recent), make(2 * recent + spare, recent)
    shards, added = [], whole.added.copy()
    for todo in parts:
        fill(whole, todo)
        shards.append(save(whole, added))
        added = whole.added.copy()
    for shard in shards:
        restored.restore(shard)
    assert_same(whole, restored)
    for replay in (whole, restored):  # and they go on alike
        fill(replay, more)
    assert_same(whole, restored)


def test_a_save_holds_only_what_was_added_and_is_still_kept() -> None:
    replay = make(capacity=5)
    add(replay, [0, 1], count=3)
    before = replay.added.copy()
    assert save(replay, before)["number"].tolist() == []
    add(replay, [1], count=2)
    assert save(replay, before)["number"].tolist() == [3, 4]
    add(replay, [1], count=6)
    shard = save(replay, before)
    assert shard["number"].tolist() == [6, 7, 8, 9, 10]
    assert set(shard["task"].tolist()) == {1}


def test_without_a_part_or_in_another_order_it_is_refused() -> None:
    whole, shards = make(), []
    for _ in range(3):
        added = whole.added.copy()
        add(whole, range(TASKS), count=2)
        shards.append(save(whole, added))
    first, second, third = shards
    restored = make()
    for fits, next_one in ((first, third), (second, first), (third, third)):
        restored.restore(fits)
        with pytest.raises(CheckpointError, match="a part of the replay is missing or not where it should be"):
            restored.restore(next_one)
    assert_same(whole, restored)


@pytest.mark.parametrize(
    "other", [{"tasks": 2}, {"tasks": 4}, {"horizon": 3}, {"horizon": 5}, {"capacity": 6, "recent": 3}]
)
def test_a_save_of_another_replay_is_refused(other) -> None:
    replay = make(**other)
    add(replay, [0, 1])
    for other in (save(replay, np.zeros_like(replay.added)), {}):
        with pytest.raises(CheckpointError, match="another architecture"):
            make().restore(other)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("rewards", float("nan"), "rewards holds values that are not finite"),
        ("task", 1, "counters disagree"),
        ("number", 7, "counters disagree"),
        ("number", -1, "counters disagree"),
        ("added", -1, "missing or not where"),
        ("added", 2**62, "missing or not where"),
        ("explored", 4, "counters disagree"),
        ("explored", -1, "counters disagree"),
        ("explorations", 3, "counters disagree"),
        ("explorations", -1, "counters disagree"),
    ],
)
def test_a_save_that_was_edited_is_refused_and_changes_nothing(name, value, words) -> None:
    replay, restored = make(), make()
    add(replay, [0], count=3)
    shard = save(replay, np.zeros_like(replay.added))
    shard[name].reshape(-1)[0] = value
    with pytest.raises(CheckpointError, match=words):
        restored.restore(shard)
    assert_same(restored, make())


MEMORY = {"SC_PAGE_SIZE": 1000, "SC_PHYS_PAGES": 1_000_000}


def test_a_replay_larger_than_memory_says_what_it_would_need(monkeypatch) -> None:
    monkeypatch.setattr(os, "sysconf", MEMORY.__getitem__)
    make(capacity=10)
    with pytest.raises(UsageError) as caught:
        make(capacity=10_000_000)  # of 3 tasks, each with 5 observations of 2, 4 actions and 4 rewards, of 4 bytes
    assert str(caught.value) == (
        "a replay of 120,000,000 transitions needs 2.2 GB, and this machine has 1.0; lower replay_size"
    )


def test_where_memory_cannot_be_asked_for_a_replay_is_made_all_the_same(monkeypatch) -> None:
    monkeypatch.delattr(os, "sysconf")  # Windows
    add(make(), [0])


@pytest.mark.parametrize("recent", [1, 3])
def test_a_replay_too_small_for_its_explorations_is_refused(recent) -> None:
    assert make(2 * recent, recent).observations.shape == (TASKS, 2 * recent, HORIZON + 1, 2)
    with pytest.raises(UsageError, match=f"cannot keep {recent} recent explorations .* raise replay_size"):
        make(2 * recent - 1, recent)
    with pytest.raises(UsageError, match="recent must be a whole number of at least 1"):
        make(10, 0)


def test_a_replay_that_lost_its_recent_explorations_says_so_instead_of_showing_others() -> None:
    replay = make(capacity=4)
    add(replay, [0])
    for _ in range(4):
        add(replay, [0], exploration=False)
    with pytest.raises(UsageError, match="raise replay_size"):
        replay.sample_recent(np.array([0]), 3, np.random.default_rng(0))
