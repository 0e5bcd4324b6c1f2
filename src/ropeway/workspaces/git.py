"""Working copies by ``git worktree``: they share the repository's objects and refs, and nothing else."""

from __future__ import annotations

import os
import re
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from ropeway.errors import NotFound, Refused
from ropeway.records import replace
from ropeway.workspaces import hidden
from ropeway.workspaces.backend import Base, Made
from ropeway.workspaces.conversions import ATTRIBUTES, attributes_keep_bytes, settings_keep_bytes
from ropeway.workspaces.discovery import own_git_dir
from ropeway.workspaces.files import no_room, remove_tree
from ropeway.workspaces.lockfiles import make_folder
from ropeway.workspaces.places import check_path, discard, making, namespace_path, repository_lock, workspaces_root
from ropeway.workspaces.programs import ProgramFailed, git
from ropeway.workspaces.refs import head_of
from ropeway.workspaces.uncommitted import STATUS, index_info, moved, parse_status, parse_tree_diff, put_on_top, shown
from ropeway.workspaces.worktrees import forget_stale, locked, registered, registered_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ropeway.workspaces.discovery import Repository
    from ropeway.workspaces.uncommitted import Status

_T = TypeVar("_T")
_NOBODY: Final = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "ropeway"), ("EMAIL", "ropeway@localhost"), ("DATE", "@0 +0000"))
}
"""Who wrote the empty commit that stands for "no commit yet": nobody, so that it is the same one each time."""

# Two processes write the files, but of a small commit one: starting them takes longer than that.
_WORKERS: Final = ("-c", "checkout.workers=2", "-c", "checkout.thresholdForParallelism=1000")
_RESET: Final = (*_WORKERS, "-c", "core.sparseCheckout=false", "reset", "--hard", "-q", "--no-recurse-submodules")
_WITHOUT_LFS: Final = (
    "-c",
    "filter.lfs.smudge=",
    "-c",
    "filter.lfs.clean=",
    "-c",
    "filter.lfs.process=",
    "-c",
    "filter.lfs.required=false",
)
POINTERS: Final = "git-lfs does not work here: its files are left as pointers"
"""The note about a copy whose LFS files are not their content."""
_SHORTENED: Final = b"\0\0\0\4"  # the version of an index in which a path may lack what it has in common with the one before
_NO_ROOM: Final = re.compile(r"No space left|Disk quota|(unable to|could not|cannot) write|can't be written")
_LFS_FAILED: Final = re.compile(r"filter '?lfs'?|git-lfs")


