"""``mpsearch export``: write meta-policies for programs that do not use Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from mpsearch.zoo.export import SHIPPED


@dataclass
class Export:
    """Write meta-policies as safetensors with their cards, and the cheetah's model, such as for the web page."""

    names: tyro.conf.Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")]] = SHIPPED
    """Names of shipped meta-policies, or folders of checkpoints; by default the cheetah's four."""
    folder: Path = Path("exported")
    """Where to write."""
    half: bool = False
    """Round the numbers to half precision, which halves the files."""

    def run(self) -> None:
        from mpsearch.zoo.export import export

        for path in export(self.names, self.folder, half=self.half):
            print(f"{path}  {path.stat().st_size:,} bytes")
