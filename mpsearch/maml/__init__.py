"""MAML: an inner loop that adapts, an outer loop that learns where to start."""

from mpsearch.maml.learner import MAML, MAMLConfig

__all__ = ["MAML", "MAMLConfig"]
