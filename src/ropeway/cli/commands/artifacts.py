"""`workflow artifacts`: the files that a run kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb_group
from ropeway.cli.options import complete_run
from ropeway.cli.text import size, table

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb_group(short_help="List or fetch the artifacts of a run.")
def command() -> None:
    """List or fetch the artifacts of a run: the files that its workflow declares under [artifacts].

    RUN is an id or the beginning of one; the latest run when none is given.
    """


@command.command("list")
@argument("run", required=False, shell_complete=complete_run)
def list_(console: Console, *, run: str | None) -> None:
    """List the artifacts of RUN."""
    from ropeway.app import history

    state = history.status(history.find_run(run, latest=run is None))
    if console.json:
        for each in state.artifacts:
            console.object({"run": state.run, **each})
        return
    if not state.artifacts:
        console.say(f"Run {state.run} has no artifacts.")
        return
    rows = [
        (
            clean(str(a["name"])),
            clean(str(a["path"])),
            "expired" if a.get("expired") else size(int(a.get("size") or 0)),
            str(a.get("sha256", ""))[:12],
        )
        for a in state.artifacts
    ]
    lines = table([("NAME", "FILE", "SIZE", "SHA256"), *rows])
    console.data(console.styled(lines[0], "dim"))
    for line in lines[1:]:
        console.data(line)


@command.command("get")
@argument("run", required=False, shell_complete=complete_run)
@option("--name", metavar="NAME", help="Only the artifact of this name.")
@option("--output", "-o", metavar="DIR", default=".", show_default=True, help="Where to put the files.")
@option("--force", is_flag=True, help="Overwrite files that exist.")
def get(console: Console, *, run: str | None, name: str | None, output: str, force: bool) -> None:
    """Copy the artifacts of RUN into a folder; each is checked against its recorded digest."""
    from ropeway.app import artifacts, history

    folder = history.find_run(run, latest=run is None)
    copied: list[dict[str, Any]] = artifacts.get(folder, history.status(folder), Path(output), name=name, force=force)
    for each in copied:
        if console.json:
            console.object(each)
        else:
            console.data(clean(each["file"]))
