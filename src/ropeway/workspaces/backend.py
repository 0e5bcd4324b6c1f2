"""What can make working copies, and which one is taken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from ropeway.errors import NotFound, Refused
from ropeway.records import record
from ropeway.workspaces.discovery import Repository, bare, discover, git_view, installed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BUILTINS: Final = {
    "git": "ropeway.workspaces.git:GitBackend",
    "jj": "ropeway.workspaces.jj:JjBackend",
    "overlay": "ropeway.workspaces.overlayfs:OverlayBackend",
    "plain": "ropeway.workspaces.plain:PlainBackend",
}
"""Each is called with the :class:`Repository` and the environment, as what a plugin registers is; a folder in no repository has the kind ``none``."""

_IN_PLACE = "make a repository with `git init`, or run in place with --here"


@record
class Base:
    """What a working copy starts from.

    ``label`` is what the person said: ``@``, ``HEAD``, a branch. ``commit`` is the full id of the commit that the copy starts on, empty for a plain copy that
    knows none. ``person`` says that the person's uncommitted and untracked files go on top, which is so for ``@`` alone. ``change`` is jj's change id, if known.
    """

    label: str
    commit: str
    person: bool
    change: str | None = None


@record
class Made:
    """What making a working copy came to.

    ``tree`` is a commit or tree that has, byte for byte, the files of the copy, but for the paths in ``touched`` (relative to its top); None when that is not
    known, so that every file has to be read. ``notes`` are for people: what was left out. ``table`` is a file that ``Snapshots.remember`` wrote of the very
    same files elsewhere, if there is one. ``index`` is what git wrote when it checked ``tree`` out.
    """

    tree: str | None = None
    touched: tuple[bytes, ...] = ()
    notes: tuple[str, ...] = ()
    table: str | None = None
    index: bytes | None = None


class Backend(Protocol):
    """Makes and removes the working copies of one repository."""

    @property
    def name(self) -> str:
        """``git``, ``jj``, ``plain``, or a plugin's."""
        ...

    @property
    def root(self) -> str:
        """The folder that is copied; it names the namespace."""
        ...

    @property
    def git_dir(self) -> str | None:
        """The git directory that snapshots are written to; None when there is none, and the caller makes one of its own."""
        ...

    def base(self, wanted: str) -> Base:
        """Find what ``wanted`` names.

        Raises:
            NotFound: Nothing; the hint says what there is.
            Refused: This backend can't start from it.
            StoreError: The repository can't be read.
        """
        ...

    def add(self, path: str, id: str, base: Base) -> Made:  # noqa: A002 - the word that people use
        """Make a working copy. No hook runs, and as many as like may do so at once.

        Args:
            path: The folder to make, as :func:`ropeway.workspaces.places.workspace_path` says.
            id: The name for the repository's list of working copies.
            base: What to start from.

        Raises:
            Refused: There is one already.
            RopewayError: It can't be made; nothing of it stays.
        """
        ...

    def remove(self, path: str, id: str) -> None:  # noqa: A002 - the word that people use
        """Forget and delete a working copy; fine when either has been done already. Nothing outside of ``path`` is deleted.

        Raises:
            Refused: ``path`` is no working copy of this repository.
            StoreError: It can't be deleted.
        """
        ...

    def head(self, path: str) -> str | None:
        """Return the commit that the working copy is on now; None when there is none."""
        ...

    def ids(self) -> list[str]:
        """Return the ids of the working copies that the repository knows, sorted."""
        ...


@runtime_checkable
class Attached(Protocol):
    """A backend whose copies are there only for the process that works in them, and those it starts."""

    def attach(self, path: str, id: str) -> None:  # noqa: A002 - the word that people use
        """Make a copy that another process made usable in this one.

        Raises:
            StoreError: It can't be.
        """
        ...

    def settle(self, path: str, id: str) -> None:  # noqa: A002 - the word that people use
        """Make a copy that is usable in this process one for everybody. It may be cut off at any moment; :meth:`attach` then goes on from there.

        Raises:
            StoreError: It can't be written. It is as it was then.
        """
        ...

    def join(self, path: str, id: str, process: int) -> None:  # noqa: A002 - the word that people use
        """Let this process, too, see a copy that another one works in.

        Raises:
            StoreError: It can't be done, or the other one has ended.
        """
        ...


