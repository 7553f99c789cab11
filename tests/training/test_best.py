"""The best agent of a training is kept by its own evaluations, whatever happens to the training afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from agents import make

from mpsearch import load
from mpsearch.cli import main
from mpsearch.errors import UsageError
from mpsearch.training.best import EVALUATIONS
from mpsearch.training.storage import read_card, write_card


def learner():
    agent = make("pearl")
    agent.config = replace(agent.config, evaluate_every=1, evaluation_tasks=2)
    return agent


def best_by_the_log(folder: Path) -> int:
    """The iteration with the highest mean of its own and the four evaluations before; of equal ones the first."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    found = {
        line["iteration"]: np.mean([each["held_out"][-1] for each in lines[i - EVALUATIONS + 1 : i + 1]])
        for i, line in enumerate(lines)
        if i >= EVALUATIONS - 1
    }
    return max(found, key=lambda iteration: found[iteration])


@pytest.mark.parametrize("seed", range(4))
def test_the_iteration_with_the_highest_mean_is_kept_and_can_be_loaded(seed, tmp_path) -> None:
    agent = learner()
    agent.train(10, seed=seed, folder=tmp_path, progress=False, keep_best=True)
    kept = load(tmp_path / "best")
    assert kept.iteration == best_by_the_log(tmp_path)
    again = learner()
    again.train(kept.iteration, seed=seed, progress=False)
    task = [[0.1, 0.2]]
    assert (kept.adapt(task, seed=0).returns == again.adapt(task, seed=0).returns).all()


def test_a_training_that_was_stopped_keeps_the_same_agent(tmp_path) -> None:
    first = learner()
    first.train(7, seed=2, folder=tmp_path, progress=False, keep_best=True)
    load(tmp_path).train(3, seed=2, folder=tmp_path, progress=False, keep_best=True)
    assert load(tmp_path / "best").iteration == best_by_the_log(tmp_path)


def test_before_five_evaluations_and_without_the_option_nothing_is_kept(tmp_path) -> None:
    agent = learner()
    agent.train(4, seed=0, folder=tmp_path, progress=False, keep_best=True)
    agent.train(3, seed=0, folder=tmp_path, progress=False)
    assert not (tmp_path / "best").exists()


def test_it_needs_a_folder_and_an_algorithm_that_evaluates(tmp_path, capsys) -> None:
    with pytest.raises(UsageError, match="give a folder"):
        learner().train(1, seed=0, keep_best=True)
    with pytest.raises(UsageError, match="which maml does not make"):
        make("maml").train(1, seed=0, folder=tmp_path, keep_best=True)
    words = ["train", "maml", "point-navigation", "--iterations", "1", "--folder", str(tmp_path / "run"), "--keep-best"]
    assert main(words) == 2
    assert "leave it out" in capsys.readouterr().err


def test_evaluations_of_the_training_from_which_it_started_do_not_count(tmp_path) -> None:
    first = learner()
    first.train(6, seed=1, folder=tmp_path / "first", progress=False)
    lines = (tmp_path / "first" / "metrics.jsonl").read_text().splitlines()
    better = [{**json.loads(line), "held_out": [0.0, 1e6]} for line in lines]  # returns that nobody reaches
    second = learner()
    second.start_from(tmp_path / "first")
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in better))
    second.train(EVALUATIONS, seed=2, folder=tmp_path / "second", progress=False, keep_best=True)
    assert load(tmp_path / "second" / "best").iteration == 6 + EVALUATIONS


def test_what_was_kept_is_replaced_by_a_better_agent_only(tmp_path) -> None:
    agent = learner()
    agent.train(8, seed=3, folder=tmp_path, progress=False, keep_best=True)
    card = read_card(tmp_path / "best")
    write_card(tmp_path / "best", {**card, "held_out_mean": 1e6})
    load(tmp_path).train(6, seed=3, folder=tmp_path, progress=False, keep_best=True)
    assert load(tmp_path / "best").iteration == card["iteration"]
