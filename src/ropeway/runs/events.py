"""What happens in a run, as one log of events: the only truth about it.

An event is one JSON object on one line. In the journal it carries ``crc`` (CRC-32 of everything before it, eight hex digits) as its last
key and leaves out ``run``, which the folder's name says; everywhere else (``run --json``, ``logs -f --json``, watching) it is
``{"event", "run", "seq", "at", …}``. State, history, metrics and resume are folds over these lines.

===================  ====================================================================================================
event                data
===================  ====================================================================================================
run.created          format workflow version digest actor host cwd source params options linked warnings workspace
run.queued           group pid pid_started
run.started          workspace pid pid_started actor
run.waiting          gates
run.cancelling       by reason
run.finished         state outputs warnings reason error
step.started         step attempt log interactive pure workspace anew (an ephemeral step's own; whether what is recorded inside of it is void)
step.process         step pid started (only for steps that live longer than a moment: what a sweep may kill)
step.retrying        step attempt delay reason snapshot
step.expanded        step count items (the items once: a resume does not evaluate them again)
step.finished        step attempt state exit_code outputs reason error leftovers kept snapshot
gate.opened          step gate prompt choices fields deadline default
gate.answered        step value by
artifact.collected   name path size sha256 retention step (an ephemeral one that gave it)
workspace.start      run base base_commit snapshot first holds (a linked run: what it begins with, and whose changes that holds)
workspace.created    id path root backend git_dir base base_commit folder person uncommitted snapshot notes reused nested (repositories inside: snapshots leave them out)
workspace.reused     id path
workspace.tools      id version source copied
workspace.direnv     id allowed file
workspace.recreated  id path (a resume: it was gone, and has the files of the last boundary again)
workspace.found      label snapshot changed used_by (what a resume found; as ``rest``, what was written after the last boundary)
workspace.restored   snapshot (the files that a resume put back)
workspace.kept       id path changed ignored ignored_count nested (repositories inside that steps made or worked in)
workspace.left       id path why (it could not be kept or removed as its policy says)
workspace.cleaned    id path changed ignored ignored_count nested
workspace.landed     kind branch commit change onto path (of a finished run: its changes were brought back)
===================  ====================================================================================================

A ``snapshot`` is ``{"number", "commit", "tree"}``; that of a step's end also says whether it is ``quiet`` and which ``others`` were at work.
"""

from __future__ import annotations

import json
import time
import zlib
from typing import TYPE_CHECKING, Any

from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
"""The journal's format. A run with a higher one is left alone by this program."""

_dumps = json.JSONEncoder(separators=(",", ":")).encode


@record
class RunEvent:
    """One thing that happened.

    ``seq`` counts from 1 in each run, ``at`` is UTC in ISO 8601 with microseconds, ``event`` is a name of the table above.
    """

    seq: int
    at: str
    event: str
    data: Mapping[str, Any]

    @property
    def step(self) -> str:
        """The address of the step it is about, empty for the run itself."""
        return str(self.data.get("step", ""))

    def as_json(self, run: str) -> dict[str, Any]:
        """Return the object that streams print."""
        return {"event": self.event, "run": run, "seq": self.seq, "at": self.at, **self.data}

    def line(self) -> bytes:
        """Return the journal's line, newline included."""
        body = _dumps({"seq": self.seq, "at": self.at, "event": self.event, **self.data})[:-1].encode("ascii")
        return b'%b,"crc":"%08x"}\n' % (body, zlib.crc32(body))


def parse_line(line: bytes) -> RunEvent | None:
    """Read one journal line back; None when it is torn or was changed."""
    body, mark, tail = line.rpartition(b',"crc":"')
    if not mark or len(tail) != 11 or tail[8:] != b'"}\n':
        return None
    try:
        if int(tail[:8], 16) != zlib.crc32(body):
            return None
        data = json.loads(body + b"}")
        return RunEvent(data.pop("seq"), data.pop("at"), data.pop("event"), data)
    except (ValueError, KeyError, AttributeError, RecursionError):
        return None


class Stamp:
    """Turns the wall clock into ``at``. The text of a second is made once: a busy run has thousands of events in one."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, now: float) -> str:
        """Return ``now`` (seconds since the epoch) as ``2026-01-31T12:00:00.123456Z``."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._text}.{int((now - second) * 1_000_000):06d}Z"


def seconds(at: str) -> float:
    """Return the inverse of :class:`Stamp`: seconds since the epoch."""
    import calendar

    return calendar.timegm(time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S")) + float("0" + at[19:].rstrip("Z"))
