"""The command line: what it prints, its exit codes, and a sentence for each mistake."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from mpsearch import Evaluation
from mpsearch.cli import main
from mpsearch.cli.arguments import parse_settings
from mpsearch.errors import UsageError
from mpsearch.evidence.baselines import RATES


def run(capsys, *words: str) -> tuple[int, str, str]:
    try:
        code = main(list(words))
    except SystemExit as stop:  # tyro's own refusal
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module", name="trained")
def _trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "agent"
    settings = ["--set", "episodes=3", "tasks_per_iteration=2", "hidden=[4]", "--family", "horizon=5"]
    assert main(["train", "maml", "point-navigation", "--iterations", "2", "--folder", str(folder), *settings]) == 0
    return folder


def test_adapt_json_is_one_object_with_the_promised_keys(capsys) -> None:
    code, out, err = run(capsys, "adapt", "maml", "cheetah-direction", "--json", "--episodes", "3", "--steps", "1")
    assert (code, err) == (0, "")
    result = json.loads(out)
    keys = ["algorithm", "tasks", "seed", "horizon", "env_steps", "results", "before", "after", "worst", "fell"]
    assert list(result) == keys
    assert (result["algorithm"], result["tasks"], result["seed"]) == ("maml", "cheetah-direction", 0)
    assert [entry["task"] for entry in result["results"]] == [[1.0], [-1.0]]
    assert result["env_steps"] == [0, 600]
    for entry in result["results"]:
        assert [len(stage) for stage in entry["returns"]] == [3, 3]
        assert entry["after"] == pytest.approx(sum(entry["returns"][-1]) / 3)
    assert result["after"] == pytest.approx(sum(entry["after"] for entry in result["results"]) / 2)


def test_adapt_within_the_first_episode_says_so(capsys) -> None:
    words = ["adapt", "pearl", "point-navigation", "--task", "0.3", "0.3", "--steps", "0"]
    _, out, _ = run(capsys, *words, "--resample-every", "7")
    assert "first episode" in out
    assert "z is drawn anew every 7 steps" in out
    _, out, _ = run(capsys, *words, "--resample-every", "0")
    assert "before" in out
    assert "drawn anew" not in out
    _, out, _ = run(capsys, *words, "--resample-every", "7", "--json")
    assert json.loads(out)["resample_every"] == 7
    code, _, err = run(capsys, "adapt", "maml", "point-navigation", "--resample-every", "7")
    assert (code, "leave out resample_every" in err) == (2, True)


def test_adapt_prints_a_row_for_each_task(capsys) -> None:
    code, out, _ = run(capsys, "adapt", "maml", "point-navigation", "--task", "0.3", "0.3", "-0.2", "0.1")
    assert code == 0
    head, *rows = out.splitlines()
    assert head.split()[:3] == ["x", "y", "before"]
    assert [row.split()[:2] for row in rows[:2]] == [["0.30", "0.30"], ["-0.20", "0.10"]]
    assert rows[0].index("0.30") + len("0.30") == head.index("x") + 1 == rows[1].index("-0.20") + len("-0.20")
    assert rows[2].startswith("mean")
    assert "on the task x " in out


def test_without_a_task_velocity_takes_five_evenly_spread(capsys) -> None:
    _, out, _ = run(capsys, "adapt", "maml", "cheetah-velocity", "--json", "--episodes", "1", "--steps", "0")
    assert [entry["task"][0] for entry in json.loads(out)["results"]] == pytest.approx([0.3, 0.9, 1.5, 2.1, 2.7])


@pytest.mark.slow
def test_a_run_can_be_resumed_evaluated_and_adapted(capsys, trained) -> None:
    code, out, _ = run(capsys, "train", "maml", "point-navigation", "--iterations", "3", "--resume", str(trained))
    assert code == 0
    assert "3 iterations" in out
    code, out, _ = run(
        capsys, "evaluate", "maml", "point-navigation", "--weights", str(trained), "--seeds", "2", "--count", "3"
    )
    assert code == 0
    assert "95 % interval" in out
    code, out, _ = run(capsys, "adapt", "maml", "point-navigation", "--weights", str(trained), "--json")
    assert json.loads(out)["horizon"] == 5


PEARL_SETTINGS = ["training_tasks=4", "gradient_steps=2", "hidden=[8]", "encoder_hidden=[8]", "replay_size=400"]


def test_pearl_can_be_trained_resumed_adapted_and_evaluated(capsys, tmp_path) -> None:
    folder, family = tmp_path / "run", ["--family", "sparse=true", "horizon=5"]
    words = ["train", "pearl", "point-navigation", "--folder", str(folder), "--set", *PEARL_SETTINGS, *family]
    assert run(capsys, *words, "--iterations", "1")[0] == 0
    code, out, _ = run(capsys, "train", "pearl", "point-navigation", "--iterations", "2", "--resume", str(folder))
    assert (code, "2 iterations" in out) == (0, True)
    code, out, _ = run(capsys, "adapt", "pearl", "point-navigation", "--weights", str(folder))
    assert (code, "posterior mean" in out, "one episode of 5 steps" in out) == (0, True, True)
    code, out, _ = run(capsys, "adapt", "pearl", "point-navigation", "--weights", str(folder), "--json")
    result = json.loads(out)
    assert result["stage_names"] == ["prior", "posterior 1", "posterior mean"]
    assert result["env_steps"] == [0, 5, 10]
    code, out, _ = run(
        capsys, "evaluate", "pearl", "point-navigation", "--weights", str(folder), "--seeds", "2", "--count", "3"
    )
    assert (code, "goal reached by then" in out) == (0, True)
    code, _, err = run(capsys, "adapt", "maml", "point-navigation", "--weights", str(folder))
    assert (code, "trained by pearl" in err) == (2, True)


def test_an_evaluation_is_kept_whole_with_where_it_comes_from_and_a_picture(capsys, trained, tmp_path) -> None:
    words = ["evaluate", "maml", "point-navigation", "--weights", str(trained), "--seeds", "2", "--count", "3"]
    code, out, _ = run(capsys, *words, "--json", "--out", str(tmp_path / "new" / "kept"))
    record = json.loads((tmp_path / "new" / "kept.json").read_text())
    assert code == 0
    assert json.loads(out)["mean"] == record["mean"]
    evaluation = Evaluation.from_record(record)
    assert evaluation.returns.shape == (2, 3, 4)
    assert evaluation.mean.round(1).tolist() == pytest.approx(record["mean"], abs=0.11)
    card = json.loads((trained / "card.json").read_text())
    assert record["training"]["env_steps"] == card["env_steps"] > 0
    assert len(record["training"]["commands"]) == 1
    assert (record["method"], record["horizon"], record["family"]["horizon"]) == ("maml", 5, 5)
    with Image.open(tmp_path / "new" / "kept.png") as picture:
        assert picture.width > 400


@pytest.mark.parametrize("method", ["random", "scratch"])
@pytest.mark.slow
def test_a_baseline_without_training_is_evaluated_like_a_meta_policy(capsys, tmp_path, method) -> None:
    words = ["evaluate", method, "point-navigation", "--seeds", "2", "--count", "2", "--family", "horizon=5"]
    code, _, _ = run(capsys, *words, "--episodes", "3", "--steps", "1", "--out", str(tmp_path / "kept"))
    record = json.loads((tmp_path / "kept.json").read_text())
    assert code == 0
    assert record["training"] is None
    assert record["inner_rate"] in RATES if method == "random" else "inner_rate" not in record


def test_weights_may_be_the_name_of_a_shipped_meta_policy_and_the_command_says_so(capsys, trained) -> None:
    words = ["evaluate", "maml", "point-navigation", "--seeds", "2", "--count", "2", "--episodes", "2", "--json"]
    commands = {}
    for weights in ("maml-point-navigation", str(trained)):
        code, out, _ = run(capsys, *words, "--weights", weights)
        assert code == 0
        commands[weights] = json.loads(out)["command"]
    assert "--weights maml-point-navigation" in commands["maml-point-navigation"]
    assert f"--weights {trained}" in commands[str(trained)]
    code, _, err = run(capsys, *words, "--weights", "maml-cheetah-direction")
    assert (code, "trained by maml on cheetah-direction" in err) == (2, True)
    code, _, err = run(capsys, *words, "--weights", "maml-point")
    assert (code, "maml-point-navigation" in err) == (2, True)


def test_an_evaluation_can_be_written_into_the_card(capsys, trained) -> None:
    words = ["evaluate", "maml", "point-navigation", "--seeds", "2", "--count", "2", "--into-card"]
    assert run(capsys, *words, "--weights", str(trained))[0] == 0
    assert run(capsys, "adapt", "maml", "point-navigation", "--weights", str(trained))[0] == 0
    entry = json.loads((trained / "card.json").read_text())["evaluations"][-1]
    assert len(entry["mean"]) == 4
    assert run(capsys, *words)[0] == 2  # not into the package's own
    assert run(capsys, *words, "--weights", "maml-point-navigation")[0] == 2


MISTAKES = [
    (["adapt", "sarsa", "cheetah-direction"], "unknown algorithm 'sarsa'; known: average, maml,"),
    (["adapt", "maml", "cheetah-jump"], "known: ant-direction, ant-goal, cheetah-direction"),
    (["adapt", "maml", "cheetah-velocity", "--task", "7"], "velocity must lie in [0, 3]"),
    (["adapt", "maml", "cheetah-velocity", "--task", "nan"], "velocity must lie in [0, 3]"),
    (["adapt", "maml", "cheetah-direction", "--task", "0.5"], "direction must be 1 (forward) or -1 (backward)"),
    (["adapt", "maml", "point-navigation", "--task", "0.5"], "takes 2 numbers for each task (X Y), not 1"),
    (["adapt", "maml", "cheetah-direction", "--episodes", "0"], "episodes must be a whole number of at least 1"),
    (["adapt", "maml", "cheetah-direction", "--steps", "-1"], "steps must be a whole number of at least 0"),
    (["adapt", "maml", "cheetah-direction", "--seed", "-1"], "seed must be a whole number of at least 0"),
    (["adapt", "maml", "cheetah-direction", "--family", "horizon"], "must have the form KEY=VALUE"),
    (["adapt", "maml", "cheetah-direction", "--family", "wind=3"], "wind"),
    (["train", "maml", "cheetah-direction", "--iterations", "0"], "--iterations"),
    (["train", "maml", "cheetah-direction", "--set", "horses=3"], "no hyper-parameter 'horses'; known: tasks_per_iter"),
    (["train", "maml", "cheetah-direction", "--set", "episodes=0"], "episodes must be"),
    (["train", "maml", "cheetah-direction", "--set", "episodes=many"], "episodes must be"),
    (["train", "maml", "chess"], "unknown tasks 'chess'"),
    (["evaluate", "maml", "cheetah-direction", "--seeds", "0"], "seeds must be"),
    (["evaluate", "guess", "cheetah-direction"], "known: average, maml, oracle, pearl, random, scratch"),
    (["adapt", "scratch", "cheetah-direction", "--weights", "x"], "scratch starts from nothing: leave out --weights"),
    (["adapt", "maml", "cheetah-direction", "--family", "weak_leg=-1"], "weak_leg must be a number of at least 0"),
]


@pytest.mark.parametrize(("words", "sentence"), MISTAKES)
def test_a_mistake_gets_one_sentence_and_exit_code_2(capsys, tmp_path, monkeypatch, words, sentence) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith("mpsearch: ")
    assert err.count("\n") == 1
    assert sentence in err
    assert not list(tmp_path.iterdir())


def test_what_fails_without_being_a_mistake_of_use_exits_with_1(capsys, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    words = ["train", "maml", "point-navigation", "--iterations", "1", "--folder", str(tmp_path / "file" / "run")]
    code, _, err = run(capsys, *words)
    assert code == 1
    assert "choose another folder" in err
    assert run(capsys, "adapt", "maml", "cheetah-direction", "--weights", str(tmp_path))[0] == 1


def test_a_folder_that_holds_a_run_is_not_overwritten(capsys, trained) -> None:
    before = (trained / "card.json").read_bytes()
    code, _, err = run(capsys, "train", "maml", "point-navigation", "--folder", str(trained))
    assert code == 2
    assert "--resume" in err
    assert (trained / "card.json").read_bytes() == before


def test_a_wrong_word_is_refused_by_the_parser(capsys) -> None:
    assert run(capsys, "adopt")[0] == 2
    assert run(capsys, "adapt", "maml")[0] == 2
    assert run(capsys, "adapt", "maml", "cheetah-direction", "--episodes", "many")[0] == 2


def test_help_exits_with_0(capsys) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(command in out for command in ("adapt", "train", "evaluate", "bench", "doctor", "lab"))


def test_settings_are_json_values() -> None:
    settings = parse_settings(("a=1", "b-c=true", "d=[1, 2]", "e=word"), "--set")
    assert settings == {"a": 1, "b_c": True, "d": [1, 2], "e": "word"}
    with pytest.raises(UsageError, match="KEY=VALUE"):
        parse_settings(("=3",), "--set")
