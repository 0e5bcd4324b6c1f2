"""`workflow list`: the workflows of the project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.cli.console import clean
from ropeway.cli.group import verb
from ropeway.cli.text import table

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb()
def command(console: Console) -> None:
    """List this project's workflows.

    A project is the nearest folder upward with a workflow.toml or a folder `workflows`.
    """
    from ropeway.app import workflows

    found = workflows.list_workflows(Path.cwd())
    if console.json:
        for each in found:
            console.object(each.as_json())
        return
    rows = [
        (
            clean(each.id or "?") + ("" if each.unique else " (not unique)"),
            clean(each.version or "-"),
            os.path.relpath(each.path),
            clean(each.description or each.name or ""),
        )
        for each in found
    ]
    if not rows:
        console.say("This project has no workflows yet. `workflow init` starts one.")
        return
    lines = table([("ID", "VERSION", "FILE", "DESCRIPTION"), *rows])
    console.data(console.styled(lines[0], "dim"))
    for line in lines[1:]:
        console.data(line)
