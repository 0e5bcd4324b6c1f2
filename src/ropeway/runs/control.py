"""Reaching a run that another process carries out: asking it to end, leaving it an answer."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from ropeway.errors import Busy
from ropeway.runs import proctable
from ropeway.runs.gates import answer_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.runs.folder import RunFolder

CANCEL_NOTE = "cancel-note"


def ask_to_cancel(folder: RunFolder, *, by: str, reason: str) -> bool:
    """Ask the owner of a run to cancel it; returns False when nobody owns it.

    The note is left before the signal is sent; the signal goes to the recorded process only while that is surely the same one.
    """
    if not folder.owned:
        return False
    folder.write(folder.answers, CANCEL_NOTE, json.dumps({"by": by, "reason": reason}).encode())
    pid, started = 0, ""
    for event in folder.events():
        if event.event in ("run.started", "run.queued"):
            pid, started = event.data.get("pid", 0), event.data.get("pid_started", "")
    entry = proctable.entry(pid) if pid else None
    if entry is not None and entry.started == started:
        proctable.send(pid, signal.SIGTERM)
        return True
    if not wait_until_free(folder, 0.5):
        raise Busy(f"run {folder.id} has an owner that can't be reached from here", hint="end it where it was started", code="run-busy")
    return False


def wait_until_free(folder: RunFolder, patience: float) -> bool:
    """Wait until nobody owns the run; returns whether that came about within ``patience`` seconds."""
    end = time.monotonic() + patience
    while folder.owned:
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def leave_answer(folder: RunFolder, step: str, value: Any, fields: Mapping[str, Any], *, by: str) -> None:
    """Leave an answer where the run's owner, or the next one, takes it."""
    document = {"value": value, "fields": dict(fields), "by": by, "pid": os.getpid()}
    folder.write(folder.answers, answer_file(step), json.dumps(document).encode())


def who_cancels(folder: RunFolder, signum: int, actor: str) -> tuple[str, str]:
    """Return who asked for the end of the run, and why: ``workflow cancel`` leaves a note before it sends its signal."""
    if signum == signal.SIGINT:
        return actor, "Ctrl-C"
    if signum == signal.SIGHUP:
        return actor, "the terminal was closed"
    try:
        path = folder.answers / CANCEL_NOTE
        note = json.loads(path.read_bytes())
        path.unlink()
        return str(note["by"]), str(note["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", "SIGTERM"
