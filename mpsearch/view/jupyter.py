"""The packages for widgets in notebooks. They are optional: the extras ``widgets`` and ``lab`` install them.

All modules of mpsearch import them from here. If one is missing, the error says what to install::

    from mpsearch.view.jupyter import anywidget
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from mpsearch.errors import MissingPackageError

if TYPE_CHECKING:
    import anywidget as anywidget
    import ipywidgets as ipywidgets
    import traitlets as traitlets
    from IPython import display as display

_MODULES = {name: name for name in ("anywidget", "ipywidgets", "traitlets")} | {"display": "IPython.display"}


def __getattr__(name: str) -> ModuleType:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return import_module(_MODULES[name])
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"players, explorers and pictures in a notebook need {error.name}, which is not installed: "
            'pip install "mpsearch[lab]", or "mpsearch[widgets]" if Jupyter is installed already, as on Colab'
        ) from error
