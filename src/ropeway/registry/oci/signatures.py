"""The signatures on a bundle in an OCI registry: manifests of one type whose subject it is, each with one Sigstore bundle as its layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ropeway.bundles.envelope import MAX_SIGNATURE, SIGNATURE_TYPE
from ropeway.bundles.manifest import parse_manifest
from ropeway.bundles.problems import BundleRefused, InvalidBundle, SignatureInvalid
from ropeway.errors import NotFound
from ropeway.registry.oci import parallel

if TYPE_CHECKING:
    from ropeway.bundles.manifest import Descriptor
    from ropeway.registry.oci.client import Client
    from ropeway.registry.oci.parallel import Stopping

__all__ = ["MOST", "signatures_of"]

MOST: Final = 64
"""Signatures that one bundle may have: who may push could otherwise make everybody fetch without end."""


def signatures_of(client: Client, repository: str, digest: str) -> tuple[bytes, ...]:
    """Return every Sigstore bundle that refers to a manifest, in the order of the digests of what holds them.

    Each is the bytes that its digest names; nothing else of it is checked. A referrer that is listed and gone, or that is about something else, is left
    out: it would prove nothing.

    Raises:
        SignatureInvalid: There are more than :data:`MOST`, or one is larger than a signature may be.
        AlteredManifest, AlteredBlob: The registry gives other bytes than its digests name.
        Unreachable, Refused: See :class:`~ropeway.registry.oci.client.Client`.
    """
    listed = sorted({each.digest: each for each in client.referrers(repository, digest, SIGNATURE_TYPE)}.items())
    if len(listed) > MOST:
        raise SignatureInvalid(
            f"{client.host}/{repository} lists {len(listed):,} signatures for one bundle, and {MOST} is the most",
            hint="ask who runs the registry to remove those that nobody needs",
        )
    found: dict[str, tuple[bytes, ...]] = {}

    def one(item: tuple[str, Descriptor], stopping: Stopping) -> None:
        stopping.check()
        found[item[0]] = _held(client, repository, item[1], digest)

    parallel.run(one, listed, client.session.net.workers, client.session.http.close)
    return tuple(raw for key, _ in listed for raw in found[key])


def _held(client: Client, repository: str, referrer: Descriptor, subject: str) -> tuple[bytes, ...]:
    try:
        raw, media_type, _ = client.manifest(repository, referrer.digest)
        manifest = parse_manifest(raw, media_type)
        if manifest.subject is None or manifest.subject.digest != subject:
            return ()
        layers = [layer for layer in manifest.layers if layer.media_type == SIGNATURE_TYPE]
        return tuple(client.blob(repository, layer, MAX_SIGNATURE) for layer in layers[:1])
    except NotFound:
        return ()
    except BundleRefused:
        raise
    except InvalidBundle as error:
        raise SignatureInvalid(
            f"a signature in {client.host}/{repository} is not valid: {error.message}",
            hint="ask the publisher; until it is clear, use nothing of it",
        ) from None
