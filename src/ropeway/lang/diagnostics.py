"""What is wrong with a workflow file, where, and what to do about it.

A check never raises for a problem in the person's file: it adds a :class:`Diagnostic` to :class:`Problems` and goes on, so that
all problems are shown at once. Places are given as a *path* into the document (``("steps", "build", "run")``) and turned into
``file:line:column`` only when a diagnostic is made, so that a file without problems never pays for positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

Severity = Literal["error", "warning", "note"]
Path = tuple[str | int, ...]


@record
class Location:
    """A stretch of one line of a file.

    ``line`` and ``column`` count from 1, columns in code points; ``end_column`` is exclusive and on the same line;
    ``text`` is the whole source line without its newline.
    """

    file: str
    line: int
    column: int
    end_column: int
    text: str


class Locator(Protocol):
    """Finds the place of a value in what the person wrote. Never raises; the nearest known place is good enough."""

    def locate(self, path: Path, *, key: bool = False, offset: int | None = None, length: int = 1) -> Location:
        """Return where the value at ``path`` stands (its key when ``key``).

        ``offset`` and ``length`` name a part of a *string* value, in code points of the parsed value: escapes, indentation and
        line ends of the file are accounted for.
        """
        ...


@record
class Diagnostic:
    """One problem. ``code`` is stable; ``workflow explain CODE`` tells more."""

    code: str
    severity: Severity
    message: str
    hint: str | None
    location: Location

    def as_json(self) -> dict[str, str | int | None]:
        """Return the object that ``workflow validate --json`` prints."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "file": self.location.file,
            "line": self.location.line,
            "column": self.location.column,
            "hint": self.hint,
        }


class Problems:
    """Collects diagnostics for one document, in the order in which they are found."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator
        self._found: list[Diagnostic] = []

    def error(
        self,
        code: str,
        path: Path,
        message: str,
        *,
        hint: str | None = None,
        key: bool = False,
        offset: int | None = None,
        length: int = 1,
        severity: Severity = "error",
    ) -> None:
        """Add a problem at ``path``; see :meth:`Locator.locate` for ``key``, ``offset`` and ``length``."""
        location = self._locator.locate(path, key=key, offset=offset, length=length)
        self._found.append(Diagnostic(code, severity, message, hint, location))

    def warning(self, code: str, path: Path, message: str, *, hint: str | None = None, key: bool = False) -> None:
        """Add something that deserves a look and does not keep the workflow from running."""
        self.error(code, path, message, hint=hint, key=key, severity="warning")

    def note(self, code: str, path: Path, message: str, *, hint: str | None = None, key: bool = False) -> None:
        """Add something worth knowing."""
        self.error(code, path, message, hint=hint, key=key, severity="note")

    def extend(self, diagnostics: list[Diagnostic]) -> None:
        """Add diagnostics that were made elsewhere (a parser, another document)."""
        self._found.extend(diagnostics)

    @property
    def failed(self) -> bool:
        """Whether any of them is an error."""
        return any(d.severity == "error" for d in self._found)

    def sorted(self) -> list[Diagnostic]:
        """Return them by file and place, exact duplicates once."""
        unique = dict.fromkeys(self._found)
        return sorted(unique, key=lambda d: (d.location.file, d.location.line, d.location.column))

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
