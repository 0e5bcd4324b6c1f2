"""`workflow upgrade`: move locked references on, and show what that changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import reach_options
from ropeway.cli.reach import sources_for
from ropeway.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ropeway.app.upgrading import Change
    from ropeway.cli.console import Console


@verb()
@argument("references", nargs=-1, metavar="[REF]...")
@option("--dry-run", "-n", is_flag=True, help="Show what would change, and change nothing.")
@option("--yes", "-y", is_flag=True, help="Do not ask, also when a new version may do more or somebody else signed it.")
@reach_options
def command(console: Console, *, references: tuple[str, ...], dry_run: bool, yes: bool, **reach: Any) -> int:
    """Move what workflow.lock holds on to what it means now, and show what that changes: steps, what they may touch, who signed.

    Without REF all locked references. When one of them can't be asked (exit status 3) or must not be used (4), the others are moved on.
    """
    from ropeway.app import upgrading
    from ropeway.cli.watching import interactive

    project, sources = upgrading.project_of(Path.cwd()), sources_for(console, **reach)
    found = list(upgrading.changes(project, references, lambda: sources))
    for change in found:
        if console.json:
            console.object(change.as_json())
        else:
            for line in _lines(change, console):
                console.data(line)
    newer = [change for change in found if change.state == "newer"]
    failed = max((change.error.exit_status for change in found if change.error is not None), default=0)
    if dry_run or not newer:
        console.say("Nothing was changed." if newer or failed else "Nothing to do: everything is as it is locked.")
        return failed
    if not yes and not _agreed(console, newer, asks=interactive(console)):
        console.say("Nothing was changed.")
        return failed
    upgrading.take(project, newer)
    console.say("workflow.lock was written.")
    return failed


def _agreed(console: Console, newer: Sequence[Change], *, asks: bool) -> bool:
    if asks:
        console.flush()
        try:
            return input("Lock these? [y/N] ").strip().lower() in {"y", "yes"}
        except EOFError:
            return False
    widening = [change.reference for change in newer if change.widens]
    if widening:
        hint = "look at what changes above, then say --yes"
        raise Refused(f"{', '.join(widening)} may do more than before, or somebody else signed it", hint=hint, code="upgrade-widens")
    return True


def _lines(change: Change, console: Console) -> Iterator[str]:
    head = console.styled(clean(change.reference), "bold")
    if change.error is not None:
        yield f"{head}  {'refused' if isinstance(change.error, Refused) else 'could not be asked'}: {clean(change.error.message)}"
        if change.error.hint:
            yield f"  {clean(change.error.hint)}"
        return
    if change.state != "newer" or change.before is None or change.after is None:
        version = change.before.version or change.before.digest[:19] if change.before is not None else ""
        yield f"{head}  {'pinned' if change.state == 'pinned' else 'up to date'} ({clean(version)})"
        return
    yield f"{head}  {_name(change.before)} -> {_name(change.after)}"
    for label, names in (
        ("new steps", change.steps_added),
        ("removed steps", change.steps_removed),
        ("changed steps", change.steps_changed),
    ):
        if names:
            yield f"  {label}: {clean(', '.join(names))}"
    from ropeway.bundles.keys import short

    signers = tuple(f"{line[:2]}{short(line[2:])}" for line in change.signers)
    for label, lines in (("it may", change.capabilities), ("signed with", signers)):
        for line in lines:
            yield f"  {label}: {console.styled(clean(line), 'yellow' if line.startswith('+') else 'dim')}"


def _name(entry: Any) -> str:
    return clean(f"{entry.version} ({entry.digest[:19]})" if entry.version else entry.digest[:19])
