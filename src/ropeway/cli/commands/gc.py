"""`workflow gc`: remove what is no longer needed."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from ropeway import settings
from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb
from ropeway.cli.text import fit, plural, size, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ropeway.app.retention.collecting import Item, Report
    from ropeway.cli.console import Console

_WHAT = ("workspaces", "runs", "artifacts", "caches", "tools", "trash", "refs")
_NOUNS = {
    "workspace": ("working copy", "working copies"),
    "run": ("run", "runs"),
    "artifact": ("artifact file", "artifact files"),
    "cache": ("cached file", "cached files"),
    "tools": ("copy of tools", "copies of tools"),
    "trash": ("leftover", "leftovers"),
    "refs": ("run's refs", "runs' refs"),
}
_OFTEN = 0.1  # seconds between two lines of progress


@verb()
@argument("what", nargs=-1, type=click.Choice(_WHAT), metavar="[WHAT]...")
@option("--dry-run", "-n", is_flag=True, help="Only say what would go.")
@option(
    "--older-than", metavar="AGE", help="Remove what has been over or unused for so long: 12h, 30d. Without it, the settings say how long."
)
@option("--keep-runs", metavar="N", type=click.IntRange(min=1), help="Leave at most so many finished runs, the newest.")
@option(
    "--max-size",
    metavar="SIZE",
    help="Remove the oldest until the state directory, kept working copies, copies of tools, and caches take at most so much each: 500MiB, 2GiB.",
)
@option("--force", is_flag=True, help="Remove working copies with changes that are saved nowhere else, too.")
@option("--verbose", "-v", is_flag=True, help="Say what stays, too, and why.")
def command(
    console: Console,
    *,
    what: tuple[str, ...],
    dry_run: bool,
    older_than: str | None,
    keep_runs: int | None,
    max_size: str | None,
    force: bool,
    verbose: bool,
) -> int:
    """Remove what is no longer needed: old runs, working copies, artifacts, caches.

    WHAT is any of workspaces, runs, artifacts, caches, tools, trash and refs; all of them when none is named. How long, how many and how much is left, the settings
    keep_* say (`workflow config list`).

    Nothing goes that an unfinished run needs, that was to be kept, or that somebody uses. A working copy with changes that are saved nowhere else is named and
    stays. Exit status 1 means that something could not be removed.
    """
    from ropeway.app.retention.collecting import collect, policy_of

    policy = policy_of(
        settings.load(None, os.environ),
        what,
        older_than=None if older_than is None else settings.from_text(_AGE, older_than, "--older-than"),
        keep_runs=keep_runs,
        max_size=None if max_size is None else settings.from_text(_SIZE, max_size, "--max-size"),
        force=force,
    )
    report = collect(policy, dry_run=dry_run, progress=_Progress(console).tell)
    console.progress("")
    if console.json:
        console.object(report.as_json())
    else:
        _show(console, report, verbose=verbose)
    return 1 if report.failed else 0


_AGE = settings.Key("age", "duration", 0.0, "")
_SIZE = settings.Key("size", "size", 0, "")


class _Progress:
    """Says what is being done on a terminal, not too often."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.monotonic() + _OFTEN  # what is done at once needs no progress

    def tell(self, text: str) -> None:
        """Take what is being done."""
        if time.monotonic() - self._last >= _OFTEN:
            self._console.progress(fit(clean(text), self._console.width - 1))
            self._last = time.monotonic()


def _show(console: Console, report: Report, *, verbose: bool) -> None:
    lines = table([("KIND", "ID", "AGE", "SIZE", "REASON"), *_rows(report.removed)])
    for number, line in enumerate(lines if report.removed else []):
        console.data(console.styled(line, "dim") if not number else line)
    if verbose and report.kept:
        if report.removed:
            console.data()
        lines = table([("KEPT", "ID", "AGE", "REASON"), *((kind, name, age, reason) for kind, name, age, _, reason in _rows(report.kept))])
        for number, line in enumerate(lines):
            console.data(console.styled(line, "dim") if not number else line)
    for item in report.failed:
        console.error(f"{_NOUNS[item.kind][0]} {item.id} can't be removed: {item.reason}")
    for item in report.kept:
        if "--force" in item.reason and not verbose:
            console.warning(f"{_NOUNS[item.kind][0]} {item.id} stays: {item.reason}")
    console.say(_summary(report))


def _rows(items: Iterable[Item]) -> Iterator[tuple[str, str, str, str, str]]:
    from ropeway.app.retention.deciding import stretch

    for item in items:
        yield item.kind, clean(item.id), stretch(item.age), "-" if item.bytes is None else size(item.bytes), clean(item.reason)


def _summary(report: Report) -> str:
    if not report.removed:
        return "Nothing to remove." if not report.failed else "Nothing was removed."
    counts = {kind: sum(item.kind == kind for item in report.removed) for kind in _NOUNS}
    what = ", ".join(plural(count, *_NOUNS[kind]) for kind, count in counts.items() if count)
    if report.dry_run:
        return f"Would remove {what}: {size(report.bytes)}. Nothing was changed."
    return f"Removed {what}: {size(report.bytes)}."
