"""The parts of RESULTS.md about other training seeds, other bodies and velocities, and fewer episodes."""

from __future__ import annotations

from mpsearch.evaluation import Evaluation
from mpsearch.evidence import results
from mpsearch.evidence.measure import CHEETAHS, FEWER_EPISODES, on_robots_that_fall
from mpsearch.evidence.page.markdown import FAILURES, failures, stage, stages, table, training_cost
from mpsearch.evidence.page.methods import META_POLICIES
from mpsearch.evidence.pictures import METHODS

CHANGES = {  # the last part of a record's name and its meaning; see measure.on_changed_tasks
    "heavy": "torso twice as heavy",
    "light": "torso half as heavy",
    "weak-leg": "hind leg at 30 % torque",
    "noise": "noise on observations, 0.1 of their scale",
    "beyond": "velocities of 3 to 4 m/s",
}


def training_seeds() -> str:
    """Return a table of the shipped meta-policies and of trainings with the same recipes and other seeds.

    Robots that fall have a table of their own.
    """
    rows, known = [], [name for name in results.names() if name not in on_robots_that_fall()]
    for shipped in known:
        others = [name for name in known if name.startswith(f"{shipped}-seed")]
        if others:
            rows += [seed_row(shipped, " (shipped)"), *map(seed_row, others)]
    return table(["training", "before", "at the end", "environment steps", "core-minutes"], rows)


def seed_row(name: str, remark: str = "") -> list[str]:
    """Return the row of one training seed."""
    record, evaluation = results.read(name), results.evaluation(name)
    training = record["training"]
    label = f"{name.partition('-seed')[0]}, seed {training['seed']}{remark}"
    return [label, stage(evaluation, 0), end_of(evaluation), *training_cost(training)]


def end_of(evaluation: Evaluation) -> str:
    """Return the last stage as text; if rewards are sparse, with the share of goals that were reached."""
    return stage(evaluation) + (f", {evaluation.reached[-1]:.0%} of goals reached" if evaluation.sparse else "")


def generalisation() -> str:
    """Return a table of the shipped meta-policies on bodies and velocities that they were not trained on."""
    rows, known = [], results.names()
    for method in META_POLICIES:
        for tasks in CHEETAHS:
            for change, words in CHANGES.items():
                if (name := f"{method}-{tasks}-{change}") in known:
                    evaluation = results.evaluation(name)
                    cells = [stage(evaluation, 0), stage(evaluation), f"{evaluation.gain()[0]:+.0f}"]
                    cells += failures(evaluation)
                    rows.append([f"{METHODS[method]}, {tasks}", words, *cells])
    return table(["meta-policy", "change", "before", "after", "gain", *FAILURES], rows)


def fewer_episodes() -> str:
    """Return a table of MAML with fewer episodes for each gradient step."""
    rows = []
    for tasks in CHEETAHS:
        rows.append([tasks, 20, *stages(results.evaluation(f"maml-{tasks}"))])
        for count in FEWER_EPISODES:
            rows.append([tasks, count, *stages(results.evaluation(f"maml-{tasks}-{count}-episodes"))])
    return table(["tasks", "episodes a step", "0 steps", "1 step", "2 steps", "3 steps"], rows)
