"""`workflow lock`: write down what references mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import reach_options
from ropeway.cli.reach import sources_for
from ropeway.cli.text import plural
from ropeway.errors import UsageError

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb()
@argument("references", nargs=-1, metavar="[REF]...")
@option("--check", is_flag=True, help="Only say whether everything is locked; exit status 1 when something is not.")
@option("--prune", is_flag=True, help="Take out what no workflow of this project uses.")
@reach_options
def command(console: Console, *, references: tuple[str, ...], check: bool, prune: bool, **reach: Any) -> int:
    """Write into workflow.lock what this project's references mean now.

    Without REF everything that the project's workflows use, directly or not, is locked; what is locked already stays as it is (`workflow
    upgrade` moves it on). A REF is locked although no workflow uses it: `workflow run --locked REF` then runs that and nothing else.
    """
    from ropeway.app import upgrading

    if check and (references or prune):
        raise UsageError("--check looks at the whole project", hint="leave the other words out")
    project, sources = upgrading.project_of(Path.cwd()), sources_for(console, **reach)
    if check:
        missing = upgrading.check(project, sources)
        if console.json:
            console.object({"locked": not missing, "missing": missing})
        for each in missing if not console.json else ():
            console.data(f"not locked: {clean(each)}")
        if missing:
            return 1
        console.say("Everything is locked.")
        return 0
    gone = upgrading.prune(project, sources) if prune else []
    lock = upgrading.lock(project, references, sources)
    if console.json:
        console.object(
            {"entries": [{"reference": e.reference, "version": e.version, "digest": e.digest} for e in lock.entries], "removed": gone}
        )
        return 0
    for each in gone:
        console.say(f"removed {clean(each)}")
    console.say(f"workflow.lock holds {plural(len(lock.entries), 'reference')}.")
    return 0
