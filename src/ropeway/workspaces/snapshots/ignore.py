"""Asking git which names a rule ignores.

One ``git check-ignore`` process answers all questions of one look at the working copy. It is started with the first question, so a look that meets no unknown
name starts none. Its ``GIT_DIR`` is the repository's, so that ``info/exclude`` and the repository's and the person's settings (``core.excludesFile``,
``core.ignoreCase``) count as they do at home; ``--no-index`` keeps it from reading any index, and it writes nothing.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from typing import TYPE_CHECKING

from ropeway.errors import NotFound, StoreError
from ropeway.workspaces.programs import clean_environ

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

_CHUNK = 1 << 16
_FIELDS = 4  # of an answer: the file of the rule, its line, the rule, the path


class Moved(Exception):
    """The working copy changed while it was looked at, so that a path could not be asked about."""


class Rules:
    """The ignore rules of a working copy, for the length of one look at it."""

    def __init__(self, worktree: bytes, git_dir: str) -> None:
        self._worktree = worktree
        self._git_dir = git_dir
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        if kind is not None:
            process.kill()
        process.stdout.close()
        process.stderr.close()
        process.wait()

    def ignored(self, paths: Sequence[bytes]) -> list[bool]:
        """Return for each path, relative to the root and with no ignored folder above it, whether a rule ignores it.

        Raises:
            Moved: A folder became something else while we asked.
            NotFound: There is no git.
            StoreError: git can't tell.
        """
        if not paths:
            return []
        # A path that begins with a colon would be taken for more than a path.
        fields = self._ask(b"".join([b"./%s\0" % path for path in paths]), _FIELDS * len(paths))
        # A rule that begins with `!` is the last that matches, and says: not ignored.
        return [bool(rule) and not rule.startswith(b"!") for rule in fields[2::_FIELDS]]

    def _start(self) -> subprocess.Popen[bytes]:
        environ = clean_environ({"GIT_DIR": self._git_dir, "GIT_WORK_TREE": os.fsdecode(self._worktree)})
        argv = ["git", "-c", "core.fsmonitor=false", "check-ignore", "--no-index", "-z", "--stdin", "--verbose", "--non-matching"]
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(argv, cwd=self._worktree, env=environ, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)
        except FileNotFoundError as error:
            if not os.path.isdir(self._worktree):
                raise NotFound(f"the working copy {os.fsdecode(self._worktree)} is gone", code="folder-gone") from error
            raise NotFound(
                "there is no program git on the PATH", hint="install it with your system's packages", code="program-not-found"
            ) from error
        except OSError as error:
            raise StoreError(f"git can't be started: {error.strerror}", code="vcs-failed") from error
        assert process.stdin is not None
        assert process.stdout is not None
        os.set_blocking(process.stdin.fileno(), False)
        os.set_blocking(process.stdout.fileno(), False)
        return process

    def _ask(self, question: bytes, wanted: int) -> list[bytes]:
        """Write the question while reading answers (either pipe may be full) until ``wanted`` fields are there."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        to, back = process.stdin.fileno(), process.stdout.fileno()
        poll = select.poll()
        poll.register(back, select.POLLIN)
        poll.register(to, select.POLLOUT)
        left = memoryview(question)
        parts: list[bytes] = []
        count = 0
        while count < wanted:
            for descriptor, _ in poll.poll():
                if descriptor == back:
                    part = os.read(back, _CHUNK)
                    if not part:
                        self._fail(process)
                    parts.append(part)
                    count += part.count(b"\0")
                    continue
                with contextlib.suppress(BlockingIOError, BrokenPipeError):
                    left = left[os.write(to, left[:_CHUNK]) :]
                if not left:
                    poll.unregister(to)
        return b"".join(parts).split(b"\0")[:wanted]

    def _fail(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        said = process.stderr.read().decode(errors="replace").strip()
        if "beyond a symbolic link" in said:
            raise Moved
        raise StoreError(f"git can't tell what is ignored: {said.removeprefix('fatal: ') or 'it ended early'}", code="vcs-failed")
