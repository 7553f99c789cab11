"""The cost model: closed forms of the prediction, and the parts that are measured in a process that is alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mpsearch import MAML, PEARL, CheetahDirection, MAMLConfig, PointNavigation, ranks
from mpsearch.evidence import results
from mpsearch.evidence.page import scaling as page
from mpsearch.evidence.scaling import measured
from mpsearch.evidence.scaling.model import Computation, Network, computation, predicted, speedup
from mpsearch.evidence.scaling.parts import Job, measure_rank, measure_ranks, one_of
from mpsearch.seeding import Streams
from mpsearch.shares import Share
from mpsearch.view import plots

COUNTS = np.array([1.0, 2.0, 4.0, 8.0])
FREE = Network(latency=0.0, bandwidth=1e30)
PARTS = {"ranks": [{"ranks": r, "seconds": 1 + 9 / r, "exchanges": [100, 300]} for r in (1, 2, 10)]}


def test_the_fit_finds_what_every_rank_does_and_what_they_share() -> None:
    fit = Computation.fitted(COUNTS, 0.5 + 4.5 / COUNTS)
    np.testing.assert_allclose([fit.same, fit.shared, fit.fraction], [0.5, 4.5, 0.1])


def test_the_fit_finds_latency_and_bandwidth() -> None:
    sizes = np.array([4.0, 1e3, 1e5, 1e6])
    fit = Network.fitted(sizes, 2 * 1e-4 + sizes / 1e8)
    np.testing.assert_allclose([fit.latency, fit.bandwidth], [1e-4, 1e8])
    np.testing.assert_allclose(fit.all_reduce(sizes, 2), 2e-4 + sizes / 1e8)


def test_a_ring_sends_nearly_twice_the_bytes_in_twice_as_many_messages_as_there_are_others() -> None:
    assert Network(1.0, 1e30).all_reduce(8.0, 5) == pytest.approx(8)
    assert Network(0.0, 1.0).all_reduce(10.0, 5) == pytest.approx(2 * 4 / 5 * 10)
    assert Network(1.0, 1.0).all_reduce(10.0, 1) == 0


def test_with_a_free_network_the_speedup_is_amdahls() -> None:
    assert computation(PARTS).fraction == pytest.approx(0.1)
    for count in (1, 2, 9, 256):
        assert speedup(PARTS, FREE, count) == pytest.approx(1 / (0.1 + 0.9 / count))


def test_exchanges_cost_time_so_that_too_many_ranks_are_slower() -> None:
    slow = Network(latency=0.05, bandwidth=1e4)
    assert predicted(PARTS, slow, 1) == pytest.approx(10)
    assert predicted(PARTS, slow, 2) == pytest.approx(5.5 + 2 * 2 * 0.05 + 400 / 1e4)
    assert speedup(PARTS, slow, 256) < speedup(PARTS, slow, 8)


def test_a_rank_that_is_alone_computes_its_share_and_notes_what_it_would_exchange() -> None:
    share_of, seen = [], []
    agent = MAML(PointNavigation(horizon=4), MAMLConfig(tasks_per_iteration=6, episodes=2, hidden=(8,)))
    explore = agent._explore
    agent._explore = lambda batch, *more, **named: seen.append(len(batch.tasks)) or explore(batch, *more, **named)
    with one_of(3) as found:
        share_of.append(Share.of(6))
        agent._iterate(Streams(0))
    parameters = sum(p.numel() for p in agent.policy.parameters())
    assert share_of == [Share(6, 0, 2)]
    assert seen == [2, 2]
    assert 6 * parameters * 4 in found.sizes  # the gradients of all tasks, in float32
    assert ranks.count() == 1
    agent._iterate(Streams(0))
    assert seen[2:] == [6, 6]


def test_the_other_ranks_have_copies_of_the_own_values() -> None:
    with one_of(3) as found:
        assert Share.of(3).gather(torch.tensor([7.0])).tolist() == [7, 7, 7]
        assert ranks.total(torch.tensor([7.0])).tolist() == [7]
    assert found.sizes == [12, 4]


def test_one_rank_of_many_computes_less_than_one_of_one() -> None:
    found = measure_ranks(Job(tasks=4, episodes=2, horizon=5), [1, 2], repeats=1)
    one, two = found["ranks"]
    assert one["exchanges"] == []
    assert len(two["exchanges"]) > 10
    assert 0 < two["simulation_seconds"] < two["seconds"]
    assert json.loads(json.dumps(found)) == found


def test_one_rank_measures_as_many_ranks_as_told() -> None:
    assert measure_rank(Job(tasks=2, episodes=1, horizon=3), 2, 1)["ranks"] == 2


@pytest.fixture
def record(monkeypatch):
    job = {"tasks": 10, "episodes": 2, "horizon": 5}
    rows = [{**each, "simulation_seconds": each["seconds"] / 2} for each in PARTS["ranks"]]
    kinds = {name: {"job": job, "ranks": rows} for name in ("small", "large")}
    kinds["exchange"] = [{"bytes": size, "seconds": 2e-4 + size / 1e8} for size in (4, 1000, 1_000_000)]
    kinds["iterations"] = dict(zip(measured.CONFIGURATIONS, ([10.0, 12.0], [5.0, 5.0], [5.5, 6.0]), strict=True))
    found = {name: {"result": each, "command": f"measure {name}", "loads": [0.5, 0.6]} for name, each in kinds.items()}
    monkeypatch.setattr(results, "scaling", lambda: found)


def test_the_page_says_what_is_measured_and_what_is_predicted(record) -> None:
    text = page.scaling()
    assert "1.15 [1.10, 1.20] times as long as one rank with two threads" in text
    assert "For two ranks the model says 5.50 s, and 10.00 s for one rank that has one core only" in text
    assert "10.0% of one rank's time" in text
    assert "100 µs a message and 100 MB/s" in text
    assert "`measure exchange`, load 0.5 to 0.6" in text


def test_pearls_ranks_share_a_step_and_exchange_all_that_is_learned(record) -> None:
    size = 4 * sum(p.numel() for p in PEARL(CheetahDirection()).learning.learned)
    step = 1 / results.benchmark()["result"]["pearl_steps_per_second"]["gradient_steps"]
    faster = step / (step / 2 + 2e-4 + size / 1e8)  # the all-reduce of the record between two ranks
    assert f"{size / 1e6:.1f} MB, at every gradient step" in page.pearl()
    assert f"{faster:.1f} times faster with 2 ranks" in page.pearl()


def test_what_is_not_measured_is_not_claimed(record, monkeypatch) -> None:
    large = {"large": results.scaling()["large"]}
    monkeypatch.setattr(results, "scaling", lambda: large)
    text = page.scaling()
    assert "All-reduces have not been measured yet" in text
    assert "Whole iterations with two ranks have not been measured yet" in text
    assert page.LOOPBACK not in text
    monkeypatch.setattr(results, "scaling", dict)
    assert page.scaling() == "*Not measured yet.*\n"


def test_the_picture_has_every_curve_and_its_words(record) -> None:
    curves = page.curves()
    axes = plots.plot_speedup(curves)
    labels = [line.get_label() for line in axes.get_lines()]
    assert labels == [*curves, "in proportion"]
    assert "measured, whole iterations: 1.0 with 1, 1.7 with 2" in plots.describe_speedup(curves)
