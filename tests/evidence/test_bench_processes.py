"""What the benchmark measures in fresh processes: the time of imports, and memory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from benchmarks import TINY

from mpsearch.errors import MpsearchError
from mpsearch.evidence.bench import processes

pytestmark = pytest.mark.slow  # measures fresh processes


def test_a_fresh_process_that_fails_gets_a_sentence() -> None:
    assert processes.in_fresh_process("print(1)\nprint(2)") == "2"
    with pytest.raises(MpsearchError, match="No module named 'nowhere'"):
        processes.in_fresh_process("import nowhere")
    with pytest.raises(MpsearchError, match="it printed nothing"):
        processes.in_fresh_process("pass")


def test_imports_are_timed_in_turns_and_told_over_torch(monkeypatch) -> None:
    seconds = {"import torch": 2.0, "import mpsearch": 0.5}
    order = []
    monkeypatch.setattr(
        processes, "import_seconds", lambda statement: order.append(statement) or seconds.get(statement, 3.0)
    )
    found = processes.measure_imports(replace(TINY, import_rounds=2))
    assert order == [*processes.IMPORTS.values()] * 2
    assert processes.import_summary(found) == {
        "mpsearch_over_torch": 0.25, "everything_over_torch": 1.5, "torch_seconds": 2.0
    }  # fmt: skip


def test_an_import_is_timed_where_nothing_is_imported_yet() -> None:
    assert 0 < processes.import_seconds("import sys; assert 'decimal' not in sys.modules; import decimal") < 60
    with pytest.raises(MpsearchError):
        processes.import_seconds("import sys; assert 'decimal' in sys.modules")


def test_the_memory_of_a_fresh_process_grows_with_what_it_allocates_and_not_with_ours() -> None:
    small = processes.peak_of("data = b'x' * 1_000_000")
    if small is None:
        pytest.skip("this system does not say how much memory a process has")
    big = processes.peak_of("data = b'x' * 200_000_000")
    assert big - small == pytest.approx(199, abs=20)
    ours = b"x" * int(1.2e6 * small)
    assert processes.peak_memory_mb() > 1.2 * small
    assert processes.peak_of("data = b'x' * 1_000_000") < 1.1 * small
    del ours


def test_memory_counts_the_simulations_that_were_asked_for(monkeypatch) -> None:
    codes = []
    monkeypatch.setattr(processes, "peak_of", lambda code: codes.append(code) or 100.0 + len(codes))
    assert processes.measure_memory(TINY) == {2: 101.0, 4: 102.0}
    assert [code.splitlines()[-1] for code in codes] == ["closed_loop(1, 2, 5)()", "closed_loop(2, 2, 5)()"]
    for code in codes:
        exec(code, {})
    monkeypatch.setattr(processes, "peak_of", lambda code: None)
    assert processes.measure_memory(TINY) == {}
    assert processes.memory_summary({}, TINY) is None


def test_memory_is_linear_where_it_lies_on_a_line() -> None:
    line = processes.memory_summary({40: 402.0, 400: 420.0, 2000: 500.0}, TINY)
    assert line["kb_per_simulation"] == pytest.approx(50)
    assert (line["base_mb"], line["linear"]) == (400.0, True)
    assert line["off_line"] < 1e-3
    for bent in ([400, 404, 500], [500, 420, 402], [400, 400, 400]):
        assert not processes.memory_summary(dict(zip((40, 400, 2000), bent, strict=True)), TINY)["linear"]


WARNED = """
import mujoco
from mpsearch.evidence.bench import summary

def warn(*given, **options):
    ball = "<mujoco><worldbody><body><freejoint/><geom size='1'/></body></worldbody></mujoco>"
    model = mujoco.MjModel.from_xml_string(ball)
    data = mujoco.MjData(model)
    data.qvel[0] = 1e12  # the simulation is unstable
    mujoco.mj_step(model, data)
    raise SystemExit

summary.measure_training = warn  # what is measured first
"""


@pytest.mark.parametrize(
    ("change", "left"), [("", []), ("summary.quiet_mujoco = lambda: None", ["MUJOCO_LOG.TXT"])], ids=["ours", "control"]
)
def test_no_log_of_mujoco_is_left_in_the_users_folder(tmp_path, change, left) -> None:
    code = f"{WARNED}\n{change}\nsummary.benchmark(quick=True)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert [path.name for path in tmp_path.iterdir()] == left
