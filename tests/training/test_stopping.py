"""Training that is interrupted, killed, contested or divergent loses nothing."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from agents import algorithms, make

from mpsearch import MAML
from mpsearch.errors import CheckpointError, NonFiniteError, UsageError
from mpsearch.training.interrupt import Interrupt, Terminated
from mpsearch.training.storage import locked

pytestmark = pytest.mark.slow  # processes that are killed

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


SIGNALS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}
every_signal = pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)


def send(number):
    """A callback of training that sends this process a signal after the second iteration."""

    def callback(metrics) -> None:
        if metrics["iteration"] == 2:
            os.kill(os.getpid(), number)

    return callback


@algorithms
@every_signal
def test_a_signal_ends_training_after_the_running_iteration_and_nothing_is_lost(algorithm, number, tmp_path) -> None:
    whole, stopped = make(algorithm), make(algorithm)
    whole.train(4, seed=3, folder=tmp_path / "whole", progress=False)
    with pytest.raises(SIGNALS[number]) as raised:
        stopped.train(4, seed=3, folder=tmp_path / "parts", callback=send(number), progress=False)
    assert str(raised.value).startswith("stopped after iteration 2; saved in")
    resumed = type(stopped).load(tmp_path / "parts")
    assert_same(stopped, resumed)
    resumed.train(2, seed=3, folder=tmp_path / "parts", progress=False)
    assert_same(whole, resumed)
    assert iterations(tmp_path / "parts") == [1, 2, 3, 4]


@pytest.mark.parametrize("second", SIGNALS, ids=lambda number: number.name)
@every_signal
def test_a_second_signal_does_not_wait(number, second) -> None:
    earlier = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupt() as interrupt:
        os.kill(os.getpid(), number)
        assert interrupt.asked
        with pytest.raises(SIGNALS[second]):
            os.kill(os.getpid(), second)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == earlier  # all is as before


def test_a_signal_that_the_surrounding_program_ignores_stays_ignored() -> None:
    earlier = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        agent = make("maml")
        agent.train(3, seed=0, callback=send(signal.SIGINT), progress=False)
        assert agent.iteration == 3
        with pytest.raises(Terminated):
            make("maml").train(3, seed=0, callback=send(signal.SIGTERM), progress=False)
    finally:
        signal.signal(signal.SIGINT, earlier)


def test_a_handler_of_the_surrounding_program_is_back_after_training() -> None:
    heard = []
    earlier = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with pytest.raises(Terminated):
            make("maml").train(3, seed=0, callback=send(signal.SIGTERM), progress=False)
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, earlier)


def test_a_training_in_another_thread_leaves_signals_alone() -> None:
    agent, earlier = make("maml"), signal.getsignal(signal.SIGTERM)
    seen = []
    options = {"seed": 0, "progress": False, "callback": lambda _: seen.append(signal.getsignal(signal.SIGTERM))}
    thread = threading.Thread(target=agent.train, args=(2,), kwargs=options)
    thread.start()
    thread.join()
    assert agent.iteration == 2
    assert seen == [earlier, earlier]


def test_a_training_in_the_background_saves_and_exits_with_143_when_it_is_terminated(tmp_path) -> None:
    """As a scheduler does it: SIGINT is ignored, as after ``nohup`` or in a script's background, and SIGTERM comes."""
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); from mpsearch.cli import main\n"
    words = ["train", "maml", "point-navigation", "--iterations", "100000", "--folder", str(tmp_path), "--family"]
    small = ["horizon=4", "--set", "episodes=2", "tasks_per_iteration=2", "hidden=[8]"]
    command = [sys.executable, "-c", program + "sys.exit(main(sys.argv[1:]))", *words, *small]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "metrics.jsonl").exists() or len(iterations(tmp_path)) < 2:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 143
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("mpsearch: stopped after iteration ")
    assert MAML.load(tmp_path).iteration == len(iterations(tmp_path)) >= 2


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
        ({"on_nonfinite": "rollback"}, "give a folder for checkpoints"),
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
