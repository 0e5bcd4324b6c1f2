"""Blobs to a registry: those that it lacks, several at once, in one piece, or in chunks where it takes no other way."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Final, Protocol
from urllib.parse import urljoin, urlsplit

from ropeway.errors import NotFound, Refused, RopewayError, Unreachable
from ropeway.registry.http.errors import Interrupted
from ropeway.registry.http.hosts import is_loopback, origin_of
from ropeway.registry.http.retries import pause
from ropeway.registry.oci import parallel
from ropeway.registry.oci.session import push_scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ropeway.bundles.manifest import Descriptor
    from ropeway.registry import Progress
    from ropeway.registry.http.transport import Answer
    from ropeway.registry.oci.parallel import Stopping
    from ropeway.registry.oci.session import Session

__all__ = ["Upload", "push"]

_CHUNK: Final = 16 * 2**20
_SMALL: Final = 2**20


class Upload(Protocol):
    """A blob that can be pushed: what names it, and its bytes."""

    @property
    def descriptor(self) -> Descriptor:
        """What names it."""
        ...

    def open(self) -> IO[bytes]:
        """Return its bytes from their beginning; the file can be wound back."""
        ...


def push(session: Session, repository: str, blobs: Iterable[Upload], source: str | None, progress: Progress) -> None:
    """See :meth:`ropeway.registry.oci.client.Client.push`."""
    once = {blob.descriptor.digest: blob for blob in blobs}
    ordered = sorted(once.values(), key=lambda blob: -blob.descriptor.size)
    empty = len(ordered) > 1 and _is_empty(session, repository)

    def one(blob: Upload, stopping: Stopping) -> None:
        stopping.check()
        _Pushing(session, repository, blob, source, progress, stopping).run(ask=not empty or blob.descriptor.size > _SMALL)

    progress.begin(f"pushing {session.host}/{repository}", sum(blob.descriptor.size for blob in ordered))
    try:
        parallel.run(one, ordered, session.net.workers, session.http.close)
    finally:
        progress.end()


def _is_empty(session: Session, repository: str) -> bool:
    """Whether the registry does not know the repository: then one question saves that for each small blob."""
    try:
        answer = session.request("GET", f"{repository}/tags/list?n=1", f"the tags of {repository}", push_scope(repository), ok=(200, 404))
    except RopewayError:
        return False  # the next request says why, or works
    return answer.status == 404


class _Pushing:
    """One blob on its way."""

    def __init__(self, session: Session, repository: str, blob: Upload, source: str | None, progress: Progress, stopping: Stopping) -> None:
        self._session = session
        self._repository = repository
        self._blob = blob
        self._size = blob.descriptor.size
        self._digest = blob.descriptor.digest
        self._source = source
        self._progress = progress
        self._stopping = stopping
        self._scopes = push_scope(repository, *((source,) if source else ()))
        self._what = f"the blob {repository}@{self._digest}"
        self._chunk_minimum = 0

    def run(self, *, ask: bool) -> None:
        if ask:
            answer = self._session.request(
                "HEAD", f"{self._repository}/blobs/{self._digest}", self._what, self._scopes, ok=(200, 404), limit=0
            )
            if answer.status == 200:
                self._progress.advance(self._size)
                return
        tried = 0
        chunked = False
        while True:
            self._stopping.check()
            try:
                location = self._begin()
                if location is not None:
                    self._send(location, chunked=chunked)
            except Refused as error:
                # 413: what stands before the registry takes no bodies of this size; in pieces it may.
                if chunked or error.code != "upload-refused" or self._size <= _CHUNK:
                    raise
                chunked = True
            except (Unreachable, NotFound) as error:
                passing = isinstance(error, (NotFound, Interrupted)) or error.code == "registry-error"
                if not passing or tried >= self._session.net.retries:
                    raise
                self._session.sleep(pause(tried, None, self._session.net))
                tried += 1
            else:
                self._progress.advance(self._size)
                return

    def _begin(self) -> str | None:
        """Ask for an upload; return where it goes, None when the registry took the blob over from the other repository."""
        path = f"{self._repository}/blobs/uploads/"
        wanted = f"?mount={self._digest}&from={self._source}" if self._source else ""
        answer = self._session.request("POST", path + wanted, f"to upload {self._what}", self._scopes, body=b"", ok=(201, 202))
        if answer.status == 201:
            return None
        minimum = answer.headers.get("oci-chunk-min-length") or ""
        self._chunk_minimum = int(minimum) if minimum.isdigit() and len(minimum) < 12 else 0
        return self._location(answer)

    def _location(self, answer: Answer) -> str:
        """Return where to go on. It may be relative and carry a query; where it leaves the registry's origin, no login goes along."""
        said = answer.headers.get("location")
        if not said:
            raise Unreachable(
                f"{self._session.host} does not say where the upload goes", hint="is it an OCI registry?", code="registry-error"
            )
        url = urljoin(answer.url, said)
        there, here = origin_of(url), self._session.origin
        if there is None or "@" in urlsplit(url).netloc:
            raise Refused(f"{self._session.host} sends the upload to {said!r:.200}", hint="ask who runs it", code="redirect-refused")
        if there.scheme == "http" and there.host == here.host and here.scheme == "https":
            return str(here) + url[len("http://") + len(urlsplit(url).netloc) :]  # it does not know that TLS stands before it
        if (
            there != here
            and (there.scheme != "https" or is_loopback(there.host))
            and not (is_loopback(here.host) and is_loopback(there.host))
        ):
            raise Refused(f"{self._session.host} sends the upload to {there}", hint="ask who runs it", code="redirect-refused")
        return url

    def _send(self, location: str, *, chunked: bool) -> None:
        with self._blob.open() as file:
            start = 0
            if not chunked:
                try:
                    self._finish(location, file, 0)
                except Interrupted as error:
                    if self._size <= _SMALL:
                        raise
                    location, start = self._acknowledged(location, error)
                else:
                    return
            tried = 0
            while start < self._size:
                try:
                    location, start = self._patch(location, file, start)
                except (Interrupted, Refused) as error:
                    if tried >= self._session.net.retries:
                        raise
                    tried += 1
                    location, start = self._acknowledged(location, error)
            self._finish(location, None, start)

    def _finish(self, location: str, file: IO[bytes] | None, start: int) -> None:
        joined = "&" if urlsplit(location).query else "?"
        length = self._size - start if file is not None else 0
        headers = {"Content-Type": "application/octet-stream"}
        body: IO[bytes] | bytes = b""
        if file is not None and length <= _SMALL:
            body = file.read()
        elif file is not None:
            headers["Content-Length"] = str(length)
            body = file
        self._session.request(
            "PUT", f"{location}{joined}digest={self._digest}", self._what, self._scopes, headers, body, ok=(200, 201, 204), retry=False
        )

    def _patch(self, location: str, file: IO[bytes], start: int) -> tuple[str, int]:
        """Send the next chunk; return where the rest goes, and from where on."""
        self._stopping.check()
        file.seek(start)
        data = file.read(max(_CHUNK, self._chunk_minimum))
        headers = {
            "Content-Range": f"{start}-{start + len(data) - 1}",
            "Content-Type": "application/octet-stream",
        }
        answer = self._session.request("PATCH", location, self._what, self._scopes, headers, data, ok=(201, 202, 204), retry=False)
        return self._location(answer), _end(answer, start + len(data))

    def _acknowledged(self, location: str, error: RopewayError) -> tuple[str, int]:
        """Ask how much of an interrupted upload has come; raise its error when nothing has, so that it begins anew."""
        answer = self._session.request("GET", location, f"the state of {self._what}", self._scopes, ok=(204, 202, 404, 405))
        have = _end(answer, 0)
        if answer.status not in (202, 204) or not 0 < have <= self._size:
            raise error
        return (self._location(answer) if answer.headers.get("location") else location), have


def _end(answer: Answer, otherwise: int) -> int:
    """Return how many bytes an upload has, by ``Range: 0-<last>``."""
    said = re.fullmatch(r"(?:bytes=)?0-([0-9]{1,18})", (answer.headers.get("range") or "").strip())
    return int(said[1]) + 1 if said else otherwise
