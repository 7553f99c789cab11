"""``mpsearch lab``: copy the lessons into a folder and open them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from mpsearch.errors import MpsearchError


@dataclass
class Lab:
    """Copy the lessons into a folder, without overwriting files, and open the first one in JupyterLab."""

    folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="DIR")]] = field(
        default_factory=lambda: Path("mpsearch-notebooks")
    )
    language: str | None = None
    """The language of the lessons, such as en or zh. By default it is the system's, or English."""
    browser: bool = True
    """Open a browser window."""
    update: bool = False
    """After an upgrade, replace the lessons that you have not changed, and put new versions beside the others."""

    def run(self) -> None:
        from mpsearch.course.lab import check_jupyterlab, lay_out, open_lab
        from mpsearch.course.upgrade import outdated, report, update

        check_jupyterlab()
        language, options = self._choose()
        lay_out(self.folder, language)
        found = update(self.folder, language) if self.update else outdated(self.folder, language)
        if found:
            print(report(found, self.folder, options), flush=True)
        code = open_lab(self.folder, browser=self.browser, language=language)
        if code:
            raise MpsearchError(f"JupyterLab ended with exit code {code}")

    def _choose(self) -> tuple[str, str]:
        """Return the language of the lessons and the options that choose it, and speak it if there is a catalogue."""
        from mpsearch.course.lab import lessons, taught_in
        from mpsearch.language import ENGLISH, of_the_system, say, speak

        system = of_the_system() if of_the_system() in taught_in() else ENGLISH
        language = self.language or system
        lessons(language)  # raises UsageError if there are none
        speak(language)
        if self.language is None and language != ENGLISH:
            print(say("The lessons are in your system's language. For English: mpsearch lab --language en"), flush=True)
        return language, f" --language {language}" if language != system else ""
