"""Reads many damaged and forged checkpoints, and checks that reading them is safe.

python tests/tools/corruptions.py [N] [SEED]    read N checkpoints (default 10,000) and count the outcomes; Linux only

A damaged checkpoint must be refused with one of the library's own errors, or load the values that were saved. A
forged checkpoint has matching checksums, so it may also load other values. Reading must not open files outside the
checkpoint, run code, hang, or need more memory than twice the checkpoint's size and ``SLACK``.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from damage import Files, changes

import mpsearch
from mpsearch import MAML, PEARL, MAMLConfig, PEARLConfig, PointNavigation
from mpsearch.errors import MpsearchError
from mpsearch.tasks.registry import BUILT_IN, family_class

PATIENCE = 20  # s of processor time; the limit of real time is thirty times as long, as the machine may be busy
SLACK = 32_000_000  # bytes; enough to parse a card of one megabyte
ADDRESSES = 4_000_000_000  # bytes of address space; memory that is reserved but not used is harmless
FORBIDDEN = {
    "exec",
    "compile",
    "import",
    "pickle.find_class",
    "marshal.loads",
    "os.system",
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "socket.connect",
    "ctypes.dlopen",
    "os.remove",
    "os.rename",
    "shutil.rmtree",
}


class Hung(BaseException):
    """Reading took longer than the time limit."""


class Watch:
    """Watches a block of code: forbidden operations (events of ``sys.audit``), the time limit, and the peak memory."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._hear)
        for alarm in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(alarm, self._ring)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder and event in FORBIDDEN:
            self.seen.append(f"{event}{arguments!r:.100}")
        if self.folder and event == "open" and not str(arguments[0]).startswith(self.folder):
            self.seen.append(f"open {arguments[0]}")

    def _ring(self, *_: object) -> None:
        raise Hung

    @contextlib.contextmanager
    def over(self, folder: Path):
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak memory to the present memory
        before = memory("VmRSS")
        self.seen, self.folder = [], str(folder)
        signal.setitimer(signal.ITIMER_PROF, PATIENCE)
        signal.alarm(30 * PATIENCE)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
            self.folder = None
            self.peak = memory("VmHWM") - before


def memory(name: str) -> int:
    """Return the number in a line of /proc/self/status, in bytes."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


def originals(folder: Path) -> list[tuple[Files, dict[str, bytes]]]:
    """Return the files and the values of a small checkpoint of each algorithm. PEARL's replay has two files."""
    family = PointNavigation(horizon=4)
    maml = MAML(family, MAMLConfig(tasks_per_iteration=2, episodes=2, hidden=(8,), outer="clipped"))
    sizes = {"training_tasks": 3, "gradient_steps": 2, "batch": 8, "context": 8, "replay_size": 2000, "recent": 3}
    pearl = PEARL(family, PEARLConfig(**sizes, hidden=(8,), encoder_hidden=(8,), evaluate_every=1000))
    found = []
    for agent in (maml, pearl):
        path = folder / agent.algorithm
        for _ in range(2):
            agent.train(1, seed=0, folder=path, progress=False)
        files = {file.name: file.read_bytes() for file in path.iterdir() if file.suffix in (".json", ".safetensors")}
        found.append((files, values(mpsearch.load(path))))
    return found


def values(agent: MAML | PEARL) -> dict[str, bytes]:
    """Return all values that a checkpoint stores, as bytes by name."""
    told = (
        "config",
        "seed",
        "command",
        "iteration",
        "rollbacks",
        "env_steps",
        "wall_seconds",
        "cpu_seconds",
        "history",
    )
    card = [agent.algorithm, agent.tasks.id, agent.tasks.config, *(getattr(agent, name) for name in told)]
    arrays = {name: tensor.detach().numpy() for name, tensor in agent._tensors().items()}
    if isinstance(agent, PEARL):
        arrays |= {name: kept.numpy() for name, kept in agent.replay.since(0 * agent.replay.added).items()}
        arrays["training_tasks"] = agent.training_tasks
    return {"card": repr(card).encode()} | {name: array.tobytes() for name, array in arrays.items()}


def lay_out(files: Files, folder: Path) -> int:
    """Write ``files`` into ``folder``, and return their total size in bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        if isinstance(content, Path):
            path.symlink_to(content)
        elif content == "pipe":
            os.mkfifo(path)
        elif content == "folder":
            path.mkdir()
        else:
            path.write_bytes(content)
    return sum(len(content) for content in files.values() if isinstance(content, bytes))


def outcome(folder: Path, size: int, expected: dict[str, bytes], watch: Watch) -> str:
    """Read the checkpoint in ``folder`` and return the outcome. An outcome that must not happen is in capitals."""
    agent = None
    try:
        with watch.over(folder):
            agent = mpsearch.load(folder)
    except MpsearchError as error:
        if len(str(error)) > 2000:
            return f"A LONG MESSAGE: {str(error)[:100]}"
    except BaseException:
        return f"CRASHED: {traceback.format_exc(limit=-3)}"
    if watch.seen:
        return f"DID {watch.seen}"
    if watch.peak > 2 * size + SLACK:
        return f"TOOK {watch.peak:,} bytes for {size:,}"
    if agent is None:
        return "refused"
    return "identical" if values(agent) == expected else "other values"


def main(count: int = 10_000, seed: int = 0) -> int:
    """Make and read the checkpoints. Return 1 if there was an outcome that must not happen, and 0 otherwise."""
    resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") + ADDRESSES, resource.RLIM_INFINITY))
    for family in map(family_class, BUILT_IN):  # causes imports now, which would count as forbidden later
        family().make_batch(family().spread(1), 1)
    watch, counts, bad, peak = Watch(), Counter(), 0, 0
    with tempfile.TemporaryDirectory() as name:
        root, bomb = Path(name), Path(name) / "exploded"
        checkpoints, kinds = originals(root), changes(bomb)
        for number in range(count):
            rng = random.Random(f"{seed} {number}")
            files, expected = rng.choice(checkpoints)
            kind = list(kinds)[number % len(kinds)]
            try:
                damaged = kinds[kind](files, rng)
            except (IndexError, RecursionError):  # this checkpoint has nothing that can be damaged in this way
                continue
            size = lay_out(damaged, root / "read")
            found = outcome(root / "read", size, expected, watch)
            if found.startswith("TOOK"):  # the system may have had to bring back parts of libraries, but only once
                found = outcome(root / "read", size, expected, watch)
            if bomb.exists():
                found = "EXPLODED"
            if found[:2].isupper() or (found == "other values" and "forged" not in kind):
                bad += 1
                print(f"number {number}, {kind}: {found}", flush=True)
                found = "FAILED"
            counts[kind, found] += 1
            peak = max(peak, watch.peak)
    for kind in kinds:
        print(f"{kind:24}", ", ".join(f"{n} {what}" for (k, what), n in sorted(counts.items()) if k == kind))
    totals = Counter(what for (_, what), n in counts.items() for _ in range(n))
    print(f"{counts.total()} in all:", ", ".join(f"{n} {what}" for what, n in totals.items()))
    print(f"most memory taken by one: {peak / 1e6:.1f} MB")
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
