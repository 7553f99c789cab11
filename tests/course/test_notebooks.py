"""The lessons that learners get are the ones their sources say, executed, and clean."""

import base64
import importlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from nbclient.exceptions import CellExecutionError
from PIL import Image

from mpsearch.course import lesson_times
from mpsearch.course.exercises.source import exercise_names
from mpsearch.course.lab import FIRST_LESSON

FOLDER = Path(__file__).parents[2] / "notebooks"
LARGEST = 1_500_000  # bytes; GitHub shows larger ones slowly or not at all

spec = importlib.util.spec_from_file_location("notebooks_build", FOLDER / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

LESSONS = [
    path.relative_to(FOLDER).with_suffix("").as_posix()
    for source in build.sources()
    for path in build.built_paths(source).values()
]
TRAINED_LIVE = ["01_policy_gradient", "02_learning_to_learn", "03_four_steps", "04_maml"]
MOST_WORDS = 2500
COMPARED = {"check", "nbval-check-output"}  # tags of cells whose stored output nbval compares: see conftest.py
LEAST_COMPARED = 2  # of them in a lesson, beside the exercises' checks where it trains live


def lesson(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def printed(notebook, tags=COMPARED):
    """The text that the cells with these tags printed; without tags, all cells."""
    return [
        output.text
        for cell in notebook.cells
        if tags is None or tags.intersection(cell.metadata.get("tags", []))
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    ]


def test_there_is_a_first_lesson_and_lab_opens_it():
    assert f"{LESSONS[0]}.ipynb" == FIRST_LESSON


@pytest.mark.slow
def test_built_notebooks_and_sources_agree():
    assert build.check() == []


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_executed_in_order_without_stderr_widget_state_or_paths(name):
    assert build.complaints(lesson(name)) == []


def test_the_first_lesson_tells_how_long_each_of_them_takes():
    lessons = [name for name in LESSONS if "/" not in name]
    assert list(lesson_times()["seconds"]) == lessons
    text = str(lesson(lessons[0]))
    assert all(f"({name}.ipynb)" in text for name in lessons[1:])


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_small(name):
    assert (FOLDER / f"{name}.ipynb").stat().st_size < LARGEST


@pytest.mark.parametrize("name", LESSONS)
def test_no_cell_is_skipped_and_something_is_asserted(name):
    code = [cell for cell in lesson(name).cells if cell.cell_type == "code"]
    assert not any("nbval-skip" in cell.metadata.get("tags", []) or "NBVAL_SKIP" in cell.source for cell in code)
    assert any(line.startswith("assert ") for cell in code for line in map(str.strip, cell.source.splitlines()))


@pytest.mark.parametrize("name", LESSONS)
def test_no_heading_has_slipped_into_a_code_cell(name):
    code = [cell for cell in lesson(name).cells if cell.cell_type == "code"]
    assert not [line for cell in code for line in cell.source.splitlines() if re.match("# #+ ", line)]


@pytest.mark.parametrize("name", LESSONS)
def test_every_picture_has_alternative_text_and_the_same_words_beside_it(name):
    for cell in lesson(name).cells:
        outputs = cell.get("outputs", [])
        written = " ".join(output.get("data", {}).get("text/markdown", "") for output in outputs)
        for output in outputs:
            if "image/png" in output.get("data", {}):
                alternative = output.metadata["image/png"]["alt"]
                assert alternative in written or alternative == output["data"]["text/plain"]  # of a widget


@pytest.mark.parametrize("name", LESSONS)
def test_enough_stored_outputs_are_compared(name):
    assert len(printed(lesson(name))) >= LEAST_COMPARED
    if Path(name).name in TRAINED_LIVE:
        assert len(printed(lesson(name), {"nbval-check-output"})) >= LEAST_COMPARED


@pytest.mark.slow
def test_nbval_compares_what_has_the_tag_and_finds_a_stored_output_that_is_wrong(tmp_path):
    """In lax mode it would compare nothing, and say so nowhere."""
    stored = {"1": ["nbval-check-output"], "2": [], "3": ["check"], "4": ["nbval-check-output"]}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": build.KERNEL})
    for count, (text, tags) in enumerate(stored.items(), start=1):
        output = nbformat.v4.new_output("stream", name="stdout", text=f"{text}\n")
        cell = nbformat.v4.new_code_cell("print(1)", execution_count=count, outputs=[output], metadata={"tags": tags})
        notebook.cells.append(cell)
    nbformat.write(notebook, tmp_path / "toy.ipynb")
    root = FOLDER.parent
    shutil.copy(root / "conftest.py", tmp_path)
    path = os.pathsep.join([str(root), str(root / "tests"), os.environ.get("PYTHONPATH", "")])
    ours = ["-c", root / "pyproject.toml", "--confcutdir", tmp_path, "-n", "0", "-rf"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *ours, tmp_path / "toy.ipynb"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    failed = [line.split("::")[1].split(" ")[1] for line in run.stdout.splitlines() if line.startswith("FAILED")]
    assert failed == ["2", "3"], run.stdout + run.stderr


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_short_and_its_headings_are_in_order(name):
    text = [cell.source for cell in lesson(name).cells if cell.cell_type == "markdown"]
    prose = re.sub(r"\$\$.*?\$\$", "", "\n".join(text), flags=re.DOTALL)
    prose = re.sub(r"<details>.*?</details>", "", prose, flags=re.DOTALL)  # folded away, for those who want more
    assert len(re.sub(r"\$[^$]+\$", "x", prose).split()) <= MOST_WORDS  # a formula in a sentence is one word
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


@pytest.mark.parametrize("source", build.sources(), ids=lambda source: source.stem)
def test_stubs_and_solutions_differ_in_the_marked_lines_alone(source):
    """Read from the built notebooks and the source's text, without the code that made them."""
    names = exercise_names(source.read_text(encoding="utf-8"))
    paths = build.built_paths(source)
    assert ("solutions" in paths) == bool(names)
    if not names:
        return
    learner, solutions = (nbformat.read(path, as_version=4).cells for path in paths.values())
    written = [cell.source for cell in jupytext.read(source).cells]
    marked = 0
    for blank, solved, original in zip(learner, solutions, written, strict=True):
        if blank.source == solved.source == original.rstrip("\n"):
            continue
        marked += 1
        assert "exercise" in blank.metadata.get("tags", [])
        before, rest = re.split(r"^ *# begin solution.*\n", original, flags=re.MULTILINE)
        inside, after = re.split(r"^ *# end solution *\n?", rest, flags=re.MULTILINE)
        for built in (blank.source, solved.source):
            assert built.startswith(before)
            assert built.endswith(after.rstrip("\n"))
        solution, *stub = re.split(r"^ *# stub\n", inside, flags=re.MULTILINE)
        assert solved.source == (before + solution + after).rstrip("\n")
        lines = [line.strip() for line in blank.source[len(before) :].removesuffix(after).splitlines()]
        hidden = [line.strip().removeprefix("#").strip() for line in stub[0].splitlines()] if stub else None
        assert lines == (hidden or ["...  # your code here"])
    assert marked == len(names)


@pytest.fixture
def toy(tmp_path):
    """A folder with one source and no built notebook."""
    (tmp_path / "source").mkdir()
    source = tmp_path / "source" / "07_toy.py"
    source.write_text("# %% [markdown]\n# Hello\n\n# %%\nprint(1)\n")
    return source


def write_built(source, change=lambda notebook: None):
    notebook = build.read_source(source)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
    change(notebook)
    nbformat.write(notebook, build.built_paths(source)["learner"])
    return notebook


EXERCISE = """
# %% tags=["exercise"]
def double(x):
    # begin solution: double
    return 2 * x
    # end solution


# %% tags=["check"]
print("Not attempted yet: no" if double(1) is None else "Right: yes")

# %%
assert double(1) in (None, 2)
"""


@pytest.mark.slow
def test_a_source_with_an_exercise_gives_two_notebooks_each_run_on_its_own(toy):
    """As a learner would: by nbclient."""
    folder = toy.parents[1]
    toy.write_text(toy.read_text() + EXERCISE)
    build.build(toy)
    assert build.check(folder) == []
    printed = {}
    for name in ("07_toy", "solutions/07_toy"):
        notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
        assert build.complaints(notebook) == []
        printed[name] = notebook.cells[3].outputs[0].text
    assert printed == {"07_toy": "Not attempted yet: no\n", "solutions/07_toy": "Right: yes\n"}
    (folder / "solutions" / "06_stray.ipynb").write_text("{}")
    (folder / "solutions" / "07_toy.ipynb").unlink()
    assert build.check(folder) == ["solutions/07_toy.ipynb was never built", "solutions/06_stray.ipynb has no source"]


@pytest.mark.parametrize(
    ("edition", "printed", "fine"),
    [
        ("learner", "Not attempted yet: no", True),
        ("learner", "Right: yes", False),
        ("learner", "", False),
        ("solutions", "Right: yes", True),
        ("solutions", "Recorded: heads", True),
        ("solutions", "Not right yet: no", False),
        ("solutions", "Not attempted yet: no", False),
    ],
)
def test_a_check_must_say_what_its_edition_asks_for(toy, edition, printed, fine):
    notebook = write_built(toy)
    notebook.metadata[build.KEY]["edition"] = edition
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text=printed)]
    assert build.complaints(notebook) == []  # without the tag anything goes
    notebook.cells[1].metadata["tags"] = ["check"]
    assert (build.complaints(notebook) == []) == fine


def test_check_finds_missing_edited_outdated_and_stray_notebooks(toy):
    folder = toy.parents[1]
    assert build.check(folder) == ["07_toy.ipynb was never built"]
    write_built(toy)
    assert build.check(folder) == []
    write_built(toy, lambda notebook: notebook.cells[1].update(source="print(2)"))
    assert "was edited" in build.check(folder)[0]
    write_built(toy)
    toy.write_text(toy.read_text().replace("Hello", "Hi"))
    assert "another version" in build.check(folder)[0]
    write_built(toy)
    (folder / "08_stray.ipynb").write_text("{}")
    assert build.check(folder) == ["08_stray.ipynb has no source"]


def test_reading_a_source_twice_gives_the_same_and_line_ends_do_not_matter(toy):
    first = nbformat.writes(build.read_source(toy))
    toy.write_bytes(toy.read_bytes().replace(b"\n", b"\r\n"))
    assert nbformat.writes(build.read_source(toy)) == first


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (nbformat.v4.new_output("stream", name="stderr", text="a warning"), "stderr"),
        (nbformat.v4.new_output("stream", name="stdout", text="saved in /home/me/x"), "absolute path"),
        (nbformat.v4.new_output("stream", name="stdout", text=r"saved in C:\Users\me"), "absolute path"),
        (nbformat.v4.new_output("error", ename="E", evalue="", traceback=[]), "failed"),
    ],
)
def test_complains_about_what_a_learner_should_not_see(toy, output, complaint):
    notebook = write_built(toy, lambda notebook: notebook.cells[1].update(outputs=[output]))
    assert complaint in " ".join(build.complaints(notebook))


