"""`workflow answer`: answer a step that waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_run_step, pairs
from ropeway.errors import UsageError

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb()
@argument("place", metavar="RUN:STEP", shell_complete=complete_run_step)
@argument("value", required=False)
@option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="Fill in a field of a form; may be repeated.")
@option("--no-resume", is_flag=True, help="Only keep the answer; do not carry the run on.")
def command(console: Console, *, place: str, value: str | None, fields: tuple[str, ...], no_resume: bool) -> int:
    """Answer a step that waits for a person, and carry the run on.

    VALUE is yes or no for an approval, one of the choices for a choice; a form takes --field. RUN may be left out (`:STEP`) to mean the
    latest run.
    """
    from ropeway.app import runs

    name, colon, step = place.partition(":")
    if not colon or not step:
        raise UsageError(f"{place!r} names no step", hint="write RUN:STEP, as `workflow status RUN` shows them")
    folder = runs.find_run(name or None, latest=not name)
    runs.answer(folder, step, value, pairs(fields, "field"))
    if no_resume or folder.owned:  # a runner that is there takes the answer by itself
        if console.json:
            console.object({"run": folder.id, "step": step, "answered": True})
        else:
            console.say(f"answered {step} of run {folder.id}")
        return 0
    from ropeway.cli.watching import asker_for, interactive, view_for

    view = view_for(console, sequential=folder.plan().template.policy.max_parallel == 1)
    console.flush()
    options = runs.RunOptions(interactive=interactive(console))
    return runs.resume(folder, options=options, observer=view, asker=asker_for(console, view))
