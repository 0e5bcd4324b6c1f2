"""What a working copy holds that neither a commit nor the person's folder has.

No program is started in the copy and nothing is written to a repository: files are found and hashed as snapshots find and hash them, and compared with trees that
git lists. What a step left in ``.git``, ``.jj`` or an attributes file is not obeyed. Only ``.gitignore`` counts, which is read by git in the repository's own name.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ropeway.errors import NotFound, StoreError
from ropeway.workspaces.alike import same_entry
from ropeway.workspaces.conversions import keeps_bytes
from ropeway.workspaces.programs import ProgramFailed, git
from ropeway.workspaces.snapshots.inside import Inside, read
from ropeway.workspaces.snapshots.objects import ObjectStore
from ropeway.workspaces.snapshots.reading import Listing, listing, table_of
from ropeway.workspaces.snapshots.table import GITLINK, join
from ropeway.workspaces.snapshots.walk import TOOLS, Walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Files = Mapping[bytes, tuple[int, bytes]]
    """What a tree holds: path → (git's mode, raw id)."""

_ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_REF: Final = re.compile(r"ref: (refs/[\w./-]+)\Z")
_INDEX: Final = ("-c", "core.splitIndex=false", "-c", "core.sparseCheckout=false", "-c", "index.sparse=false")


def is_id(text: str) -> bool:
    """Whether a text is the full id of an object: what a working copy says of itself may be anything."""
    return _ID.match(text) is not None


def files_of(git_dir: str, commit: str) -> Files | None:
    """Return the files of a commit or tree; None when it is not there."""
    try:
        return listing(git_dir, commit).files if is_id(commit) else None
    except NotFound:
        return None


def differing(copy: bytes, home: bytes, git_dir: str, saved: Sequence[Files]) -> list[bytes]:
    """Return the paths at which a working copy has what no tree in ``saved`` has there, nor the person's folder; that something is missing counts as well.

    Ignored files do not count, unless one of the trees has the path. A repository inside of the copy counts as one path, unless all files in it are at home, too.

    Args:
        copy: The working copy, with the links above it resolved.
        home: The person's folder.
        git_dir: The repository's git directory: says which hash it has, and what is ignored.
        saved: Trees. The first one says which commit a submodule is to be on.

    Raises:
        StoreError: The copy can't be read.
        NotFound: It is gone.
    """
    known: dict[bytes, tuple[int, bytes]] = {}
    for files in reversed(saved):
        known |= files
    modules = {path: entry for path, entry in (saved[0] if saved else {}).items() if entry[0] == GITLINK}
    known = {path: entry for path, entry in known.items() if entry[0] != GITLINK}
    table = table_of(Listing(known | modules, {}))
    walk = Walk(copy, git_dir, table).run()
    lost: list[bytes] = []
    seen: set[bytes] = set()
    with _Hashing(git_dir) as store, Inside(copy) as inside:
        for folder, name, st in walk.changed:
            path = join(folder.path, name)
            if stat.S_ISDIR(st.st_mode):
                continue
            seen.add(path)
            if not _is_saved(path, _state(inside, folder.path, name, store), saved) and not same_entry(
                os.path.join(copy, path), os.path.join(home, path)
            ):
                lost.append(path)
    lost += [path for path in known if path not in seen and not _missing(path, home, saved) and not _is_ours(path)]
    nested = [join(folder.path, name) for folder in table.root.every() for name in folder.nested if join(folder.path, name) not in modules]
    lost += [path for path in nested if not _all_same(copy, home, path)]
    lost += [path for path, (_, oid) in modules.items() if _module_changed(copy, home, path, oid)]
    return sorted(path for path in lost if not _is_ours(path))


def _is_ours(path: bytes) -> bool:
    return path.startswith(TOOLS + b"/")


def _is_saved(path: bytes, state: tuple[int, bytes] | None, saved: Sequence[Files]) -> bool:
    return state is not None and any(files.get(path) == state for files in saved)


def _missing(path: bytes, home: bytes, saved: Sequence[Files]) -> bool:
    """Whether something that is not in the copy is missing elsewhere, too."""
    return any(path not in files for files in saved) or not os.path.lexists(os.path.join(home, path))


class _Hashing(ObjectStore):
    """Says which id an object would have, and writes none."""

    def __init__(self, git_dir: str) -> None:
        super().__init__(git_dir)
        self.folder = tempfile.gettempdir()

    def write(self, kind: bytes, data: bytes, known: bytes = b"") -> bytes:  # noqa: ARG002 - as in the base
        """Return the id."""
        return self.hash(kind, data)

    def write_stream(self, source: int, size: int, known: bytes = b"") -> bytes | None:  # noqa: ARG002 - as in the base
        """Return the id; None when the file ends before."""
        return self.hash_stream(source, size)


def _state(inside: Inside, folder: bytes, name: bytes, store: ObjectStore) -> tuple[int, bytes] | None:
    """Return mode and id of a file, as a snapshot would have them; None when that can't be told."""
    try:
        entry = read(inside, folder, name, store, b"", base=False)
    except StoreError:
        return None
    return (entry[4], entry[5]) if entry is not None else None


# -- files beside files -----------------------------------------------------------------------------------------------------------------


def _all_same(copy: bytes, home: bytes, name: bytes) -> bool:
    """Whether all files below a path are at home, too."""
    top = os.path.join(copy, name)
    if not os.path.isdir(top) or os.path.islink(top):
        return same_entry(os.path.join(copy, name), os.path.join(home, name))
    pending = [top]
    try:
        while pending:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif not same_entry(entry.path, os.path.join(home, os.path.relpath(entry.path, copy))):
                        return False
    except OSError:
        return False
    return os.path.isdir(os.path.join(home, name))


def not_as_checked_out(copy: bytes, names: Sequence[bytes], git_dir: str, commit: str) -> list[bytes]:
    """Return those paths that a commit does not have in the form that git gives them on the disk, where the person's settings or the commit convert files.

    git writes the files of the commit to a folder of ours, with the attributes that the commit has.
    """
    environ = os.environ
    if not names or keeps_bytes(partial(git, git_dir=git_dir), git_dir, environ, commit):
        return list(names)
    with tempfile.TemporaryDirectory(prefix="ropeway-") as top:
        work, out = os.path.join(top, "work"), os.path.join(top, "out")
        os.mkdir(work)
        env = {"GIT_INDEX_FILE": os.path.join(top, "index"), "GIT_WORK_TREE": work}
        committed = files_of(git_dir, commit) or {}
        asked = b"".join(name + b"\0" for name in names if name in committed)
        try:
            git(*_INDEX, "read-tree", commit, cwd=work, git_dir=git_dir, env=env)
            git(*_INDEX, "checkout-index", "-z", "--stdin", "-q", f"--prefix={out}/", cwd=work, git_dir=git_dir, env=env, stdin=asked)
        except ProgramFailed:  # a filter is missing: what is as stored was found the same before
            return list(names)
        return [
            name
            for name in names
            if name not in committed or not same_entry(os.path.join(copy, name), os.path.join(os.fsencode(out), name))
        ]


# -- submodules -------------------------------------------------------------------------------------------------------------------------


def _module_changed(copy: bytes, home: bytes, path: bytes, oid: bytes) -> bool:
    """Whether a submodule is checked out in a working copy, and its commit or its files are other than they were recorded: its repository goes with the copy."""
    top = os.path.join(copy, path)
    if os.path.islink(top) or not os.path.lexists(os.path.join(top, b".git")):
        return os.path.lexists(top) and not os.path.islink(top) and not _all_same(copy, home, path)
    own = _module_dir(os.fsdecode(top))
    if own is None or _module_head(own) != oid.hex():
        return True
    with stand_in("sha256" if len(oid) > 20 else "sha1", os.path.join(own, "objects")) as git_dir:  # its own settings are the step's
        files = files_of(git_dir, oid.hex())
        return files is None or bool(differing(top, os.path.join(home, path), git_dir, [files]))


def _module_dir(top: str) -> str | None:
    """Return the git directory of a submodule."""
    mark = os.path.join(top, ".git")
    if os.path.isdir(mark):
        return os.path.abspath(mark)
    words = _text(mark).removeprefix("gitdir: ")
    return os.path.abspath(os.path.join(top, words)) if words else None


def _module_head(git_dir: str) -> str:
    head = _text(os.path.join(git_dir, "HEAD"))
    ref = _REF.match(head)
    return head if ref is None or ".." in ref[1] else _text(os.path.join(git_dir, ref[1]))


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read(1 << 16).removesuffix(b"\n"))
    except OSError:
        return ""


@contextmanager
def stand_in(form: str = "sha1", objects: str = "") -> Iterator[str]:
    """Give a git directory of ours for the block, without any settings but the kind of hash, that reads the objects of another one."""
    with tempfile.TemporaryDirectory(prefix="ropeway-") as name:
        own = Path(name)
        for folder in ("refs", "objects/info"):
            (own / folder).mkdir(parents=True)
        (own / "HEAD").write_text("ref: refs/heads/none\n")
        (own / "config").write_text(f"[core]\n\trepositoryformatversion = 1\n\tbare = false\n[extensions]\n\tobjectformat = {form}\n")
        if objects:
            quoted = os.fsencode(objects).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
            (own / "objects/info/alternates").write_bytes(b'"%s"\n' % quoted)
        yield name
