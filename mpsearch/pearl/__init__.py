"""PEARL: an encoder that infers the task, a policy that acts on what it inferred."""

from mpsearch.pearl.learner import PEARL, PEARLConfig

__all__ = ["PEARL", "PEARLConfig"]
