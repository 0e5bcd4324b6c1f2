"""What was seen before: ``known.toml`` in the state folder. That is what *pinned on first use* means.

::

    version = 1

    [[seen]]
    source = "oci://ghcr.io/acme/workflows/build"
    name = "acme/build"
    version = "1.4.0"
    digest = "sha256:..."
    signers = ["sha256:..."]
    first = 2026-11-21T09:51:47Z
    last = 2026-11-21T09:51:47Z

Losing it would make every source count as new, so it is written whole, under a lock, and waits for the disk; a damaged one is an error and never
an empty one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ropeway.bundles.toml_files import changing, read_tables, toml_time, write_whole
from ropeway.bundles.verdicts import full_name
from ropeway.records import record, replace
from ropeway.settings.toml_text import toml_string

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ropeway.bundles.toml_files import Table
    from ropeway.bundles.verdicts import Subject, Verdict

__all__ = ["KNOWN_FILE", "Known", "Seen", "noted"]

KNOWN_FILE: Final = "known.toml"
_KEYS: Final = ("source", "name", "ref", "version", "digest", "moving", "signers", "signed", "previous", "kind", "first", "last")
_HEAD: Final = "# What ropeway has seen and you have agreed to. Remove an entry and it counts as new.\nversion = 1\n"


@record
class Seen:
    """Content that was used: the fields of :class:`~ropeway.bundles.verdicts.Subject`, with ``name`` the full one, and what was decided.

    ``signers`` are the key ids that counted, ``signed`` is the version that they signed, ``previous`` the digest that they name as the one
    before; ``first`` and ``last`` are when it was first and last used.
    """

    source: str
    name: str
    digest: str
    first: datetime
    last: datetime
    version: str | None = None
    moving: bool = False
    ref: str = ""
    kind: str = "workflow"
    signers: tuple[str, ...] = ()
    signed: str | None = None
    previous: str | None = None

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """What there is one entry of: what was found by one reference, which for a release includes its version and for a digest is the digest."""
        return self.source, self.name, self.kind, self.ref, self.version or self.digest


def noted(subject: Subject, verdict: Verdict, now: datetime) -> Seen:
    """Return what is to be remembered of content that may be used and was agreed to."""
    return Seen(
        subject.source,
        subject.full_name,
        subject.digest,
        now,
        now,
        subject.version,
        subject.moving,
        subject.ref,
        subject.kind,
        verdict.signers,
        verdict.version,
        verdict.previous,
    )


class Known:
    """The file.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> tuple[Seen, ...]:
        """Return everything that was seen.

        Raises:
            StoreError: It can't be read, or is damaged; the message has the line (code ``known-damaged``).
            Refused: Others may write to it.
        """
        return tuple(_seen(table) for table in read_tables(self._path, "seen", code="known-damaged", damaged=True))

    def seen(self, source: str, name: str) -> tuple[Seen, ...]:
        """Return what was seen of a name in a source, the latest use first. Errors are those of :meth:`all`."""
        wanted = full_name(source, name)
        found = [each for each in self.all() if (each.source, each.name) == (source, wanted)]
        return tuple(sorted(found, key=lambda each: each.last, reverse=True))

    def find(self, source: str, name: str, version: str | None) -> Seen | None:
        """Return what a version (a tag, a branch) of a name was when it was last used, None when it never was."""
        return next((each for each in self.seen(source, name) if each.version == version), None)

    def last(self, source: str, name: str, ref: str = "") -> Seen | None:
        """Return what a reference led to when it was last used, None when it never was; ``ref`` is as in ``Subject``."""
        return next((each for each in self.seen(source, name) if each.ref == ref), None)

    def remember(self, *seen: Seen) -> None:
        """Note that content was used; what was known about the same reference is replaced, and keeps when it was first seen.

        Raises:
            StoreError: The file can't be written, or is damaged.
        """
        with changing(self._path):
            entries = {each.identity: each for each in self.all()}
            for each in seen:
                before = entries.get(each.identity)
                entries[each.identity] = each if before is None else replace(each, first=min(each.first, before.first))
            self._write(entries)

    def forget(self, source: str, name: str) -> int:
        """Forget all about a name in a source, and return how many entries that were."""
        wanted = full_name(source, name)
        with changing(self._path):
            every = self.all()
            left = {each.identity: each for each in every if (each.source, each.name) != (source, wanted)}
            if len(left) != len(every):
                self._write(left)
        return len(every) - len(left)

    def _write(self, entries: dict[tuple[str, str, str, str, str], Seen]) -> None:
        write_whole(self._path, "\n".join([_HEAD, *(_text(entries[key]) for key in sorted(entries))]))


def _text(seen: Seen) -> str:
    lines = ["[[seen]]"]
    for key in _KEYS:
        value = getattr(seen, key)
        if key in ("first", "last"):
            lines.append(f"{key} = {toml_time(value)}")
        elif value is True:
            lines.append(f"{key} = true")
        elif isinstance(value, tuple) and value:
            lines.append(f"{key} = [{', '.join(map(toml_string, value))}]")
        elif isinstance(value, str) and (value or key == "name"):
            lines.append(f"{key} = {toml_string(value)}")
    return "\n".join([*lines, ""])


def _seen(table: Table) -> Seen:
    table.only(_KEYS)
    first, last = table.time("first"), table.time("last")
    if first is None or last is None:
        raise table.wrong(None, "it does not say when that was first and last seen")
    return Seen(
        table.text("source"),
        table.text("name"),
        table.text("digest"),
        first,
        last,
        table.text("version", "") or None,
        table.flag("moving"),
        table.text("ref", ""),
        table.text("kind", "workflow"),
        table.texts("signers"),
        table.text("signed", "") or None,
        table.text("previous", "") or None,
    )
