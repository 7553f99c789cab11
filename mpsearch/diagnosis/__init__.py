"""The diagnosis of a task family: does it keep its contract, and is there something to learn and to adapt to?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mpsearch.diagnosis import contract, effects, scales, telling
from mpsearch.diagnosis.playing import distinct_tasks, examine
from mpsearch.errors import check_count
from mpsearch.findings import Finding, table
from mpsearch.language import say
from mpsearch.seeding import Streams
from mpsearch.tasks import TaskDistribution

__all__ = ["Finding", "check_family", "report"]

TASKS = 4  # on which the checks that compare tasks look
CONTRACT = {
    "attributes": lambda family, seed: contract.check_attributes(family),
    "tasks": contract.check_tasks,
    "shapes": contract.check_shapes,
    "finite numbers": contract.check_corners,
    "seeds": contract.check_seeds,
    "rows": contract.check_rows,
    "one environment": contract.check_single,
}


def check_family(family: TaskDistribution, *, seed: int = 0) -> list[Finding]:
    """Examine a task family, in seconds. The same seed gives the same findings.

    First come the checks of the contract, whose findings are ``needed``. They end at the first one that fails, because
    the others rely on it. If all pass, the other checks look at sizes of observations and rewards, at what actions and
    tasks change, at whether tasks can be told apart from transitions, and at whether one policy would do for all.

    Args:
        family: the family. Its own errors become findings.
        seed: of all random numbers.

    Raises:
        UsageError: the seed is not a whole number of at least 0.
    """
    check_count("seed", seed, least=0)
    findings: list[Finding] = []
    for name, check in CONTRACT.items():
        findings.append(examine(name, partial(check, family, seed), needed=True))
        if not findings[-1].ok:
            return findings
    learning: list[Finding] = []

    def play() -> str:
        learning.extend(_examine_learning(family, seed))
        return ""

    played = examine("random episodes", play, needed=True)
    return [*findings, *(learning if played.ok else [played])]


def _examine_learning(family: TaskDistribution, seed: int) -> list[Finding]:
    """Check whether there is something to learn and to adapt to, in a family that keeps its contract."""
    streams = Streams(seed)
    tasks = distinct_tasks(family, TASKS, streams.numpy("tasks"))
    episodes = telling.explore(family, tasks, streams.numpy("explore"))
    played = effects.play_behaviours(family, tasks, seed)
    scale, rng = family.observation_scale, streams.numpy("probe")
    findings = [
        examine("observations", partial(scales.check_observations, family, episodes)),
        examine("size of rewards", partial(scales.check_rewards, family, episodes)),
    ]
    for name, check in {
        "rewards vary": partial(scales.check_feedback, family, episodes),
        "actions": partial(effects.check_actions, family, seed),
        "tasks differ": partial(effects.check_tasks_differ, played),
    }.items():
        findings.append(examine(name, check))
        if not findings[-1].ok:  # the other checks would only repeat the reason
            return findings
    return [
        *findings,
        examine("tasks are hidden", partial(effects.check_hidden, played)),
        examine("tasks can be told", partial(telling.check_telling, episodes, scale, rng)),
        examine("one policy", partial(effects.check_one_policy, played)),
    ]


def report(findings: list[Finding]) -> str:
    """Return the findings as a text table with advice, and a sentence that sums them up."""
    names = _names()
    findings = [replace(finding, name=names.get(finding.name, finding.name)) for finding in findings]
    broken = [finding.name for finding in findings if finding.needed and not finding.ok]
    notes = [finding.name for finding in findings if not finding.needed and not finding.ok]
    if broken:
        sentence = say(
            "The contract is broken: {names}. The checks after it were left out, because they rely on it.",
            names=say(", ").join(broken),
        )
    elif notes:
        sentence = say("The contract holds. Look at: {names}.", names=say(", ").join(notes))
    else:
        sentence = say("The contract holds, and nothing else was found.")
    return "\n".join([*table(findings), "", sentence])


def _names() -> dict[str, str]:
    """Return the names of the checks as a report shows them. In a finding they stay English, so that code can ask."""
    return {
        "attributes": say("attributes"),
        "tasks": say("tasks"),
        "shapes": say("shapes"),
        "finite numbers": say("finite numbers"),
        "seeds": say("seeds"),
        "rows": say("rows"),
        "one environment": say("one environment"),
        "random episodes": say("random episodes"),
        "observations": say("observations"),
        "size of rewards": say("size of rewards"),
        "rewards vary": say("rewards vary"),
        "actions": say("actions"),
        "tasks differ": say("tasks differ"),
        "tasks are hidden": say("tasks are hidden"),
        "tasks can be told": say("tasks can be told"),
        "one policy": say("one policy"),
    }
