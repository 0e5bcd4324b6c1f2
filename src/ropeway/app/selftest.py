"""Checks an installation by using it: every part is tried in folders of its own, nothing of the person's is touched but read."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.errors import RopewayError, StoreError
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Outcome", "rebuild_index", "self_test"]

_WORKFLOW = b"""
id = "self-test"

[parameters.word]
default = "$(exit 1) '\\""

[steps.first]
run = 'echo "got=${{ params.word }}" >> "$ROPEWAY_OUTPUT"'

[steps.second]
needs = ["first"]
shell = "sh"
run = "test ${{ steps.first.outputs.got }} = ${{ params.word }}"
"""


@record
class Outcome:
    """One check. ``ok`` is None for something that is not there and that only some workflows need."""

    name: str
    ok: bool | None
    detail: str


def self_test(run: Callable[[Path], int]) -> Iterator[Outcome]:
    """Yield the outcome of each check as soon as it is known.

    Args:
        run: Runs the workflow in a folder from its beginning, with the state directory that the environment names; returns the exit status.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    yield Outcome("python", sys.version_info >= (3, 11), version)
    yield _guarded("settings", _settings)
    yield _guarded("state directory", _state)
    yield _guarded("language", _language)
    for shell in ("bash", "sh"):
        path = shutil.which(shell)
        yield Outcome(shell, path is not None, path or "not on the PATH; steps with this shell can not run")
    for tool, use in (("git", "builtin:vcs-diff and workspaces"), ("node", 'shell = "node"'), ("python3", 'shell = "python"')):
        path = shutil.which(tool)
        yield Outcome(tool, True if path else None, path or f"not on the PATH; only {use} needs it")
    yield _guarded("run", lambda: _run(run))


def rebuild_index() -> int:
    """Make the index of runs again from their journals; return how many there are."""
    from ropeway.app.runs import store
    from ropeway.runs.index import Index

    return Index(store()).rebuild()


def _guarded(name: str, check: Callable[[], str]) -> Outcome:
    try:
        return Outcome(name, ok=True, detail=check())
    except RopewayError as error:
        return Outcome(name, ok=False, detail=f"{error.message}{f' ({error.hint})' if error.hint else ''}")
    except OSError as error:
        return Outcome(name, ok=False, detail=str(error))


def _settings() -> str:
    from ropeway import settings
    from ropeway.app.projects import find_project

    settings.load(find_project(Path.cwd()), os.environ)
    return str(settings.config_dir(os.environ))


def _state() -> str:
    from ropeway import settings

    folder = settings.state_dir(os.environ)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x" * 4096)
    free = shutil.disk_usage(folder).free
    if free < 10 * 2**20:
        raise StoreError(f"{folder} has less than 10 MiB left")
    return f"{folder}, {free / 2**30:.1f} GiB free"


def _language() -> str:
    from ropeway.app.planning import make_plan
    from ropeway.app.reading import read_text

    plan = make_plan(read_text(_WORKFLOW, "self-test.toml", None, cwd=Path.cwd()), cwd=Path.cwd())
    return f"read, checked and planned {len(plan.template.steps)} steps"


def _run(run: Callable[[Path], int]) -> str:
    with tempfile.TemporaryDirectory(prefix="ropeway-self-test-") as name:
        folder = Path(name)
        (folder / "workflow.toml").write_bytes(_WORKFLOW)
        status = run(folder)
        if status != 0:
            raise RopewayError(f"a run of two steps ended with exit status {status}")
    return "ran two steps and passed a hostile value from one to the other"
