"""A session of tests that left something out is not green where it counts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
CONFIG = "[pytest]\nmarkers =\n  needs: programs\n"


def session(folder: Path, text: str, *, ci: bool, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run one test file with our conftest, as another session."""
    shutil.copy(CONFTEST, folder)
    (folder / "pytest.ini").write_text(CONFIG)
    (folder / "test_one.py").write_text("import pytest\n" + text)
    (folder / "test_two.py").write_text("def test_that_passes(): pass\n")
    environ = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST_")}
    if ci:
        environ["CI"] = "true"
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, check=False)


NEEDS = "@pytest.mark.needs('no-such-program')\ndef test_it(): pass\n"
SKIPS = "def test_it(): pytest.skip('not today')\n"
SKIPS_FILE = "pytest.skip('not today', allow_module_level=True)\n"
BY_DESIGN = "def test_it(): pytest.skip('expected: another platform')\n"


@pytest.mark.parametrize(("text", "arguments"), [(NEEDS, ()), (SKIPS, ()), (SKIPS_FILE, ()), (SKIPS, ("-n1",)), (SKIPS_FILE, ("-n1",))])
def test_a_skip_that_nobody_expected_fails_in_ci(tmp_path: Path, text: str, arguments: tuple[str, ...]) -> None:
    done = session(tmp_path, text, ci=True, arguments=arguments)
    assert done.returncode == 1, done.stdout
    assert "no-such-program is missing, get it with" in done.stdout or "unexpected skips" in done.stdout


@pytest.mark.parametrize("text", [NEEDS, SKIPS])
def test_the_same_skip_is_fine_at_home(tmp_path: Path, text: str) -> None:
    assert session(tmp_path, text, ci=False).returncode == 0


def test_a_skip_by_design_is_fine_in_ci(tmp_path: Path) -> None:
    assert session(tmp_path, BY_DESIGN, ci=True).returncode == 0
