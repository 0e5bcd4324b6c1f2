"""`workflow keys`: keys to sign with, and keys of others that are trusted."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb_group

if TYPE_CHECKING:
    import click

    from ropeway.bundles.keys import PublicKey
    from ropeway.cli.console import Console


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from ropeway.app import keys
    from ropeway.errors import RopewayError

    try:
        return [key.name for key in keys.public_keys(os.environ).values() if key.name.startswith(incomplete)]
    except RopewayError:
        return []


yes_option = option("--yes", "-y", is_flag=True, help="Do not ask.")
expires_option = option("--expires", metavar="TIME", help="How long it is good for: 90d, 12w, 6m, 1y. Default: for ever.")
comment_option = option("--comment", default="", metavar="TEXT", help="What others see beside it, such as whose it is.")


@verb_group(short_help="Make keys to sign with, and say whose you trust.")
def command() -> None:
    """Make keys to sign with, and say whose you trust.

    Public keys are in keys.toml beside the settings; private ones in the system's keyring, or in a file that only you can read where there is
    none. KEY is a key's name, or the first digits of its id (16 at least).

    Which keys have to sign what is said by the rules in trust.toml.
    """


@command.command("generate")
@argument("name", required=False, default="default")
@comment_option
@expires_option
def generate(console: Console, *, name: str, comment: str, expires: str | None) -> None:
    """Make a key of your own, called NAME (default when you do not say)."""
    from ropeway.app import keys

    key, place = keys.generate(os.environ, name, comment, expires)
    _made(console, key, place, "made")


@command.command("import")
@argument("file", metavar="FILE|-")
@option("--name", default="default", metavar="NAME", help="What to call it.", show_default=True)
@comment_option
@expires_option
def import_(console: Console, *, file: str, name: str, comment: str, expires: str | None) -> None:
    """Take a private Ed25519 key of your own from a PEM file, as openssl writes it, or from standard input (-)."""
    from ropeway.app import keys

    text = keys.read_file(file, sys.stdin.buffer)
    key, place = keys.import_private(os.environ, text, name, comment, expires, _password)
    _made(console, key, place, "imported")


def _password() -> str:
    from getpass import getpass

    from ropeway.errors import Cancelled, UsageError

    if not sys.stdin.isatty():
        hint = "run it on a terminal, or take the password off: openssl pkey -in FILE -out PLAIN"
        raise UsageError("the key is encrypted, and there is no terminal to ask for its password on", hint=hint)
    try:
        return getpass("Password of the key: ")
    except EOFError as error:
        raise Cancelled("no password was given") from error


def _made(console: Console, key: PublicKey, place: str, how: str) -> None:
    from ropeway.cli.text import keeper

    if console.json:
        console.object({**_json(key), "place": place})
        return
    ends = f"; it is good until {key.expires:%Y-%m-%d}" if key.expires is not None else ""
    console.say(clean(f"{how} the key {key.name} ({key.short}), kept in {keeper(place)}{ends}"))
    console.say("hand this line to those who are to trust it (`workflow keys export` prints it again):")
    console.data(clean(key.line()))


@command.command("list")
def list_(console: Console) -> None:
    """List your keys and those that you trust, revoked and expired ones too."""
    from ropeway.app import keys
    from ropeway.cli.text import table

    found = keys.listed(os.environ)
    if console.json:
        for key, state in found:
            console.object({**_json(key), "state": state})
        return
    if not found:
        console.say("There are no keys. `workflow keys generate` makes one, `workflow keys trust` takes one of somebody else.")
        return
    rows = [("NAME", "KEY", "WHOSE", "STATE", "COMMENT")]
    rows += [(key.name, key.short, "yours" if key.own else "trusted", _state(key, state), clean(key.comment)) for key, state in found]
    head, *rest = table(rows)
    console.data(console.styled(head, "dim"))
    for line in rest:
        console.data(line)


def _state(key: PublicKey, state: str) -> str:
    if state == "revoked" and key.revoked is not None:
        return f"revoked {key.revoked:%Y-%m-%d}"
    if key.expires is not None:
        return f"{'expired' if state == 'expired' else 'until'} {key.expires:%Y-%m-%d}"
    return state


def _json(key: PublicKey) -> dict[str, Any]:
    times = {name: None if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}" for name, time in _times(key)}
    told = {"name": key.name, "keyid": key.keyid, "own": key.own, "comment": key.comment, **times}
    return {**told, "reason": key.reason or None, "key": key.line()}


def _times(key: PublicKey) -> tuple[tuple[str, Any], ...]:
    return ("created", key.created), ("expires", key.expires), ("revoked", key.revoked)


@command.command("export")
@argument("name", metavar="[KEY]", required=False, shell_complete=_complete)
@option("--pem", is_flag=True, help="As PEM, for openssl, cosign and others.")
@option("--private", is_flag=True, help="The private half, as PEM that is not encrypted. Whoever has it can sign as you.")
@option("--output", "-o", metavar="FILE", help="Write it to FILE instead of standard output; a private one gets mode 0600.")
@yes_option
def export(console: Console, *, name: str | None, pem: bool, private: bool, output: str | None, yes: bool) -> None:
    """Print the key KEY for others, on one line. Without KEY your only one.

    A private half is printed only when you say so: it asks, or wants --yes, and it never goes to a terminal.
    """
    from ropeway.app import keys

    key = keys.one(os.environ, name)
    if private:
        if output is None and not console.json and console.out_terminal:
            from ropeway.errors import Refused

            hint = f"write it to a file: workflow keys export {key.name} --private --output FILE"
            raise Refused("a private key is not shown on a terminal", hint=hint, code="private-key")
        _ask(console, f"Export the private half of {key.name} ({key.short})? Whoever has it can sign as you.", yes=yes)
    text = keys.exported(os.environ, key, private=private, pem=pem)
    if output is not None:
        keys.write_export(output, text, private=private)
    if console.json:
        kept = {"file": output} if output is not None else {"private" if private else "pem" if pem else "key": text.rstrip("\n")}
        console.object({"name": key.name, "keyid": key.keyid, **kept})
    elif output is not None:
        console.say(clean(f"wrote {'the private half of ' if private else ''}{key.name} ({key.short}) to {output}"))
    else:
        console.raw(text.encode())


@command.command("trust")
@argument("key", metavar="FILE|TEXT|-", nargs=-1, required=True)
@option("--name", metavar="NAME", help="What you call it. Default: the first word of its comment, or the digits of its id.")
def trust(console: Console, *, key: tuple[str, ...], name: str | None) -> None:
    """Trust a key of somebody else: from a FILE with its line or PEM, from that text itself, or from standard input (-).

    Compare the id with its owner by another way than the one by which the key came.
    """
    from ropeway.app import keys

    added = keys.trust(os.environ, key, name, sys.stdin.buffer)
    if console.json:
        console.object(_json(added))
        return
    if added.own:
        console.say(clean(f"{added.name} ({added.short}) is a key of your own: it is trusted already, and nothing was changed"))
        return
    ends = f", good until {added.expires:%Y-%m-%d}" if added.expires is not None else ""
    console.say(clean(f"trusting the key {added.name}{ends}{f': {added.comment}' if added.comment else ''}"))
    console.say(f"its id is {added.keyid}: compare it with its owner")
    console.say("a rule in trust.toml says what it has to sign; to take this back: workflow keys remove " + added.name)


@command.command("revoke")
@argument("name", metavar="KEY", shell_complete=_complete)
@option("--reason", default="", metavar="TEXT", help="Why, for those who meet its signatures later.")
@yes_option
def revoke(console: Console, *, name: str, reason: str, yes: bool) -> None:
    """Take the key KEY back, yours or somebody else's: what is signed with it is refused from now on.

    This holds for you. Tell those who trust it.
    """
    from ropeway.app import keys

    key = keys.one(os.environ, name)
    if key.revoked is None:
        _ask(
            console,
            f"Revoke {key.name} ({key.short})? What is signed with it is refused from now on, also what you have used before.",
            yes=yes,
        )
    done = keys.revoke(os.environ, key, reason)
    if console.json:
        console.object(_json(done))
        return
    when = f"{done.revoked:%Y-%m-%d}" if done.revoked is not None else "now"
    console.say(clean(f"the key {done.name} ({done.short}) is revoked since {when}"))
    if done.own:
        console.say("those who trust it have to revoke it too: tell them")


@command.command("remove")
@argument("name", metavar="KEY", shell_complete=_complete)
@yes_option
def remove(console: Console, *, name: str, yes: bool) -> None:
    """Forget the key KEY. Of a key of your own the private half is gone for ever; a revoked one is not refused any more."""
    from ropeway.app import keys

    key = keys.one(os.environ, name)
    lost = ""
    if key.own:
        lost = " Its private half is gone then: nobody can sign with it again."
    elif key.revoked is not None:
        lost = " It was revoked, and what is signed with it would be like any unknown key's."
    _ask(console, f"Remove {key.name} ({key.short})?{lost}", yes=yes)
    keys.remove(os.environ, key)
    if console.json:
        console.object({"name": key.name, "keyid": key.keyid, "removed": True})
        return
    console.say(clean(f"removed the key {key.name} ({key.short}){', with its private half' if key.own else ''}"))
    if key.own:
        console.say("nobody can sign with it again, unless the private half was exported before")
    else:
        console.say(clean(f"to have it back: workflow keys trust --name {key.name} '{key.line()}'"))


def _ask(console: Console, question: str, *, yes: bool) -> None:
    """Go on when the person agrees; where nobody can be asked, only when they said --yes."""
    from ropeway.errors import Cancelled, UsageError

    if yes:
        return
    if console.json or not sys.stdin.isatty() or not console.err_terminal:
        raise UsageError(
            "this is not done without asking, and there is no terminal to ask on", hint="if you mean it, say --yes", code="not-agreed"
        )
    console.say(clean(question))
    console.flush()
    try:
        agreed = input("[y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        agreed = False
    if not agreed:
        raise Cancelled("nothing was changed")
