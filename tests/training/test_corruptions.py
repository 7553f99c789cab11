"""Damaged and forged checkpoints are refused, or load what was saved; corruptions.py reads them by the thousand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz_reader import corpus, read_input

pytestmark = pytest.mark.slow  # reads hundreds of checkpoints

TOOL = Path(__file__).parents[1] / "tools" / "corruptions.py"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux tells it")
def test_whatever_becomes_of_a_checkpoint_reading_it_ends_in_its_values_or_a_sentence() -> None:
    done = subprocess.run([sys.executable, TOOL, "168"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "168 in all" in done.stdout
    assert "identical" in done.stdout  # it was not all refused


def test_what_fuzzing_found_still_ends_in_values_or_a_sentence() -> None:
    loaded = [read_input(data) for data in corpus()]
    assert True in loaded
    assert False in loaded
