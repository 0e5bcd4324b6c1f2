"""Registries that are folders of this machine (or of a share that it has mounted): an index, and the files that it names."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ropeway.bundles.problems import HostileArchive
from ropeway.errors import NotFound, Refused, UsageError
from ropeway.records import record, replace
from ropeway.registry import Evidence, Fetched, Listing, Pin
from ropeway.registry.cache.files import guarded
from ropeway.registry.folder.index import INDEX_NAMES, matches, no_such_workflow, read_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.registry import Release, Wanted
    from ropeway.registry.cache.store import Store
    from ropeway.registry.folder.index import Index

__all__ = ["PathResolver"]

_LEFT_OUT: Final = frozenset({".git", ".jj", ".hg", ".svn"})
_MOST_FILES: Final = 100_000
_MOST_BYTES: Final = 4 * 2**30
_HINT: Final = "check that you may read it"


@record
class _File:
    """One file that travels: its path below the definition's folder, and where it is really."""

    name: str
    path: Path
    executable: bool
    size: int


class PathResolver:
    """What the index of a folder lists. The digest of what a name means is that of the folder around its definition, as it is now."""

    def __init__(self, folder: Path, *, store: Store, registry: str | None = None) -> None:
        self._folder = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 - a link to the folder stays in its name
        self._registry = registry
        self._store = store
        self._files: dict[tuple[str, str], str] = {}

    @property
    def source(self) -> str:
        """See :class:`Resolver`."""
        return f"path:{self._folder}"

    def pin(self, wanted: Wanted) -> Pin:
        """See :class:`Resolver`. There are no versions to choose from.

        Raises:
            UsageError: Something stands behind ``#``.
            InvalidBundle: The index is not one, or what it says can't be used.
        """
        if wanted.ref is not None:
            hint = f"leave #{wanted.ref.text} out"
            raise UsageError(f"{self._shown} is a folder, and what is in a folder has no versions", hint=hint, code="path-version")
        definition = self._definition(wanted.name)
        files, plain = _listing(definition.parent, self._folder)
        digest = self._digest(definition.parent, files, plain=plain)
        self._files[wanted.name, digest] = definition.name
        size = sum(file.size for file in files)
        return Pin(self.source, wanted.name, digest, moving=True, registry=self._registry, kind=wanted.kind, size=size)

    def evidence(self, pin: Pin) -> Evidence:  # noqa: ARG002 - the protocol's
        """Return nothing: nobody vouches for a folder."""
        return Evidence()

    def fetch(self, pin: Pin, evidence: Evidence) -> Fetched:
        """See :class:`Resolver`.

        Raises:
            AlteredBlob: The folder has changed since it was pinned.
        """
        name = self._files.get((pin.name, pin.digest))
        found = self._store.find(self.source, pin.digest, pin.name)
        if found is not None and name in {None, found.file}:
            return replace(found, pin=pin)
        if name is None or self._store.tree(pin.digest) is None:
            definition = self._definition(pin.name)
            name = definition.name
            files, _ = _listing(definition.parent, self._folder)
            self._store.add_tree(lambda folder: _copy(files, folder), pin.digest)
        return self._store.keep(pin, pin.digest, name, evidence)

    def releases(self, wanted: Wanted) -> list[Release]:
        """Return none, once it is clear that the workflow is there."""
        self._definition(wanted.name)
        return []

    def search(self, query: str) -> Iterator[Listing]:
        """See :class:`Resolver`; what the index says is all that is looked at."""
        index = self._index()
        for name in sorted(index.entries):
            description = index.description(name)
            if matches(query, name, description):
                yield Listing(name, self._registry, description=description)

    @property
    def _shown(self) -> str:
        return f"the registry {self._registry} ({self._folder})" if self._registry else str(self._folder)

    def _index(self) -> Index:
        with guarded(self._folder, _HINT):
            for name in INDEX_NAMES:
                try:
                    raw = (self._folder / name).read_bytes()
                except (FileNotFoundError, NotADirectoryError):
                    continue
                index = read_index(raw, str(self._folder / name))
                if not index.found:
                    hint = "workflows: {NAME: {path: workflows/NAME.toml, description: …}}"
                    raise NotFound(f"{self._folder / name} lists no workflows", hint=f"add {hint}", code="index-empty")
                return index
            if not self._folder.is_dir():
                hint = "mount it, or point the registry elsewhere: workflow registry remove, then add"
                raise NotFound(f"{self._shown} is not there", hint=hint, code="registry-not-found")
        hint = "write one: workflows: {NAME: {path: workflows/NAME.toml, description: …}}"
        raise NotFound(f"{self._shown} has no index.yaml or index.json", hint=hint, code="index-missing")

    def _definition(self, name: str) -> Path:
        index = self._index()
        if name not in index:
            raise no_such_workflow(name, self._shown, sorted(index.entries))
        path = self._folder / index.path(name)
        with guarded(path, _HINT):
            real = Path(os.path.realpath(path))
            if not real.is_relative_to(os.path.realpath(self._folder)):
                hint = "copy what it leads to into the folder"
                raise Refused(f"{index.place(name)}: {path} leads out of the registry, to {real}", hint=hint, code="path-outside")
            if real.is_dir():
                raise NotFound(
                    f"{index.place(name)}: {path} is a folder", hint="name the workflow file in it", code="workflow-file-missing"
                )
            if not real.is_file():
                hint = "correct the index, or bring the file back"
                raise NotFound(f"{index.place(name)}: {path} is not there", hint=hint, code="workflow-file-missing")
        return path

    def _digest(self, folder: Path, files: list[_File], *, plain: bool) -> str:
        from ropeway.bundles.tree import tree_digest

        if plain:
            with guarded(folder, _HINT):
                return tree_digest(folder)
        return self._store.add_tree(lambda target: _copy(files, target))[0]


