"""Tables of adaptations on the command line: tasks of a few parameters in columns, tasks of many by number."""

from __future__ import annotations

from mpsearch import PEARL, HopperBody, PEARLConfig, PointNavigation
from mpsearch.cli.tables import adaptation_table

SMALL = PEARLConfig(hidden=(16,), encoder_hidden=(16,))


def table_of(family) -> list[str]:
    result = PEARL(family, SMALL).adapt(family.spread(3), seed=0)
    return adaptation_table(family, result).splitlines()


def test_tasks_of_two_parameters_have_a_column_for_each() -> None:
    lines = table_of(PointNavigation(horizon=5))
    assert lines[0].split()[:3] == ["x", "y", "before"]
    assert any("on the task x " in line for line in lines)


def test_tasks_of_many_parameters_are_numbered_and_described_below() -> None:
    family = HopperBody(horizon=5)
    lines = table_of(family)
    assert lines[0].split()[:2] == ["task", "before"]
    assert [line.split()[0] for line in lines[1:5]] == ["1", "2", "3", "mean"]
    assert f"Task 2: {family.describe_task(family.spread(3)[1])}" in lines
    assert any(line.startswith("Worst episode at the end:") and ", on task " in line for line in lines)
    assert max(map(len, lines)) < 140
