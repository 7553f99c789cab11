"""The benchmark measures what it says. (That it is fast is not for a test to say.)"""

from __future__ import annotations

import numpy as np
import pytest
from torch.utils.flop_counter import FlopCounterMode

from mpsearch import bench


def test_raw_physics_goes_through_the_states_of_the_closed_loop(monkeypatch) -> None:
    made = []
    make_batch = bench.CheetahVelocity.make_batch

    def remember(*args, **kwargs):
        made.append(make_batch(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(bench.CheetahVelocity, "make_batch", remember)
    assert bench.closed_loop(3, 2, 5)().rewards.shape == (3, 2, 5)
    assert bench.raw_physics(3, 2, 5)() == 30
    looped, raw = made[0], made[1]
    np.testing.assert_array_equal(raw.qpos, looped.qpos)
    assert np.ptp(raw.qpos) > 0


def test_rates_take_turns(monkeypatch) -> None:
    order, clock = [], iter(range(100))
    monkeypatch.setattr(bench.time, "perf_counter", lambda: float(next(clock)))

    def run(name, steps):
        return lambda: order.append(name) or steps

    found = bench.rates({"a": run("a", 10), "b": run("b", 20)}, repeats=3)
    assert order == ["a", "b"] * 4  # one warm-up each
    assert {name: list(rate) for name, rate in found.items()} == {"a": [10.0] * 3, "b": [20.0] * 3}


def test_a_ratio_is_the_median_of_its_rounds_and_so_ignores_a_machine_that_slows_down() -> None:
    slowing = np.array([100.0, 50.0, 20.0])
    assert bench.ratio(3 * slowing, slowing * [1, 1, 1.5]) == 3.0


@pytest.mark.parametrize("vector", [{}, {"SyncVectorEnv": None}])
def test_the_result_has_the_promised_numbers_and_a_table(monkeypatch, vector) -> None:
    speeds = {"raw": 100.0, "closed_loop": 90.0, "SyncVectorEnv": 30.0, "meta_iteration": 80.0}
    speeds |= {"gradient_steps": 20.0, "matrix_products": 30.0}
    closed = []
    monkeypatch.setattr(bench, "gymnasium_runs", lambda steps: (vector, [lambda: closed.append(True)]))
    monkeypatch.setattr(bench, "rates", lambda runs, repeats: {name: np.array([speeds[name]]) for name in runs})
    for name in ("raw_physics", "closed_loop", "meta_iteration", "gradient_steps", "matrix_products"):
        monkeypatch.setattr(bench, name, lambda *args: None)
    result = bench.benchmark(quick=True)
    assert closed == [True]
    assert result["closed_loop_over_raw"] == 0.9
    assert result["speedup_over_gymnasium"] == (3.0 if vector else None)
    assert result["maml_iteration_over_physics"] == 1.25
    assert result["pearl_step_over_products"] == 1.5
    assert result["peak_memory_mb"] is None or result["peak_memory_mb"] > 10
    assert "0.90   collection" in bench.benchmark_table(result)
    assert ("gymnasium's" in bench.benchmark_table(result)) == bool(vector)


def test_the_matrix_products_are_those_of_a_gradient_step() -> None:
    counts = []
    for run in (bench.gradient_steps(1), bench.matrix_products(1), bench.matrix_products(2)):
        with FlopCounterMode(display=False) as counter:
            run()
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] > 1e9
    assert counts[2] == 2 * counts[1]


def test_gymnasiums_environments_are_those_of_its_own_cheetah() -> None:
    run, close = bench.vector_environment(bench.gymnasium.vector.SyncVectorEnv, 2)
    try:
        assert run() == 2 * bench.ENVIRONMENTS
    finally:
        close()
