"""`workflow info`: what something elsewhere is, does and may touch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.cli.console import clean
from ropeway.cli.group import argument, verb
from ropeway.cli.options import kind_option
from ropeway.cli.reach import sources_for
from ropeway.cli.text import fit, size, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.app.catalogue import Info, Signature
    from ropeway.bundles.kinds import Kind
    from ropeway.cli.console import Console

_LINES = 12
_LONGEST = 2000
_VERSIONS = 10
_STATES = {
    "valid": "",
    "unknown": "a key that is not known here",
    "expired": "the key has expired",
    "revoked": "the key was revoked",
    "invalid": "not valid",
    "foreign": "not a publisher's signature",
}


@verb()
@argument("reference", metavar="REF")
@kind_option
def command(console: Console, *, reference: str, kind: Kind) -> None:
    """Show what REF is: what it says of itself, its versions, who signed it, what it may touch, and how its README begins.

    Nothing is run, agreed to or remembered. REF is NAME@REGISTRY, NAME@owner/repo, oci://HOST/…, https://….
    """
    from ropeway.app import catalogue

    sources = sources_for(console, kind=kind)
    found = catalogue.info(reference, sources, Path.cwd())
    console.progress("")
    if console.json:
        console.object(found.as_json())
        return
    head = " ".join(part for part in (found.metadata.id or found.pin.name or found.reference, found.version) if part)
    console.data(console.styled(clean(head), "bold"))
    if found.metadata.description:
        console.data(fit(clean(found.metadata.description.strip(), lines=True), _LONGEST))
    console.data()
    for line in table((clean(label), clean(text)) for label, text in _rows(found)):
        console.data(line)
    for line in _readme(found.readme):
        console.data(line)
    for note in found.notes:
        console.warning(note)
    if found.problem is not None:
        console.warning(f"it would not be used: {found.problem.message}", found.problem.hint)


def _rows(found: Info) -> Iterator[tuple[str, str]]:
    metadata = found.metadata
    yield "reference", found.reference
    yield "source", found.pin.source
    yield "digest", found.pin.digest
    if found.size is not None:
        yield "size", size(found.size)
    for label, value in (
        ("name", metadata.name),
        ("license", metadata.license),
        ("tags", ", ".join(metadata.tags)),
        ("authors", ", ".join(metadata.authors)),
        ("homepage", metadata.homepage),
        ("repository", metadata.repository),
        ("uses", ", ".join(metadata.dependencies)),
    ):
        if value:
            yield label, value
    if found.versions:
        more = f" and {len(found.versions) - _VERSIONS} more" if len(found.versions) > _VERSIONS else ""
        yield "versions", ", ".join(found.versions[:_VERSIONS]) + more
    if not found.signatures:
        yield "signed", "no: nobody vouches for it"
    for each in found.signatures:
        yield "signed", _signature(each)
    for name, schema in metadata.inputs.get("properties", {}).items():
        yield "parameter", _parameter(name, schema, required=name in metadata.inputs.get("required", ()))
    for number, line in enumerate(metadata.capabilities.lines()):
        yield "" if number else "may touch", line


def _signature(each: Signature) -> str:
    said = _STATES[each.state] + (f": {each.said}" if each.said else "")
    if each.key is None:
        return said
    short = each.key.removeprefix("sha256:")[:16]
    who = f"by {short} ({each.name})" if each.name else f"by {short}"
    return f"{who}, {said}" if said else who


def _parameter(name: str, schema: object, *, required: bool) -> str:
    known = schema if isinstance(schema, dict) else {}
    facts = [str(known.get("type", "")), "required" if required else "", str(known.get("description", ""))]
    return f"{name}: {', '.join(fact for fact in facts if fact)}".removesuffix(": ")


def _readme(text: str | None) -> list[str]:
    if not text or not text.strip():
        return []
    lines = text.strip().splitlines()
    shown = ["", *(clean(line) for line in lines[:_LINES])]
    return [*shown, "…"] if len(lines) > _LINES else shown
