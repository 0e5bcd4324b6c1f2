"""What all tests share: the ``needs`` marker."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

# How to get each program that a test may ask for. `scripts/install-test-tools` gets those marked so.
_HOW = {
    "bash": "your system's package manager (apt install bash)",
    "dash": "your system's package manager (apt install dash)",
    "git": "your system's package manager (apt install git)",
    "jj": "scripts/install-test-tools jj",
    "make": "your system's package manager (apt install make)",
    "node": "scripts/install-test-tools node",
}


def pytest_configure(config: pytest.Config) -> None:
    """Look for programs in the folder that ``ROPEWAY_TEST_TOOLS`` names first."""
    tools = os.environ.get("ROPEWAY_TEST_TOOLS")
    path = os.environ.get("PATH", "")
    if tools and tools not in path.split(os.pathsep):
        os.environ["PATH"] = tools + os.pathsep + path


def _missing(item: pytest.Item) -> list[str]:
    wanted: list[str] = []
    for marker in item.iter_markers("needs"):
        if not marker.args:
            raise pytest.UsageError(f"{item.nodeid}: `needs` names no program")
        wanted.extend(marker.args)
    return [tool for tool in dict.fromkeys(wanted) if not _present(tool)]


def _present(tool: str) -> bool:
    if tool == "linux":
        return sys.platform == "linux"
    if tool == "root":
        return os.geteuid() == 0
    return shutil.which(tool) is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are missing, and fail it where they have to be there: green must mean something."""
    missing = _missing(item)
    if not missing:
        return
    said = "; ".join(f"{tool} is missing, get it with {_HOW.get(tool, 'your package manager')}" for tool in missing)
    if os.environ.get("CI"):
        pytest.fail(f"CI has to have it: {said}", pytrace=False)
    pytest.skip(said)
