"""What the README promises, run."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import thermostat

from mpsearch.cli import COMMANDS, main
from mpsearch.evidence import readme

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


EXAMPLE, THERMOSTAT, PENDULUM = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.slow
def test_the_example_runs(capsys):
    exec(compile(EXAMPLE, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in printed[:3]] == ["0.5 m/s", "1.5 m/s", "2.5 m/s"]


@pytest.mark.slow
def test_the_family_of_ones_own_is_that_of_the_tests_and_its_commands_run(tmp_path, monkeypatch, capsys, own_registry):
    source = Path(thermostat.__file__).read_text(encoding="utf-8")
    assert source.partition("\n\n")[2].strip() == THERMOSTAT.strip()
    assert len([line for line in THERMOSTAT.splitlines() if line.strip()]) <= 30
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "thermostat")  # a user has no other of this name
    (tmp_path / "thermostat.py").write_text(source, encoding="utf-8")
    commands = re.findall(r"^mpsearch (.*thermostat.py.*)$", README, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["check", "train", "adapt", "evaluate"]
    for words in map(shlex.split, commands):
        if words[0] == "train":  # a small one; --set stands last
            words[words.index("--iterations") + 1] = "1"
            words += ["episodes=2", "tasks_per_iteration=2"]
        assert main(words) == 0
    assert "target" in capsys.readouterr().out


@pytest.mark.slow
def test_the_gymnasium_family_has_twelve_lines_and_runs(capsys):
    assert len([line for line in PENDULUM.splitlines() if line.strip()]) <= 12
    small = "MAML(tasks, mpsearch.MAMLConfig(tasks_per_iteration=2, episodes=2))"
    exec(compile(PENDULUM.replace("MAML(tasks)", small).replace("train(5,", "train(1,"), "README.md", "exec"), {})
    assert len(capsys.readouterr().out.strip("[]\n").split()) == 3


def test_every_command_is_listed_and_exists():
    assert set(re.findall(r"^\| `mpsearch (\w+)", README, re.MULTILINE)) == set(COMMANDS)


def test_its_picture_exists_and_has_alternative_text():
    ((words, path),) = re.findall(r"!\[([^]]*)\]\(([^)]*)\)", README)
    assert (ROOT / path).is_file()
    assert len(words) > 40


def test_the_tables_are_what_cards_and_stored_evaluations_say():
    for name, made in readme.PARTS.items():
        assert f"<!-- {name}:" in README
        assert readme.write_between(README, name, made()) == README
    for algorithm in ("maml", "pearl"):
        assert README.count(f"| `{algorithm}-") >= 3


def test_new_words_and_numbers_go_where_the_old_ones_are():
    assert "![new words](docs/before-after.png)" in readme.write_words(README, "new words")
    changed = readme.write_between(README, "results", "| new |\n")
    assert changed.partition("<!-- end of results -->")[0].endswith("from the cards -->\n| new |\n")
    assert readme.write_between(changed, "results", readme.results_table()) == README


def test_the_first_episode_with_a_guess_each_step_is_nearly_as_good_as_the_last():
    starts, within = {}, 0
    for line in readme.first_episode_table().splitlines()[2:]:
        name, *cells = line.strip("| ").split(" | ")
        first, anew, _, last = (float(cell.split()[0]) if cell.strip() else None for cell in cells)
        once = starts.setdefault(name.strip("`").removesuffix("-within"), first)
        within += first is None  # an agent that was trained so has no first episode with one guess
        assert once < anew
        assert anew - once > 0.8 * (last - once)
    assert within
