"""That the benchmarks run. What they measure is no test's concern: this machine is busy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    file = tmp_path_factory.mktemp("bench") / "report.json"
    only = [
        word
        for name in (
            "start",
            "chain",
            "journal",
            "plan",
            "memory",
            "ready",
            "layers",
            "cleanup",
            "snapshot",
            "crowd",
            "push",
            "pull",
            "reference",
        )
        for word in ("--only", name)
    ]
    call = [sys.executable, str(BENCHMARKS / "run.py"), "--scale", "500", "--runs", "1", *only, "--json", str(file)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(file.read_text())


@pytest.mark.needs("docker-registry", "ropeway-oras", "git")
def test_every_benchmark_shows_what_it_called_and_sets_its_figures_beside_their_targets(report: dict) -> None:
    for one in report["benchmarks"]:
        assert one["rows"], one["name"]
        assert one["targets"], one["name"]
        assert all(t["verdict"] == "meets" or t["verdict"].startswith("falls short by ") for t in one["targets"])
    assert report["benchmarks"][1]["commands"][0] == "workflow run"
    assert report["versions"]["workflow"].startswith("ropeway ")


def test_the_same_step_is_given_to_every_program(tmp_path: Path) -> None:
    script = "import sys; sys.path.insert(0, sys.argv[1]); import pathlib, workloads\nfor p in workloads._WRITERS: workloads.write(p, pathlib.Path(sys.argv[2]), 3, chain=True)"
    subprocess.run([sys.executable, "-c", script, str(BENCHMARKS), str(tmp_path)], check=True)
    assert (tmp_path / "make-chain-3" / "Makefile").read_text().count("\t@true;\n") == 3
    assert (tmp_path / "ropeway-chain-3" / "workflow.toml").read_text().count('shell = "sh"\nrun = "true"') == 3
    assert (tmp_path / "task-chain-3" / "Taskfile.yml").read_text().count("sh -c true") == 3
