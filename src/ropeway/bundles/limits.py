"""How much a bundle may hold, and the count of what one has held so far."""

from __future__ import annotations

from ropeway.bundles.problems import HostileArchive
from ropeway.records import record

__all__ = ["Budget", "Limits"]


@record
class Limits:
    """What is accepted of one bundle. They are checked while bytes stream by; what headers say is never trusted.

    Attributes:
        entries: Files and folders.
        size: Bytes of all files together, unpacked.
        file: Bytes of one file.
        ratio: How many times more bytes a compressed layer may give than it has, beyond the first ``free`` bytes.
        free: Unpacked bytes of a layer for which the ratio does not count: small files may well be all zeros.
        path: Bytes of a path (UTF-8).
        name: Bytes of one part of a path.
        depth: Parts of a path.
    """

    entries: int = 100_000
    size: int = 4 * 2**30
    file: int = 2 * 2**30
    ratio: int = 200
    free: int = 16 * 2**20
    path: int = 1024
    name: int = 255
    depth: int = 64


class Budget:
    """Counts what one bundle has used up of its limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._entries = 0
        self._bytes = 0

    def entry(self) -> None:
        """Count a file or folder.

        Raises:
            HostileArchive: It is one too many.
        """
        self._entries += 1
        if self._entries > self.limits.entries:
            raise HostileArchive(f"the bundle holds more than {self.limits.entries:,} files and folders")

    def announce(self, size: int, name: str) -> None:
        """Refuse a file that says it is too large, before any of it is read; what it says is not counted.

        Raises:
            HostileArchive: One file must not be so large, or there is no room for it any more.
        """
        if size > self.limits.file:
            raise HostileArchive(f"{name!r:.200} says it has {size:,} bytes, and {self.limits.file:,} is the most for one file")
        if self._bytes + size > self.limits.size:
            raise self._full()

    def take(self, count: int) -> None:
        """Count bytes that were read.

        Raises:
            HostileArchive: They are too many.
        """
        self._bytes += count
        if self._bytes > self.limits.size:
            raise self._full()

    def _full(self) -> HostileArchive:
        return HostileArchive(f"the files of the bundle have more than {self.limits.size:,} bytes together")
