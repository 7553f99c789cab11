"""What a newcomer sees first: a silent import, a quick --help, public names that exist."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import mpsearch


def run(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_first_import_of_higher_is_silent_even_where_warnings_are_shown(tmp_path, monkeypatch) -> None:
    """Without byte code, as right after the installation: higher's own source compiles with warnings."""
    source = Path(find_spec("higher").origin).parent
    shutil.copytree(source, tmp_path / "higher", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    done = run("import mpsearch.maml.inner", "-B", "-W", "always::SyntaxWarning")
    assert done.returncode == 0
    assert done.stderr == ""
    control = run("import higher", "-B", "-W", "always::SyntaxWarning")
    assert "SyntaxWarning" in control.stderr


def test_help_needs_neither_torch_nor_mujoco() -> None:
    code = "import sys, mpsearch.cli; assert not {'torch', 'mujoco', 'matplotlib', 'scipy'} & set(sys.modules)"
    assert run(code).returncode == 0


@pytest.mark.parametrize("name", mpsearch.__all__)
def test_every_public_name_exists_and_is_documented(name) -> None:
    assert getattr(mpsearch, name).__doc__.strip()
    assert name in dir(mpsearch)


def test_public_names_are_sorted_and_no_others_are_given() -> None:
    at_once = {"make_distribution", "register"}  # which are imported with the package
    assert sorted(mpsearch.__all__) == sorted({*mpsearch._HOME, *at_once})
    with pytest.raises(AttributeError, match="no attribute 'PERL'"):
        _ = mpsearch.PERL
