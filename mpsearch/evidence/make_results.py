"""Make RESULTS.md and its pictures from the records in ``mpsearch/results`` and the cards: nothing in it is typed.

python docs/make_results.py            write them
python docs/make_results.py --check    exit 1 if RESULTS.md is not what the records say
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from ablate import CHANGES

from mpsearch.evaluation import Evaluation, probability_of_improvement
from mpsearch.evidence import results
from mpsearch.evidence.bench import benchmark_table
from mpsearch.training.storage import read_card, write_atomically
from mpsearch.view import plots
from mpsearch.zoo import ZOO

DOCS = Path(__file__).resolve().parent
PAGE = DOCS.parent / "RESULTS.md"
FAMILIES = ("cheetah-direction", "cheetah-velocity")
METHODS = ("maml", "pearl", "oracle", "average", "random", "scratch")
WORDS = {
    "maml": "MAML", "pearl": "PEARL", "oracle": "oracle (told the task)",
    "average": "average (trained on all tasks)", "random": "random start", "scratch": "from scratch (TRPO)",
}  # fmt: skip
CURVE = "mean return after two exploration episodes"
MAML_STEPS = 12_000  # of MAML's adaptation: what its baselines get for the comparison
PAPER = {"maml": "maml", "random": "random_init", "average": "pretrained", "oracle": "oracle"}
VARIATIONS = {
    "heavy": "torso twice as heavy", "light": "torso half as heavy", "weak-leg": "hind leg at 30 % torque",
    "noise": "noise on observations, 0.1 of their scale", "beyond": "velocities of 3 to 4 m/s",
}  # fmt: skip


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A Markdown table; without rows it says that there are none yet."""
    heads, rows = list(heads), list(rows)
    if not rows:
        return "*Not measured yet.*\n"
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def span(mean: float, interval: Iterable[float] | None = None) -> str:
    """A mean with its interval."""
    low_high = "" if interval is None else " [{}, {}]".format(*map(round, interval))
    return f"{round(mean)}{low_high}"


def known(name: str) -> bool:
    """Whether this evaluation was made."""
    return name in results.names()


def stage(evaluation: Evaluation, steps: int = -1) -> str:
    """Mean and interval of one stage."""
    return span(evaluation.mean[steps], evaluation.interval()[steps])


def end_of(evaluation: Evaluation) -> str:
    """The last stage; where rewards are sparse, with the share of goals reached by then."""
    return stage(evaluation) + (f", {evaluation.reached[-1]:.0%} of goals reached" if evaluation.sparse else "")


def headline(tasks: str) -> str:
    """Every method on ``tasks``: what it reaches and what it costs."""
    rows = []
    for method in METHODS:
        if not known(f"{method}-{tasks}"):
            continue
        record, evaluation = results.read(f"{method}-{tasks}"), results.evaluation(f"{method}-{tasks}")
        training = record["training"]
        cost = f"{training['env_steps'] / 1e6:.3g} M, {training['core_minutes']:.0f} min" if training else "none"
        iqm = span(evaluation.iqm[-1], evaluation.iqm_interval()[-1])
        rows.append([
            WORDS[method], stage(evaluation, 0), stage(evaluation), iqm, f"{evaluation.env_steps[-1]:,}",
            f"{len(evaluation.tasks)} x {len(evaluation.seeds)}", cost, f"`{record['command']}`",
        ])  # fmt: skip
    heads = ["method", "before", "at the end", "interquartile mean", "steps on the task", "tasks x seeds"]
    return table([*heads, "training: steps, core-minutes", "command"], rows)


def rows_of_the_paper(tasks: str) -> str:
    """Returns over gradient steps, ours and the paper's."""
    paper = results.published()["maml_paper"]["rows"][tasks]
    rows: list[list[str]] = []
    ends: dict[str, float] = {}
    published_ends: dict[str, float] = {}
    for method, theirs in (
        ("maml", "maml"),
        ("random", "random_init"),
        ("average", "pretrained"),
        ("oracle", "oracle"),
    ):
        if not known(f"{method}-{tasks}"):
            continue
        evaluation = results.evaluation(f"{method}-{tasks}")
        cells = [stage(evaluation, s) for s in range(len(evaluation.mean))]
        published = paper[theirs] if isinstance(paper[theirs], list) else [paper[theirs]]
        rows.append([WORDS[method], *(cells + [""] * 4)[:4], ", ".join(f"{value:.0f}" for value in published)])
        ends[WORDS[method]], published_ends[WORDS[method]] = evaluation.mean[-1], published[-1]
    heads = ["method", "0 steps", "1 step", "2 steps", "3 steps", "the paper's, in its physics"]
    swapped = [f"{a} above {b}" for a, b in combinations(ranked(ends), 2) if published_ends[a] < published_ends[b]]
    order = f"From the best at the end: {', '.join(ranked(ends))}."
    order += f" Otherwise than in the paper: {', '.join(swapped)}." if swapped else " This is the paper's order."
    return f"{table(heads, rows)}\n{order}\n"


