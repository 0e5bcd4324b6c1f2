"""Where a run's files live.

A :class:`Workspace` is what the executor knows of it: a folder, and a word before and after every attempt, at which a working copy with snapshots notes or saves what
there is. :class:`InPlace` is the person's own folder: nothing is copied and nothing is saved.
"""

from __future__ import annotations

from typing import Protocol

from ropeway.records import record


class Workspace(Protocol):
    """The files of one run."""

    @property
    def path(self) -> str:
        """The folder that steps start in, absolute."""
        ...

    def before(self, step: str, attempt: int) -> None:
        """An attempt is about to start."""
        ...

    def after(self, step: str, attempt: int, *, quiet: bool) -> str | None:
        """An attempt has ended; its event is written after this returns.

        Args:
            step: Its address.
            attempt: Its number.
            quiet: Whether no other step runs here, so that what changed since the last boundary is this step's.

        Returns:
            The name of the snapshot that was taken, None when none is.
        """
        ...


@record
class InPlace:
    """The person's own folder."""

    path: str

    def before(self, step: str, attempt: int) -> None:
        """Do nothing."""

    def after(self, step: str, attempt: int, *, quiet: bool) -> str | None:  # noqa: ARG002 - the protocol's
        """Save nothing."""
        return None
