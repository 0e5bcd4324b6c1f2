"""What jj says of a repository: its commits, its workspaces, and why it can't say."""

from __future__ import annotations

import os
import re
from typing import Final

from ropeway.errors import NotFound, RopewayError, StoreError, UsageError
from ropeway.records import record
from ropeway.workspaces.programs import ProgramFailed, git, jj
from ropeway.workspaces.uncommitted import Status

ROOT: Final = "root()"
"""The revset of the commit that every jj repository begins with and git does not have."""

_PARENTS = 'parents.map(|c| c.commit_id()).join(" ")'
_FIELDS = ("commit_id", "change_id", _PARENTS, "conflict", "hidden", "description")
_TEMPLATE: Final = "".join(f'{name} ++ "\\0" ++ ' for name in _FIELDS) + '""'
_WORKSPACES: Final = 'name ++ "\\0" ++ target.commit_id() ++ "\\0" ++ root ++ "\\0"'
_COPIES: Final = 'working_copies ++ "\\0" ++ commit_id ++ "\\0"'


@record
class Commit:
    """A commit: its ids, those of its parents (none: it is the root commit), whether it has conflicts, and whether nothing visible has it any more."""

    id: str
    change: str
    parents: tuple[str, ...]
    conflict: bool
    hidden: bool
    description: str


@record
class Listed:
    """A workspace on jj's list: its name, the id of its commit, and its top folder ("" when jj does not say)."""

    name: str
    commit: str
    root: str


def commits(revset: str, cwd: str, *, look: bool = True, at: str | None = None) -> list[Commit]:
    """Return the first two commits of a revset, newest first.

    Args:
        revset: What to look for.
        cwd: The workspace to look from.
        look: Do not save the workspace's files first.
        at: The operation to look at; None for the newest.

    Raises:
        ProgramFailed: jj can't say.
    """
    when = () if at is None else (f"--at-operation={at}",)
    args = ("log", "--no-graph", "--limit=2", f"--revisions={revset}", f"--template={_TEMPLATE}", *when)
    fields = jj(*args, cwd=cwd, look=look).decode(errors="replace").split("\0")
    rows = zip(*[iter(fields)] * len(_FIELDS), strict=False)
    return [Commit(oid, change, tuple(above.split()), c == "true", h == "true", text) for oid, change, above, c, h, text in rows]


def one_commit(revset: str, cwd: str, *, look: bool = True) -> Commit:
    """Return the commit that a revset names.

    Raises:
        NotFound: It names none.
        UsageError: It names several, or is no revset.
        StoreError: The repository can't be read.
    """
    try:
        found = commits(revset, cwd, look=look)
    except ProgramFailed as error:
        raise _said(error, revset) from error
    if not found:
        raise NotFound(f"the revset {revset!r} names no commit", hint="`jj log -r 'all()'` shows them", code="base-not-found")
    if len(found) > 1:
        hint = f"name one of them, say {found[0].id[:12]}"
        raise UsageError(f"the revset {revset!r} names more than one commit", hint=hint, code="base-ambiguous")
    return found[0]


def _said(error: ProgramFailed, revset: str) -> RopewayError:
    """Return jj's complaint about a revset as our error."""
    said = error.complaint
    if "doesn't exist" in said:
        hint = "`jj log -r 'all()'` shows commits, `jj bookmark list --all` shows bookmarks; that of a remote is called main@origin"
        return NotFound(f"the jj repository has no revision {revset!r}", hint=hint, code="base-not-found")
    if "Failed to parse revset" in said:
        return UsageError(f"{revset!r} is no revset that jj understands", hint="see `jj help -k revsets`", code="base-revset")
    if "is stale" in said:
        return StoreError("your jj workspace is stale", hint="run `jj workspace update-stale`", code="vcs-failed")
    return error


def workspaces(cwd: str) -> list[Listed]:
    """Return the workspaces of a repository.

    Raises:
        ProgramFailed: jj can't say.
    """
    try:
        listed = jj("workspace", "list", f"--template={_WORKSPACES}", cwd=cwd, look=True).split(b"\0")
    except ProgramFailed:  # before 0.40, jj does not say where they are
        listed = jj("log", "--no-graph", "--revisions=working_copies()", f"--template={_COPIES}", cwd=cwd, look=True).split(b"\0")
        rows = zip(*[iter(os.fsdecode(part) for part in listed)] * 2, strict=False)
        return [Listed(name.removesuffix("@").strip('"'), commit, "") for names, commit in rows for name in names.split()]
    triples = zip(*[iter(os.fsdecode(part) for part in listed)] * 3, strict=False)
    return [Listed(name, commit, root if os.path.isabs(root) else _recorded(name, cwd)) for name, commit, root in triples]


def _recorded(name: str, cwd: str) -> str:
    """Return where a workspace was when jj last heard of it, although nothing is there now; "" when jj has forgotten."""
    try:
        return os.fsdecode(jj("workspace", "root", f"--name={name}", cwd=cwd, look=True)).removesuffix("\n")
    except ProgramFailed as error:
        found = re.search(r"workspace path: (/.*)\nCaused by", error.complaint, re.DOTALL)
        return os.path.normpath(found[1]) if found else ""


def of_workspace(name: str) -> str:
    """Return the revset of a workspace's commit."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"@'


def untracked(root: str, repository: str, store: str, commit: str) -> Status:
    """Return what is in a working copy, neither tracked nor ignored: files over jj's limit, repositories of their own.

    Args:
        root: The working copy.
        repository: Its folder ``.jj/repo``.
        store: The git directory, which says what is ignored.
        commit: What is tracked.

    Raises:
        ProgramFailed: jj or git can't say.
    """
    tracked = set(jj("file", "list", f"--revision={commit}", '--template=path ++ "\\0"', cwd=root, look=True).split(b"\0"))
    listing = ("-c", "core.bare=false", "ls-files", "-z", "--others", "--exclude-standard", "--exclude=/.jj")
    env = {"GIT_INDEX_FILE": os.path.join(repository, "no-index"), "GIT_WORK_TREE": root}  # to git, everything is untracked then
    listed = git(*listing, cwd=root, git_dir=store, env=env).split(b"\0")
    found = [name for name in listed if name and name not in tracked]
    nested = tuple(name for name in found if name.endswith(b"/"))
    return Status("", present=tuple(name for name in found if not name.endswith(b"/")), nested=nested)


def keeps_bytes(cwd: str) -> bool:
    """Whether jj writes files as they are in its store: it converts no line ends, and keeps the x bit."""
    said = jj("config", "list", "--include-defaults", "working-copy", cwd=cwd, look=True).decode(errors="replace")
    settings = dict(line.split(" = ", 1) for line in said.splitlines() if " = " in line)
    expected = {"working-copy.eol-conversion": ('"none"',), "working-copy.exec-bit-change": ('"auto"', '"respect"')}
    return all(settings.get(name, usual[0]) in usual for name, usual in expected.items())
