"""Run the evaluations behind RESULTS.md that are missing in ``mpsearch/results/evaluations``.

python docs/measure.py                all that are missing (hours on two cores)
python docs/measure.py NAME ...       these, anew
python docs/measure.py --list         their names and commands
"""

from __future__ import annotations

import subprocess
import sys
import time

from mpsearch.results import FOLDER, names

CHEETAHS = ("cheetah-direction", "cheetah-velocity")
VARIATIONS = {
    "heavy": "torso_mass=2",
    "light": "torso_mass=0.5",
    "weak-leg": "weak_leg=0.3",
    "noise": "observation_noise=0.1",
}


def commands() -> dict[str, str]:
    """The arguments of ``mpsearch evaluate`` for each record, by its name."""
    seeds = {"cheetah-direction": 10, "cheetah-velocity": 5}
    found = {}
    for tasks in CHEETAHS:
        for method in ("maml", "random", "average", "oracle"):
            found[f"{method}-{tasks}"] = f"{method} {tasks} --seeds {seeds[tasks]}"
        found[f"pearl-{tasks}"] = f"pearl {tasks} --seeds 10"
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


def main(words: list[str]) -> None:
    """The command line."""
    known = commands()
    if words == ["--list"]:
        print("\n".join(f"{name:40} mpsearch evaluate {arguments}" for name, arguments in known.items()))
        return
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


if __name__ == "__main__":
    main(sys.argv[1:])
