"""What was fetched, kept by what it is: one folder per content, found again by where it came from, also without a network.

::

    $XDG_CACHE_HOME/
      ropeway/                                   ours, and written by nobody else
        store/                                   0700, as every folder in it
          trees/sha256/<hex>/                    the files of one bundle; the digest is that of ropeway.bundles.tree
          pins/<hex>                             a source's content -> its tree: the sum of the rest, then JSON
          blobs/sha256/<hex>[.part]              what is being pulled
          staging/<random>  <random>.lock        what is being written, by who holds the lock
          damaged/<hex>.<random>                 what was found not to be what its name says
        registries/<registry>/<name>/<version or digest>                    links into the store
        registries/_adhoc/<owner>/<repo>/<workflow>/<full commit>
      workflows/<id>/<version>                   links into the store as well

A tree is written aside, hashed, made read-only and renamed: of two that write the same, one wins and the other uses it. Whoever opens a
tree hashes it again; one that is damaged is moved aside and fetched again. Files of a tree are not waited for to be on the disk unless
they are few and small: what a power loss takes is noticed the same way.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from ropeway.errors import StoreError
from ropeway.registry import Evidence, Fetched, Pin
from ropeway.registry.cache.files import flocked, guarded, own_folder, write_at_once
from ropeway.registry.cache.labels import said_by
from ropeway.registry.cache.links import link_places, place_link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ropeway.bundles.tree import Known

__all__ = ["Store"]

_T = TypeVar("_T")
_HINT: Final = "make room or check who owns it, or set XDG_CACHE_HOME to another folder; `workflow gc` removes what is not needed"
_THERE: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})
_TRIES: Final = 5


class Store:
    """The content that this person has fetched.

    Every method may raise :class:`StoreError` (the folder can't be read or written, the disk is full) and :class:`Refused` (the cache belongs
    to somebody else, or others may write to it).

    Args:
        cache: The cache folder (:func:`ropeway.settings.cache_dir`). Nothing is made before something is written.
        links: Whether what is kept is linked to at once; else :meth:`show` does it, when somebody has agreed to it.
    """

    def __init__(self, cache: Path, *, links: bool = True) -> None:
        self.cache = cache
        self._links = links
        self.root = cache / "store"
        self._sound = False

    # -- trees ----------------------------------------------------------------------------------------------------------------------

    def tree(self, digest: str) -> Path | None:
        """Return the folder of a tree after hashing it again, None when there is none. A damaged one is moved aside, which counts as none."""
        from ropeway.bundles.problems import InvalidBundle
        from ropeway.bundles.tree import tree_digest

        if not self._there():
            return None
        path = self._tree_path(digest)
        with guarded(path, _HINT):
            try:
                before = path.lstat()
                try:
                    sound = stat.S_ISDIR(before.st_mode) and tree_digest(path) == digest
                except InvalidBundle:
                    sound = False  # a link, or something else that never was in a tree
            except FileNotFoundError:
                return None
            if sound:
                with suppress(OSError):  # in a cache that can't be written, nothing is removed for not being used
                    os.utime(path)
                return path
            self._set_aside(path, before)
        return None

    def add_tree(self, fill: Callable[[Path], _T], expected: str | None = None, known: Known | None = None) -> tuple[str, Path, _T]:
        """Put a tree into the store.

        Args:
            fill: Writes the files into the empty folder that it is given.
            expected: The tree's digest, when it is known before.
            known: What need not be hashed again (see :func:`~ropeway.bundles.tree.tree_digest`); ``fill`` may still add to it.

        Returns:
            The digest, the folder in the store, and what ``fill`` returned.

        Raises:
            AlteredBlob: The files are others than expected.
        """
        from ropeway.bundles.problems import AlteredBlob
        from ropeway.bundles.tree import tree_digest
        from ropeway.registry.cache.staging import settle, staged

        self._make()
        with guarded(self.root, _HINT), staged(self.root / "staging") as folder:
            result = fill(folder)
            settle(folder)
            digest = tree_digest(folder, known)
            if expected not in (None, digest):
                raise AlteredBlob(f"the files have the digest {digest}, and {expected} was expected", hint="fetch them again")
            return digest, self._install(folder, digest), result

    def _install(self, folder: Path, digest: str) -> Path:
        target = self._tree_path(digest)
        self._folder("trees", target.parent.name)
        for _ in range(_TRIES):
            try:
                folder.rename(target)
            except OSError as error:
                if error.errno not in _THERE:
                    raise
            else:
                return target
            there = self.tree(digest)
            if there is not None:
                return there
        raise StoreError(f"{target} is damaged again and again", hint="check the disk, or remove that folder", code="store-damaged")

    def _set_aside(self, path: Path, seen: os.stat_result) -> None:
        """Move a damaged tree away, unless somebody has done so and a sound one is in its place."""
        aside = self._folder("damaged")
        with flocked(aside), suppress(FileNotFoundError):
            if os.path.samestat(path.lstat(), seen):
                if not path.is_symlink() and path.is_dir():
                    path.chmod(0o700)  # a folder that changes its parent has to be writable itself
                path.rename(aside / f"{path.name}.{os.urandom(4).hex()}")

    def _tree_path(self, digest: str) -> Path:
        from ropeway.bundles.manifest import check_digest

        algorithm, _, digits = check_digest(digest).partition(":")
        return self.root / "trees" / algorithm / digits

    # -- pins -----------------------------------------------------------------------------------------------------------------------

    def keep(self, pin: Pin, tree: str, file: str, evidence: Evidence) -> Fetched:
        """Remember which tree a pin is, so that it is found without a network, and link to it for people.

        Args:
            pin: What was fetched.
            tree: The digest of its tree, which is in the store.
            file: The definition's path in it, with slashes.
            evidence: Who vouches for it.
        """
        from ropeway.registry.cache.pins import pin_key, written

        self._make()
        with guarded(self.root, _HINT):
            pins = self._folder("pins")
            write_at_once(pins / pin_key(pin.source, pin.digest, pin.name), written(pin, tree, file, evidence), mode=0o600)
        fetched = Fetched(pin, tree, self._tree_path(tree), file, evidence)
        if self._links:
            self.show(fetched)
        return fetched

    def show(self, fetched: Fetched) -> None:
        """Link to what was fetched, by the names that people know: ``registries/…`` in the cache, ``workflows/<id>/<version>`` beside it."""
        for top, parts in link_places(self.cache, fetched.pin, said_by(fetched)):
            try:
                place_link(top, parts, fetched.root)
            except StoreError:  # `acme/build` has no place where a version `build` of `acme` is
                with suppress(StoreError):  # links are for people: what is fetched is there without them
                    place_link(top, ("%2F".join(parts[:-1]), parts[-1]), fetched.root)

    def find(self, source: str, digest: str, name: str = "") -> Fetched | None:
        """Return what was kept of a source's content, hashed again; None when it is not there, or not whole. Never asks the network."""
        from ropeway.registry.cache.pins import pin_key, read_back

        if not self._there():
            return None
        kept = read_back(self.root / "pins" / pin_key(source, digest, name))
        if kept is None or (kept[0].source, kept[0].digest, kept[0].name) != (source, digest, name):
            return None
        pin, tree, file, evidence = kept
        root = self.tree(tree)
        return None if root is None else Fetched(pin, tree, root, file, evidence)

    def pins(self) -> Iterator[tuple[Pin, str]]:
        """Yield everything that was kept, with the digest of its tree, in no order. The trees are not looked at."""
        from ropeway.registry.cache.pins import read_back

        with suppress(FileNotFoundError, NotADirectoryError):
            for path in sorted((self.root / "pins").iterdir()) if self._there() else ():
                kept = None if path.name.startswith(".") else read_back(path)
                if kept is not None:
                    yield kept[0], kept[1]

    # -- the rest -------------------------------------------------------------------------------------------------------------------

    def blob(self, digest: str) -> Path:
        """Return where a blob is while it is pulled; its part is beside it, with ``.part`` behind the name. The folder is there."""
        from ropeway.bundles.manifest import check_digest

        self._make()
        algorithm, _, digits = check_digest(digest).partition(":")
        with guarded(self.root, _HINT):
            return self._folder("blobs", algorithm) / digits

    def link(self, parts: Sequence[str], tree: str) -> Path:
        """Make (or point elsewhere) the link ``registries/<parts>`` to a tree, at once, and return it.

        Raises:
            StoreError: It can't be made: a part is no name of a file, or a link is where a folder has to be.
        """
        self._make()
        return place_link(self.cache / "registries", parts, self._tree_path(tree))

    def _there(self) -> bool:
        """Whether anything was ever kept; that the folders are ours is looked at once."""
        if not self._sound:
            self._sound = own_folder(self.root, "the store") and own_folder(self.cache, "the cache")
        return self._sound

    def _make(self) -> None:
        if self._there():
            return
        with guarded(self.root, _HINT):
            self.cache.parent.mkdir(parents=True, exist_ok=True)
            self.cache.mkdir(mode=0o700, exist_ok=True)
            found = self.cache.stat()
            if found.st_uid == os.geteuid() and not self.root.exists():  # with a umask of 002 the group may write to what others made of it
                self.cache.chmod(found.st_mode & 0o755)
            self.root.mkdir(mode=0o700, exist_ok=True)
        self._there()

    def _folder(self, *names: str) -> Path:
        """Make a folder of the store, each on the way private, and return it."""
        path = self.root
        for name in names:
            path = path / name
            path.mkdir(mode=0o700, exist_ok=True)
        return path

    def __repr__(self) -> str:
        return f"Store({str(self.cache)!r})"
