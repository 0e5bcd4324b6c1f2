"""Writing text into TOML files, which are read by tomllib and by people."""

from __future__ import annotations

from typing import Final

from ropeway.errors import UsageError

__all__ = ["toml_string"]

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def toml_string(text: str) -> str:
    """Return text as a basic string of TOML 1.0.

    Raises:
        UsageError: It holds bytes of a path that are not UTF-8, which no TOML file can.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{text!r:.200} can't stand in a TOML file", hint="give that path a name in UTF-8", code="not-utf8") from None
    shown = "".join(_ESCAPES.get(each) or (f"\\u{ord(each):04x}" if ord(each) < 0x20 or each == "\x7f" else each) for each in text)
    return f'"{shown}"'
