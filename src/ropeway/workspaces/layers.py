"""What is checked out of a repository's trees for layered copies to share: made once, looked after, and removed when it is no longer used.

::

    <workspaces root>/.layers/<namespace>/
      trees/.lock                                held while a tree is looked for, made or removed
      trees/<tree id>-<traits>.<random>/
        files index table                        what is checked out, git's index of it, and what snapshots know of it
        pointers                                 there when git-lfs did not work: its files are pointers
        seen                                     how many entries it has and the digest of what ``lstat`` says of them; its time is that of the last look
      copies/<workspace id>/tree                 a link to the one that a copy is made of

A tree without ``seen`` is not used for another copy: somebody has changed it, or it was not worth keeping. It goes when no copy needs it.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ropeway.errors import StoreError
from ropeway.workspaces.discovery import installed
from ropeway.workspaces.files import remove_tree
from ropeway.workspaces.hashes import sha256
from ropeway.workspaces.lockfiles import make_folder
from ropeway.workspaces.places import discard, workspaces_root
from ropeway.workspaces.snapshots import Snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_KEPT: Final = 3  # trees of one repository that stay for later runs
_SETTLE: Final = 0.03  # seconds after which the times of a file say whether it was changed
_SMALL: Final = 1000  # entries that are looked at each time
_TRUSTED: Final = 600.0  # seconds for which one look at a larger tree holds


class SharedTrees:
    """The checked out trees of one repository.

    Args:
        above: The repository's folder below ``.layers``.
        environ: The environment.
        git_dir: The git directory with the objects.
        check_out: Puts the files of a tree into a folder and its entries into an index (both empty); whether git-lfs did its part.
    """

    def __init__(self, above: str, environ: Mapping[str, str], git_dir: str, check_out: Callable[[str, str, str], bool]) -> None:
        self._above = above
        self._trees = os.path.join(above, "trees")
        self._environ = environ
        self._git_dir = git_dir
        self._check_out = check_out

    def use(self, tree: str, traits: str, copy: str) -> str:
        """Return the folder of a tree, made when there is none, and link it as ``tree`` in a copy's folder: from then on it stays.

        Args:
            tree: The tree's id.
            traits: A short digest of what else decides the bytes of its files.
            copy: The folder of the copy's layers.

        Raises:
            StoreError: It can't be made.
            OSError: The link can't be made.
        """
        with _locked(make_folder(self._trees)):
            folder = self._found(f"{tree}-{traits}.")
            if folder is None:
                folder = os.path.join(self._trees, f"{tree}-{traits}.{os.urandom(4).hex()}")
                self._make(folder)
            os.utime(folder)
            os.symlink(os.path.relpath(folder, copy), os.path.join(copy, "tree"))
            self._make_room()
        return folder

    def again(self, folder: str) -> None:
        """Make a tree again that a copy needs and that is gone.

        Raises:
            StoreError: It can't be made.
        """
        with _locked(make_folder(self._trees)):
            if not os.path.isdir(os.path.join(folder, "files")):
                remove_tree(folder)
                self._make(folder)

    def _found(self, prefix: str) -> str | None:
        for name in os.listdir(self._trees):
            folder = os.path.join(self._trees, name)
            if name.startswith(prefix) and _as_made(folder):
                return folder
        return None

    def _make(self, folder: str) -> None:
        half = os.path.join(self._trees, f".half-{os.urandom(4).hex()}")
        files, index = os.path.join(half, "files"), os.path.join(half, "index")
        tree = os.path.basename(folder).partition("-")[0]
        try:
            make_folder(files)
            whole = self._check_out(tree, files, index)
            time.sleep(_SETTLE)
            known = Snapshots(files, self._git_dir, run="", state=half)
            with open(index, "rb") as file:
                known.adopt(tree, index=file.read())
            known.remember()
            if not whole:
                _write(os.path.join(half, "pointers"), "")
            if whole or not installed("git-lfs"):  # where git-lfs is there, it may do its part the next time
                _write(os.path.join(half, "seen"), _look(files))
            os.rename(half, folder)
        except BaseException as error:
            remove_tree(half)
            if isinstance(error, OSError) and not isinstance(error, StoreError):
                raise StoreError(
                    f"the files of {tree} can't be checked out to {folder}: {error.strerror}", code="workspace-layers"
                ) from error
            raise

    def _make_room(self) -> None:
        """Remove what a crash left half made, and the trees that no copy needs: changed ones, and all but those that were used last."""
        needed, good = _needed(self._above), 0
        for name in sorted(os.listdir(self._trees), key=lambda name: os.stat(os.path.join(self._trees, name)).st_mtime, reverse=True):
            folder = os.path.join(self._trees, name)
            if name == _LOCK:
                continue
            good += os.path.isfile(os.path.join(folder, "seen"))
            if name not in needed and (good > _KEPT or not os.path.isfile(os.path.join(folder, "seen"))):
                discard(self._environ, folder)


_LOCK: Final = ".lock"


@contextmanager
def _locked(trees: str) -> Iterator[None]:
    with open(os.path.join(trees, _LOCK), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _needed(above: str) -> set[str]:
    """Return the names of the trees that copies are made of."""
    copies = os.path.join(above, "copies")
    try:
        ids = os.listdir(copies)
    except FileNotFoundError:
        return set()
    return {os.path.basename(os.path.realpath(os.path.join(copies, id, "tree"))) for id in ids}  # noqa: A001 - the word that people use


def _as_made(folder: str) -> bool:
    """Whether nobody has changed the files of a tree since it was made; a large one is looked at now and then."""
    seen = os.path.join(folder, "seen")
    try:
        with open(seen, encoding="ascii") as file:
            noted = file.read()
        fresh = 0 <= time.time() - os.stat(seen).st_mtime < _TRUSTED
        if fresh and int(noted.split()[0]) > _SMALL:
            return True
        if _look(os.path.join(folder, "files")) == noted:
            os.utime(seen)
            return True
        os.unlink(seen)
    except (OSError, ValueError, IndexError):
        return False
    return False


def _look(top: str) -> str:
    """Return how many entries a folder has, and a digest of what ``lstat`` says of each: ctime tells of every change, whoever made it."""
    digest, count, pending = sha256(), 0, [top]
    while pending:
        with os.scandir(pending.pop()) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            st = entry.stat(follow_symlinks=False)
            digest.update(
                f"{entry.path[len(top) :]}\0{st.st_mode} {st.st_size} {st.st_ino} {st.st_mtime_ns} {st.st_ctime_ns}\0".encode(
                    errors="surrogateescape"
                )
            )
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
        count += len(found)
    return f"{count} {digest.hexdigest()}"


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


# -- for whoever cleans up --------------------------------------------------------------------------------------------------------------


def layered(environ: Mapping[str, str]) -> Iterator[tuple[str, float, str]]:
    """Yield what can go when it is old, of all repositories: every checked out tree, and the layers of copies that are gone.

    Each as its path, when it was used last (seconds since 1970), and why it has to stay: empty when it need not.
    """
    root = os.path.realpath(workspaces_root(environ))
    for namespace in _folders(os.path.join(root, ".layers")):
        needed = _needed(namespace)
        for path in _folders(os.path.join(namespace, "trees")):
            used = _used(path)
            if used is not None:
                yield path, used, "a working copy is made of it" if os.path.basename(path) in needed else ""
        for path in _folders(os.path.join(namespace, "copies")):
            used = _used(path)
            if used is not None and _orphaned(root, path):
                yield path, used, ""


def holds(environ: Mapping[str, str], path: str) -> bool:
    """Whether a path is one that :func:`layered` names."""
    above, kind = os.path.split(os.path.dirname(path))
    return kind in ("trees", "copies") and os.path.dirname(above) == os.path.join(os.path.realpath(workspaces_root(environ)), ".layers")


def forget(environ: Mapping[str, str], path: str, used: float) -> bool:
    """Remove what :func:`layered` named, unless it was used since ``used`` or is needed now; whether it was removed.

    Raises:
        StoreError: It can't be removed, or is nothing of the kind.
    """
    root = os.path.realpath(workspaces_root(environ))
    above, kind = os.path.split(os.path.dirname(path))
    if not holds(environ, path) or os.path.realpath(path) != path:
        raise StoreError(f"{path} is no folder of layers", code="gc-outside")
    with _locked(make_folder(os.path.join(above, "trees"))):
        now = _used(path)
        if now is None or now > used + 1:
            return False
        if os.path.basename(path) in _needed(above) if kind == "trees" else not _orphaned(root, path):
            return False
        discard(environ, path)
    return True


def _folders(above: str) -> list[str]:
    try:
        with os.scandir(above) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _used(path: str) -> float | None:
    try:
        return os.stat(path, follow_symlinks=False).st_mtime
    except OSError:
        return None


def _orphaned(root: str, layers: str) -> bool:
    """Whether the copy that these layers belong to is gone: they do not hold the folder that stood in its place while it was written out."""
    namespace = os.path.basename(os.path.dirname(os.path.dirname(layers)))
    return not any(map(os.path.lexists, (os.path.join(root, namespace, os.path.basename(layers)), os.path.join(layers, "stub"))))
