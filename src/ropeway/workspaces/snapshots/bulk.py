"""Saving many new files at once: as one pack, through ``git fast-import``.

Creating a file is dear, and a loose object is a file. Where more than :data:`MANY` files may be new, their blobs go to one process that writes a single pack and
leaves out what the repository's packs have already.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import subprocess
from typing import TYPE_CHECKING

from ropeway.errors import StoreError
from ropeway.workspaces.programs import clean_environ
from ropeway.workspaces.snapshots.failures import failure
from ropeway.workspaces.snapshots.objects import ObjectStore

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

MANY = 200
"""Files above which starting a process and writing an index costs less than that many loose objects."""

_SETTINGS = ("core.compression=1", "pack.compression=1", "fastImport.unpackLimit=50", "gc.auto=0", "core.hooksPath=/dev/null")


class Bulk(ObjectStore):
    """An object store whose small blobs are in the repository only after the ``with`` block has ended without an error."""

    def __init__(self, git_dir: str, *, sync: bool = False) -> None:
        super().__init__(git_dir, sync=sync)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if kind is not None:
            process.kill()
            with contextlib.suppress(OSError):
                process.communicate()
            return
        self._end(process)

    def write(self, kind: bytes, data: bytes, known: bytes = b"") -> bytes:
        """Hand a blob over, see :meth:`ObjectStore.write`; other kinds are written at once."""
        if kind != b"blob":
            return super().write(kind, data, known)
        oid = self.hash(kind, data)
        if oid == known or self._freshen(oid):
            return oid
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(b"blob\ndata %d\n" % len(data))
            process.stdin.write(data)
            process.stdin.write(b"\n")
        except BrokenPipeError:
            self._process = None
            self._end(process)
            raise
        return oid

    def _start(self) -> subprocess.Popen[bytes]:
        settings = [word for one in _SETTINGS for word in ("-c", one)]
        argv = ["git", *settings, f"--git-dir={self.git_dir}", "fast-import", "--quiet", "--depth=0"]
        try:
            return subprocess.Popen(
                argv,
                cwd="/",  # our own folder may be gone
                env=clean_environ(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                bufsize=1 << 16,
            )
        except OSError as error:
            raise failure("a snapshot can't be saved", "git", error) from error

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the pack.

        Raises:
            StoreError: It could not be written.
        """
        try:
            said = process.communicate()[1].decode(errors="replace")
        except BrokenPipeError:
            said = ""
            process.wait()
        if process.returncode == 0:
            return
        with contextlib.suppress(OSError):  # it leaves a report beside the person's files
            os.unlink(os.path.join(self.git_dir, f"fast_import_crash_{process.pid}"))
        for name in re.findall(r"'([^']*/tmp_pack_[^'/]*)'", said):
            with contextlib.suppress(OSError):
                os.unlink(name)
        if "Out of diskspace" in said:
            said = os.strerror(errno.ENOSPC)
        for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            if os.strerror(number) in said:
                raise failure("a snapshot can't be saved", self.folder, OSError(number, os.strerror(number)))
        lines = [line for line in said.splitlines() if line.startswith(("fatal: ", "error: "))]
        why = lines[-1].partition(": ")[2] if lines else f"git fast-import ended with {process.returncode}"
        raise StoreError(f"a snapshot can't be saved: {why}", code="snapshot-failed")
