"""`workflow registry`: the registries that have a name here."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean
from ropeway.cli.folders import bootstrap
from ropeway.cli.group import argument, option, verb_group
from ropeway.cli.options import complete_registry
from ropeway.cli.text import keeper, plural, table
from ropeway.errors import Cancelled, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.cli.console import Console


@verb_group(short_help="Name registries of workflows, and log in to them.")
def command() -> None:
    """Name registries of workflows, and log in to them.

    A workflow in one is NAME@REGISTRY, in the default one NAME@. A repository on GitHub needs no registry: NAME@owner/repo.
    """


@command.command("add")
@argument("name")
@argument("source")
@option("--type", "type", metavar="TYPE", help="git (or github), path, oci or ropeway. Default: what SOURCE looks like.")
@option("--ca", metavar="FILE", help="Trust the certificates in FILE (PEM) for this registry, besides those of the system.")
@option("--pin", "pins", multiple=True, metavar="sha256:…", help="Talk only to a server with this certificate or key; may be repeated.")
@option("--update", metavar="WHEN", help="Look for newer versions: never, notify (the default) or auto. See `workflow registry update -h`.")
@option("--default", is_flag=True, help="Make it the registry that NAME@ means.")
@option("--force", is_flag=True, help="Put it in the place of a registry of the same name.")
@option("--dry-run", "-n", is_flag=True, help="Show what would be added, and change nothing.")
def add(console: Console, *, name: str, source: str, **options: Any) -> None:
    """Call the registry at SOURCE by NAME.

    SOURCE is owner/repo or any URL that git takes, a folder with an index.yaml, oci://HOST/PREFIX, or https://HOST of a server of ours.
    """
    from ropeway.app import adding_registries

    told = adding_registries.Options(**options)
    added = adding_registries.add(name, source, told, os.environ, Path.cwd())
    if console.json:
        shown = {"name": name, "type": added.registry.type, "source": added.registry.source, "default": added.default}
        console.object({**shown, "added": not told.dry_run})
        return
    what = f"{name}: {added.registry.type}, {added.registry.source}{', the default' if added.default else ''}"
    console.say(clean(f"{'would add' if told.dry_run else 'added'} {what}"))
    if not told.dry_run:
        console.say(clean(f"its workflows are NAME@{name}; `workflow registry list {name}` shows them"))


@command.command("remove")
@argument("name", shell_complete=complete_registry)
def remove(console: Console, *, name: str) -> None:
    """Forget the registry NAME. What was fetched from it stays."""
    from ropeway.app import registries

    registry, default = registries.remove(name, os.environ)
    if console.json:
        console.object({"name": name, "removed": True, "default": default})
        return
    words = ["workflow registry add", name, registry.written, "--type", registry.type]
    words += [word for word in ("--ca", str(registry.ca)) if registry.ca is not None]
    words += [word for pin in registry.pin for word in ("--pin", pin)]
    words += [word for word in ("--update", registry.update) if registry.update != "notify"]
    console.say(clean(f"removed {name}{', which was the default one' if default else ''}"))
    console.say(clean(f"to have it back: {' '.join([*words, *(['--default'] if default else [])])}"))


@command.command("list")
@argument("name", required=False, shell_complete=complete_registry)
def list_(console: Console, *, name: str | None) -> None:
    """List the registries, or the workflows in the registry NAME."""
    if name is not None:
        _list_workflows(console, name)
        return
    from ropeway.app import registries

    found = registries.listed(os.environ)
    if console.json:
        for each in found:
            console.object(each)
        return
    if not found:
        console.say(
            "There are no registries. `workflow registry add NAME SOURCE` adds one; a repository on GitHub needs none: NAME@owner/repo."
        )
        return
    rows = [(each["name"], each["type"], "default" if each["default"] else "", each["source"]) for each in found]
    _table(console, ("NAME", "TYPE", "", "SOURCE"), rows)


def _list_workflows(console: Console, name: str) -> None:
    from ropeway.app import registries
    from ropeway.cli.reach import sources_for

    rows = []
    for each in registries.workflows(name, sources_for(console)):
        if console.json:
            shown = {
                "name": each.name,
                "registry": name,
                "reference": f"{each.name}@{name}",
                "version": each.version,
                "title": each.title,
                "description": each.description,
            }
            console.object({**shown, "tags": list(each.tags), **each.extra})
        rows.append((f"{each.name}@{name}", each.version or "", each.description or each.title or ""))
    console.progress("")
    if rows and not console.json:
        _table(console, ("WORKFLOW", "VERSION", "WHAT IT DOES"), rows)
    elif not rows and not console.json:
        console.say(f"There are no workflows in {name}.")


def _table(console: Console, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    lines = table([head, *(tuple(clean(cell) for cell in row) for row in rows)])
    console.data(console.styled(lines[0], "dim"))
    for line in lines[1:]:
        console.data(line)


@command.command("set-default")
@argument("name", shell_complete=complete_registry)
def set_default(console: Console, *, name: str) -> None:
    """Make NAME the registry that WORKFLOW@ means."""
    from ropeway.app import registries

    registries.set_default(name, os.environ)
    if console.json:
        console.object({"name": name, "default": True})
    else:
        console.say(f"the default registry is {name}")


@command.command("show")
@argument("name", shell_complete=complete_registry)
def show(console: Console, *, name: str) -> int:
    """Show all about the registry NAME, and whether it answers.

    Exit status: 3 when it does not answer.
    """
    from ropeway.app import registries
    from ropeway.cli.reach import sources_for

    found = registries.look(name, sources_for(console))
    console.progress("")
    if console.json:
        console.object(found)
        return 0 if found["reachable"] else 3
    rows = [("name", f"{name}{' (the default)' if found['default'] else ''}"), ("type", found["type"]), ("source", found["source"])]
    rows += [("ca", found["ca"])] if found["ca"] else []
    rows += [("pin", pin) for pin in found["pin"]]
    rows += [("update", found["update"]), ("reachable", "yes" if found["reachable"] else f"no: {found['problem']}")]
    if found["type"] in {"oci", "ropeway"}:
        rows.append(("logged in", f"as {found['login']}" if found["login"] else "no"))
    rows.append(("cached", plural(found["cached"], "version")))
    for line in table((label, clean(text)) for label, text in rows):
        console.data(line)
    return 0 if found["reachable"] else 3


@command.command("update")
@argument("name", required=False, shell_complete=complete_registry)
def update(console: Console, *, name: str | None) -> int:
    """Look for what is newer than what was fetched: newer versions, and branches that have moved.

    Without NAME in every registry whose `update` is not `never`. Where it is `notify`, what is newer is told; where it is `auto`, it is
    fetched as well. What is locked stays as it is: `workflow upgrade` moves it on.

    Exit status: 3 when something could not be asked or fetched.
    """
    from ropeway.app import registry_news
    from ropeway.cli.reach import sources_for

    failed, count = False, 0
    for each in registry_news.update(name, sources_for(console)):
        console.progress("")
        failed, count = failed or each.error is not None, count + 1
        if console.json:
            console.object(each.as_json())
        elif each.error is not None:
            console.warning(each.line(), each.error.hint)
        else:
            console.data(clean(each.line() + (" (fetched)" if each.fetched else "")))
    if not count and not console.json:
        console.say("Nothing is newer than what was fetched.")
    return 3 if failed else 0


@command.command("login")
@argument("place", metavar="NAME|HOST", shell_complete=complete_registry)
@option("--username", "-u", metavar="USER", help="Who logs in. Without one, what is given is a token.")
@option("--password-stdin", is_flag=True, help="Read the password or token from standard input.")
def login(console: Console, *, place: str, username: str | None, password_stdin: bool) -> None:
    """Log in to the registry NAME, or to the one at HOST.

    The password or token is tried out, then kept in the system's keyring, or in a file that only you can read. It is never an argument:
    those are seen by every process.
    """
    from ropeway.app import registries

    host, _ = registries.place_of(place, os.environ)  # what can not be is said before anything is asked
    username, secret = _asked(console, host, username, stdin=password_stdin)
    host, kept = registries.login(place, username, secret, os.environ)
    if console.json:
        console.object({"host": host, "username": username or None, "place": kept})
    else:
        console.say(clean(f"logged in to {host}{f' as {username}' if username else ''}; kept in {keeper(kept)}"))


def _asked(console: Console, host: str, username: str | None, *, stdin: bool) -> tuple[str, str]:
    if stdin:
        secret = sys.stdin.read().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for the password on", hint="give it to standard input, with --password-stdin")
    else:
        from getpass import getpass

        console.flush()
        try:
            username = input(f"User at {host} (empty for a token): ").strip() if username is None else username
            secret = getpass("Password or token: ")
        except EOFError as error:
            raise Cancelled("no password was given") from error
    if not secret:
        raise UsageError("the password is empty", hint=f"`workflow registry logout {host}` forgets a login")
    return username or "", secret


@command.command("logout")
@argument("place", metavar="NAME|HOST", shell_complete=complete_registry)
def logout(console: Console, *, place: str) -> None:
    """Forget the login of the registry NAME, or of the one at HOST."""
    from ropeway.app import registries

    host = registries.logout(place, os.environ)
    if console.json:
        console.object({"host": host, "removed": True})
    else:
        console.say(clean(f"logged out of {host}"))


command.add_command(bootstrap)
