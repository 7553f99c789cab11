"""Whatever the arguments are, the command line ends with 0, 1 or 2 and without a traceback."""

from __future__ import annotations

import contextlib
import io

import pytest
from agents import make
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mpsearch import evaluation
from mpsearch.cli import COMMANDS, main
from mpsearch.course import doctor, lab
from mpsearch.evidence import bench
from mpsearch.evidence import records as evidence
from mpsearch.meta_policy import MetaPolicy


def one_of(words):
    return st.sampled_from(words.split())


COMMAND = st.sampled_from([*COMMANDS, "adopt", "--help", "--version", ""])
ALGO = st.sampled_from(["maml", "pearl", "random", "scratch", "oracle", "sarsa"])
TASKS = st.sampled_from(["point-navigation", "point-navigation", "cheetah-direction", "chess"])
OPTION = one_of("""
    --task --seed --episodes --steps --weights --family --json --iterations --folder --resume --start --set --out
    --on-nonfinite --seeds --count --into-card --quick --figure --browser --no-browser --help -h --
""")
NUMBER = st.sampled_from(["0", "1", "2", "-1", "0.2", "1e400", "nan", "-inf", "9" * 30, "9" * 5000, "many", "٣"])
SETTING = one_of("""
    horizon=4 horizon=0 horizon=x horizon size=-1 size=1e999 sparse=true wind=3 episodes=2 hidden=[4] hidden=x
    hidden=[0] hidden={} inner_rate=x discount=null order=[] =3 a=b=c config=1 self=1 training_tasks=2 latent=-1
    rate=nan observation_noise=x told=3 initial_std=[] context=x
""")
PLACE = st.sampled_from(["here", "nowhere", "file", "file/below", "checkpoint", "checkpoint/card.json", "x" * 5000, ""])
ANYTHING = st.text(max_size=8).filter(lambda text: not text.startswith("@"))
WORDS = st.lists(OPTION | NUMBER | SETTING | PLACE | ANYTHING, max_size=6)
LINES = st.builds(lambda first, rest: [*first, *rest], st.tuples(COMMAND, ALGO, TASKS), WORDS) | WORDS


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a file and a checkpoint."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "file").write_text("mine")
    make("maml").save(folder / "checkpoint")
    return folder


@pytest.fixture
def quick(place, monkeypatch):
    """What the commands do is left out, all that leads there is not."""
    monkeypatch.chdir(place)
    kept = make("maml").adapt([[0.1, 0.2]], seed=0)
    for kind in (make("maml"), make("pearl")):
        monkeypatch.setattr(type(kind), "adapt", lambda self, tasks, **options: kept)
    monkeypatch.setattr(MetaPolicy, "train", lambda self, *given, **options: None)
    monkeypatch.setattr("mpsearch.evidence.baselines.FromScratch.adapt", lambda self, tasks, **options: kept)
    result = evaluation.evaluate(make("maml"), [[0.1, 0.2]], range(2), progress=False)
    monkeypatch.setattr(evaluation, "evaluate", lambda *given, **options: result)
    monkeypatch.setattr(evidence, "write_evidence", lambda *given, **options: None)
    monkeypatch.setattr(bench, "report", lambda **options: "")
    monkeypatch.setattr(doctor, "examine", list)
    monkeypatch.setattr(lab, "lay_out", lambda folder, language: [])
    monkeypatch.setattr(lab, "open_lab", lambda folder, browser, language: 0)


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES)
@example(["train", "maml", "point-navigation", "--set", "hidden=x"])
@example(["adapt", "maml", "point-navigation", "--weights", "x" * 5000])
@example(["adapt", "maml", "point-navigation", "--weights", "checkpoint"])
@example(["train", "maml", "point-navigation", "--start", "checkpoint", "--folder", "file/below"])
def test_any_words_end_with_an_exit_code_and_no_traceback(quick, words) -> None:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(words)
        except SystemExit as stop:  # the parser's own
            code = stop.code
    assert code in (0, 1, 2, None)
    assert "Traceback" not in out.getvalue() + err.getvalue()
    if code in (1, 2):
        assert out.getvalue() + err.getvalue()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(13, "Permission denied", "out.json"), "[Errno 13] Permission denied: 'out.json'"),
        (
            MemoryError("Unable to allocate 9 TiB"),
            "there is not enough memory for that; use fewer tasks or episodes, or smaller networks",
        ),
    ],
)
def test_what_the_system_refuses_is_told_in_a_sentence(monkeypatch, capsys, error, sentence) -> None:
    def refuse(**options):
        raise error

    monkeypatch.setattr(bench, "report", refuse)
    assert main(["bench"]) == 1
    assert capsys.readouterr().err == f"mpsearch: {sentence}\n"
