"""MAML: the inner loop adapts a policy to a task, and the outer loop learns the parameters from which it starts."""

from mpsearch.maml.config import MAMLConfig
from mpsearch.maml.learner import MAML

__all__ = ["MAML", "MAMLConfig"]
