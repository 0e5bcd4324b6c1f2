"""`workflow plan`: what a run would do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_workflow, lock_option, pairs, reach_options, settable_options
from ropeway.cli.parameter_words import ParameterVerb
from ropeway.cli.reach import sources_for

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb(cls=ParameterVerb)
@argument("target", required=False, metavar="[WORKFLOW]", shell_complete=complete_workflow)
@settable_options
@option("--order", is_flag=True, help="Show the order of the steps only, without what they run.")
@reach_options
@lock_option
def command(
    console: Console,
    *,
    target: str | None,
    overrides: tuple[str, ...],
    params: tuple[str, ...],
    params_file: str | None,
    env: tuple[str, ...],
    order: bool,
    **reach: Any,
) -> None:
    """Show what a run would do: parameters, order, commands.

    WORKFLOW is a path, a workflow's id or a reference to one elsewhere; ./workflow.toml when none is given. With --json the whole plan: the document that a run
    stores and a resume goes on from.
    """
    from ropeway.app import planning, workflows

    cwd = Path.cwd()
    sources = sources_for(console, **reach)
    loaded = workflows.read(target, cwd=cwd, overrides=overrides, sources=lambda: sources)
    plan = planning.make_plan(loaded, params=pairs(params, "param"), params_file=params_file, env=pairs(env, "env"), cwd=cwd)
    if console.json:
        console.object(plan.to_json())
        return
    from ropeway.cli.render_plan import render

    for line in render(plan, console, commands=not order):
        console.data(line)
