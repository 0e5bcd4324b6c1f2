"""The entry point of the ``workflow`` command.

``--version`` and ``--help`` are answered before click is imported: they are asked often (by shells, editors, scripts) and have to
feel instant. All else goes through :mod:`ropeway.cli.group`, inside the boundary of :mod:`ropeway.cli.exits`.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: The arguments without the program's name. When None, those of the process, which then ends here.
    """
    try:
        status = _answer(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:  # before the boundary stood, or while it was at work
        status = 130
    if argv is None:
        _leave(status)
    return status


def _answer(args: list[str]) -> int:
    quick = _quick_answer(args)
    if quick is not None:
        return _print(quick)
    import gc

    gc.set_threshold(200_000, 20, 20)  # importing makes many objects and hardly garbage: 3 % of a short run
    from ropeway.cli.exits import bounded

    return bounded(args)


def _leave(status: int) -> None:
    """End the process as ``sys.exit`` does, but without freeing every object one by one: behind a fork that takes a sixth of a short run."""
    import os

    if sys.flags.interactive:  # somebody wants to look at what is left
        return
    if "atexit" in sys.modules:  # else nobody asked to be called
        handlers = getattr(sys.modules["atexit"], "_run_exitfuncs", None)
        if handlers is None:  # not CPython
            return
        handlers()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # closed, or its reader is gone: told where it was noticed
            continue
    os._exit(status)


def _quick_answer(args: list[str]) -> str | None:
    """Return the text for a question about the program as a whole, or None when it is not one."""
    asked = [arg for arg in args if arg != "--json"]
    if len(asked) == 1 and asked[0] in {"--version", "-V"}:
        from ropeway import __version__

        return f"ropeway {__version__}\n" if asked == args else f'{{"version": "{__version__}"}}\n'
    if not args or (len(args) == 1 and args[0] in {"--help", "-h", "help"}):
        import os

        if "_WORKFLOW_COMPLETE" in os.environ or "_ROPEWAY_COMPLETE" in os.environ:
            return None
        from ropeway.cli.overview import overview

        return overview()
    return None


def _print(text: str) -> int:
    if sys.stdout is None:  # the caller closed it
        return 0
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError as error:
        sys.stderr.write(f"error: the output can not be written: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
