"""Landing a run's result as a branch of a git repository."""

from __future__ import annotations

import os

from ropeway.app.landing_target import Landing, Target, exists, identity, nameless
from ropeway.errors import NotFound, Refused, UsageError
from ropeway.records import replace
from ropeway.workspaces.merging import empty_tree, merge_trees
from ropeway.workspaces.programs import ProgramFailed, git

__all__ = ["land_branch"]


def land_branch(target: Target) -> Landing:
    """Make a branch with one commit on top of the person's HEAD (or of ``--onto``); see :func:`ropeway.app.landing.land`."""
    root, git_dir, wanted = target.where.root, target.git_dir, target.wanted
    name = _checked(target.name, root)
    below = _commit(wanted.onto or "HEAD", root, unborn=not wanted.onto)
    ours = f"{below}^{{tree}}" if below else empty_tree(git_dir)
    merged = merge_trees(git_dir, target.first, ours, target.last)
    done = Landing("planned", "git", name, onto=below)
    if merged.conflicts:
        return replace(done, outcome="conflicts", conflicts=merged.conflicts)
    files = target.changes(below or ours, merged.tree)
    done = replace(done, files=files)
    if not files:
        return replace(done, outcome="nothing")
    there = _tip(name, git_dir)
    if there and _same(there, merged.tree, below, target.message, git_dir):
        return replace(done, outcome="already", commit=there)
    if there:
        _may_move(name, root, force=wanted.force)
    author = identity(*_author(root))
    if wanted.dry_run:
        return done
    parents = ["-p", below] if below else []
    argv = ("-c", "i18n.commitEncoding=UTF-8", "commit-tree", merged.tree, *parents)
    commit = git(*argv, git_dir=git_dir, stdin=target.message.encode(), env=author).decode().strip()
    note = f"workflow land {target.saved.run}"
    git("update-ref", "--create-reflog", "-m", note, f"refs/heads/{name}", commit, there or "0" * len(commit), git_dir=git_dir, env=author)
    return replace(done, outcome="landed", commit=commit)


def _checked(name: str, root: str) -> str:
    """Return the name of a branch.

    Raises:
        UsageError: It can't be one.
    """
    try:
        git("check-ref-format", f"refs/heads/{name}", cwd=root)
        if name.startswith("-") or name == "HEAD":
            raise UsageError(f"{name!r} can't be the name of a branch", hint="see `git help check-ref-format`")
    except ProgramFailed as error:
        raise UsageError(f"{name!r} can't be the name of a branch", hint="see `git help check-ref-format`") from error
    return name


def _commit(name: str, root: str, *, unborn: bool) -> str:
    """Return the commit that a name stands for; empty when HEAD has none yet.

    Raises:
        NotFound: There is none.
    """
    found = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", cwd=root, ok=(0, 1, 128)).decode().split()
    if len(found) == 1:
        return found[0]
    if unborn and not git("rev-parse", "--verify", "--quiet", "HEAD", cwd=root, ok=(0, 1, 128)).strip():
        return ""
    raise NotFound(f"the git repository has no commit {name!r}", hint="--onto takes a branch, a tag or a commit", code="base-not-found")


def _tip(name: str, git_dir: str) -> str:
    return git("rev-parse", "--verify", "--quiet", f"refs/heads/{name}", git_dir=git_dir, ok=(0, 1)).decode().strip()


def _same(commit: str, tree: str, below: str, message: str, git_dir: str) -> bool:
    """Whether a commit is the one that would be made, but for its times and author."""
    said = git("-c", "log.showSignature=false", "log", "-1", "--no-color", "--format=%T%n%P%n%B", commit, git_dir=git_dir).decode()
    return said.strip() == f"{tree}\n{below}\n{message}".strip()


def _may_move(name: str, root: str, *, force: bool) -> None:
    """Raise ``Refused`` when a branch may not be moved."""
    listed = os.fsdecode(git("worktree", "list", "--porcelain", cwd=root)).splitlines()
    if force and f"branch refs/heads/{name}" in listed:
        raise Refused(f"the branch {name} is checked out and is not moved", hint="choose another name with --branch", code="branch-exists")
    if not force:
        raise exists(name, "branch")


def _author(root: str) -> tuple[str, str]:
    """Return the person's name and address, as git knows them; it may not make them up from the machine's name."""
    try:
        said = git("-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT", cwd=root).decode("utf-8", "replace")
    except ProgramFailed as error:
        raise nameless("git", "git config --global user.name NAME` and `git config --global user.email EMAIL") from error
    name, _, rest = said.partition(" <")
    return name, rest.partition(">")[0]
