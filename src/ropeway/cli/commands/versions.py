"""`workflow versions`: the versions that something has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import kind_option
from ropeway.cli.reach import sources_for
from ropeway.cli.text import table

if TYPE_CHECKING:
    from ropeway.app.catalogue import Version
    from ropeway.bundles.kinds import Kind
    from ropeway.cli.console import Console


@verb()
@argument("reference", metavar="REF")
@option("--limit", metavar="N", type=click.IntRange(min=1), help="Show only the newest N.")
@kind_option
def command(console: Console, *, reference: str, limit: int | None, kind: Kind, **_: Any) -> None:
    """List the versions that REF has, the newest first, and what else it can be asked for by.

    REF is NAME@REGISTRY, NAME@owner/repo or oci://HOST/…; what stands behind # does not count.
    """
    from ropeway.app import catalogue

    sources = sources_for(console, kind=kind)
    found = catalogue.versions(reference, sources, Path.cwd())[:limit]
    console.progress("")
    if console.json:
        for each in found:
            console.object(each.as_json())
        return
    if not found:
        console.say(clean(f"{reference} has no versions: what is there now is all there is."))
        return
    lines = table([("VERSION", "DIGEST", "PUBLISHED", ""), *(_row(each) for each in found)])
    console.data(console.styled(lines[0], "dim"))
    for line in lines[1:]:
        console.data(line)


def _row(each: Version) -> tuple[str, ...]:
    release = each.release
    states = [
        word for word, holds in (("withdrawn", release.yanked), ("deprecated", release.deprecated), ("fetched", each.fetched)) if holds
    ]
    digest = (release.digest or "").removeprefix("git:")
    return (
        clean(release.version),
        clean(digest[:19] if ":" in digest else digest[:12]),
        clean((release.published or "")[:10]),
        ", ".join(states),
    )
