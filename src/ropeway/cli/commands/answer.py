"""`workflow answer`: answer a step that waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_run_step, pairs

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb()
@argument("place", metavar="RUN[:STEP]", shell_complete=complete_run_step)
@argument("value", required=False)
@option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="Fill in a field of a form; may be repeated.")
@option("--no-resume", is_flag=True, help="Only keep the answer; do not carry the run on.")
def command(console: Console, *, place: str, value: str | None, fields: tuple[str, ...], no_resume: bool) -> int:
    """Answer a step that waits for a person, and carry the run on.

    VALUE is yes or no for an approval, one of the choices for a choice; a form takes --field. RUN may be left out (`:STEP`) to mean the
    latest run, STEP when only one step waits.
    """
    from ropeway.app import history, reaching

    name, _, step = place.partition(":")
    folder = history.find_run(name or None, latest=not name)
    taken = reaching.answer(folder, step or None, value, pairs(fields, "field"))
    if not taken and not no_resume:
        from ropeway.cli.watching import carry_out

        return carry_out(console, folder, None)
    if console.json:
        console.object({"run": folder.id, "step": step or None, "answered": True})
    else:
        console.say(f"answered {step or 'the gate'} of run {folder.id}")
        if not taken:
            console.say(f"`workflow resume {folder.id}` carries it on")
    return 0
