"""The language in which the library speaks to learners. English is built in; others are catalogues of gettext.

The catalogue of a language is ``mpsearch/locale/LANGUAGE/LC_MESSAGES/mpsearch.po``. ``notebooks/sentences.py`` keeps it
in step with the code, and compiles it to ``mpsearch.mo``, which is what is read here. A language with characters that
matplotlib's own font lacks brings a font, ``mpsearch/locale/LANGUAGE/*.otf``.
"""

from __future__ import annotations

import gettext
import locale
import os
import re
import sys
from pathlib import Path

from mpsearch.errors import UsageError

ENGLISH = "en"
FOLDER = Path(__file__).parent / "locale"

SAID = re.compile(r'\bsay\(\s*[\w.?]+,\s*"([^"]+)"')  # how a script for the page says a sentence: say(said, "Play")

_chosen = gettext.NullTranslations()  # it returns each sentence as it is
_name = ENGLISH


def catalogue(language: str) -> gettext.NullTranslations:
    """Return the translations into this language.

    Raises:
        UsageError: there are none.
    """
    if language not in languages():
        raise UsageError(f"mpsearch does not speak {language!r}; choose one of {', '.join(languages())}")
    return gettext.NullTranslations() if language == ENGLISH else gettext.translation("mpsearch", FOLDER, [language])


def languages() -> list[str]:
    """Return the languages that :func:`set_language` accepts."""
    return [ENGLISH, *sorted(path.parents[1].name for path in FOLDER.glob("*/LC_MESSAGES/mpsearch.mo"))]


def of_the_system() -> str:
    """Return the first language that this machine's user prefers and that mpsearch speaks; otherwise English."""
    chosen = (os.environ.get(name) for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"))
    wanted = next(filter(None, chosen), locale.getlocale()[0] or "")
    for name in wanted.lower().replace("chinese", "zh").split(":"):  # Windows says Chinese (Simplified)_China
        for language in languages():
            if name.startswith(language):
                return language
    return ENGLISH


def set_language(language: str) -> None:
    """Let exercises, plots, players and widgets speak another language from now on, such as "zh" for Chinese.

    What has no translation stays English.

    Raises:
        UsageError: there is no catalogue of this language.
    """
    speak(language)
    draw(language)


def speak(language: str) -> None:
    """Let :func:`say` use this language from now on. Plots may lack the characters for it: see :func:`set_language`.

    Raises:
        UsageError: there is no catalogue of this language.
    """
    global _chosen, _name
    _chosen, _name = catalogue(language), language


def spoken() -> str:
    """Return the language that is chosen."""
    return _name


def draw(language: str) -> None:
    """Let all plots use the fonts of this language before others, also those that do not come from mpsearch."""
    if language == ENGLISH and "matplotlib" not in sys.modules:
        return  # it takes half a second to import, and needs no other font
    from matplotlib import font_manager, rcParams

    fonts = {path: font_manager.get_font(path).family_name for path in sorted(FOLDER.glob("*/*.otf"))}
    for path in fonts.keys() - {Path(font.fname) for font in font_manager.fontManager.ttflist}:
        font_manager.fontManager.addfont(path)
    chosen = [name for path, name in fonts.items() if path.parent.name == language]
    rcParams["font.family"] = [*chosen, *(name for name in rcParams["font.family"] if name not in fonts.values())]


def say(sentence: str, **values: object) -> str:
    """Return an English ``sentence`` in the chosen language, with ``values`` for the names in braces."""
    said = _chosen.gettext(sentence) if sentence else ""  # gettext keeps its own header under ""
    return said.format(**values) if values else said


def said_in(script: str) -> dict[str, str]:
    """Return the translations of what a ``script`` for the page says, by the English sentences."""
    return {sentence: say(sentence) for sentence in SAID.findall(script) if say(sentence) != sentence}