def _listing(folder: Path, top: Path) -> tuple[list[_File], bool]:
    """Return what travels with a definition, sorted, and whether that is the folder just as it is: without links, nothing left out.

    A link to something in the folder travels as what it leads to.

    Raises:
        HostileArchive: A link leads out of the folder, to nothing or in a circle, something is no file, or there is too much.
    """
    found: list[_File] = []
    plain, seen, size = True, 0, 0
    root = os.path.realpath(folder)
    queue: list[tuple[str, str, tuple[str, ...]]] = [("", str(folder), (root,))]
    with guarded(top, _HINT):
        while queue:
            below, real, above = queue.pop()
            with os.scandir(real) as entries:
                inside = list(entries)
            for entry in inside:
                if entry.name in _LEFT_OUT:
                    plain = False
                    continue
                name, path, seen = below + entry.name, entry.path, seen + 1
                if entry.is_symlink():
                    plain = False
                    path = _followed(Path(path), root, above)
                status = os.stat(path)  # noqa: PTH116 - a string
                if stat.S_ISDIR(status.st_mode):
                    queue.append((f"{name}/", path, (*above, os.path.realpath(path))))
                elif stat.S_ISREG(status.st_mode):
                    found.append(_File(name, Path(path), bool(status.st_mode & 0o100), status.st_size))
                    size += status.st_size
                else:
                    hint = "only files and folders travel; move it elsewhere"
                    raise HostileArchive(f"{folder}/{name} is neither a file nor a folder", hint=hint)
            if seen > _MOST_FILES or size > _MOST_BYTES:
                hint = "all that is in the definition's folder travels along; give the workflow a folder of its own"
                raise HostileArchive(f"{folder} has more than {_MOST_FILES:,} files, or 4 GiB", hint=hint, code="tree-too-large")
    return sorted(found, key=lambda file: file.name), plain


def _followed(link: Path, root: str, above: tuple[str, ...]) -> str:
    real = os.path.realpath(link)
    if real != root and not real.startswith(root.rstrip("/") + "/"):
        raise HostileArchive(
            f"the link {link} leads out of its folder, to {real}", hint="copy what it leads to into the folder", code="link-outside"
        )
    if not os.path.exists(real) or real in above:  # noqa: PTH110 - a string
        said = "to a folder that it is in" if real in above else "to nothing"
        raise HostileArchive(f"the link {link} leads {said}", hint="remove it", code="link-outside")
    return real


def _copy(files: list[_File], target: Path) -> None:
    import shutil

    for file in files:
        path = target / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with file.path.open("rb") as source, path.open("xb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        path.chmod(0o700 if file.executable else 0o600)
