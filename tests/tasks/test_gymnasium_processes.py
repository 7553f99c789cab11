"""Environments in processes of their own: the same numbers, the same words when they fail, and nobody left behind."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal

import numpy as np
import pytest
from small_environments import dies, ends, raises

from mpsearch import GymnasiumTasks
from mpsearch.errors import EpisodeError

pytestmark = pytest.mark.slow  # starts processes

ROWS = np.array([[-0.5], [0.3], [0.5]])


@pytest.fixture(autouse=True)
def nobody_is_left():
    yield
    gc.collect()
    assert multiprocessing.active_children() == []


def batch_of(make, processes, episodes=3):
    tasks = GymnasiumTasks(make, -1, 1, parameter_names=["goal"], id="slide", horizon=60, processes=processes)
    return tasks.make_batch(ROWS, episodes)


def everything(batch, seed):
    """Observations, rewards, ends and positions of 6 steps."""
    seen = [batch.reset(np.random.default_rng(seed))]
    for action in np.random.default_rng(1).uniform(-1, 1, (6, *batch.shape, 1)):
        seen += [*batch.step(action), batch.terminated, batch.ended, batch.positions()]
    return seen


def test_two_processes_give_the_numbers_of_one_and_ignore_the_keyboard() -> None:
    shared, alone = batch_of(ends, 2), batch_of(ends, 0)  # nine environments: five and four
    children = multiprocessing.active_children()
    assert len(children) == 2
    for seed in (0, 1):
        for mine, theirs in zip(everything(shared, seed), everything(alone, seed), strict=True):
            assert mine.dtype == theirs.dtype
            assert (mine == theirs).all()
        for child in children:
            os.kill(child.pid, signal.SIGINT)  # as the terminal does: training decides when to stop


def stand_still(batch):
    for _ in range(60):
        batch.step(np.zeros((*batch.shape, 1)))


def test_one_that_raises_in_a_process_is_named_by_task_episode_step_and_its_own_words(capfd) -> None:
    batch = batch_of(raises, 2)
    for _ in range(2):  # its process lives on
        batch.reset(np.random.default_rng(0))
        with pytest.raises(
            EpisodeError,
            match=r"raised ZeroDivisionError \(a cosmic ray\) in task 1 \(\[0.3\]\), episode 0, at step 57",
        ) as caught:
            stand_still(batch)
    assert "small_environments.py" in caught.value.__notes__[0]
    assert capfd.readouterr() == ("", "")


def test_a_process_that_dies_gets_a_sentence() -> None:
    batch = batch_of(dies, 1, episodes=1)
    batch.reset(np.random.default_rng(0))
    with pytest.raises(EpisodeError, match="a process with environments stopped"):
        batch.step(np.zeros((3, 1, 1)))
