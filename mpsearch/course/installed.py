"""The packages that mpsearch and its extras require, and their installed versions."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet


@dataclass(frozen=True)
class Package:
    """A package that mpsearch requires.

    Attributes:
        name: the package's name.
        wanted: the versions that mpsearch works with, such as ">=2.6,<2.14".
        found: the installed version; ``None`` if the package is not installed.
    """

    name: str
    wanted: str
    found: str | None

    @property
    def ok(self) -> bool:
        """Whether the package is installed in a version that mpsearch works with."""
        return self.found is not None and SpecifierSet(self.wanted).contains(self.found, prereleases=True)


def find(name: str, wanted: str) -> Package:
    """Look up the installed version of the package ``name``."""
    try:
        return Package(name, wanted, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Package(name, wanted, None)


def extras() -> list[str]:
    """Return the names of the extras of mpsearch, such as "lab".

    Raises:
        PackageNotFoundError: mpsearch is not installed.
    """
    return metadata.metadata("mpsearch").get_all("Provides-Extra") or []


def required(extra: str = "") -> list[Package]:
    """Return the packages that mpsearch requires, or those that ``extra`` adds.

    Raises:
        PackageNotFoundError: mpsearch is not installed.
    """
    requirements = map(Requirement, metadata.requires("mpsearch") or [])
    return [_package(requirement) for requirement in requirements if _belongs_to(requirement, extra)]


def _package(requirement: Requirement) -> Package:
    bounds = sorted(map(str, requirement.specifier), reverse=True)  # the lower one first
    return find(requirement.name, ",".join(bounds))


def _belongs_to(requirement: Requirement, extra: str) -> bool:
    always = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    if not extra:
        return always
    return not always and requirement.marker is not None and requirement.marker.evaluate({"extra": extra})
