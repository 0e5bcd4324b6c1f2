"""Tokens that a registry's token service handed out: shared by all processes of a person, and renewed by one of them before they end."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["DEFAULT_LIFE", "Token", "TokenCache"]

DEFAULT_LIFE: Final = 60.0
"""Seconds that a token lasts when its service does not say (the token specification of distribution)."""

_LONGEST_LIFE: Final = 86400.0
_PATIENCE: Final = 20.0
"""Seconds to wait for another process that is getting the same token; then it is got here as well."""

_MOMENT: Final = 0.02


@record
class Token:
    """A bearer token; the times are of this machine's clock, so that the service's may be wrong.

    Attributes:
        value: What stands behind ``Bearer``.
        got: When it came, in seconds since the epoch.
        life: Seconds that it lasts from then.
    """

    value: str
    got: float
    life: float

    def good(self, now: float) -> bool:
        """Whether it may still be used: a quarter of its life (30 seconds at most) is left over for the request and for clocks that differ."""
        return self.got - 5 <= now < self.got + self.life - min(30.0, self.life / 4)


class TokenCache:
    """Keeps tokens in files of mode 0600, one each, and sees to it that many processes which need one get it once.

    Args:
        folder: Where the files are (mode 0700); None keeps nothing.
        clock: Seconds since the epoch.
    """

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def get(self, key: tuple[str, ...], fetch: Callable[[], Token], refused: str | None = None) -> Token:
        """Return the token for a key from its file, else from ``fetch``; never the one that was ``refused``.

        A folder that can't be written, or a damaged file, costs nothing but the sharing.
        """
        descriptor = self._open(key)
        if descriptor is None:
            return fetch()
        try:
            self._lock(descriptor)
            found = _read(descriptor)
            if found is not None and found.value != refused and found.good(self._clock()):
                return found
            token = fetch()
            _write(descriptor, token)
            return token
        finally:
            os.close(descriptor)

    def clear(self) -> None:
        """Forget every token; after a login or a logout."""
        if self._folder is None or not self._folder.is_dir():
            return
        for path in self._folder.glob("*.json"):
            path.unlink(missing_ok=True)

    def _open(self, key: tuple[str, ...]) -> int | None:
        if self._folder is None:
            return None
        name = hashlib.sha256("\0".join(key).encode()).hexdigest()[:40]
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._folder.stat().st_mode & 0o077:
                self._folder.chmod(0o700)
            path = self._folder / f"{name}.json"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return None
        state = os.fstat(descriptor)
        if state.st_mode & 0o077 or state.st_uid != os.geteuid():
            os.close(descriptor)
            return None
        return descriptor

    @staticmethod
    def _lock(descriptor: int) -> None:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > end:
                    return
                time.sleep(_MOMENT)
            else:
                return


def _read(descriptor: int) -> Token | None:
    try:
        found: Any = json.loads(os.pread(descriptor, 2**17, 0))
        return Token(str(found["token"]), float(found["got"]), min(float(found["life"]), _LONGEST_LIFE))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _write(descriptor: int, token: Token) -> None:
    text = json.dumps({"token": token.value, "got": token.got, "life": token.life}).encode()
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)
    except OSError:
        return
