"""Fixtures of the tests of plots and pages, and the settings of hypothesis."""

import os
import signal

import numpy as np
import pytest
from hypothesis import settings

from mpsearch.records import AdaptationResult

# All machines try the same examples, so that a test fails everywhere or nowhere. To try other examples:
# pytest --hypothesis-profile=default
settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.load_profile("same")

os.environ["LANGUAGE"] = "en"  # the tests expect English, whatever the system's language is

# Where the tests are started in the background of a script, or by nohup, SIGINT is ignored, and all processes that they
# start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def own_registry(monkeypatch):
    """The families that a test registers, and their environments, are forgotten afterwards."""
    import gymnasium

    from mpsearch.tasks import registry

    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.setattr(gymnasium.envs.registration, "registry", dict(gymnasium.registry))
    monkeypatch.setattr(gymnasium, "registry", gymnasium.envs.registration.registry)


@pytest.fixture
def no_window():
    """Draw figures without a window, and close them after the test."""
    import matplotlib
    import matplotlib.pyplot as plt

    with matplotlib.rc_context({"backend": "Agg"}):
        yield
        plt.close("all")


@pytest.fixture
def result():
    """Return a result with K = 2, S = 3, E = 4, T = 20; the speeds are 0 m/s before and +2 and -1 m/s after."""
    stages = np.array([[0.0, 50.0, 100.0], [10.0, 0.0, -5.0]])
    speed = np.array([[0.0, 1.0, 2.0], [0.0, -0.5, -1.0]])
    positions = np.zeros((2, 3, 21, 9))
    positions[..., 0] = speed[..., None] * 0.05 * np.arange(21)
    return AdaptationResult(
        tasks=np.array([[1.0], [-1.0]]),
        returns=stages[..., None] + np.array([-3.0, -1.0, 1.0, 3.0]),
        env_steps=np.array([0, 80, 160]),
        trajectories=positions,
        rewards=np.zeros((2, 3, 20)),
        policies=lambda k, stage: lambda observation: observation,
    )
