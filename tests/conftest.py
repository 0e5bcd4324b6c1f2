"""What all tests share: the ``needs`` marker, an environment of their own, and no skip that nobody expected."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

# How to get each program that a test may ask for. scripts/install-test-tools gets all of these.
_HOW = "get it with scripts/install-test-tools {tool}, or from your system's package manager"

# A reason that starts so is a skip by design (another platform, not root) and passes in CI too.
_EXPECTED = "expected: "

# Loaded machines make any deadline a lie.
hypothesis.settings.register_profile("ropeway", deadline=None)
hypothesis.settings.load_profile("ropeway")

_unexpected: list[str] = []


def _look_for_test_tools() -> None:
    """Search the environment that runs the tests, ``$ROPEWAY_TEST_TOOLS``, the PATH, then what scripts/install-test-tools cached."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ropeway/test-tools"
    own = str(Path(sys.executable).parent)
    parts = [own, os.environ.get("ROPEWAY_TEST_TOOLS", ""), os.environ.get("PATH", ""), str(cache), "/usr/sbin"]  # Debian has nginx there
    os.environ["PATH"] = os.pathsep.join(part for part in parts if part)


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests a home of their own: none may read or write the person's settings, runs or secrets."""
    _look_for_test_tools()
    home = Path(tempfile.mkdtemp(prefix="ropeway-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    for name in [name for name in os.environ if name.startswith("ROPEWAY_") and name != "ROPEWAY_TEST_TOOLS"]:
        del os.environ[name]
    os.environ.update(
        HOME=str(home),
        XDG_CONFIG_HOME=str(home / "config"),
        XDG_STATE_HOME=str(home / "state"),
        XDG_CACHE_HOME=str(home / "cache"),
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_CONFIG_NOSYSTEM="1",
        GIT_AUTHOR_NAME="Test",
        GIT_AUTHOR_EMAIL="test@example.org",
        GIT_COMMITTER_NAME="Test",
        GIT_COMMITTER_EMAIL="test@example.org",
        PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow ones: a long test that begins last keeps one core busy while the others have nothing left."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are missing, and fail it where they have to be there: green must mean something."""
    wanted = [tool for marker in item.iter_markers("needs") for tool in marker.args]
    missing = [tool for tool in dict.fromkeys(wanted) if shutil.which(tool) is None]
    if not missing:
        return
    said = "; ".join(f"{tool} is missing, {_HOW.format(tool=tool)}" for tool in missing)
    if os.environ.get("CI"):
        pytest.fail(said, pytrace=False)
    pytest.skip(said)


def _note_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not reason.removeprefix("Skipped: ").startswith(_EXPECTED):
        _unexpected.append(f"{report.nodeid}: {reason}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember skipped tests."""
    _note_skip(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember skipped files."""
    _note_skip(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which skips nobody expected, where that is a failure."""
    if os.environ.get("CI") and _unexpected:
        terminalreporter.section("unexpected skips", red=True)
        for line in _unexpected:
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a green session with unexpected skips when CI is set."""
    if os.environ.get("CI") and _unexpected and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
