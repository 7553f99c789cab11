"""The doctor finds what is missing, and says so plainly."""

import subprocess
import sys
import webbrowser
from importlib import metadata
from pathlib import Path

import pytest

from mpsearch.course import doctor, installed
from mpsearch.course.doctor import report
from mpsearch.findings import Finding

EXTRAS = ["mpsearch[widgets]", "mpsearch[lab]", "mpsearch[test]", "mpsearch[site]"]


def test_versions_are_those_of_the_declared_ranges():
    findings = {finding.name: finding for finding in doctor.examine_versions()}
    assert {"mpsearch", "python", "torch", "mujoco", "gymnasium", "mpsearch[lab]"} <= findings.keys()
    assert not {"pytest", "jupyterlab", "anywidget"} & findings.keys()  # of extras
    assert all(finding.ok for name, finding in findings.items() if name != "mpsearch[site]")  # needed by no other test
    assert {name for name, finding in findings.items() if not finding.needed} == set(EXTRAS)
    assert "wanted" in findings["torch"].detail


@pytest.mark.parametrize(("name", "wanted"), [("numpy", "<1"), ("no-such-package-here", ">=1")])
def test_a_wrong_or_missing_package_fails_with_the_command_that_helps(name, wanted):
    finding = doctor.examine_package(installed.find(name, wanted))
    assert not finding.ok
    assert finding.needed
    assert f'pip install "{name}{wanted}"' in finding.advice


def test_a_local_version_such_as_a_cpu_build_is_within_its_range(monkeypatch):
    monkeypatch.setattr(installed.metadata, "version", lambda name: "2.13.0+cpu")
    assert installed.find("torch", ">=2.6,<2.14").ok


def test_an_extra_adds_what_is_not_required_anyway_and_what_the_extras_in_it_add():
    required = {extra: {package.name for package in installed.required(extra)} for extra in ("", *installed.extras())}
    assert {"torch", "matplotlib"} <= required[""]
    assert required["widgets"] == {"anywidget", "ipywidgets"}
    assert required["lab"] == {"anywidget", "ipywidgets", "ipykernel", "jupyterlab"}
    assert required["test"] > required["lab"]
    assert not required[""] & required["lab"]


def test_a_missing_extra_is_a_note_with_the_command_that_helps(monkeypatch):
    def version(name):
        if name == "jupyterlab":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    real = metadata.version
    monkeypatch.setattr(installed.metadata, "version", version)
    findings = {finding.name: finding for finding in doctor.examine_versions()}
    assert findings["mpsearch[widgets]"].ok
    lab = findings["mpsearch[lab]"]
    assert (lab.ok, lab.needed, lab.advice) == (False, False, 'pip install "mpsearch[lab]"')
    assert lab.detail.endswith(": jupyterlab")


def test_not_installed_at_all(monkeypatch):
    def missing(name):
        raise doctor.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "metadata", missing)
    (finding,) = doctor.examine_versions()
    assert not finding.ok


def test_no_shipped_meta_policies_is_a_failure(monkeypatch):
    import mpsearch.zoo

    monkeypatch.setattr(mpsearch.zoo, "available", list)
    finding = doctor.examine_checkpoints()
    assert (finding.ok, finding.needed) == (False, True)


def test_memory_is_read_or_unknown(monkeypatch):
    total, free = doctor.memory()
    assert total is None or total > 10**8
    assert free is None or 0 <= free <= total
    monkeypatch.setattr(doctor, "memory", lambda: (None, None))
    assert "unknown" in doctor.examine_memory().detail


@pytest.mark.skipif(sys.platform == "win32", reason="reads files of Linux")
def test_memory_respects_a_container_limit(monkeypatch):
    files = {
        "/proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable:  900000 kB\n",
        "/sys/fs/cgroup/memory.max": "1000000\n",
        "/sys/fs/cgroup/memory.current": "400000\n",
    }
    monkeypatch.setattr(doctor, "_text", lambda path: files.get(path, ""))
    assert doctor.memory() == (1_000_000, 600_000)
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert doctor.memory()[1] == 900_000 * 1024


def test_little_memory_is_a_note_not_a_failure(monkeypatch):
    monkeypatch.setattr(doctor, "memory", lambda: (2**33, 2**28))
    finding = doctor.examine_memory()
    assert (finding.ok, finding.needed) == (False, False)


@pytest.mark.parametrize("code", ["raise SystemExit(1)", "import os; os.abort()", "import time; time.sleep(60)"])
@pytest.mark.slow
def test_a_broken_graphics_driver_is_survived(code, monkeypatch):
    monkeypatch.setattr(doctor, "RENDER_ONCE", code)
    finding = doctor.examine_opengl(timeout=0.5)
    assert not finding.ok
    assert "not needed" in finding.advice


def test_opengl_that_works(monkeypatch):
    monkeypatch.setattr(doctor.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0))
    assert doctor.examine_opengl().ok


def test_browser_missing(monkeypatch):
    def none():
        raise webbrowser.Error("no browser")

    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor.webbrowser, "get", none)
    assert not doctor.examine_browser().ok
    monkeypatch.setattr(doctor.shutil, "which", lambda name: name == "firefox" or None)
    assert doctor.examine_browser() == Finding("browser", True, "firefox")


def test_folder(tmp_path):
    assert doctor.examine_folder(tmp_path).ok
    assert list(tmp_path.iterdir()) == []
    assert not doctor.examine_folder(tmp_path / "missing").ok


def test_report_aligns_advises_and_gives_a_verdict():
    good = Finding("python", True, "3.11.7", "unused advice", needed=True)
    note = Finding("OpenGL", False, "does not work", "not needed by mpsearch")
    bad = Finding("torch", False, "not installed", 'pip install "torch"', needed=True)
    assert report([good, note]).splitlines() == [
        "ok    python  3.11.7",
        "note  OpenGL  does not work",
        "              -> not needed by mpsearch",
        "",
        "Everything that mpsearch needs is here.",
    ]
    assert "FAIL  torch " in report([good, bad])
    assert report([good, bad]).endswith("Not ready: torch.")


def test_a_long_list_goes_on_below_itself_and_no_name_is_broken():
    names = [f"maml-cheetah-direction-{i}" for i in range(9)]
    lines = report([Finding("shipped", True, ", ".join(names))]).splitlines()[:-2]
    assert len(lines) > 1
    assert all(len(line) <= 100 for line in lines)
    assert all(line.startswith(" " * 15 + "maml-") for line in lines[1:])
    assert " ".join(" ".join(lines).split()) == "ok shipped " + ", ".join(names)


def test_examines_everything_once_and_names_no_folder():
    findings = doctor.examine(quick=True)
    names = [finding.name for finding in findings]
    assert len(set(names)) == len(names)
    assert {"processor cores", "memory", "fonts", "browser", "this folder", "shipped meta-policies"} <= set(names)
    assert str(Path.cwd()) not in report(findings)
