"""Task families from five fields of application: robots, games, recommendation, medicine and trading.

Each is a simple model of its field, small enough to be understood in a few minutes. Its docstring is its specification.
"""

from mpsearch.tasks.applications.application import Application, Rule, follow, rule_returns

__all__ = ["Application", "Rule", "follow", "rule_returns"]
