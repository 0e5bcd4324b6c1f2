"""A bare repository that lives as long as one fetch, and reading from it: object by object, never by checkout.

A checkout would obey the repository: ``.gitattributes`` changes bytes (line ends, ``export-subst``, filters such as LFS), links are made. So the tree is
listed, and each file's bytes are written as they are. One repository per fetch needs no lock and leaves nothing that a killed process could damage;
what is worth keeping is in the store.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ropeway.bundles.problems import HostileArchive
from ropeway.errors import Unreachable
from ropeway.records import record
from ropeway.registry.cache.files import guarded, own_folder, remove_tree
from ropeway.registry.cache.staging import staged
from ropeway.registry.git.process import run_git, stream_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Item", "Repository", "temporary_repository"]

_CONFIG: Final = "[core]\n\trepositoryformatversion = {version}\n\tbare = true\n[extensions]\n\tobjectFormat = {format}\n"
_HINT: Final = "make room or check who owns it, or set XDG_CACHE_HOME to another folder"
_LISTED: Final = 64 * 2**20
"""Bytes of a listing: 100,000 files with long names. A tree can be made that lists for ever."""
_LINE: Final = re.compile(rb"([0-7]{6}) (blob|commit) ([0-9a-f]{40,64})\t(.+)", re.DOTALL)


@record
class Item:
    """One entry of a tree: a file's mode, as git writes it, and the name of its content."""

    mode: str
    oid: str

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, whose content is where it leads."""
        return self.mode == "120000"

    @property
    def executable(self) -> bool:
        """Whether it may be run."""
        return self.mode == "100755"


class Repository:
    """A bare repository in ``path``, without objects at first."""

    def __init__(self, path: Path, environ: Mapping[str, str], *, sha256: bool = False) -> None:
        self.path = path
        self.environ = environ
        self._config = _CONFIG.format(version=1, format="sha256" if sha256 else "sha1")
        (path / "objects").mkdir()
        (path / "HEAD").write_text("ref: refs/heads/none\n")
        self.forget_remote()

    def forget_remote(self) -> None:
        """Keep nothing of a fetch but its objects.

        A partial fetch writes itself down as where missing objects come from, with one request for each; and of what refs lead to, git believes that
        it is here whole.
        """
        (self.path / "config").write_text(self._config)
        (self.path / "packed-refs").unlink(missing_ok=True)
        remove_tree(str(self.path / "refs"))
        (self.path / "refs").mkdir()

    def commit(self, oid: str) -> str | None:
        """Return the full name of the commit that an object is or (a tag) leads to; None when it is not here or leads to none."""
        ran = run_git(
            ["rev-parse", "--quiet", "--verify", "--end-of-options", f"{oid}^{{commit}}"], repository=self.path, environ=self.environ
        )
        return ran.output.decode().strip() or None if ran.status == 0 else None

    def commits(self, prefix: str) -> list[str]:
        """Return the commits here whose names begin so, sorted."""
        listed = run_git(["rev-parse", f"--disambiguate={prefix}"], repository=self.path, environ=self.environ)
        given = b"".join(line + b"\n" for line in listed.output.split())
        ran = run_git(["cat-file", "--batch-check=%(objectname) %(objecttype)"], repository=self.path, environ=self.environ, given=given)
        return sorted(line.split()[0] for line in ran.output.decode().splitlines() if line.endswith(" commit"))

    def listing(self, commit: str) -> dict[str, Item]:
        """Return every file and link of a commit by its path. Submodules are left out: their content is another repository's.

        Raises:
            HostileArchive: Two entries have the same path.
        """
        arguments = ["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", commit]
        ran = run_git(arguments, repository=self.path, environ=self.environ, limit=_LISTED)
        if ran.status:
            raise Unreachable(f"the tree of the commit {commit} did not come whole", hint="try again", code="connection-lost")
        found: dict[str, Item] = {}
        for line in ran.output.split(b"\0")[:-1]:
            match = _LINE.fullmatch(line)
            path = match[4].decode(errors="surrogateescape") if match else ""
            if match is None or path in found:
                raise HostileArchive(f"the tree of the commit {commit} is damaged at {path!r:.100}", hint="ask who keeps the repository")
            if match[2] == b"blob":
                found[path] = Item(match[1].decode(), match[3].decode())
        return found

    def sizes(self, oids: Iterable[str]) -> dict[str, int | None]:
        """Return how many bytes each blob has, None for those that are not here."""
        given = "".join(f"{oid}\n" for oid in dict.fromkeys(oids)).encode()
        arguments = ["cat-file", "--batch-check=%(objectname) %(objectsize)"]
        ran = run_git(arguments, repository=self.path, environ=self.environ, given=given)
        lines = [line.split() for line in ran.output.decode().splitlines()]
        return {oid: int(size) if size.isdigit() else None for oid, size in lines}

    def contents(self, oids: Sequence[str]) -> Iterator[Iterator[bytes]]:
        """Yield the content of one blob after the other, in pieces; each has to be read before the next."""
        given = "".join(f"{oid}\n" for oid in oids).encode()
        with stream_git(["cat-file", "--batch"], repository=self.path, environ=self.environ, given=given) as output:
            for oid in oids:
                head = output.readline().split()
                if len(head) != 3 or head[1] != b"blob":
                    raise Unreachable(f"the content {oid} did not come whole", hint="try again", code="connection-lost")
                left = int(head[2])

                def pieces(size: int = left) -> Iterator[bytes]:
                    while size:
                        piece = output.read(min(size, 1 << 20))
                        if not piece:
                            raise Unreachable("git broke off while it read", hint="try again", code="connection-lost")
                        size -= len(piece)
                        yield piece

                body = pieces()
                yield body
                for _ in body:
                    pass
                output.read(1)  # the line's end behind the content

    def content(self, oid: str) -> bytes:
        """Return the content of a small blob."""
        return b"".join(piece for pieces in self.contents([oid]) for piece in pieces)


@contextmanager
def temporary_repository(cache: Path, environ: Mapping[str, str], *, sha256: bool = False) -> Iterator[Repository]:
    """Give an empty repository in the cache folder, and remove it at the end. What killed processes left there is removed first."""
    top = cache / "git"
    with guarded(top, _HINT):
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.mkdir(mode=0o700, exist_ok=True)
        own_folder(cache, "the cache")
        with staged(top) as folder:
            yield Repository(folder, environ, sha256=sha256)
