"""Link packages of this environment and everything that they require into another environment, without mpsearch.

python .ci/lend.py FOLDER NAME...    FOLDER is the other environment's site-packages
"""

import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def required(names: list[str]) -> set[str]:
    """Return the packages ``names`` and all packages that they require, directly or indirectly."""
    found: set[tuple[str, str]] = set()
    todo = [Requirement(name) for name in names]
    while todo:
        requirement = todo.pop()
        for package in {(canonicalize_name(requirement.name), extra) for extra in ("", *requirement.extras)} - found:
            found.add(package)
            lines = map(Requirement, metadata.requires(package[0]) or [])
            todo += [line for line in lines if line.marker is None or line.marker.evaluate({"extra": package[1]})]
    return {name for name, _ in found}


def link(name: str, folder: Path) -> None:
    """Link the files of one package into ``folder``."""
    files = metadata.files(name) or []
    for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
        if not (folder / top).exists():
            (folder / top).symlink_to(Path(str(metadata.distribution(name).locate_file(top))))


if __name__ == "__main__":
    for name in sorted(required(sys.argv[2:]) - {"mpsearch"}):
        link(name, Path(sys.argv[1]))
