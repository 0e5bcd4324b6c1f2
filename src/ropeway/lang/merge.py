"""Overrides: a workflow file with other files and ``key.path=value`` settings laid over it.

Tables are merged key by key, everything else is replaced whole. Each value remembers the document that it came from, so a diagnostic
about it points there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ropeway.lang.diagnostics import Diagnostic, Locator
from ropeway.lang.source import Document, read_document
from ropeway.lang.source.text import Lines
from ropeway.lang.source.toml_positions import read_key, scan
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ropeway.lang.diagnostics import Location, Path
    from ropeway.lang.source.text import Spans

OVERRIDE_NAME = "<override>"
"""What diagnostics call a ``key.path=value`` setting in place of a file."""


@record(frozen=False)
class Merged(Locator):
    """A document with overrides.

    ``name`` is the base file's. ``origins`` holds each place that an override filled and the document that filled it: the value there
    and everything in it is that document's, unless a longer path says otherwise.
    """

    name: str
    data: dict[str, Any]
    base: Document
    origins: dict[Path, Document] = field(default_factory=dict)

    def origin(self, path: Path) -> Document:
        """Return the document that the value at ``path`` came from; for what is not there, the nearest table's around it."""
        for length in range(len(path), 0, -1):
            found = self.origins.get(path[:length])
            if found is not None:
                return found
        return self.base

    def locate(self, path: Path, *, key: bool = False, offset: int | None = None, length: int = 1) -> Location:
        """See :meth:`Locator.locate`; the answer may be in any of the documents."""
        return self.origin(path).locate(path, key=key, offset=offset, length=length)


def merge(base: Document, overrides: Sequence[Document | str]) -> tuple[Merged, list[Diagnostic]]:
    """Lay overrides over a document; later ones win.

    Args:
        base: The workflow file as read. It is not changed.
        overrides: Files as read, or ``key.path=value`` settings: a key as in TOML, a value as in TOML or else plain text.

    Returns:
        What came out, and what is wrong with the settings themselves; a setting that can not be read changes nothing.
    """
    merged = Merged(base.name, _copy(base.data), base)
    problems: list[Diagnostic] = []
    for override in overrides:
        document = override
        if isinstance(document, str):
            document, found = read_setting(document)
            problems += found
        _lay_over(merged, merged.data, document.data, (), document)
    return merged, problems


def named_origins(merged: Merged) -> dict[str, str]:
    """Return for each overridden key, dotted as in TOML, where its value came from: ``override``, or ``override FILE``."""
    origins: dict[str, str] = {}
    for start in merged.origins:
        value: Any = merged.data
        for part in start:
            value = value[part]
        for path in _leaves(value, start):
            document = merged.origin(path)
            origins[dotted(path)] = "override" if document.name == OVERRIDE_NAME else f"override {document.name}"
    return origins


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    if not isinstance(value, dict) or not value:
        yield path
        return
    for key, inner in value.items():
        yield from _leaves(inner, (*path, key))


def dotted(path: Path) -> str:
    """Return a path as a dotted TOML key."""
    return ".".join(part if _is_bare(part) else json.dumps(part) for part in map(str, path))


def _is_bare(part: str) -> bool:
    return part.isascii() and part.replace("-", "a").replace("_", "a").isalnum()


def _lay_over(merged: Merged, below: dict[str, Any], above: dict[str, Any], path: Path, document: Document) -> None:
    for key, value in above.items():
        here = (*path, key)
        known = below.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            _lay_over(merged, known, value, here, document)
            continue
        below[key] = _copy(value)
        for stale in [p for p in merged.origins if p[: len(here)] == here]:
            del merged.origins[stale]
        merged.origins[here] = document


def read_setting(text: str) -> tuple[Document, list[Diagnostic]]:
    """Read one ``key.path=value``.

    Returns:
        A document that holds the value at its path and locates it in ``text``, and what is wrong with the text.
    """
    key = _key_of(text)
    if key is None:
        hint = "write KEY.PATH=VALUE, for example policy.max_parallel=4"
        return _no_setting(text, "an override that is no file sets one key", hint)
    if "\0" in text or not _encodable(text):
        return _no_setting(text, "the override holds characters that are not text", "give it as UTF-8, without NUL characters")
    path, key_start, key_end, value_start = key
    document, problems = read_document(text.encode(), OVERRIDE_NAME, format="toml")
    if not problems:
        document.spans = scan(text).spans
        whole = document.spans.get(path)
        if whole is not None and whole[3] == len(text.rstrip()):
            return document, []
    # Not one TOML value up to the end: plain text, as typed.
    data: Any = text[value_start:].strip()
    spans: Spans = {path: (key_start, key_end, value_start, len(text))}
    for depth in range(len(path), 0, -1):
        spans.setdefault(path[:depth], (key_start, key_end, key_start, key_end))
        data = {path[depth - 1]: data}
    return Document(OVERRIDE_NAME, text, "toml", data, spans), []


def _key_of(text: str) -> tuple[Path, int, int, int] | None:
    """Return the path before the ``=``, the start and end of its last part, and where the value begins."""
    parts = read_key(text)
    if parts is None:
        return None
    equals = parts[-1][2] + len(text[parts[-1][2] :]) - len(text[parts[-1][2] :].lstrip(" \t"))
    if not text.startswith("=", equals):
        return None
    after = text[equals + 1 :]
    return tuple(part[0] for part in parts), parts[-1][1], parts[-1][2], equals + 1 + len(after) - len(after.lstrip())


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_setting(text: str, message: str, hint: str) -> tuple[Document, list[Diagnostic]]:
    location = Lines(OVERRIDE_NAME, text).location(0, len(text))
    return Document(OVERRIDE_NAME, text, "toml", {}), [Diagnostic("RW030", "error", message, hint, location)]


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value
