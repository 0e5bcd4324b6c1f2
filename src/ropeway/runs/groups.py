"""Concurrency groups: how many runs of one name may be under way on this machine, held by lock files.

A group of limit n has n places, each a file that a run locks while it is carried out; the kernel gives a place back when its run ends in any way. The file's text is
the holder's id, so that ``cancel-running`` knows whom to end.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from ropeway.errors import Cancelled, RopewayError, StoreError
from ropeway.runs.folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path


class Group:
    """One group's places in ``folder``."""

    def __init__(self, folder: Path, name: str, limit: int) -> None:
        self._folder = folder
        self._name = name
        self._limit = limit
        import hashlib

        self._stem = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:20]

    def enter(self, run: str) -> int:
        """Take a free place and return its descriptor, or -1 when the group is full."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for place in range(self._limit):
                fd = os.open(self._folder / f"{self._stem}.{place}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(fd)
                    continue
                os.ftruncate(fd, 0)
                os.pwrite(fd, run.encode(), 0)
                return fd
        except OSError as error:
            raise StoreError(f"can't use {self._folder}: {error.strerror}", code="groups") from error
        return -1

    def holders(self) -> list[str]:
        """Return the runs that hold places (or held them last)."""
        found = []
        for place in range(self._limit):
            try:
                found.append((self._folder / f"{self._stem}.{place}").read_text().strip())
            except OSError:
                continue
        return [run for run in found if run]

    def full(self) -> Cancelled:
        """Return the error for a run that is not let in."""
        holders = ", ".join(self.holders())
        return Cancelled(
            f"the concurrency group {self._name!r} is full ({self._limit} at a time; now: {holders})",
            hint='try again when they are done, or set on_full = "queue"',
            code="group-full",
        )

    def cancel_holders(self, actor: str, newcomer: str) -> None:
        """Ask the runs that hold places to end."""
        from ropeway.runs.control import ask_to_cancel

        runs = self._folder.parent / "runs"
        for run in self.holders():
            if run != newcomer:
                try:
                    ask_to_cancel(RunFolder(runs / run), by=actor, reason=f"run {newcomer} takes its place")
                except RopewayError:
                    continue  # it ended meanwhile


def release(fds: list[int]) -> None:
    """Give places back."""
    for fd in fds:
        os.close(fd)
