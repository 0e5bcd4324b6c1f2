"""One workflow file on the web. It is fetched without credentials of any kind; what its server says about its type counts for nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from ropeway.bundles.identity import https_source
from ropeway.bundles.manifest import digest_of
from ropeway.bundles.problems import AlteredBlob
from ropeway.errors import NotFound, Refused, Unreachable
from ropeway.lang.source import MAX_BYTES
from ropeway.records import replace
from ropeway.registry import Evidence, Fetched, Pin, Silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ropeway.registry import Listing, Progress, Release, Wanted
    from ropeway.registry.cache.store import Store
    from ropeway.registry.http.transport import Net

__all__ = ["HttpsResolver"]

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ +-]{0,199}")


class HttpsResolver:
    """One address. What is there has no versions; ``sha256:…`` pins it.

    Args:
        url: The address, which redirects may lead on from (to https only).
        digest: What the file has to be; None for whatever it is.
        store: Where it is kept.
        net: How the network is used.
        progress: Is told of the fetch.
        environ: Where the proxies' variables are.
    """

    def __init__(
        self,
        url: str,
        digest: str | None = None,
        *,
        store: Store,
        net: Net,
        progress: Progress | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._url = url
        self._digest = digest
        self._store = store
        self._net = net
        self._progress = progress or Silent()
        self._environ = environ
        self._data: bytes | None = None

    @property
    def source(self) -> str:
        """See :class:`Resolver`: the address, in the one way to write it."""
        return https_source(self._url)

    def pin(self, wanted: Wanted) -> Pin:
        """See :class:`Resolver`. Without a digest the file is fetched to know which one it is; with one nobody is asked."""
        if self._digest is not None:
            return Pin(self.source, wanted.name, self._digest, kind=wanted.kind)
        data = self._get()
        return Pin(self.source, wanted.name, digest_of(data), moving=True, kind=wanted.kind, size=len(data))

    def evidence(self, pin: Pin) -> Evidence:  # noqa: ARG002 - the protocol's
        """Return nothing: nobody vouches for a file on the web."""
        return Evidence()

    def fetch(self, pin: Pin, evidence: Evidence) -> Fetched:
        """See :class:`Resolver`.

        Raises:
            AlteredBlob: The file has another digest than the pin.
        """
        found = self._store.find(self.source, pin.digest, pin.name)
        if found is not None:
            return replace(found, pin=pin)
        data = self._get()
        if digest_of(data, pin.digest.partition(":")[0]) != pin.digest:
            hint = "it was changed since; when that is as it should be, pin the new digest"
            raise AlteredBlob(f"{self._url} has the digest {digest_of(data)}, and {pin.digest} is wanted", hint=hint)
        name = _file_name(self._url)

        def fill(folder: Path) -> None:
            (folder / name).write_bytes(data)

        tree, _, _ = self._store.add_tree(fill)
        return self._store.keep(pin, tree, name, evidence)

    def releases(self, wanted: Wanted) -> list[Release]:  # noqa: ARG002 - the protocol's
        """Return none: a file has no versions."""
        return []

    def search(self, query: str) -> Iterator[Listing]:  # noqa: ARG002 - the protocol's
        """Yield nothing: an address is not a place to look around in."""
        return iter(())

    def _get(self) -> bytes:
        """Return the file, which is fetched once."""
        if self._data is not None:
            return self._data
        from ropeway.registry.http.transport import Http

        http = Http(self._net, self._environ, urlsplit(self._url).hostname)
        self._progress.begin(f"fetching {self._url}", None)
        try:
            answer = http.request("GET", self._url, limit=MAX_BYTES)
            self._progress.advance(len(answer.body))
        except Unreachable as error:
            if error.code == "tls-failed" and self._net.ca is None:
                error.hint = (
                    "name a file with the certificates of the authority that signed it in SSL_CERT_FILE, or have the system trust it"
                )
            raise
        finally:
            self._progress.end()
            http.close()
        if answer.status != 200:
            raise self._failed(answer.status)
        self._data = answer.body
        return answer.body

    def _failed(self, status: int) -> NotFound | Refused | Unreachable:
        if status in {404, 410}:
            return NotFound(f"there is no {self._url} (status {status})", hint="check the address", code="file-not-found")
        if status in {401, 403, 407}:
            hint = "a file is fetched without credentials; put the workflow in a git repository or a registry, where credentials are used"
            code = "unauthorized" if status == 401 else "forbidden"
            return Refused(f"{self._url} is not for everybody (status {status})", hint=hint, code=code)
        if status == 429:
            return Unreachable(
                f"the server of {self._url} asks to slow down", hint="wait some minutes, then try again", code="rate-limited"
            )
        return Unreachable(f"the server of {self._url} answered with status {status}", hint="try again later", code="registry-error")


def _file_name(url: str) -> str:
    """Return what the file is called in its tree: the address's last part when that is a plain name, else ``workflow`` with its ending."""
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    return name if _PLAIN_NAME.fullmatch(name) else f"workflow.{name.rpartition('.')[2]}"
