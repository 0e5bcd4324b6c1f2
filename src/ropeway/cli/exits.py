"""The boundary: every way in which a command can end, turned into a message, a hint and an exit status.

0 done · 1 the run failed, or a comparison found a difference · 2 usage or invalid workflow · 3 not found or unreachable · 4 refused
· 5 cancelled · 6 waiting for a person · 130 Ctrl-C. No traceback reaches a person unless ``ROPEWAY_TRACEBACK=1`` asks for one; it
goes to a report file instead.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, cast

from ropeway.cli.console import ColorChoice, Console
from ropeway.cli.failures import INTERRUPTED, show_error
from ropeway.errors import RopewayError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["bounded", "console_for"]

_LOST_READER = 141  # what a shell reports for a program that SIGPIPE ended


def bounded(args: Sequence[str]) -> int:
    """Carry out a command line and return its exit status; nothing is raised but ``SystemExit`` of a forked child."""
    _open_closed_streams()
    console = console_for(args)
    status = _caught(console, args, lambda: _dispatch(console, args))
    return _caught(console, args, lambda: _flushed(console, status))


def _open_closed_streams() -> None:
    """Take the places of standard streams that the caller closed: the next file opened would get their numbers, and a step its log."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(fd, "w" if fd else "r", encoding="utf-8", closefd=False))  # noqa: SIM115 - lives as long as the process


def _flushed(console: Console, status: int) -> int:
    console.flush()
    return status


def console_for(args: Sequence[str]) -> Console:
    """Return a console for a command line that was not parsed yet: an error in the options has to honour ``--json`` as well."""
    options = list(args[: args.index("--")]) if "--" in args else list(args)
    color = "auto"
    for index, word in enumerate(options):
        value = word.partition("=")[2] if word.startswith("--color=") else ""
        if word == "--color" and index + 1 < len(options):
            value = options[index + 1]
        color = value if value in {"auto", "always", "never"} else color
    return Console(json="--json" in options, plain="--plain" in options, color=cast("ColorChoice", color))


def _dispatch(console: Console, args: Sequence[str]) -> int:
    from ropeway.cli.running import plain_line, run

    plain = plain_line(args, os.environ)
    if plain is not None:
        target, locked, offline = plain
        return run(console, target, locked=locked, offline=offline)
    from ropeway.cli.group import run_group

    return run_group(args, console)


def _caught(console: Console, args: Sequence[str], call: Callable[[], int]) -> int:
    try:
        return call()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        console.abandon()
        return _LOST_READER
    except Exception as error:  # noqa: BLE001 - the one catch-all of the command line
        return _tell(console, args, error)


def _tell(console: Console, args: Sequence[str], error: Exception) -> int:
    """Show an error; when even that can not be written, the status alone has to do."""
    try:
        if isinstance(error, RopewayError):
            return show_error(console, error)
        if isinstance(error, OSError):
            return _show_os_error(console, args, error)
        return _show_unexpected(console, args, error)
    except BrokenPipeError:
        console.abandon()
        return _LOST_READER
    except OSError:
        return error.exit_status if isinstance(error, RopewayError) else 1


def _show_os_error(console: Console, args: Sequence[str], error: OSError) -> int:
    """Tell a full disk, a read-only file system or a missing permission as what they are; anything else is unexpected."""
    import errno

    from ropeway.errors import StoreError

    if error.errno == errno.ENOENT and not error.filename and _folder_is_gone():
        gone = StoreError("the folder that you are in is gone", hint="change to one that is there", code="cwd-gone")
        return show_error(console, gone)
    known = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.EIO}
    if error.errno not in known:
        return _show_unexpected(console, args, error)
    where = f" ({error.filename})" if error.filename else ""
    return show_error(console, StoreError(f"{error.strerror or 'input/output error'}{where}", code="io"))


def _folder_is_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - the question is whether this works
    except FileNotFoundError:
        return True
    return False


def _show_unexpected(console: Console, args: Sequence[str], error: Exception) -> int:
    if os.environ.get("ROPEWAY_TRACEBACK") == "1":
        raise error
    path = _write_report(args, error)
    kept = f"a report was saved in {path}" if path else "no report could be saved; ROPEWAY_TRACEBACK=1 shows where it happened"
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return show_error(console, RopewayError(f"internal error: {what}", hint=f"this is a mistake in Ropeway; {kept}", code="internal"))


def _write_report(args: Sequence[str], error: Exception) -> Path | None:
    """Save a traceback without values (a parameter may be private) and return its path, or None when no folder takes it."""
    import platform
    import tempfile
    import time
    import traceback
    from pathlib import Path

    from ropeway import __version__, settings

    words = " ".join(w.partition("=")[0] + "=…" if "=" in w else w for w in args)
    text = "".join(
        [
            f"ropeway {__version__}, Python {platform.python_version()}, {platform.platform()}\n",
            f"workflow {words}\n\n",
            *traceback.format_exception(error),
        ]
    )
    name = f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.txt"
    for folder in (settings.state_dir(os.environ) / "reports", Path(tempfile.gettempdir()) / f"ropeway-reports-{os.getuid()}"):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = folder / name
            with path.open("x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return path
    return None
