"""Signatures of publishers, exactly: an in-toto Statement in a DSSE envelope in a Sigstore bundle, one signature each.

::

    bundle       {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                  "verificationMaterial": {"publicKey": {"hint": KEYID}},
                  "dsseEnvelope": {"payload": BASE64, "payloadType": "application/vnd.in-toto+json", "signatures": [{"keyid", "sig"}]}}
    payload      {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name", "digest": {"sha256"}}],
                  "predicateType": "https://ropeway.dev/publication/v1", "predicate": {...}}
    predicate    registry name version kind previous capabilities size, and publicKey: the signer's own key

Sources: DSSE 1.0 (protocol and envelope), in-toto Statement v1, Sigstore's bundle format 0.3. What is signed is the pre-authentication
encoding of the payload's bytes; what is handed on is read from exactly these bytes. The public key in the predicate is no statement about
who signed: it makes a signature checkable by somebody who has never seen the key, and counts only when its id is that of the hint.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final, Protocol

from ropeway.bundles.envelope import SIGNATURE_TYPE, STATEMENT_TYPE, Envelope, read_envelope, strict_json
from ropeway.bundles.keys import fits, key_from_raw, keyid_of, short
from ropeway.bundles.manifest import canonical_json, check_digest
from ropeway.bundles.problems import InvalidBundle, SignatureInvalid, WrongSigner
from ropeway.errors import UsageError
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.bundles.keys import PublicKey

__all__ = ["PAYLOAD_TYPE", "PREDICATE_TYPE", "SIGNATURE_TYPE", "Claim", "Foreign", "Signed", "Signer", "pae", "sign", "verify"]

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
PREDICATE_TYPE: Final = "https://ropeway.dev/publication/v1"


@record
class Claim:
    """What a publisher says: that ``digest`` (a manifest's, of ``size`` bytes) is this version of this name in this registry.

    ``registry`` is a host with or without a prefix (``ghcr.io/acme``, ``localhost:5000``), ``name`` the whole name in it; ``previous`` is the
    digest of the version published before, None for the first; ``capabilities`` the digest of what the content may touch.
    """

    registry: str
    name: str
    version: str
    kind: str
    previous: str | None
    capabilities: str
    digest: str
    size: int


@record
class Signed:
    """A claim whose signature fits. ``known`` says that ``key`` is one of the caller's; ``body`` is what was signed, exactly."""

    claim: Claim
    key: PublicKey
    known: bool
    body: bytes


@record
class Foreign:
    """A Sigstore bundle that is no publisher's signature, such as a build's provenance; ``what`` says what it is. Nothing of it was checked."""

    what: str


class Signer(Protocol):
    """Signs with a key that it keeps to itself (entry-point group ``ropeway.signers``)."""

    @property
    def public(self) -> PublicKey:
        """The public half."""
        ...

    @property
    def keyid(self) -> str:
        """The id of the public half."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the Ed25519 signature over ``data``."""
        ...


def pae(payload_type: str, body: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding: lengths are in bytes, in decimal without leading zeros."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def sign(claim: Claim, signer: Signer) -> bytes:
    """Return a Sigstore bundle with one signature.

    Raises:
        SignatureInvalid: The signer returned something that does not fit its own key.
        InvalidBundle: A digest of the claim is none.
    """
    key = signer.public
    check_digest(claim.digest)
    check_digest(claim.capabilities)
    if claim.previous is not None:
        check_digest(claim.previous)
    body = canonical_json(_statement(claim, key))
    data = pae(PAYLOAD_TYPE, body)
    signature = signer.sign(data)
    if key.keyid != keyid_of(key.raw) or not fits(key, signature, data):
        raise SignatureInvalid(
            f"the signer's signature does not fit its own key {short(key.keyid)}", hint="the key is damaged, or its plugin is"
        )
    envelope = {
        "payload": base64.b64encode(body).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key.keyid, "sig": base64.b64encode(signature).decode()}],
    }
    material = {"publicKey": {"hint": key.keyid}}
    return canonical_json({"mediaType": SIGNATURE_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope})


