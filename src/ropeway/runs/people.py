"""Waiting for people: the gates of a run that are open, and the ways in which answers come.

An answer comes from the terminal (asked in a thread, one gate at a time), from ``workflow answer`` (a file in the run's ``answers`` folder), or from the clock (a deadline's
default). A run with open gates and nothing else to do ends its carrying out as *waiting*.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

from ropeway.errors import RopewayError, UsageError
from ropeway.lang.expressions import EvaluationError
from ropeway.records import record
from ropeway.runs.events import seconds
from ropeway.runs.gates import answer_file, checked, outcome, recorded_request, request
from ropeway.runs.scope import Outcome, told

if TYPE_CHECKING:
    from ropeway.runs.around import Loop
    from ropeway.runs.gates import Asker, GateRequest
    from ropeway.runs.scope import Unit


@record(frozen=False)
class _Open:
    unit: Unit
    gate: GateRequest
    shown: GateRequest
    since: float


class People:
    """The open gates of one run."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._folder = loop.around.folder
        self._asker: Asker | None = loop.around.asker
        self._open: dict[str, _Open] = {}
        self._asking: str | None = None
        self._answers: list[tuple[str, Any]] = []
        self._wake = -1

    @property
    def watching(self) -> bool:
        """Whether a gate is open."""
        return bool(self._open)

    def enter(self, unit: Unit) -> None:
        """Open a gate, or take the answer that is already there."""
        before = self._loop.flow.recorded(unit.address)
        unit.attempt = 1
        try:
            unit.evaluate_frames()
            gate = request(unit.address, unit.step.uses or "", unit.inputs)
        except (EvaluationError, RopewayError, ValueError) as error:
            self._loop.flow.finished(unit, Outcome("failed", None, reason="error", error=told(error)))
            return
        since = time.time()
        if before is not None and before.state == "waiting" and before.gate is not None:
            since = seconds(str(before.gate["opened_at"]))
        else:
            self._loop.emit("gate.opened", gate.as_json())
        # The person is asked without secrets: what stands on a terminal stays in its scroll-back.
        shown = recorded_request(unit.address, self._loop.veil.over(gate.as_json()))
        self._open[unit.address] = _Open(unit, gate, shown, since)
        self._loop.keep_ticking()
        self.look()
        self._ask_next()

    def look(self) -> None:
        """Take the answers that came, and the defaults of deadlines that passed."""
        for address, one in list(self._open.items()):
            found = self._from_file(address, one.gate)
            if found is not None:
                self._answer(address, *found)
            elif one.gate.deadline is not None and time.time() >= one.since + one.gate.deadline:
                self._deadline(address, one)

    def _from_file(self, address: str, gate: GateRequest) -> tuple[Any, str] | None:
        path = self._folder.answers / answer_file(address)
        try:
            given = json.loads(path.read_bytes())
            answer = checked(gate, given.get("value"), given.get("fields") or {})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, UsageError):
            with contextlib.suppress(OSError):
                os.unlink(path)
            return None
        return answer, str(given.get("by", ""))

    def _deadline(self, address: str, one: _Open) -> None:
        if one.gate.default is None:
            self._close(address, Outcome("failed", None, reason="timeout", error="nobody answered in time"))
            return
        fields = one.gate.default if one.gate.gate == "form" else {}
        try:
            self._answer(address, checked(one.gate, one.gate.default, fields), "deadline")
        except UsageError as error:
            self._close(address, Outcome("failed", None, reason="error", error=told(error)))

    def _answer(self, address: str, answer: Any, by: str) -> None:
        one = self._open[address]
        self._loop.emit("gate.answered", {"step": address, "value": answer, "by": by})
        state, outputs, error = outcome(one.gate, answer)
        self._close(address, Outcome(state, None, outputs, reason="declined" if state == "failed" else None, error=error))

    def _close(self, address: str, end: Outcome) -> None:
        one = self._open.pop(address)
        with contextlib.suppress(OSError):
            os.unlink(self._folder.answers / answer_file(address))
        if self._asking == address:
            self._stop_asking()
        self._loop.flow.finished(one.unit, end)

    def cancel(self, unit: Unit) -> bool:
        """Close a unit's gate; returns whether it was open."""
        if unit.address not in self._open:
            return False
        self._close(unit.address, Outcome("cancelled", None, reason="cancelled"))
        return True

    def waiting(self) -> list[str]:
        """Return the open gates when nobody here can be asked, so that the run has to wait; else an empty list."""
        if self._asker is not None and self._open:
            return []
        return list(self._open)

    # -- asking -----------------------------------------------------------------------------------------------------------------

    def _ask_next(self) -> None:
        if self._asker is None or self._asking is not None or not self._open:
            return
        import threading

        if self._wake < 0:
            read, self._wake = os.pipe()
            os.set_blocking(read, False)
            self._loop.watch(read, lambda: self._answered(read))
        address, one = next(iter(self._open.items()))
        self._asking = address
        if self._loop.terminal is not None:
            self._loop.terminal.lend(os.getpgrp())
        threading.Thread(target=self._ask, args=(self._asker, address, one.shown), name="ask", daemon=True).start()

    def _ask(self, asker: Asker, address: str, gate: GateRequest) -> None:
        """In the thread: a question may block for days."""
        answer = None
        try:
            answer = asker.ask(gate)
        finally:
            self._answers.append((address, answer))
            os.write(self._wake, b"!")

    def _answered(self, read: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(read, 64)
        while self._answers:
            address, answer = self._answers.pop(0)
            if self._asking == address:
                self._stop_asking()
            if address not in self._open:
                continue
            if answer is None:
                self._asker = None  # the person left the question: the run waits
            else:
                self._answer(address, answer, self._loop.actor)
        self._ask_next()

    def _stop_asking(self) -> None:
        self._asking = None
        if self._loop.terminal is not None:
            self._loop.terminal.take_back()
