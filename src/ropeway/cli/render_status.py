"""Runs and their steps as tables: ``status`` and ``runs``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean
from ropeway.cli.render_steps import COLORS, MARKS, answer_command, outcome, shown_value
from ropeway.cli.text import ago, duration, plural, size, table
from ropeway.runs.addresses import depth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ropeway.cli.console import Console
    from ropeway.runs.state import RunState, StepState

__all__ = ["history", "one", "several", "to_type"]

_NAMED = 5  # interrupted runs that get a line each


def _from(provenance: Mapping[str, Any] | None) -> str:
    """Return where a workflow from elsewhere came from."""
    if provenance is None:
        return ""
    by = provenance.get("signers") or ()
    return f"{provenance['reference']} ({provenance['digest'][:19]}…{', signed by ' + ', '.join(key[:23] for key in by) if by else ''})"


def one(state: RunState, console: Console) -> Iterator[str]:
    """Yield what is known of one run: what it is, its steps, what it gave, and the next command."""
    head = clean(f"{state.workflow} {state.version}" if state.version else state.workflow)
    color = COLORS.get(state.state, "dim")
    yield f"{console.styled(head, 'bold')}  run {state.run}  {console.styled(state.state, color)}"
    if state.error or state.reason:
        yield f"  {clean(state.error or state.reason or '')}"
    facts = [("actor", state.actor), ("started", _when(state)), ("took", _took(state.started_at, state.finished_at))]
    facts += [
        ("folder", state.workspace or ""),
        ("from", _from(state.provenance)),
        ("file", state.source or ""),
        ("goes on from", state.linked or ""),
    ]
    facts += [(f"param {name}", shown_value(value)) for name, value in state.params.items()]
    yield from (f"  {line}" for line in table((name, clean(text)) for name, text in facts if text))
    yield ""
    yield from _steps(state, console)
    if state.outputs:
        yield ""
        yield from (f"{clean(name)} = {shown_value(value)}" for name, value in state.outputs.items())
    if state.artifacts:
        yield ""
        yield from table(
            (clean(str(a["name"])), clean(str(a["path"])), "expired" if a.get("expired") else size(int(a.get("size") or 0)))
            for a in state.artifacts
        )
    following = list(_following(state))
    if following:
        yield ""
        yield from following


def _steps(state: RunState, console: Console) -> Iterator[str]:
    rows = []
    steps = state.ordered()
    for step in steps:
        mark = MARKS.get(step.state, ("·", "."))[0 if console.unicode else 1]
        tries = f"{step.attempts} attempts" if step.attempts > 1 else ""
        rows.append(
            (mark, f"{'  ' * depth(step.id)}{clean(step.id)}", step.state, _took(step.started_at, step.finished_at), tries, _says(step))
        )
    lines = table(rows, gap=2)
    for line, step in zip(lines, steps, strict=True):
        color = COLORS.get(step.state, "dim")
        yield console.styled(line, "dim") if color == "dim" else console.styled(line[0], color) + line[1:]


def _says(step: StepState) -> str:
    if step.state == "waiting":
        return clean(str((step.gate or {}).get("prompt") or ""))
    if step.state in {"failed", "warning", "skipped", "interrupted", "cancelled"}:
        text = outcome(step)
        return text.removeprefix("failed (allowed)").removeprefix(step.state).strip(" :")
    return ""


def _following(state: RunState) -> Iterator[str]:
    for gate in state.open_gates:
        yield f"Answer it: {answer_command(state.run, gate.id, gate.gate or {})}"
    if state.state in {"failed", "cancelled", "interrupted"}:
        yield f"Go on:     workflow resume {state.run}"


def several(states: Sequence[RunState], console: Console) -> Iterator[str]:
    """Yield a line a run: id, workflow, state, current step, actor, folder."""
    rows = [("RUN", "WORKFLOW", "STATE", "STEP", "STARTED", "ACTOR", "WORKSPACE")]
    rows += [
        (s.run, clean(s.workflow), s.state, clean(_at(s) or "-"), _when(s) or "-", clean(s.actor), clean(s.workspace or "-"))
        for s in states
    ]
    lines = table(rows)
    yield console.styled(lines[0], "dim")
    for line, state in zip(lines[1:], states, strict=True):
        before, word, after = line.partition(f"  {state.state}")
        yield before + console.styled(word, COLORS.get(state.state, "dim")) + after


def to_type(states: Sequence[RunState]) -> Iterator[str]:
    """Yield the commands that carry waiting and interrupted runs on."""
    stopped = [s for s in states if s.state == "interrupted"]
    for state in states:
        if state.state != "interrupted" or len(stopped) <= _NAMED:
            yield from _following(state)
    if len(stopped) > _NAMED:
        yield f"Go on:     workflow resume RUN  ({len(stopped)} runs are interrupted; workflow cancel RUN ends one for good)"


def _at(state: RunState) -> str | None:
    """Return the step where a run is, or where it was when it was interrupted."""
    stopped = [s.id for s in state.steps.values() if s.state == "interrupted"]
    return state.current or (stopped[-1] if stopped else None)


def history(rows: Iterable[Mapping[str, Any]], console: Console) -> Iterator[str]:
    """Yield a line for each run of the history."""
    body = [
        (
            str(row["run"]),
            clean(str(row["workflow"])),
            str(row["state"]) + (f" ({plural(len(row['warnings']), 'warning')})" if row.get("warnings") else ""),
            ago(time.time() - _seconds(row.get("created_at") or row.get("started_at")))
            if row.get("created_at") or row.get("started_at")
            else "-",
            _took(row.get("started_at"), row.get("finished_at")) or "-",
            clean(str(row["actor"])),
        )
        for row in rows
    ]
    if not body:
        return
    lines = table([("RUN", "WORKFLOW", "STATE", "STARTED", "TOOK", "ACTOR"), *body])
    yield console.styled(lines[0], "dim")
    yield from lines[1:]


def _seconds(at: str | None) -> float:
    from ropeway.runs.events import seconds

    return seconds(at) if at else 0.0


def _when(state: RunState) -> str:
    at = state.started_at or state.created_at
    return ago(time.time() - _seconds(at)) if at else ""


def _took(started: str | None, finished: str | None) -> str:
    if not started or not finished:
        return ""
    return duration(_seconds(finished) - _seconds(started))
