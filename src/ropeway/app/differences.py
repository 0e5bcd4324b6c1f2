"""What differs between two moments of a run, as git shows it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.errors import NotFound
from ropeway.workspaces.programs import git, misleads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.app.time_travel import Range, Saved

__all__ = ["files", "pathspecs", "shown", "text"]

# One look for everybody: no program of the person's in between, names as they are, a/ and b/ so that `git apply` takes it.
_PLAIN = ("diff", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/")


def pathspecs(saved: Saved, paths: Sequence[str]) -> list[str]:
    """Return paths as git takes them: relative to the top of the repository; those that are typed in a folder of it are meant from there."""
    here = Path.cwd()
    below = os.path.relpath(here, saved.root) if here.is_relative_to(saved.root) else "."
    return [path if path.startswith(":") else os.path.normpath(os.path.join(below, path)) for path in paths]  # noqa: PTH118 - patterns


def files(saved: Saved, wanted: Range, paths: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the changed files: ``path``, ``status`` (``A`` added, ``M`` modified, ``D`` deleted, ``T`` another type of file), lines ``added`` and ``removed``.

    The two numbers are None for a binary file.
    """
    ends = (wanted.before.commit, wanted.after.commit, "--", *pathspecs(saved, paths))
    # Of each file, `--raw -z` prints ":modes ids STATUS", the path; `--numstat -z` then prints "added<tab>removed<tab>path".
    said = git(*_PLAIN, "--no-renames", "--raw", "--numstat", "-z", *ends, git_dir=saved.git_dir, cwd=_cwd(saved))
    words = iter(said.decode("utf-8", "surrogateescape").split("\0")[:-1])
    status: dict[str, str] = {}
    found: list[dict[str, Any]] = []
    for word in words:
        if word.startswith(":"):
            status[next(words)] = word.rpartition(" ")[2]
            continue
        added, removed, path = word.split("\t", 2)
        binary = added == "-"
        entry = {"path": path, "status": status[path], "added": None if binary else int(added), "removed": None if binary else int(removed)}
        found.append(entry)
    return found


def _argv(saved: Saved, wanted: Range, options: Sequence[str], paths: Sequence[str], pager: bool | None) -> list[str]:  # noqa: FBT001 - private
    before = [] if pager else ["--no-pager"]
    ends = [wanted.before.commit, wanted.after.commit, "--", *pathspecs(saved, paths)]
    return ["git", *before, "-c", "core.quotePath=false", f"--git-dir={saved.git_dir}", *_PLAIN, *options, *ends]


def shown(saved: Saved, wanted: Range, options: Sequence[str] = (), paths: Sequence[str] = (), *, pager: bool = False) -> int:
    """Let git print the difference to our standard output, through the person's pager if ``pager``; returns git's exit status.

    Args:
        saved: The run.
        wanted: From where to where.
        options: Options of ``git diff``: ``--stat``, ``--color=always`` …
        paths: Only these, as typed.
        pager: Whether git may start the pager when standard output is a terminal.

    Raises:
        NotFound: There is no git.
    """
    environ = {name: value for name, value in os.environ.items() if not misleads(name)}
    try:
        return subprocess.run(_argv(saved, wanted, options, paths, pager), cwd=_cwd(saved), env=environ, check=False).returncode
    except FileNotFoundError as error:
        raise NotFound(
            "there is no program git on the PATH", hint="install it with your system's packages", code="program-not-found"
        ) from error


def text(saved: Saved, wanted: Range, options: Sequence[str] = (), paths: Sequence[str] = ()) -> str:
    """Return the difference as text."""
    argv = _argv(saved, wanted, options, paths, pager=False)
    return git(*argv[2:], cwd=_cwd(saved)).decode("utf-8", "replace")


def _cwd(saved: Saved) -> str:
    """Return where git runs: where the attributes of the repository's files are found, if it still is there."""
    return saved.root if Path(saved.root).is_dir() else saved.git_dir