@runtime_checkable
class Mending(Protocol):
    """A backend whose copies the person's work in the repository can take off its list, or take away from their commit."""

    def mend(self, path: str) -> bool:
        """Put that right without touching a file; it has to cost nothing when nothing happened since the last call.

        Returns:
            Whether there was anything to put right.

        Raises:
            StoreError: The repository can't be read or written.
        """
        ...


@record
class Choice:
    """The backend to use. None: the run works in place, and ``note`` says why."""

    backend: Backend | None
    note: str = ""


def choose(name: str, cwd: str | os.PathLike[str], environ: Mapping[str, str]) -> Choice:
    """Choose what makes the working copies for somebody who stands in ``cwd``.

    Args:
        name: ``auto`` (jj, then git, then in place), ``jj``, ``git``, ``plain``, ``overlay``, ``none``, or what a plugin registers in the group ``ropeway.workspaces``.
        cwd: Where.
        environ: The environment.

    Raises:
        Refused: What was asked for can't be had here.
        NotFound: Its program is not installed, or nothing has that name.
    """
    if name == "none":
        return Choice(None, "asked for")
    repository = discover(cwd)
    if name == "auto":
        return _auto(repository, cwd, environ)
    if name in ("git", "overlay"):
        repository = _wanted_git(repository, cwd)
    elif name == "jj":
        _wanted_jj(repository, cwd)
    return _made(name, repository or Repository("none", os.path.realpath(cwd), ""), environ)


def _auto(repository: Repository | None, cwd: str | os.PathLike[str], environ: Mapping[str, str]) -> Choice:
    if repository is None:
        store = bare(cwd)
        return Choice(None, "not in a repository" if store is None else f"{store} is a bare repository: nothing is checked out in it")
    if not installed(repository.kind):
        return Choice(None, f"{repository.root} is a {repository.kind} repository and there is no program {repository.kind} on the PATH")
    return _made(repository.kind, repository, environ)


def _wanted_git(repository: Repository | None, cwd: str | os.PathLike[str]) -> Repository:
    seen = None if repository is None else git_view(repository)
    if seen is None:
        store = bare(cwd)
        if store is not None:
            hint = "go to a working copy of it, or make one with `git worktree add`"
            raise Refused(f"{store} is a bare repository: nothing is checked out in it", hint=hint, code="bare-repository")
        if repository is not None:
            hint = 'take backend "jj"'
            raise Refused(f"{repository.root} is a jj repository that git can't work in", hint=hint, code="no-git-repository")
        raise Refused(f"{os.path.realpath(cwd)} is in no git repository", hint=_IN_PLACE, code="no-git-repository")
    _need("git")
    return seen


def _wanted_jj(repository: Repository | None, cwd: str | os.PathLike[str]) -> None:
    _need("jj")
    if repository is None or repository.kind != "jj":
        hint = "`jj git init --colocate` makes one of a git repository" if repository is not None else _IN_PLACE
        raise Refused(f"{os.path.realpath(cwd)} is in no jj repository", hint=hint, code="no-jj-repository")


def _need(program: str) -> None:
    if not installed(program):
        hint = "install it with your system's packages, or take another backend"
        raise NotFound(f"there is no program {program} on the PATH", hint=hint, code="program-not-found")


def _made(name: str, repository: Repository, environ: Mapping[str, str]) -> Choice:
    from typing import cast

    from ropeway.plugins import find

    make = cast("Callable[[Repository, Mapping[str, str]], Backend]", find("ropeway.workspaces", name, BUILTINS))
    return Choice(make(repository, environ))
