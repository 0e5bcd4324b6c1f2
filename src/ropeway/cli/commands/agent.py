"""`workflow agent`: agent cards in OCI registries."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb_group
from ropeway.errors import UsageError

if TYPE_CHECKING:
    from ropeway.app.bulk import Report
    from ropeway.cli.console import Console
    from ropeway.cli.render_bulk import Deed

_tag_option = option("--tag", metavar="TAG", default="v1", show_default=True, help="With --all: the tag of every card.")


@verb_group(short_help="Push, pull and verify agent cards in a registry.")
def command() -> None:
    """Push, pull and verify agent cards: JSON files in an OCI registry, kept byte for byte.

    REF is HOST[:PORT]/REPOSITORY:TAG, such as localhost:5000/agents/plan:v1; instead of the tag, or behind it, a digest may stand:
    @sha256:… . Plain HTTP is spoken to this machine only.
    """


@command.command("push")
@argument("first", metavar="REF|DIR")
@argument("second", metavar="FILE|REGISTRY")
@option("--all", "every", is_flag=True, help="Push every X_agent_card.json of DIR to agents/X in REGISTRY.")
@_tag_option
def push(console: Console, *, first: str, second: str, every: bool, tag: str) -> int:
    """Push the card FILE to REF, or with --all every card of DIR to REGISTRY.

    A file is pushed as it is, when it is a card: JSON with name, version, skills, and supportedInterfaces (A2A 1.0) or url.

    Exit status: 1 when some cards of DIR could not be pushed.
    """
    from ropeway.app import agent_cards, bulk
    from ropeway.cli.render_bulk import ok_mark, teller

    if every:
        return _ended(console, bulk.push_cards(Path(first), second, os.environ, teller(console, "push"), tag=tag), "push", first)
    done = agent_cards.push(first, Path(second), os.environ)
    if console.json:
        console.object({"reference": done.reference, "digest": done.digest, "file": str(done.file), "lacks": done.lacks})
        return 0
    if done.lacks:
        console.warning(f"{second} lacks {', '.join(done.lacks)}, which A2A 1.0 asks for")
    console.data(f"{ok_mark(console)} Pushed {clean(done.reference)}")
    console.data(f"Digest: {done.digest}")
    return 0


@command.command("pull")
@argument("first", metavar="REF|DIR")
@argument("second", metavar="[REGISTRY]", required=False)
@option("--output", "-o", metavar="DIR", default=".", show_default=True, help="Where to put the file; made when it is not there.")
@option("--force", is_flag=True, help="Overwrite a file that is there and differs.")
@option("--all", "every", is_flag=True, help="Pull every card that REGISTRY lists under agents/ into DIR.")
@_tag_option
def pull(console: Console, *, first: str, second: str | None, output: str, force: bool, every: bool, tag: str) -> int:
    """Pull the card REF, or with --all every card of REGISTRY into DIR.

    The file has the base name that it was pushed with, and the bytes that its digest says.

    Exit status: 1 when some cards of REGISTRY could not be pulled.
    """
    from ropeway.app import agent_cards, bulk
    from ropeway.cli.render_bulk import ok_mark, teller

    if every:
        if second is None:
            raise UsageError("--all needs a folder and a registry", hint="workflow agent pull --all DIR localhost:5000")
        report = bulk.pull_cards(Path(first), second, os.environ, teller(console, "pull"), tag=tag, force=force)
        return _ended(console, report, "pull", first)
    if second is not None:
        raise UsageError(f"{second!r} is one word too many", hint="the folder is given with -o; DIR and REGISTRY go with --all")
    done = agent_cards.pull(first, Path(output), os.environ, force=force)
    if console.json:
        console.object({"reference": done.reference, "digest": done.digest, "file": str(done.file), "doubt": done.doubt})
        return 0
    if done.doubt is not None:
        console.warning(done.doubt)
    console.data(f"{ok_mark(console)} Pulled {clean(done.reference)}")
    console.data(f"File: {clean(str(done.file))}")
    console.data(f"Digest: {done.digest}")
    return 0


@command.command("list")
@argument("registry", required=False)
@option("--all", "every", is_flag=True, help="List every repository, not only those below agents/.")
def list_(console: Console, *, registry: str | None, every: bool) -> None:
    """List the agents in REGISTRY. Default: the setting oci_registry, localhost:5000."""
    from ropeway.app import agent_cards

    found = agent_cards.repositories(registry, os.environ, every=every)
    _lines(console, found, "repository")
    if not found and not console.json:
        console.say("There are none." if every else "There are no agents. --all lists every repository.")


@command.command("tags")
@argument("repository", metavar="REPOSITORY")
def tags(console: Console, *, repository: str) -> None:
    """List the tags of REPOSITORY, such as localhost:5000/agents/plan."""
    from ropeway.app import agent_cards

    _lines(console, agent_cards.tags(repository, os.environ), "tag")


def _lines(console: Console, found: list[str], key: str) -> None:
    for each in found:
        if console.json:
            console.object({key: each})
        else:
            console.data(clean(each))


@command.command("manifest")
@argument("ref")
@option("--pretty", is_flag=True, help="Indent it, as a terminal gets it; else its exact bytes are printed.")
def manifest(console: Console, *, ref: str, pretty: bool) -> None:
    """Print the manifest of REF, whose digest is what `resolve` prints."""
    import json

    from ropeway.app import agent_cards

    raw, digest = agent_cards.manifest(ref, os.environ)
    if console.json:
        console.object({"reference": ref, "digest": digest, "manifest": json.loads(raw)})
    elif pretty or console.out_terminal:
        console.data(clean(json.dumps(json.loads(raw), indent=2, ensure_ascii=False), lines=True))
    else:
        console.raw(raw)


@command.command("resolve")
@argument("ref")
def resolve(console: Console, *, ref: str) -> None:
    """Print the digest that REF means now."""
    from ropeway.app import agent_cards

    digest = agent_cards.resolve(ref, os.environ)
    if console.json:
        console.object({"reference": ref, "digest": digest})
    else:
        console.data(digest)


@command.command("copy")
@argument("source")
@argument("target")
def copy(console: Console, *, source: str, target: str) -> None:
    """Copy SOURCE to TARGET: another tag, another repository, another registry. Its digest stays the same."""
    from ropeway.app import agent_cards
    from ropeway.cli.render_bulk import ok_mark

    digest = agent_cards.copy(source, target, os.environ)
    if console.json:
        console.object({"source": source, "target": target, "digest": digest})
        return
    console.data(f"{ok_mark(console)} Copied {clean(source)} to {clean(target)}")
    console.data(f"Digest: {digest}")


@command.command("verify")
@argument("first", metavar="REF|DIR")
@argument("second", metavar="FILE|REGISTRY")
@option("--all", "every", is_flag=True, help="Verify every X_agent_card.json of DIR against agents/X in REGISTRY.")
@_tag_option
def verify(console: Console, *, first: str, second: str, every: bool, tag: str) -> int:
    """Compare the card REF with FILE, byte for byte, or with --all every card of DIR with REGISTRY.

    Of a card that differs it is said whether only its formatting does.

    Exit status: 1 when a card differs, or (with --all) is not there.
    """
    from ropeway.app import agent_cards, bulk
    from ropeway.cli.render_bulk import card_line, teller

    if every:
        return _ended(console, bulk.verify_cards(Path(first), second, os.environ, teller(console, "verify"), tag=tag), "verify", first)
    found = agent_cards.verify(first, Path(second), os.environ)
    problem = bulk.mismatch(found)
    if console.json:
        formatting = found.difference is not None and found.difference.formatting_only
        console.object(
            {
                "reference": found.reference,
                "digest": found.digest,
                "file": str(found.file),
                "ok": problem is None,
                "formatting_only": formatting,
                "problem": problem,
            }
        )
    else:
        console.data(card_line(console, found.agent, problem))
    return 0 if problem is None else 1


def _ended(console: Console, report: Report, deed: Deed, folder: str) -> int:
    from ropeway.cli.render_bulk import ending

    none = f"{report.place} lists no agents" if deed == "pull" else f"there are no agent cards in {folder}: X_agent_card.json"
    return ending(console, report, deed, "agent card", none)
