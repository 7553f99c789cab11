"""The language in which the library speaks to learners. English is built in; others are catalogues of gettext.

The catalogue of a language is ``mpsearch/locale/LANGUAGE/LC_MESSAGES/mpsearch.po``. ``notebooks/sentences.py`` keeps it
in step with the code, and compiles it to ``mpsearch.mo``, which is what is read here.
"""

from __future__ import annotations

import gettext
from pathlib import Path

from mpsearch.errors import UsageError

ENGLISH = "en"
FOLDER = Path(__file__).parent / "locale"

_chosen = gettext.NullTranslations()  # it returns each sentence as it is


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


def set_language(language: str) -> None:
    """Let the exercises speak another language from now on, such as "zh" for Chinese. What has none stays English.

    Raises:
        UsageError: there is no catalogue of this language.
    """
    global _chosen
    _chosen = catalogue(language)


def say(sentence: str, **values: object) -> str:
    """Return an English ``sentence`` in the chosen language, with ``values`` for the names in braces."""
    said = _chosen.gettext(sentence) if sentence else ""  # gettext keeps its own header under ""
    return said.format(**values) if values else said
