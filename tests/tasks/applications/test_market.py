"""The market: its returns, its rewards, and the rule that is optimal for a known regime."""

import numpy as np
import pytest

from mpsearch import Market, make_distribution
from mpsearch.errors import UsageError
from mpsearch.tasks.applications import rule_returns
from mpsearch.tasks.applications.market import COST, RISK_AVERSION, linear_rule

TASK = [0.5, 1.0]


def mean_returns(family, rule, tasks, episodes=200):
    """The mean return of a rule on each task."""
    return rule_returns(family, rule, np.array(tasks), episodes, np.random.default_rng(5)).mean(-1)


def best_by_value_iteration(correlation, volatility, horizon):
    """The value of the best limited positions on a grid of returns and positions, from a typical start."""
    risk = np.sqrt(1 - correlation**2) * volatility
    last, held = volatility * np.linspace(-4, 4, 61), np.linspace(-1, 1, 31)
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    value = np.zeros((61, 31))  # [last return, present position]
    for _ in range(horizon):
        later = np.zeros((61, 31))  # [last return, new position]
        for node, weight in zip(nodes, weights / weights.sum(), strict=True):
            new = correlation * last + risk * node
            later += weight * np.stack([np.interp(new, last, column) for column in value.T], axis=1)
        gain = correlation * last[:, None] * held - RISK_AVERSION / 2 * (risk * held) ** 2 + later
        value = (gain[:, None, :] - COST * (held - held[:, None]) ** 2).max(-1)
    density = np.exp(-((last / volatility) ** 2) / 2)
    return value[:, 15] @ density / density.sum()


def test_rewards_by_hand():
    batch = Market().make_batch(np.array([[0.6, 2.0]]), 1)
    last = batch.reset(np.random.default_rng(0))[0, 0, 0]
    observation, reward = batch.step(np.array([[[0.5]]]))
    new, before, position = observation[0, 0]
    assert (before, position) == (last, 0.5)
    assert reward[0, 0] == pytest.approx(0.5 * new - COST * 0.25 - RISK_AVERSION / 2 * (0.5 * 0.8 * 2.0) ** 2)
    second = batch.step(np.array([[[-0.5]]]))[1][0, 0]
    newest = batch.returns[0, 0, 0]
    assert second == pytest.approx(-0.5 * newest - COST * 1.0 - RISK_AVERSION / 2 * 0.64)
    assert batch.positions()[0, 0] == pytest.approx([new + newest, -0.5, reward[0, 0] + second])


@pytest.mark.parametrize(("correlation", "volatility"), [(-0.8, 0.5), (0.0, 1.0), (0.6, 2.0)])
def test_returns_have_the_regime_of_the_task(correlation, volatility):
    batch = Market().make_batch(np.array([[correlation, volatility]]), 4000)
    batch.reset(np.random.default_rng(1))
    for _ in range(5):
        new, before = batch.step(np.zeros((1, 4000, 1)))[0][0, :, :2].T
    assert new.std() == pytest.approx(volatility, rel=0.05)
    assert np.corrcoef(new, before)[0, 1] == pytest.approx(correlation, abs=0.05)


@pytest.mark.parametrize("task", [(-0.7, 0.6), (0.3, 1.0), (0.8, 2.0)])
def test_the_optimum_is_that_of_value_iteration(task):
    family = Market(horizon=20)
    best = best_by_value_iteration(*task, 20)
    assert mean_returns(family, family.optimum, [task], 20_000)[0] == pytest.approx(best, rel=0.03)


def test_the_linear_rule_of_one_step_by_hand():
    slope, keep = linear_rule(0.5, 1.0, 1)[0]
    risk = RISK_AVERSION * 0.75  # maximise 0.5 x a - risk / 2 a^2 - COST (a - p)^2
    assert slope == pytest.approx(0.5 / (risk + 2 * COST))
    assert keep == pytest.approx(2 * COST / (risk + 2 * COST))


def test_no_other_linear_rule_is_better():
    family = Market(horizon=30)
    slope, keep = linear_rule(*TASK, 30)[0]

    def rule(a, b):
        return lambda batch: (a * batch.returns[0] + b * batch.position)[..., None]

    best = mean_returns(family, family.optimum, [TASK], 2000)[0]
    for a, b in ((0.5, 1), (1.5, 1), (1, 0), (1, 1.8), (-1, 1)):
        assert mean_returns(family, rule(a * slope, b * keep), [TASK], 2000)[0] < best


def test_holding_bears_the_risk_and_gains_nothing():
    family = Market()
    tasks = family.sample(20, np.random.default_rng(0))
    held, best = (mean_returns(family, rule, tasks, 100) for rule in (family.standard, family.optimum))
    innovations = (1 - tasks[:, 0] ** 2) * tasks[:, 1] ** 2
    assert (held < best).all()
    assert held.mean() == pytest.approx(np.mean(-COST - 100 * RISK_AVERSION / 2 * innovations), abs=2)


def test_the_regime_can_change_in_the_middle_of_an_episode():
    batch = Market().make_batch(np.array([[0.8, 1.0]]), 3000)
    batch.reset(np.random.default_rng(2))
    before = batch.step(np.zeros((1, 3000, 1)))[0][0, :, :2]
    batch.tasks[:] = [-0.8, 1.0]
    after = batch.step(np.zeros((1, 3000, 1)))[0][0, :, :2]
    assert np.corrcoef(before.T)[0, 1] > 0.7
    assert np.corrcoef(after.T)[0, 1] < -0.7


@pytest.mark.parametrize("task", [[1.2, 1.0], [-1.0, 1.0], [0.5, -1.0], [0.5, np.nan]])
def test_impossible_markets(task):
    with pytest.raises(UsageError, match=r"correlation must lie in \[-0.8, 0.8\].*between -1 and 1") as caught:
        Market().check([task])
    assert str(caught.value).count("\n") == 0


def test_bad_settings():
    with pytest.raises(UsageError, match="horizon"):
        make_distribution("market", horizon=0)


def test_tasks_are_independent():
    tasks = np.array([[0.5, 1.0], [-0.5, 2.0]])
    first, second = (Market().make_batch(t, 3) for t in (tasks, np.array([[0.5, 1.0], [0.8, 0.5]])))
    for batch in (first, second):
        batch.reset(np.random.default_rng(3))
    actions = np.random.default_rng(4).uniform(-1, 1, (2, 3, 1))
    one, two = first.step(actions), second.step(np.stack([actions[0], -actions[1]]))
    assert np.array_equal(one[0][0], two[0][0])
    assert np.array_equal(one[1][0], two[1][0])
