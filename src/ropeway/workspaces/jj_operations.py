"""Changing a jj repository so that its operation log stays the person's.

Everything that jj changes becomes an operation in a log that the person works with: ``jj undo`` undoes the last one. A workspace takes several (``jj workspace
add`` alone makes two), and while they were on top, as many ``jj undo`` would undo our work and not the person's. So :func:`as_one` has jj do the work aside, and
adds to the log what amounts to one operation:

1. A folder is made that is the repository in all but its list of newest operations (links to the stores, and a list of its own). What jj does there, it writes
   into the same stores, but nobody else sees it: jj calls such operations "not integrated".
2. There, jj undoes the person's last operation and redoes it. Then the work is done. ``jj op abandon`` drops what is between the undo and the last operation.
3. ``jj op integrate`` adds the result to the person's log, in one step that also works while the person runs jj::

       @  restore into commit …            ours, by ropeway@host: the person's state and the workspace
       ○  undo: restore to operation X     ours: the person's state before their last operation
       ○  new empty commit                 the person's last operation
       ○  X

   jj goes past an undo in the log to what it restored. So the person's next ``jj undo`` restores X, which is what it would have done without us, and another
   one goes on from there. ``jj redo`` brings all of it back. Only an undo of the person's that was the last operation can't be redone any more: that is so
   after every command that changes something.

The person's state before their last operation knows nothing of a workspace made later: an undo takes it off jj's list. Its files stay as they are, and
:meth:`ropeway.workspaces.jj.JjBackend.mend` puts it back.

The step with the undo is left out where jj can't undo the last operation (it joined two that happened at the same time), and where jj would warn (it was a push):
the first ``jj undo`` then only takes back what we did. With a jj that lacks any of this (before 0.41), nothing is integrated and :class:`ProgramFailed` is raised.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ropeway.errors import StoreError
from ropeway.workspaces.files import remove_tree
from ropeway.workspaces.programs import ProgramFailed, jj, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Jj = Callable[..., str]
    """Runs jj with the given words and returns what it printed on stderr."""

OURS: Final = (
    '--config=operation.username="ropeway"',  # the log says who
    '--config=signing.behavior="drop"',  # asks for no passphrase
    '--config=templates.commit_trailers=""',  # a copied description is complete
    '--config=fsmonitor.backend="none"',  # leaves no watcher behind
)
"""Settings for whatever changes something."""

_PREFIX: Final = "ropeway-"
_STALE: Final = 3600.0  # seconds; nothing is done aside for so long, so the process was killed


def repository_folder(root: str) -> str:
    """Return the folder ``.jj/repo`` that all workspaces of a repository share, given the top folder of one.

    Raises:
        StoreError: It can't be read.
    """
    place = os.path.join(root, ".jj", "repo")
    if os.path.isdir(place):
        return place
    try:
        with open(place, "rb") as file:
            named = os.fsdecode(file.read())
    except OSError as error:
        raise StoreError(f"{place} can't be read: {error.strerror}", code="vcs-failed") from error
    return os.path.realpath(os.path.join(root, ".jj", named))


def heads(repository: str) -> tuple[str, ...]:
    """Return the ids of the newest operations: one, or several that jj has not joined yet.

    Raises:
        StoreError: They can't be read.
    """
    try:
        return tuple(sorted(os.listdir(os.path.join(repository, "op_heads", "heads"))))
    except OSError as error:
        raise StoreError(f"the operations of {repository} can't be read: {error.strerror}", code="vcs-failed") from error


def last_operation(path: str) -> str | None:
    """Return the id of the operation that last wrote or read the files of a workspace; None when that can't be told.

    It is in the second field of the message in ``.jj/working_copy/checkout`` (jj's local_working_copy.proto, ``Checkout.operation_id``).
    """
    try:
        with open(os.path.join(path, ".jj", "working_copy", "checkout"), "rb") as file:
            data = file.read(1024)
    except OSError:
        return None
    return data[2 : 2 + data[1]].hex() if data[:1] == b"\x12" and 0 < data[1] < 128 else None


def as_one(repository: str, home: str, work: Callable[[Jj], object], *, undoable: bool = False) -> bool:
    """Do some work and add it to the operation log as if it were one operation. Only one may do so at a time.

    Args:
        repository: What :func:`repository_folder` returned.
        home: The workspace whose name and place in the history the work sees; its files are neither read nor written.
        work: Does it, by calls of the function that it is given.
        undoable: Whether the person's next ``jj undo`` takes it back; otherwise it goes past it.

    Returns:
        Whether anything was changed.

    Raises:
        ProgramFailed: jj failed, or can't do this; nothing has changed.
        StoreError: The repository can't be read or written.
    """
    started = _joined(repository, home)
    with _aside(repository, home, started) as aside:
        below = (None if undoable else aside.undone()) or started
        before = aside.newest()
        work(aside.jj)
        if aside.newest() == before:
            return False
        aside.jj("operation", "abandon", f"{below}..@-")
        made = aside.newest()
    jj("operation", "integrate", made, cwd=home, look=True)
    return True


def _joined(repository: str, home: str) -> str:
    """Return the newest operation; let jj join them first when there are several."""
    found = heads(repository)
    if len(found) != 1:
        jj("log", "--revisions=none()", cwd=home, look=True)
        found = heads(repository)
    if len(found) != 1:
        raise StoreError("the jj repository has operations that jj does not join", hint="see what `jj op log` says", code="vcs-failed")
    return found[0]


class _Aside:
    """The repository with a list of newest operations of its own, and a workspace without files."""

    def __init__(self, repository: str, home: str, settings: tuple[str, ...]) -> None:
        self._heads = os.path.join(repository, "op_heads", "heads")
        self._home = home
        self._settings = settings

    def jj(self, *args: str) -> str:
        """Run jj and return what it printed on stderr."""
        argv = ["jj", "--no-pager", "--color=never", "--quiet", "--ignore-working-copy", *OURS, *self._settings, *args]
        return run(argv, cwd=self._home).stderr.decode(errors="replace")

    def newest(self) -> str:
        """Return the newest operation."""
        return os.listdir(self._heads)[0]

    def undone(self) -> str | None:
        """Undo and redo the last operation; return the id of the undo, None when there is none that serves."""
        try:
            if "push operation" in self.jj("undo"):
                self.jj("redo")
                return None
        except ProgramFailed:
            return None
        undo = self.newest()
        self.jj("redo")
        return undo


@contextmanager
def _aside(repository: str, home: str, newest: str) -> Iterator[_Aside]:
    # Beside the repository's own folder: jj notes the place of a workspace relative to it.
    above = os.path.dirname(repository)
    folder = os.path.join(above, _PREFIX + os.urandom(8).hex())
    settings = _settings(repository, home)
    try:
        _sweep(above)
        os.makedirs(os.path.join(folder, "op_heads", "heads"))
        for entry in os.scandir(repository):
            if entry.is_dir() and entry.name != "op_heads":
                os.symlink(os.path.join("..", os.path.basename(repository), entry.name), os.path.join(folder, entry.name))
        shutil.copy(os.path.join(repository, "op_heads", "type"), os.path.join(folder, "op_heads", "type"))
        with open(os.path.join(folder, "op_heads", "heads", newest), "wb"):
            pass
        workspace = os.path.join(folder, "workspace")
        os.makedirs(os.path.join(workspace, ".jj", "working_copy"))
        with open(os.path.join(workspace, ".jj", "repo"), "wb") as file:
            file.write(os.fsencode(os.path.join("..", "..")))
        for name in ("type", "checkout"):
            shutil.copy(os.path.join(home, ".jj", "working_copy", name), os.path.join(workspace, ".jj", "working_copy", name))
        yield _Aside(folder, workspace, settings)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{error.filename or folder} can't be written: {error.strerror}", code="vcs-failed") from error
    finally:
        remove_tree(folder)


def _settings(repository: str, home: str) -> tuple[str, ...]:
    """Return the arguments that make the repository's own settings hold aside: jj ties them to the place of the repository."""
    if not any(os.path.lexists(os.path.join(repository, name)) for name in ("config-id", "config.toml")):
        return ()
    found = os.fsdecode(jj("config", "path", "--repo", cwd=home, look=True)).removesuffix("\n")
    return (f"--config-file={found}",) if os.path.exists(found) else ()


def _sweep(above: str) -> None:
    """Remove what killed processes left."""
    for entry in os.scandir(above):
        if entry.name.startswith(_PREFIX) and entry.stat(follow_symlinks=False).st_mtime < time.time() - _STALE:
            remove_tree(entry.path)
