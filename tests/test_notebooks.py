"""The lessons that learners get are the ones their sources say, executed, and clean."""

import importlib.util
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from mpsearch.lab import FIRST_LESSON

FOLDER = Path(__file__).parents[1] / "notebooks"
LARGEST = 1_500_000  # bytes; GitHub shows larger ones slowly or not at all

spec = importlib.util.spec_from_file_location("notebooks_build", FOLDER / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

LESSONS = [source.stem for source in build.sources()]


def lesson(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def test_there_is_a_first_lesson_and_lab_opens_it():
    assert f"{LESSONS[0]}.ipynb" == FIRST_LESSON


def test_built_notebooks_and_sources_agree():
    assert build.check() == []


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_executed_in_order_without_stderr_widget_state_or_paths(name):
    assert build.complaints(lesson(name)) == []


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_small(name):
    assert (FOLDER / f"{name}.ipynb").stat().st_size < LARGEST


@pytest.mark.parametrize("name", LESSONS)
def test_no_cell_is_skipped_and_something_is_asserted(name):
    code = [cell for cell in lesson(name).cells if cell.cell_type == "code"]
    assert not any("nbval-skip" in cell.metadata.get("tags", []) or "NBVAL_SKIP" in cell.source for cell in code)
    assert any(line.startswith("assert ") for cell in code for line in map(str.strip, cell.source.splitlines()))


@pytest.mark.parametrize("name", LESSONS)
def test_every_picture_has_alternative_text_and_the_same_words_beside_it(name):
    for cell in lesson(name).cells:
        outputs = cell.get("outputs", [])
        written = " ".join(output.get("data", {}).get("text/markdown", "") for output in outputs)
        for output in outputs:
            if "image/png" in output.get("data", {}):
                alternative = output.metadata["image/png"]["alt"]
                assert alternative in written or alternative == output["data"]["text/plain"]  # of a widget


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
    nbformat.write(notebook, build.built_path(source))
    return notebook


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


def test_complains_about_cells_out_of_order_and_widget_state(toy):
    notebook = write_built(toy)
    notebook.cells[1].execution_count = 4
    notebook.metadata["widgets"] = {}
    assert len(build.complaints(notebook)) == 2


def test_a_widget_is_stored_as_picture_and_words_and_one_without_a_picture_is_complained_about(toy):
    view = {build.WIDGET_VIEW: {"model_id": "0"}, "text/plain": "what is to be seen"}
    for more, stored in (({"image/png": "AAAA"}, False), ({}, True)):
        output = nbformat.v4.new_output("display_data", data={**view, **more})
        notebook = write_built(toy, lambda notebook, output=output: notebook.cells[1].update(outputs=[output]))
        build.keep_what_lasts(notebook)
        assert (build.WIDGET_VIEW in notebook.cells[1].outputs[0].data) == stored
        assert ("picture" in " ".join(build.complaints(notebook))) == stored


def test_web_addresses_and_fractions_are_not_paths(toy):
    text = "https://example.org/home/x and m/s and 1/2 and /s"
    assert not build.ABSOLUTE_PATH.search(text)


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
    assert build.built_path(source).stat().st_size < LARGEST
    notebook = nbformat.read(build.built_path(source), as_version=4)
    shown = [cell.outputs for cell in notebook.cells[1:]]
    assert [len(outputs) for outputs in shown] == [1] * 5
    for (output,) in shown:
        assert len(output.data["text/plain"]) > 40
        assert len(output.data["image/png"]) > 5_000


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
