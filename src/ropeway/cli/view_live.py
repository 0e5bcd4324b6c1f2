"""A run on a terminal: a table that redraws itself in place, folded when there are more steps than lines.

Nothing is drawn before the first tick, so that a run of a few milliseconds pays nothing for it. A frame is never wider than the
terminal (a wrapped line would break the count of lines to go back), and the last frame stays on the screen.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean, clean_output
from ropeway.cli.failures import show_error
from ropeway.cli.render_steps import COLORS, MARKS, closing, files_said, outcome, place, resume_hint, tally
from ropeway.cli.text import duration, fit, pad, wide
from ropeway.cli.view_plain import title

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ropeway.cli.console import Console
    from ropeway.errors import RopewayError
    from ropeway.lang.plan import Plan
    from ropeway.runs.events import RunEvent
    from ropeway.runs.state import RunState, StepState

__all__ = ["LiveView"]

_BEHIND = 4096  # bytes from the end of a log in which the last line is looked for
_NAME_MOST = 32
_RANK = {"failed": 0, "waiting": 0, "running": 1, "warning": 2, "interrupted": 2, "cancelled": 3, "succeeded": 5, "skipped": 6}


class LiveView:
    """Shows a run as a table of steps: state, time, last line.

    Args:
        console: A console whose ``live`` is true.
        clock: Gives seconds, for the times in the table.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began = clock()
        self._drawn: list[str] = []
        self._since: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._tails: dict[int, tuple[tuple[int, int], str]] = {}
        self._interactive: set[str] = set()
        self._paused = 0
        console.survive_lost_reader = True

    def begin(self, folder: Any, plan: Plan) -> None:
        """Say which run this is, and start from what is already known of it (it may be a resumed one)."""
        self._logs: Path = folder.path / "logs"
        self._began = self._clock()
        self._state: RunState = folder.state(plan)
        self._console.data(f"{self._console.styled(title(plan), 'bold')}  run {folder.id}{place(folder)}")
        self._console.flush()

    def event(self, event: RunEvent) -> None:
        """Take an event in; the next tick shows it."""
        from ropeway.runs.state import apply

        apply(self._state, event)
        step = event.step
        if event.event.startswith("workspace."):
            self._say(event)
        if event.event in {"step.started", "step.expanded", "gate.opened"}:
            self._since.setdefault(step, self._clock())
            if event.data.get("interactive"):
                self._interactive.add(step)
                self.pause()
        elif event.event == "step.finished":
            since = self._since.pop(step, None)
            if since is not None:
                self._took[step] = self._clock() - since
            if step in self._interactive:
                self._interactive.discard(step)
                self.resume()

    def _say(self, event: RunEvent) -> None:
        """Print what happened to the files above the table."""
        lines = files_said(self._state.run, event)
        if lines and not self._paused:
            self._draw([])
            for line in lines:
                self._console.data(self._console.styled(line, "dim"))
            for note in event.data.get("notes") or ():
                self._console.warning(clean(str(note)))

    def tick(self) -> None:
        """Draw the table anew."""
        if not self._paused:
            self._draw(self.frame(*self._console.size()))

    def pause(self) -> None:
        """Take the table off the screen: somebody else owns the terminal until :meth:`resume`."""
        if not self._paused:
            self._draw([])
        self._paused += 1

    def resume(self) -> None:
        """Draw again from the next tick on."""
        self._paused = max(self._paused - 1, 0)

    def end(self, state: RunState) -> None:
        """Leave the last table on the screen and say what to do next."""
        self._state = state
        if self._paused:  # a question stands on the last line
            self._console.data()
        self._paused = 0
        width, lines = self._console.size()
        self._draw(self.frame(width, lines, final=True))
        self._drawn = []
        closing(self._console, state, self._logs)
        self._console.flush()

    def problem(self, error: RopewayError) -> None:
        """Leave the last table on the screen and say why the run can not go on, and how it can later."""
        self._paused = 0
        self._draw(self.frame(*self._console.size()))
        self._drawn = []
        show_error(self._console, error)
        resume_hint(self._console, self._state.run, error)
        self._console.flush()

    def frame(self, width: int, height: int, *, final: bool = False) -> list[str]:
        """Return the table's lines, at most ``height - 2`` of them, each narrower than ``width``."""
        room = max(height - 4, 3)
        shown, folded = self._chosen(room)
        names = {step.id: f"  {step.id}" if _inner(step.id) else step.id for step in shown}
        column = min(max((wide(n) for n in names.values()), default=0), _NAME_MOST, max(width // 3, 8), width - 15)
        lines = [self._row(step, names[step.id], column, width) for step in shown]
        if folded:
            lines.append(self._console.styled(fit(f"  … {_counts(folded)} more", width - 1), "dim"))
        word = f"{self._state.state} after" if final else self._state.state
        lines.append(fit(f"{word} {duration(self._clock() - self._began)}: {tally(self._state)}", width - 1))
        return lines

    def _chosen(self, room: int) -> tuple[list[StepState], list[StepState]]:
        """Return the steps to show, in file order, and those that are folded away: what runs and what failed comes first."""
        steps = [s for s in self._state.steps.values() if self._worth(s)]
        if any(_inner(s.id) for s in steps):
            steps = _under_their_parents(steps)
        if len(steps) <= room:
            return steps, []
        place = {s.id: i for i, s in enumerate(steps)}
        latest = self._took  # in the order in which steps ended
        age = {name: i for i, name in enumerate(reversed(latest))}

        def rank(step: StepState) -> tuple[int, int]:
            return _RANK.get(step.state, 4), age.get(step.id, place[step.id])

        ranked = sorted(steps, key=rank)
        chosen = sorted(ranked[: room - 1], key=lambda s: place[s.id])
        return chosen, ranked[room - 1 :]

    def _worth(self, step: StepState) -> bool:
        """Whether a step has a row: instances, iterations and inner steps only while they run, wait, or when they failed."""
        return not _inner(step.id) or step.state in {"running", "waiting", "failed"}

    def _row(self, step: StepState, name: str, column: int, width: int) -> str:
        mark = MARKS.get(step.state, ("·", "."))[0 if self._console.unicode else 1]
        time_text = ""
        if step.id in self._since:
            time_text = duration(self._clock() - self._since[step.id])
        elif step.id in self._took:
            time_text = duration(self._took[step.id])
        left = f"{pad(fit(name, column), column)}  {time_text:>9}"
        says = fit(self._says(step), max(width - wide(left) - 5, 0))
        color = COLORS.get(step.state, "dim")
        if step.state in {"pending", "ready", "skipped"}:
            return self._console.styled(f"{mark} {left}  {says}".rstrip(), "dim")
        return f"{self._console.styled(mark, color)} {left}  {self._console.styled(says, *(['red'] if step.state == 'failed' else ['dim']))}".rstrip()  # type: ignore[arg-type]

    def _says(self, step: StepState) -> str:
        if step.state == "running":
            again = f"attempt {step.attempts}: " if step.attempts > 1 else ""
            if step.items is not None:
                done = sum(s.state in {"succeeded", "warning"} for s in self._state.steps.values() if s.id.startswith(f"{step.id}["))
                return f"{done} of {len(step.items)}"
            return again + self._last_line(step)
        if step.state == "waiting":
            return f"waits for an answer: {(step.gate or {}).get('prompt') or ''}".rstrip(": ")
        if step.state in {"failed", "warning", "cancelled", "interrupted"} or (step.state == "skipped" and step.reason):
            return outcome(step)
        if step.state == "ready" and step.attempts:
            return f"attempt {step.attempts} failed, tries again"
        return ""

    def _last_line(self, step: StepState) -> str:
        number = step.logs[-1] if step.logs else None
        if number is None:
            return ""
        sizes = tuple(_size(f"{self._logs}/{number}.{suffix}") for suffix in ("out", "err"))
        known = self._tails.get(number)
        if known is not None and known[0] == sizes:
            return known[1]
        grown = 1 if known is not None and sizes[1] != known[0][1] else 0
        order = ("err", "out") if grown or not sizes[0] else ("out", "err")
        line = next(filter(None, (_tail_line(f"{self._logs}/{number}.{suffix}") for suffix in order)), "")
        self._tails[number] = ((sizes[0], sizes[1]), line)
        return line

    def _draw(self, lines: list[str]) -> None:
        """Replace the last frame by this one in one write, so that a terminal shows no half-drawn table."""
        out = ["\x1b[?2026h"]
        if self._drawn:
            width = self._console.width
            rows = sum(max(1, -(-_bare(line) // width)) for line in self._drawn)  # a terminal that shrank has wrapped them
            out.append(f"\x1b[{rows}F\x1b[J" if rows > len(self._drawn) or not lines else f"\x1b[{rows}F")
        out += [f"{line}\x1b[K\n" for line in lines]
        out.append("\x1b[J\x1b[?2026l" if self._drawn else "\x1b[?2026l")
        if lines or self._drawn:
            self._console.raw("".join(out).encode(errors="backslashreplace"))
        self._drawn = lines


def _inner(address: str) -> bool:
    """Whether it is an instance, an iteration or a step of a sub-workflow."""
    return any(mark in address for mark in "[#/")


def _under_their_parents(steps: list[StepState]) -> list[StepState]:
    """Return the steps in file order, each followed by what belongs to it."""
    import re

    place = {s.id: i for i, s in enumerate(steps)}
    return sorted(steps, key=lambda s: (place.get(re.split(r"[\[#/]", s.id)[0], len(steps)), place[s.id]))


def _bare(line: str) -> int:
    import re

    return wide(re.sub(r"\x1b\[[0-9;]*m", "", line))


def _counts(steps: list[StepState]) -> str:
    counts: dict[str, int] = {}
    for step in steps:
        counts[step.state] = counts.get(step.state, 0) + 1
    return ", ".join(f"{n:,} {state}" for state, n in counts.items())


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - ten times a second for every running step
    except OSError:
        return 0


def _tail_line(path: str) -> str:
    """Return the last line of a file that is not empty, without colours and control characters."""
    import re

    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            file.seek(max(file.seek(0, os.SEEK_END) - _BEHIND, 0))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    for line in reversed(text.splitlines()):
        bare = re.sub(r"\x1b\[[0-9;:]*m", "", clean_output(line)).replace("\t", " ").strip()
        if bare:
            return bare
    return ""
