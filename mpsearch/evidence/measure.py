"""Run the evaluations behind RESULTS.md that are missing in ``mpsearch/results/evaluations``.

python docs/measure.py                all that are missing (hours on two cores)
python docs/measure.py NAME ...       these, anew
python docs/measure.py --list         their names and commands
python docs/measure.py benchmark      the benchmark, anew (eight minutes on two cores; nothing else should run)
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from mpsearch.evidence.results import FOLDER, names
from mpsearch.training.provenance import code_revision, describe_machine
from mpsearch.training.storage import write_atomically

CHEETAHS = ("cheetah-direction", "cheetah-velocity")
VARIATIONS = {
    "heavy": "torso_mass=2",
    "light": "torso_mass=0.5",
    "weak-leg": "weak_leg=0.3",
    "noise": "observation_noise=0.1",
}


def commands() -> dict[str, str]:
    """The arguments of ``mpsearch evaluate`` for each record, by its name."""
    seeds = {"cheetah-direction": 30, "cheetah-velocity": 5}  # on two tasks, a rare bad gradient step moves the mean
    found = {}
    for tasks in CHEETAHS:
        for method in ("maml", "random", "average", "oracle"):
            found[f"{method}-{tasks}"] = f"{method} {tasks} --seeds {seeds[tasks]}"
        found[f"pearl-{tasks}"] = f"pearl {tasks} --seeds 10"
    found["maml-cheetah-direction-horizon-100"] = "maml cheetah-direction --seeds 30 --family horizon=100"
    found["maml-point-navigation"] = "maml point-navigation --seeds 5"
    found["pearl-point-navigation"] = "pearl point-navigation --seeds 5 --steps 3"  # three episodes to find a goal in
    found["scratch-cheetah-direction"] = "scratch cheetah-direction --seeds 3"
    found["scratch-cheetah-velocity"] = "scratch cheetah-velocity --seeds 2 --count 4"
    for method in ("maml", "pearl"):
        for tasks in CHEETAHS:
            for name, change in VARIATIONS.items():
                found[f"{method}-{tasks}-{name}"] = f"{method} {tasks} --seeds 3 --count 20 --family {change}"
        beyond = "--seeds 3 --count 20 --family low_velocity=3 high_velocity=4"
        found[f"{method}-cheetah-velocity-beyond"] = f"{method} cheetah-velocity {beyond}"
    for tasks in CHEETAHS:
        for episodes in (10, 5, 2, 1):
            options = f"--seeds 3 --count 20 --episodes {episodes}"
            found[f"maml-{tasks}-{episodes}-episodes"] = f"maml {tasks} {options}"
    return found


def keep_benchmark() -> None:
    """Run ``mpsearch bench`` and keep what it prints, and on what."""
    words = ["bench", "--json"]
    done = subprocess.run([sys.executable, "-m", "mpsearch", *words], check=True, stdout=subprocess.PIPE, text=True)
    record = {
        "command": " ".join(["mpsearch", *words]),
        "machine": describe_machine(),
        "revision": code_revision(),
        "result": json.loads(done.stdout),
    }
    write_atomically(FOLDER / "benchmark.json", (json.dumps(record) + "\n").encode())


def main(words: list[str]) -> None:
    """The command line."""
    if words == ["benchmark"]:
        return keep_benchmark()
    known = commands()
    if words == ["--list"]:
        print("\n".join(f"{name:40} mpsearch evaluate {arguments}" for name, arguments in known.items()))
        return None
    if strangers := [word for word in words if word not in known]:
        raise SystemExit(f"measure.py: unknown {', '.join(strangers)}; --list shows what there is")
    for name in words or [name for name in known if name not in names()]:
        start = time.monotonic()
        out = ["--out", str(FOLDER / "evaluations" / name)]
        subprocess.run(
            [sys.executable, "-m", "mpsearch", "evaluate", *known[name].split(), *out], check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        print(f"{name}: {(time.monotonic() - start) / 60:.1f} minutes", flush=True)
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
