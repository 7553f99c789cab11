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
    browser: bool = True
    """Open a browser window."""
    update: bool = False
    """After an upgrade, replace the lessons that you have not changed, and put new versions beside the others."""

    def run(self) -> None:
        from mpsearch.course.lab import check_jupyterlab, lay_out, open_lab
        from mpsearch.course.upgrade import outdated, report, update

        check_jupyterlab()
        lay_out(self.folder)
        found = update(self.folder) if self.update else outdated(self.folder)
        if found:
            print(report(found, self.folder), flush=True)
        code = open_lab(self.folder, browser=self.browser)
        if code:
            raise MpsearchError(f"JupyterLab ended with exit code {code}")
