"""What the files of trust have in common: TOML that people may edit, read with the line of every mistake, and written whole under a lock."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from ropeway.errors import Refused, StoreError, UsageError
from ropeway.lang.source.document import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ropeway.lang.source.document import Document

__all__ = ["Table", "changing", "moment", "read_tables", "toml_time", "write_whole"]

_OTHERS_WRITE: Final = 0o022


class Table:
    """One ``[[table]]`` of a file, which knows its lines.

    Args:
        document: The file.
        kind: The table's name.
        index: Which one of them, from 0.
        code: The code of errors.
        damaged: Whether mistakes are damage (a file that only programs write) or a person's.
    """

    def __init__(self, document: Document, kind: str, index: int, code: str, *, damaged: bool) -> None:
        self._document = document
        self._at = (kind, index)
        self._code = code
        self._damaged = damaged
        self.data: dict[str, Any] = document.data[kind][index]

    @property
    def place(self) -> str:
        """``file:line`` of the table."""
        return _place(self._document, self._at)

    def wrong(self, key: str | None, message: str, hint: str | None = None) -> UsageError | StoreError:
        """Return the error about a key, or about the whole table."""
        at = self._at if key is None else (*self._at, key)
        return _error(f"{_place(self._document, at)}: {message}", hint, self._code, damaged=self._damaged)

    def only(self, names: Sequence[str]) -> None:
        """Refuse unknown keys."""
        for key in self.data:
            if key not in names:
                near = get_close_matches(key, names, n=1)
                hint = f"did you mean {near[0]}?" if near else "there are " + ", ".join(names)
                raise self.wrong(key, f"there is no key {key!r} in [[{self._at[0]}]]", hint)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; without a default it has to be there."""
        value = self.data.get(key, default)
        if value is None:
            raise self.wrong(None, f"{key} is missing", f'write {key} = "…"')
        if not isinstance(value, str):
            raise self.wrong(key, f"{key} can not be {value!r:.60}", "it has to be text")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        """Return one of some words."""
        value = self.text(key, default)
        if value not in choices:
            near = get_close_matches(value, choices, n=1)
            raise self.wrong(key, f"{key} can not be {value!r:.60}", f"did you mean {near[0]}?" if near else "one of " + ", ".join(choices))
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty when it is not there."""
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.wrong(key, f"{key} can not be {value!r:.60}", f'write {key} = ["…"]')
        return tuple(value)

    def flag(self, key: str) -> bool:
        """Return true or false, false when it is not there."""
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, f"{key} can not be {value!r:.60}", "it has to be true or false")
        return value

    def time(self, key: str) -> datetime | None:
        """Return a time, None when it is not there."""
        if key not in self.data:
            return None
        try:
            return moment(self.text(key))
        except ValueError:
            raise self.wrong(key, f"{key} can not be {self.data[key]!r:.60}", "write a time such as 2027-11-21T00:00:00Z") from None


def moment(text: str) -> datetime:
    """Return a time in UTC; one without a zone is taken as UTC. Raises ``ValueError`` for anything else."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def read_tables(path: Path, kind: str, *, code: str, damaged: bool = False, private: bool = True) -> list[Table]:
    """Return the ``[[kind]]`` tables of a file, none when there is no such file.

    Args:
        path: The file.
        kind: The tables' name; the file may hold ``version = 1`` besides.
        code: The code of errors about its content.
        damaged: Whether a mistake in it is a :class:`StoreError` with what to do, instead of a person's.
        private: Whether a file that others may write to is refused.

    Raises:
        UsageError: It is not TOML, or holds something else; the message has the line.
        StoreError: It can not be read, or (``damaged``) as above.
        Refused: Others may write to it, or a newer version wrote it.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            raw = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"{path} can not be read: {error.strerror}", hint="check who owns it") from error
    if private and (found.st_uid not in (0, os.geteuid()) or found.st_mode & _OTHERS_WRITE):
        raise Refused(
            f"others may write to {path} (mode {found.st_mode & 0o777:o}), and what stands there decides whom you trust",
            hint=f"look through it, then: chmod go-w {path}",
            code="trust-not-private",
        )
    document, mistakes = read_document(raw, str(path), format="toml")
    for mistake in mistakes:
        if mistake.severity == "error":
            raise _error(f"{path}:{mistake.location.line}: {mistake.message}", mistake.hint, code, damaged=damaged)
    version = document.data.get("version", 1)
    if isinstance(version, int) and not isinstance(version, bool) and version > 1:
        raise Refused(f"{path} was written by a newer version of ropeway", hint="update ropeway", code="newer-format")
    for key, value in document.data.items():
        if key not in ("version", kind) or (key == kind and not _is_tables(value)) or (key == "version" and value != 1):
            near = f"[[{kind}]]" if get_close_matches(key, [kind], n=1) else f"only [[{kind}]] tables stand here"
            hint = f"did you mean {near}?" if near.startswith("[[") else near
            raise _error(f"{_place(document, (key,))}: {key!r:.60} does not belong here", hint, code, damaged=damaged)
    return [Table(document, kind, index, code, damaged=damaged) for index in range(len(document.data.get(kind, [])))]


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _place(document: Document, path: tuple[str | int, ...]) -> str:
    return f"{document.name}:{document.locate(path, key=True).line}"


def _error(message: str, hint: str | None, code: str, *, damaged: bool) -> UsageError | StoreError:
    if not damaged:
        return UsageError(message, hint=hint, code=code)
    file = message.partition(":")[0]
    advice = f"it is not forgotten silently: mend that line, or move the file away and every source counts as new: mv {file} {file}.damaged"
    return StoreError(f"{message}; the file is damaged", hint=advice, code=code)


def toml_time(time: datetime) -> str:
    """Return a time as TOML and RFC 3339 write it, to the second, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Hold the lock of a file while it is read, changed and written; one process at a time does.

    Raises:
        StoreError: Its folder can not be written to.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{path} can not be written: {error.strerror}", hint="check who owns its folder") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that others see the old one or the new one, and wait until it is on the disk. Mode 0600. A link is kept.

    Raises:
        StoreError: It can't be written.
    """
    target = path.resolve()
    aside = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise StoreError(f"{path} can not be written: {error.strerror}", hint="check the disk, and who owns the folder") from error
