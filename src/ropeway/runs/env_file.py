"""Reading a ``.env`` file: names and literal values, nothing is expanded.

A file is read only when a person names it (``--env-file``) or the policy does; Ropeway never goes looking for one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.errors import NotFound, StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ASSIGNMENT = re.compile(
    r"""
    [ \t]* (?: export [ \t]+ )? (?P<name> [A-Za-z_][A-Za-z0-9_]* ) [ \t]* = [ \t]*
    (?: ' (?P<literal> [^']* ) ' | " (?P<quoted> (?: [^"\\] | \\. )* ) " | (?P<bare> (?: [^\n'"\#] (?: [^\n\#] | (?<![ \t])\# )* )? ) )
    [ \t]* (?: \#[^\n]* )? (?: \n | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)
_NOTHING = re.compile(r"[ \t]*(?:#[^\n]*)?\n|[ \t]*(?:#[^\n]*)?\Z")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "`": "`"}


_HINT = "--env-file names a file of NAME=value lines"


def with_env_file(environ: Mapping[str, str], path: Path | None, *, hint: str = _HINT) -> dict[str, str]:
    """Return the environment with what a file adds to it; the real environment wins over the file. ``hint`` is for one that is not there."""
    return {**read_env_file(path, hint=hint), **environ} if path is not None else dict(environ)


def read_env_file(path: Path, *, hint: str = _HINT) -> dict[str, str]:
    """Return what a file holds; raises :class:`NotFound`, :class:`StoreError` or :class:`UsageError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"there is no file {path}", hint=hint, code="file-not-found") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise StoreError(f"{path} can not be read: {error.strerror}") from error
    return parse_env(text, str(path))


def parse_env(text: str, place: str) -> dict[str, str]:
    r"""Return the names and values of ``NAME=value`` lines; of a name that stands twice, the last value.

    ``export`` in front is allowed, so are empty lines and ``#`` comments. ``'…'`` is literal, ``"…"`` knows ``\n \r \t \" \\ \$``; both
    may span lines. ``$NAME`` stays as it is: text never becomes code. Raises :class:`UsageError` naming ``place`` and line.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if "\0" in text:
        raise UsageError(f"{place} holds a NUL byte", hint="no environment variable can", code="env-file")
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
        nothing = _NOTHING.match(text, at)
        if nothing:
            at = nothing.end()
            continue
        found = _ASSIGNMENT.match(text, at)
        if not found:
            line = text.count("\n", 0, at) + 1
            # The line itself may be a secret: it is not repeated.
            raise UsageError(f"{place}:{line}: this is not NAME=value", hint="quote a value that holds quotes or spaces", code="env-file")
        values[found["name"]] = _value(found)
        at = found.end()
    return values


def _value(found: re.Match[str]) -> str:
    if found["literal"] is not None:
        return found["literal"]
    if found["quoted"] is not None:
        return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[0]), found["quoted"], flags=re.DOTALL)
    return (found["bare"] or "").rstrip(" \t")
