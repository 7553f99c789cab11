"""Run the evaluations and the benchmark of RESULTS.md, and keep them as records.

python -m mpsearch.evidence.measure               evaluations that ``results/evaluations`` lacks (hours on two cores)
python -m mpsearch.evidence.measure NAME ...      the named evaluations, even if it has them
python -m mpsearch.evidence.measure --list        print the names and commands of all evaluations
python -m mpsearch.evidence.measure benchmark     the benchmark (eight minutes; nothing else should run)
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from tyro.conf import Positional

from mpsearch.errors import unknown
from mpsearch.evidence import results
from mpsearch.evidence.program import run
from mpsearch.evidence.records import write_record
from mpsearch.training.provenance import code_revision, describe_machine

CHEETAHS = ("cheetah-direction", "cheetah-velocity")
SEEDS = {"cheetah-direction": 30, "cheetah-velocity": 5}  # more for the direction, which has only two tasks
OTHER_MAKINGS = {
    "maml-cheetah-direction-told": "maml cheetah-direction --seeds 30",
    "maml-cheetah-direction-promp": "maml cheetah-direction --seeds 30",
    "maml-cheetah-velocity-long": "maml cheetah-velocity --seeds 2",
    "maml-cheetah-velocity-told": "maml cheetah-velocity --seeds 2",
}
CHANGED_BODY = {
    "heavy": "torso_mass=2",
    "light": "torso_mass=0.5",
    "weak-leg": "weak_leg=0.3",
    "noise": "observation_noise=0.1",
}
BEYOND = "low_velocity=3 high_velocity=4"
FEWER_EPISODES = (10, 5, 2, 1)
RESAMPLE_EVERY = (0, 1, 2, 5, 10, 20)  # steps between two draws of z within an episode
TRAINED_LONGER = {  # the weights, and the number of steps between two draws of z that they were not trained with
    "trainings/pearl-cheetah-velocity-longer": 2,
    "pearl-cheetah-velocity-within": 0,
}
FALLING = {  # meta-policies on robots that fall, and how they are evaluated
    "pearl-ant-direction": "pearl ant-direction --seeds 20",
    "maml-ant-direction": "maml ant-direction --seeds 10",
    "pearl-walker-body": "pearl walker-body --seeds 5",
    "maml-walker-body": "maml walker-body --seeds 2",
}
ON_A_PROCESSOR = tuple(  # in trainings; "averages" differ from "cpu" by average_rate=0.0005 alone
    f"pearl-cheetah-direction-{recipe}-seed{seed}" for recipe in ("cpu", "averages") for seed in (0, 1)
)
WITHIN_EPISODES = {  # seeds and episodes with which these are compared
    "cheetah-direction": "--seeds 30",
    "cheetah-velocity": "--seeds 5",
    "point-navigation": "--seeds 5 --steps 3",
}


def commands() -> dict[str, str]:
    """Return the arguments of ``mpsearch evaluate`` for each record, by the record's name."""
    return {
        **on_held_out_tasks(),
        **on_changed_tasks(),
        **with_fewer_episodes(),
        **within_episodes(),
        **by_mean_actions(),
        **of_other_makings(),
        **on_robots_that_fall(),
    }


def on_held_out_tasks() -> dict[str, str]:
    """Return the evaluations of every method on held-out tasks of the family that it was trained on."""
    found = {}
    for tasks in CHEETAHS:
        for method in ("maml", "random", "average", "oracle"):
            found[f"{method}-{tasks}"] = f"{method} {tasks} --seeds {SEEDS[tasks]}"
        found[f"pearl-{tasks}"] = f"pearl {tasks} --seeds 10"
    found["maml-cheetah-direction-horizon-100"] = "maml cheetah-direction --seeds 30 --family horizon=100"
    found["maml-point-navigation"] = "maml point-navigation --seeds 5"
    found["pearl-point-navigation"] = "pearl point-navigation --seeds 5 --steps 3"  # three episodes to find the goal
    found["scratch-cheetah-direction"] = "scratch cheetah-direction --seeds 3"
    found["scratch-cheetah-velocity"] = "scratch cheetah-velocity --seeds 2 --count 4"
    for method in ("maml", "pearl", "oracle"):  # on the velocities on which SAC and training from scratch are measured
        found[f"{method}-cheetah-velocity-four"] = f"{method} cheetah-velocity --seeds 10 --count 4"
    return found


def on_changed_tasks() -> dict[str, str]:
    """Return the evaluations of the meta-policies on bodies and velocities that they were not trained on."""
    found, options = {}, "--seeds 3 --count 20 --family"
    for method in ("maml", "pearl"):
        for tasks in CHEETAHS:
            for name, change in CHANGED_BODY.items():
                found[f"{method}-{tasks}-{name}"] = f"{method} {tasks} {options} {change}"
        found[f"{method}-cheetah-velocity-beyond"] = f"{method} cheetah-velocity {options} {BEYOND}"
    return found


