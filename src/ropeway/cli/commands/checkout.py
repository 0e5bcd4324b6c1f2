"""`workflow checkout`: the files that there were at the end of a step."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.cli.commands.diff import mixed
from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_run_step
from ropeway.cli.text import plural
from ropeway.errors import UsageError

if TYPE_CHECKING:
    from ropeway.app.checking_out import Folder
    from ropeway.cli.console import Console


@verb()
@argument("place", metavar="RUN[:STEP]", shell_complete=complete_run_step)
@argument("folder", metavar="[DIR]", required=False)
@option("--force", is_flag=True, help="Write into a folder that has files in it: overwrite those that the run has, leave the others.")
@option("--dry-run", is_flag=True, help="Only say what would be written.")
def command(console: Console, *, place: str, folder: str | None, force: bool, dry_run: bool) -> None:
    """Write the files that a run had at the end of STEP into a folder.

    RUN is an id or the beginning of one. Without STEP they are the run's last files; it may also be the number of a boundary, start, end, or found-1 for what the
    first resume found. DIR is ./RUN-STEP when it is left out. Nothing else is touched: no branch, no index, no file of yours.
    """
    from ropeway.app import checking_out, time_travel

    run, what = time_travel.split(place)
    if not run:
        raise UsageError("name the run", hint="`workflow runs` lists them", code="run-unnamed")
    saved = time_travel.saved(run)
    point = saved.point(what)
    target = Path(folder if folder is not None else f"{saved.run}-{_plain(what)}" if what else saved.run)
    planned = checking_out.plan(saved, point, target, force=force)
    if point.others and not console.json:
        console.warning(mixed(what if what in saved.state.steps else None, point.others))
    if not dry_run:
        _write(console, checking_out.write(saved, planned), len(planned.entries))
    if console.json:
        body = {"run": saved.run, "at": point.label, "commit": point.commit, "mixed": bool(point.others), "others": list(point.others)}
        console.object(
            {**body, "folder": str(target), "files": len(planned.entries), "left_out": list(planned.left_out), "dry_run": dry_run}
        )
        return
    _tell(console, planned, dry_run=dry_run)


def _plain(what: str) -> str:
    """Return an address as part of a folder's name."""
    return re.sub(r"[^A-Za-z0-9_-]+", ".", what).strip(".")


def _write(console: Console, written: object, total: int) -> None:
    from collections.abc import Iterator

    assert isinstance(written, Iterator)
    for number in written:
        if number % 200 == 0 and number < total:
            console.progress(f"{number:,} of {plural(total, 'file')}")
    console.progress("")


def _tell(console: Console, planned: Folder, *, dry_run: bool) -> None:
    if planned.left_out:
        names = ", ".join(planned.left_out[:5]) + (", …" if len(planned.left_out) > 5 else "")
        console.warning(f"left out, as they are repositories of their own: {names}")
    if dry_run:
        console.say(f"Would write {plural(len(planned.entries), 'file')} to {clean(str(planned.path))}.")
    else:
        console.data(clean(str(planned.path)))
        console.say(f"Wrote {plural(len(planned.entries), 'file')}.")
