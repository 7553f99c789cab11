"""Episodes that end before the time limit: what is recorded of them and what counts, against loops over episodes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from endings import Door, StayAlive
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import advantages_of_one, episodes_that_end, linear_baseline, one_by_one

from mpsearch import returns
from mpsearch.maml.inner import Steps
from mpsearch.maml.outer import MetaBatch
from mpsearch.records import AdaptationResult, Episodes
from mpsearch.returns import linear_values, standardise, task_advantages
from mpsearch.rollouts import collect

seeds, unit = st.integers(0, 10_000), st.floats(0.1, 0.95)
TASKS, EPISODES, HORIZON = 2, 8, 6
SCALE = np.array([1.0, 0.5])
few = settings(deadline=None, max_examples=30)


def random_episodes(seed) -> Episodes:
    return episodes_that_end(np.random.default_rng(seed), (TASKS, EPISODES, HORIZON))


def push(observations):
    """Everyone goes to the right, at the same speed."""
    return np.ones((*observations.shape[:2], 1)), np.full(observations.shape[:2], -1.0)


def test_a_record_ends_where_its_episode_does_and_is_padded_from_there() -> None:
    """Steps of 0.2 * (1 + drift) from about 0 to beyond 1."""
    family, seen = StayAlive(horizon=9), []
    batch = family.make_batch([[1.0], [0.0], [-1.0]], 2)
    episodes = collect(batch, 9, push, np.random.default_rng(0), record=True, watch=lambda *step: seen.append(step))
    assert (episodes.lengths[0] == 3).all()
    assert ((episodes.lengths[1] >= 5) & (episodes.lengths[1] <= 6)).all()
    assert (episodes.lengths[2] == 9).all()  # cut off by the time limit
    assert episodes.terminated.tolist() == [[True, True], [True, True], [False, False]]
    np.testing.assert_array_equal(episodes.returns, episodes.lengths)
    assert episodes.env_steps == episodes.lengths.sum()
    np.testing.assert_array_equal(np.sum([step[-1] for step in seen], axis=0), episodes.lengths)
    for k, e in np.ndindex(3, 2):
        n = episodes.lengths[k, e]
        assert (episodes.observations[k, e, n:] == episodes.observations[k, e, n]).all()
        for values, within in ((episodes.rewards, 1), (episodes.log_probs, -1), (episodes.actions, 1)):
            assert (values[k, e, :n] == within).all()
            assert (values[k, e, n:] == 0).all()
        assert (episodes.mask[k, e] == (np.arange(9) < n)).all()
        assert (episodes.positions[k, episodes.lengths[k, 0] :] == episodes.positions[k, -1]).all()


def test_collecting_stops_when_all_have_ended() -> None:
    calls = []

    def act(observations):
        calls.append(1)
        return push(observations)

    episodes = collect(StayAlive(horizon=50).make_batch([[1.0], [0.9]], 3), 50, act, np.random.default_rng(0))
    assert len(calls) == episodes.lengths.max() < 5
    assert episodes.observations.shape == (2, 3, 51, 1)


def test_a_record_of_what_never_ended_says_nothing_of_ends() -> None:
    episodes = collect(StayAlive(horizon=4).make_batch([[-1.0]], 3), 4, push, np.random.default_rng(0))
    assert (episodes.lengths, episodes.terminated) == (None, None)
    assert episodes.mask.all()


@few
@given(seeds, unit)
def test_the_baseline_is_fitted_to_the_steps_that_count(seed, discount) -> None:
    episodes = random_episodes(seed)
    values = linear_values(episodes, SCALE, discount)
    for k in range(TASKS):
        cut = one_by_one(episodes, k)
        weights = linear_baseline(cut, SCALE, discount, returns.FEATURE_CLIP, returns.RIDGE)
        for e, episode in enumerate(cut):
            x = episode["observations"] / SCALE
            expected = np.concatenate([x, x**2, np.ones((len(x), 1))], axis=1) @ weights
            if episode["terminated"]:
                expected[-1] = 0.0
            tolerance = 1e-2 * max(1.0, abs(expected).max())  # it solves in float32
            np.testing.assert_allclose(values[k, e, : len(x)], expected, atol=tolerance)
            np.testing.assert_array_equal(values[k, e, len(x) :], values[k, e, len(x) - 1])


@few
@given(seeds, unit, unit)
def test_advantages_bootstrap_through_a_time_limit_and_never_through_a_termination(seed, discount, gae_lambda) -> None:
    episodes = random_episodes(seed)
    values = linear_values(episodes, SCALE, discount)
    found = task_advantages(episodes, SCALE, discount, gae_lambda)
    for k in range(TASKS):
        pairs = zip(one_by_one(episodes, k), values[k], strict=True)
        lists = [advantages_of_one(e, v[: e["length"] + 1].tolist(), discount, gae_lambda) for e, v in pairs]
        flat = np.concatenate(lists)
        expected = (flat - flat.mean()) / (flat.std() + 1e-8)
        np.testing.assert_allclose(found[k][episodes.mask[k]], expected, rtol=1e-6, atol=1e-6)
        assert (found[k][~episodes.mask[k]] == 0).all()


def test_a_baseline_knows_that_nothing_follows_a_termination() -> None:
    """A reward of 1 a step is worth 1 / (1 - discount) where it goes on behind the limit, else what is left of it."""
    shape = (1, 4, 10)
    for over, first in ((False, 10.0), (True, 10 * (1 - 0.9**10))):
        x = np.arange(11, dtype=np.float32)[None, None, :, None] * np.ones((*shape[:2], 1, 1), dtype=np.float32)
        terminated = np.full(shape[:2], over)
        episodes = Episodes(x, np.zeros((*shape, 1)), np.ones(shape), np.zeros(shape), None, None, terminated)
        values = linear_values(episodes, np.full(1, 10.0), 0.9)
        assert values[0, 0, 0] == pytest.approx(first, rel=0.05)
        assert (values[..., -1] == 0).all() == over


@few
@given(seeds)
def test_all_counting_is_as_if_nothing_had_ended(seed) -> None:
    rng = np.random.default_rng(seed)
    whole = episodes_that_end(rng, (TASKS, EPISODES, HORIZON), share=0.0)
    assert whole.lengths is None
    said = Episodes(*[getattr(whole, f) for f in ("observations", "actions", "rewards", "log_probs")], None,
                    np.full((TASKS, EPISODES), HORIZON), np.zeros((TASKS, EPISODES), dtype=bool))  # fmt: skip
    plain, masked = (task_advantages(e, SCALE, 0.9, 0.9) for e in (whole, said))
    np.testing.assert_allclose(masked, plain, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(standardise(plain, np.ones(plain.shape, dtype=bool)), standardise(plain))


@few
@given(seeds)
def test_the_steps_of_a_loss_are_those_that_count_each_once(seed) -> None:
    episodes = random_episodes(seed)
    steps = Steps.of(episodes, np.where(episodes.mask, episodes.rewards, np.nan))
    mean = steps.mean(steps.advantages)
    for k in range(TASKS):
        expected = np.concatenate([e["rewards"] for e in one_by_one(episodes, k)])
        count = slice(None) if steps.weights is None else steps.weights[k] == 1
        np.testing.assert_array_equal(steps.advantages[k][count], expected)
        assert mean[k].item() == pytest.approx(expected.mean(), rel=1e-4, abs=1e-5)


@few
@given(seeds, st.integers(1, 60))
def test_a_sample_for_the_curvature_never_holds_padding(seed, size) -> None:
    """Padding is marked by a reward that no step has; a row that does not count repeats one that does."""
    episodes = random_episodes(seed)
    batch = MetaBatch((Steps.of(episodes, np.where(episodes.mask, episodes.rewards, np.nan)),))
    (sample,) = batch.subsample(size, torch.Generator().manual_seed(seed)).stages
    assert torch.isfinite(sample.advantages).all()
    for k in range(TASKS):
        real = np.concatenate([e["rewards"] for e in one_by_one(episodes, k)]).tolist()
        count = slice(None) if sample.weights is None else sample.weights[k] == 1
        drawn = sample.advantages[k][count].tolist()
        assert len(drawn) == min(size, len(real))
        assert set(drawn) <= set(real)
        assert len(set(drawn)) == len(drawn)


def test_what_adaptation_cost_is_the_mean_over_tasks_of_the_steps_taken() -> None:
    batch = StayAlive(horizon=9).make_batch([[1.0], [-1.0]], 2)
    stages = [collect(batch, 9, push, np.random.default_rng(0), record=True) for _ in range(3)]
    result = AdaptationResult.of_stages(batch.tasks, stages, lambda k, stage: push)
    assert result.env_steps.tolist() == [0, (2 * 3 + 2 * 9) / 2, 2 * 3 + 2 * 9]
    assert (result.rewards.sum(-1) == result.returns[..., 0]).all()


def test_in_the_corridor_the_door_ends_it_and_the_wall_does_not() -> None:
    batch = Door(horizon=30).make_batch([[1.0], [-1.0]], 1)
    episodes = collect(batch, 30, push, np.random.default_rng(0))
    assert episodes.returns[0] > -7
    assert episodes.returns[1] == -30
