"""Carrying out a plan without processes and without waiting: hands for a flow that move a clock of their own."""

from __future__ import annotations

from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from ropeway.runs.flow import Flow
from ropeway.runs.nested import arguments, ending
from ropeway.runs.scope import Outcome, Scope
from ropeway.runs.state import RunState, apply, fold

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.lang.plan import Plan
    from ropeway.runs.events import RunEvent
    from ropeway.runs.scope import Unit


class Simulation:
    """Carries a plan out in no time: each attempt takes as long and ends as ``play`` says.

    Args:
        plan: What to carry out; gates are open for ever.
        play: Called with a unit when it starts; returns its duration in seconds and how it ends.
        parallel: The most units at once.
        before: The events of an earlier simulation of the same plan, to go on from.
        break_on_failure: Whether the first failure ends everything.
    """

    def __init__(
        self,
        plan: Plan,
        play: Callable[[Unit], tuple[float, Outcome]],
        *,
        parallel: int = 1,
        before: list[RunEvent] | None = None,
        break_on_failure: bool = False,
    ) -> None:
        from ropeway.runs.journal import MemoryJournal

        self.plan = plan
        self.now = 0.0
        self.most = 0
        self.running: dict[str, Unit] = {}
        self.journal = MemoryJournal()
        self.journal.events = list(before or ())
        self.ended = False
        self._begun = False
        self._play = play
        self._parallel = parallel
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        ids = [step.id for step in plan.template.steps]
        self.state: RunState = fold("simulated", ids, self.journal.events)
        self.flow = Flow(self, self._emit, fold("simulated", ids, self.journal.events), break_on_failure=break_on_failure)
        self.root = Scope(plan.template, "", (), None, {}, {}, {}, {}, "/")

    def _emit(self, event: str, data: dict[str, Any]) -> None:
        apply(self.state, self.journal.add(event, data))

    def run(self, *, turns: int = 1_000_000) -> str:
        """Go on until the plan is done or nothing moves any more, at most ``turns`` times; returns what it comes to."""
        if not self._begun:
            self._begun = True
            self.flow.open(self.root)
        for _ in range(turns):
            self.flow.advance()
            self._start()
            if self.ended or (not self._due and self.flow.idle):
                break
            if self._due and (self.flow.idle or len(self.running) >= self._parallel or self.flow.peek() is None):
                self.now, _, call = heappop(self._due)
                call()
        return self.root.schedule.outcome() if self.ended else "open"

    def _start(self) -> None:
        while len(self.running) < self._parallel and self.flow.peek() is not None:
            unit = self.flow.take()
            self._emit("step.started", {"step": unit.address, "attempt": unit.attempt, "log": None})
            self.running[unit.address] = unit
            self.most = max(self.most, len(self.running))
            seconds, outcome = self._play(unit)
            self._after(seconds, partial(self._finish, unit, outcome))

    def _finish(self, unit: Unit, outcome: Outcome) -> None:
        if self.running.get(unit.address) is unit:
            del self.running[unit.address]
            self.flow.finished(unit, outcome)

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        self._count += 1
        heappush(self._due, (self.now + seconds, self._count, call))

    # -- what the flow asks for -------------------------------------------------------------------------------------------------

    def enter(self, unit: Unit) -> None:
        """Open a sub-workflow; leave a gate open."""
        if unit.step.kind == "gate":
            return
        if unit.attempt and unit.failures:
            self.flow.forget(f"{unit.address}/")
        unit.attempt += 1
        self._emit("step.started", {"step": unit.address, "attempt": unit.attempt, "log": None})
        template = self.plan.workflows[unit.step.uses or ""]
        unit.evaluate_frames()
        unit.scope = Scope(template, f"{unit.address}/", unit.order, unit, arguments(template, unit.inputs), {}, {}, {}, "/")
        self.flow.open(unit.scope)

    def retry(self, unit: Unit, delay: float) -> None:
        """Offer it again later."""
        self._after(delay, lambda: self.flow.requeue(unit))

    def cancel(self, unit: Unit) -> None:
        """End it at once."""
        self.running.pop(unit.address, None)
        self.flow.finished(unit, Outcome("cancelled", reason="cancelled"))

    def leave(self, scope: Scope) -> None:
        """Close a sub-workflow, or the run."""
        if scope.parent is None:
            self.ended = True
            return
        unit, scope.parent.scope = scope.parent, None
        self.flow.finished(unit, ending(scope))
