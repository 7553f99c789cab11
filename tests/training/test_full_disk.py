"""A disk that is full in the middle of a training: what was saved before is whole, and a sentence says so."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mpsearch import MAML
from mpsearch.cli import main

pytestmark = pytest.mark.slow  # mounts a small disk

resource = pytest.importorskip("resource")  # not on Windows
LARGEST_FILE = 60_000  # bytes, where no small disk can be had: less than the weights
SIZE = "250k"  # room for one checkpoint of 90 kB and its successor, but not for a large file beside them
TRAIN = ["train", "maml", "point-navigation"]
SETTINGS = ["--family", "horizon=4", "--set", "tasks_per_iteration=2", "episodes=2", "hidden=[140,140]"]


@pytest.fixture
def disk(tmp_path):
    """A folder, and what lets the command that is run there find no more room in it."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", tmp_path], capture_output=True)
    if mounted.returncode:  # only root may, and not everywhere
        yield tmp_path, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        return
    try:
        yield tmp_path, lambda: (tmp_path / "other").write_bytes(bytes(100_000))
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is made as on Linux")
def test_training_on_a_full_disk_ends_with_a_sentence_and_the_earlier_checkpoint(disk) -> None:
    folder, fill = disk[0] / "run", disk[1]
    assert main([*TRAIN, *SETTINGS, "--iterations", "1", "--folder", str(folder)]) == 0
    before = {path.name: path.read_bytes() for path in folder.glob("[!.]*") if path.suffix != ".jsonl"}
    command = [sys.executable, "-m", "mpsearch", *TRAIN, "--iterations", "2", "--resume", folder]
    done = subprocess.run(command, preexec_fn=fill, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"mpsearch: cannot save to {folder}: ")
    assert "Traceback" not in done.stderr
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert not list(folder.glob(".*.tmp"))
    assert MAML.load(folder).iteration == 1
    (disk[0] / "other").unlink(missing_ok=True)  # with room again, it goes on
    assert main([*TRAIN, "--iterations", "2", "--resume", str(folder)]) == 0
    assert MAML.load(folder).iteration == 2
