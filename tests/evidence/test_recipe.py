"""The page on the recipe for PEARL says what its record says, and its checkpoints can be loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mpsearch import PEARLConfig, zoo
from mpsearch.evidence import results
from mpsearch.evidence.measure import ON_A_PROCESSOR
from mpsearch.evidence.page.published import compare, on_a_processor
from mpsearch.evidence.pictures import held_out_curve

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
def test_a_training_has_its_numbers_on_the_page_and_its_curve_among_the_records(final) -> None:
    discount = {"A": ", discount 0.99", "B": ", discount 0.983", "V": ""}[final["recipe"]]
    label = f"{final['name'].split('-')[2]}{discount}, seed {final['seed']}"
    (reached,) = rows(label)
    assert reached[1] == f"{final['published_points_beaten']} of {final['published_points_reached']}"
    (cells,) = rows(f"`{final['checkpoint']}`" if final["checkpoint"] else "not kept")
    assert cells[1] == label
    assert cells[2:4] == [f"{final['first_episode_redrawn'][every]:.0f}" for every in ("20", "1")]
    for cell, mean in zip(cells[4:], final["evaluation"]["mean"], strict=True):
        assert cell.split()[0] == f"{mean:.0f}"
    curve = results.read(final["name"], "curves")
    assert (curve["iteration"], curve["env_steps"]) == (final["iteration"], final["env_steps"])


@pytest.mark.parametrize("final", RECORD["final"], ids=lambda final: final["name"])
def test_its_last_checkpoint_can_be_loaded(final) -> None:
    if final["checkpoint"]:
        agent = zoo.load(ROOT / final["checkpoint"])
        assert (agent.iteration, agent.env_steps) == (final["iteration"], final["env_steps"])


@pytest.mark.parametrize("name", ["within", "within-seed0", "longer", "longer-every-2", "within-every-0"])
def test_the_page_has_what_agents_reach_that_went_on(name) -> None:
    record = results.read(f"pearl-cheetah-velocity-{name}")
    pairs = zip(record["mean"], record["interval_95"], strict=True)
    told = [f"{mean:.0f} [{low:.0f}, {high:.0f}]" for mean, (low, high) in pairs]
    (line,) = [line for line in PAGE if " | ".join(told) in line]
    assert line.endswith(f"| {record['worst'][-1]:.0f} |")


@pytest.mark.parametrize("name", ON_A_PROCESSOR)
def test_the_page_has_what_a_processor_reached(name) -> None:
    (line,) = [line for line in on_a_processor().splitlines() if f"{name}`" in line]
    label, beaten, end, worst, within, _, _, goal = [cell.strip() for cell in line.strip("|").split("|")]
    assert rows(label) == [[label, beaten, end, worst, within, goal]]
    assert end.split()[0] in (PEARLConfig.__doc__ or "")
    curve, agent = results.read(name, "curves"), zoo.load(ROOT / "trainings" / name)
    assert agent.env_steps <= curve["env_steps"]
    steps, returns = held_out_curve(curve["curve"])
    at_100k = dict(zip(ON_A_PROCESSOR, (1015, 945, 986, 927), strict=True))
    assert f"{np.interp(100_000, steps, returns):.0f}" == str(at_100k[name])


def test_the_page_says_where_the_trainings_on_a_processor_are_below_the_published_curve() -> None:
    short = {}
    for name in ON_A_PROCESSOR:
        steps, returns = held_out_curve(results.read(name, "curves")["curve"])
        points, above = compare(steps, returns, "cheetah-direction")
        short[name] = {int(x): round(y - np.interp(x, steps, returns)) for x, y in points[~above]}
    plain, _, averaged, _ = short.values()
    assert [len(found) for found in short.values()] == [16, 0, 4, 0]
    assert (plain[500_000], plain[516_000]) == (15, 137)
    assert sorted(y for x, y in plain.items() if 800_000 < x < 840_000) == [4, 26, 35, 74]
    later = [y for x, y in plain.items() if x > 840_000]
    assert (len(later), max(later) <= 18) == (10, True)
    assert (min(averaged), max(averaged.values())) == (1_180_000, 7)


def test_averages_alone_differ_between_the_trainings_on_a_processor_and_made_them_steadier() -> None:
    settings, falls = [], []
    for name in ON_A_PROCESSOR:
        config = zoo.load(ROOT / "trainings" / name).config
        assert config.average_rate == (0.0005 if "averages" in name else 0)
        settings.append(replace(config, average_rate=0))
        lines = [line for line in results.read(name, "curves")["curve"] if line.get("held_out")]
        changes = np.diff([line["held_out"][2] for line in lines if line["env_steps"] > 250_000])
        falls.append(round(-changes.min()))
    assert settings == settings[:1] * len(ON_A_PROCESSOR)
    assert falls == [1383, 110, 153, 62]
