"""Fixtures of the tests of pictures and pages."""

import shutil

import numpy as np
import pytest

from mpsearch.records import AdaptationResult


@pytest.fixture
def no_window():
    """Figures are drawn without a window, and closed after the test."""
    import matplotlib
    import matplotlib.pyplot as plt

    with matplotlib.rc_context({"backend": "Agg"}):
        yield
        plt.close("all")


@pytest.fixture
def result():
    """K = 2, S = 3, E = 4, T = 20; the torso moves at 0 m/s before and at +2 and -1 m/s after."""
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


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium, without a window."""
    api = pytest.importorskip("playwright.sync_api", reason="the browser tests need: pip install playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("the browser tests need a Chromium: apt-get install chromium, or as your system does it")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=options)
        yield chromium
        chromium.close()
