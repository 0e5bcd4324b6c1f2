"""What steps print: two files per attempt, ``logs/N.out`` and ``logs/N.err``, written by the steps themselves.

Creating files is dear, so a pair that nobody wrote to serves the next attempt; ``step.started`` names the number. Beside them ``N.idx`` notes, every
50 ms while a step prints, the time and both sizes (``seconds out err``, one line each): enough to read both streams in the order in which
they grew. No output passes through this process, except that of steps with a secret in scope (see ``runs.secrets``).
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Literal

from ropeway.errors import StoreError
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INDEX_EVERY = 0.05
"""Seconds between two notes of the sizes: the finest order of the two streams that is promised."""

Stream = Literal["stdout", "stderr"]


class Pair:
    """The two log files of one attempt, open for appending."""

    __slots__ = ("_index", "_sizes", "err", "folder", "number", "out")

    def __init__(self, folder: str, number: int) -> None:
        self.folder = folder
        self.number = number
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self.out = os.open(f"{folder}/{number}.out", flags, 0o600)
        self.err = os.open(f"{folder}/{number}.err", flags, 0o600)
        self._index = -1
        self._sizes = self.sizes()

    def sizes(self) -> tuple[int, int]:
        """Return the bytes in both files."""
        return os.fstat(self.out).st_size, os.fstat(self.err).st_size

    def note(self) -> bool:
        """Note the time when something was printed since the last note; returns whether it was."""
        sizes = self.sizes()
        if sizes == self._sizes:
            return False
        self._sizes = sizes
        if self._index < 0:
            self._index = os.open(f"{self.folder}/{self.number}.idx", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.write(self._index, b"%.3f %d %d\n" % (time.time(), *sizes))
        return True

    @property
    def printed(self) -> bool:
        """Whether something was printed up to the last note."""
        return self._sizes != (0, 0)

    @property
    def untouched(self) -> bool:
        """Whether nobody ever wrote to it."""
        return self.sizes() == (0, 0)

    def close(self) -> None:
        """Close the files; an empty pair is removed."""
        empty = self.untouched
        for fd in (self.out, self.err, self._index):
            if fd >= 0:
                os.close(fd)
        if empty:
            for suffix in ("out", "err"):
                os.unlink(f"{self.folder}/{self.number}.{suffix}")


def cant_log(error: OSError) -> StoreError:
    """Return the error for logs that can't be written."""
    return StoreError(
        f"can't write the run's logs: {error.strerror}",
        hint="make room, then `workflow resume`; nothing that was recorded is lost",
        code="logs",
    )


class Logs:
    """Hands out pairs in one run's ``logs`` folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._spare: list[Pair] = []
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            self._next = 1 + max((int(n.split(".")[0]) for n in os.listdir(self._folder)), default=0)
        except OSError as error:
            raise StoreError(f"can't use the log folder {folder}: {error.strerror}", code="logs") from error

    def take(self) -> Pair:
        """Return a pair for one attempt."""
        if self._spare:
            return self._spare.pop()
        number, self._next = self._next, self._next + 1
        try:
            return Pair(self._folder, number)
        except OSError as error:
            raise cant_log(error) from error

    def note(self, pair: Pair) -> None:
        """Note a running attempt's sizes.

        Raises:
            StoreError: The disk is full or broken.
        """
        try:
            pair.note()
        except OSError as error:
            raise cant_log(error) from error

    def give_back(self, pair: Pair, *, reusable: bool) -> bool:
        """Take a pair back after its attempt; returns whether something was printed.

        Args:
            pair: What :meth:`take` returned.
            reusable: False when a process of the attempt still lives and may print.
        """
        try:
            printed = pair.note() or pair.printed
            if reusable and not printed:
                self._spare.append(pair)
            else:
                pair.close()
        except OSError as error:
            raise cant_log(error) from error
        return printed

    def close(self) -> None:
        """Close and remove what was not used."""
        for pair in self._spare:
            pair.close()
        self._spare.clear()


@record
class Piece:
    """Some bytes that one stream printed; ``at`` is seconds since the epoch, to 50 ms."""

    at: float
    stream: Stream
    data: bytes


class Reader:
    """Reads one attempt's pair in the order in which it grew; :meth:`read` may be called again while it still grows."""

    def __init__(self, folder: Path, number: int) -> None:
        self._base = f"{folder}/{number}"
        self._at = [0, 0]
        self._index_at = 0

    def read(self) -> Iterator[Piece]:
        """Yield what was printed since the last call, each piece at most 1 MiB."""
        for at, out, err in self._notes():
            yield from self._up_to(0, "stdout", out, at)
            yield from self._up_to(1, "stderr", err, at)

    def _notes(self) -> Iterator[tuple[float, int, int]]:
        try:
            with open(f"{self._base}.idx", "rb") as file:
                file.seek(self._index_at)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._index_at += len(line)
                    at, out, err = line.split()
                    yield float(at), int(out), int(err)
        except OSError:
            pass  # nothing was noted yet
        yield time.time(), self._size("out"), self._size("err")

    def _size(self, suffix: str) -> int:
        try:
            return os.stat(f"{self._base}.{suffix}").st_size
        except OSError:
            return 0

    def _up_to(self, i: int, stream: Stream, end: int, at: float) -> Iterator[Piece]:
        if end <= self._at[i]:
            return
        with open(f"{self._base}.{'err' if i else 'out'}", "rb") as file:
            file.seek(self._at[i])
            while self._at[i] < end:
                data = file.read(min(2**20, end - self._at[i]))
                if not data:
                    return
                self._at[i] += len(data)
                yield Piece(at, stream, data)


def tail(folder: Path, number: int, *, lines: int = 10, width: int = 64 * 1024) -> list[str]:
    """Return the last lines of an attempt, standard error when it printed there, else standard output."""
    for suffix in ("err", "out"):
        path = folder / f"{number}.{suffix}"
        try:
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - width))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            continue
        found = [line for line in text.splitlines() if line.strip()]
        if found:
            return found[-lines:]
    return []
