"""Which step may start, and what becomes of the others: decided here, without a process, a clock or a file.

A :class:`Schedule` follows one graph of steps (a workflow, or a sub-workflow within its step). Its rules are those of the language page
«Expressions», *when*, and of «States»:

* A step is *due* when all its needs are settled. It then starts, or is skipped.
* ``success()``: every direct need succeeded, warned, or was skipped by its own ``when`` or by the person. ``failure()``: some ancestor failed.
  A ``when`` that names none of ``success failure always`` is tried only after ``success()``; a missing one means ``success()``.
* After a failure under ``stop`` only steps whose ``when`` names ``failure()`` or ``always()`` still start; after a cancel only those with
  ``always()``; after :meth:`Schedule.halt` none at all.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ropeway.lang.plan import PlanStep

PASSES = frozenset({"succeeded", "warning"})
SETTLED = frozenset({"succeeded", "warning", "failed", "skipped", "cancelled"})


@record
class Verdict:
    """What ``success()`` and ``failure()`` are for a step that is due, and whether it may start at all."""

    success: bool
    failure: bool
    admitted: bool
    needs_success: bool


class Schedule:
    """The states of one graph's steps, advanced by :meth:`settle`; every call costs the edges it touches."""

    def __init__(self, steps: Sequence[PlanStep], *, on_failure: str, calls: Callable[[str], frozenset[str]]) -> None:
        """Start with all steps pending.

        Args:
            steps: In file order, which is the order among steps that are due together. Needs name steps of the same graph.
            on_failure: ``stop`` or ``continue``.
            calls: Gives the functions that a ``when`` expression calls.
        """
        self._steps = steps
        self._calls = calls
        self._on_failure = on_failure
        self._index = {step.id: i for i, step in enumerate(steps)}
        self._needs = [tuple(self._index[n] for n in step.needs) for step in steps]
        self._dependents: list[list[int]] = [[] for _ in steps]
        for i, needs in enumerate(self._needs):
            for need in needs:
                self._dependents[need].append(i)
        self._unmet = [len(needs) for needs in self._needs]
        self._state = ["pending"] * len(steps)
        self._passes = [False] * len(steps)
        self._fell = [False] * len(steps)  # it, or an ancestor, failed
        self._due = [i for i, unmet in enumerate(self._unmet) if unmet == 0]  # sorted, so already a heap
        self._open = len(steps)
        self.stopping = False
        self.cancelled = False
        self.ended = False
        self.halted = False

    def due(self) -> PlanStep | None:
        """Take the first step whose needs are all settled, or None when there is none at the moment."""
        while self._due:
            i = heappop(self._due)
            if self._state[i] == "pending":
                self._state[i] = "decided"
                return self._steps[i]
        return None

    def verdict(self, step: PlanStep) -> Verdict:
        """Say how a due step stands."""
        i = self._index[step.id]
        called = self._calls(step.when) if step.when else frozenset()
        admitted = not (self.stopping or self.cancelled)
        if not admitted and not self.ended:
            admitted = "always" in called or ("failure" in called and not self.cancelled)
        return Verdict(
            success=all(self._passes[n] for n in self._needs[i]),
            failure=self._failed_above(i),
            admitted=admitted,
            needs_success=not called & {"success", "failure", "always"},
        )

    def _failed_above(self, i: int) -> bool:
        return any(self._fell[n] for n in self._needs[i])

    def position(self, step_id: str) -> int:
        """Return a step's place in the file, from 0."""
        return self._index[step_id]

    def settle(self, step_id: str, state: str, reason: str | None = None) -> bool:
        """Record how a step ended.

        Args:
            step_id: One of the graph's steps.
            state: ``succeeded warning failed skipped cancelled``.
            reason: For ``skipped``: ``when upstream user stopped``.

        Returns:
            Whether this made the graph stop: the caller then cancels what runs in it.
        """
        i = self._index[step_id]
        self._state[i] = state
        self._passes[i] = state in PASSES or (state == "skipped" and reason in ("when", "user"))
        if state == "failed" or self._failed_above(i):
            self._fall(i)
        self._open -= 1
        for dependent in self._dependents[i]:
            self._unmet[dependent] -= 1
            if self._unmet[dependent] == 0:
                heappush(self._due, dependent)
        return state == "failed" and self.fail()

    def _fall(self, i: int) -> None:
        """Note that a step, and with it what stands below it, has failed: after a resume steps below may be settled before it."""
        falling = [i]
        while falling:
            i = falling.pop()
            if not self._fell[i]:
                self._fell[i] = True
                falling.extend(d for d in self._dependents[i] if self._state[d] in SETTLED)

    def fail(self) -> bool:
        """Take note of a failure (also of one instance of a step that goes on); returns whether the graph begins to stop now."""
        if self._on_failure != "stop" or self.stopping or self.cancelled:
            return False
        self.stopping = True
        return True

    def cancel(self, *, at_once: bool = False) -> None:
        """Let nothing start any more but steps with ``always()``; with ``at_once`` not even those."""
        self.cancelled = True
        self.ended = self.ended or at_once

    def halt(self) -> None:
        """Let nothing start any more after a failure here or below, steps with ``failure()`` or ``always()`` included."""
        self.stopping = self.ended = self.halted = True

    @property
    def done(self) -> bool:
        """Whether every step is settled."""
        return self._open == 0

    def outcome(self) -> str:
        """Return ``failed``, ``cancelled`` or ``succeeded``: what the graph comes to."""
        states = set(self._state)
        if self.cancelled:
            return "cancelled"
        if "failed" in states:
            return "failed"
        return "cancelled" if "cancelled" in states else "succeeded"
