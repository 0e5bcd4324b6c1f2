"""Measures a part of Ropeway in a process of its own, and prints the seconds as its last line.

``inside.py carry journal|memory FILE`` carries a run out with its journal in a file or in memory; ``inside.py plan FILE`` reads, checks and plans;
``inside.py open BACKEND BASE FILE`` makes a working copy ready for a run; ``inside.py cleanup BACKEND BASE FILE`` removes one.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.app import planning, reading, runs, working_copies
from ropeway.app.local import Silent
from ropeway.app.options import RunOptions
from ropeway.runs.around import Limits
from ropeway.runs.carry import Job, carry
from ropeway.runs.journal import MemoryJournal
from ropeway.workspaces import InPlace, Past
from ropeway.workspaces import backend as backends
from ropeway.workspaces.copy import WorkingCopy
from ropeway.workspaces.manager import Manager

if TYPE_CHECKING:
    from ropeway.lang.plan import Plan


def _plan(file: str) -> Plan:
    cwd = Path.cwd()
    return planning.make_plan(reading.read(file, cwd=cwd), cwd=cwd)


def measure_plan(file: str) -> float:
    """Return the seconds that reading, checking and planning take."""
    begun = time.perf_counter()
    _plan(file)
    return time.perf_counter() - begun


def measure_carry(sink: str, file: str) -> float:
    """Return the seconds that a run takes, without start-up and without the guardian, which is no part of this comparison."""
    plan, cwd = _plan(file), Path.cwd()
    folder = runs.create(plan, cwd=cwd, options=RunOptions())
    job = Job(folder, plan, InPlace(str(cwd)), dict(os.environ), Limits(1, 1.0, 0), Silent(), actor="")
    events = MemoryJournal() if sink == "memory" else None
    begun = time.perf_counter()
    status = carry(job, -1, events)
    seconds = time.perf_counter() - begun
    if status != 0:
        sys.exit("the run failed")
    return seconds


def _working_copy(backend: str, base: str, file: str) -> WorkingCopy:
    plan, cwd = _plan(file), Path.cwd()
    options = RunOptions(backend=backend, base=base)
    isolation = working_copies.choose(plan, options, cwd)
    workspace, _ = working_copies.workspace_of(runs.create(plan, cwd=cwd, options=options), plan, options, str(cwd), isolation)
    if not isinstance(workspace, WorkingCopy):
        sys.exit(f"no working copy: {isolation.note}")
    return workspace


def measure_open(backend: str, base: str, file: str) -> float:
    """Return the seconds from having a plan to having a working copy in which its first step can start."""
    workspace = _working_copy(backend, base, file)
    begun = time.perf_counter()
    workspace.open(Past(), lambda _event, _data: None)
    return time.perf_counter() - begun


def measure_cleanup(backend: str, base: str, file: str) -> float:
    """Return the seconds that removing a working copy takes."""
    workspace = _working_copy(backend, base, file)
    workspace.open(Past(), lambda _event, _data: None)
    choice = backends.choose(backend, str(Path.cwd()), os.environ)
    if choice.backend is None:
        sys.exit(choice.note)
    manager = Manager(choice.backend, os.environ)
    begun = time.perf_counter()
    manager.cleanup(Path(workspace.path).name, force=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    gc.set_threshold(200_000, 20, 20)  # as the command line does
    what, *arguments = sys.argv[1:]
    print({"plan": measure_plan, "carry": measure_carry, "open": measure_open, "cleanup": measure_cleanup}[what](*arguments))
