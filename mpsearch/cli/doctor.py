"""``mpsearch doctor``: check whether this machine has what mpsearch needs."""

from __future__ import annotations

from dataclasses import dataclass

from mpsearch.errors import MpsearchError


@dataclass
class Doctor:
    """Check whether this machine has what mpsearch needs, and give advice if it does not."""

    def run(self) -> None:
        from mpsearch.course.doctor import examine, report
        from mpsearch.language import of_the_system, speak

        speak(of_the_system())
        findings = examine()
        print(report(findings))
        if any(finding.needed and not finding.ok for finding in findings):
            raise MpsearchError("something that mpsearch needs is missing; see the advice above")
