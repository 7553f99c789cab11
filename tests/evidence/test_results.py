"""The results page says what the records say, and a headline number can be measured again."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from agents import algorithms, make

import mpsearch
from mpsearch.errors import UsageError
from mpsearch.evaluation import evaluate
from mpsearch.evidence import measure, results
from mpsearch.evidence.baselines import NAMES
from mpsearch.evidence.page.fill import fill, filled_template
from mpsearch.evidence.page.methods import headline
from mpsearch.evidence.program import CHECKOUT
from mpsearch.tasks.registry import BUILT_IN
from mpsearch.zoo import ALGORITHMS

PAGE = CHECKOUT / "RESULTS.md"
every_record = pytest.mark.parametrize("name", results.names())


@pytest.mark.slow
def test_the_page_is_what_the_records_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == filled_template()


def test_a_part_of_the_template_is_filled_and_all_else_stays() -> None:
    assert fill("a {{machines}} b {not {{machines}}\n") == f"a {fill('{{machines}}')} b {{not {fill('{{machines}}')}\n"
    with pytest.raises(KeyError, match="chess"):
        fill("{{chess cheetah-direction}}")


@pytest.mark.slow
def test_a_changed_record_changes_the_page(monkeypatch) -> None:
    before = headline("cheetah-direction")
    read = results.read

    def changed(name):
        record = read(name)
        return {**record, "returns": (np.array(record["returns"]) + 1).tolist()}

    monkeypatch.setattr(results, "read", changed)
    assert headline("cheetah-direction") != before


@every_record
def test_a_record_holds_every_return_and_says_where_it_comes_from(name) -> None:
    record, evaluation = results.read(name), results.evaluation(name)
    np.testing.assert_allclose(evaluation.mean, record["mean"], atol=0.11)
    assert evaluation.returns.shape == (len(record["seeds"]), len(record["tasks"]), len(record["env_steps"]))
    alone = record["method"] == "sac"
    program = "python -m mpsearch.evidence.single_tasks" if alone else f"mpsearch evaluate {record['method']}"
    assert record["command"].startswith(f"{program} {record['tasks_id']}")
    assert (record["training"] is None) == (record["method"] in ("random", "scratch"))
    assert all(record[key] for key in ("revision", "machine", "versions"))
    family = mpsearch.make_distribution(record["tasks_id"], **record["family"])
    np.testing.assert_allclose(family.check(record["tasks"]), record["tasks"])


@algorithms
def test_every_metric_has_its_formula_on_the_page(algorithm) -> None:
    glossary = PAGE.read_text(encoding="utf-8").partition("## Metrics")[2]
    told = set(re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in glossary.splitlines() if row[:1] == "|")))
    agent, logged = make(algorithm), []
    if algorithm == "pearl":
        agent.config = replace(agent.config, evaluate_every=1)
    agent.train(1, seed=0, callback=logged.append, progress=False)
    assert set(logged[0]) <= told
    assert "regret" not in told


def test_every_command_behind_the_page_can_be_given() -> None:
    for name, words in measure.commands().items():
        method, tasks, *_ = words.split()
        assert name.startswith(f"{method}-{tasks}")
        assert method in (*ALGORITHMS, *NAMES)
        assert tasks in BUILT_IN


def test_an_unknown_record_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match="unknown record among the evaluations 'maml-chess'; known:"):
        results.read("maml-chess")


@pytest.mark.slow
def test_a_headline_number_is_measured_again_and_an_untrained_agent_does_not_reach_it() -> None:
    agent, told = mpsearch.load("pearl-cheetah-direction"), results.evaluation("pearl-cheetah-direction")
    low, high = told.interval()[-1]
    again = evaluate(agent, told.tasks, told.seeds)
    assert low <= again.mean[-1] <= high
    untrained = mpsearch.PEARL(agent.tasks, agent.config)
    assert not low <= evaluate(untrained, told.tasks, [0]).mean[-1] <= high
