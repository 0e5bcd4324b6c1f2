"""Landing a run's result as a change of a jj repository.

The change is a child of the person's working-copy change, whatever they have in there, so that ``jj log`` shows it right above ``@`` and it moves along when they
edit on. When ``@`` is empty and has no description it would only be in between: then the new change is its sibling. Either way ``@`` and the files stay as they
are; ``jj new CHANGE`` goes there, ``jj squash --from CHANGE --into @`` takes it in. A bookmark names it.

The commit is made as a git object and taken in with ``jj git import``. That is a single operation: ``jj undo`` takes all of it back. Where git and jj share one
folder, jj then removes the branch from git as well. Elsewhere it would stay there until ``jj git export``; so there, git has no branch for a new bookmark at all,
as after ``jj bookmark create``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.app.landing_target import Landing, Target, exists, identity, nameless
from ropeway.errors import Refused
from ropeway.records import replace
from ropeway.workspaces.jj_operations import as_one, repository_folder
from ropeway.workspaces.jj_reading import Commit, commits, one_commit
from ropeway.workspaces.merging import empty_tree, merge_trees
from ropeway.workspaces.places import repository_lock
from ropeway.workspaces.programs import ProgramFailed, git, jj

if TYPE_CHECKING:
    from ropeway.workspaces.jj_operations import Jj

__all__ = ["land_change"]


def land_change(target: Target) -> Landing:
    """Make a change with what the run changed; see :func:`ropeway.app.landing.land`."""
    root, git_dir, wanted, name = target.where.root, target.git_dir, target.wanted, target.name
    below = one_commit(wanted.onto or "@", root, look=False)  # jj saves the person's files first, as with any command of theirs
    if below.conflict:
        raise Refused(f"{wanted.onto or '@'} has conflicts", hint="resolve them first, or name another change with --onto", code="conflict")
    ours = _tree(below, git_dir)
    parents = (below.id,) if wanted.onto or not _passing(root) else below.parents
    real = tuple(parent for parent in parents if parent.strip("0"))
    merged = merge_trees(git_dir, target.first, ours, target.last)
    done = Landing("planned", "jj", name, onto=real[0] if real else "")
    if merged.conflicts:
        return replace(done, outcome="conflicts", conflicts=merged.conflicts)
    done = replace(done, files=target.changes(ours, merged.tree))
    if not done.files:
        return replace(done, outcome="nothing")
    there = _bookmarked(name, root)
    if there is not None and _same(there, merged.tree, real, target):
        return replace(done, outcome="already", commit=there.id, change=there.change)
    if there is not None and not wanted.force:
        raise exists(name, "bookmark")
    author = identity(*_author(root))
    if wanted.dry_run:
        return done
    above = [word for parent in real for word in ("-p", parent)]
    argv = ("-c", "i18n.commitEncoding=UTF-8", "commit-tree", merged.tree, *above)
    commit = git(*argv, git_dir=git_dir, stdin=target.message.encode(), env=author).decode().strip()
    if there is not None:
        jj("git", "export", cwd=root)  # where jj has moved the bookmark since, git has to know, or the two disagree
    if there is not None or Path(root, ".git").exists() or not _take_in_alone(name, commit, root, git_dir):
        _take_in(name, commit, root, git_dir)
    return replace(done, outcome="landed", commit=commit, change=one_commit(commit, root).change)


def _tree(commit: Commit, git_dir: str) -> str:
    """Return a commit's tree; the root commit is in no git repository."""
    return f"{commit.id}^{{tree}}" if commit.id.strip("0") else empty_tree(git_dir)


def _passing(root: str) -> bool:
    """Whether the person's change is empty and nameless: the place where they will write the next one."""
    return bool(commits('@ & empty() & description(exact:"")', root))


def _bookmarked(name: str, root: str) -> Commit | None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    found = commits(f'bookmarks(exact:"{quoted}")', root)
    return found[0] if found else None


def _same(there: Commit, tree: str, parents: tuple[str, ...], target: Target) -> bool:
    """Whether a change is the one that would be made, but for its times and author."""
    has = git("rev-parse", f"{there.id}^{{tree}}", git_dir=target.git_dir).decode().strip()
    return has == tree and there.parents == parents and there.description.strip() == target.message.strip()


def _take_in_alone(name: str, commit: str, root: str, git_dir: str) -> bool:
    """Have jj see a commit, under a bookmark of which git knows nothing yet; False with a jj that can't (before 0.41)."""
    ref = f"refs/heads/ropeway-landing-{os.urandom(4).hex()}"

    def work(run: Jj) -> None:
        git("update-ref", ref, commit, git_dir=git_dir)
        try:
            run("git", "import")
        finally:
            git("update-ref", "-d", ref, git_dir=git_dir)
        run("git", "import", "--config=git.abandon-unreachable-commits=false")
        run("bookmark", "create", name, "--revision", commit)

    repository = repository_folder(root)
    try:
        with repository_lock(os.environ, repository):
            return as_one(repository, root, work, undoable=True)
    except ProgramFailed:
        return False


def _take_in(name: str, commit: str, root: str, git_dir: str) -> None:
    """Have jj see a commit, under a bookmark. What git had under that name, jj has forgotten or may be moved."""
    ref = f"refs/heads/{name}"
    was = git("rev-parse", "--verify", "--quiet", ref, git_dir=git_dir, ok=(0, 1)).decode().strip()
    git("update-ref", ref, commit, git_dir=git_dir)
    try:
        jj("git", "import", cwd=root)
    except ProgramFailed:
        git("update-ref", *((ref, was) if was else ("-d", ref)), git_dir=git_dir)
        raise


def _author(root: str) -> tuple[str, str]:
    """Return the person's name and address as jj knows them."""
    try:
        found = [os.fsdecode(jj("config", "get", f"user.{what}", cwd=root, look=True)).strip() for what in ("name", "email")]
    except ProgramFailed:
        found = [""]
    if not all(found):
        raise nameless("jj", "jj config set --user user.name NAME` and `jj config set --user user.email EMAIL")
    return found[0], found[1]
