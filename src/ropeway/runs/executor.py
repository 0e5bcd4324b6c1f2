"""The loop that carries out a plan, in the runner process.

One turn: decide what is due (:mod:`ropeway.runs.flow`), prepare what may start, write the journal once, start the processes, then wait for an end, a
signal, output to move, or a timer. An end is written before anything that depends on it starts. The loop is synchronous on ``selectors`` and a heap
of timers: for a step that takes half a millisecond, an event loop with tasks costs more than the step.
"""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from ropeway.errors import RopewayError, StoreError
from ropeway.lang.expressions import EvaluationError
from ropeway.records import replace
from ropeway.runs import proctable, workspace
from ropeway.runs.attempt import Attempt, Preparing, belongs, strays
from ropeway.runs.control import who_cancels
from ropeway.runs.flow import Flow
from ropeway.runs.logs import INDEX_EVERY, Logs
from ropeway.runs.nested import Nested
from ropeway.runs.people import People
from ropeway.runs.process import Ends, StartProblem
from ropeway.runs.reactor import Reactor
from ropeway.runs.scope import Outcome, told
from ropeway.runs.state import apply
from ropeway.runs.terminal import Terminal

if TYPE_CHECKING:
    from ropeway.lang.plan import Plan
    from ropeway.runs.around import Surroundings
    from ropeway.runs.events import RunEvent
    from ropeway.runs.journal import EventSink
    from ropeway.runs.logs import Pair
    from ropeway.runs.mask import Mask
    from ropeway.runs.scope import Scope, Unit
    from ropeway.runs.state import RunState
    from ropeway.runs.veil import Veil

TICK = 0.1
"""Seconds between calls of :meth:`Observer.tick` while something runs."""


