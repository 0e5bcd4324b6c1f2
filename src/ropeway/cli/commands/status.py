"""`workflow status`: the active runs, or one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.cli.group import argument, verb
from ropeway.cli.options import complete_run

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb()
@argument("run", required=False, shell_complete=complete_run)
def command(console: Console, *, run: str | None) -> None:
    """Show the active runs, or one run with its steps.

    RUN is an id or the beginning of one.
    """
    from ropeway.app import history
    from ropeway.cli import render_status

    if run is not None:
        folder = history.find_run(run)
        state = history.status(folder)
        if console.json:
            console.object(state.as_json())
            return
        for line in render_status.one(state, console):
            console.data(line)
        return
    states = history.active()
    if console.json:
        for state in states:
            console.object(state.as_json())
        return
    if not states:
        console.say("No run is active. `workflow runs` shows those that ended.")
        return
    for line in render_status.several(states, console):
        console.data(line)
    for line in render_status.to_type(states):
        console.say(line)
