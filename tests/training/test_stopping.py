"""Training that is interrupted, killed, contested or divergent loses nothing."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from agents import algorithms, make

from mpsearch import MAML
from mpsearch.errors import CheckpointError, NonFiniteError, UsageError
from mpsearch.training.interrupt import Interrupt
from mpsearch.training.storage import locked

KILLS = int(os.environ.get("MPSEARCH_KILLS", "2"))  # of each algorithm
ITERATIONS = 40
# One process for each line of input, which says what to train where; it has all imports already.
TRAIN = """
import os
import sys
from pathlib import Path
from agents import make
from test_stopping import ITERATIONS

make("maml"), make("pearl")  # torch imports some of itself only now
for line in sys.stdin:
    algorithm, folder = line.rstrip().split(" ", 1)
    child = os.fork()
    if child == 0:
        agent, folder = make(algorithm), Path(folder)
        if (folder / "card.json").exists():
            agent = type(agent).load(folder)
        if agent.iteration < ITERATIONS:
            agent.train(ITERATIONS - agent.iteration, seed=3, folder=folder, save_every=0, progress=False)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def assert_same(a, b) -> None:
    assert a.iteration == b.iteration
    for name, tensor in a._tensors().items():
        assert torch.equal(tensor, b._tensors()[name]), name


def iterations(folder):
    return [json.loads(line)["iteration"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


# --- interrupts


@algorithms
def test_an_interrupt_ends_training_after_the_running_iteration_and_nothing_is_lost(algorithm, tmp_path) -> None:
    whole, stopped = make(algorithm), make(algorithm)
    whole.train(4, seed=3, folder=tmp_path / "whole", progress=False)

    def interrupt(metrics) -> None:
        if metrics["iteration"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match="stopped after iteration 2; saved in"):
        stopped.train(4, seed=3, folder=tmp_path / "parts", callback=interrupt, progress=False)
    resumed = type(stopped).load(tmp_path / "parts")
    assert_same(stopped, resumed)
    resumed.train(2, seed=3, folder=tmp_path / "parts", progress=False)
    assert_same(whole, resumed)
    assert iterations(tmp_path / "parts") == [1, 2, 3, 4]


def test_a_second_interrupt_does_not_wait() -> None:
    with Interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):  # afterwards all is as before
        os.kill(os.getpid(), signal.SIGINT)


@algorithms
def test_an_interrupted_adaptation_leaves_the_meta_policy_as_it_was(algorithm) -> None:
    agent = make(algorithm)
    agent.train(1, seed=0, progress=False)
    before = {name: tensor.clone() for name, tensor in agent._tensors().items()}

    def interrupt(stage) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        agent.adapt([[0.1, 0.2]], seed=0, callback=interrupt)
    assert all(torch.equal(tensor, before[name]) for name, tensor in agent._tensors().items())


# --- two processes, one folder


def test_another_process_cannot_write_there_until_it_ends_however_it_ends(tmp_path) -> None:
    code = "import sys, time; from pathlib import Path; from mpsearch.training.storage import locked\n"
    code += "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        agent = make("maml")
        for write in (lambda: agent.save(tmp_path), lambda: agent.train(1, seed=0, folder=tmp_path, progress=False)):
            with pytest.raises(CheckpointError, match=r"another process is writing to .*; wait until it has ended"):
                write()
        assert not (tmp_path / "card.json").exists()
    finally:
        other.kill()
        other.communicate()
    agent.save(tmp_path)
    assert_same(agent, MAML.load(tmp_path))


def test_one_process_may_lock_a_folder_twice(tmp_path) -> None:
    with locked(tmp_path), locked(tmp_path):
        make("maml").save(tmp_path)


# --- divergence


def diverging(agent, monkeypatch, at, times=1):
    """Let the iteration after ``at`` fail so often, with other random numbers each time; returns those."""
    iterate, drawn = type(agent)._iterate, []

    def failing(self, streams):
        if self.iteration == at and len(drawn) < times:
            drawn.append(float(streams.numpy("tasks", at).random()))
            with torch.no_grad():
                next(iter(self._tensors().values())).fill_(float("nan"))
            raise NonFiniteError("the loss is not finite")
        return iterate(self, streams)

    monkeypatch.setattr(type(agent), "_iterate", failing)
    return drawn


@algorithms
def test_a_rollback_goes_back_to_the_checkpoint_and_says_so(algorithm, tmp_path, monkeypatch) -> None:
    agent = make(algorithm)
    drawn = diverging(agent, monkeypatch, at=2, times=2)
    agent.train(3, seed=3, folder=tmp_path, save_every=0, on_nonfinite="rollback", progress=False)
    metrics = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in metrics] == [1, 2, 3]
    assert [line.get("rollback") for line in metrics] == [None, None, "the loss is not finite"]
    assert len(set(drawn)) == 2
    assert all(torch.isfinite(tensor).all() for tensor in agent._tensors().values())
    assert agent.rollbacks == type(agent).load(tmp_path).rollbacks == 2


