"""Bringing what a run changed onto files that have gone on meanwhile: git merges, and nothing but objects is written."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from ropeway.errors import NotFound
from ropeway.records import record
from ropeway.workspaces.conversions import keeps_bytes
from ropeway.workspaces.programs import ProgramFailed, git, run

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Merged", "as_committed", "empty_tree", "merge_contents", "merge_trees"]

_OURS = {
    f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "ropeway"), ("EMAIL", "ropeway@localhost"))
}
_SETTINGS = ("-c", "merge.directoryRenames=false", "-c", "core.quotePath=false", "-c", "commit.gpgSign=false")


@record
class Merged:
    """A merged tree, or the paths of which both sides changed the same place (then ``tree`` is empty)."""

    tree: str
    conflicts: tuple[str, ...] = ()


def empty_tree(git_dir: str) -> str:
    """Return the id of the tree without files."""
    return git("hash-object", "-t", "tree", "-w", "--stdin", git_dir=git_dir).decode().strip()


def merge_trees(git_dir: str, base: str, ours: str, theirs: str) -> Merged:
    """Merge three trees, as ``git merge`` does with the commits that have them.

    ``git merge-tree`` takes commits and finds their base itself (it can be told the base since 2.40); so commits are made that say what the base is. Nothing
    refers to them afterwards, and git collects them in time.

    Raises:
        NotFound: git is older than 2.38.
    """
    trees = [git("rev-parse", "--verify", f"{one}^{{tree}}", git_dir=git_dir).decode().strip() for one in (base, ours, theirs)]
    if trees[0] == trees[1] or trees[1] == trees[2]:
        return Merged(trees[2])
    if trees[0] == trees[2]:
        return Merged(trees[1])
    bottom = _commit(git_dir, trees[0])
    sides = [_commit(git_dir, tree, bottom) for tree in trees[1:]]
    argv = ("merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", *sides)
    try:
        said = git(*_SETTINGS, *argv, git_dir=git_dir, env=_OURS, ok=(0, 1)).split(b"\0")
    except ProgramFailed as error:
        if error.status == 129:
            version = git("version").decode().strip()
            hint = "update git, or take the files with `workflow checkout`"
            raise NotFound(f"{version} can't merge without a working tree: that takes 2.38", hint=hint, code="git-too-old") from error
        raise
    conflicts = tuple(dict.fromkeys(os.fsdecode(path) for path in said[1:] if path))
    return Merged("", conflicts) if conflicts else Merged(said[0].decode())


def _commit(git_dir: str, tree: str, *parents: str) -> str:
    above = [word for parent in parents for word in ("-p", parent)]
    return git(*_SETTINGS, "commit-tree", "-m", "merge", tree, *above, git_dir=git_dir, env=_OURS).decode().strip()


def merge_contents(ours: bytes, base: bytes, theirs: bytes) -> bytes | None:
    """Merge three texts; None when both sides changed the same place, or it is no text."""
    with tempfile.TemporaryDirectory(prefix="ropeway-merge-") as folder:
        names = []
        for name, data in (("ours", ours), ("base", base), ("theirs", theirs)):
            names.append(os.path.join(folder, name))
            with open(names[-1], "wb") as file:
                file.write(data)
        done = run(["git", "merge-file", "-p", "-q", *names], cwd=folder, ok=range(256))
    return done.stdout if done.returncode == 0 else None


def as_committed(root: str, git_dir: str, environ: Mapping[str, str], *trees: str) -> list[str]:
    """Return trees of snapshots as git would have committed their files: line ends, filters and encodings as the attributes say.

    A snapshot holds files as they are on the disk. Only files that differ between the trees are looked at, and nothing where git converts nothing.

    Args:
        root: The working tree whose attributes and settings count.
        git_dir: Where the objects are.
        environ: The environment, which says where the person's settings are.
        trees: Trees, or commits; the first one is compared with the others.
    """
    first, *others = trees

    def call(*args: str, ok: tuple[int, ...] = (0,)) -> bytes:
        return git(*args, cwd=root, ok=ok)

    if all(keeps_bytes(call, git_dir, environ, tree) for tree in trees):
        return list(trees)
    paths: set[bytes] = set()
    for other in others:
        paths.update(git("diff-tree", "-r", "-z", "--no-renames", "--name-only", first, other, git_dir=git_dir).split(b"\0")[:-1])
    return [_cleaned(root, git_dir, tree, paths) for tree in trees]


def _cleaned(root: str, git_dir: str, tree: str, paths: set[bytes]) -> str:
    """Return a tree with some of its files converted."""
    entries: list[bytes] = []
    for row in git("ls-tree", "-r", "-z", "--full-tree", tree, git_dir=git_dir).split(b"\0")[:-1]:
        head, _, path = row.partition(b"\t")
        mode, kind, oid = head.split(b" ")
        if path in paths and kind == b"blob" and mode != b"120000":
            data = git("cat-file", "blob", oid.decode(), git_dir=git_dir)
            entries.append(
                b"%b %b\t%b"
                % (mode, git("hash-object", "-w", "--stdin", f"--path={os.fsdecode(path)}", cwd=root, stdin=data).strip(), path)
            )
    with tempfile.TemporaryDirectory(prefix="ropeway-index-") as folder:
        index = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
        git("read-tree", tree, git_dir=git_dir, env=index)
        git("update-index", "-z", "--index-info", git_dir=git_dir, env=index, stdin=b"".join(entry + b"\0" for entry in entries))
        return git("write-tree", git_dir=git_dir, env=index).decode().strip()
