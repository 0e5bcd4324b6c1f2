"""A project's ``workflow.lock``: what its references mean, and what may be used when only that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.app.projects import LOCK_FILE
from ropeway.bundles.problems import NotLocked
from ropeway.registry import Pin
from ropeway.registry.lockfile import Lock, Locked, update

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ropeway.registry import Fetched

__all__ = ["change", "entry_of", "lock_of", "not_locked", "pin_of", "write"]


def lock_of(project: Path) -> Lock:
    """Return what a project has locked; nothing when it has no lockfile. Raises as :meth:`Lock.read` does."""
    return Lock.read(project / LOCK_FILE)


def not_locked(reference: str, project: Path) -> NotLocked:
    """Return the error for a reference that only a lockfile could allow."""
    if not (project / LOCK_FILE).exists():
        return NotLocked(f"{reference} is not locked: {project} has no {LOCK_FILE}", hint=f"`workflow lock {reference}` locks it")
    return NotLocked(f"{reference} is not in {project / LOCK_FILE}", hint=f"`workflow lock {reference}` adds what it means now")


def pin_of(entry: Locked) -> Pin:
    """Return the content that an entry names."""
    return Pin(entry.source, entry.name, entry.digest, entry.version, moving=False, registry=entry.registry, kind=entry.kind)


def entry_of(reference: str, fetched: Fetched, signers: tuple[str, ...]) -> Locked:
    """Return the entry for what a reference means."""
    pin = fetched.pin
    return Locked(
        reference, pin.source, pin.name, pin.digest, fetched.tree, fetched.file, pin.registry, pin.version, tuple(sorted(signers)), pin.kind
    )


def change(project: Path, how: Callable[[Lock], Lock]) -> Lock:
    """Change a project's lockfile while nobody else does; raises ``StoreError`` when it can't be written."""
    return update(project / LOCK_FILE, how)


def write(project: Path, entry: Locked) -> None:
    """Add an entry to a project's lockfile, in place of the one for the same reference; raises ``StoreError`` when it can't be written."""
    change(project, lambda lock: lock.adding([entry]))
