"""`workflow runs`: the history of runs."""

from __future__ import annotations

import click

from ropeway.cli.console import Console  # noqa: TC001 - click looks at nothing, but one import is as good as two
from ropeway.cli.group import option, verb
from ropeway.cli.since import parse_since

_STATES = ["queued", "running", "waiting", "interrupted", "succeeded", "failed", "cancelled"]


@verb()
@option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only runs in this state; may be repeated.")
@option("--workflow", metavar="ID", help="Only runs of this workflow.")
@option("--since", metavar="TIME", help="Only runs created since then: 2h, 3d, or 2026-01-31, or 2026-01-31T12:00:00Z.")
@option("--actor", metavar="NAME", help="Only runs of this person.")
@option("--limit", "-n", type=click.IntRange(min=0), default=20, show_default=True, help="At most so many; 0 for all.")
def command(console: Console, *, states: tuple[str, ...], workflow: str | None, since: str | None, actor: str | None, limit: int) -> None:
    """Show the history of runs, newest first."""
    from ropeway.app import history
    from ropeway.cli import render_status
    from ropeway.runs.events import Stamp
    from ropeway.runs.index import Filter

    start = Stamp()(parse_since(since)) if since is not None else None
    rows = history.rows(Filter(states=states, workflow=workflow, actor=actor, since=start, limit=limit))
    if console.json:
        for row in rows:
            console.object(row)
        return
    lines = list(render_status.history(rows, console))
    for line in lines:
        console.data(line)
    if not lines:
        console.say("No such runs." if states or workflow or since or actor else "There are no runs yet. `workflow run` starts one.")
