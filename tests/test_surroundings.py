"""Whatever the surrounding program has set for torch, the library gives the same numbers and changes nothing."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import threading
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
import torch
from agents import algorithms, make

import mpsearch
from mpsearch import MAMLConfig, PEARLConfig, evaluate
from mpsearch.errors import UsageError
from mpsearch.surroundings import one_torch_thread


@contextmanager
def default_dtype(dtype):
    earlier = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
        assert torch.get_default_dtype() == dtype
    finally:
        torch.set_default_dtype(earlier)


@contextmanager
def default_device(name):
    torch.set_default_device(name)
    try:
        yield
        assert torch.get_default_device().type == name
    finally:
        torch.set_default_device(None)


SURROUNDINGS = {
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "anomaly detection": torch.autograd.detect_anomaly,
}
every_surrounding = pytest.mark.parametrize("name", SURROUNDINGS)
TASKS = np.array([[0.3, -0.2]])


def train_and_adapt(algorithm, tmp_path):
    """What a training, a checkpoint, an adaptation and its policy give."""
    agent = make(algorithm)
    agent.train(2, seed=3, folder=tmp_path, progress=False)
    result = mpsearch.load(tmp_path).adapt(TASKS, seed=1)
    tensors = {name: tensor.detach().clone() for name, tensor in agent._tensors().items()}
    return tensors, result.returns, result.policy(0)(np.array([0.1, 0.2]))


@algorithms
@every_surrounding
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.slow
def test_training_saving_loading_and_adapting_give_the_same_numbers(algorithm, name, tmp_path) -> None:
    expected = train_and_adapt(algorithm, tmp_path / "plain")
    with SURROUNDINGS[name]():
        found = train_and_adapt(algorithm, tmp_path / "surrounded")
    assert all(torch.equal(tensor, found[0][key]) for key, tensor in expected[0].items())
    assert (found[1] == expected[1]).all()
    assert (found[2] == expected[2]).all()


def test_shipped_weights_load_and_adapt_under_another_dtype_and_device() -> None:
    agent = mpsearch.load("maml-point-navigation")
    expected = agent.adapt(TASKS, seed=0, steps=1).returns
    with default_dtype(torch.float64), default_device("cpu"), torch.inference_mode():
        assert (mpsearch.load("maml-point-navigation").adapt(TASKS, seed=0, steps=1).returns == expected).all()


@algorithms
def test_agents_made_in_inference_mode_can_be_trained_outside(algorithm) -> None:
    with torch.inference_mode():
        agent = make(algorithm)
    agent.train(1, seed=0, progress=False)
    assert agent.iteration == 1


@algorithms
def test_threads_side_by_side_give_the_same_numbers_and_leave_torchs_threads_as_they_were(algorithm) -> None:
    agent, count = make(algorithm), torch.get_num_threads()
    expected, found = agent.adapt(TASKS, seed=0).returns, []
    threads = [threading.Thread(target=lambda: found.append(agent.adapt(TASKS, seed=0).returns)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert all((returns == expected).all() for returns in found)
    assert torch.get_num_threads() == count


def test_the_last_sampler_gives_torch_its_threads_back_whatever_the_order() -> None:
    count = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first, second = one_torch_thread(), one_torch_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert torch.get_num_threads() == 1
        second.__exit__(None, None, None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(count)


@algorithms
def test_a_result_is_the_same_after_pickling_and_copying_and_knows_its_policies(algorithm) -> None:
    agent = make(algorithm)
    result = agent.adapt(TASKS, seed=0)
    expected = result.policy(0)(np.array([0.1, 0.2]))
    copies = [pickle.loads(pickle.dumps(result)), copy.deepcopy(result)]
    agent.train(1, seed=0, progress=False)  # the agent goes on; what it had adapted to stays
    for other in (result, *copies):
        assert (other.returns == result.returns).all()
        assert (other.policy(0)(np.array([0.1, 0.2])) == expected).all()


def adapt_in_a_process(seed):
    """What a worker process does."""
    return mpsearch.load("maml-point-navigation").adapt(TASKS, seed=seed, steps=1)


@pytest.mark.slow
def test_a_fresh_process_adapts_and_sends_its_result_back() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        result = pool.apply(adapt_in_a_process, (0,))
    assert (result.returns == adapt_in_a_process(0).returns).all()


# --- NumPy's numbers


def test_numpys_numbers_are_pythons_in_configurations_and_seeds(tmp_path) -> None:
    config = MAMLConfig(
        tasks_per_iteration=np.int32(2), episodes=np.int64(2), hidden=np.array([8]), inner_rate=np.float32(0.5),
        learn_rates=np.bool_(False),
    )  # fmt: skip
    plain = MAMLConfig(tasks_per_iteration=2, episodes=2, hidden=[8], inner_rate=0.5)
    assert config == plain
    agent = mpsearch.MAML(mpsearch.PointNavigation(horizon=np.int64(4), sparse=np.bool_(False)), config)
    agent.train(np.int64(1), seed=np.uint8(0), folder=tmp_path, progress=False)
    assert mpsearch.load(tmp_path).config == plain
    assert PEARLConfig(latent=np.int8(3)).latent == 3


def test_numpys_numbers_are_pythons_in_results() -> None:
    agent = mpsearch.MAML(mpsearch.PointNavigation(horizon=4), MAMLConfig(episodes=2, hidden=(8,)))
    numbers = evaluate(agent, TASKS, np.arange(2), steps=np.int64(1))
    assert numbers.seeds == (0, 1)
    assert pickle.dumps(numbers)
    import json

    assert json.loads(json.dumps(numbers.to_json()))["seeds"] == [0, 1]


@pytest.mark.parametrize("wrong", [np.float64(2.5), np.nan, np.inf, np.bool_(True), "2", None, np.array([2])])
def test_what_is_no_count_is_refused(wrong) -> None:
    with pytest.raises(UsageError, match="episodes must be a whole number"):
        MAMLConfig(episodes=wrong)


def test_settings_that_no_card_can_hold_are_refused_before_training(tmp_path) -> None:
    class Odd(mpsearch.PointNavigation):
        id = "odd"

        @property
        def config(self):
            return {"size": {1, 2}}

    agent = mpsearch.MAML(Odd(horizon=4), MAMLConfig(tasks_per_iteration=2, episodes=2, hidden=(8,)))
    with pytest.raises(UsageError, match=r"tasks.config.size = \{1, 2\} cannot be saved"):
        agent.train(1, seed=0, folder=tmp_path / "run", progress=False)
    assert agent.iteration == 0
    agent.train(1, seed=0, progress=False)  # without a folder there is nothing to save


def test_nothing_is_left_set() -> None:
    with nullcontext():
        assert torch.get_default_dtype() == torch.float32
        assert torch.is_grad_enabled()
