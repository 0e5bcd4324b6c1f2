"""Writing a file that the person named."""

from __future__ import annotations

from pathlib import Path

from ropeway.errors import StoreError

__all__ = ["write_text"]


def write_text(name: str, text: str) -> None:
    """Write a file, its folder made when it is not there.

    Raises:
        StoreError: It can not be written.
    """
    path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreError(f"{name or 'the file'} can not be written: {reason}", code="file-unwritable") from error
