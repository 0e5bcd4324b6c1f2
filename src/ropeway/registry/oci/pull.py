"""Blobs from a registry into files: hashed as they pass, several at once, gone on with where they were cut."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final

from ropeway.bundles.blobs import Verified, seen_of
from ropeway.bundles.problems import AlteredBlob
from ropeway.errors import StoreError, Unreachable
from ropeway.registry.http.errors import Interrupted
from ropeway.registry.http.retries import pause
from ropeway.registry.oci import parallel
from ropeway.registry.oci.hashing import Hashing
from ropeway.registry.oci.parts import claim, seen_there, write, write_whole
from ropeway.registry.oci.session import pull_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ropeway.bundles.blobs import Seen
    from ropeway.bundles.manifest import Descriptor
    from ropeway.registry import Progress
    from ropeway.registry.http.transport import Stream
    from ropeway.registry.oci.parallel import Stopping
    from ropeway.registry.oci.session import Session

__all__ = ["pull", "read_blob"]

_SMALL: Final = 2**20
"""Up to so many bytes a blob is verified in memory and written at once, if at all; it needs no ``.part``."""


def read_blob(session: Session, repository: str, descriptor: Descriptor) -> bytes:
    """Return a blob that fits into memory, verified; a cut transfer is begun again."""
    tried = 0
    while True:
        stream = _open(session, repository, descriptor, 0)
        try:
            data = stream.read(descriptor.size)
        except Interrupted:
            if tried >= session.net.retries:
                raise
            session.sleep(pause(tried, None, session.net))
            tried += 1
            continue
        stream.finish()
        if len(data) != descriptor.size or _digest(descriptor, data) != descriptor.digest:
            raise _altered(session, repository, descriptor, len(data))
        return data


def pull(
    session: Session,
    repository: str,
    descriptors: Sequence[Descriptor],
    into: Callable[[Descriptor], Path],
    progress: Progress,
    memory: int = 0,
) -> dict[str, Verified]:
    """See :meth:`ropeway.registry.oci.client.Client.pull`."""
    once = {descriptor.digest: descriptor for descriptor in descriptors}
    # The largest first: it must not be what all others wait for at the end.
    ordered = sorted(once.values(), key=lambda descriptor: -descriptor.size)
    kept = _fitting(ordered, memory)
    done: dict[str, Verified] = {}

    def one(descriptor: Descriptor, stopping: Stopping) -> None:
        stopping.check()
        if descriptor.digest in kept:
            done[descriptor.digest] = Verified(descriptor, read_blob(session, repository, descriptor))
            progress.advance(descriptor.size)
            return
        target = into(descriptor)
        try:
            if (seen := seen_there(target, descriptor)) is not None:
                progress.advance(descriptor.size)
            elif descriptor.size <= _SMALL:
                seen = write_whole(target, read_blob(session, repository, descriptor))
                progress.advance(descriptor.size)
            else:
                seen = _Large(session, repository, descriptor, target, progress, stopping).run()
            done[descriptor.digest] = Verified(descriptor, path=target, seen=seen)
        except OSError as error:
            if isinstance(error, (StoreError, Unreachable)) or error.errno is None:
                raise
            hint = "free some room, or name another folder with XDG_CACHE_HOME"
            raise StoreError(f"{target} can not be written: {error.strerror}", hint=hint, code="blob-write") from error

    progress.begin(f"pulling {session.host}/{repository}", sum(descriptor.size for descriptor in ordered))
    try:
        parallel.run(one, ordered, session.net.workers, session.http.close)
    finally:
        progress.end()
    return done


def _fitting(descriptors: Sequence[Descriptor], memory: int) -> frozenset[str]:
    """Return the digests of as many small blobs, the smallest first, as fit into so many bytes."""
    found = []
    for descriptor in reversed(descriptors):
        if not memory or descriptor.size > min(memory, _SMALL):
            break
        memory -= descriptor.size
        found.append(descriptor.digest)
    return frozenset(found)


class _Large:
    """One blob on its way into a file of its own."""

    def __init__(
        self, session: Session, repository: str, descriptor: Descriptor, target: Path, progress: Progress, stopping: Stopping
    ) -> None:
        self._session = session
        self._repository = repository
        self._wanted = descriptor
        self._target = target
        self._progress = progress
        self._stopping = stopping
        self._hash = Hashing(descriptor.digest.partition(":")[0])
        self._have = 0
        self._shown = 0

    def run(self) -> Seen:
        """Bring it here; return what the file was behind its last byte."""
        try:
            part, file = claim(self._target)
            try:
                return self._run(part, file)
            except AlteredBlob:
                part.unlink(missing_ok=True)
                raise
            finally:
                os.close(file)
        finally:
            self._hash.close()

    def _run(self, part: Path, file: int) -> Seen:
        resumed = self._read_part(file)
        self._fetch(file)
        if not self._whole() and resumed:
            # What an earlier process left may be what is wrong.
            self._from_zero(file)
            self._fetch(file)
        if not self._whole():
            raise _altered(self._session, self._repository, self._wanted, self._have)
        seen = seen_of(os.fstat(file))
        part.replace(self._target)
        return seen

    def _whole(self) -> bool:
        return self._have == self._wanted.size and self._hash.hexdigest() == self._wanted.digest.partition(":")[2]

    def _read_part(self, file: int) -> bool:
        """Hash what is there already."""
        if os.fstat(file).st_size > self._wanted.size:
            self._from_zero(file)
            return False
        while True:
            buffer = self._hash.buffer()
            count = os.readv(file, [buffer])
            self._hash.update(buffer, count)
            self._have += count
            if not count:
                break
        self._show()
        return self._have > 0

    def _from_zero(self, file: int) -> None:
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        self._hash.restart()
        self._have = 0

    def _show(self) -> None:
        if self._have > self._shown:
            self._progress.advance(self._have - self._shown)
            self._shown = self._have

    def _fetch(self, file: int) -> None:
        """Fetch what is missing; a cut transfer is gone on with as long as each try brings something."""
        tried = 0
        while self._have < self._wanted.size:
            before = self._have
            stream = _open(self._session, self._repository, self._wanted, self._have)  # tries again by itself
            try:
                self._some(stream, file)
            except Interrupted:
                tried = tried + 1 if self._have <= before else 1
                if tried > self._session.net.retries:
                    raise
                self._session.sleep(pause(tried - 1, None, self._session.net))

    def _some(self, stream: Stream, file: int) -> None:
        """Take what an answer brings, to the end or to where the connection breaks."""
        if self._have and not _continues(stream, self._have):
            self._from_zero(file)
            if stream.status != 200:  # else it ignores ranges, and sends everything
                stream.close()
                return
        buffer = self._hash.buffer()
        filled = 0
        try:
            while self._have < self._wanted.size:
                self._stopping.check()
                filled = stream.readinto(buffer)
                self._check_piece(filled)
                write(file, buffer[:filled])
                self._have += filled
                self._hash.update(buffer, filled)
                buffer, filled = self._hash.buffer(), 0
                self._show()
        except BaseException:
            stream.close()
            raise
        finally:
            self._hash.update(buffer, 0)
        stream.finish()

    def _check_piece(self, count: int) -> None:
        if not count:
            raise Interrupted(f"{self._session.host} ended {self._wanted.digest} too early", hint="try again")
        if self._have + count > self._wanted.size:
            raise _altered(self._session, self._repository, self._wanted, self._have + count)


def _open(session: Session, repository: str, descriptor: Descriptor, start: int) -> Stream:
    headers = {"Range": f"bytes={start}-"} if start else None
    path = f"{repository}/blobs/{descriptor.digest}"
    stream = session.open(
        path, f"the blob {repository}@{descriptor.digest}", pull_scope(repository), headers, ok=(200, 206, 416) if start else (200,)
    )
    if stream.status == 200 and stream.length is not None and stream.length != descriptor.size:
        stream.close()
        raise _altered(session, repository, descriptor, stream.length)
    return stream


def _continues(stream: Stream, start: int) -> bool:
    """Whether an answer is the rest from a place on (RFC 9110, 14.4)."""
    said = (stream.headers.get("content-range") or "").strip().lower()
    return stream.status == 206 and said.startswith(f"bytes {start}-")


def _digest(descriptor: Descriptor, data: bytes) -> str:
    algorithm = descriptor.digest.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def _altered(session: Session, repository: str, descriptor: Descriptor, size: int) -> AlteredBlob:
    why = f"it has {size:,} bytes where {descriptor.size:,} should be" if size != descriptor.size else "its content has another digest"
    return AlteredBlob(
        f"the blob {descriptor.digest} of {session.host}/{repository} was altered: {why}",
        hint="the registry, or somebody on the way, changed it; nothing of it was kept",
    )
