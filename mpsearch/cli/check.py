"""``mpsearch check``: examine a task family."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import tyro

from mpsearch.cli.arguments import Settings, Tasks, parse_settings
from mpsearch.cli.naming import name_family
from mpsearch.errors import MpsearchError
from mpsearch.tasks.registry import make_distribution


@dataclass
class Check:
    """Examine a task family, such as your own: does it keep its contract, and is there something to adapt to?"""

    tasks: tyro.conf.Positional[Tasks]
    family: Settings = ()
    """Settings of the task family to change, such as horizon=100."""
    seed: int = 0
    json: bool = False
    """Print one JSON object."""

    def run(self) -> None:
        from mpsearch.diagnosis import check_family, report

        family = self._make()
        findings = check_family(family, seed=self.seed)
        broken = [finding.name for finding in findings if finding.needed and not finding.ok]
        if self.json:
            rows = [asdict(finding) for finding in findings]
            print(json.dumps({"tasks": family.id, "seed": self.seed, "ok": not broken, "findings": rows}))
        else:
            print(report(findings))
        if broken:
            raise MpsearchError(
                f"{family.id} breaks the contract of a family ({', '.join(broken)}); see the advice above"
            )

    def _make(self) -> Any:
        name, settings = name_family(self.tasks), parse_settings(self.family, "--family")
        try:
            return make_distribution(name, **settings)
        except MpsearchError:
            raise
        except Exception as error:
            raise MpsearchError(f"{name} cannot be made: {type(error).__name__}: {error}") from error
