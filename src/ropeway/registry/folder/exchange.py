"""Putting a folder in the place of another one, so that a process that is killed in between loses nothing.

Beside a folder ``NAME``, hidden: ``.NAME.PID.RANDOM/`` is a publisher's own, and holds only what it made, or has found to be made by a publish.
``.NAME.PID.RANDOM.old`` is what changes places with ``NAME``; it may hold what a person has put there meanwhile.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ropeway.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["clear_unwritten", "exchange", "recover", "working_folder"]

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_LEFT: Final = 86_400.0
"""Seconds after which a folder is given up where no lock tells whether somebody works in it."""


def working_folder(target: Path) -> Path:
    """Make a folder of one's own beside ``target``, with a name that :func:`recover` knows."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    made.mkdir()
    return made


def exchange(new: Path, target: Path, known: Callable[[Path], bool]) -> None:
    """Put ``new``, which is in a working folder, in the place of ``target``, and what was there into the working folder.

    Readers see the one or the other. Where the system can't exchange two folders at once (Linux can, on most file systems), nothing is there for a moment.

    Args:
        new: The folder.
        target: Its place; it may be empty.
        known: Whether a folder holds only what a publish wrote; it is asked again once nobody can reach it by its name any more.

    Raises:
        Refused: Somebody wrote into ``target`` meanwhile (code ``folder-changed``); it is in its place again.
        OSError: It can't be done; everything is where it was.
    """
    if not os.path.lexists(target):
        new.rename(target)
        return
    aside = new.parent.with_name(f"{new.parent.name}.old")
    _swap(new, target, aside)
    if known(aside):
        aside.rename(new.parent / "old")
        return
    if not _at_once(aside, target):
        target.rename(new.parent / "old")
    aside.rename(new.parent / "old" if os.path.lexists(target) else target)
    raise Refused(
        f"somebody changed {target} while it was replaced", hint="look at what is new there, and publish again", code="folder-changed"
    )


def _swap(new: Path, target: Path, aside: Path) -> None:
    """Put ``new`` in the place of ``target``, and ``target`` at ``aside``."""
    new.rename(aside)
    if _at_once(aside, target):
        return
    aside.rename(new)
    target.rename(aside)
    try:
        new.rename(target)
    except OSError:
        aside.rename(target)
        raise


def _at_once(one: Path, other: Path) -> bool:
    """Exchange two names by renameat2(2), and return whether that worked."""
    import ctypes

    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return bool(call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def recover(target: Path, known: Callable[[Path], bool], *, alone: bool) -> None:
    """Bring back, or clean up, what publishers that were killed have left beside ``target``.

    Args:
        target: The folder.
        known: Whether a folder holds only what a publish wrote.
        alone: Whether the registry's lock is held; without it only what is old is cleaned up.

    Raises:
        Refused: What was left holds files that no publish wrote, and something else is in its place (code ``publish-leftover``).
        OSError: It can't be done.
    """
    left = _left_beside(target)
    aside = [path for path in left if path.name.endswith(".old")]
    working = [path for path in left if path not in aside]
    if aside and not os.path.lexists(target):
        newest = max(aside, key=lambda path: path.lstat().st_ctime_ns)
        newest.rename(target)
        aside.remove(newest)
    for path in aside:
        if not known(path):
            hint = f"it was {target} when a publish was cut short: move what you need elsewhere and remove it, then publish again"
            raise Refused(f"{path} holds files that no publish wrote", hint=hint, code="publish-leftover")
        if alone or _is_old(path):
            given_up = working_folder(target)
            path.rename(given_up / "old")
            working.append(given_up)
    for path in working:
        if alone or _is_old(path):
            shutil.rmtree(path, ignore_errors=True)


def clear_unwritten(file: Path) -> None:
    """Remove what killed writers of a file have left beside it; only whoever holds the lock under which it is written may do so."""
    for path in _left_beside(file):
        with suppress(OSError):
            path.unlink()


def _left_beside(path: Path) -> list[Path]:
    """Return what has been made beside a file or folder to take its place, with the names that this package gives."""
    own = re.compile(rf"\.{re.escape(path.name)}\.[0-9]+\.[0-9a-f]{{8}}(?:\.old)?")
    with suppress(FileNotFoundError):
        return [each for each in path.parent.iterdir() if own.fullmatch(each.name)]
    return []


def _is_old(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return time.time() - path.lstat().st_ctime >= _LEFT
    return False