class Executor:
    """Carries out one plan once."""

    def __init__(
        self, plan: Plan, around: Surroundings, sink: EventSink, recorded: RunState, *, live: RunState, veil: Veil, actor: str = ""
    ) -> None:
        self.plan = plan
        self.around = around
        self.sink = sink
        self.recorded = recorded
        self.terminal = Terminal() if around.asker is not None or any(s.interactive for s in plan.template.steps) else None
        self.flow = Flow(self, self.emit, recorded, break_on_failure=around.limits.break_on_failure)
        self.live = live
        self.veil = veil
        self.actor = actor
        self.people = People(self)
        self._nested = Nested(self, around.secrets)
        self._preparing = Preparing(around.folder, plan.env)
        self._logs = Logs(around.folder.logs)
        self._ends = Ends()
        # Ends come last: with a process its pipes are closed, and one of them may be among what is ready.
        self._reactor = Reactor(last=self._ends.fd)
        self.after = self._reactor.after
        self.watch = self._reactor.watch
        self._told: list[RunEvent] = []
        self._running: dict[int, Attempt] = {}
        self._slots = 0
        self._leased = (0.0, 0)
        self._blamed: set[int] = set()
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._ticking = False
        self._last_tick = 0.0
        self._lost_guardian = False
        self._at_once = False
        self._observed = True
        self.root: Scope | None = None
        self.final: str | None = None
        self.reason: str | None = None
        self.signum: int | None = None
        self.left_out: list[str] = []

    # -- events ---------------------------------------------------------------------------------------------------------------

    def emit(self, event: str, data: dict[str, Any]) -> None:
        """Add an event to this turn's write."""
        self._told.append(self.sink.add(event, self.veil.over(data)))

    def flush(self) -> None:
        """Write this turn's events, then tell them."""
        self._tell(self._write())

    def _write(self) -> list[RunEvent]:
        self.sink.flush()
        written, self._told = self._told, []
        return written

    def _tell(self, told: list[RunEvent]) -> None:
        for event in told:
            apply(self.live, event)
        if self._observed:
            try:
                for event in told:
                    self.around.observer.event(event)
            except OSError as error:
                self._leave_untold(error)

    def _leave_untold(self, error: OSError) -> None:
        """Tell the observer no more when it can't print (a closed pipe, a terminal that is gone): the run goes on."""
        if isinstance(error, StoreError):
            raise error
        self._observed = False

    # -- the loop -------------------------------------------------------------------------------------------------------------

    def run(self, root: Scope) -> str:
        """Carry out the plan from what is recorded; returns ``succeeded failed cancelled waiting``, or ``interrupted`` when the guardian died.

        Raises:
            StoreError: The journal or a log can't be written; the run can be resumed.
        """
        self.root = root
        self._watch()
        try:
            self.flow.open(root)
            policy = self.plan.template.policy
            if policy.timeout is not None:
                self.after(policy.timeout, lambda: self._time_is_up(policy.timeout or 0))
            while self.final is None:
                self._turn()
            self.flush()
        finally:
            self._end_all()
        return self.final

    def _watch(self) -> None:
        self.watch(self._ends.fd, self._signals)
        # SIGTTIN: whoever asks a question reads on after Ctrl-Z and `fg` an instant before the terminal is ours again; noted, not obeyed, it only tries again.
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGTTIN):
            signal.signal(signum, _wake)
        if self.around.life >= 0:
            self.watch(self.around.life, self._guardian_died)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the guardian blocked them until here

    def _turn(self) -> None:
        self.flow.advance()
        starting = self._admit()
        written = self._write()
        if any(unit.step.interactive for unit, _ in starting):  # what is said comes before what it prints
            self._tell(written)
            written = []
        try:
            for unit, prepared in starting:
                self._start(unit, *prepared)
        finally:
            self._tell(written)  # the steps are at work meanwhile
        if self.final is not None or (not self.flow.idle and self._has_room()):
            return
        gates = self._only_gates() if not self._running and self.flow.idle and not self._told else None
        if gates:
            workspace.put_aside(self.flow.units.values())
            self.emit("run.waiting", {"gates": gates})
            self.final = "waiting"
            return
        if not self._ticking:
            self.around.observer.tick()  # nothing runs, and it may be long until something happens
        self._reactor.wait(at_most=0.0 if self._told else None)

    def _only_gates(self) -> list[str] | None:
        """Return the open gates when nothing else is begun and nobody here can be asked: the run has to wait for a person."""
        if not self.people.watching or any(u.step.kind != "gate" and u.scope is None for u in self.flow.units.values()):
            return None
        return self.people.waiting()

    # -- starting -------------------------------------------------------------------------------------------------------------

    def _has_room(self) -> bool:
        unit = self.flow.peek()
        return unit is not None and self._fits(unit)

    def _fits(self, unit: Unit) -> bool:
        if self._slots >= self.around.limits.parallel:
            return False
        if unit.step.interactive and self.terminal is not None and self.terminal.lent:
            return False
        lease = unit.step.resources
        if lease is None or self._slots == 0:
            return True
        cpu, memory = self._leased
        return cpu + lease.cpu <= self.around.limits.cpu and memory + lease.memory <= self.around.limits.memory

    def _lease(self, unit: Unit, sign: int) -> None:
        self._slots += sign
        lease = unit.step.resources
        if lease is not None:
            self._leased = (self._leased[0] + sign * lease.cpu, self._leased[1] + sign * lease.memory)

    def _admit(self) -> list[tuple[Unit, Any]]:
        """Take the units that may start now, evaluate what they need and note that they start."""
        starting = []
        while self._has_room():
            unit = self.flow.take()
            self._lease(unit, 1)
            try:
                if unit.step.workspace == "ephemeral":
                    workspace.enter_own(self, unit)
                prepared = self._preparing.prepare(unit)
            except (EvaluationError, StartProblem) as error:
                self.emit("step.started", {"step": unit.address, "attempt": unit.attempt, "log": None})
                self._over(unit, _not_started(error))
                self.flow.advance()
                continue
            pair = None if unit.step.interactive else self._logs.take()
            data = {"step": unit.address, "attempt": unit.attempt, "log": pair.number if pair is not None else None}
            if unit.step.interactive:
                data["interactive"] = True
            if unit.step.pure:
                data["pure"] = True
            if unit.workspace is not None:
                data["workspace"] = unit.workspace.path
            self.emit("step.started", data)
            starting.append((unit, (*prepared, pair)))
        return starting

    def _start(self, unit: Unit, prepared: Any, launch: Any, pair: Pair | None) -> None:
        if self.flow.units.get(unit.address) is not unit:  # closed meanwhile: what was started before it could not be, and the graph stops
            self._lease(unit, -1)
            if pair is not None:
                self._logs.give_back(pair, reusable=True)
            return
        mask = self._mask(unit)
        try:
            attempt = self._preparing.start(unit, prepared, launch, pair, self._null, mask)
        except StartProblem as error:
            if pair is not None:
                self._logs.give_back(pair, reusable=True)
            self._over(unit, _not_started(error))
            return
        self._running[attempt.pid] = attempt
        if unit.step.pure:
            self.around.workspace.touched()
        for pump in attempt.pumps:
            self.watch(pump.fd, partial(self._move, pump))
        if pair is None and self.terminal is not None:
            self.terminal.lend(attempt.pid)
            _signal_group(attempt.pid, signal.SIGCONT)  # it may have asked for the terminal already, and been stopped
        if unit.step.timeout is not None:
            self.after(unit.step.timeout, lambda: self._too_long(attempt))
        if not self._ticking:
            self._ticking = True
            self.after(INDEX_EVERY, self._tick)

    def _mask(self, unit: Unit) -> Mask | None:
        values = [self.around.secrets[name] for name in unit.step.secrets if name in self.around.secrets]
        values += [*unit.node.scope.masked, *self.veil.learned]
        if not any(values):
            return None
        from ropeway.runs.mask import Mask

        return Mask(values)

    def _move(self, pump: Any) -> None:
        if not pump.move():
            self._reactor.forget(pump.fd)

    # -- ending ---------------------------------------------------------------------------------------------------------------

    def _signals(self) -> None:
        for signum in self._ends.drain():
            if signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                self._asked_to_end(signum)
            elif signum == signal.SIGTSTP:
                self._pause()
        for pid, code in self._ends.reap():
            attempt = self._running.get(pid)
            if code is None:
                if attempt is not None and attempt.pair is None:
                    self._pause()  # Ctrl-Z reached the step that owns the terminal
                continue
            if attempt is not None:
                attempt.exit_code = code
                self._conclude(attempt)
            self._blamed.discard(pid)

    def _conclude(self, attempt: Attempt) -> None:
        """Go on after the end of a step's process; when its tree is being ended, wait for the rest of it."""
        left: list[Any] = []
        if attempt.ending is not None:
            found = attempt.ending.step()
            if found is None:
                self.after(0.02, lambda: self._conclude(attempt))
                return
            left = found
        del self._running[attempt.pid]
        for entry in strays(self._running, self._blamed):
            if not self._running or belongs(entry, attempt):  # when nothing else runs, it can come from nowhere else
                self._blamed.add(entry.pid)
                if entry.pid not in {e.pid for e in left}:
                    left.append(entry)
        for pump in attempt.pumps:
            self._reactor.forget(pump.fd)
            pump.finish()
        if left:
            self.around.workspace.touched()
        outcome = attempt.outcome(left)
        if attempt.pair is None:
            if self.terminal is not None:
                self.terminal.take_back()
        elif not self._logs.give_back(attempt.pair, reusable=not left):
            outcome = replace(outcome, extra={**outcome.extra, "log": None})
        self._over(attempt.unit, outcome)

    def _over(self, unit: Unit, outcome: Outcome) -> None:
        self._lease(unit, -1)
        boundary = None
        try:
            boundary = workspace.boundary(self.around.workspace, unit, (attempt.unit for attempt in self._running.values()))
        except RopewayError as error:
            outcome = workspace.unsaved(outcome, error)
        if boundary is not None:
            outcome = replace(outcome, extra={**outcome.extra, "snapshot": boundary.as_json()})
        elif unit.workspace is not None:
            self.left_out += workspace.leave_own(self, unit, outcome)
        for name, declared in (unit.step.outputs or {}).items():
            if declared.type == "secret" and outcome.outputs.get(name) is not None:
                self.veil.learn(str(outcome.outputs[name]))
        self.flow.finished(unit, outcome)

    def _too_long(self, attempt: Attempt) -> None:
        if self._running.get(attempt.pid) is attempt and attempt.ending is None:
            self._end(attempt, "timeout")

    def _end(self, attempt: Attempt, why: str) -> None:
        attempt.end(why, self.around.grace, at_once=self._at_once)
        self.after(0.02, lambda: self._press(attempt))

    def _press(self, attempt: Attempt) -> None:
        """Keep ending a tree whose first process still lives: SIGKILL after the grace."""
        if self._running.get(attempt.pid) is not attempt or attempt.exit_code is not None or attempt.ending is None:
            return
        left = attempt.ending.step()
        if left:  # it would not go
            attempt.exit_code = -signal.SIGKILL
            self._conclude(attempt)
            return
        self.after(0.05, lambda: self._press(attempt))

    def _time_is_up(self, limit: float) -> None:
        if self.root is not None and self.final is None:
            self.reason = f"the run timed out after {limit:g} s"
            self.root.timed_out = True
            self.flow.cancel(self.root)

    def _asked_to_end(self, signum: int) -> None:
        """The first signal cancels, the second ends everything at once."""
        if self.signum is not None:
            if signum == signal.SIGHUP:  # a terminal's end is told by the kernel and by the shell
                return
            self._at_once = True
            for attempt in self._running.values():
                self._end(attempt, "cancelled")
            if self.root is not None:
                self.flow.cancel(self.root, at_once=True)
            return
        self.signum = signum
        by, self.reason = who_cancels(self.around.folder, signum, self.actor)
        self.emit("run.cancelling", {"by": by, "reason": self.reason})
        if self.root is not None:
            self.flow.cancel(self.root)

    def _pause(self) -> None:
        """Ctrl-Z: stop the steps, then ourselves; the guardian stops after us and wakes us later."""
        borrower = self.terminal.take_back() if self.terminal is not None else 0
        for attempt in self._running.values():
            _signal_group(attempt.pid, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        if self.terminal is not None and borrower:
            self.terminal.lend(borrower)
        for attempt in self._running.values():
            _signal_group(attempt.pid, signal.SIGCONT)

    def _guardian_died(self) -> None:
        self._reactor.forget(self.around.life)
        self._lost_guardian = True
        self.final = "interrupted"

    def _end_all(self) -> None:
        """Let no process of the run outlive it."""
        if self.terminal is not None:
            self.terminal.take_back()
        if self._running or proctable.children(os.getpid()):
            proctable.kill_descendants(os.getpid())
        if not self._lost_guardian:
            self._logs.close()

    # -- what the flow asks for -----------------------------------------------------------------------------------------------

    def enter(self, unit: Unit) -> None:
        """Start a sub-workflow or open a gate."""
        (self.people if unit.step.kind == "gate" else self._nested).enter(unit)

    def retry(self, unit: Unit, delay: float) -> None:
        """Offer the unit again after a while; until then others may have its place."""
        self.after(delay, lambda: self.flow.requeue(unit))

    def cancel(self, unit: Unit) -> None:
        """End what is carried out for the unit."""
        for attempt in self._running.values():
            if attempt.unit is unit:
                self._end(attempt, "cancelled")
                return
        if not self.people.cancel(unit):
            self.flow.finished(unit, Outcome("cancelled", None, reason="cancelled"))

    def leave(self, scope: Scope) -> None:
        """Take note that a scope is done: the run is over, or the step that it belongs to."""
        if scope.parent is not None:
            self._nested.leave(scope)
            return
        self.final = "failed" if scope.timed_out else scope.schedule.outcome()

    # -- ticking --------------------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """Note log sizes, record what lives long, and let the observer look, while anything runs."""
        now = time.monotonic()
        for attempt in self._running.values():
            if attempt.pair is not None:
                self._logs.note(attempt.pair)
            if not attempt.recorded and now - attempt.begun > 0.5:
                attempt.recorded = True
                entry = proctable.entry(attempt.pid)
                if entry is not None:
                    self.emit("step.process", {"step": attempt.unit.address, "pid": entry.pid, "started": entry.started})
        if now - self._last_tick >= TICK:
            self._last_tick = now
            self.flush()
            if self._observed:
                try:
                    self.around.observer.tick()
                except OSError as error:
                    self._leave_untold(error)
            self.people.look()
        self._ticking = bool(self._running) or self.people.watching
        if self._ticking:
            self.after(INDEX_EVERY, self._tick)

    def keep_ticking(self) -> None:
        """Tick also while no process runs: a gate is open."""
        if not self._ticking:
            self._ticking = True
            self.after(INDEX_EVERY, self._tick)


def _not_started(error: EvaluationError | StartProblem) -> Outcome:
    if isinstance(error, StartProblem):
        return Outcome("failed", error.exit_code, reason="start", error=told(error))
    return Outcome("failed", None, reason="error", error=told(error))


def _signal_group(pid: int, signum: int) -> None:
    try:
        os.killpg(pid, signum)
    except (ProcessLookupError, PermissionError):
        return


def _wake(_signum: int, _frame: object) -> None:
    """Only wakes the loop, which reads the signal's number from the wake-up descriptor."""
