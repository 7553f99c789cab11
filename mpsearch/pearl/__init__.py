"""PEARL: an encoder that infers the task, a policy that acts on what it inferred."""

from mpsearch.pearl.config import PEARLConfig
from mpsearch.pearl.learner import PEARL

__all__ = ["PEARL", "PEARLConfig"]
