"""`workflow secret`: keep secrets for workflows."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ropeway.cli.group import argument, option, verb_group
from ropeway.errors import Cancelled, UsageError

if TYPE_CHECKING:
    import click

    from ropeway.cli.console import Console


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from ropeway.runs.secrets import open_store

    return [name for name in open_store(os.environ).names() if name.startswith(incomplete)]


@verb_group(short_help="Keep secrets for workflows.")
def command() -> None:
    """Keep secrets for workflows, in the system's keyring, or in a file that only you can read where there is none.

    A workflow reads one as a parameter of type secret, or as secrets.NAME when policy.sandbox.secrets lists it.
    """


@command.command("set")
@argument("name", shell_complete=_complete)
@option("--stdin", is_flag=True, help="Read the value from standard input even when it is a terminal.")
def set_(console: Console, *, name: str, stdin: bool) -> None:
    """Keep a value under NAME.

    It is asked for without echo, or read from standard input. It is never an argument: those are seen by every process.
    """
    from ropeway.runs.secrets import open_store

    if "=" in name:  # what follows may be the secret: it is not repeated
        name = name.partition("=")[0]
        hint = f"`workflow secret set {name}` asks for it, or reads it from standard input"
        raise UsageError("a secret's value is no argument: every process could see it", hint=hint)
    value = _read_value(console, name, stdin=stdin)
    place = open_store(os.environ).set(name, value)
    if console.json:
        console.object({"name": name, "place": str(place)})
    else:
        console.say(f"kept {name} in the {place}")


def _read_value(console: Console, name: str, *, stdin: bool) -> str:
    if stdin or not sys.stdin.isatty():
        value = sys.stdin.read().removesuffix("\n")
    else:
        from getpass import getpass

        console.flush()
        try:
            value = getpass(f"Value of {name}: ")
        except EOFError as error:
            raise Cancelled("no value was given") from error
    if not value:
        raise UsageError(f"the value of {name} is empty", hint=f"`workflow secret remove {name}` removes it")
    return value


@command.command("list")
def list_(console: Console) -> None:
    """List the names of the secrets that are kept; never their values."""
    from ropeway.runs.secrets import open_store

    names = open_store(os.environ).names()
    for name in names:
        if console.json:
            console.object({"name": name})
        else:
            console.data(name)
    if not names and not console.json:
        console.say("No secrets are kept. `workflow secret set NAME` keeps one.")


@command.command("remove")
@argument("name", shell_complete=_complete)
def remove(console: Console, *, name: str) -> None:
    """Forget the secret NAME."""
    from ropeway.runs.secrets import open_store

    open_store(os.environ).remove(name)
    if console.json:
        console.object({"name": name, "removed": True})
    else:
        console.say(f"removed {name}")
