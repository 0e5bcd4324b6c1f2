"""How the state of steps and runs is said: words, colours, the summary at the end. Shared by the live and the plain view and `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean, clean_output
from ropeway.cli.text import plural
from ropeway.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ropeway.cli.console import Console, Style
    from ropeway.errors import RopewayError
    from ropeway.runs.events import RunEvent
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.state import RunState, StepState

__all__ = ["COLORS", "MARKS", "closing", "files_said", "outcome", "place", "printed", "resume_hint", "shown_value", "tally"]

_NAMED = 5
"""Files that a line names."""

COLORS: dict[str, Style] = {
    "succeeded": "green",
    "warning": "yellow",
    "failed": "red",
    "running": "cyan",
    "waiting": "magenta",
    "queued": "blue",
    "interrupted": "yellow",
    "cancelled": "yellow",
    "skipped": "dim",
    "pending": "dim",
    "ready": "dim",
}
MARKS: dict[str, tuple[str, str]] = {
    "succeeded": ("✓", "+"),
    "warning": ("!", "!"),
    "failed": ("✗", "x"),
    "running": ("●", "*"),
    "waiting": ("?", "?"),
    "interrupted": ("!", "!"),
    "cancelled": ("■", "-"),
    "skipped": ("-", "-"),
    "pending": ("·", "."),
    "ready": ("·", "."),
    "queued": ("·", "."),
}
"""A state's mark, in Unicode and in ASCII."""

_SKIPPED = {
    "when": "its condition is false",
    "upstream": "a step that it needs did not succeed",
    "user": "as asked",
    "stopped": "the run stopped",
}


def outcome(step: Mapping[str, Any] | StepState) -> str:
    """Return how a step ended, in words: ``succeeded``, ``failed: exit status 1``, ``skipped: its condition is false``."""
    names = ("state", "reason", "error", "exit_code")
    state, reason, error, code = (step.get(n) if isinstance(step, dict) else getattr(step, n, None) for n in names)
    if state == "skipped":
        return f"skipped: {_SKIPPED.get(str(reason), clean(str(reason)))}" if reason else "skipped"
    if state == "cancelled":
        return "cancelled" if not error or error == state else f"cancelled: {clean(str(error))}"
    if state in {"failed", "warning", "interrupted"}:
        verb = "failed (allowed)" if state == "warning" else str(state)
        why = error or (f"exit status {code}" if code else reason)
        return f"{verb}: {clean(str(why))}" if why else verb
    return str(state)


def tally(state: RunState) -> str:
    """Return ``3 succeeded, 1 failed, 2 skipped``, of the workflow's own steps."""
    counts: dict[str, int] = {}
    for step in state.steps.values():
        if _own(step.id):
            counts[step.state] = counts.get(step.state, 0) + 1
    order = ("succeeded", "warning", "failed", "cancelled", "interrupted", "running", "waiting", "skipped", "ready", "pending")
    return ", ".join(plural(counts[name], name) if name == "warning" else f"{counts[name]:,} {name}" for name in order if name in counts)


def _own(address: str) -> bool:
    return not any(mark in address for mark in "[#/")


def shown_value(value: Any) -> str:
    """Return an output or a parameter for one line: text as it is, the rest as compact JSON."""
    if isinstance(value, str):
        return clean(value)
    from json import dumps

    return clean(dumps(value, ensure_ascii=False))


def place(folder: RunFolder) -> str:
    """Return where a run works, for the end of its heading: ``, in place (not in a repository)`` or ``, in a working copy of @ (git)``."""
    first = next(iter(folder.events()), None)
    chosen = first.data.get("workspace") if first is not None else None
    if chosen is None:
        return ""
    if chosen["backend"] == "none":
        return f", in place ({clean(chosen['note'])})"
    return f", in a working copy of {clean(chosen.get('base', '@'))} ({clean(chosen['backend'])})"


def files_said(run: str, event: RunEvent) -> list[str]:
    """Return the lines that tell what happened to a run's working copy; none for other events."""
    data = event.data
    match event.event:
        case "workspace.created":
            commit = str(data.get("base_commit") or "")[:12]
            base = data.get("base", "@")
            changes = " with your uncommitted changes" if data.get("uncommitted") and commit else ""
            started = f", from {commit}{changes}" if commit else ""
            return [f"working copy {clean(str(data['path']))}{started}{'' if base == '@' else f' ({clean(base)})'}"]
        case "workspace.found" if data["label"] == "rest":
            return [f"files were written after the last step; they are saved as {run}:rest"]
        case "workspace.found" if data.get("used_by"):
            return [f"run {data['used_by']} has used the working copy since: its files stay, kept as {run}:{data['label']}"]
        case "workspace.found" if data.get("changed") is False:
            return []
        case "workspace.left":
            return [f"working copy {clean(str(data['path']))} stays as it is: {clean(str(data['why']))}"]
        case "workspace.found":
            return [f"the files found are kept as {run}:{data['label']}"]
        case "workspace.recreated":
            return [f"working copy {clean(str(data['path']))} was gone; it is made again from the last snapshot"]
        case "workspace.restored":
            return ["the files are as the last finished step left them; what came after is undone"]
        case "workspace.direnv":
            return [f"direnv may load {clean(str(data['file']))}"]
        case _:
            return []


