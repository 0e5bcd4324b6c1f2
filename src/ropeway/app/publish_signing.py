"""The signature on what is published: one claim, signed with one key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.errors import NotFound, Refused
from ropeway.records import replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.bundles.blobs import Bundle
    from ropeway.bundles.sign import Claim, Signer

__all__ = ["Signing", "signing_for"]


def signing_for(
    registry: str, name: str, version: str, bundle: Bundle, *, key: str | None, wanted: bool, managed: bool, environ: Mapping[str, str]
) -> Signing | None:
    """Return what signs a publication, None when it is not to be signed.

    Args:
        registry: Host and prefix.
        name: What is published.
        version: Its version.
        bundle: Its content.
        key: The key's name; None for the person's only one.
        wanted: Whether a signature is wanted.
        managed: Whether the registry is a server of ours.
        environ: Says where the keys are.

    Raises:
        NotFound: There is no key.
        Refused: The registry takes nothing unsigned; or the key was revoked, has expired, or is somebody else's.
        UsageError: There are several keys, and none is named.
        StoreError: The private half of the key can't be had now.
    """
    if not wanted:
        if managed and "/" in name:
            hint = "leave --unsigned out; `workflow keys generate` makes a key"
            raise Refused(f"{registry} takes nothing unsigned under {name.partition('/')[0]}/", hint=hint, code="signature-missing")
        return None
    from ropeway.app.keys import signer
    from ropeway.bundles.sign import Claim

    try:
        found = signer(environ, key)
    except NotFound as error:
        if key is not None:
            raise
        hint = "make one: workflow keys generate" + ("" if managed else "; or publish without a signature: --unsigned")
        raise NotFound("you have no key, and what is published is signed", hint=hint, code=error.code) from None
    claim = Claim(
        registry,
        name,
        version,
        bundle.kind,
        None,
        bundle.metadata.capabilities.digest(),
        bundle.manifest.digest,
        len(bundle.manifest.raw),
    )
    return Signing(claim, found)


class Signing:
    """Signs one claim with one key."""

    def __init__(self, claim: Claim, signer: Signer) -> None:
        self.claim = claim
        self.signer = signer

    def sign(self, previous: str | None) -> bytes:
        """Return the signature, as a Sigstore bundle; ``previous`` is the digest of the version before."""
        from ropeway.bundles.sign import sign

        return sign(replace(self.claim, previous=previous), self.signer)

    def is_there(self, signatures: Sequence[bytes]) -> bool:
        """Whether this key has signed the same already; what came before it may have changed since."""
        from ropeway.bundles.problems import BundleRefused
        from ropeway.bundles.sign import Signed, verify

        for raw in signatures:
            try:
                found = verify(raw, {self.signer.keyid: self.signer.public})
            except BundleRefused:
                continue
            if isinstance(found, Signed) and found.key.keyid == self.signer.keyid and replace(found.claim, previous=None) == self.claim:
                return True
        return False
