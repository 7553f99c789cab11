"""MAML: an inner loop that adapts, an outer loop that learns where to start."""

from mpsearch.maml.config import MAMLConfig
from mpsearch.maml.learner import MAML

__all__ = ["MAML", "MAMLConfig"]
