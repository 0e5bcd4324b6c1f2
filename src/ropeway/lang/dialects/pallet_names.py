"""Which steps of a Pallet document a template may read, and why not the others.

A template reads what has surely run before: earlier steps of its own list and of the lists around it, with everything inside
their branches. It never reads another branch of the same step, a later step, or itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.dialects.pallet_shape import Call
from ropeway.lang.hints import did_you_mean, shown
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ropeway.lang.dialects.pallet_shape import PalletStep


@record(frozen=False)
class Scope:
    """A list of steps while it is being read.

    ``open`` until its last step was read; ``joined`` once every branch beside it was read too, so that what follows the branching
    step may look inside. ``choice`` marks a branch that may be skipped.
    """

    parent: Scope | None = None
    choice: bool = False
    open: bool = True
    joined: bool = False


@record
class Found:
    """A step that may be read. ``may_be_skipped``: it stands in a branch that the reader is not in."""

    step: Call
    may_be_skipped: bool


@record
class Unreadable:
    """Why a step's result can not be read here."""

    message: str
    hint: str


class Names:
    """The steps of one document: all of them by id, and those that were read so far with the list they stand in."""

    def __init__(self, everything: Mapping[str, PalletStep]) -> None:
        self._all = everything
        self._read: dict[str, tuple[Call, Scope]] = {}

    def add(self, step: Call, scope: Scope) -> None:
        """Let later templates read ``step``."""
        self._read[step.id] = (step, scope)

    def find(self, name: str, reader: str) -> Found | Unreadable:
        """Return the step called ``name`` if the step that is being read, ``reader``, may read it."""
        known = self._read.get(name)
        if known is None:
            return self._unknown(name, reader)
        step, scope = known
        skipped = False
        at: Scope | None = scope
        while at is not None and not at.open:
            if not at.joined:
                return Unreadable(f"{shown(name)} is in another branch of the same step", "read a step that has surely run before")
            skipped = skipped or at.choice
            at = at.parent
        return Found(step, skipped)

    def _unknown(self, name: str, reader: str) -> Unreadable:
        other = self._all.get(name)
        if name == reader:
            return Unreadable(f"the step {shown(name)} reads its own result", "read an earlier step")
        if isinstance(other, Call):
            return Unreadable(f"{shown(name)} runs only after this step", "move it up in the list, or read an earlier step")
        if other is not None:
            return Unreadable(f"{shown(name)} has no result of its own: it only decides which steps run", "read a step inside it")
        return Unreadable(f"there is no step {shown(name)}", _suggest(name, self._all))


def _suggest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = did_you_mean(name, names)
    return near or (f"the steps are {', '.join(names[:10])}" if names else "the workflow has no steps")
