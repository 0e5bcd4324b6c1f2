"""What becomes of files that are pushed, pulled or verified together: a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ropeway.cli.console import clean
from ropeway.cli.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.app.bulk import Done, Report
    from ropeway.cli.console import Console

__all__ = ["Deed", "card_line", "ending", "fail_mark", "ok_mark", "teller"]

Deed = Literal["push", "pull", "verify"]
_DONE = {"push": "Pushed", "pull": "Pulled"}


def ok_mark(console: Console) -> str:
    """Return the mark of what went well."""
    return console.styled("✓" if console.unicode else "+", "green")


def fail_mark(console: Console) -> str:
    """Return the mark of what did not."""
    return console.styled("✗" if console.unicode else "x", "red")


def card_line(console: Console, agent: str, problem: str | None) -> str:
    """Return the line about one card that was compared."""
    if problem is None:
        return f"{ok_mark(console)} {clean(agent)} agent: Content verified"
    return f"{fail_mark(console)} {clean(agent)} agent: Content mismatch: {clean(problem)}"


def teller(console: Console, deed: Deed) -> Callable[[Done], None]:
    """Return what prints the line (or the JSON object) of each file when it is done; notes and hints go to stderr."""

    def tell(done: Done) -> None:
        if console.json:
            console.object(as_json(done))
            return
        console.data(_line(console, done, deed))
        for note in done.notes:
            console.warning(note)
        if done.hint:
            console.say(f"  {console.styled('hint', 'bold', 'cyan', err=True)}: {clean(done.hint)}")

    return tell


def _line(console: Console, done: Done, deed: Deed) -> str:
    if deed == "verify":
        agent = done.name.partition(":")[0].partition("/")[2]
        if done.problem is None or done.digest is not None:
            return card_line(console, agent, done.problem)
        return f"{fail_mark(console)} {clean(agent)} agent: {clean(done.problem)}"
    if done.problem is None:
        return f"{ok_mark(console)} {_DONE[deed]} {clean(done.name)}"
    return f"{fail_mark(console)} Failed to {deed} {clean(done.name)} ({clean(str(done.file))}): {clean(done.problem)}"


def as_json(done: Done) -> dict[str, object]:
    """Return the object for programs."""
    return {
        "name": done.name,
        "file": str(done.file),
        "digest": done.digest,
        "ok": done.problem is None,
        "problem": done.problem,
        "hint": done.hint,
        "notes": done.notes,
    }


def ending(console: Console, report: Report, deed: Deed, what: str, none: str) -> int:
    """Print what there is in the registry, and how many failed; return the exit status. ``none`` is said when there were no files at all."""
    if not report.done:
        if not console.json:
            console.warning(none)
        return 0
    if console.json:
        if deed == "push":
            console.object({"registry": report.place, "repositories": report.there})
        return 1 if report.failed else 0
    if deed == "push":
        _there(console, report, what)
    if report.failed:
        console.error(f"{plural(report.failed, what)} of {len(report.done):,} failed")
    return 1 if report.failed else 0


def _there(console: Console, report: Report, what: str) -> None:
    if report.there is None:
        console.say(f"{clean(report.place)} does not list what it has.")
        return
    console.say(f"{what.capitalize()}s in {clean(report.place)}:")
    for name in report.there:
        console.data(clean(name))
