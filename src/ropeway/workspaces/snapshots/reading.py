"""Reading snapshots: git does it, since by now their objects may be in packs."""

from __future__ import annotations

import os
import stat
import subprocess
from typing import IO, TYPE_CHECKING

from ropeway.errors import NotFound, StoreError
from ropeway.records import record
from ropeway.workspaces.programs import ProgramFailed, clean_environ, git
from ropeway.workspaces.snapshots.failures import failure, shown
from ropeway.workspaces.snapshots.table import FILE, PROGRAM, UNKNOWN, Table

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ropeway.workspaces.snapshots.table import Folder


@record
class Listing:
    """What a tree holds: ``files`` as path → (mode, raw id), ``trees`` as path → raw id of each folder but the root."""

    files: dict[bytes, tuple[int, bytes]]
    trees: dict[bytes, bytes]


def listing(git_dir: str, tree: str) -> Listing:
    """List a tree or the tree of a commit.

    Raises:
        NotFound: There is no such object.
    """
    try:
        out = git("ls-tree", "-r", "-t", "-z", "--full-tree", tree, git_dir=git_dir)
    except ProgramFailed as error:
        hint = "its refs may have been removed by `workflow gc`"
        raise NotFound(f"there is no snapshot or commit {tree} in {git_dir}", hint=hint, code="snapshot-not-found") from error
    found = Listing({}, {})
    files, trees = found.files, found.trees
    for row in out.split(b"\0")[:-1]:
        head, _, path = row.partition(b"\t")
        mode, kind, oid = head.split(b" ")
        if kind == b"tree":
            trees[path] = bytes.fromhex(oid.decode())
        else:
            number = int(mode, 8)
            # Old trees hold other permissions; git reads them as these two.
            number = (PROGRAM if number & 0o100 else FILE) if stat.S_ISREG(number) else number
            files[path] = (number, bytes.fromhex(oid.decode()))
    return found


def table_of(found: Listing) -> Table:
    """Return the table of files of which nothing but what they should hold is known."""
    table = Table()
    folders: dict[bytes, Folder] = {}
    for path, (mode, oid) in found.files.items():
        above, _, name = path.rpartition(b"/")
        folder = folders.get(above)
        if folder is None:
            folder = folders[above] = table.folder(above)
        folder.files[name] = (0, UNKNOWN, 0, 0, mode, oid, True)
    for path, raw in found.trees.items():
        table.folder(path).tree = raw
    return table


def changed_paths(git_dir: str, a: str, b: str) -> list[tuple[str, str]]:
    """Return what differs between two snapshots: (``A`` added, ``D`` removed, ``M`` content or x bit, ``T`` kind; path), sorted by path."""
    words = git("diff-tree", "-r", "-z", "--no-renames", "--name-status", a, b, git_dir=git_dir).split(b"\0")
    return [(status.decode(), os.fsdecode(path)) for status, path in zip(words[:-1:2], words[1::2], strict=True)]


def contents(git_dir: str, wanted: Sequence[tuple[bytes, bytes]]) -> Generator[tuple[bytes, int, IO[bytes]], None, None]:
    """Yield the path of each of the ``wanted`` (path, raw id of a blob), its size, and a stream that stands at its beginning; all of it has to be read.

    Raises:
        StoreError: A blob is not there.
    """
    import tempfile  # most runs put nothing back

    try:
        asked = tempfile.TemporaryFile()  # noqa: SIM115 - closed below; a pipe that both sides fill would stop both
    except OSError as error:
        raise failure("a temporary file can't be made", tempfile.gettempdir(), error) from error
    with asked:
        asked.write(b"".join([raw.hex().encode() + b"\n" for _, raw in wanted]))
        asked.seek(0)
        argv = ["git", f"--git-dir={git_dir}", "cat-file", "--batch", "--buffer"]
        with subprocess.Popen(
            argv, stdin=asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean_environ(), cwd="/"
        ) as process:
            assert process.stdout is not None
            try:
                for path, _ in wanted:
                    words = process.stdout.readline().split()
                    if len(words) != 3 or words[1] != b"blob":
                        hint = "`git fsck` shows what is missing"
                        raise StoreError(f"the content of {shown(path)} is no longer in the repository", hint=hint, code="snapshot-damaged")
                    yield path, int(words[2]), process.stdout
                    process.stdout.read(1)
            finally:
                process.kill()