def ranked(ends: dict[str, float]) -> list[str]:
    """The names, from the highest return to the lowest."""
    return sorted(ends, key=lambda name: -ends[name])


def up_to(evaluation: Evaluation, steps: int) -> Evaluation:
    """``evaluation`` without what took more than ``steps`` environment steps on a task."""
    within = evaluation.env_steps <= steps
    return replace(evaluation, returns=evaluation.returns[..., within], env_steps=evaluation.env_steps[within])


def improvements(tasks: str) -> str:
    """The chance that a meta-policy beats each baseline after as many steps, where both had the same tasks."""
    rows = []
    for method in ("maml", "pearl"):
        for other in ("oracle", "average", "random", "scratch"):
            if not (known(f"{method}-{tasks}") and known(f"{other}-{tasks}")):
                continue
            ours, theirs = results.evaluation(f"{method}-{tasks}"), results.evaluation(f"{other}-{tasks}")
            if np.array_equal(ours.tasks, theirs.tasks):
                theirs = up_to(theirs, MAML_STEPS)
                chance, low, high = probability_of_improvement(ours, theirs)
                rows.append([
                    f"{WORDS[method]}, after {ours.env_steps[-1]:,} steps",
                    f"{WORDS[other]}, after {theirs.env_steps[-1]:,}",
                    f"{chance:.2f} [{low:.2f}, {high:.2f}]",
                ])  # fmt: skip
    return table(["this", "over this", "probability of improvement"], rows)


def training_seeds() -> str:
    """The same recipes with other training seeds."""
    rows = []
    for name in results.names():
        head, _, seed = name.rpartition("-seed")
        if not head or not seed.isdigit():
            continue
        for record_name in ([head] if known(head) and f"{head}-seed{seed}" == first_seed(head) else []) + [name]:
            record, evaluation = results.read(record_name), results.evaluation(record_name)
            training = record["training"]
            rows.append([
                f"{head}, seed {training['seed']}{' (shipped)' if record_name == head else ''}", stage(evaluation, 0),
                end_of(evaluation), f"{training['env_steps'] / 1e6:.3g} M", f"{training['core_minutes']:.0f}",
            ])  # fmt: skip
    return table(["training", "before", "at the end", "environment steps", "core-minutes"], rows)


def first_seed(head: str) -> str:
    """The first of the records of other seeds than the shipped one."""
    return next(name for name in results.names() if name.startswith(f"{head}-seed"))


def generalisation() -> str:
    """What the shipped meta-policies reach on tasks and bodies that they were not trained on."""
    rows = []
    for method in ("maml", "pearl"):
        for tasks in FAMILIES:
            for change, words in VARIATIONS.items():
                if known(f"{method}-{tasks}-{change}"):
                    evaluation = results.evaluation(f"{method}-{tasks}-{change}")
                    cells = [stage(evaluation, 0), stage(evaluation)]
                    rows.append([f"{WORDS[method]}, {tasks}", words, *cells, f"{evaluation.gain()[0]:+.0f}"])
    return table(["meta-policy", "change", "before", "after", "gain"], rows)


def fewer_episodes() -> str:
    """MAML with fewer episodes for each gradient step."""
    rows = []
    for tasks in FAMILIES:
        for episodes in (20, 10, 5, 2, 1):
            name = f"maml-{tasks}" + (f"-{episodes}-episodes" if episodes != 20 else "")
            if known(name):
                evaluation = results.evaluation(name)
                rows.append([tasks, episodes, *(stage(evaluation, s) for s in range(4))])
    return table(["tasks", "episodes a step", "0 steps", "1 step", "2 steps", "3 steps"], rows)


def pearl_curve(tasks: str) -> tuple[np.ndarray, np.ndarray]:
    """Environment steps, and held-out returns after two exploration episodes, of the shipped PEARL's training."""
    lines = [json.loads(line) for line in (ZOO / f"pearl-{tasks}" / "metrics.jsonl").read_text().splitlines()]
    points = [(line["env_steps"], line["held_out"][2]) for line in lines if line.get("held_out")]
    return np.array(points).T


