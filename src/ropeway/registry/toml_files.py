"""Reading small TOML files, with the line of whatever is wrong in one."""

from __future__ import annotations

import re
from typing import Any

from ropeway.errors import UsageError

__all__ = ["decoded", "loads"]


def decoded(raw: bytes, where: str, hint: str, code: str) -> str:
    """Return a file's text with plain line ends.

    Raises:
        UsageError: It is not UTF-8; ``where`` names the file.
    """
    try:
        return raw.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError(f"{where}:{line}: this is not UTF-8", hint=hint, code=code) from None


def loads(text: str, where: str, hint: str, code: str) -> dict[str, Any]:
    """Return what a file holds.

    Raises:
        UsageError: It is not TOML; the message has the line.
    """
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).rpartition(" (at ")  # tomllib writes: what (at line 3, column 7)
        line = re.match(r"line (\d+)", place)
        lines = text.rstrip("\n").count("\n") + 1
        problem = f"{where}:{line[1] if line else lines}: {message or error}"
        raise UsageError(problem, hint=hint, code=code) from None
    except RecursionError:
        raise UsageError(f"{where}:1: this is nested too deeply", hint=hint, code=code) from None
