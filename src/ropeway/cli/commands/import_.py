"""`workflow import`: make workflows of what other tools read."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb_group
from ropeway.cli.text import plural

if TYPE_CHECKING:
    from ropeway.app.importing import Imported
    from ropeway.cli.console import Console
    from ropeway.lang.dialects.justfile.syntax import Problem


@verb_group(short_help="Make a workflow of a justfile.")
def command() -> None:
    """Make workflows of what other tools read."""


@command.command("justfile")
@argument("file", required=False, metavar="[FILE]")
@option("--output", "-o", metavar="FILE", help="Where to write; `-` prints it. Default: workflow.toml beside the justfile.")
@option("--recipe", "-r", "recipes", metavar="NAME", multiple=True, help="Only this recipe and what it depends on; may be repeated.")
@option("--id", "workflow_id", metavar="ID", help="The workflow's id. Default: made from the folder's name.")
@option("--force", is_flag=True, help="Overwrite a file that exists.")
@option("--dry-run", "-n", is_flag=True, help="Show what would be written, and write nothing.")
@option("--shim", is_flag=True, help="Make the justfile that calls the workflow instead: printed, or written to --output.")
@option("--workflow", "target", metavar="FILE", default="workflow.toml", show_default=True, help="The workflow that --shim calls.")
def justfile(
    console: Console,
    *,
    file: str | None,
    output: str | None,
    recipes: tuple[str, ...],
    workflow_id: str | None,
    force: bool,
    dry_run: bool,
    shim: bool,
    target: str,
) -> int:
    """Make a workflow of a justfile. The program just is not needed.

    FILE is the justfile, or `-` for standard input; ./justfile or ./.justfile when none is given.

    Each recipe becomes a step, and what it depends on becomes its needs. With several recipes the parameter `recipe` chooses, as the
    word after `just` did. What can't be converted faithfully is named with its place, and left as a comment in the workflow.

    Exit status 0 also when something was left out; 2 when nothing could be converted.
    """
    from ropeway.app import importing

    cwd = Path.cwd()
    path = cwd / "justfile" if file == "-" else Path(cwd, file) if file else importing.find_justfile(cwd)
    shown = "<stdin>" if file == "-" else file or path.name
    raw = sys.stdin.buffer.read() if file == "-" else None
    made = importing.convert_justfile(raw, path, shown, recipes=recipes, workflow_id=workflow_id)
    text = importing.make_shim(made, target) if shim else made.conversion.text
    printed = dry_run or output == "-" or (shim and output is None)
    goal = Path(os.path.relpath(path.parent / "workflow.toml")) if output is None else Path(output)
    if made.conversion.text and not printed:
        importing.write_text(goal, text, force=force)
    _tell(console, made, text, None if printed else goal)
    return 0 if made.conversion.text else 2


def _tell(console: Console, made: Imported, text: str, goal: Path | None) -> None:
    """Show what was made, and all that was not."""
    found = made.conversion
    if console.json:
        said: dict[str, Any] = {"workflow": str(goal) if goal is not None and found.text else None, "file": made.file}
        said["converted"] = [{"recipe": one.recipe, "line": one.line, "steps": list(one.steps)} for one in found.converted]
        said["skipped"] = [_object(one) for one in found.skipped]
        said["notes"] = [_object(one) for one in found.notes]
        console.object(said | ({"text": text} if goal is None else {}))
        return
    if not found.text:
        _problems(console, made)
        console.error(f"no recipe of {clean(made.file)} could be converted, so nothing is written")
        return
    if goal is None:
        console.data(text.removesuffix("\n"))
    else:
        console.data(f"made {goal}")
    _problems(console, made)
    if goal is None:
        return
    left = len({one.recipe for one in found.skipped if one.recipe})
    console.say(f"{plural(len(found.converted), 'recipe')} converted{f', {left} left out' if left else ''}")
    where = "" if str(goal) == "workflow.toml" else f" {quote(str(goal))}"
    console.say(f"Next: `workflow run{where} --help` shows its parameters")


def _problems(console: Console, made: Imported) -> None:
    for one in made.conversion.notes:
        console.say(f"note: {_sentence(one)}")
        if not one.hint.startswith("nothing to do"):
            console.say(f"hint: {clean(one.hint)}")
    for one in made.conversion.skipped:
        console.warning(_sentence(one), clean(one.hint))


def _sentence(one: Problem) -> str:
    place = f"{one.place.file}:{one.place.line}:{one.place.column}"
    return clean(f"{place}: {f'{one.recipe}: ' if one.recipe else ''}{one.reason}")


def _object(one: Problem) -> dict[str, str | int | None]:
    at = one.place
    return {"recipe": one.recipe or None, "file": at.file, "line": at.line, "column": at.column, "reason": one.reason, "hint": one.hint}
