"""The functions and constants of just: which are known, what they are for texts that are known, and which our expressions have."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CONSTANTS", "HINTS", "KNOWN", "in_cel", "of_constants"]

_STYLES = {
    "NORMAL": 0,
    "BOLD": 1,
    "ITALIC": 3,
    "UNDERLINE": 4,
    "INVERT": 7,
    "HIDE": 8,
    "STRIKETHROUGH": 9,
}
_COLORS = ("BLACK", "RED", "GREEN", "YELLOW", "BLUE", "MAGENTA", "CYAN", "WHITE")
CONSTANTS = {
    "HEX": "0123456789abcdef",
    "HEXLOWER": "0123456789abcdef",
    "HEXUPPER": "0123456789ABCDEF",
    "PATH_SEP": "/",
    "PATH_VAR_SEP": ":",
    "CLEAR": "\x1bc",
    **{name: f"\x1b[{code}m" for name, code in _STYLES.items()},
    **{name: f"\x1b[{30 + at}m" for at, name in enumerate(_COLORS)},
    **{f"BG_{name}": f"\x1b[{40 + at}m" for at, name in enumerate(_COLORS)},
}
"""Names that every justfile has."""


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0]


def _extension(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[1].removeprefix(".")


def _stripped(text: str, part: str) -> str:
    while part and text.endswith(part):
        text = text.removesuffix(part)
    return text


def _stripped_start(text: str, part: str) -> str:
    while part and text.startswith(part):
        text = text.removeprefix(part)
    return text


def _joined(*parts: str) -> str:
    return posixpath.join(*parts)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _words(text: str, make: Callable[[str], str]) -> str:
    return " ".join(make(word) for word in text.split())


_PURE: dict[str, tuple[int, Callable[..., str]]] = {
    "append": (2, lambda suffix, text: _words(text, lambda word: word + suffix)),
    "capitalize": (1, lambda text: text[:1].upper() + text[1:].lower()),
    "extension": (1, _extension),
    "file_name": (1, posixpath.basename),
    "file_stem": (1, _stem),
    "just_executable": (0, lambda: "just"),
    "lowercase": (1, str.lower),
    "os_family": (0, lambda: "unix"),
    "parent_directory": (1, posixpath.dirname),
    "prepend": (2, lambda prefix, text: _words(text, lambda word: prefix + word)),
    "quote": (1, _quoted),
    "replace": (3, lambda text, old, new: text.replace(old, new)),
    "trim": (1, str.strip),
    "trim_end": (1, str.rstrip),
    "trim_end_match": (2, str.removesuffix),
    "trim_end_matches": (2, _stripped),
    "trim_start": (1, str.lstrip),
    "trim_start_match": (2, str.removeprefix),
    "trim_start_matches": (2, _stripped_start),
    "uppercase": (1, str.upper),
    "without_extension": (1, lambda path: posixpath.join(posixpath.dirname(path), _stem(path))),
}
_CEL = {"lowercase": "lower({})", "uppercase": "upper({})", "quote": "{}"}

BY_SHELL = {
    "absolute_path": "1",
    "arch": "0",
    "canonicalize": "1",
    "datetime": "1",
    "datetime_utc": "1",
    "env": "12",
    "env_var": "1",
    "env_var_or_default": "2",
    "error": "1",
    "file_name": "1",
    "home_directory": "0",
    "justfile": "0",
    "justfile_directory": "0",
    "num_cpus": "0",
    "os": "0",
    "parent_directory": "1",
    "path_exists": "1",
    "read": "1",
    "require": "1",
    "sha256_file": "1",
    "shell": "123456789",
    "source_directory": "0",
    "trim": "1",
    "trim_end": "1",
    "trim_start": "1",
    "uuid": "0",
    "which": "1",
}
"""What a shell can find out, with the numbers of arguments."""

KNOWN = frozenset({*_PURE, *BY_SHELL, "join"})
HINTS = {
    "invocation_directory": "a run has one folder; hand the other one in as a parameter",
    "invocation_directory_native": "a run has one folder; hand the other one in as a parameter",
    "just_pid": "a run is known by its id: $ROPEWAY_RUN in a script",
    "is_dependency": "make two recipes of it",
    "assert": "write an if around the rest of the script",
    "style": "use the escape sequence, or leave the colour away",
    "replace_regex": "use sed in the recipe's script",
}
"""What to do without a function that is not converted."""

_DATE = re.compile(r"(?:[^%]|%[YmdHMSjyBbAaeFTDRusp%])*")
"""Formats that the command ``date`` reads as just does."""


def of_constants(name: str, values: Sequence[str]) -> str | None:
    """Return what a function makes of texts that are known; None when it looks at the machine, or takes another number of them."""
    if name == "join" and len(values) > 1:
        return _joined(*values)
    known = _PURE.get(name)
    if known is None or known[0] != len(values):
        return None
    return known[1](*values)


def in_cel(name: str, source: str) -> str | None:
    """Return the call of a function of one value in our expressions; None when they have no such function."""
    form = _CEL.get(name)
    return form.format(source) if form is not None else None


def is_date(text: str) -> bool:
    """Whether a format of a date means the same to the command ``date``."""
    return _DATE.fullmatch(text) is not None
