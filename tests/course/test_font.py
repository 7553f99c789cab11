"""Plots draw all characters of a translation, with a font that comes with the package."""

import logging
import sys
import warnings

import font
import matplotlib.pyplot as plt
import pytest
from fontTools.ttLib import TTFont

import mpsearch

LARGEST = 400_000  # bytes
WORDS = r"适应前，适应后：$\theta$ 的 −3 ± 2"


@pytest.fixture
def drawn(caplog):
    """What matplotlib complains about when it draws a plot with these words."""

    def draw(words):
        _, axes = plt.subplots()
        axes.set(title=words, xlabel=words.replace("$", ""))
        with warnings.catch_warnings(record=True, action="always") as warned, caplog.at_level(logging.WARNING):
            axes.figure.canvas.draw()
        plt.close(axes.figure)
        return [*map(str, (warning.message for warning in warned)), *caplog.messages]

    yield draw
    mpsearch.set_language("en")


def test_the_font_has_every_character_of_every_translation():
    lacking = (font.characters() | font.ALWAYS) - {chr(code) for code in TTFont(font.CUT).getBestCmap()}
    assert lacking == set(), "run python notebooks/font.py"


def test_the_font_is_small_and_its_licence_comes_with_it():
    assert font.CUT.stat().st_size < LARGEST
    assert "SIL OPEN FONT LICENSE Version 1.1" in font.CUT.with_name("OFL.txt").read_text(encoding="utf-8")
    assert "SIL Open Font License" in TTFont(font.CUT)["name"].getDebugName(13)


def test_no_character_is_missing_in_a_chinese_plot_even_beside_a_formula(drawn):
    mpsearch.set_language("zh")
    assert drawn(WORDS) == []


def test_characters_are_missing_without_the_font(drawn):
    complaints = drawn(WORDS)
    assert any("missing from font" in complaint for complaint in complaints)
    assert any("does not have a glyph" in complaint for complaint in complaints)


def test_english_plots_are_as_before_chinese_ones():
    before = plt.rcParams["font.family"]
    for language in ("zh", "zh", "en"):
        mpsearch.set_language(language)
    assert plt.rcParams["font.family"] == before


def test_english_needs_no_matplotlib(monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib")
    mpsearch.set_language("en")
    assert "matplotlib" not in sys.modules


def test_cutting_gives_the_same_font_with_the_wanted_characters_alone():
    small = TTFont(font.CUT, recalcTimestamp=False)
    font.cut(small, {"任", "务"})
    assert set(small.getBestCmap()) == {ord("任"), ord("务")}
    assert small["name"].getDebugName(1) == font.NAME


def test_a_missing_original_is_explained(tmp_path):
    with pytest.raises(SystemExit, match=r"there is no .*nothing\.ttc; install fonts-noto-cjk"):
        font.face(tmp_path / "nothing.ttc")
