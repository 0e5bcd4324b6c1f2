"""What a collection came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.records import field, record

if TYPE_CHECKING:
    from ropeway.app.retention.things import Thing


@record
class Item:
    """One thing of the report. ``age`` is seconds, ``bytes`` what its removal frees (None: not measured)."""

    kind: str
    id: str
    path: str
    age: float
    bytes: int | None
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        age = round(self.age)
        return {"kind": self.kind, "id": self.id, "path": self.path, "age": age, "bytes": self.bytes, "reason": self.reason}


@record(frozen=False)
class Report:
    """What went and what stayed. ``failed`` are those of ``kept`` that were to go; ``bytes`` counts blocks that several share once."""

    dry_run: bool
    removed: list[Item] = field(default_factory=list)
    kept: list[Item] = field(default_factory=list)
    failed: list[Item] = field(default_factory=list)
    bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "removed": [item.as_json() for item in self.removed],
            "kept": [item.as_json() for item in self.kept],
            "bytes": self.bytes,
            "dry_run": self.dry_run,
        }


def item_of(thing: Thing, reason: str) -> Item:
    """Return what is said of a thing."""
    return Item(thing.kind, thing.id, thing.path, thing.age, thing.bytes, reason)
