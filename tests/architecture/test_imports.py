"""The map of the house (docs/explanation/architecture.md) is held by the linter, and what it can not say by these tests."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/ropeway"

# What decides about a run is a pure function over the plan: it may know the plan and its own kind, nothing else.
DECIDING = ("addresses", "events", "state", "schedule", "retry")
MAY_KNOW = {"ropeway.errors", "ropeway.records", "ropeway.lang.plan", "ropeway.lang.model", *(f"ropeway.runs.{name}" for name in DECIDING)}

# Ways to touch the disk that need no import.
READS_OR_WRITES = {
    "open",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "unlink",
    "mkdir",
    "iterdir",
    "exists",
    "is_file",
    "is_dir",
}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every module that a file imports, inside functions and for types too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


def test_imports_go_down_only() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", DECIDING)
def test_what_decides_about_a_run_knows_nothing_but_the_plan(name: str) -> None:
    known = {module for module, _ in imports(PACKAGE / f"runs/{name}.py") if module.startswith("ropeway")}
    assert known <= MAY_KNOW


def test_the_language_touches_no_file() -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {name}()"
        for path in sorted((PACKAGE / "lang").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (name := node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")) in READS_OR_WRITES
    ]
    assert calls == []


def test_what_ships_never_imports_its_fakes() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if "testing" not in path.relative_to(PACKAGE).parts
        for module, line in imports(path)
        if module.split(".")[:2] == ["ropeway", "testing"]
    ]
    assert wrong == []


def test_every_folder_of_python_files_is_a_package() -> None:
    assert [path.parent for path in PACKAGE.rglob("*.py") if not (path.parent / "__init__.py").exists()] == []


def test_no_module_is_past_500_lines() -> None:
    sizes = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in PACKAGE.rglob("*.py")}
    assert {name: size for name, size in sizes.items() if size > 500} == {}


def test_the_map_in_the_docs_names_every_room() -> None:
    text = (ROOT / "docs/explanation/architecture.md").read_text()
    rooms = {path.stem for path in PACKAGE.iterdir() if not path.name.startswith("_") and (path.suffix == ".py" or any(path.glob("*.py")))}
    assert {room for room in rooms if f"`{room}`" not in text} == set()
