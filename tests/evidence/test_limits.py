"""What RESULTS.md says of what limits MAML is what its records say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mpsearch import zoo
from mpsearch.evidence import results
from mpsearch.evidence.ablate import CHANGES, SEEDS
from mpsearch.evidence.page.costs import ends_by_seed
from mpsearch.evidence.page.makings import FAST, OBJECTIVES, objectives, wider
from mpsearch.training.storage import read_card

ACTIONS = ["", "-mean-actions"]
TRAININGS = Path(__file__).parents[2] / "trainings"


def cells(text: str) -> list[list[str]]:
    """The cells of the rows of a table, without its two lines of head."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]


def ends(name: str) -> dict[int, float]:
    return ends_by_seed([record for record in results.ablations() if record["name"] == name])


@pytest.mark.parametrize("policy", results.critic()["policies"], ids=lambda policy: policy["weights"])
def test_a_network_explains_about_as_much_as_the_linear_baseline(policy) -> None:
    leads = [np.median(stage["learned"]) - np.median(stage["linear"]) for stage in policy["stages"]]
    assert np.abs(leads).max() < 0.1


def test_on_single_tasks_the_network_is_far_off_more_often() -> None:
    shares = [stage for policy in results.critic()["policies"] for stage in policy["stages"]]
    linear, learned = (sum(share < -0.5 for stage in shares for share in stage[name]) for name in ("linear", "learned"))
    assert learned > linear > 0


def test_a_critic_is_ahead_with_two_of_three_seeds_by_less_than_one_seed_differs() -> None:
    base, earlier, critic = (ends(name) for name in ("maml", "maml-earlier", "maml-critic"))
    leads = [critic[seed] - base[seed] for seed in SEEDS]
    assert sum(lead > 0 for lead in leads) == 2
    assert max(leads) < max(abs(base[seed] - earlier[seed]) for seed in SEEDS)
    for name in ("maml-horizon", "maml-episodes", "maml-steps"):
        assert np.mean(list(ends(name).values())) < np.mean(list(base.values()))


def test_every_ablation_of_maml_has_all_seeds() -> None:
    for name, (_, algorithm, _) in CHANGES.items():
        if algorithm == "maml":
            assert set(ends(name)) == set(SEEDS), name


def test_one_ablation_stands_out() -> None:
    lowest = min(ends("maml-promp-fast").values())
    others = [name for name, (_, of, _) in CHANGES.items() if of == "maml" and name != "maml-promp-fast"]
    assert lowest > max(max(ends(name).values()) for name in others)


def test_promps_objective_is_far_ahead_on_the_direction_and_level_on_velocities() -> None:
    *direction, velocity = [(float(row[3]), float(row[6])) for row in cells(objectives())]
    assert len(direction) + 1 == len(OBJECTIVES)
    assert all(mine > other + 150 for mine, other in direction)
    assert abs(velocity[0] - velocity[1]) < 5


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_it_is_compared_with_still_made_one_inner_step(name) -> None:
    other, iterations, inner_steps = OBJECTIVES[name]
    mine, first = results.read(name, "curves"), read_card(zoo.ZOO / other)["history"][0]
    assert "inner_steps" not in first["command"]
    assert (inner_steps == 3) == ("inner_steps=3" in mine["commands"][0])
    assert mine["curve"][iterations - 1]["env_steps"] <= first["env_steps"]


def test_promps_objective_ends_above_the_shipped_training_with_fewer_steps() -> None:
    for end in ACTIONS:
        shipped = results.evaluation(f"maml-cheetah-direction{end}")
        for seed in ("", "-seed1"):
            found = results.read(f"maml-cheetah-direction-promp{end}{seed}")
            mean = results.evaluation(f"maml-cheetah-direction-promp{end}{seed}").mean
            assert (mean[1:] > shipped.mean[1:]).all()
            assert found["training"]["env_steps"] < results.read("maml-cheetah-direction")["training"]["env_steps"]


def test_the_wider_network_was_behind() -> None:
    wide, *narrow = [[float(cell) for cell in row[1:]] for row in cells(wider())]
    assert all(wide[i] < other[i] for other in narrow for i in range(2))


@pytest.mark.parametrize("end", ACTIONS)
def test_the_told_start_is_the_best_on_velocities(end) -> None:
    told, long = (
        [results.evaluation(f"maml-cheetah-velocity-{name}{end}{seed}").mean[-1] for seed in ("", "-seed1")]
        for name in ("told", "long")
    )
    assert min(told) > max(long)


@pytest.mark.parametrize("end", ACTIONS)
def test_the_told_start_is_ahead_at_slow_speeds_and_at_fast_ones_with_one_seed(end) -> None:
    leads = []
    for seed in ("", "-seed1"):
        told, long = (results.evaluation(f"maml-cheetah-velocity-{name}{end}{seed}") for name in ("told", "long"))
        fast = told.tasks[:, 0] >= FAST
        lead = (told.returns - long.returns).mean(0)[:, -1]
        leads.append(lead[fast].mean())
        assert lead[~fast].mean() > 2
    assert leads[0] > 2 > leads[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "folder", [zoo.ZOO / "maml-cheetah-velocity-told", TRAININGS / "maml-cheetah-velocity-told-seed1"]
)
def test_with_the_told_start_the_context_ends_short_of_the_fastest_speeds(folder) -> None:
    agent, speeds = zoo.load(folder), np.array([[0.5], [1.0], [1.5], [2.8], [2.9]])
    policies = agent.adapt(speeds, seed=9, steps=3).policies
    (place,) = [i for i, (name, _) in enumerate(agent.policy.named_parameters()) if name == "context"]
    errors = policies.stages[-1][place].detach().numpy() - speeds
    assert (errors[3:] < -0.15).all()
    assert np.abs(errors[:3]).mean() < 0.15
