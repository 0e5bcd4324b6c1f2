"""A keyring in memory, which can be locked."""

from __future__ import annotations

from ropeway.settings.secret_store import KeyringLocked


class FakeKeyring:
    """Keeps values in :attr:`values`; every call fails while :attr:`locked` is true."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.locked = False

    def get(self, name: str) -> str | None:
        """Return the value, None when there is none."""
        self._open()
        return self.values.get(name)

    def set(self, name: str, value: str) -> None:
        """Keep the value."""
        self._open()
        self.values[name] = value

    def remove(self, name: str) -> None:
        """Forget the value."""
        self._open()
        self.values.pop(name, None)

    def _open(self) -> None:
        if self.locked:
            raise KeyringLocked("the keyring is locked")
