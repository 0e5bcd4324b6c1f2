"""How a run goes on: from steps that are due to units to start, and from ended units to the next ones.

This is the deciding half of the executor. It evaluates expressions and emits events; it starts no process, sets no timer and asks nobody: what has to
be done it asks of its :class:`Hands`. Everything here is iterative: a chain of 10,000 steps is a loop, not a recursion.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from ropeway.lang.expressions import EvaluationError
from ropeway.records import replace
from ropeway.runs.places import SLOTLESS, Places
from ropeway.runs.retry import Failure, delay_before
from ropeway.runs.schedule import PASSES
from ropeway.runs.scope import Node, Nulls, Outcome, Scope, Unit, reads_item, told
from ropeway.runs.state import settled_for_good

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ropeway.lang.plan import PlanStep
    from ropeway.runs.schedule import Verdict
    from ropeway.runs.state import RunState, StepState

MAX_ITEMS = 10_000


class Hands(Protocol):
    """What the flow asks to be done."""

    def enter(self, unit: Unit) -> None:
        """Start a sub-workflow or open a gate."""
        ...

    def retry(self, unit: Unit, delay: float) -> None:
        """Offer the unit again after ``delay`` seconds."""
        ...

    def cancel(self, unit: Unit) -> None:
        """End what is carried out for the unit, if anything is."""
        ...

    def leave(self, scope: Scope) -> None:
        """Take note that all steps of a scope are settled."""
        ...


class Flow:
    """The state of a run while it is carried out."""

    def __init__(
        self, hands: Hands, emit: Callable[[str, dict[str, Any]], None], recorded: RunState, *, break_on_failure: bool = False
    ) -> None:
        """Start with nothing.

        Args:
            hands: Does what is decided here.
            emit: Takes an event's name and data for the journal.
            recorded: What an earlier carrying out of the same run did; its results are kept.
            break_on_failure: The first failure ends everything, clean-up steps included, so that it can be looked at.
        """
        self._hands = hands
        self._emit = emit
        self._breaking = break_on_failure
        self._recorded: dict[str, StepState] = {a: s for a, s in recorded.steps.items() if s.state != "pending"}
        self._active: deque[Scope] = deque()
        self._offered: deque[Unit] = deque()
        self._places = Places(self._offered.append)
        self.units: dict[str, Unit] = {}
        """Everything begun and not over, by address: processes, retries to come, gates and sub-workflows."""
        self.warnings = 0

    # -- scopes -------------------------------------------------------------------------------------------------------------

    def open(self, scope: Scope) -> None:
        """Begin with a scope's steps; what was settled for good before stays so."""
        if self._recorded:
            for step in scope.template.steps:
                before = self._recorded.get(scope.prefix + step.id)
                if before is not None and settled_for_good(before):
                    scope.results[step.id] = view(Outcome(before.state, before.exit_code, before.outputs))
                    self.warnings += before.state == "warning"
                    scope.schedule.settle(step.id, before.state, before.reason)
        self._active.append(scope)

    def forget(self, prefix: str) -> bool:
        """Forget what was recorded below ``prefix``: a sub-workflow that is tried again starts anew. Returns whether there was anything."""
        found = [a for a in self._recorded if a.startswith(prefix)]
        for address in found:
            del self._recorded[address]
        return bool(found)

    def advance(self) -> None:
        """Decide every step that is due and take in what was offered, until there is neither."""
        while self._active or self._offered:
            if self._offered:
                self._take_in(self._offered.popleft())
                continue
            scope = self._active.popleft()
            step = scope.schedule.due()
            while step is not None:
                self._decide(scope, step)
                step = scope.schedule.due()
            if scope.schedule.done and scope.parent_waits:
                scope.parent_waits = False
                self._hands.leave(scope)

    def cancel(self, scope: Scope, *, at_once: bool = False) -> None:
        """Cancel a scope: what runs in it ends, and only steps with ``always()`` still start; with ``at_once`` not even those."""
        if not scope.schedule.cancelled or (at_once and not scope.schedule.ended):
            scope.schedule.cancel(at_once=at_once)
            self._end_inside(scope)

    def _end_inside(self, scope: Scope) -> None:
        """End the begun units of a scope that may not start any more, and drop the waiting ones."""
        for unit in list(self.units.values()):
            if unit.node.scope is scope and not scope.schedule.verdict(unit.step).admitted:
                if unit.scope is None:
                    self._hands.cancel(unit)
                elif not unit.scope.schedule.halted:  # a halted one has failed, and ends by itself
                    self.cancel(unit.scope, at_once=scope.schedule.ended)

        def unwanted(unit: Unit) -> bool:
            return unit.node.scope is scope and not scope.schedule.verdict(unit.step).admitted

        offered = list(self._offered)
        self._offered.clear()
        self._offered.extend(unit for unit in offered if not unwanted(unit))
        dropped = [unit for unit in offered if unwanted(unit)]
        for unit in (*dropped, *self._places.drop(unwanted)):
            tried = unit.failures > 0
            self._close(unit, Outcome("cancelled", reason="cancelled") if tried else Outcome("skipped", reason="stopped"))
        self._active.append(scope)

    def _fail(self, scope: Scope, *, stops: bool) -> None:
        """Go on after a failure in a scope; ``stops`` says that its graph begins to stop."""
        if self._breaking and _unforgiven(scope):
            around = [scope]
            while around[-1].parent is not None:
                around.append(around[-1].parent.node.scope)
            for one in around:
                one.schedule.halt()
            for one in around:
                self._end_inside(one)
        elif stops:
            self._end_inside(scope)

    # -- steps --------------------------------------------------------------------------------------------------------------

    def _decide(self, scope: Scope, step: PlanStep) -> None:
        verdict = scope.schedule.verdict(step)
        node = Node(scope, step, verdict)
        try:
            reason = self._why_skipped(node, verdict)
            if reason is not None:
                self._settle(node, Outcome("skipped", reason=reason))
            elif step.foreach is not None:
                self._expand(node)
            else:
                node.open = 1
                self._take_in(Unit(node, self._order(node), iteration=1 if step.repeat else 0))
        except EvaluationError as error:
            self._settle(node, Outcome("failed", reason="error", error=told(error)))

    def _order(self, node: Node) -> tuple[int, ...]:
        return (*node.scope.order, node.scope.schedule.position(node.step.id))

    def _why_skipped(self, node: Node, verdict: Verdict) -> str | None:
        when = node.step.when
        if not verdict.admitted:
            return "stopped" if verdict.success else "upstream"
        if verdict.needs_success and not verdict.success:
            return "upstream"
        if when is None or (node.step.foreach is not None and reads_item(when)):
            return None
        return None if self._holds(when, node) else "when"

    def _holds(self, when: str, node: Node, unit: Unit | None = None) -> bool:
        value = node.scope.value(when, node.scope.names(unit=unit), node.status())
        if not isinstance(value, bool):
            raise EvaluationError(f"`when` gave {value!r}, not true or false")
        return value

    def _expand(self, node: Node) -> None:
        before = self._recorded.get(node.address)
        items = before.items if before is not None and before.items is not None else None
        if items is not None:  # journaled before: never evaluated, never written again
            self._emit("step.expanded", {"step": node.address, "count": len(items)})
        else:
            items = node.scope.value(node.step.foreach or "", node.scope.names())
            if isinstance(items, dict):
                items = list(items)
            if not isinstance(items, list):
                raise EvaluationError(f"`foreach` gave {type(items).__name__}, not a list")
            if len(items) > MAX_ITEMS:
                raise EvaluationError(f"`foreach` gave {len(items):,} items, at most {MAX_ITEMS:,} are carried out")
            self._emit("step.expanded", {"step": node.address, "count": len(items), "items": items})
        node.items = items
        node.open = len(items)
        order = self._order(node)
        for i, item in enumerate(items):
            unit = Unit(node, (*order, i), index=i, item=item, has_item=True, iteration=1 if node.step.repeat else 0)
            if node.step.when is not None and reads_item(node.step.when) and not self._holds_for(unit):
                continue
            self._offered.append(unit)
        if not items:
            self._gather(node)

    def _holds_for(self, unit: Unit) -> bool:
        try:
            if self._holds(unit.step.when or "", unit.node, unit):
                return True
            self._close(unit, Outcome("skipped", reason="when"))
        except EvaluationError as error:
            self._close(unit, Outcome("failed", reason="error", error=told(error)))
        return False

    # -- units --------------------------------------------------------------------------------------------------------------

    def _take_in(self, unit: Unit) -> None:
        """Let a unit wait for its place, unless an earlier carrying out has its result, or the graph has begun to end."""
        schedule = unit.node.scope.schedule
        if (schedule.stopping or schedule.cancelled) and not schedule.verdict(unit.step).admitted:
            self._close(unit, Outcome("skipped", reason="stopped"))
            return
        before = self._recorded.get(unit.address)
        if before is not None:
            unit.attempt = before.attempts
            if settled_for_good(before) and unit.address != unit.node.address:
                self._after(unit, Outcome(before.state, before.exit_code, before.outputs))
                return
        self._queue(unit)

    def recorded(self, address: str) -> StepState | None:
        """Return what an earlier carrying out recorded of a unit."""
        return self._recorded.get(address)

    def peek(self) -> Unit | None:
        """Return the first unit that may start, leaving it."""
        return self._places.peek()

    def take(self) -> Unit:
        """Take the unit that :meth:`peek` showed: it begins now."""
        unit = self._places.pop()
        self.units[unit.address] = unit
        unit.attempt += 1
        return unit

    def requeue(self, unit: Unit) -> None:
        """Offer a unit again whose attempt failed, unless it was closed meanwhile."""
        if self.units.get(unit.address) is unit:
            del self.units[unit.address]
            self._queue(unit)

    def _queue(self, unit: Unit) -> None:
        if unit.step.kind not in SLOTLESS:
            self._places.add(unit)
        elif not self._places.full(unit):
            self._places.occupy(unit)
            self.units[unit.address] = unit
            self._hands.enter(unit)

    @property
    def idle(self) -> bool:
        """Whether nothing waits for a place."""
        return not self._places and not self._active and not self._offered

    def finished(self, unit: Unit, outcome: Outcome) -> None:
        """Take in how a begun unit's attempt ended: try again, or close it."""
        schedule = unit.node.scope.schedule
        if outcome.state == "failed":
            unit.failures += 1
            failure = Failure(outcome.reason or "error", outcome.exit_code)
            delay = delay_before(unit.step.retry, failure, unit.failures) if schedule.verdict(unit.step).admitted else None
            if delay is not None:
                data = {"step": unit.address, "attempt": unit.attempt, "delay": delay, "reason": outcome.error or outcome.reason}
                self._emit("step.retrying", data | {"exit_code": outcome.exit_code} | dict(outcome.extra))
                self._places.leave(unit)
                self._hands.retry(unit, delay)
                return
        del self.units[unit.address]
        self._places.leave(unit)
        self._close(unit, outcome)

    def _close(self, unit: Unit, outcome: Outcome) -> None:
        """Record the end of a unit. A plain step's is the step's own end, recorded once."""
        if unit.address == unit.node.address:
            self._settle(unit.node, outcome, unit.attempt)
            return
        outcome = _allowed(unit.step, outcome)
        if unit.attempt or outcome.state != "skipped" or outcome.reason == "when":
            self._record(unit.address, outcome, unit.attempt)
        self._after(unit, outcome)

    def _after(self, unit: Unit, outcome: Outcome) -> None:
        """Go on after an iteration or an instance."""
        node = unit.node
        if unit.step.repeat is not None and outcome.state in PASSES and unit.iteration:
            last = self._repeated(unit, outcome)
            if last is None:
                self._offered.append(Unit(node, unit.order, unit.index, unit.item, unit.has_item, iteration=unit.iteration + 1))
                return
            outcome = _allowed(unit.step, last)
        if unit.index < 0:
            self._settle(node, outcome)
            return
        if unit.iteration:
            self._record(Unit(node, unit.order, unit.index).address, outcome)
        node.finished[unit.index] = outcome
        if outcome.state == "failed":
            self._fail(node.scope, stops=node.scope.schedule.fail())  # this may close the other instances; the step is gathered once, here
        node.open -= 1
        if node.open == 0:
            self._gather(node)

    def _repeated(self, unit: Unit, outcome: Outcome) -> Outcome | None:
        """Ask ``until`` after an iteration: None for another one, else what the step comes to."""
        repeat = unit.step.repeat
        assert repeat is not None
        names = unit.names()
        names["steps"] = {**unit.node.scope.results, unit.step.id: view(outcome)}
        try:
            value = unit.node.scope.value(repeat.until, names)
        except EvaluationError as error:
            return Outcome("failed", outcome.exit_code, outcome.outputs, "error", told(error))
        if value is True:
            return outcome
        if not isinstance(value, bool):
            return Outcome("failed", outcome.exit_code, outcome.outputs, "error", f"`until` gave {value!r}, not true or false")
        if unit.iteration < repeat.max:
            return None
        error_text = f"`until` does not hold after {repeat.max} iterations"
        return Outcome("failed", outcome.exit_code, outcome.outputs, "repeat-exhausted", error_text)

    def _gather(self, node: Node) -> None:
        """Settle a ``foreach`` step from its instances: outputs are lists in the order of the items."""
        ends = [node.finished[i] for i in range(len(node.items or ()))]
        states = {end.state for end in ends}
        state = next((s for s in ("failed", "cancelled", "warning") if s in states), "succeeded")
        reason = error = None
        if state == "succeeded" and any(end.reason == "stopped" for end in ends):  # those never ran, and have to after a resume
            state, reason = ("skipped", "stopped") if states == {"skipped"} else ("cancelled", "cancelled")
        names = dict.fromkeys(node.step.outputs or [name for end in ends for name in end.outputs])
        outputs = {name: [end.outputs.get(name) for end in ends] for name in names}
        failed = [end for end in ends if end.state == "failed"]
        if failed:
            reason, error = "instances", f"{len(failed)} of {len(ends)} instances failed"
        codes = [end.exit_code for end in ends if end.state in {"failed", "warning"} and end.exit_code is not None]
        exit_code = codes[0] if codes else (0 if state == "succeeded" else None)
        self._settle(node, Outcome(state, exit_code, outputs, reason, error))

    def _settle(self, node: Node, outcome: Outcome, attempt: int = 0) -> None:
        """Record the end of a step and let its scope go on."""
        outcome = _allowed(node.step, outcome)
        self.warnings += outcome.state == "warning"
        self._record(node.address, outcome, attempt)
        scope = node.scope
        scope.results[node.step.id] = view(outcome)
        stops = scope.schedule.settle(node.step.id, outcome.state, outcome.reason)
        if outcome.state == "failed":
            self._fail(scope, stops=stops)
        self._active.append(scope)

    def _record(self, address: str, outcome: Outcome, attempt: int = 0) -> None:
        data: dict[str, Any] = {
            "step": address,
            "attempt": attempt,
            "state": outcome.state,
            "exit_code": outcome.exit_code,
            "outputs": outcome.outputs,
        }
        if outcome.reason is not None:
            data["reason"] = outcome.reason
        if outcome.error is not None:
            data["error"] = outcome.error
        if outcome.extra:
            data.update(outcome.extra)
        self._emit("step.finished", data)


def _allowed(step: PlanStep, outcome: Outcome) -> Outcome:
    """Turn a failure that ``on_error = "continue"`` allows into a warning."""
    if outcome.state == "failed" and step.on_error == "continue":
        return replace(outcome, state="warning")
    return outcome


def _unforgiven(scope: Scope) -> bool:
    """Whether a failure in a scope is the run's: nothing around it is being cancelled, would be tried again, or lets the workflow go on."""
    while not (scope.schedule.cancelled or scope.schedule.halted):
        if scope.parent is None:
            return True
        step, failures = scope.parent.step, scope.parent.failures + 1
        if step.on_error == "continue" or delay_before(step.retry, Failure("steps", 1), failures) is not None:
            return False
        scope = scope.parent.node.scope
    return False


def view(outcome: Outcome) -> Mapping[str, Any]:
    """Return what expressions see of a settled step: a skipped one has null for everything."""
    outputs = Nulls() if outcome.state == "skipped" else outcome.outputs
    return {"state": outcome.state, "exit_code": outcome.exit_code, "outputs": outputs}
