"""``mpsearch lab``: lay the lessons out and open them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from mpsearch.errors import MpsearchError


@dataclass
class Lab:
    """Lay the notebooks out in a folder (never overwriting yours) and open JupyterLab on the first."""

    folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="DIR")]] = field(
        default_factory=lambda: Path("mpsearch-notebooks")
    )
    browser: bool = True
    """Open a browser window."""
    update: bool = False
    """After an upgrade: replace the lessons that you have not changed, lay the new version beside the others."""

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
