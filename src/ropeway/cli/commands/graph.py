"""`workflow graph`: draw the steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ropeway.cli.files import write_text
from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_run, complete_workflow, overrides_option, reach_options
from ropeway.cli.reach import sources_for

if TYPE_CHECKING:
    from ropeway.app.sources import Sources
    from ropeway.cli.console import Console
    from ropeway.lang.draw import Format
    from ropeway.lang.plan import Plan


@verb()
@argument("target", required=False, metavar="[WORKFLOW]", shell_complete=complete_workflow)
@overrides_option
@option(
    "--format", "-f", "form", type=click.Choice(["tree", "mermaid", "dot", "svg"]), default="tree", show_default=True, help="What to draw."
)
@option("--run", metavar="RUN", shell_complete=complete_run, help="Draw the plan of a run, with the states of its steps.")
@option("--all", "whole", is_flag=True, help="Draw every step; otherwise more than 300 are collapsed.")
@option("--output", "-o", metavar="FILE", help="Write to a file.")
@reach_options
def command(
    console: Console,
    target: str | None,
    overrides: tuple[str, ...],
    form: Format,
    run: str | None,
    output: str | None,
    *,
    whole: bool,
    **reach: Any,
) -> None:
    """Draw the steps of a workflow.

    WORKFLOW is a path, a workflow's id or a reference to one elsewhere; ./workflow.toml when none is given. Parameters need no values.
    """
    from ropeway.lang.draw import LIMIT, draw

    states: dict[str, str] | None = None
    if run is not None:
        from ropeway.app import history

        folder = history.find_run(run)
        plan = folder.plan()
        states = {address: step.state for address, step in history.status(folder).steps.items()}
    else:
        plan = _plan(target, overrides, sources_for(console, **reach))
    text = draw(plan, form, states=states, limit=None if whole else LIMIT, ascii_only=not console.unicode)
    if output is not None:
        write_text(output, text)
        console.say(f"wrote {output}")
    elif console.json:
        console.object({"format": form, "text": text})
    else:
        console.data(text.removesuffix("\n"))


def _plan(target: str | None, overrides: tuple[str, ...], sources: Sources) -> Plan:
    from ropeway.app import planning, workflows

    cwd = Path.cwd()
    return planning.make_template(workflows.read(target, cwd=cwd, overrides=overrides, sources=lambda: sources))