def test_complains_about_cells_out_of_order_widget_state_and_another_kernel(toy):
    notebook = write_built(toy)
    notebook.cells[1].execution_count = 4
    notebook.metadata["widgets"] = {}
    notebook.metadata["kernelspec"] = {**build.KERNEL, "name": "venv"}
    assert len(build.complaints(notebook)) == 3


def test_a_widget_is_stored_as_picture_and_words_and_one_without_a_picture_is_complained_about(toy):
    view = {build.WIDGET_VIEW: {"model_id": "0"}, "text/plain": "what is to be seen"}
    for more, stored in (({"image/png": picture(np.zeros((1, 1, 3), np.uint8))}, False), ({}, True)):
        output = nbformat.v4.new_output("display_data", data={**view, **more})
        notebook = write_built(toy, lambda notebook, output=output: notebook.cells[1].update(outputs=[output]))
        build.keep_what_lasts(notebook)
        assert (build.WIDGET_VIEW in notebook.cells[1].outputs[0].data) == stored
        assert ("picture" in " ".join(build.complaints(notebook))) == stored


def test_a_stored_picture_has_fewer_bytes_and_nearly_the_same_colours():
    shades = np.tile(np.linspace(0, 255, 400).astype(np.uint8)[:, None, None], (1, 300, 3))
    shades[:50, :50] = (213, 94, 0)
    noise = np.random.default_rng(0).integers(0, 4, shades.shape, dtype=np.uint8)
    before = picture(np.clip(shades, 0, 252) + noise)
    after = build.smaller(before)
    assert len(after) < len(before) / 2
    was, now = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), int) for png in (before, after)
    )
    assert abs(was - now).max() < 12
    assert build.smaller(after) == after


