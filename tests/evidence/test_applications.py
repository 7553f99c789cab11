"""The measurement of application families, and the part of the results page that is made from it."""

from __future__ import annotations

import numpy as np
import pytest

from mpsearch.errors import UsageError
from mpsearch.evidence import applications, results
from mpsearch.evidence.page import applications as page
from mpsearch.tasks import Dosing


def record_of(**rows):
    """A record of a family with two tasks; each row is given by its returns at each stage, the same for all."""
    return {
        "tasks_id": "dosing",
        "standard": "population dose",
        "parameters": ["sensitivity", "clearance"],
        "tasks": [[1.0, 1.0], [2.0, 0.5]],
        "rows": {name: {"returns": np.tile(stages, (3, 2, 1)).tolist()} for name, stages in rows.items()},
    }


def test_the_gap_closed_by_hand() -> None:
    record = record_of(average=[-6.0], optimum=[-1.0], maml=[-9.0, -2.0], standard=[-11.0])
    assert page.closed(record, "maml") == pytest.approx((0.8, 0.8, 0.8))
    assert page.closed(record, "standard")[0] == pytest.approx(-1.0)
    assert page.closed(record, "maml", 0)[0] == pytest.approx(-0.6)
    assert page.closed(record, "average")[0] == 0.0
    assert page.closed(record, "optimum")[0] == 1.0


def test_the_interval_of_a_gap_holds_the_share_and_is_wider_with_more_noise() -> None:
    spans = []
    for noise in (0.1, 1.0):
        record, rng = record_of(average=[0.0], optimum=[10.0], maml=[0.0, 8.0]), np.random.default_rng(0)
        for row in record["rows"].values():
            row["returns"] = rng.normal(row["returns"], noise).tolist()
        share, low, high = page.closed(record, "maml")
        assert low <= share <= high
        spans.append(high - low)
    assert 0 < spans[0] < spans[1]


@pytest.fixture
def told(monkeypatch):
    """Make the page read these records."""

    def tell(*records):
        monkeypatch.setattr(page, "records", lambda: list(records))

    return tell


def test_the_table_has_each_stage_and_says_what_is_not_shipped(told) -> None:
    told(record_of(average=[-6.0], optimum=[-1.0], maml=[-9.0, -2.0], random=[-60.0]))
    text = page.gaps()
    assert (
        "| dosing | -6.0 | -1.0 | -1080% [-1080%, -1080%] | not shipped | -60% [-60%, -60%]<br>80% [80%, 80%]" in text
    )
    told(record_of(maml=[-9.0, -2.0]))
    assert page.gaps() == "*Not measured yet.*\n"


def test_a_failure_is_told_with_its_worst_task_and_a_success_is_not(told) -> None:
    failed = record_of(average=[-6.0], optimum=[-1.0], maml=[-9.0, -3.0, -4.0], pearl=[-9.0, -1.5])
    for seed in failed["rows"]["maml"]["returns"]:
        seed[1][2] = -11.0
    told(failed)
    text = page.failures()
    assert "MAML on dosing closes -30%" in text
    assert "10.0 below the optimum on its worst task (sensitivity 2, clearance 0.5)" in text
    assert "50% of its adaptations end below their return before. Its best stage is 1, not the last." in text
    assert "PEARL" not in text
    told(record_of(average=[-6.0], optimum=[-1.0], maml=[-9.0, -1.5]))
    assert page.failures() == "Both meta-policies close at least 70% of the gap on every family above.\n"


def test_rules_are_measured_in_every_family_and_the_optimum_is_best(capsys) -> None:
    family = Dosing(horizon=4)
    rows = applications.measure(family, np.array([[1.0, 1.0], [2.0, 0.5]]), 2)
    means = {name: np.mean(rows[name]["returns"]) for name in ("random", "standard", "optimum")}
    assert means["optimum"] > max(means["random"], means["standard"])
    assert np.shape(rows["standard"]["returns"]) == (2, 2, 1)
    assert rows["optimum"]["overdose"] == [0.0]
    assert rows["random"]["overdose"][0] > 0


def test_a_policy_that_is_not_shipped_is_left_out_with_a_word(monkeypatch, capsys) -> None:
    monkeypatch.setattr(applications, "available", list)
    rows = applications.measure(Dosing(horizon=2), np.ones((1, 2)), 1)
    assert set(rows) == {"random", "standard", "optimum"}
    assert "dosing: no row 'pearl', because pearl-dosing is not shipped" in capsys.readouterr().out


def test_a_family_without_shipped_policies_is_skipped_with_a_word(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setattr(applications, "available", lambda: ["maml-dosing"])
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    applications.main(("dosing",))
    assert "dosing: skipped, because average-dosing" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_only_application_families_can_be_named() -> None:
    assert {"dosing", "taste"} <= set(applications.families())
    assert "cheetah-direction" not in applications.families()
    with pytest.raises(UsageError, match="unknown application 'chess'; known:"):
        applications.main(("chess",))


@pytest.mark.parametrize("name", results.names("applications"))
def test_a_record_has_the_rows_that_a_gap_lies_between(name) -> None:
    record = results.read(name, "applications")
    assert page.complete(record)
    for row in record["rows"].values():
        returns = np.array(row["returns"])
        assert returns.shape == (len(record["seeds"]), len(record["tasks"]), len(row["env_steps"]))
    optimum = page.returns(record, "optimum").mean()
    computed = record["standard"] is not None  # otherwise it is an oracle, which is no bound
    below = [row for row in record["rows"] if row != "optimum"] if computed else ["random", "average"]
    assert all(page.returns(record, row).mean(axis=(0, 1)).max() < optimum for row in below)
