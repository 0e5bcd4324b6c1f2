"""Where the files of a bundle go: into a folder, or nowhere but a list. Both refuse the same."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Final

from ropeway.bundles.blobs import seen_of
from ropeway.bundles.paths import Places, fault_of
from ropeway.bundles.problems import HostileArchive
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ropeway.bundles.blobs import Seen
    from ropeway.bundles.limits import Budget

__all__ = ["Listed", "Lister", "Target", "Writer"]

_PIECE: Final = 1 << 20


class Target:
    """Takes files and folders, and refuses those that can't stand together."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._places = Places()

    def file(self, path: str, pieces: Iterable[bytes], *, executable: bool) -> None:
        """Take a file."""
        self._check(path, self._places.add_file(path))
        self._store(path, self._bounded(path, pieces), executable=executable)

    def folder(self, path: str) -> None:
        """Take a folder."""
        self._check(path, self._places.add_folder(path))
        self._make(path)

    def _check(self, path: str, clash: str | None) -> None:
        fault = fault_of(path, self.budget.limits) or clash
        if fault is not None:
            raise HostileArchive(f"{path!r:.300} is refused: it {fault}", hint="nothing of it was kept; tell who published it")

    def _bounded(self, path: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > self.budget.limits.file:
                raise HostileArchive(f"{path!r:.300} has more than {self.budget.limits.file:,} bytes")
            yield piece

    def _store(self, path: str, pieces: Iterable[bytes], *, executable: bool) -> None:
        raise NotImplementedError

    def _make(self, folder: str) -> None:
        """Make a folder and those above it."""


class Writer(Target):
    """Writes below a folder that holds nothing but what this wrote, so that there is no link to follow. The umask decides who may read files."""

    def __init__(self, root: Path, budget: Budget) -> None:
        super().__init__(budget)
        self.root = root
        self.files: list[str] = []
        self.known: dict[str, tuple[str, Seen]] = {}
        self._root = os.fspath(root)
        self._made = {""}

    def move(self, path: str, source: Path, *, executable: bool) -> None:
        """Take a file away from where it is. From another file system it is copied, and its name stays there."""
        self._check(path, self._places.add_file(path))
        self._make(path.rpartition("/")[0])
        target = f"{self._root}/{path}"
        try:
            os.rename(source, target)  # noqa: PTH104 - a string
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with source.open("rb") as file:
                self._store(path, iter(lambda: file.read(_PIECE), b""), executable=executable)
            return
        mask = os.umask(0o077)
        os.umask(mask)
        os.chmod(target, (0o777 if executable else 0o666) & ~mask)  # noqa: PTH101 - same
        self.files.append(path)

    def note(self, path: str, digits: str, seen: Seen | None = None) -> None:
        """Keep in ``known`` what :func:`~ropeway.bundles.tree.tree_digest` need not hash again; ``seen`` is what the file was then, None for now."""
        self.known[path] = (digits, seen or seen_of(os.stat(f"{self._root}/{path}", follow_symlinks=False)))  # noqa: PTH116 - same

    def _store(self, path: str, pieces: Iterable[bytes], *, executable: bool) -> None:
        self._make(path.rpartition("/")[0])
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        number = os.open(f"{self._root}/{path}", flags, 0o777 if executable else 0o666)
        with open(number, "wb", buffering=0) as file:  # noqa: PTH123 - an open descriptor
            for piece in pieces:
                _whole(file, piece)
        self.files.append(path)

    def _make(self, folder: str) -> None:
        if folder not in self._made:
            self._make(folder.rpartition("/")[0])
            os.mkdir(f"{self._root}/{folder}")  # noqa: PTH102 - a string
            self._made.add(folder)


@record
class Listed:
    """A file of a bundle, as it would be unpacked."""

    path: str
    size: int
    executable: bool


class Lister(Target):
    """Writes nothing, and notes what it was given."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self.listed: list[Listed] = []

    def note(self, path: str, size: int, *, executable: bool) -> None:
        """List a file that need not be read."""
        self._check(path, self._places.add_file(path))
        self.listed.append(Listed(path, size, executable))

    def _store(self, path: str, pieces: Iterable[bytes], *, executable: bool) -> None:
        self.listed.append(Listed(path, sum(map(len, pieces)), executable))


def _whole(file: Any, piece: bytes) -> None:
    """Write all of it: without a buffer, a disk that gets full writes a part first."""
    rest = memoryview(piece)
    while rest:
        rest = rest[file.write(rest) :]
