"""Measures a part of Ropeway in a process of its own, and prints the seconds as its last line.

``inside.py carry journal|memory FILE`` carries a run out with its journal in a file or in memory; ``inside.py plan FILE`` reads, checks and plans.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.app import planning, reading, runs
from ropeway.app.local import Silent
from ropeway.app.options import RunOptions
from ropeway.runs.around import Limits
from ropeway.runs.carry import Job, carry
from ropeway.runs.journal import MemoryJournal
from ropeway.workspaces import InPlace

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


if __name__ == "__main__":
    gc.set_threshold(200_000, 20, 20)  # as the command line does
    what, *arguments = sys.argv[1:]
    print({"plan": measure_plan, "carry": measure_carry}[what](*arguments))