def picture(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_web_addresses_and_fractions_are_not_paths(toy):
    text = "https://example.org/home/x and m/s and 1/2 and /s"
    assert not build.ABSOLUTE_PATH.search(text)


@pytest.mark.slow
def test_a_notebook_with_every_widget_is_small_and_says_without_a_kernel_what_is_to_be_seen(tmp_path):
    source = tmp_path / "source" / "09_widgets.py"
    source.parent.mkdir()
    source.write_text(
        "# %%\nimport mpsearch\nfrom mpsearch.view.player import play\nfrom mpsearch.view.widgets import *\n"
        'agent = mpsearch.load("pearl-cheetah-velocity")\n\n'
        "# %%\nplay(agent.adapt([[1.0]], seed=0), target=1.0)\n\n# %%\nAdaptationExplorer(agent)\n\n"
        "# %%\nPosteriorExplorer(agent)\n\n# %%\nInnerStepExplorer()\n\n# %%\nAdvantageExplorer()\n"
    )
    build.build(source)
    built = build.built_paths(source)["learner"]
    assert built.stat().st_size < LARGEST
    notebook = nbformat.read(built, as_version=4)
    shown = [cell.outputs for cell in notebook.cells[1:]]
    assert [len(outputs) for outputs in shown] == [1] * 5
    for (output,) in shown:
        assert len(output.data["text/plain"]) > 40
        assert len(output.data["image/png"]) > 5_000


@pytest.mark.slow
def test_a_wrong_argument_in_a_notebook_gets_its_sentence_and_no_traceback(tmp_path):
    source = tmp_path / "source" / "09_wrong.py"
    source.parent.mkdir()
    source.write_text("# %%\nfrom mpsearch import CheetahVelocity\nCheetahVelocity(high_velocity=-1)\n")
    notebook = build.read_source(source)
    with pytest.raises(CellExecutionError):
        build.execute(notebook, tmp_path)
    (output,) = notebook.cells[0].outputs
    assert output["traceback"] == [f"UsageError: {output['evalue']}"]
    assert "low < high" in output["evalue"]


@pytest.fixture
def seeds(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("seeds")


def test_a_constant_that_a_lesson_does_not_have_is_refused(seeds, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["seeds.py", "01", "--set", "NOTHING=1"])
    with pytest.raises(SystemExit):
        seeds.main()
    assert "01_policy_gradient has no line 'NOTHING = ...'" in capsys.readouterr().err


def test_lessons_that_train_have_one_seed_and_no_other(seeds):
    texts = {source.stem: source.read_text(encoding="utf-8") for source in seeds.seeded()}
    assert set(TRAINED_LIVE) <= set(texts)
    for name, text in texts.items():
        assert len(seeds.LINE.findall(text)) == 1
        assert not re.search(r"\.train\([^)]*\bseed=\d", text)
        if name in TRAINED_LIVE:  # what the others evaluate beside their training has seeds of its own
            assert not re.search(r"\bseed=\d", text)


@pytest.mark.slow
def test_a_lesson_that_fails_with_one_seed_is_found(seeds, toy):
    toy.write_text("# %%\nSEED = 0\n\n# %%\nprint(SEED)\nassert SEED != 3\n\n# %%\nprint('after')\n")
    for seed, found in ((2, []), (3, ["cell 1: AssertionError assert SEED != 3"])):
        notebook = seeds.run(toy, seed)
        assert list(seeds.failures(notebook)) == found
        assert seeds.printed(notebook) == f"{seed}\nafter\n"  # a failure does not end the run


@pytest.mark.slow
def test_a_variable_of_every_run_can_be_kept_with_its_command(seeds, toy, tmp_path, monkeypatch):
    toy.write_text("# %%\nSEED = 0\nSIZE = 9\n\n# %%\nrecord = {'curve': [SEED, SIZE / 3]}\n")
    monkeypatch.setattr(seeds, "KEPT", tmp_path)
    runs = [seeds.run(toy, seed, "record", ["SIZE=1"]) for seed in (4, 5)]
    records = [json.loads(run.cells[-1].outputs[0].text) for run in runs]
    seeds.keep(toy, "record", [4, 5], seeds.rounded(records), ["SIZE=1"])
    kept = json.loads((tmp_path / "07_toy.json").read_text())
    assert kept["command"] == "python notebooks/seeds.py 07 --set SIZE=1 --keep record"
    assert kept["seeds"] == [4, 5]
    assert kept["records"] == [{"curve": [4, 0.33333]}, {"curve": [5, 0.33333]}]
