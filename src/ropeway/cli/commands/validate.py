"""`workflow validate`: check files and show every problem."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_workflow, overrides_option, reach_options
from ropeway.cli.reach import sources_for
from ropeway.cli.text import plural

if TYPE_CHECKING:
    from ropeway.cli.console import Console
    from ropeway.lang.diagnostics import Diagnostic


@verb()
@argument("files", nargs=-1, metavar="[FILE]...", shell_complete=complete_workflow)
@overrides_option
@option("--strict", is_flag=True, help="Let warnings fail as well.")
@reach_options
def command(console: Console, *, files: tuple[str, ...], overrides: tuple[str, ...], strict: bool, **reach: Any) -> int:
    """Check workflow files and show every problem.

    FILE is a path, a workflow's id, a reference to one elsewhere, or `-` for standard input; ./workflow.toml when none is given. Exit status 2 means that a file can
    not be run.
    """
    from ropeway.app import workflows

    cwd = Path.cwd()
    targets: tuple[str | None, ...] = files or (None,)
    found: list[Diagnostic] = []
    names: list[str] = []
    blamed: list[bool] = []
    sources = sources_for(console, **reach)
    for target in targets:
        loaded = workflows.load(target, cwd=cwd, overrides=overrides, sources=lambda: sources)
        names.append(loaded.name)
        found.extend(loaded.diagnostics)
        if overrides and any(d.severity == "error" for d in loaded.diagnostics):
            blamed.append(workflows.blames_overrides(loaded))
    bad = {"error", "warning"} if strict else {"error"}
    valid = not any(d.severity in bad for d in found)
    if console.json:
        console.object({"valid": valid, "diagnostics": [d.as_json() for d in found]})
    else:
        _show(console, found, names, valid=valid, blamed=bool(blamed) and all(blamed))
    return 0 if valid else 2


def _show(console: Console, found: list[Diagnostic], names: list[str], *, valid: bool, blamed: bool) -> None:
    from ropeway.cli.console import clean
    from ropeway.cli.render_diagnostics import render, tally

    for line in render(found, console):
        console.data(line)
    what = clean(names[0]) if len(names) == 1 else plural(len(names), "file")
    if valid:
        console.say(f"{what}: valid{f' ({tally(found)})' if found else ''}")
        return
    itself = "it is" if len(names) == 1 else "they are"
    console.say(f"{what}: {tally(found)}{f', made by --override; {itself} valid without' if blamed else ''}")
    first = next(d.code for d in found if d.severity in {"error", "warning"})
    console.say(f"`workflow explain {first}` tells more, with an example")
