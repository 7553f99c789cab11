"""Lie to the cheetah: what is forged, what it then does, and what the explorer says of it."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch

import mpsearch
from mpsearch import PEARL, CheetahVelocity, PEARLConfig, PointNavigation
from mpsearch.pearl.probing import act_on, believe, explored_context
from mpsearch.seeding import Streams
from mpsearch.view.widgets import LieExplorer
from mpsearch.view.widgets.lie import describe_lie, tell_lies


@pytest.fixture(name="shipped", scope="module")
def _shipped() -> PEARL:
    return mpsearch.load("pearl-cheetah-velocity")


@pytest.fixture(name="small", scope="module")
def _small() -> PEARL:
    agent = PEARL(CheetahVelocity(horizon=12), PEARLConfig(hidden=(8,), encoder_hidden=(8,)))
    agent._start(Streams(0))
    return agent


@pytest.mark.slow
def test_the_shipped_cheetah_obeys_and_an_untrained_one_does_not(shipped, small) -> None:
    told = np.array([1.0, 1.7, 2.4])
    for seed in range(3):
        assert abs(tell_lies(shipped, told, seed=seed).ran - told).max() < 0.45
    assert abs(tell_lies(small, told, seed=0).ran - told).max() > 0.45


def test_the_truth_is_no_lie(small) -> None:
    """Told what it is paid for, the forged reward is the honest one, and the belief that of the honest transition."""
    lies = tell_lies(small, np.array([1.5, 2.0]), seed=4)
    assert lies.forged[0] == pytest.approx(lies.honest, abs=1e-5)
    honest = believe(small, explored_context(small, np.array([[1.5]]), seed=4, episodes=1)[:, :1])
    np.testing.assert_allclose(lies.mean[0], honest.mean[0], atol=1e-4)
    assert not np.allclose(lies.mean[1], honest.mean[0], atol=1e-4)


def test_a_slow_lie_and_its_mirror_forge_the_same_reward(small) -> None:
    moved = tell_lies(small, np.array([1.0]), seed=0).moved
    lies = tell_lies(small, np.array([moved - 0.2, moved + 0.2]), seed=0)
    assert lies.forged[0] == pytest.approx(lies.forged[1])
    assert "the encoder has to guess" in describe_lie(lies, 0)
    assert "the encoder has to guess" not in describe_lie(lies, 1)


def test_it_is_paid_for_another_speed_than_it_is_told(small) -> None:
    lies = tell_lies(small, np.array([0.5]), seed=0)
    assert lies.paid_for == 1.5
    ran = act_on(small, np.array([[1.5]]), torch.from_numpy(lies.mean), seed=0)
    np.testing.assert_allclose(lies.x[0], ran.positions[0, :, 0])


@pytest.mark.slow
def test_the_explorer_answers_to_its_controls(small) -> None:
    explorer = LieExplorer(small, told=1.0, seed=3)
    assert explorer.error.value == ""
    first = explorer.drawn
    assert "told 1.0 m/s" in explorer.words.value
    assert "paid for 1.5 m/s" in explorer.words.value
    explorer.controls["told"].value = 2.0
    assert "told 2.0 m/s" in explorer.words.value
    assert explorer.told.cache_info().misses == 1  # a slide needs no new run
    assert explorer.drawn.png != first.png
    explorer.controls["seed"].value = 5
    np.testing.assert_array_equal(explorer.result.ran, tell_lies(small, explorer.choices, seed=5).ran)


def test_it_can_be_read_without_a_kernel_and_used_without_a_mouse(small) -> None:
    explorer = LieExplorer(small)
    data, metadata = explorer._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == data["text/plain"] == explorer.words.value
    assert "Told and run (m/s): 0.0:" in explorer.drawn.alt
    for control in explorer.controls.values():  # a slider and a field: both take arrow keys
        assert control.description
        assert control.tooltip
        assert getattr(control, "continuous_update", False) is False


def test_what_cannot_be_lied_to_is_named(small) -> None:
    assert "lies are for PEARL on cheetah velocities" in LieExplorer(PEARL(PointNavigation())).error.value
    assert "told must be a speed from 0 to 3 m/s, not 4" in LieExplorer(small, told=4).error.value
    assert "seed must be a whole number" in LieExplorer(small, seed=-1).error.value
