"""The journal: an append-only file of events, one ``write`` per turn of the loop.

What ``write`` has returned for survives ``kill -9`` of any process of ours. Against power loss a helper thread calls ``fdatasync`` every 100 ms while
there is something new, and the caller asks for :meth:`Journal.sync` at gates and at the end; with ``power=True`` every turn is
synced before it counts. A torn last line is dropped when the file is read and cut off before the next append.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Protocol

from ropeway.errors import StoreError
from ropeway.runs.events import RunEvent, Stamp, parse_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from threading import Event as Flag

SYNC_EVERY = 0.1
"""Seconds that a power cut may take back."""


class EventSink(Protocol):
    """Where a run's events go: the journal, or a list in memory."""

    def add(self, event: str, data: dict[str, Any]) -> RunEvent:
        """Take an event; it counts when :meth:`flush` has returned."""
        ...

    def flush(self) -> None:
        """Make everything added so far count."""
        ...

    def sync(self) -> None:
        """Make it survive a power cut."""
        ...

    def close(self) -> None:
        """Flush, sync and let go."""
        ...


class Journal:
    """The journal of one run, opened for appending by its owner (who holds the run's lock)."""

    def __init__(self, path: Path, *, power: bool = False) -> None:
        self._path = path
        self._power = power
        self._stamp = Stamp()
        self._lines: list[bytes] = []
        self._unsynced = False
        self._wake: Flag | None = None
        self._opened = time.monotonic()
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._seq, end = _last(path, self._fd)
            os.ftruncate(self._fd, end)
            os.lseek(self._fd, end, os.SEEK_SET)
        except StoreError:
            raise
        except OSError as error:
            raise _store_error(path, error) from error

    def add(self, event: str, data: dict[str, Any]) -> RunEvent:
        """Take an event; it counts when :meth:`flush` has returned."""
        self._seq += 1
        made = RunEvent(self._seq, self._stamp(time.time()), event, data)
        self._lines.append(made.line())
        return made

    def flush(self) -> None:
        """Write all taken events in one call.

        Raises:
            StoreError: The disk is full or broken. What was written before stays whole; a partial line is cut off.
        """
        if not self._lines:
            return
        data = b"".join(self._lines)
        self._lines.clear()
        start = os.lseek(self._fd, 0, os.SEEK_CUR)
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, data[written:])
            if self._power:
                os.fdatasync(self._fd)
        except OSError as error:
            self._cut(start)
            raise _store_error(self._path, error) from error
        self._unsynced = not self._power
        if self._wake is not None:
            self._wake.set()
        elif self._unsynced and time.monotonic() - self._opened > SYNC_EVERY:
            self._start_syncing()

    def sync(self) -> None:
        """Flush, and wait until the disk has it."""
        self.flush()
        if self._unsynced:
            self._unsynced = False
            try:
                _datasync(self._fd)
            except OSError as error:
                raise _store_error(self._path, error) from error

    def close(self) -> None:
        """Flush, sync and close."""
        try:
            self.sync()
        finally:
            fd, self._fd = self._fd, -1
            if self._wake is not None:
                self._wake.set()
            os.close(fd)

    def release(self) -> None:
        """Flush and let go without waiting for the disk: another writer follows at once."""
        self.flush()
        self._unsynced = False
        self.close()

    def _cut(self, start: int) -> None:
        try:
            os.ftruncate(self._fd, start)
            os.lseek(self._fd, start, os.SEEK_SET)
        except OSError:
            return  # the reader drops a torn last line as well

    def _start_syncing(self) -> None:
        """Start the helper thread; short runs never get here and are synced once, at their end."""
        import threading

        self._wake = threading.Event()
        self._wake.set()
        threading.Thread(target=self._keep_synced, args=(os.dup(self._fd), self._wake), name="journal-sync", daemon=True).start()

    def _keep_synced(self, fd: int, wake: Flag) -> None:
        while wake.wait() and self._fd >= 0:
            wake.clear()
            try:
                _datasync(fd)
            except OSError:
                break  # the writer meets the same error, and tells
            time.sleep(SYNC_EVERY)
        os.close(fd)


_datasync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class MemoryJournal:
    """Events in a list: for measuring what the file costs, and for tests."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []
        self._stamp = Stamp()

    def add(self, event: str, data: dict[str, Any]) -> RunEvent:
        """Take an event."""
        made = RunEvent(len(self.events) + 1, self._stamp(time.time()), event, data)
        self.events.append(made)
        return made

    def flush(self) -> None:
        """Nothing to do."""

    def sync(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


def _store_error(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"can't write the run's journal {path}: {error.strerror}",
        hint="make room or make the state directory writable, then `workflow resume`; nothing that was recorded is lost",
        code="journal-write",
    )


def _damaged(path: Path, number: int) -> StoreError:
    return StoreError(
        f"{path}:{number}: this line of the journal is damaged",
        hint="restore the file from a backup, or start the workflow again",
        code="journal-damaged",
    )


def _last(path: Path, fd: int) -> tuple[int, int]:
    """Return the last whole event's ``seq`` (0 when there is none) and the offset behind it."""
    size = os.fstat(fd).st_size
    if size == 0:
        return 0, 0
    end, seq = 0, 0
    with os.fdopen(os.dup(fd), "rb") as file:
        file.seek(0)
        for line in file:
            event = parse_line(line)
            if event is None:
                if file.read(1):
                    raise _damaged(path, seq + 1)  # cutting here would lose what stands behind it
                break
            seq, end = event.seq, end + len(line)
    return seq, end


def read_events(path: Path, *, after: int = 0) -> Iterator[RunEvent]:
    """Yield a journal's events in order.

    Args:
        path: The journal; a missing file has no events.
        after: Leave out events up to this ``seq``.

    Raises:
        StoreError: A line in the middle is damaged (a torn last line is left out silently).
    """
    try:
        with path.open("rb") as file:
            lines = enumerate(file, 1)
            for number, line in lines:
                event = parse_line(line)
                if event is None:
                    if not line.endswith(b"\n") or next(lines, None) is None:  # torn, or still being written
                        return
                    raise _damaged(path, number)
                if event.seq > after:
                    yield event
    except FileNotFoundError:
        return
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}", code="journal-read") from error
