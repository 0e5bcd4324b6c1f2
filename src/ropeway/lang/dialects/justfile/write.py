"""Writes TOML the way a person would."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["array", "comment", "key", "script", "string", "table"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def key(name: str) -> str:
    """Return a key, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else string(name)


def string(text: str) -> str:
    """Return a text as a value on one line."""
    if ("\\" in text or '"' in text) and "'" not in text and "\n" not in text and "\t" not in text and not _CONTROL.search(text):
        return f"'{text}'"
    escaped = re.sub(r'[\\"\n\t\r]', lambda match: _ESCAPES[match[0]], text)
    return f'"{_escaped(escaped)}"'


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04X}", text)


def script(text: str) -> str:
    """Return a script as a value: one line, or between three quotes with a line end behind the first."""
    if "\n" not in text:
        return string(text)
    if "'''" not in text and not _CONTROL.search(text) and not text.endswith("'") and ("\\" in text or '"""' in text):
        return f"'''\n{text}'''"
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    return f'"""\n{_escaped(escaped)}"""'


def array(items: Iterable[str]) -> str:
    """Return a list of texts."""
    return f"[{', '.join(map(string, items))}]"


def table(values: Mapping[str, str]) -> str:
    """Return a table on one line; the values are TOML already."""
    return "{ " + ", ".join(f"{key(name)} = {value}" for name, value in values.items()) + " }"


def comment(lines: Sequence[str]) -> list[str]:
    """Return lines as comments."""
    return [f"# {_CONTROL.sub(' ', line)}".rstrip() for line in lines]
