"""Sigstore bundles and DSSE envelopes, read strictly: one way to say each thing, and everything else is refused.

A lenient reader is what makes two programs see different things in the same bytes. So: no key twice, no unknown key, no other type, exactly one
signature, base64 with its padding and without stray bits (both alphabets, as DSSE 1.0 asks of who reads).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Final, NoReturn

from ropeway.bundles.problems import SignatureInvalid
from ropeway.records import record

__all__ = ["MAX_SIGNATURE", "SIGNATURE_TYPE", "STATEMENT_TYPE", "Envelope", "read_envelope", "strict_json"]

SIGNATURE_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
MAX_SIGNATURE: Final = 2**20
"""Bytes that a bundle may have."""

_KEYID: Final = re.compile("sha256:[0-9a-f]{64}")
_STANDARD: Final = re.compile("[A-Za-z0-9+/]*={0,2}")
_URL_SAFE: Final = re.compile("[A-Za-z0-9_-]*={0,2}")
_CERTIFIED: Final = {"certificate", "x509CertificateChain"}


@record
class Envelope:
    """The one signature of a bundle, decoded; nothing of it is verified yet."""

    payload_type: str
    body: bytes
    keyid: str
    signature: bytes


def read_envelope(raw: bytes) -> Envelope | str:
    """Read a Sigstore bundle v0.3 with a public key's hint and a DSSE envelope.

    Returns:
        The envelope; or, for a well-formed bundle that is something else (signed with a certificate, about a plain file), what it is.

    Raises:
        SignatureInvalid: It is anything else; the message says why.
    """
    if len(raw) > MAX_SIGNATURE:
        _refuse(f"it has {len(raw):,} bytes, and {MAX_SIGNATURE:,} is the most")
    bundle = strict_json(raw, "it")
    if bundle.get("mediaType") != SIGNATURE_TYPE:
        _refuse(f"it is {bundle.get('mediaType')!r:.80} instead of {SIGNATURE_TYPE}")
    material = _object(bundle, "verificationMaterial")
    if "messageSignature" in bundle and "dsseEnvelope" not in bundle:
        return "a signature over a plain file"
    if "publicKey" not in material and _CERTIFIED & set(material):
        return "an attestation signed with a certificate"
    _only(bundle, "mediaType", "verificationMaterial", "dsseEnvelope")
    _only(material, "publicKey", "tlogEntries", "timestampVerificationData")
    public = _object(material, "publicKey")
    _only(public, "hint")
    keyid = _text(public, "hint")
    envelope = _object(bundle, "dsseEnvelope")
    _only(envelope, "payload", "payloadType", "signatures")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1 or not isinstance(signatures[0], dict):
        number = len(signatures) if isinstance(signatures, list) else "no list of"
        _refuse(f"its envelope has {number} signatures instead of one")
    _only(signatures[0], "keyid", "sig")
    if not _KEYID.fullmatch(keyid):
        _refuse(f"its key is named {keyid!r:.80}, which is no key id")
    if signatures[0].get("keyid", "") not in ("", keyid):
        _refuse("its envelope names another key than its hint")
    return Envelope(_text(envelope, "payloadType"), _decoded(envelope, "payload"), keyid, _decoded(signatures[0], "sig"))


def strict_json(raw: bytes, what: str) -> dict[str, Any]:
    """Read a JSON object (RFC 8259, and as I-JSON wants it: UTF-8, no key twice, no NaN).

    Raises:
        SignatureInvalid: It is no such thing; ``what`` is what the message calls it.
    """
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        _refuse(f"{what} is not JSON: {error}"[:200])
    if not isinstance(found, dict):
        _refuse(f"{what} is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r:.40} stands there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _object(parent: dict[str, Any], name: str) -> dict[str, Any]:
    value = parent.get(name)
    if not isinstance(value, dict):
        _refuse(f"its {name!r} is {'missing' if value is None else 'no object'}")
    return value


def _text(parent: dict[str, Any], name: str) -> str:
    value = parent.get(name)
    if not isinstance(value, str):
        _refuse(f"its {name!r} is {'missing' if value is None else 'no text'}")
    return value


def _only(parent: dict[str, Any], *names: str) -> None:
    extra = sorted(set(parent) - set(names))
    if extra:
        _refuse(f"it has the unknown key {extra[0]!r:.60}")


def _decoded(parent: dict[str, Any], name: str) -> bytes:
    """Return what a base64 text stands for; one text for each value, in either alphabet."""
    text = _text(parent, name)
    if _STANDARD.fullmatch(text):
        alphabet = None
    elif _URL_SAFE.fullmatch(text):
        alphabet = b"-_"
    else:
        _refuse(f"its {name!r} is not base64")
    try:
        found = base64.b64decode(text, altchars=alphabet, validate=True)
    except (binascii.Error, ValueError):
        _refuse(f"its {name!r} is not base64: it is cut off, or its padding is missing")
    if base64.b64encode(found, altchars=alphabet).decode() != text:
        _refuse(f"its {name!r} is base64 with stray bits at its end")
    return found


def _refuse(why: str) -> NoReturn:
    raise SignatureInvalid(f"a signature is not valid: {why}", hint="ask the publisher; until it is clear, use nothing of it")
