"""The page on the recipe for PEARL says what its record says, and its checkpoints can be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpsearch import zoo
from mpsearch.evidence import results

ROOT = Path(__file__).parents[2]
RECORD = results.recipe()
PAGE = (ROOT / "docs" / "pearl-recipe.md").read_text(encoding="utf-8").splitlines()


def rows(start: str) -> list[list[str]]:
    """The cells of all lines of tables that start with a cell."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE if line.startswith(f"| {start} |")]


@pytest.mark.parametrize("group", sorted({member["group"] for member in RECORD["ablation"]}))
def test_the_page_has_every_member_of_a_group_with_its_numbers(group) -> None:
    members = [member for member in RECORD["ablation"] if member["group"] == group]
    found = [cells for cells in rows(group) if " at " in cells[-1]]
    assert len(found) == len(members)
    for cells, member in zip(found, members, strict=True):
        assert cells[2] == str(member["seed"])
        assert cells[-1] == f"{member['end']:.0f} at {member['env_steps'] // 1000}k"
        if member["published_points_reached"]:
            assert cells[3] == f"{member['published_points_beaten']} of {member['published_points_reached']}"


@pytest.mark.parametrize("final", RECORD["final"], ids=lambda final: final["name"])
def test_a_checkpoint_has_its_returns_on_the_page_and_its_curve_among_the_records(final) -> None:
    (cells,) = rows(f"`trainings/{final['name']}`")
    for cell, mean in zip(cells[1:], final["evaluation"]["mean"], strict=True):
        assert cell.split()[0] == f"{mean:.0f}"
    curve = results.read(final["name"], "curves")
    agent = zoo.load(ROOT / "trainings" / final["name"])
    assert (agent.iteration, agent.env_steps) == (curve["iteration"], curve["env_steps"])
    assert agent.iteration == final["iteration"]