def with_fewer_episodes() -> dict[str, str]:
    """Return the evaluations of MAML with fewer than 20 episodes for each gradient step."""
    return {
        f"maml-{tasks}-{episodes}-episodes": f"maml {tasks} --seeds 3 --count 20 --episodes {episodes}"
        for tasks in CHEETAHS
        for episodes in FEWER_EPISODES
    }


def within_episodes() -> dict[str, str]:
    """PEARL, with z drawn anew within an episode: only when it adapts, or also in its training."""
    found = {
        f"pearl-{tasks}-every-{every}": f"pearl {tasks} {options} --resample-every {every}"
        for tasks, options in WITHIN_EPISODES.items()
        for every in RESAMPLE_EVERY
    }
    velocity = f"pearl cheetah-velocity {WITHIN_EPISODES['cheetah-velocity']} --weights"
    for weights, other in TRAINED_LONGER.items():
        name = weights.removeprefix("trainings/")
        found[name] = f"{velocity} {weights}"
        found[f"{name}-every-{other}"] = f"{found[name]} --resample-every {other}"
    for name in ON_A_PROCESSOR:
        found[name] = f"pearl cheetah-direction --seeds 10 --weights trainings/{name}"
        found[f"{name}-every-1"] = f"{found[name]} --resample-every 1"
    return found


def by_mean_actions() -> dict[str, str]:
    """MAML scored as PEARL is."""
    seeds = {"cheetah-direction": 10, "cheetah-velocity": 5}
    return {f"maml-{tasks}-mean-actions": f"maml {tasks} --seeds {seeds[tasks]} --mean-actions" for tasks in CHEETAHS}


def of_other_makings() -> dict[str, str]:
    """MAML whose start was made in another way, or which was trained for longer: sampled and mean actions."""
    found: dict[str, str] = {}
    for name, arguments in OTHER_MAKINGS.items():
        found |= of_two_training_seeds(name, arguments, weights=f" --weights {name}")
    long = "maml cheetah-velocity --seeds 1 --weights maml-cheetah-velocity-long --mean-actions"
    found["maml-cheetah-velocity-long-80-episodes"] = f"{long} --episodes 80"
    found["maml-cheetah-velocity-long-5-steps"] = f"{long} --steps 5"
    return found


def on_robots_that_fall() -> dict[str, str]:
    """Return the evaluations of the meta-policies on robots that fall, of two training seeds."""
    found: dict[str, str] = {}
    for name, arguments in FALLING.items():
        found |= of_two_training_seeds(name, arguments)
    return found


def of_two_training_seeds(shipped: str, arguments: str, weights: str = "") -> dict[str, str]:
    """Return the evaluations of a shipped meta-policy and of the other seed in trainings: of MAML, by both actions."""
    found = {}
    for seed, of_seed in (("", weights), ("-seed1", f" --weights trainings/{shipped}-seed1")):
        found[shipped + seed] = arguments + of_seed
        if shipped.startswith("maml"):
            found[f"{shipped}-mean-actions{seed}"] = f"{arguments}{of_seed} --mean-actions"
    return found


def run_mpsearch(*words: str) -> str:
    """Run ``mpsearch`` in a process of its own; returns what it prints."""
    command = [sys.executable, "-m", "mpsearch", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def keep_benchmark() -> None:
    """Run ``mpsearch bench`` and keep its result, with the machine and the revision."""
    result = json.loads(run_mpsearch("bench", "--json"))
    origin = {"command": "mpsearch bench --json", "machine": describe_machine(), "revision": code_revision()}
    write_record(results.FOLDER / "benchmark.json", {**origin, "result": result})


def keep_evaluation(name: str) -> None:
    """Run the evaluation of one record. The command writes the record."""
    start = time.monotonic()
    run_mpsearch("evaluate", *commands()[name].split(), "--out", str(results.FOLDER / "evaluations" / name))
    print(f"{name}: {(time.monotonic() - start) / 60:.1f} minutes", flush=True)


def main(names: Positional[tuple[str, ...]] = (), *, list: bool = False) -> None:
    """Run the evaluations that are missing among the records, or those that are named.

    Args:
        names: the evaluations to run, see --list; or "benchmark".
        list: only print the names and commands of all evaluations.
    """
    known = commands()
    if list:
        print("\n".join(f"{name:40} mpsearch evaluate {arguments}" for name, arguments in known.items()))
        return
    if strangers := [name for name in names if name not in (*known, "benchmark")]:
        raise unknown("record", strangers[0], [*known, "benchmark"])
    for name in names or [name for name in known if name not in results.names()]:
        if name == "benchmark":
            keep_benchmark()
        else:
            keep_evaluation(name)


if __name__ == "__main__":
    run(main)
