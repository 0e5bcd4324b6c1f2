"""What would be lost if a working copy went now."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from ropeway.errors import NotFound, Refused
from ropeway.workspaces import metadata
from ropeway.workspaces.comparing import differing, files_of, is_id, not_as_checked_out, stand_in
from ropeway.workspaces.programs import ProgramFailed, git, jj
from ropeway.workspaces.worktrees import registered_at

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMED: Final = 3  # paths that a message names
_RUN: Final = re.compile(r"[A-Za-z0-9._-]+\Z")
_BRANCH: Final = re.compile(rb"ref: (refs/[^\0-\x20\x7f]+)\n?\Z")


def check_saved(id: str, path: str, home: str, git_dir: str | None, why: str = "") -> None:  # noqa: A002 - the word that people use
    """Make sure that nothing is lost when a working copy goes.

    Raises:
        Refused: Something would be; the message begins with ``why``.
        ProgramFailed: git or jj can't say.
    """
    try:
        known = metadata.read(path)
    except NotFound:
        known = {}
    lost = unsaved(path, home, git_dir, known)
    if lost:
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        named = f"{why}the workspace {id} holds what is saved nowhere else: {', '.join(lost[:_NAMED])}{more}"
        hint = f"it is in {path}; `workflow workspace clean {id} --force` removes it all the same"
        raise Refused(named, hint=hint, code="workspace-unsaved")


def unsaved(path: str, home: str, git_dir: str | None, known: Mapping[str, object], *, snapshot: str = "") -> list[str]:
    """Return what a working copy holds that is nowhere else: changed paths, and the commit it is on.

    A path counts as saved when one of these has the same there: the latest snapshot of its run, the commit that it was made from, the one that it is on, the person's
    own folder (a copy begins with their uncommitted files). Ignored files do not count. Neither git nor jj is started in the copy.

    Args:
        path: The working copy.
        home: The person's own folder.
        git_dir: The repository that has the commits and snapshots, None when there is none.
        known: The metadata of the working copy, as far as there is any.
        snapshot: The commit of its run's latest snapshot; looked up by the metadata when empty.

    Raises:
        ProgramFailed: git or jj can't say.
        StoreError: The copy can't be read.
    """
    above, name = os.path.split(os.path.abspath(path))
    copy = os.path.join(os.path.realpath(above), name)
    own = [".git"] if os.path.isdir(os.path.join(copy, ".git")) and not os.path.islink(os.path.join(copy, ".git")) else []
    if git_dir is None:
        with stand_in() as empty:
            return own + _shown(differing(os.fsencode(copy), os.fsencode(home), empty, []))
    base = str(known.get("base_commit") or "")
    worktree = next(iter(registered_at(git_dir, copy)), None)
    head = _head(worktree, git_dir) if worktree is not None else ""
    saved = [base, snapshot or _latest(git_dir, str(known.get("run") or "")), head]  # the base first: it has its submodules from elsewhere
    lost = _lost(copy, home, git_dir, saved)
    if lost and worktree is None and _is_jj(copy, known):
        lost = _lost(copy, home, git_dir, [*saved, *_jj_heads(name, home)])
    commits: list[str] = []
    if worktree is not None:
        for commit in filter(is_id, dict.fromkeys((head, base))):
            lost = not_as_checked_out(os.fsencode(copy), lost, git_dir, commit)
        commits = _loose_commit(head, home, git_dir, base)
    return commits + own + _shown(lost)


def _shown(paths: list[bytes]) -> list[str]:
    return [name.decode("utf-8", "backslashreplace") for name in paths]


def _lost(copy: str, home: str, git_dir: str, commits: list[str]) -> list[bytes]:
    found = (files_of(git_dir, commit) for commit in dict.fromkeys(commits) if commit)
    return differing(os.fsencode(copy), os.fsencode(home), git_dir, [files for files in found if files is not None])


def _latest(git_dir: str, run: str) -> str:
    """Return the commit of a run's latest snapshot; empty when there is none."""
    if not _RUN.match(run):
        return ""
    listed = git("for-each-ref", "--format=%(objectname) %(refname)", f"refs/ropeway/{run}/", git_dir=git_dir).decode().splitlines()
    numbered = [
        (int(label), commit) for commit, _, ref in (line.partition(" ") for line in listed) if (label := ref.rpartition("/")[2]).isdecimal()
    ]
    return max(numbered)[1] if numbered else ""


# -- where it is ------------------------------------------------------------------------------------------------------------------------


def _head(worktree: str, git_dir: str) -> str:
    """Return the commit that a worktree is on, as the repository (not the copy) says; empty when it is on none."""
    try:
        with open(os.path.join(worktree, "HEAD"), "rb") as file:
            words = file.read(4096)
    except OSError:
        return ""
    branch = _BRANCH.match(words)
    if branch is None:
        text = words.decode(errors="replace").strip()
        return text if is_id(text) else ""
    name = os.fsdecode(branch[1])
    return git("rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}", git_dir=git_dir, ok=(0, 1)).decode().strip()


def _loose_commit(head: str, home: str, git_dir: str, base: str) -> list[str]:
    """Return the commit that a worktree is on, if only the worktree keeps it from being collected."""
    if not head or head == base:
        return []
    try:
        here = git("rev-parse", "-q", "--verify", "HEAD^{commit}", cwd=home, ok=(0, 1)).decode().strip()
    except (NotFound, ProgramFailed):  # the person's folder is gone, the repository is not
        here = ""
    if head == here or git("for-each-ref", "--count=1", f"--contains={head}", git_dir=git_dir).strip():
        return []
    return [f"commit {head[:12]}, which is on no branch"]


def _is_jj(copy: str, known: Mapping[str, object]) -> bool:
    return known.get("backend") == "jj" or (not known.get("backend") and os.path.lexists(os.path.join(copy, ".jj")))


def _jj_heads(name: str, home: str) -> list[str]:
    """Return the commits that a jj workspace is on top of. jj only looks, in the person's folder, and writes no operation."""
    try:
        return jj("log", "--no-graph", "-r", f'"{name}"@-', "-T", 'commit_id ++ "\\n"', cwd=home, look=True).decode().split()
    except (NotFound, ProgramFailed):  # it is not on jj's list any more
        return []
