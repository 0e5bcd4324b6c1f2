"""The working copy of one attempt of an ephemeral step."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from ropeway.errors import Busy, NotFound, Refused, RopewayError
from ropeway.workspaces import metadata
from ropeway.workspaces.backend import Attached
from ropeway.workspaces.hashes import sha1, sha256
from ropeway.workspaces.programs import LOCAL_VARIABLES, git
from ropeway.workspaces.snapshots import Snapshots
from ropeway.workspaces.wish import again, take_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.workspaces import Past, Snapshot, Tell
    from ropeway.workspaces.manager import Manager
    from ropeway.workspaces.wish import Wish

_IDS = 100
"""Ids that are tried at most: others have to be somebody's for each."""

_AT_ONCE = 500
"""Paths that git is asked about at once."""


class Ephemeral:
    """The working copy of one attempt of an ephemeral step: made from a boundary, dropped at the end.

    Whoever works in it holds its lock. Nothing is ever removed but a copy whose metadata says that it was made for this step of this run, and whose lock is free.
    """

    def __init__(
        self, manager: Manager, wish: Wish, start: Snapshot, base_commit: str, git_dir: str, environ: Mapping[str, str | None]
    ) -> None:
        self._manager = manager
        self._wish = wish
        self._id = wish.id
        self._start = start.commit
        self._base_commit = base_commit
        self._git_dir = git_dir
        self._outer = environ
        self._environ: dict[str, str | None] = {}
        self._own: dict[str, str | None] = {}
        self._lock = -1

    @property
    def path(self) -> str:
        """The folder that the step starts in."""
        return os.path.join(self._top, self._wish.folder) if self._wish.folder else self._top

    @property
    def _top(self) -> str:
        return self._manager.path(self._id)

    @property
    def environ(self) -> Mapping[str, str | None]:
        """The variables of this workspace and of its ``.envrc``; those that the run's own workspace has and this one lacks are taken away."""
        return self._environ

    @property
    def own(self) -> Mapping[str, str | None]:
        """The variables of this workspace alone."""
        return self._own

    def inside(self, path: str) -> str:
        """Return the counterpart of a file or folder of the person's, or the path itself."""
        below = os.path.relpath(os.path.realpath(path), os.path.realpath(self._manager.backend.root))
        counterpart = os.path.normpath(os.path.join(self._top, below))
        return counterpart if not below.startswith("..") and os.path.lexists(counterpart) else path

    # -- beginning ------------------------------------------------------------------------------------------------------------

    def open(self, past: Past, tell: Tell) -> None:  # noqa: ARG002 - the protocol's; an ephemeral copy has no past
        """Make it anew."""
        there = self._claim()
        try:
            if there:
                self._manager.cleanup(self._id, force=True)  # what a crash left
            self._make(tell)
        except BaseException:
            with contextlib.suppress(RopewayError):  # the first error is the one to tell
                self._manager.cleanup(self._id, force=True)
            self._release()
            raise

    def take_up(self, tell: Tell) -> bool:
        """Take up what :meth:`close` put aside when the run began to wait; False when there is nothing that could be gone on with."""
        if self._claim():
            with contextlib.suppress(RopewayError):  # then it is made anew
                noted = self._manager.read(self._id)
                if noted.get("aside") and self._have(str(noted.get("start")), tell):
                    return True
        self._release()
        self._id = self._wish.id
        return False

    def _have(self, start: str, tell: Tell) -> bool:
        wish, manager = self._wish, self._manager
        if isinstance(manager.backend, Attached):
            manager.backend.attach(self._top, self._id)
        ensured = manager.ensure_workspace(self._id, "@", "never", extra={"aside": False}, tools=wish.tools, tell=tell)
        if ensured.created or not os.path.isdir(self.path):
            return False
        self._start = start
        self._take_environment(tell)
        return True

    def _make(self, tell: Tell) -> None:
        wish, manager = self._wish, self._manager
        extra = {"run": wish.run, "ephemeral": True, "step": wish.step, "start": self._start}
        ensured = manager.ensure_workspace(self._id, again(manager, self._base_commit), "never", extra=extra, tools=wish.tools, tell=tell)
        snapshots = Snapshots(self._top, self._git_dir, run=wish.run, state=wish.state)
        take_in(snapshots, ensured)
        snapshots.restore(self._start)
        try:
            os.makedirs(self.path, exist_ok=True)
        except OSError as error:
            raise NotFound(f"the folder {wish.folder} can't be had in the working copy: {error.strerror}", code="folder-gone") from error
        self._take_environment(tell)

    def _take_environment(self, tell: Tell) -> None:
        wish, manager = self._wish, self._manager
        self._own = {**dict.fromkeys(LOCAL_VARIABLES), **manager.environ_for(self._id)}
        try:
            loaded = manager.direnv_environment(self._id, wish.direnv, like=wish.outer, tell=tell)
        except Refused as error:
            if error.code != "direnv-blocked":
                raise
            outer = manager.path(wish.outer)
            hint = f"look at it; `direnv allow {outer}` allows it, --no-direnv leaves it alone"
            raise Refused(f"the .envrc in {outer} has changed since it was allowed", hint=hint, code="direnv-blocked") from error
        self._environ = {**dict.fromkeys(self._outer), **self._own, **loaded}

    def _claim(self) -> bool:
        """Take an id that is nobody else's, and its lock; returns whether a copy is there that was made for this attempt.

        Raises:
            Busy: There is none.
        """
        wish, manager = self._wish, self._manager
        for number in range(1, _IDS + 1):
            self._id = wish.id if number == 1 else f"{wish.id}.{number}"
            try:
                self._lock = manager.lock(self._id, f"step {wish.step} of run {wish.run} (process {os.getpid()})")
            except Busy:
                continue
            if not manager.exists(self._id) or manager.unfinished(self._id):
                return False
            if self._ours():
                return True
            self._release()
        raise Busy(f"no working copy for step {wish.step} can be made: all of {wish.id} to {self._id} are taken", code="workspace-busy")

    def _ours(self) -> bool:
        try:
            noted = self._manager.read(self._id)
        except RopewayError:
            return False
        known: tuple[Any, ...] = (noted.get("ephemeral"), noted.get("run"), noted.get("step"))
        return known == (True, self._wish.run, self._wish.step)

    def _release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # -- while it is there ----------------------------------------------------------------------------------------------------

    def save(self) -> Snapshot | None:
        """Save nothing: its files are dropped."""
        return None

    def touched(self) -> None:
        """Take no note: its files are dropped."""

    def untouched(self, paths: Sequence[str]) -> frozenset[str]:
        """Return those of some files that are what they were when the copy was made.

        Args:
            paths: Relative to :attr:`path`, with ``/`` between their parts.

        Raises:
            StoreError: git can't tell what they were.
        """
        prefix = f"{self._wish.folder}/" if self._wish.folder else ""
        before: dict[str, str] = {}
        for first in range(0, len(paths), _AT_ONCE):
            asked = [prefix + path for path in paths[first : first + _AT_ONCE]]
            for line in git("ls-tree", "-z", "--full-tree", self._start, "--", *asked, git_dir=self._git_dir).split(b"\0"):
                about, _, name = line.partition(b"\t")
                if about.startswith(b"100"):
                    before[os.fsdecode(name)] = about.split()[2].decode()
        return frozenset(path for path in paths if prefix + path in before and self._holds(path, before[prefix + path]))

    def _holds(self, path: str, oid: str) -> bool:
        """Whether a regular file has the content of a blob."""
        full = os.path.join(self.path, path)
        if os.path.islink(full):
            return False
        digest = sha256() if len(oid) == sha256().digest_size * 2 else sha1(usedforsecurity=False)
        try:
            with open(full, "rb") as file:
                digest.update(b"blob %d\0" % os.fstat(file.fileno()).st_size)
                while block := file.read(2**20):
                    digest.update(block)
        except OSError:
            return False
        return digest.hexdigest() == oid

    def branch(self, address: str, attempt: int) -> None:
        """Make none: an ephemeral copy has no boundaries."""

    # -- the end --------------------------------------------------------------------------------------------------------------

    def close(self, state: str, tell: Tell) -> None:
        """Drop it; what can't be removed now is removed with the run. While the run waits, it is put aside instead, for :meth:`take_up`."""
        if self._lock < 0:
            return  # it was never opened
        try:
            if state == "waiting":
                metadata.update(self._top, {"aside": True})
            else:
                self._manager.cleanup(self._id, force=True)
        except RopewayError as error:
            tell("workspace.left", {"id": self._id, "path": self._top, "why": str(error)})
        self._release()
