"""The programs that Ropeway is compared with: where they are, which version, how they are called."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import workloads
from measure import Contestant

if TYPE_CHECKING:
    from collections.abc import Sequence

BESIDE = Path(sys.executable).parent
"""Where ``workflow`` is, and programs from the same virtual environment."""

_CALLS = {
    "make": (["make", "--version"], lambda jobs: ["make", "-r", f"-j{jobs}"]),
    "ninja": (["ninja", "--version"], lambda jobs: ["ninja", "--quiet", f"-j{jobs}"]),
    "just": (["just", "--version"], lambda _jobs: ["just"]),
    "doit": (["doit", "--version"], lambda jobs: ["doit", *(["-n", str(jobs)] if jobs > 1 else [])]),
    "task": (["task", "--version"], lambda jobs: ["task", f"--concurrency={jobs}"]),
    "invoke": (["invoke", "--version"], lambda _jobs: ["invoke", "every"]),
}
PYTHON_PEERS = ("doit", "invoke")


def find(program: str) -> str | None:
    """Return a program's path: beside this Python, else on the PATH."""
    return shutil.which(program, path=str(BESIDE)) or shutil.which(program)


def version(program: str) -> str:
    """Return the first line that a program says about itself, or that it is not installed."""
    path = find(program)
    if path is None:
        return "not installed"
    arguments = _CALLS[program][0][1:] if program in _CALLS else ["--version"]
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False, cwd="/")
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def versions() -> dict[str, str]:
    """Return what each program says about itself."""
    return {name: version(name) for name in ("workflow", *_CALLS)}


def contestants(folder: Path, names: Sequence[str], count: int, *, chain: bool, jobs: int = 1) -> list[Contestant]:
    """Return the installed ones among ``names``, each with its file written."""
    found = []
    for name in names:
        path = find(name)
        if path is not None:
            argv = [path, *_CALLS[name][1](jobs)[1:]]
            found.append(Contestant(name, argv, workloads.write(name, folder, count, chain=chain)))
    return found


def ropeway(folder: Path, count: int, *, chain: bool, jobs: int = 1) -> Contestant:
    """Return ``workflow run`` for the same work."""
    path = str(BESIDE / "workflow")
    place = workloads.write("ropeway", folder, count, chain=chain)
    return Contestant(
        "workflow", [path, "run", *(["--parallel", str(jobs)] if jobs > 1 else [])], place, {"XDG_STATE_HOME": str(folder / "state")}
    )
