"""PEARL: an encoder infers the task from transitions, and a policy acts on what it inferred."""

from mpsearch.pearl.config import PEARLConfig
from mpsearch.pearl.learner import PEARL

__all__ = ["PEARL", "PEARLConfig"]
