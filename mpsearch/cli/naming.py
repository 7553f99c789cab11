"""The names of families on the command line: an id, ``path/to/file.py:Class`` or ``package.module:Class``.

Only modules that the user named are imported. Names from checkpoints are never used here.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from mpsearch.errors import MpsearchError, UsageError
from mpsearch.tasks.registry import BUILT_IN, family_class, id_of, is_known, known, register


def name_family(words: str) -> str:
    """Return the id of the family that ``words`` name. A family from a file or module is registered.

    Raises:
        UsageError: there is no such family, file or class. The message lists the known ones.
        MpsearchError: the file or module raises an error when it is imported.
    """
    place, colon, name = words.rpartition(":")
    if not colon:
        if not is_known(words):
            raise UsageError(
                f"unknown tasks {words!r:.80}; known: {', '.join(known())}; name your own as"
                " path/to/file.py:Class or package.module:Class"
            )
        return id_of(family_class(words))
    module = _module_of_file(Path(place)) if place.endswith(".py") else _module(place)
    family = getattr(module, name, None)
    if family is None:
        raise UsageError(f"{place} has no {name!r}; its families: {', '.join(_families(module)) or 'none'}")
    if f"{module.__name__}:{name}" in BUILT_IN.values():
        return id_of(family)
    return id_of(register(family))


def _module(place: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as python -m does
    try:
        return import_module(place)
    except ModuleNotFoundError as error:
        if error.name and f"{place}.".startswith(f"{error.name}."):
            raise UsageError(f"there is no module {place!r} here; for a file, write path/to/file.py:Class") from None
        raise _failed(place, error) from error
    except Exception as error:
        raise _failed(place, error) from error


def _module_of_file(path: Path) -> ModuleType:
    """Import the file ``path`` as a module. It may import files beside it, as if Python ran it."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}; give the path of a Python file, such as thermostat.py:Thermostat")
    if (there := sys.modules.get(path.stem)) and getattr(there, "__file__", None) == str(path.resolve()):
        return there
    spec = spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None or path.stem in sys.modules:
        raise UsageError(f"{path} cannot be imported as {path.stem!r}, which is the name of another module; rename it")
    module = sys.modules[path.stem] = module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[path.stem]
        raise _failed(str(path), error) from error
    return module


def _failed(place: str, error: Exception) -> MpsearchError:
    """Return the error for a module that raised ``error`` when it was imported. It names the line."""
    trace, line = error.__traceback__, ""
    while trace:
        if trace.tb_frame.f_code.co_filename.endswith(Path(place).name):
            line = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return MpsearchError(f"{place} fails when it is imported{line} ({type(error).__name__}: {error})")


def _families(module: ModuleType) -> list[str]:
    from mpsearch.tasks.distribution import TaskDistribution

    def is_family(value: Any) -> bool:
        kind = value if isinstance(value, type) else type(value)
        return issubclass(kind, TaskDistribution) and kind is not TaskDistribution

    return sorted(name for name, value in vars(module).items() if is_family(value))