def _statement(claim: Claim, key: PublicKey) -> dict[str, Any]:
    algorithm, _, digits = claim.digest.partition(":")
    predicate = {
        "registry": claim.registry,
        "name": claim.name,
        "version": claim.version,
        "kind": claim.kind,
        "previous": claim.previous,
        "capabilities": claim.capabilities,
        "size": claim.size,
        "publicKey": base64.b64encode(key.raw).decode(),
    }
    subject = {"name": f"{claim.registry}/{claim.name}", "digest": {algorithm: digits}}
    return {"_type": STATEMENT_TYPE, "subject": [subject], "predicateType": PREDICATE_TYPE, "predicate": predicate}


def verify(raw: bytes, keys: Mapping[str, PublicKey]) -> Signed | Foreign:
    """Check one Sigstore bundle, and return what was signed.

    Whether the claim is about the right thing, and whether the key may make it, is decided in :mod:`~ropeway.bundles.trust`.

    Args:
        raw: The bundle's bytes, from anywhere.
        keys: The keys that are known, by id. With one that is not here the signature still has to fit.

    Raises:
        SignatureInvalid: It is damaged, or the signature does not fit.
        WrongSigner: It can't be checked: the key is not known and does not come along.
    """
    envelope = read_envelope(raw)
    if isinstance(envelope, str):
        return Foreign(envelope)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise _invalid(f"its payload is {envelope.payload_type!r:.80}, and {PAYLOAD_TYPE} is what is signed")
    statement = strict_json(envelope.body, "its payload")
    said = statement.get("predicateType")
    if statement.get("_type") != STATEMENT_TYPE or not isinstance(said, str):
        raise _invalid(f"its payload is no in-toto Statement v1 but {statement.get('_type')!r:.80}")
    if said != PREDICATE_TYPE:
        return Foreign(f"an attestation of the type {said:.100}")
    known = keys.get(envelope.keyid)
    key = known or _own_key(statement, envelope)
    if not fits(key, envelope.signature, pae(envelope.payload_type, envelope.body)):
        raise _invalid(f"it does not fit the key {key.shown}: what was signed has been altered, or it was made with another key")
    return Signed(_claim(statement), key, known is not None, envelope.body)


def _own_key(statement: dict[str, Any], envelope: Envelope) -> PublicKey:
    """Return the key that came along, which has to be the one whose id the hint gives."""
    predicate = statement.get("predicate")
    text = predicate.get("publicKey") if isinstance(predicate, dict) else None
    if not isinstance(text, str):
        raise WrongSigner(
            f"it is signed with the key {short(envelope.keyid)}, which nobody here knows and which does not come along",
            hint="get the key from the publisher, then: workflow keys trust FILE",
        )
    try:
        key = key_from_raw(base64.b64decode(text, validate=True))
    except (ValueError, UsageError):
        raise _invalid("the key that comes along is none") from None
    if key.keyid != envelope.keyid:
        raise _invalid(f"the key that comes along is {key.short}, and the signature says {short(envelope.keyid)}")
    return key


def _claim(statement: dict[str, Any]) -> Claim:
    subjects, predicate = statement.get("subject"), statement.get("predicate")
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict) or not isinstance(predicate, dict):
        raise _invalid("it is not about exactly one thing")
    texts: dict[str, str] = {}
    for name in ("registry", "name", "version", "kind", "capabilities"):
        value = predicate.get(name)
        if not isinstance(value, str) or not value:
            raise _invalid(f"its {name!r} is {'missing' if value is None else 'no text'}")
        texts[name] = value
    size, previous, digests = predicate.get("size"), predicate.get("previous"), subjects[0].get("digest")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _invalid("its 'size' is no number of bytes")
    if subjects[0].get("name") != f"{texts['registry']}/{texts['name']}":
        raise _invalid("its subject is not called what its predicate says")
    if not isinstance(digests, dict) or len(digests) != 1:
        raise _invalid("its subject does not have exactly one digest")
    try:
        digest = check_digest(":".join(map(str, *digests.items())))
        check_digest(texts["capabilities"])
        if previous is not None:
            check_digest(previous)
    except InvalidBundle as error:
        raise _invalid(error.message) from None
    return Claim(**texts, previous=previous, digest=digest, size=size)


def _invalid(why: str) -> SignatureInvalid:
    return SignatureInvalid(f"a signature is not valid: {why}", hint="ask the publisher; until it is clear, use nothing of it")
