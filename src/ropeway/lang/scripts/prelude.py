"""How a shell script gets values that are too large for its environment: from files, read on its first line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["prelude"]


def prelude(shell: str, files: Mapping[str, str]) -> str:
    """Return text to put right before a compiled script; it has no line end, so that the script's lines keep their numbers.

    Args:
        shell: ``bash`` or ``sh``; python and node read one file with all values by themselves, and get an empty prelude.
        files: The absolute path of a file for each variable. It holds the value, byte for byte.

    The variables are not exported: a process that the script starts could not be given values of that size. A file that can not be
    read ends the script, since it runs with ``-e``.
    """
    if shell not in {"bash", "sh"}:
        return ""
    return "".join(f"unset -v {name}; {_read(name, path)}; " for name, path in files.items())


def _read(name: str, path: str) -> str:
    # $(…) drops trailing line ends, so a full stop stands behind them until it is done. POSIX has it outside all multi-byte characters.
    quoted = "'" + path.replace("'", "'\\''") + "'"
    return f"{name}=$(cat -- {quoted} && printf .); {name}=${{{name}%.}}"