@algorithms
def test_a_run_that_was_rolled_back_resumes_to_the_bit(algorithm, tmp_path, monkeypatch) -> None:
    whole, parts = make(algorithm), make(algorithm)
    for agent, name, count in ((whole, "whole", 4), (parts, "parts", 3)):
        with monkeypatch.context() as patch:
            diverging(agent, patch, at=2)
            agent.train(count, seed=3, folder=tmp_path / name, save_every=0, on_nonfinite="rollback", progress=False)
    resumed = type(parts).load(tmp_path / "parts")
    resumed.train(1, seed=3, folder=tmp_path / "parts", progress=False)
    assert_same(whole, resumed)


def test_divergence_without_a_rollback_keeps_the_last_checkpoint(tmp_path, monkeypatch) -> None:
    agent = make("maml")
    diverging(agent, monkeypatch, at=2)
    with pytest.raises(NonFiniteError, match="the loss is not finite"):
        agent.train(3, seed=3, folder=tmp_path, save_every=0, progress=False)
    assert MAML.load(tmp_path).iteration == 2


def test_what_always_diverges_ends(tmp_path, monkeypatch) -> None:
    agent = make("maml")
    drawn = diverging(agent, monkeypatch, at=0, times=100)
    with pytest.raises(NonFiniteError, match="not finite; went back to iteration 0 3 times in vain"):
        agent.train(3, seed=3, folder=tmp_path, on_nonfinite="rollback", progress=False)
    assert len(set(drawn)) == len(drawn) == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"on_nonfinite": "rollback"}, "give a folder to keep one in"),
        ({"on_nonfinite": "pray"}, "known: rollback, stop"),
    ],
)
def test_a_rollback_needs_a_place_to_go_back_to(options, words) -> None:
    with pytest.raises(UsageError, match=words):
        make("maml").train(1, seed=0, **options)


# --- SIGKILL


@pytest.fixture(scope="module")
def trainer():
    """Starts a training in a process of its own and kills it within so many seconds; returns its exit code."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command, pipe, moments = [sys.executable, "-c", TRAIN], subprocess.PIPE, random.Random(os.getpid())
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as parent:

        def train_and_kill(algorithm, folder, within) -> int:
            print(algorithm, folder, file=parent.stdin, flush=True)
            child = int(parent.stdout.readline())
            time.sleep(moments.uniform(0, within))
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.kill(child, signal.SIGKILL)
            return int(parent.stdout.readline())

        yield train_and_kill
        parent.stdin.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no SIGKILL")
@algorithms
def test_a_training_killed_at_any_moment_and_resumed_equals_one_that_never_stopped(
    algorithm, tmp_path, trainer
) -> None:
    whole, start = make(algorithm), time.monotonic()
    whole.train(ITERATIONS, seed=3, folder=tmp_path / "whole", save_every=0, progress=False)
    within = (time.monotonic() - start) / 4
    folder, reached, cut_off = tmp_path / "killed", [], set()
    while len(reached) < KILLS:
        code = trainer(algorithm, folder, within)
        assert code in (0, -signal.SIGKILL)
        cut_off |= set(folder.glob(".*.tmp"))  # the next save clears up
        agent = type(whole).load(folder) if (folder / "card.json").exists() else make(algorithm)
        assert agent.iteration <= ITERATIONS
        if code:
            reached.append(agent.iteration)
        else:  # start over, to be killed again
            assert_same(whole, agent)
            for file in folder.iterdir():
                file.unlink()
    print(f"{algorithm}: {KILLS} kills, {len(cut_off)} while a file was written; checkpoints then: {reached}")
    if agent.iteration < ITERATIONS:
        agent.train(ITERATIONS - agent.iteration, seed=3, folder=folder, progress=False)
    assert_same(whole, agent)
    assert not list(folder.glob(".*.tmp"))
    assert iterations(folder) == list(range(1, ITERATIONS + 1))
    np.testing.assert_array_equal(
        *(type(whole).load(tmp_path / name).adapt([[0.2, 0.1]], seed=0).returns for name in ("whole", "killed"))
    )
