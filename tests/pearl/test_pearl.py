"""PEARL as a whole: it learns, resumes to the bit, adapts without touching itself, and refuses bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mpsearch import PEARL, CheetahDirection, PEARLConfig, PointNavigation
from mpsearch.errors import CheckpointError, NonFiniteError, UsageError
from mpsearch.training.storage import read_card, write_card

SMALL = {
    "training_tasks": 6, "gradient_steps": 4, "batch": 16, "context": 10, "hidden": (16,), "encoder_hidden": (16,),
    "evaluate_every": 2, "evaluation_tasks": 3, "replay_size": 2_000,
}  # fmt: skip


def small(**changes) -> PEARL:
    return PEARL(PointNavigation(horizon=10), PEARLConfig(**{**SMALL, **changes}))


def assert_same(a: PEARL, b: PEARL) -> None:
    for name, tensor in a._tensors().items():
        assert torch.equal(tensor, b._tensors()[name]), name


def count_files(folder, pattern):
    return len(list(folder.glob(pattern)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"actor_every": 3, "context_stages": 2},
        {"replay_size": 360, "recent": 2},  # 6 episodes a task: old ones are replaced
        {"gradient_steps": 0},
    ],
)
@pytest.mark.slow
def test_a_resumed_training_equals_one_that_never_stopped_to_the_bit(changes, tmp_path) -> None:
    whole = small(**changes)
    whole.train(9, seed=7, folder=tmp_path / "whole", progress=False)
    parts = small(**changes)
    for iterations in (1, 3, 5):
        parts.train(iterations, seed=7, folder=tmp_path / "parts", progress=False)
        parts = PEARL.load(tmp_path / "parts")
    assert_same(whole, parts)
    np.testing.assert_array_equal(whole.training_tasks, parts.training_tasks)
    timings = ("wall_seconds", "cpu_seconds", "steps_per_second")
    logs = [
        [
            {key: value for key, value in json.loads(line).items() if key not in timings}
            for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        ]
        for name in ("whole", "parts")
    ]
    assert logs[0] == logs[1]
    assert len(logs[0]) == 9


def test_the_replay_matters_to_a_resumed_training(tmp_path) -> None:
    """The control of the test above: without the replay, the same continuation is another one."""
    agent = small()
    agent.train(3, seed=7, folder=tmp_path, progress=False)
    resumed = PEARL.load(tmp_path)
    resumed._train_on(resumed.training_tasks)  # empties it
    for each in (agent, resumed):
        each.train(1, seed=7, progress=False)
    with pytest.raises(AssertionError):
        assert_same(agent, resumed)


def test_a_checkpoint_grows_by_what_is_new(tmp_path) -> None:
    agent = small()
    sizes = []
    for _ in range(3):
        agent.train(1, seed=0, folder=tmp_path, progress=False)
        shards = read_card(tmp_path)["shards"]
        sizes.append([shard["bytes"] for shard in shards])
        assert count_files(tmp_path, "shard-*") == len(shards)
        assert count_files(tmp_path, "weights-*") == 1
    assert sizes[2][:2] == sizes[1]  # earlier files stay as they are
    assert sizes[2][2] < sizes[2][0]  # the first holds the random episodes too
    agent.save(tmp_path / "elsewhere")
    assert len(read_card(tmp_path / "elsewhere")["shards"]) == 1
    assert_same(agent, PEARL.load(tmp_path / "elsewhere"))


def test_files_that_a_crash_left_behind_are_removed_by_the_next_save(tmp_path) -> None:
    agent = small()
    agent.train(1, seed=0, folder=tmp_path, progress=False)
    (tmp_path / "shard-0123456789ab.safetensors").write_bytes(b"half a file")
    PEARL.load(tmp_path).train(1, seed=0, folder=tmp_path, progress=False)
    assert not (tmp_path / "shard-0123456789ab.safetensors").exists()


def test_a_save_into_a_folder_that_lost_its_shards_writes_them_again(tmp_path) -> None:
    agent = small()
    agent.train(1, seed=0, folder=tmp_path, progress=False)
    for shard in tmp_path.glob("shard-*"):
        shard.unlink()
    agent.save(tmp_path)
    np.testing.assert_array_equal(PEARL.load(tmp_path).replay.rewards, agent.replay.rewards)


def test_a_missing_shard_is_named(tmp_path) -> None:
    small_agent = small()
    small_agent.train(1, seed=0, folder=tmp_path, progress=False)
    (shard,) = tmp_path.glob("shard-*")
    shard.unlink()
    with pytest.raises(CheckpointError, match=shard.name):
        PEARL.load(tmp_path)


@pytest.mark.parametrize("damage", [{"training_tasks": [[0.1]]}, {"training_tasks": None}, {"shards": 3}])
def test_an_edited_card_gets_a_sentence(damage, tmp_path) -> None:
    agent = small()
    agent.train(1, seed=0, folder=tmp_path, progress=False)
    write_card(tmp_path, {**read_card(tmp_path), **damage})
    with pytest.raises(CheckpointError, match="damaged"):
        PEARL.load(tmp_path)


def test_networks_without_their_replay_can_train_on(tmp_path) -> None:
    """The shipped meta-policies have none: such a training explores every task first."""
    agent = small()
    agent.train(2, seed=0, folder=tmp_path, progress=False)
    card = read_card(tmp_path)
    del card["shards"]
    (tmp_path / "card.json").write_text(json.dumps(card))  # as it is shipped: without the seal
    resumed = PEARL.load(tmp_path)
    assert not resumed.replay.added.any()
    resumed.train(1, seed=0, progress=False)
    assert resumed.replay.added.all()


def test_a_start_from_another_training_takes_over_networks_tasks_and_cost(tmp_path) -> None:
    first = small()
    first.train(2, seed=0, folder=tmp_path, progress=False)
    second = small(rate=1e-5, gradient_steps=0)
    second.start_from(tmp_path)
    assert_same(first, second)
    np.testing.assert_array_equal(first.training_tasks, second.training_tasks)
    np.testing.assert_array_equal(first.replay.rewards, second.replay.rewards)
    second.train(1, seed=5, progress=False)
    assert second.iteration == 3
    assert second.env_steps > first.env_steps
    with pytest.raises(CheckpointError, match="architecture"):
        small(hidden=(17,)).start_from(tmp_path)


def test_another_seed_gives_other_training_tasks_and_another_training() -> None:
    a, b = small(), small()
    a.train(1, seed=0, progress=False)
    b.train(1, seed=1, progress=False)
    assert not np.array_equal(a.training_tasks, b.training_tasks)
    with pytest.raises(AssertionError):
        assert_same(a, b)


def test_the_direction_has_two_training_tasks() -> None:
    agent = PEARL(CheetahDirection(horizon=2), PEARLConfig(gradient_steps=0, replay_size=100))
    agent.train(1, seed=0, progress=False)
    np.testing.assert_array_equal(agent.training_tasks, [[-1.0], [1.0]])


def test_training_leaves_the_global_generators_alone() -> None:
    state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 - the global one is what must not move
    agent = small()
    agent.train(1, seed=0, progress=False)
    agent.adapt([[0.1, 0.1]], seed=0)
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002


def test_contexts_come_from_the_stages_that_count_as_exploration() -> None:
    for context_stages in (1, 2):
        agent = small(context_stages=context_stages, random_episodes=1, tasks_per_iteration=6)
        agent.train(1, seed=0, progress=False)
        np.testing.assert_array_equal(agent.replay.added, 3)
        np.testing.assert_array_equal(agent.replay.explored, 1 + context_stages)


def test_several_explorers_each_add_their_own_episodes() -> None:
    agent = small(explorers=3, random_episodes=1, tasks_per_iteration=6)
    agent.train(1, seed=0, progress=False)
    np.testing.assert_array_equal(agent.replay.added, 1 + 3 * 2)
    first = agent.replay.rewards[0, 1:7]
    assert len(np.unique(first, axis=0)) == 6


def test_the_metrics_tell_returns_kl_temperature_and_values() -> None:
    seen = []
    small().train(3, seed=0, callback=seen.append, progress=False)
    assert [("held_out" in metrics) for metrics in seen] == [True, False, True]
    assert len(seen[0]["held_out"]) == 3
    assert len(seen[0]["kl"]) == 5
    assert min(seen[0]["kl"]) > 0
    assert {"q", "temperature", "entropy", "critic_loss", "actor_loss", "before", "after"} <= seen[0].keys()
    assert seen[0]["env_steps"] == 6 * 5 * 10 + 2 * 2 * 10  # random episodes, then two stages on two tasks
    assert seen[2]["env_steps"] == seen[0]["env_steps"] + 2 * 40
    json.dumps(seen)


def test_divergence_stops_with_the_name_of_the_culprit_and_keeps_the_checkpoint(tmp_path) -> None:
    agent = small()
    agent.train(1, seed=0, folder=tmp_path, progress=False)
    with torch.no_grad():
        agent.critic.layers.weights[0][0, 0, 0] = float("nan")
    with pytest.raises(NonFiniteError, match="critic_loss is not finite in gradient step 0 of iteration 1"):
        agent.train(1, seed=0, folder=tmp_path, progress=False)
    assert PEARL.load(tmp_path).iteration == 1


def test_adapting_changes_nothing_of_the_agent_and_repeats_itself() -> None:
    agent = small()
    agent.train(1, seed=0, progress=False)
    before = {name: tensor.detach().clone() for name, tensor in agent._tensors().items()}
    first, second = (agent.adapt(agent.tasks.spread(3), seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.returns, second.returns)
    assert not np.array_equal(first.returns, agent.adapt(agent.tasks.spread(3), seed=6).returns)
    assert all(torch.equal(before[name], tensor) for name, tensor in agent._tensors().items())


def test_the_result_has_the_shapes_it_promises_and_says_what_each_stage_acts_on() -> None:
    agent = small()
    agent.train(1, seed=0, progress=False)
    result = agent.adapt([[0.3, 0.3], [-0.3, 0.0]], seed=0, episodes=4, steps=3)
    assert result.returns.shape == (2, 4, 4)
    assert result.trajectories.shape == (2, 4, 11, 2)
    np.testing.assert_array_equal(result.env_steps, [0, 40, 80, 120])
    assert result.stage_names == ("prior", "posterior 1", "posterior 2", "posterior mean")
    mean, std = result.beliefs
    assert mean.shape == (2, 4, 5)
    np.testing.assert_array_equal(mean[:, 0], 0.0)
    np.testing.assert_array_equal(std[:, 0], 1.0)
    assert (np.diff(std, axis=1) < 0).all()  # every episode sharpens the belief
    policy = result.policy(1)
    assert policy(np.zeros(2)).shape == (2,)
    np.testing.assert_allclose(policy(np.zeros((3, 5, 2)))[1, 2], policy(np.zeros(2)), rtol=1e-5)
    distance = np.linalg.norm(result.trajectories[1, :, 1:] - result.tasks[1], axis=-1)
    np.testing.assert_allclose(-distance, result.rewards[1], rtol=1e-4)
    np.testing.assert_allclose(result.rewards.sum(-1), result.returns[..., 0], rtol=1e-6)


def test_a_policy_of_the_result_acts_as_its_stage_did() -> None:
    agent = small()
    agent.train(1, seed=0, progress=False)
    result = agent.adapt([[0.3, 0.3]], seed=0)
    for stage in range(3):
        env = agent.tasks.make_env([0.3, 0.3])
        observation, _ = env.reset(seed=0)
        total, done = 0.0, False
        while not done:
            observation, reward, _, done, _ = env.step(result.policy(0, stage)(observation))
            total += reward
        assert total == pytest.approx(result.returns[0, stage, 0], rel=1e-4)


def test_no_step_is_just_the_prior() -> None:
    result = small().adapt([[0.1, 0.1]], seed=0, steps=0)
    assert result.stage_names == ("prior",)
    np.testing.assert_array_equal(result.before, result.after)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": 0}, "batch must be a whole number of at least 1"),
        ({"context": 2.5}, "context must be a whole number"),
        ({"gradient_steps": -1}, "gradient_steps"),
        ({"discount": 1.0}, "discount must be at least 0 and below 1"),
        ({"rate": 0.0}, "rate"),
        ({"kl_weight": -1.0}, "kl_weight"),
        ({"target_rate": 0.0}, "target_rate"),
    ],
)
def test_a_bad_hyper_parameter_gets_a_sentence(changes, words) -> None:
    with pytest.raises(UsageError, match=words):
        small(**changes)


def test_a_replay_too_small_for_its_explorations_says_so() -> None:
    with pytest.raises(UsageError, match=r"3 episodes for each of 6 tasks cannot keep 10 recent .*; raise replay_size"):
        small(replay_size=180).train(1, seed=0, progress=False)


def test_a_replay_beyond_the_memory_says_what_it_would_need() -> None:
    with pytest.raises(UsageError, match=r"needs .* GB, and this machine has .*; lower replay_size"):
        small(replay_size=10**13).train(1, seed=0, progress=False)


def test_a_checkpoint_on_tasks_of_other_shapes_is_refused(tmp_path) -> None:
    small().save(tmp_path)
    with pytest.raises(CheckpointError, match="architecture"):
        PEARL.load(tmp_path, CheetahDirection())
