"""``builtin:vcs-diff``.

What a workflow says never becomes an option of git or jj: a revision is looked up first, and what goes on is its id; paths stand behind ``--`` or are quoted.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.runs.steps.files import ActionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def vcs_diff(inputs: Mapping[str, Any], log: Callable[[str], None]) -> dict[str, Any]:
    """``builtin:vcs-diff``: what differs from ``from`` (default: the last commit) in this jj or git working copy, untracked files included."""
    base, paths = str(inputs.get("from") or ""), [str(p) for p in inputs.get("paths") or []]
    if "\0" in "".join((base, *paths)):
        raise ActionFailed("a change or a path holds a NUL byte")
    if _above(".jj") and not _above(".git"):
        diff, names = _jj_diff(base or "@-", paths)
    elif _above(".git"):
        diff, names = _git_diff(base or "HEAD", paths)
    else:
        raise ActionFailed("no jj or git repository here", hint="run the workflow in a repository")
    log(f"{len(names)} files differ from {base or 'the last commit'}")
    return {"diff": diff, "files": names, "changed": bool(names)}


def _above(name: str) -> bool:
    here = Path.cwd()
    return any((folder / name).exists() for folder in (here, *here.parents))


def _jj_diff(base: str, paths: list[str]) -> tuple[str, list[str]]:
    # ``base`` is an expression of jj's own language, which reads and never writes; with "=" it can't be taken for an option.
    where = [f"--from={base}", "--to=@", "--", *[f'cwd:"{_quoted(path)}"' for path in paths]]
    return _output(["jj", "--no-pager", "diff", "--git", *where]), _output(["jj", "--no-pager", "diff", "--name-only", *where]).splitlines()


def _quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')


def _git_diff(base: str, paths: list[str]) -> tuple[str, list[str]]:
    commit = _commit(base)
    untracked = _output(["git", "ls-files", "--others", "--exclude-standard", "-z", "--", *paths]).split("\0")[:-1]
    git = ["git", "-c", "core.quotePath=false", "diff", "--no-ext-diff", "--no-color"]
    diff = _output([*git, commit, "--", *paths])
    names = _output([*git, "--name-only", "-z", commit, "--", *paths]).split("\0")[:-1]
    for name in untracked:
        diff += _output([*git, "--no-index", "--", os.devnull, name], good=(0, 1))
    return diff, sorted({*names, *untracked})


def _commit(base: str) -> str:
    """Return the id of the commit that ``base`` names."""
    found = _output(["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}"], good=(0, 1, 128)).split()
    if len(found) != 1:  # of a range it prints both ends
        raise ActionFailed(f"git knows no commit {base!r} here", hint="`from` is a commit, a branch or a tag")
    return found[0]


def _output(argv: list[str], good: tuple[int, ...] = (0,)) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise ActionFailed(f"{argv[0]} is not installed", hint=f"install {argv[0]}") from error
        raise ActionFailed(f"can't start {argv[0]}: {error.strerror}") from error
    if done.returncode not in good:
        raise ActionFailed(f"{' '.join(argv[:4])} failed: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout.decode("utf-8", "replace")
