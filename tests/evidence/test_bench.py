"""The benchmark measures what it says. (That it is fast is not for a test to say.)"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace

import benchmarks
import gymnasium
import numpy as np
import pytest
from benchmarks import TINY
from torch.utils.flop_counter import FlopCounterMode

from mpsearch import cli
from mpsearch.evidence import bench
from mpsearch.evidence.bench import collecting, learning, processes, summary, timing

pytestmark = pytest.mark.slow  # measures, in small


def test_raw_physics_goes_through_the_states_of_the_closed_loop(monkeypatch) -> None:
    made = []
    make_batch = collecting.CheetahVelocity.make_batch

    def remember(*args, **kwargs):
        made.append(make_batch(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(collecting.CheetahVelocity, "make_batch", remember)
    assert collecting.closed_loop(3, 2, 5)().rewards.shape == (3, 2, 5)
    assert collecting.raw_physics(3, 2, 5)() == 30
    looped, raw = made[0], made[1]
    np.testing.assert_array_equal(raw.qpos, looped.qpos)
    assert np.ptp(raw.qpos) > 0


def test_the_policies_alone_choose_as_often_as_the_closed_loop(monkeypatch) -> None:
    calls = []

    def maker(tasks):
        return lambda: lambda observations: calls.append(observations.shape) or (np.zeros((3, 2, 6)), np.zeros((3, 2)))

    monkeypatch.setattr(collecting, "actor_maker", maker)
    assert collecting.policies_alone(3, 2, 5)() == 30
    alone = calls.copy()
    collecting.closed_loop(3, 2, 5)()
    assert calls == alone * 2 == [(3, 2, 17)] * 10


def test_rates_take_turns(monkeypatch) -> None:
    order, clock = [], iter(range(100))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: float(next(clock)))

    def run(name, steps):
        return lambda: order.append(name) or steps

    found = timing.rates({"a": run("a", 10), "b": run("b", 20)}, repeats=3)
    assert order == ["a", "b"] * 4  # one warm-up each
    assert {name: list(rate) for name, rate in found.items()} == {"a": [10.0] * 3, "b": [20.0] * 3}


def test_a_progress_bar_is_shown_where_it_is_named(capsys) -> None:
    timing.rates({"a": lambda: 1}, 1)
    assert capsys.readouterr() == ("", "")
    timing.rates({"a": lambda: 1}, 1, "collection")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "collection" in captured.err


def test_a_ratio_is_the_median_of_its_rounds_and_so_ignores_a_machine_that_slows_down() -> None:
    slowing = np.array([100.0, 50.0, 20.0])
    assert timing.ratio(3 * slowing, slowing * [1, 1, 1.5]) == 3.0
    assert timing.middle_half(3 * slowing, slowing) == [3.0, 3.0]
    assert timing.middle_half(np.array([1.0, 2, 3, 4, 5]), np.ones(5)) == [2.0, 4.0]


@pytest.mark.parametrize("sizes", [bench.FULL, bench.QUICK, TINY])
def test_every_size_is_whole_and_the_named_ones_are_measured(sizes) -> None:
    for simulations in {*sizes.simulations, *sizes.memory}:
        tasks, episodes = sizes.shape(simulations)
        assert tasks * episodes == simulations
    assert {sizes.reference, sizes.headline} <= set(sizes.simulations)


def test_the_full_sizes_answer_the_question_and_collect_as_long_in_each_run() -> None:
    sizes = bench.FULL
    assert (min(sizes.simulations), sizes.reference, max(sizes.simulations)) == (1, 40, 2000)
    assert (sizes.shape(1), sizes.shape(40), sizes.shape(2000)) == ((1, 1), (2, 20), (100, 20))
    assert sizes.collections(40) * 40 * sizes.steps == sizes.budget
    assert sizes.collections(2000) == 1
    assert sizes.collections(1) == sizes.repeats  # it would take too long


def test_collection_counts_the_control_steps_of_each_run() -> None:
    with ExitStack() as stack:
        theirs, missing = collecting.gymnasium_runs(TINY, stack)
        runs = collecting.our_runs(TINY) | theirs
        counted = {name: run() for name, run in runs.items()}
    assert missing == {}
    ours = {1: 2 * 3, 4: 2 * 12, 8: 24}  # two collections of 3 steps, or one
    for ran in ("closed_loop", "raw", "policies"):
        assert {n: counted[ran, n] for n in ours} == ours
    assert {name for name in counted if name[0] not in ("raw", "closed_loop", "policies")} == {
        ("single", 1), *((kind, n) for kind in ("SyncVectorEnv", "AsyncVectorEnv") for n in (1, 2))
    }  # fmt: skip
    assert {counted[name] for name in theirs} == {4}


def test_gymnasiums_environments_are_its_own_cheetah_and_are_closed(monkeypatch) -> None:
    made, closed = [], []
    make = gymnasium.make

    def remember(name):
        environment = make(name)
        made.append(name)
        close = environment.close
        monkeypatch.setattr(environment, "close", lambda: closed.append(close()))
        return environment

    monkeypatch.setattr(collecting.gymnasium, "make", remember)
    with ExitStack() as stack:
        run, close = collecting.single_environment(1, 3)
        stack.callback(close)
        assert run() == 3
        assert closed == []
    assert (made, closed) == (["HalfCheetah-v5"], [None])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (gymnasium.error.DependencyNotInstalled("no mujoco"), "pip install 'gymnasium[mujoco]'"),
        (OSError("no processes"), "does not allow it: no processes"),
    ],
)
def test_where_gymnasiums_environments_do_not_work_their_rows_are_missing_and_said_so(
    monkeypatch, error, reason
) -> None:
    def fail():
        raise error

    monkeypatch.setattr(collecting, "make_gymnasium_cheetah", fail)
    with ExitStack() as stack:
        runs, missing = collecting.gymnasium_runs(TINY, stack)
    assert runs == {}
    assert list(missing) == ["single", "SyncVectorEnv", "AsyncVectorEnv"]
    assert all(reason in why for why in missing.values())
    ours = {(name, n): np.ones(1) for name in ("raw", "closed_loop") for n in TINY.simulations}
    found = collecting.collection_summary(ours, missing, TINY)
    assert set(found["collection"]["curves"]) == {"raw", "closed_loop"}
    assert found["collection"]["missing"] == missing


def test_the_change_of_cost_is_that_of_the_rounds_not_of_the_medians() -> None:
    machine = np.array([1.0, 0.5, 0.1])  # grows slower
    measured = {
        ("raw", 4): 200 * machine, ("raw", 8): 250 * machine, ("raw", 1): 50 * machine,
        ("closed_loop", 1): 10 * machine, ("closed_loop", 4): 100 * machine,
        ("closed_loop", 8): 80 * machine[[0, 1, 2]], ("single", 1): np.array([1000.0] * 3),
    }  # fmt: skip
    found = collecting.collection_summary(measured, {}, TINY)
    assert found["cost_change"] == {
        "from": 4, "to": 8, "closed_loop": 0.25, "middle_half": [0.25, 0.25], "raw": -0.2
    }  # fmt: skip
    curves = found["collection"]["curves"]
    assert [(p["simulations"], p["cost"]) for p in curves["closed_loop"]] == [(1, 10.0), (4, 1.0), (8, 1.25)]
    assert curves["single"] == [{"simulations": 1, "steps_per_second": 1000, "microseconds": 1000.0, "cost": 0.05}]


@pytest.mark.parametrize("sizes", [bench.FULL, replace(bench.FULL, width=32, meta_batch=3, batch=16)])
def test_the_matrix_products_are_those_of_a_gradient_step(sizes) -> None:
    counts = []
    for run in (
        learning.gradient_steps(1, sizes), learning.matrix_products(1, sizes), learning.matrix_products(2, sizes)
    ):  # fmt: skip
        with FlopCounterMode(display=False) as counter:
            run()
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] > 1e6
    assert counts[2] == 2 * counts[1]
    agent = learning.pearl_agent(sizes)
    assert (agent.config.hidden[0], len(agent.training_tasks)) == (sizes.width, sizes.meta_batch)


def test_each_meta_iteration_differs_from_the_base_in_one_number() -> None:
    points = list(learning.iteration_points(bench.FULL))
    assert points[0] == ("base", 0, bench.FULL.base)
    for axis, value, numbers in points[1:]:
        i = learning.AXES.index(axis)
        assert numbers[i] == value != bench.FULL.base[i]
        assert [n for j, n in enumerate(numbers) if j != i] == [n for j, n in enumerate(bench.FULL.base) if j != i]


def test_a_meta_iteration_has_the_size_that_was_asked_for() -> None:
    assert learning.meta_iteration(2, 3, 2, 5)() == 2 * 3 * 5 * 3  # before, and after each of two inner steps
    assert timing.once(learning.meta_iteration(2, 3, 1, 5))() == 1


def test_costs_of_learning_are_relative_to_the_base() -> None:
    machine = np.array([1.0, 0.5])
    found = learning.iteration_summary(
        {("base", 0): 8 * machine, ("tasks", 3): 4 * machine, ("inner_steps", 2): 5 * machine}, TINY
    )
    assert found["base"] == {"tasks": 2, "episodes": 2, "inner_steps": 1, "horizon": 5}
    assert found["tasks"] == [{"size": 2, "cost": 1.0}, {"size": 3, "cost": 2.0}]
    assert found["episodes"] == [{"size": 2, "cost": 1.0}]
    assert found["inner_steps"] == [{"size": 1, "cost": 1.0}, {"size": 2, "cost": 1.6}]
    points = {(16, 2): (10, 15), (8, 2): (20, 60), (16, 1): (16, 32)}  # gradient steps and products a second
    rates = {("gradient_steps", *at): a * machine for at, (a, _) in points.items()}
    rates |= {("matrix_products", *at): b * machine for at, (_, b) in points.items()}
    found = learning.gradient_summary(rates, TINY)
    base = {"over_products": 1.5, "cost": 1.0}
    assert found["width"] == [{"size": 8, "over_products": 3.0, "cost": 0.5}, {"size": 16, **base}]
    assert found["meta_batch"] == [{"size": 1, "over_products": 2.0, "cost": 0.625}, {"size": 2, **base}]


def test_the_headline_compares_with_the_faster_vector_environment() -> None:
    loop = np.array([90.0])
    collected = {("closed_loop", 8): loop, ("closed_loop", 4): 2 * loop, ("raw", 8): np.array([100.0])}
    training = {"raw": np.array([120.0]), "meta_iteration": np.array([80.0])}
    steps = {("gradient_steps", 16, 2): np.array([20.0]), ("matrix_products", 16, 2): np.array([30.0])}
    found = summary.headline(collected, training, steps, TINY)
    assert found["speedup_over_gymnasium"] is None
    assert found["closed_loop_over_raw"] == 0.9
    assert found["maml_iteration_over_physics"] == 1.5
    assert found["pearl_step_over_products"] == 1.5
    assert found["steps_per_second"] == {"raw": 100, "meta_iteration": 80, "closed_loop": 90}
    vector = {("SyncVectorEnv", 2): np.array([30.0]), ("AsyncVectorEnv", 2): np.array([45.0])}
    found = summary.headline({**collected, **vector, ("SyncVectorEnv", 1): np.array([60.0])}, training, steps, TINY)
    assert found["speedup_over_gymnasium"] == 2.0
    assert found["steps_per_second"]["AsyncVectorEnv"] == 45


def test_a_tiny_benchmark_has_all_the_promised_parts_and_is_json(monkeypatch) -> None:
    monkeypatch.setattr(processes, "import_seconds", lambda statement: 1.0)
    monkeypatch.setattr(processes, "peak_of", lambda code: 100.0)
    found = json.loads(json.dumps(bench.benchmark(sizes=replace(TINY, simulations=(4, 8), environments=(2,)))))
    assert set(found) == set(benchmarks.RESULT)
    assert found["sizes"] == {"tasks": 2, "episodes": 2, "horizon": 5, "repeats": 1, "quick": False}
    assert found["peak_memory_mb"] is None or found["peak_memory_mb"] > 10
    for part in ("collection", "cost_change", "meta_iteration", "gradient_step", "import_time", "memory"):
        assert set(found[part]) == set(benchmarks.RESULT[part])
    assert [p["simulations"] for p in found["collection"]["curves"]["closed_loop"]] == [4, 8]
    assert set(found["collection"]["curves"]) == set(benchmarks.CURVES)
    assert found["speedup_over_gymnasium"] > 0
    assert bench.benchmark_table(found)


def test_the_table_says_the_numbers_and_what_is_missing() -> None:
    table = bench.benchmark_table(benchmarks.result())
    for words in (
        "0.90   collection",
        "4.00   collection / gymnasium's",
        "0.80   time of a step of gymnasium's environments in GymnasiumTasks / in SyncVectorEnv",
        "-10.0%   cost of a control step, from 40 to 2,000 simulations (raw physics -6.2%)",
        "400 MB and 100 kB for each, with its episode of 200 steps; linear",
        "0.20   time of import mpsearch / time of import torch (1.30",
        "us a control step, single: 90.0 (1)",
        "by inner steps: 1.00 (1), 1.60 (2), 2.30 (3)",
        "PEARL's step / its products, by meta-batch: 1.60 (4), 1.40 (16)",
    ):
        assert words in table
    assert "not measured" not in table
    lacking = bench.benchmark_table(benchmarks.without_gymnasium() | {"memory": None})
    assert "not measured: SyncVectorEnv (no physics)" in lacking
    assert "fastest vector" not in lacking
    assert "this system does not say" in lacking


def test_the_command_prints_json_and_draws_a_figure(monkeypatch, capsys, tmp_path) -> None:
    asked = []
    monkeypatch.setattr(summary, "benchmark", lambda **options: asked.append(options) or benchmarks.result())
    figure = tmp_path / "bench.png"
    assert cli.main(["bench", "--quick", "--json", "--figure", str(figure)]) == 0
    assert json.loads(capsys.readouterr().out) == benchmarks.result()
    assert asked == [{"quick": True, "progress": True}]
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert cli.main(["bench", "--figure", str(figure)]) == 0
    out = capsys.readouterr().out
    assert "0.90   collection" in out
    assert f"{figure}: Cost of a control step from 40" in out
    for wrong in (tmp_path / "bench.txt", tmp_path / "nowhere" / "bench.png"):
        assert cli.main(["bench", "--figure", str(wrong)]) == 2
        assert "--figure must name a .png file in a folder that exists" in capsys.readouterr().err
    assert len(asked) == 2  # nothing is measured in vain
