"""`workflow bundle`: look into bundles, check them, take them apart."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb_group
from ropeway.cli.reach import TransferLine, sources_for
from ropeway.cli.text import plural, size, table

if TYPE_CHECKING:
    from ropeway.app.packages import Shown
    from ropeway.cli.console import Console

_MANY = 50
"""Files that are listed; --json lists all."""


@verb_group(short_help="Look into a bundle, check it, or unpack it.")
def command() -> None:
    """Look into a bundle, check it, or unpack it.

    A bundle is what `workflow package` makes: an OCI image layout, as a folder or a tar.
    """


@command.command("show")
@argument("what", metavar="PATH|REF")
def show(console: Console, *, what: str) -> None:
    """Show what a bundle holds and what it may touch: one on disk, or what a reference leads to."""
    from ropeway.app import packages

    path = Path(what).expanduser()
    if os.path.lexists(path):
        shown = packages.show(path, progress=TransferLine(console))
    else:
        shown = packages.show_reference(what, sources=sources_for(console))
    if console.json:
        console.object(shown.as_json())
    else:
        _print(console, shown)


@command.command("verify")
@argument("path", metavar="PATH", type=click.Path(path_type=Path))
def verify(console: Console, *, path: Path) -> None:
    """Check a bundle: the digest of everything in it, its archives, its metadata, and the signatures beside it.

    Exit status 4 means that something is not what it should be; the error has a name for what.
    """
    from ropeway.app import packages

    _check_on_disk(path)
    found = packages.verify(path, environ=os.environ, progress=TransferLine(console))
    if console.json:
        console.object({**found.as_json(), "verified": True, "signers": list(found.signers)})
        return
    for note in found.notes:
        console.warning(note)
    for signer in found.signers:
        console.data(clean(signer))
    signed = "" if found.signers else "; nobody has signed it"
    console.data(f"{found.digest} is whole: {plural(len(found.files), 'file')}, {size(found.size)}{signed}")


@command.command("unpack")
@argument("path", metavar="PATH", type=click.Path(path_type=Path))
@option("--output", "-o", metavar="DIR", type=click.Path(path_type=Path), help="The folder to make; called like the bundle without it.")
@option("--force", is_flag=True, help="Overwrite files that exist.")
def unpack(console: Console, *, path: Path, output: Path | None, force: bool) -> None:
    """Write the files of a bundle into a folder. All of it is verified before; after a failure nothing is left behind."""
    from ropeway.app import packages

    _check_on_disk(path)
    found = packages.unpack_bundle(path, output=output, force=force, progress=TransferLine(console))
    if console.json:
        console.object(found.as_json())
        return
    console.data(clean(found.path))
    console.say(f"Unpacked {plural(len(found.files), 'file')}, {size(found.size)}.")


def _check_on_disk(path: Path) -> None:
    """Say what is for references, to who gives one where only a bundle on disk is taken."""
    scheme, colon, rest = str(path).partition(":/")
    if colon and scheme in {"oci", "https"} and not os.path.lexists(path):
        from ropeway.errors import UsageError

        reference = f"{scheme}://{rest}"
        hint = f"workflow fetch {reference} gets it, and verifies all of it on the way; --output DIR gives you its files"
        raise UsageError(f"{reference} is not on this machine, and a bundle on disk is wanted here", hint=hint, code="not-on-disk")


def _print(console: Console, shown: Shown) -> None:
    metadata = shown.metadata
    title = " ".join(filter(None, [metadata.kind, metadata.id or metadata.name, metadata.version]))
    console.data(console.styled(clean(title), "bold"))
    if metadata.description:
        console.data(clean(metadata.description))
    console.data()
    facts = [
        ("digest", shown.digest),
        ("files", f"{len(shown.files):,}, {size(shown.size)}"),
        ("README", "yes" if shown.readme else "none"),
        ("signatures", str(shown.signatures) if shown.signatures else "none"),
        ("tags", ", ".join(metadata.tags)),
        ("license", metadata.license or ""),
        ("homepage", metadata.homepage or ""),
        ("repository", metadata.repository or ""),
        ("authors", ", ".join(metadata.authors)),
    ]
    for line in table([(name, clean(value)) for name, value in facts if value]):
        console.data(line)
    _section(console, "May touch", [clean(line) for line in metadata.capabilities.lines()])
    _section(console, "Needs", [clean(each) for each in metadata.dependencies])
    rows = [(clean(file.path) + ("*" if file.executable else ""), size(file.size)) for file in shown.files[:_MANY]]
    more = [f"… and {len(shown.files) - _MANY:,} more"] if len(shown.files) > _MANY else []
    _section(console, "Files", [*table(rows), *more])


def _section(console: Console, title: str, lines: list[str]) -> None:
    if lines:
        console.data()
        console.data(console.styled(title, "bold"))
        for line in lines:
            console.data(f"  {line}")
