"""What the README promises, run."""

import re
from pathlib import Path

from mpsearch.cli import COMMANDS
from mpsearch.evidence import readme

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in printed[:3]] == ["0.5 m/s", "1.5 m/s", "2.5 m/s"]


def test_every_command_is_listed_and_exists():
    assert set(re.findall(r"^\| `mpsearch (\w+)", README, re.MULTILINE)) == set(COMMANDS)


def test_its_picture_exists_and_has_alternative_text():
    ((words, path),) = re.findall(r"!\[([^]]*)\]\(([^)]*)\)", README)
    assert (ROOT / path).is_file()
    assert len(words) > 40


def test_the_results_table_is_what_the_cards_say():
    assert readme.write_between(README, readme.results_table()) == README
    for algorithm in ("maml", "pearl"):
        assert README.count(f"| `{algorithm}-") >= 3


def test_new_words_and_numbers_go_where_the_old_ones_are():
    assert "![new words](docs/before-after.png)" in readme.write_words(README, "new words")
    changed = readme.write_between(README, "| new |\n")
    assert changed.partition("<!-- end of results -->")[0].endswith("from the cards -->\n| new |\n")
    assert readme.write_between(changed, readme.results_table()) == README