def _files(console: Console, state: RunState) -> None:
    """Say what became of the files of a run with a working copy, and what to do with them."""
    kept = state.kept
    if kept is None:
        return
    if state.state == "succeeded" and kept.get("changed"):
        where = ", the working copy is removed" if kept["cleaned"] else f" in {clean(str(kept['path']))}"
        console.say(f"{plural(kept['changed'], 'file')} changed{where}")
        console.say(f"{_hint(console)}: `workflow diff {state.run}` shows it, `workflow land {state.run}` brings it back")
    elif not kept["cleaned"] and state.state != "succeeded":
        console.say(f"its files are in {clean(str(kept['path']))}")
    nested = kept.get("nested")
    if nested:
        shown = ", ".join(clean(name) for name in nested[:_NAMED]) + (f" and {len(nested) - _NAMED} more" if len(nested) > _NAMED else "")
        console.say(
            f"no snapshot holds these, {'they went with the working copy' if kept['cleaned'] else 'the working copy does'}: {shown}"
        )
    ignored = _lost(state)
    if ignored and state.state == "succeeded":
        more = kept.get("ignored_count", 0) - len(kept["ignored"]) + max(len(ignored) - _NAMED, 0)
        names = ", ".join(clean(name) for name in ignored[:_NAMED]) + (f" and {more} more" if more else "")
        gone = "went with the working copy" if kept["cleaned"] else "are in the working copy only"
        console.say(f"ignored files {gone}: {names}")
        console.say(f"{_hint(console)}: declare what you need as an artifact, or run with --here")


def _lost(state: RunState) -> list[str]:
    """Return the ignored paths of the working copy that nothing was kept of as an artifact."""
    kept = [artifact["path"] for artifact in state.artifacts]
    return [name for name in (state.kept or {}).get("ignored") or () if not any(path.startswith(name) for path in kept)]


def closing(console: Console, state: RunState, logs: Path) -> None:
    """Print what the end of a run means: outputs (data), the first cause with its last lines, and the next command to type."""
    for name, value in state.outputs.items():
        console.data(f"{clean(name)} = {shown_value(value)}")
    for text in state.warnings:
        console.warning(text)
    if state.state == "failed":
        _failed(console, state, logs)
    elif state.state == "waiting":
        _waiting(console, state)
    elif state.state in {"cancelled", "interrupted"}:
        console.say(f"{state.state.capitalize()}. `workflow resume {state.run}` goes on from here.")
    _files(console, state)


def _failed(console: Console, state: RunState, logs: Path) -> None:
    cause = state.cause
    if cause is None:
        console.error(state.error or f"the run failed: {state.reason or 'no step did'}")
        console.say(f"{_hint(console)}: `workflow status {state.run}` shows more")
        return
    console.error(f"step {cause.id} {outcome(cause)}")
    for line in last_lines(cause, logs):
        console.say(f"  {console.styled('|', 'dim', err=True)} {clean_output(line) if console.err_terminal else line}")
    if printed(cause, logs):
        console.say(f"{_hint(console)}: `workflow logs {state.run}:{cause.id}` shows all that it printed")
    console.say(f"{_hint(console)}: {_goes_on(state.run, cause)}")


def _goes_on(run: str, cause: StepState) -> str:
    """Say how a failed run goes on, which depends on what has to be put right first."""
    if cause.gate is not None:
        return f"`workflow resume {run}` asks again"
    if cause.reason == "error":  # an expression had no value: the file is the likeliest place to change
        return f"`workflow resume {run}` goes on from there, once it is fixed; with --replan it takes the changed file"
    return f"`workflow resume {run}` goes on from there, once it is fixed"


def resume_hint(console: Console, run: str, error: RopewayError) -> None:
    """Say how a run that stopped goes on; one that was not let in has nothing to go on from."""
    if isinstance(error, Cancelled):
        return
    console.say(f"{_hint(console)}: `workflow resume {run}` goes on from there")


def last_lines(step: StepState, logs: Path, *, lines: int = 10) -> list[str]:
    """Return the last lines that a step's last attempt printed."""
    from ropeway.runs.logs import tail

    number = step.logs[-1] if step.logs else None
    return tail(logs, number, lines=lines) if number is not None else []


def printed(step: StepState, logs: Path) -> bool:
    """Whether any attempt of a step printed anything."""
    return any(_size(logs / f"{number}.{suffix}") for number in step.logs if number is not None for suffix in ("out", "err"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _waiting(console: Console, state: RunState) -> None:
    for gate in state.open_gates:
        asked = gate.gate or {}
        console.say(f"{clean(gate.id)} waits for an answer: {clean(str(asked.get('prompt') or ''))}".rstrip(": "))
        console.say(f"{_hint(console)}: `{answer_command(state.run, gate.id, asked)}`")


def answer_command(run: str, step: str, gate: Mapping[str, Any]) -> str:
    """Return the command that answers a gate, with a place to fill in."""
    if gate.get("fields"):
        fields = gate["fields"]
        names = list(fields) if isinstance(fields, dict) else [str(f.get("name", f)) if isinstance(f, dict) else str(f) for f in fields]
        return f"workflow answer {run}:{step} " + " ".join(f"--field {name}=…" for name in names)
    choices = [str(c) for c in gate.get("choices") or ()]
    return f"workflow answer {run}:{step} {'|'.join(choices) or 'yes|no'}"


def _hint(console: Console) -> str:
    return console.styled("hint", "bold", "cyan", err=True)