class GitBackend:
    """Makes worktrees of the repository that a person stands in."""

    name = "git"

    def __init__(self, repository: Repository, environ: Mapping[str, str]) -> None:
        self.root = repository.root
        self.git_dir: str | None = repository.git_dir
        self._common = repository.git_dir
        self._environ = environ

    # -- what to start from -------------------------------------------------------------------------------------------------------

    def base(self, wanted: str) -> Base:
        """Find a commit; ``@`` is the one that the person is on, with their files on top."""
        commit = self._commit("HEAD" if wanted == "@" else wanted)
        if commit:
            return Base(wanted, commit, person=wanted == "@")
        if wanted == "@":
            return Base(wanted, self._empty_commit(), person=True)
        raise NotFound(f"the repository has no commit {wanted!r}", hint=self._similar(wanted), code="base-not-found")

    def _commit(self, name: str) -> str:
        if name == "HEAD":
            commit = head_of(self.root, self._common)
            if commit is not None:
                return commit
        return self._git("rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}", ok=(0, 1)).decode().strip()

    def _empty_commit(self) -> str:
        """Return a commit of nothing, for a repository that has none yet."""
        tree = self._git("mktree").decode().strip()
        return self._git("commit-tree", tree, "-m", "no commit yet", env=_NOBODY).decode().strip()

    def _similar(self, wanted: str) -> str:
        import difflib

        listed = self._git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes")
        names = listed.decode(errors="replace").splitlines()
        near = difflib.get_close_matches(wanted, names, n=3)
        if near:
            return f"did you mean {' or '.join(near)}?"
        if not names:
            return "nothing is committed yet; take the base @"
        return f"there are {', '.join(names[:5])}{' and more' if len(names) > 5 else ''}"

    # -- making -------------------------------------------------------------------------------------------------------------------

    def add(self, path: str, id: str, base: Base) -> Made:  # noqa: A002 - the protocol's word
        """Make a worktree on a detached HEAD; with the person's files on top when ``base`` says so."""
        path = check_path(self._environ, self.root, path)
        with making(self._environ, self.root, id) as half:
            if half:
                self.remove(path, id)
                forget_stale(self._common, id, half=True)
            make_folder(os.path.dirname(path))
            try:
                return self._made(path, id, base)
            except BaseException:
                self.remove(path, id)
                forget_stale(self._common, id, half=True)
                raise

    def _made(self, path: str, id: str, base: Base) -> Made:  # noqa: A002 - the protocol's word
        status = Meanwhile(self._status) if base.person else None
        settings = Meanwhile(lambda: settings_keep_bytes(self._git, self._common, self._environ))
        try:
            with repository_lock(self._environ, self.root):
                forget_stale(self._common, id)
                self._git("worktree", "add", "--no-checkout", "--detach", "-f", "-q", path, base.commit)
            notes = [*self._widen(path), *self._check_out(path)]
            index = _index(path)
            touched: tuple[bytes, ...] = ()
            if status is not None:
                touched, more = self._put_on_top(path, base, status.result())
                notes += more
            kept = settings.result() and not self._has_conversions(base.commit, index)
            return Made(base.commit if kept else None, touched, (*notes, *self._modules(path)), index=index if kept else None)
        finally:
            settings.wait()
            if status is not None:
                status.wait()

    def _has_conversions(self, commit: str, index: bytes | None) -> bool:
        """Whether an attributes file of a commit says that something is converted; most have none, as the index tells."""
        whole = index is not None and index[4:8] < _SHORTENED
        if whole and index is not None and ATTRIBUTES not in index:
            return False
        return not attributes_keep_bytes(self._git, commit)

    def _status(self) -> Status:
        return replace(parse_status(self._with_lfs_or_without(*STATUS)[0]), hidden=hidden.listed(self._git, self.root, self._common))

    def _widen(self, path: str) -> list[str]:
        """Undo a sparse checkout, which git hands on: a snapshot of some of the files would say that the others were deleted."""
        own = own_git_dir(path) or ""
        patterns = os.path.join(own, "info", "sparse-checkout")
        if not own or not os.path.exists(patterns):
            return []
        sparse = self._git("config", "--type=bool", "core.sparseCheckout", ok=(0, 1)).strip() == b"true"
        remove_tree(patterns)
        if os.path.exists(os.path.join(own, "config.worktree")):
            for name in ("core.sparseCheckout", "core.sparseCheckoutCone"):
                self._git("config", "--worktree", name, "false", cwd=path)
        return ["the repository's sparse checkout does not hold here: every file is there"] if sparse else []

    def _check_out(self, path: str) -> list[str]:
        _, with_lfs = self._with_lfs_or_without(*_RESET, cwd=path)
        return [] if with_lfs else [POINTERS]

    def _with_lfs_or_without(self, *args: str, cwd: str | None = None, env: Mapping[str, str] | None = None) -> tuple[bytes, bool]:
        """Call git, and again without git-lfs when that is what failed: the program may be missing while the repository is set up for it."""
        try:
            return self._git(*args, cwd=cwd, env=env), True
        except ProgramFailed as error:
            if not _LFS_FAILED.search(error.complaint):
                raise
        return self._git(*_WITHOUT_LFS, *args, cwd=cwd, env=env), False

    def _put_on_top(self, path: str, base: Base, status: Status) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
        if status.head not in ("", base.commit):  # committed since, or another branch was checked out
            since = self._git("diff-tree", "-r", "-z", "--raw", "--no-renames", base.commit, status.head)
            status = moved(status, parse_tree_diff(since))
        leave = os.path.realpath(workspaces_root(self._environ))
        touched, notes = put_on_top(self.root, path, status, leave)
        if status.staged:
            self._git("update-index", "-z", "--index-info", cwd=path, stdin=index_info(status.staged))
        there = [name for name in status.intended if os.path.lexists(os.path.join(os.fsencode(path), name))]
        if there:
            pathspecs = ("--pathspec-from-file=-", "--pathspec-file-nul")
            self._git("--literal-pathspecs", "add", "-N", "-f", *pathspecs, cwd=path, stdin=b"\0".join(there))
        more, said = hidden.take_along(partial(self._git, cwd=path), self.root, path, status.hidden, leave)
        return (*touched, *more), (*notes, *said)

    def _modules(self, path: str) -> list[str]:
        if not os.path.lexists(os.path.join(path, ".gitmodules")):
            return []
        listed = self._git("ls-files", "-s", "-z", cwd=path).split(b"\0")
        modules = [line.partition(b"\t")[2] for line in listed if line.startswith(b"160000 ")]
        return [f"submodules are left empty: {shown(modules)}"] if modules else []

    # -- removing and looking -----------------------------------------------------------------------------------------------------

    def remove(self, path: str, id: str) -> None:  # noqa: A002 - the protocol's word
        """Delete a worktree's folder and what the repository knows of it."""
        path = check_path(self._environ, self.root, path)
        known = registered_at(self._common, path)
        if any(locked(folder) for folder in known):
            raise Refused(f"workspace {id} is locked", hint=f"unlock it with: git worktree unlock {path}", code="workspace-locked")
        discard(self._environ, path)
        for folder in known:
            remove_tree(folder)

    def head(self, path: str) -> str | None:
        """Return the commit that a worktree is on now."""
        own = own_git_dir(path)
        if own is None or not os.path.isdir(own):
            return None
        commit = head_of(path, self._common)
        if commit is not None:
            return commit
        try:
            return git("rev-parse", "-q", "--verify", "HEAD^{commit}", git_dir=own, ok=(0, 1)).decode().strip() or None
        except ProgramFailed:
            return None

    def ids(self) -> list[str]:
        """Return the ids of the worktrees below the repository's namespace."""
        above = os.path.realpath(namespace_path(self._environ, self.root))
        return sorted(os.path.basename(place) for _, place in registered(self._common) if os.path.dirname(place) == above)

    # -- calling git --------------------------------------------------------------------------------------------------------------

    def _git(
        self, *args: str, cwd: str | None = None, stdin: bytes = b"", env: Mapping[str, str] | None = None, ok: Sequence[int] = (0,)
    ) -> bytes:
        try:
            return git(*args, cwd=cwd or self.root, stdin=stdin, env=env, ok=ok)
        except ProgramFailed as error:
            error.hint = error.hint or self._hint(error.complaint)
            raise

    def _hint(self, complaint: str) -> str | None:
        if "dubious ownership" in complaint:
            return f"another user owns the repository; if you trust it: git config --global --add safe.directory {self.root}"
        if "not a git repository" in complaint:
            return f"its .git is damaged: repair it (`git -C {self.root} status` says more), or run in place with --here"
        if _NO_ROOM.search(complaint):
            return no_room(workspaces_root(self._environ))
        return None


def _index(path: str) -> bytes | None:
    """Return the index of a worktree."""
    try:
        with open(os.path.join(own_git_dir(path) or "", "index"), "rb") as file:
            return file.read()
    except OSError:
        return None


class Meanwhile(Generic[_T]):
    """A call that is carried out while others are."""

    def __init__(self, call: Callable[[], _T]) -> None:
        self._call = call
        self._done: Any = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            self._done = self._call()
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error

    def wait(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def result(self) -> _T:
        """Wait for its end, and return or raise what it came to."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        done: _T = self._done
        return done
