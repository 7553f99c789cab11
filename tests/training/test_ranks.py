"""Shares of tasks: the ranks draw what one process draws, whatever their number is. No process is started here."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mpsearch import MAML, GymnasiumTasks, PointNavigation, ranks
from mpsearch.errors import NonFiniteError, RankError, UsageError
from mpsearch.shares import Share, SharedGenerator

SEED = 7


def shares_of(count, of):
    """The shares of ``count`` tasks that ``of`` ranks get."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "count", lambda: of)
        found = []
        for rank in range(of):
            patch.setattr(ranks, "number", lambda rank=rank: rank)
            found.append(Share.of(count))
    return found


def generators(count, of):
    """The generators for the simulations of each share."""
    return [SharedGenerator(np.random.default_rng(SEED), share) for share in shares_of(count, of)]


@given(st.integers(1, 30), st.integers(1, 30))
def test_shares_are_all_tasks_in_order_and_of_about_equal_size(count, of) -> None:
    rows = [range(count)[share.rows] for share in shares_of(count, of)]
    assert [k for row in rows for k in row] == list(range(count))
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


def sizes(count, of):
    return [len(range(count)[share.rows]) for share in shares_of(count, of)]


@given(st.integers(2, 9), st.integers(1, 9), st.integers(1, 3))
def test_ranks_draw_the_noise_of_one_process(count, of, episodes) -> None:
    of = min(count, of)
    whole = torch.randn((5, count, episodes), generator=torch.Generator().manual_seed(SEED))
    parts = [
        share.draw(torch.randn, (5, size, episodes), torch.Generator().manual_seed(SEED), axis=1)
        for share, size in zip(shares_of(count, of), sizes(count, of), strict=True)
    ]
    assert torch.equal(torch.cat(parts, dim=1), whole)


DRAWS = {
    "normal": lambda rng, tasks: rng.normal(0.0, 0.1, (len(tasks), 2)),
    "uniform, by name": lambda rng, tasks: rng.uniform(-1, 1, size=(len(tasks), 2, 3)),
    "one for each task": lambda rng, tasks: rng.standard_normal(len(tasks)),
    "parameters of each task": lambda rng, tasks: rng.normal(tasks[:, None], 0.1, (len(tasks), 2)),
    "whole numbers": lambda rng, tasks: rng.integers(3, size=(len(tasks), 2)),
    "of a child": lambda rng, tasks: rng.spawn(2)[1].random((len(tasks), 2)),
    "after a single number": lambda rng, tasks: rng.random() + rng.random((len(tasks), 2)),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("of", [1, 2, 3, 5])
def test_ranks_draw_the_start_states_of_one_process(name, of) -> None:
    tasks, draw = np.arange(5.0), DRAWS[name]
    whole = draw(np.random.default_rng(SEED), tasks)
    parts = [draw(rng, tasks[rng.share.rows]) for rng in generators(5, of)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("processes", [0, 1])
def test_environments_of_gymnasium_start_as_in_one_process(processes) -> None:
    family = GymnasiumTasks(
        "Pendulum-v1", 5.0, 15.0, parameter_names=["g"], id="pendulum", horizon=4, processes=processes
    )
    tasks = family.spread(4)
    whole = family.make_batch(tasks, 2).reset(np.random.default_rng(SEED))
    parts = [family.make_batch(tasks[rng.share.rows], 2).reset(rng) for rng in generators(4, 2)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(*parts)


def test_without_it_ranks_would_draw_the_same_numbers_for_different_tasks() -> None:
    parts = [np.random.default_rng(SEED).random(size) for size in sizes(4, 2)]
    assert np.array_equal(*parts)
    assert not np.array_equal(*(rng.random(2) for rng in generators(4, 2)))


def test_alone_everything_is_returned_as_it_is() -> None:
    x, rng = torch.tensor([1.0, 2.0]), np.random.default_rng(0)
    assert ranks.count() == 1
    assert ranks.number() == 0
    assert ranks.threads() == 0
    assert ranks.mean(3, x)[0] is x
    assert ranks.total(x) is x
    assert ranks.largest(1, 0) == [1, 0]
    assert Share.of(4).rows == slice(0, 4)
    assert Share.of(2).gather(x) is x
    assert Share.of(2).generator(rng) is rng
    with pytest.raises(NonFiniteError, match=r"^as it was$"), ranks.together():
        raise NonFiniteError("as it was")


def test_more_ranks_than_tasks_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(ranks, "count", lambda: 21)
    with pytest.raises(UsageError, match="21 processes cannot share the 20 tasks of an iteration; start fewer"):
        MAML(PointNavigation()).train(1, seed=0, progress=False)


def test_a_lost_rank_is_told_with_what_to_do(monkeypatch) -> None:
    def lost(*given):
        raise RuntimeError("[pair.cc:553] Connection closed by peer [127.0.0.1]:52")

    monkeypatch.setattr(ranks, "count", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", lost)
    with pytest.raises(RankError, match=r"has ended.*\(Connection closed by peer.*--resume.*--max-restarts"):
        ranks.total(torch.ones(1))


def test_patience_must_be_a_number() -> None:
    with pytest.raises(UsageError, match="patience must be"), ranks.joined(float("nan")):
        pass
