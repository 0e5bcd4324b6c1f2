"""The start is quick because little is imported. What these commands load is written down here: a longer list is a decision."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

# What `workflow --version` loads besides what a bare Python does.
QUESTION = {"ropeway", "ropeway.cli", "ropeway.cli.main", "__future__"}

# What a run may not load, wherever that is from: each takes a millisecond or more, a bare Python takes ten.
HEAVY = {
    "ast",
    "asyncio",
    "concurrent.futures",
    "dataclasses",
    "decimal",
    "email",
    "gettext",
    "hashlib",
    "http",
    "importlib.metadata",
    "importlib.resources",
    "inspect",
    "keyring",
    "logging",
    "multiprocessing",
    "platform",
    "pydantic",
    "random",
    "rich",
    "shutil",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "unittest",
    "urllib.request",
    "uuid",
    "xml",
    "yaml",
}

WORKFLOW = 'id = "one"\n\n[steps.only]\nrun = ["true"]\n'


def loaded(arguments: list[str], cwd: Path) -> set[str]:
    """Return the modules that a command loads, in all of its processes, that a bare Python does not."""
    return _imported(["-c", "import sys; from ropeway.cli.main import main; sys.exit(main())", *arguments], cwd) - _imported(
        ["-c", "pass"], cwd
    )


def ours(modules: set[str]) -> set[str]:
    """Return those of our own."""
    return {module for module in modules if module.split(".")[0] in ("ropeway", "__future__")}


def foreign(modules: set[str]) -> set[str]:
    """Return the libraries among them that neither Python nor we bring."""
    return {module.split(".")[0] for module in modules} - set(sys.stdlib_module_names) - {"ropeway"}


def _imported(arguments: list[str], cwd: Path) -> set[str]:
    environ = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + re.sub(r"^import time:.*\n", "", done.stderr, flags=re.MULTILINE)
    return set(re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", done.stderr, re.MULTILINE))


def test_the_version_is_answered_without_loading_anything(tmp_path: Path) -> None:
    assert loaded(["--version"], tmp_path) <= QUESTION


def test_the_overview_is_answered_from_the_table_of_commands_alone(tmp_path: Path) -> None:
    modules = loaded(["--help"], tmp_path)
    assert ours(modules) <= QUESTION | {"ropeway.cli.overview", "ropeway.cli.table"}
    assert foreign(modules) == set()


@pytest.fixture(scope="module")
def run_modules(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("one-step")
    (folder / "workflow.toml").write_text(WORKFLOW)
    return loaded(["run"], folder)


def test_a_run_of_one_step_loads_nothing_heavy(run_modules: set[str]) -> None:
    roots = {name for module in run_modules for name in (module, *(".".join(module.split(".")[:n]) for n in (1, 2)))}
    assert roots & HEAVY == set()


def test_a_run_of_one_step_loads_no_library(run_modules: set[str]) -> None:
    assert foreign(run_modules) == set()


def test_a_run_with_options_loads_click_and_no_other_library(tmp_path: Path) -> None:
    (tmp_path / "workflow.toml").write_text(WORKFLOW)
    assert foreign(loaded(["run", "--parallel", "2"], tmp_path)) == {"click"}


def test_a_run_of_one_step_loads_only_the_rooms_that_it_needs(run_modules: set[str]) -> None:
    rooms = {module.split(".")[1] for module in run_modules if module.startswith("ropeway.")}
    assert rooms <= {"app", "cli", "errors", "lang", "plugins", "records", "runs", "settings", "workspaces"}
