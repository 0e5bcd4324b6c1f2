"""`make demo` shows what it says, and notices when it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples/demo/demo"


def demo(tmp_path: Path, first_on_path: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PATH": f"{first_on_path}{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    environ["AI_WORKSPACES_ROOT"] = str(tmp_path / "not-for-the-demo")
    return subprocess.run([sys.executable, str(DEMO)], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.needs("git", "bash")
def test_the_demo_behaves_as_it_says_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = demo(tmp_path, Path(sys.executable).parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    shown = [line for line in done.stdout.splitlines() if line.startswith("$ ")]
    for verb in ("validate", "graph", "run", "shell", "resume", "diff", "land", "runs", "status", "logs", "artifacts", "gc"):
        assert any(line.startswith(f"$ workflow {verb}") for line in shown), verb
    for verb in (
        "package",
        "bundle show",
        "keys generate",
        "registry add",
        "publish",
        "info",
        "fetch",
        "lock --check",
        "lock",
        "run --locked --offline",
        "upgrade",
    ):
        assert any(line.startswith(f"$ workflow {verb}") for line in shown), verb
    assert done.stdout.rstrip().splitlines()[-1].startswith("# Everything behaved.")
    assert "in a working copy of @ (git)" in done.stdout
    assert "$ workflow land\nropeway/prepare-release-" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("git", "bash")
@pytest.mark.parametrize("answer", ["exit 0", "exit 1", "echo 'workflow.toml: valid'"])
def test_the_demo_fails_when_the_command_does_not_do_what_it_should(tmp_path: Path, answer: str) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin/workflow"
    fake.write_text(f"#!/bin/sh\n{answer}\n")
    fake.chmod(0o755)
    done = demo(tmp_path, tmp_path / "bin")
    assert done.returncode != 0
    assert "demo: `workflow" in done.stderr


def test_make_runs_the_demo_that_is_tested_here() -> None:
    assert str(DEMO.relative_to(ROOT)) in (ROOT / "Makefile").read_text()
    assert os.access(DEMO, os.X_OK)
