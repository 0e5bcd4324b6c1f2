"""Reaching a run: cancelling it, answering what it waits for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ropeway.app.history import sweep
from ropeway.app.runs import actor
from ropeway.errors import Busy, NotFound, UsageError
from ropeway.runs import control
from ropeway.runs import state as states
from ropeway.runs.gates import checked, recorded_request
from ropeway.runs.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.runs.folder import RunFolder
    from ropeway.runs.gates import GateRequest
    from ropeway.runs.state import RunState


def cancel(folder: RunFolder, *, reason: str = "asked for by `workflow cancel`", patience: float = 30.0) -> RunState:
    """Cancel a run: ask its owner, or note it when nobody owns it. Waits until it has ended.

    Raises:
        UsageError: It has ended already.
        Busy: Its owner did not end it in time; it was asked to.
    """
    from ropeway.runs import control

    who = actor()
    if control.ask_to_cancel(folder, by=who, reason=reason):
        if not control.wait_until_free(folder, patience):
            raise Busy(f"run {folder.id} was asked to end and is still ending", hint=f"`workflow status {folder.id}`", code="run-busy")
        return folder.state()
    found = folder.state()
    if found.state not in states.UNFINISHED:
        verb = "was" if found.state == "cancelled" else "has"
        hint = f"`workflow status {folder.id}` shows it; `workflow runs` lists all"
        raise UsageError(f"run {folder.id} {verb} {found.state} already, there is nothing to cancel", hint=hint, code="run-ended")
    sweep(folder, found)
    lock = folder.lock()
    try:
        journal = Journal(folder.journal)
        journal.add("run.cancelling", {"by": who, "reason": reason})
        for step in found.steps.values():
            if step.state in ("running", "waiting", "interrupted", "ready"):
                data = {"step": step.id, "attempt": step.attempts, "state": "cancelled", "exit_code": None, "outputs": {}}
                journal.add("step.finished", data | {"reason": "cancelled"})
        journal.add("run.finished", {"state": "cancelled", "outputs": {}, "reason": reason})
        journal.close()
    finally:
        os.close(lock)
    return folder.state()


def gate_of(folder: RunFolder, step: str | None) -> GateRequest:
    """Return the open gate that a person means: the named one, or the only one.

    Raises:
        NotFound: It is not open.
        UsageError: Several are open and none is named.
    """
    found = folder.state()
    gates = {s.id: s for s in found.open_gates}
    if step is None and len(gates) == 1:
        step = next(iter(gates))
    if step is None and gates:
        raise UsageError(f"run {folder.id} has {len(gates)} open gates", hint="name one: " + ", ".join(gates), code="gate-unnamed")
    if step is None or step not in gates:
        what = f"gate {step!r}" if step else "gate"
        hint = "open: " + ", ".join(gates) if gates else f"its state is {found.state}; `workflow status {folder.id}` shows its steps"
        raise NotFound(f"run {folder.id} has no open {what}", hint=hint, code="gate-not-open")
    return recorded_request(step, gates[step].gate or {})


def answer(folder: RunFolder, step: str | None, value: Any, fields: Mapping[str, Any]) -> bool:
    """Answer an open gate.

    Returns:
        Whether somebody carries the run out now, and takes the answer; else :func:`carry_out` takes it.

    Raises:
        NotFound, UsageError: No such open gate, or the answer does not fit it; nothing is changed then.
    """
    gate = gate_of(folder, step)
    checked(gate, value, fields)
    control.leave_answer(folder, gate.step, value, fields, by=actor())
    return folder.owned
