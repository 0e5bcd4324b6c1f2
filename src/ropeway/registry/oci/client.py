"""One OCI registry, as the distribution specification 1.1 has it: manifests, blobs, tags, referrers.

Every byte that comes from a registry is compared with the digest that names it before it is handed on.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from ropeway.bundles.manifest import check_digest
from ropeway.bundles.problems import InvalidBundle
from ropeway.registry import Silent
from ropeway.registry.http.net import Net
from ropeway.registry.oci import lists, manifests
from ropeway.registry.oci.manifests import ACCEPTED, check_reference
from ropeway.registry.oci.session import MAX_JSON, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ropeway.bundles.blobs import Verified
    from ropeway.bundles.manifest import Descriptor, Manifest
    from ropeway.registry import Progress
    from ropeway.registry.login.credentials import Credentials
    from ropeway.registry.oci.push import Upload

__all__ = ["ACCEPTED", "Client", "check_reference"]


class Client:
    """A registry. Close it, or use it as a context manager; threads may share it.

    Args:
        host: As people write it: ``ghcr.io``, ``localhost:5000``, ``docker.io``. Plain HTTP is spoken with this machine only.
        net: How the network is used.
        credentials: Where its login comes from; None asks as nobody.
        progress: Is told of transfers.
        shared_tokens: Whether tokens are shared with other processes.
        sleep: Waits before retries.

    Every method raises ``Unreachable`` (no answer), ``Refused`` (not allowed) and ``NotFound``; see :mod:`ropeway.registry.http.errors`.
    """

    def __init__(
        self,
        host: str,
        net: Net = Net(),  # noqa: B008 - frozen
        credentials: Credentials | None = None,
        progress: Progress = Silent(),  # noqa: B008 - it holds nothing
        *,
        shared_tokens: bool = True,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.host = host
        self.session = Session(host, net, credentials, shared_tokens=shared_tokens, sleep=sleep)
        self._progress = progress

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def ping(self) -> None:
        """Ask whether a registry answers, and takes the login."""
        self.session.request("GET", "", f"the registry {self.host}", ())

    # -- manifests -------------------------------------------------------------------------------------------------------------------------

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str, str]:
        """Return a manifest's exact bytes, its media type and its digest.

        Raises:
            AlteredManifest: The bytes do not have the digest that was asked for, or that the registry says.
            NotFound: There is no such tag (the hint lists those there are), digest or repository.
        """
        return manifests.get(self.session, self.session.repository(repository), reference)

    def head(self, repository: str, reference: str) -> Descriptor | None:
        """Return what a tag or digest names, None when there is none. What a tag names is the registry's word: only :meth:`manifest` verifies it.

        Raises:
            AlteredManifest: A digest was asked for, and the registry says another.
        """
        return manifests.head(self.session, self.session.repository(repository), reference)

    def push_manifest(self, repository: str, reference: str | None, manifest: Manifest) -> str:
        """Push a manifest, whose blobs are there, under a tag or a digest (None: its own), and return its digest.

        When it has a subject and the registry keeps no list of referrers, it is entered into the fallback index.
        """
        from ropeway.registry.oci.referrers import put_manifest

        return put_manifest(self.session, self.session.repository(repository), reference, manifest)

    def delete(self, repository: str, reference: str) -> None:
        """Delete a manifest by its digest (with all its tags), or a tag where the registry can."""
        manifests.delete(self.session, self.session.repository(repository), reference)

    # -- blobs -----------------------------------------------------------------------------------------------------------------------------

    def blob(self, repository: str, descriptor: Descriptor, limit: int = MAX_JSON) -> bytes:
        """Return a small blob.

        Raises:
            AlteredBlob: It does not have the digest or size of the descriptor.
            InvalidBundle: It is larger than ``limit`` bytes.
        """
        if descriptor.size > limit:
            raise InvalidBundle(f"{descriptor.digest} has {descriptor.size:,} bytes, and {limit:,} is the most here", code="blob-too-large")
        from ropeway.registry.oci.pull import read_blob

        return read_blob(self.session, self.session.repository(repository), descriptor)

    def pull(
        self, repository: str, descriptors: Sequence[Descriptor], into: Callable[[Descriptor], Path], *, memory: int = 0
    ) -> Mapping[str, Verified]:
        """Bring blobs into files, several at once; a file gets its name when it is whole and verified.

        What a cut transfer left (``NAME.part``) is gone on with.

        Args:
            repository: Where they are.
            descriptors: Each blob once; others of the same digest are left out.
            into: Says where the file of a blob goes.
            memory: Small blobs of up to so many bytes together get no file.

        Returns:
            The blobs, by digest.

        Raises:
            AlteredBlob: A blob does not have the digest or size of its descriptor.
        """
        from ropeway.registry.oci.pull import pull

        return pull(self.session, self.session.repository(repository), descriptors, into, self._progress, memory)

    def push(self, repository: str, blobs: Iterable[Upload], mount_from: str | None = None) -> None:
        """Push blobs, several at once; those that the registry has are left out, or taken over from the repository ``mount_from``."""
        from ropeway.registry.oci.push import push

        source = self.session.repository(mount_from) if mount_from else None
        push(self.session, self.session.repository(repository), blobs, source, self._progress)

    # -- lists -----------------------------------------------------------------------------------------------------------------------------

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, as the registry orders them."""
        return lists.tags(self.session, self.session.repository(repository))

    def catalog(self) -> Iterator[str]:
        """Yield the repositories that the registry lists to whoever asks; many list none."""
        return lists.catalog(self.session)

    def referrers(self, repository: str, digest: str, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """Return the manifests whose subject is a digest, those of one type or all."""
        from ropeway.registry.oci.referrers import referrers

        return referrers(self.session, self.session.repository(repository), check_digest(digest), artifact_type)

    def attach(
        self, repository: str, subject: Descriptor, artifact_type: str, data: bytes, annotations: Mapping[str, str] | None = None
    ) -> Descriptor:
        """Push some bytes as a referrer of a manifest, and return the referrer's descriptor."""
        from ropeway.registry.oci.referrers import attach

        return attach(self.session, self.session.repository(repository), subject, artifact_type, data, annotations or {})

    def copy(self, repository: str, reference: str, other: Client, to_repository: str, to_reference: str | None = None) -> str:
        """Copy a manifest with its blobs to another repository, here or elsewhere, byte for byte; return its digest."""
        from ropeway.registry.oci.copying import copy

        target = other.session.repository(to_repository)
        return copy(
            self.session, self.session.repository(repository), reference, other.session, target, to_reference, progress=self._progress
        )
