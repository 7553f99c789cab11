"""Training in several processes by torchrun: the results are those of one process, and a kill loses nothing."""

from __future__ import annotations

import json
import socket
import time

import numpy as np
import pytest
import torch
from torchrun import TOOLS, end_of, free_port, ranks_of, resuming, sentences, start, torchrun, training, two_machines
from two_ranks import SETTINGS, parameters_after

from mpsearch import load
from mpsearch.cli import main

pytestmark = pytest.mark.slow  # every test starts processes
TIMES = ("wall_seconds", "cpu_seconds", "steps_per_second")


def metrics_of(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMES} for line in lines]


def assert_agree(one, two, *, exactly) -> None:
    """Compare trainings with one process and with two: parameters to 1e-4, metrics to 1e-5, or both to the bit."""
    ours, theirs = load(one)._tensors(), load(two)._tensors()
    for name, tensor in ours.items():
        assert (tensor - theirs[name]).norm() <= (0 if exactly else 1e-4) * tensor.norm(), name
    assert len(metrics_of(one)) == len(metrics_of(two))
    for a, b in zip(metrics_of(one), metrics_of(two), strict=True):
        assert a.keys() == b.keys()
        for key in a:
            x, y = np.array(a[key], float), np.array(b[key], float)
            np.testing.assert_allclose(x, y, rtol=0 if exactly else 1e-5, err_msg=key)


def alone(algorithm, folder, iterations, *more):
    assert main(training(algorithm, folder, iterations, *more)[2:]) == 0
    return folder


def train_with_one_two_and_one(algorithm, folder, many):
    """Train with one process, go on with several that ``many`` starts, and with one; compare with one throughout."""
    alone(algorithm, folder / "two", 2)
    processes = many(resuming(algorithm, folder / "two", 12))
    alone(algorithm, folder / "one", 14)
    ends = [end_of(process) for process in processes]
    assert [code for code, _ in ends] == [0] * len(ends), ends
    assert "".join(output for _, output in ends).count("12 iterations, ") == 1  # only one process speaks
    assert json.loads((folder / "two" / "card.json").read_text())["processes"] == 2
    assert main(resuming(algorithm, folder / "two", 14)[2:]) == 0
    assert_agree(folder / "one", folder / "two", exactly=algorithm == "maml")


def test_two_machines_train_maml_as_one_process_does_to_the_bit(tmp_path) -> None:
    train_with_one_two_and_one("maml", tmp_path, two_machines)


def test_two_processes_train_pearl_as_one_does(tmp_path) -> None:
    train_with_one_two_and_one("pearl", tmp_path, lambda command: [torchrun(command)])


def wait_for_lines(folder, count):
    """Wait until the training in ``folder`` has made ``count`` iterations; returns how many it has made."""
    path, end = folder / "metrics.jsonl", time.monotonic() + 90
    while not path.exists() or len(path.read_text().splitlines()) < count:
        assert time.monotonic() < end, "the training does not begin"
        time.sleep(0.02)
    return len(path.read_text().splitlines())


def test_a_kill_ends_all_with_one_sentence_torchrun_restarts_them_and_nothing_is_lost(tmp_path) -> None:
    process = torchrun(training("maml", tmp_path / "two", 100_000, "--save-every=0"), "--max-restarts=1")
    seen = wait_for_lines(tmp_path / "two", 3)
    ranks_of(process)[0].kill()  # the one that writes
    wait_for_lines(tmp_path / "two", seen + 3)
    ranks_of(process)[1].kill()  # there is no second restart
    code, output = end_of(process, 60)
    assert code == 1
    said = sentences(output)
    assert 1 <= len(said) <= 2, said  # torchrun may stop the others before they notice, and then it restarts them
    assert all(each.startswith("another process of this training has ended") and "--resume" in each for each in said)
    iteration = load(tmp_path / "two").iteration
    assert iteration > seen
    alone("maml", tmp_path / "one", iteration)
    one, two = (load(tmp_path / name)._tensors() for name in ("one", "two"))
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What two ranks were told that disagreed, or of which one failed."""
    folder = tmp_path_factory.mktemp("told")
    code, output = end_of(torchrun([str(TOOLS / "two_ranks.py"), str(folder)]))
    assert code == 0, output
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("other_settings", "UsageError: process 1 differs from process 0 in config; start all of them with the same"),
        ("other_versions", "UsageError: process 1 differs from process 0 in versions; start all of them with the same"),
        ("other_folder", "UsageError: process 1 does not see the folder "),
        ("other_parameters", "UsageError: process 1 differs from process 0 in parameters; "),
        ("one_simulation_diverges", "NonFiniteError: the reward is not finite (in process 1 of 2)"),
    ],
)
def test_ranks_that_disagree_are_all_told_in_one_sentence(told, name, words) -> None:
    assert told[0][name].startswith(words)
    assert told[1][name] == told[0][name]


def test_ranks_combine_to_what_one_process_finds(told) -> None:
    assert told[0] == told[1]
    assert told[0]["gathered"] == [0, 1, 2]
    assert told[0]["threads"] == []  # they end with the group: at the program's exit, they could abort it
    assert told[0]["mean"] == 1
    assert told[0]["largest"] == [1, 0]
    assert told[0]["drawn"] == torch.randn((3, 2), generator=torch.Generator().manual_seed(1)).tolist()
    assert told[0]["generated"] == np.random.default_rng(1).normal(0.0, 1.0, (3, 2)).tolist()


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_ranks_learn_to_the_bit_what_one_process_learns_from_episodes_that_end_early(told, number) -> None:
    assert told[0]["parameters"][number] == parameters_after(**SETTINGS[number])


@pytest.mark.parametrize("busy", [True, False])
def test_a_port_in_use_and_a_peer_that_never_comes_are_said_in_one_sentence(busy, tmp_path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port()))
        port = other.getsockname()[1]
        if busy:
            other.listen()
        else:
            other.close()
        place = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        code, output = end_of(start(training("maml", tmp_path / "run", 2, "--patience=2"), **place), 60)
    assert code == 1
    (sentence,) = sentences(output)
    assert ("is in use; choose another" if busy else "did not all come to 127.0.0.1") in sentence
    assert "Traceback" not in output
