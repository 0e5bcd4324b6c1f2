"""Where a value is kept that nobody else may read (a secret, a signing key, a registry's token): the system's keyring, or a file of mode 0600.

A file beside the settings (``secrets.json`` for ``workflow secret set``) lists the names (a keyring can not) and says where each value is; without a keyring it holds the
values too. It is written whole, mode 0600, under a lock, and refused when others could read it.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ropeway.errors import NotFound, Refused, StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICE = "ropeway"
FILE = "secrets.json"
Place = Literal["keyring", "file"]


class KeyringLocked(Exception):
    """The keyring is there and does not answer: locked, no session, the person said no."""


class Keyring(Protocol):
    """What is asked of a keyring. Each call may raise :class:`KeyringLocked`."""

    def get(self, name: str) -> str | None:
        """Return the value, None when there is none."""
        ...

    def set(self, name: str, value: str) -> None:
        """Keep the value."""
        ...

    def remove(self, name: str) -> None:
        """Forget the value; nothing happens when there is none."""
        ...


class Store:
    """The person's secrets.

    Args:
        folder: The configuration folder (:func:`ropeway.settings.config_dir`).
        keyring: The keyring to use, None to keep values in the file.
        file: The file's name; each kind of secret has one of its own.
    """

    def __init__(self, folder: Path, keyring: Keyring | None, file: str = FILE) -> None:
        self._path = folder / file
        self._keyring = keyring

    def names(self) -> list[str]:
        """Return the names of what is stored, sorted."""
        return sorted(self._read())

    def get(self, name: str) -> str | None:
        """Return a value, None when there is none.

        Raises:
            StoreError: The value is in a keyring that can not be opened now, or the file is damaged.
            Refused: The file can be read by others.
        """
        entry = self._read().get(name)
        if entry is not None and "value" in entry:
            return str(entry["value"])
        if self._keyring is None:
            if entry is None:
                return None
            raise _unreachable(name)
        try:
            return self._keyring.get(name)
        except KeyringLocked as error:
            if entry is None:
                return None
            raise _unreachable(name) from error

    def set(self, name: str, value: str) -> Place:
        """Keep a value and say where; one of the same name is replaced."""
        if not name or not name.isprintable() or name != name.strip():
            raise UsageError(f"{name!r} can not be the name of a secret", hint="use letters, digits, dots, dashes and underscores")
        if not value:
            raise UsageError(f"the secret {name} is empty", hint="remove it with: workflow secret remove " + name)
        with self._changing() as entries:
            if self._keyring is not None:
                try:
                    self._keyring.set(name, value)
                except KeyringLocked:
                    pass  # a headless machine: the file is the fall-back
                else:
                    entries[name] = {"in": "keyring"}
                    return "keyring"
            entries[name] = {"in": "file", "value": value}
        return "file"

    def remove(self, name: str) -> None:
        """Forget a value; raises :class:`NotFound` when there is none."""
        with self._changing() as entries:
            entry = entries.pop(name, None)
            if entry is None:
                raise NotFound(f"no secret is called {name!r}", hint="workflow secret list shows their names", code="secret-not-found")
            if entry.get("in") == "keyring":
                try:
                    if self._keyring is None:
                        raise _unreachable(name)
                    self._keyring.remove(name)
                except KeyringLocked as error:
                    raise _unreachable(name) from error

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            with self._path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                raw = file.read()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(f"{self._path} can not be read: {error.strerror}") from error
        if mode & 0o077:
            raise Refused(f"{self._path} can be read by others (mode {mode:o})", hint=f"chmod 600 {self._path}", code="secrets-readable")
        try:
            entries = json.loads(raw)["secrets"]
        except (ValueError, KeyError, TypeError, RecursionError):
            entries = None
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            raise StoreError(f"{self._path} is damaged", hint="move it away, and set your secrets again")
        return entries

    @contextmanager
    def _changing(self) -> Iterator[dict[str, dict[str, Any]]]:
        """Hold the lock, give the entries to change, and write them unless the change was given up."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self._path} can not be written: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            entries = self._read()
            yield entries
            self._write(entries)
        finally:
            os.close(lock)

    def _write(self, entries: dict[str, dict[str, Any]]) -> None:
        aside = self._path.with_suffix(".new")
        try:
            aside.unlink(missing_ok=True)
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"version": 1, "secrets": entries}, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self._path)
        except OSError as error:
            raise StoreError(f"{self._path} can not be written: {error.strerror}") from error


def _unreachable(name: str) -> StoreError:
    return StoreError(
        f"the secret {name} is in a keyring that can not be opened here",
        hint=f"unlock the keyring (pip install 'ropeway[keyring]'), or keep it again: workflow secret set {name}",
        code="keyring-locked",
    )


class _SystemKeyring:
    """The ``keyring`` library, with its one error turned into ours."""

    def __init__(self, service: str) -> None:
        self._service = service

    def get(self, name: str) -> str | None:
        import keyring.errors

        try:
            return keyring.get_password(self._service, name)
        except keyring.errors.KeyringError as error:
            raise KeyringLocked(str(error)) from error

    def set(self, name: str, value: str) -> None:
        import keyring.errors

        try:
            keyring.set_password(self._service, name, value)
        except keyring.errors.KeyringError as error:
            raise KeyringLocked(str(error)) from error

    def remove(self, name: str) -> None:
        import keyring.errors

        try:
            keyring.delete_password(self._service, name)
        except keyring.errors.PasswordDeleteError:
            return
        except keyring.errors.KeyringError as error:
            raise KeyringLocked(str(error)) from error


def system_keyring(service: str = SERVICE) -> Keyring | None:
    """Return the system's keyring, None when the extra is not installed or no backend works here. Each kind of secret is a ``service`` of its own."""
    try:
        import keyring
    except ImportError:
        return None
    # The "fail" backend has priority 0 and "null" -1: neither keeps anything.
    return _SystemKeyring(service) if keyring.get_keyring().priority > 0 else None
