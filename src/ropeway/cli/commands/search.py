"""`workflow search`: find workflows in registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_registry, kind_option
from ropeway.cli.reach import sources_for
from ropeway.cli.text import fit, table

if TYPE_CHECKING:
    from ropeway.bundles.kinds import Kind
    from ropeway.cli.console import Console
    from ropeway.registry import Listing

_LONGEST = 200  # columns of a description: anybody may publish any


@verb()
@argument("query", nargs=-1, metavar="[WORD]...")
@option("--registry", "-r", metavar="NAME", shell_complete=complete_registry, help="Search only this registry.")
@option("--tag", metavar="TAG", help="Show only what has this tag.")
@option("--limit", metavar="N", type=click.IntRange(min=1), default=50, show_default=True, help="Show at most so many.")
@kind_option
def command(console: Console, *, query: tuple[str, ...], registry: str | None, tag: str | None, limit: int, kind: Kind) -> None:
    """Find workflows whose name, title, description or tags contain every WORD; without one, list them all.

    All your registries are searched at once. One that does not answer, or does not list what it has, is a warning.
    """
    from ropeway.app import catalogue

    sources = sources_for(console, kind=kind)
    found = catalogue.search(" ".join(query), sources, registry=registry, tag=tag, limit=limit)
    console.progress("")
    for failed in found.failed:
        console.warning(f"{failed.registry} was not searched: {failed.error.message}", failed.error.hint)
    if console.json:
        for each in found.listings:
            console.object(_as_json(each))
        return
    if not found.listings:
        console.say("Nothing was found." if query or tag else "There is nothing.")
        return
    rows = [("NAME", "VERSION", "WHAT IT DOES"), *(_row(each) for each in found.listings)]
    width = console.width if console.out_terminal else 10_000
    for number, line in enumerate(table(rows)):
        console.data(console.styled(line, "dim") if number == 0 else fit(line, width))
    if found.more:
        console.say(f"There are more than these {limit}: name more words, or --limit.")


def _row(each: Listing) -> tuple[str, ...]:
    said = each.description or each.title or ""
    tags = f" [{', '.join(each.tags)}]" if each.tags else ""
    return clean(f"{each.name}@{each.registry}"), clean(each.version or ""), fit(clean(" ".join(said.split())), _LONGEST) + clean(tags)


def _as_json(each: Listing) -> dict[str, object]:
    return {
        **each.extra,
        "name": each.name,
        "registry": each.registry,
        "reference": f"{each.name}@{each.registry}",
        "version": each.version,
        "title": each.title,
        "description": each.description,
        "tags": list(each.tags),
    }
