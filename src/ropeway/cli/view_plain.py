"""A run on a pipe: plain lines that keep each step's output together. And as JSON: one event a line.

While one step at a time runs, its output flows as it comes. When several may, a step's output is printed whole when the step ends.
A step that prints without end can not make the run wait for the reader's memory: what is behind by more than a mebibyte is left
out, and the line that says so names the command that shows it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean, clean_output
from ropeway.cli.failures import show_error
from ropeway.cli.render_steps import closing, files_said, outcome, place, resume_hint, tally
from ropeway.cli.text import duration, plural

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ropeway.cli.console import Console
    from ropeway.errors import RopewayError
    from ropeway.lang.plan import Plan
    from ropeway.runs.events import RunEvent
    from ropeway.runs.state import RunState

__all__ = ["JsonView", "PlainView", "title"]

_BAR = b"  | "
_MOST = 2**20  # bytes of one step that are echoed at its end
_PER_TICK = 2**18
_LONGEST = 2**16  # bytes of one line
_CARRIED_OUT = frozenset({"run.queued", "run.started", "run.finished"})


def title(plan: Plan) -> str:
    """Return the workflow's id and version for a heading."""
    template = plan.template
    return clean(f"{template.id} {template.version}" if template.version else template.id)


class JsonView:
    """Prints every event as one JSON object a line; of a new run all of them, those from before it was carried out included."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._run = ""
        console.survive_lost_reader = True

    def begin(self, folder: Any, plan: Plan) -> None:  # noqa: ARG002 - the observer's signature
        """Print the events of a run that was made and not carried out yet, so that its stream is whole."""
        self._run = folder.id
        before = []
        for event in folder.events():
            if event.event in _CARRIED_OUT:
                return  # it goes on: what was, was told then
            before.append(event)
        for event in before:
            self.event(event)

    def event(self, event: RunEvent) -> None:
        """Print it."""
        self._console.object(event.as_json(self._run))
        self._console.flush()

    def tick(self) -> None:
        """Nothing happens between events."""

    def end(self, state: RunState) -> None:
        """Everything was said."""

    def problem(self, error: RopewayError) -> None:
        """Print the error object."""
        show_error(self._console, error)
        self._console.flush()


class _Echo:
    """Copies the output of one attempt to the console, line by line, each behind a bar."""

    def __init__(self, console: Console, logs: Path, number: int, heading: str | None) -> None:
        from ropeway.runs.logs import Reader

        self._console = console
        self._heading = heading
        self._reader = Reader(logs, number)
        self._rest = b""
        self.left_out = 0

    def copy(self, most: int) -> None:
        """Print the whole lines that came since the last call; of more than ``most`` bytes only the last part."""
        pieces = [piece.data for piece in self._reader.read()]
        found = b"".join(pieces)
        if len(found) > most:
            self.left_out += len(found) - most
            self._rest = b""
            found = found[-most:].partition(b"\n")[2] or found[-most:]
        lines = (self._rest + found).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _LONGEST:
            lines.append(self._rest)
            self._rest = b""
        self._print(lines)

    def finish(self) -> None:
        """Print what is left, a last line without a newline included."""
        self.copy(_MOST)
        if self._rest:
            self._print([self._rest])
            self._rest = b""

    def _print(self, lines: list[bytes]) -> None:
        if not lines:
            return
        if self._heading is not None:
            self._console.data(self._heading)
            self._heading = None
        if self._console.out_terminal:
            for line in lines:
                self._console.data(f"  | {clean_output(line.decode(errors='replace'))}")
        else:
            self._console.raw(b"".join(_BAR + line + b"\n" for line in lines))


class PlainView:
    """Prints a run as lines.

    Args:
        console: Where to.
        sequential: Whether one step at a time runs, so that output can flow while a step is at work.
        clock: Gives seconds, for the durations of steps.
    """

    def __init__(self, console: Console, *, sequential: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._sequential = sequential
        self._clock = clock
        self._echoes: dict[str, _Echo] = {}
        self._since: dict[str, float] = {}
        self._run = ""
        console.survive_lost_reader = True

    def begin(self, folder: Any, plan: Plan) -> None:
        """Print which run this is."""
        self._run = folder.id
        self._logs: Path = folder.path / "logs"
        self._began = self._clock()
        self._console.data(f"run {folder.id}: {title(plan)}, {plural(len(plan.template.steps), 'step')}{place(folder)}")
        self._console.flush()

    def event(self, event: RunEvent) -> None:
        """Print what an event means, if it means something to a person."""
        handler = _HANDLERS.get(event.event)
        if handler is not None:
            handler(self, event)

    def tick(self) -> None:
        """Let the output of the one running step flow, and hand on what was printed since the last tick."""
        if self._sequential:
            for echo in self._echoes.values():
                echo.copy(_PER_TICK)
        self._console.flush()

    def end(self, state: RunState) -> None:
        """Print how it ended and what to do next."""
        for address in list(self._echoes):
            self._drain(address)
        took = duration(self._clock() - self._began)
        word = self._console.styled(state.state, "bold") if state.state in {"failed", "succeeded"} else state.state
        self._console.data(f"run {self._run}: {word} after {took} ({tally(state)})")
        closing(self._console, state, self._logs)
        self._console.flush()

    def problem(self, error: RopewayError) -> None:
        """Print why it can not go on, and how it can later."""
        for address in list(self._echoes):
            self._drain(address)
        show_error(self._console, error)
        resume_hint(self._console, self._run, error)
        self._console.flush()

    def _started(self, event: RunEvent) -> None:
        step, attempt, number = event.step, event.data["attempt"], event.data.get("log")
        self._since.setdefault(step, self._clock())
        if number is not None:
            heading = None if self._sequential else f"{clean(step)}: output"
            self._echoes[step] = _Echo(self._console, self._logs, number, heading)
        again = f", attempt {attempt}" if attempt > 1 else ""
        self._console.data(f"{clean(step)}: started{again}")

    def _expanded(self, event: RunEvent) -> None:
        self._since.setdefault(event.step, self._clock())
        self._console.data(f"{clean(event.step)}: {plural(event.data['count'], 'item')}")

    def _retrying(self, event: RunEvent) -> None:
        self._drain(event.step)
        delay = event.data.get("delay") or 0
        when = f"again in {duration(delay)}" if delay else "again at once"
        why = clean(str(event.data.get("error") or event.data.get("reason") or ""))
        self._console.data(f"{clean(event.step)}: attempt {event.data['attempt']} failed{f' ({why})' if why else ''}, {when}")

    def _finished(self, event: RunEvent) -> None:
        step, state = event.step, event.data["state"]
        if event.data.get("log", 0) is None:  # it printed nothing
            self._echoes.pop(step, None)
        else:
            self._drain(step)
        since = self._since.pop(step, None)
        if state == "skipped" and event.data.get("reason") in {"upstream", "stopped"}:
            return
        took = f" ({duration(self._clock() - since)})" if since is not None else ""
        self._console.data(f"{clean(step)}: {outcome(dict(event.data))}{took}")
        leftovers = event.data.get("leftovers")
        if leftovers:
            self._console.data(f"{clean(step)}: left {plural(len(leftovers), 'process', 'processes')} running; they end with the run")

    def _gate(self, event: RunEvent) -> None:
        prompt = clean(str(event.data.get("prompt") or ""))
        self._console.data(f"{clean(event.step)}: waits for an answer{f': {prompt}' if prompt else ''}")

    def _answered(self, event: RunEvent) -> None:
        self._console.data(f"{clean(event.step)}: answered by {clean(str(event.data.get('by') or 'somebody'))}")

    def _queued(self, event: RunEvent) -> None:
        group = clean(str(event.data.get("group") or ""))
        self._console.data(f"run {self._run}: waits for its turn in the group {group}")

    def _cancelling(self, event: RunEvent) -> None:
        reason = clean(str(event.data.get("reason") or ""))
        self._console.data(f"run {self._run}: being cancelled{f' ({reason})' if reason else ''}")

    def _files(self, event: RunEvent) -> None:
        for line in files_said(self._run, event):
            self._console.data(line)
        for note in event.data.get("notes") or ():
            self._console.warning(clean(str(note)))

    def _drain(self, step: str) -> None:
        """Print the rest of a step's output, whole when nothing of it was printed before."""
        echo = self._echoes.pop(step, None)
        if echo is None:
            return
        echo.finish()
        if echo.left_out:
            self._console.data(f"{clean(step)}: {echo.left_out:,} bytes are left out; `workflow logs {self._run}:{clean(step)}` shows all")


_HANDLERS: dict[str, Callable[[PlainView, RunEvent], None]] = {
    "run.queued": PlainView._queued,  # noqa: SLF001 - the table of its own methods
    "run.cancelling": PlainView._cancelling,  # noqa: SLF001
    **dict.fromkeys(
        ("workspace.created", "workspace.found", "workspace.recreated", "workspace.restored", "workspace.direnv", "workspace.left"),
        PlainView._files,  # noqa: SLF001
    ),
    "step.started": PlainView._started,  # noqa: SLF001
    "step.expanded": PlainView._expanded,  # noqa: SLF001
    "step.retrying": PlainView._retrying,  # noqa: SLF001
    "step.finished": PlainView._finished,  # noqa: SLF001
    "gate.opened": PlainView._gate,  # noqa: SLF001
    "gate.answered": PlainView._answered,  # noqa: SLF001
}
