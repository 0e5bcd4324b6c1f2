"""`workflow workspace`: run commands in working copies of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean
from ropeway.cli.group import Verb, argument, option, verb_group

if TYPE_CHECKING:
    import click

    from ropeway.cli.console import Console
    from ropeway.workspaces import Tell


class RunVerb(Verb):
    """Takes what follows ``--`` as a command and its arguments, whatever they look like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words before ``--``; those behind it are the parameter ``words``."""
        at = args.index("--") if "--" in args else len(args)
        rest = super().parse_args(ctx, args[:at])
        ctx.params["words"] = tuple(args[at + 1 :])
        return rest


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from ropeway.app import workspaces

    return [name for name in workspaces.ids(os.getcwd(), os.environ) if name.startswith(incomplete)]  # noqa: PTH109 - a path as a string


def _here() -> str:
    return os.getcwd()  # noqa: PTH109 - a path as a string


def _teller(console: Console) -> Tell:
    """Return what tells a person what happens to a workspace; a program only sees what the command prints."""
    from ropeway.cli.render_workspaces import event

    def tell(happened: str, data: dict[str, Any]) -> None:
        if happened == "workspace.problem":
            console.warning(data["message"], data["hint"])
        elif not console.json and (line := event(happened, data)):
            console.say(line)
            console.flush()

    return tell


@verb_group(short_help="Run commands in working copies of their own.")
def command() -> None:
    """Run commands in working copies of their own: workspaces, outside of the repository.

    A workspace is named by an id: letters, digits, dots, underscores and hyphens. Its commands see AGENT_WORKSPACE_ID,
    AGENT_WORKSPACE_PATH, AGENT_WORKSPACE_METADATA, AGENT_WORKSPACE_REPO_ROOT, AGENT_TOOL_COPY_ROOT, AGENT_TOOLS_VERSION and
    AGENT_TOOLS_SOURCE.
    """


@command.command("run", cls=RunVerb)
@argument("name", metavar="ID [-- COMMAND...]", shell_complete=_complete)
@option("--workflow", metavar="NAME", help="Note this name in the workspace, for `list`.")
@option(
    "--base", "--base-change", "base", metavar="CHANGE", help="Start from this commit, branch or change. Default: what you see here (@)."
)
@option("--cleanup", is_flag=True, help="Remove the workspace when the command succeeded.")
@option("--no-direnv", "direnv", is_flag=True, flag_value=False, default=True, help="Leave the .envrc alone.")
@option("--backend", metavar="NAME", help="How the workspace is made: auto, jj, git, plain or overlay.")
def run(
    console: Console,
    *,
    name: str,
    words: tuple[str, ...],
    workflow: str | None,
    base: str | None,
    cleanup: bool,
    direnv: bool,
    backend: str | None,
) -> int:
    """Run COMMAND in the workspace ID, which is made when it is not there.

    Where the workspace has an .envrc, direnv loads it.

    Exit status: that of COMMAND; 128 + n when signal n ended it.
    """
    from ropeway.app import workspaces

    wanted = workspaces.Wanted(words, workflow, base, backend, direnv, cleanup)
    return workspaces.run(name, wanted, _here(), os.environ, _teller(console))


@command.command("list")
def list_(console: Console) -> None:
    """List the workspaces of this repository."""
    _show_all(console)


@command.command("status")
@argument("name", metavar="[ID]", required=False, shell_complete=_complete)
def status(console: Console, *, name: str | None) -> None:
    """Show what is noted in the workspace ID, or list all."""
    if name is None:
        _show_all(console)
    else:
        _show(console, name)


@command.command("show")
@argument("name", metavar="ID", shell_complete=_complete)
def show(console: Console, *, name: str) -> None:
    """Show what is noted in the workspace ID."""
    _show(console, name)


def _show_all(console: Console) -> None:
    from ropeway.app import workspaces
    from ropeway.cli.render_workspaces import several

    found = workspaces.listed(_here(), os.environ)
    if console.json:
        for data in found:
            console.object(data)
        return
    if not found:
        console.say("There are no workspaces here. `workflow workspace run ID -- COMMAND` makes one.")
        return
    for line in several(found, console):
        console.data(line)


def _show(console: Console, name: str) -> None:
    from ropeway.app import workspaces
    from ropeway.cli.render_workspaces import one

    data = workspaces.about(name, _here(), os.environ)
    if console.json:
        console.object(data)
        return
    for line in one(data, console):
        console.data(line)


@command.command("shell")
@argument("name", metavar="ID", shell_complete=_complete)
@option("--no-direnv", "direnv", is_flag=True, flag_value=False, default=True, help="Leave the .envrc alone.")
def shell(console: Console, *, name: str, direnv: bool) -> int:
    """Open your $SHELL in the workspace ID, also while a command runs in it.

    Exit status: that of the shell.
    """
    from ropeway.app import workspaces

    return workspaces.shell(name, _here(), os.environ, _teller(console), direnv=direnv)


@command.command("sync-tools")
@argument("name", metavar="ID", shell_complete=_complete)
def sync_tools(console: Console, *, name: str) -> None:
    """Bring the tools in the workspace ID up to date.

    They are agents.just, rules and scripts, those that there are, from $AGENT_TOOLS_SOURCE or the root of the repository.
    """
    from ropeway.app import workspaces

    done = workspaces.sync_tools(name, _here(), os.environ)
    if console.json:
        console.object(
            {"workspace_id": name, "version": done.version, "source": done.source, "names": done.names, "left_out": done.left_out}
        )
        return
    for why in done.left_out:
        console.warning(f"{why}; it is left out")
    console.say(clean(f"workspace {name}: {', '.join(done.names) or 'no tools'} from {done.source}, version {done.version[:12]}"))


@command.command("clean")
@argument("name", metavar="ID", shell_complete=_complete)
@option("--force", is_flag=True, help="Remove it even if it holds work that is saved nowhere else.")
def clean_(console: Console, *, name: str, force: bool) -> None:
    """Remove the workspace ID."""
    from ropeway.app import workspaces
    from ropeway.cli.render_workspaces import event

    path = workspaces.clean(name, _here(), os.environ, force=force)
    if console.json:
        console.object({"workspace_id": name, "workspace_path": path, "removed": True})
    else:
        console.say(event("workspace.cleaned", {"id": name}))
