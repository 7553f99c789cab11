"""Dosing: the pharmacokinetics, the cost and the rules are those of the docstring."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mpsearch.errors import UsageError
from mpsearch.tasks import Dosing
from mpsearch.tasks.applications import rule_returns
from mpsearch.tasks.applications.dosing import overdose

PATIENTS = np.array([[0.5, 2.0], [1.0, 1.0], [2.5, 0.5]])


def slow_day(patient, actions, small=2000):
    """True levels and rewards of one day, by Euler's method with many small steps of an hour."""
    sensitivity, clearance = patient
    level, days = 0.0, []
    for action in actions:
        dose = 4.0 * ((min(max(action, -1.0), 1.0) + 1.0) / 2.0) ** 2
        for _ in range(small):
            level += (dose / 0.474 - clearance * 0.058 / 0.474 * level) / small
        x = sensitivity * level / 10.0 - 1.0
        days.append((level, max(-(5.0 if x > 0 else 1.0) * x * x, -10.0)))
    return np.array(days)


def test_levels_and_rewards_equal_those_of_a_slow_integration() -> None:
    actions = np.random.default_rng(0).uniform(-1.5, 0.5, (8, 3, 2, 1))
    batch = Dosing().make_batch(PATIENTS, 2)
    batch.reset(np.random.default_rng(0))
    steps = [(batch.step(action)[1], batch.positions()) for action in actions]
    for k, e in np.ndindex(3, 2):
        ours = np.array([[positions[k, e, 1], rewards[k, e]] for rewards, positions in steps])
        np.testing.assert_allclose(ours, slow_day(PATIENTS[k], actions[:, k, e, 0]), rtol=2e-3, atol=2e-3)


def test_the_rewards_by_hand() -> None:
    effects = np.array([0.0, 5.0, 10.0, 15.0, 20.0, 1000.0])
    assert Dosing().reward(effects).tolist() == [-1.0, -0.25, 0.0, -1.25, -5.0, -10.0]
    assert Dosing(overdose_cost=1).reward(np.array([15.0])).tolist() == [-0.25]


def test_the_observation_holds_two_measured_levels_and_the_dose_but_not_the_effect() -> None:
    batch = Dosing().make_batch(np.array([[0.5, 1.0], [2.5, 1.0]]), 4000)
    assert (batch.reset(np.random.default_rng(0)) == 0.0).all()
    first, _ = batch.step(np.zeros((2, 4000, 1)))
    second, _ = batch.step(-np.ones((2, 4000, 1)))
    true = batch.positions()[..., 1]
    assert (second[..., 1] == first[..., 0]).all()
    assert (first[..., 2] == 1.0).all()
    assert (second[..., 2] == 0.0).all()
    error = second[..., 0] / true - 1.0
    np.testing.assert_allclose(error.mean(axis=1), 0.0, atol=0.004)  # the same for both sensitivities
    np.testing.assert_allclose(error.std(axis=1), 0.05, rtol=0.05)


def test_a_patient_is_not_changed_by_the_others_doses() -> None:
    actions = np.random.default_rng(1).uniform(-1, 1, (5, 3, 2, 1))
    other = actions.copy()
    other[:, 0] = 1.0
    tracks = []
    for each in (actions, other):
        batch = Dosing().make_batch(PATIENTS, 2)
        batch.reset(np.random.default_rng(2))
        tracks.append(np.array([batch.step(action)[0] for action in each]))
    assert (tracks[0][:, 1:] == tracks[1][:, 1:]).all()
    assert not (tracks[0][:, 0] == tracks[1][:, 0]).all(axis=-1).any()


def best_return(patient, hours):
    """The highest return of a day by dynamic programming, over a grid of doses."""
    family, doses = Dosing(), np.linspace(0, 4, 161)
    kept = math.exp(-patient[1] * 0.058 / 0.474)
    raised = (1 - kept) / (patient[1] * 0.058)
    levels = np.linspace(0, 40, 4001)
    value = np.zeros_like(levels)
    for _ in range(hours):
        after = kept * levels[:, None] + raised * doses
        value = (family.reward(patient[0] * after) + np.interp(after, levels, value)).max(axis=1)
    return value[0]


@pytest.mark.parametrize("patient", PATIENTS)
def test_the_optimum_is_as_good_as_dynamic_programming(patient) -> None:
    family = Dosing(horizon=6)
    ours = rule_returns(family, family.optimum, patient[None], 1, np.random.default_rng(0))[0, 0]
    assert ours == pytest.approx(best_return(patient, 6), abs=0.01)
    assert ours >= best_return(patient, 6) - 1e-3


def test_the_population_dose_suits_the_average_patient_and_harms_a_sensitive_one() -> None:
    family, rng = Dosing(), np.random.default_rng(0)
    best = rule_returns(family, family.optimum, PATIENTS, 1, rng)[:, 0]
    population = rule_returns(family, family.standard, PATIENTS, 1, rng)[:, 0]
    assert (population < best).all()
    assert best[1] - population[1] < 0.5
    assert best[2] - population[2] > 50


def test_overdose_counts_the_hours_above_the_toxic_level() -> None:
    day = np.zeros((2, 5, 3))
    day[0, :, 2] = [30.0, 20.0, 20.1, 25.0, 5.0]  # the start is not an hour
    assert overdose(day).tolist() == [0.5, 0.0]


def test_patients_are_log_uniform_on_the_published_spread() -> None:
    family = Dosing()
    patients = np.log(family.sample(1000, np.random.default_rng(0)))
    np.testing.assert_allclose(patients.mean(axis=0), 0.0, atol=0.01)
    np.testing.assert_allclose(patients.std(axis=0), np.array([2.0, 1.54]) / math.sqrt(12), rtol=0.01)
    np.testing.assert_allclose(family.spread(3)[1], 1.0, rtol=0.01)


@pytest.mark.parametrize("patient", [[1.0, -0.5], [0.0, 1.0], [1.0, 5.0]])
def test_an_impossible_patient_is_refused_in_one_sentence(patient) -> None:
    with pytest.raises(
        UsageError, match=r"is not one of dosing: sensitivity must lie in \[0.37, 2.7\], clearance must lie in"
    ):
        Dosing().check([patient])


@pytest.mark.parametrize("cost", [0.5, -1.0, math.inf, math.nan])
def test_an_overdose_that_costs_less_than_an_underdose_is_refused(cost) -> None:
    with pytest.raises(UsageError, match="overdose_cost must be a finite number of at least 1"):
        Dosing(overdose_cost=cost)
