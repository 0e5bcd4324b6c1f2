"""`workflow init`: start a workflow file from a template."""

from __future__ import annotations

import json
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from ropeway.cli.group import argument, option, verb
from ropeway.cli.text import table

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb()
@argument("path", default=".", type=str)
@option("--template", "-t", default="minimal", show_default=True, help="What to start from; see --list-templates.")
@option("--id", "workflow_id", metavar="ID", help="The workflow's id. Default: made from the folder's name.")
@option("--list-templates", is_flag=True, help="Show the templates and make nothing.")
def command(console: Console, *, path: str, template: str, workflow_id: str | None, list_templates: bool) -> None:
    """Start a workflow file from a template.

    PATH is the file to make, or a folder that gets a workflow.toml. Nothing that exists is overwritten. The JSON Schema that the file
    names for editors is put beside it, into .ropeway/.
    """
    from ropeway.app import scaffold

    if list_templates:
        known = scaffold.templates()
        if console.json:
            for each in known:
                console.object({"name": each.name, "description": each.description})
        else:
            for line in table((each.name, each.description) for each in known):
                console.data(line)
        return
    made = scaffold.initialise(Path(path), template=template, workflow_id=workflow_id, schema=_schema)
    if console.json:
        console.object({"id": made.id, "path": str(made.workflow), "schema": str(made.schema) if made.schema else None})
        return
    console.data(f"made {made.workflow}")
    if made.schema:
        console.data(f"made {made.schema}")
    where = "" if made.workflow.name == "workflow.toml" and made.workflow.parent == Path() else f" {quote(str(made.workflow))}"
    console.say(f"Next: `workflow run{where}`")


def _schema() -> str:
    from ropeway.lang.schema import json_schema

    return json.dumps(json_schema(), indent=2) + "\n"