def smooth(steps: np.ndarray, returns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The running mean over five evaluations, each of a few tasks only."""
    return steps, np.array([returns[max(0, i - 2) : i + 3].mean() for i in range(len(returns))])


def against_published(tasks: str) -> str:
    """Our training curve and the published one at some of its points; the sentence says where ours lies above."""
    steps, ours = pearl_curve(tasks)
    theirs = np.array(results.published()["pearl"]["curves"][tasks])
    steps, ours = smooth(steps, ours)
    inside = theirs[(theirs[:, 0] >= steps[0]) & (theirs[:, 0] <= steps[-1])]
    mine = np.interp(inside[:, 0], steps, ours)
    above = mine > inside[:, 1]
    picked = inside[np.unique(np.linspace(0, len(inside) - 1, 9).astype(int))]
    rows = [[f"{x:,.0f}", f"{np.interp(x, steps, ours):.0f}", f"{y:.0f}"] for x, y in picked]
    where = f"Ours lies above at {above.sum()} of {len(above)} published points"
    if not above.all():
        below = inside[~above, 0]
        where += f"; below between {below.min():,.0f} and {below.max():,.0f} steps"
    return table(["environment steps", "ours", "published"], rows) + f"\n{where}.\n"


def on_one_axis(tasks: str) -> dict[str, Evaluation]:
    """The methods that adapted to the same held-out tasks."""
    found = {WORDS[method]: results.evaluation(f"{method}-{tasks}") for method in METHODS if known(f"{method}-{tasks}")}
    first = next(iter(found.values()))
    return {name: each for name, each in found.items() if np.array_equal(each.tasks, first.tasks)}


def picture(tasks: str) -> str:
    """The methods on one axis, as a picture with words."""
    return f"![{plots.describe_evaluations(on_one_axis(tasks))}](docs/{tasks}.png)\n"


def verdict(tasks: str) -> str:
    """Whether each meta-policy's interval lies above every baseline's after no more steps; the gap to the oracle."""
    oracle = results.evaluation(f"oracle-{tasks}").mean[-1]
    sentences = []
    for method in ("maml", "pearl"):
        ours = results.evaluation(f"{method}-{tasks}")
        below = []
        for other in ("average", "random", "scratch"):
            theirs = up_to(results.evaluation(f"{other}-{tasks}"), MAML_STEPS)
            clear = ours.interval()[-1][0] > theirs.interval()[-1][1]
            below.append(f"{'above' if clear else 'NOT above'} that of {WORDS[other]} ({stage(theirs)})")
        gap = ours.mean[-1] - oracle
        sentences.append(
            f"{WORDS[method]}'s interval after {ours.env_steps[-1]:,} steps lies {', '.join(below)}, each after"
            f" {MAML_STEPS:,}; {abs(gap):.0f} {'above' if gap > 0 else 'below'} the oracle's mean."
        )
    return "\n".join(f"- {sentence}" for sentence in sentences) + "\n"


def from_scratch(tasks: str) -> str:
    """Training one task from nothing: returns after as many steps as MAML's adaptation takes, and more."""
    evaluation = results.evaluation(f"scratch-{tasks}")
    heads = [f"{count:,} steps on the task" for count in evaluation.env_steps]
    cells = [stage(evaluation, i) for i in range(len(heads))]
    return table(["from scratch", *heads], [[f"{len(evaluation.tasks)} tasks x {len(evaluation.seeds)}", *cells]])


def curves(tasks: str) -> dict[str, Any]:
    """PEARL's learning curves: the shipped run's, those of other training seeds, and the published one."""
    found = {"ours, shipped": smooth(*pearl_curve(tasks))}
    for name in results.names("curves"):
        if name.startswith(f"pearl-{tasks}-seed"):
            lines = [line for line in results.read(name, "curves")["curve"] if line.get("held_out")]
            points = np.array([(line["env_steps"], line["held_out"][2]) for line in lines]).T
            found[f"ours, {name.rpartition('-')[2].replace('seed', 'seed ')}"] = smooth(*points)
    published = np.array(results.published()["pearl"]["curves"][tasks])
    longest = max(steps[-1] for steps, _ in found.values())
    return {**found, "published": tuple(published[published[:, 0] <= longest].T)}


def curves_picture(tasks: str) -> str:
    """The learning curves as a picture with words."""
    return f"![{plots.describe_training(curves(tasks), ylabel=CURVE)}](docs/curves-{tasks}.png)\n"


def at_horizon_100() -> str:
    """MAML on the direction at horizon 100, beside the only published curve that has the same physics."""
    name = "maml-cheetah-direction-horizon-100"
    record, ours = results.read(name), results.evaluation(name)
    steps, returns = np.array(results.published()["maml_rllib"]["cheetah-direction"]).T
    spent = record["training"]["env_steps"]
    return (
        f"After one gradient step ours returns {stage(ours, 1)} at horizon 100 (trained at horizon 200, for"
        f" {spent / 1e6:.3g} M environment steps; `{record['command']}`). The published curve is at"
        f" {np.interp(spent, steps, returns):.0f} after as many steps, and at most at {returns.max():.0f},"
        f" after {steps[returns.argmax()] / 1e6:.0f} M.\n"
    )


def benchmark() -> str:
    """The stored benchmark: its picture, and its table."""
    found = results.benchmark()
    words = plots.describe_benchmark(found["result"])
    head = f"`{found['command']}` on {found['machine']}, at revision {found['revision']}."
    return f"{head}\n\n![{words}](docs/benchmark.png)\n\n```\n{benchmark_table(found['result'])}\n```\n"


def late_mean(values: list[float]) -> float:
    """The mean of the last tenth, at least two."""
    return float(np.mean(values[-max(2, len(values) // 10) :]))


def ablations(algorithm: str) -> str:
    """One departure from the papers taken back at a time, the first row with none."""
    kept = results.ablations()
    rows: list[list[str]] = []
    base: dict[int, float] = {}
    for name, (words, of, _) in CHANGES.items():
        runs = [record for record in kept if record["name"] == name and of == algorithm]
        if runs:
            ends = {run["seed"]: late_mean([after for _, after in run["curve"]]) for run in runs}
            base = base or ends
            below = f"{sum(end < base[seed] for seed, end in ends.items())} of {len(ends)}" if rows else ""
            minutes = np.mean([run["core_minutes"] for run in runs])
            steps = f"{runs[0]['env_steps'] / 1e6:.3g} M"
            by_seed = ", ".join(f"{end:.0f}" for end in ends.values())
            rows.append([words, by_seed, f"{np.mean(list(ends.values())):.0f}", below, steps, f"{minutes:.1f}"])
    heads = ["change", "return after adaptation, by seed", "mean", "seeds in which it is lower than the first row's"]
    return table([*heads, "environment steps", "core-minutes"], rows)


def fill(template: str) -> str:
    """``template`` with each {{call argument}} replaced by what that function returns."""
    makers = {
        "headline": headline, "paper": rows_of_the_paper, "improvements": improvements, "picture": picture,
        "seeds": training_seeds, "generalisation": generalisation, "episodes": fewer_episodes,
        "published": against_published, "machines": machines, "ablations": ablations,
        "verdict": verdict, "scratch": from_scratch, "curves": curves_picture, "horizon100": at_horizon_100,
        "benchmark": benchmark,
    }  # fmt: skip
    parts = template.split("{{")
    done = [parts[0]]
    for part in parts[1:]:
        call, rest = part.split("}}", 1)
        name, *arguments = call.split()
        done += [makers[name](*arguments), rest]
    return "".join(done)


def machines() -> str:
    """What the evaluations ran on."""
    seen = {results.read(name)["machine"] for name in results.names()}
    seen |= {read_card(card.parent)["machine"] for card in ZOO.glob("*/card.json")}
    seen |= {record["machine"] for record in results.ablations()}
    return "; ".join(sorted(seen))


def main() -> int:
    """The command line; returns the exit code."""
    page = fill((DOCS / "results.template.md").read_text(encoding="utf-8"))
    if "--check" in sys.argv:
        agrees = PAGE.read_text(encoding="utf-8") == page
        print(
            "RESULTS.md agrees with the records" if agrees else "RESULTS.md is not what the records say: make it anew"
        )
        return 0 if agrees else 1
    for tasks in FAMILIES:
        plots.save(plots.plot_evaluations(on_one_axis(tasks)), DOCS / f"{tasks}.png")
        plots.save(plots.plot_training(curves(tasks), ylabel=CURVE), DOCS / f"curves-{tasks}.png")
    write_atomically(DOCS / "benchmark.png", plots.benchmark_picture(results.benchmark()["result"]))
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
