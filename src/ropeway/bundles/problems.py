"""Errors about what was published: each attack, and each way in which bytes are not what they should be, has a class and a code of its own.

::

    InvalidBundle (RopewayError, ValueError)   exit 2   no bundle at all, or one of another kind
    BundleRefused (Refused)                    exit 4
    ├── AlteredBlob          blob-altered          bytes do not have the digest that names them
    ├── AlteredManifest      manifest-altered      the same, of a manifest
    ├── MovedTag             tag-moved             a tag or version names other content than before
    ├── RolledBack           version-rolled-back   an older version than the one that is locked
    ├── SignatureMissing     signature-missing     a rule asks for a signature, and there is none
    ├── SignatureStripped    signature-stripped    it was signed when it was first seen, and is not now
    ├── SignatureInvalid     signature-invalid     a signature does not fit the content, or says it is something else
    ├── WrongSigner          signer-refused        signed, but by nobody who may
    ├── RevokedKey           key-revoked
    ├── ExpiredKey           key-expired
    ├── HostileArchive       archive-refused       an archive that would write where it must not, or too much
    ├── NotLocked            not-locked            ``--locked``, and workflow.lock does not hold it
    ├── LockMismatch         lock-mismatch         workflow.lock holds something that its reference can not mean
    └── NotTrusted           not-trusted           seen for the first time, and nobody agreed to it
"""

from __future__ import annotations

from ropeway.errors import Refused, RopewayError

__all__ = [
    "AlteredBlob",
    "AlteredManifest",
    "BundleRefused",
    "ExpiredKey",
    "HostileArchive",
    "InvalidBundle",
    "LockMismatch",
    "MovedTag",
    "NotLocked",
    "NotTrusted",
    "RevokedKey",
    "RolledBack",
    "SignatureInvalid",
    "SignatureMissing",
    "SignatureStripped",
    "WrongSigner",
]


class InvalidBundle(RopewayError, ValueError):
    """What was read is no bundle, or not one of the kind that is wanted."""

    exit_status = 2
    http_status = 400
    default_code = "invalid-bundle"


class BundleRefused(Refused):
    """A bundle that must not be used; the classes below say why."""


class AlteredBlob(BundleRefused):
    """Bytes that do not have the digest (or the size) that names them."""

    default_code = "blob-altered"


class AlteredManifest(BundleRefused):
    """A manifest that does not have the digest that names it."""

    default_code = "manifest-altered"


class MovedTag(BundleRefused):
    """A tag or a version that names other content than when it was seen or locked."""

    default_code = "tag-moved"


class RolledBack(BundleRefused):
    """An older version than the one that is locked or was seen."""

    default_code = "version-rolled-back"


class SignatureMissing(BundleRefused):
    """A rule asks for a publisher's signature, and there is none."""

    default_code = "signature-missing"


class SignatureStripped(BundleRefused):
    """What was signed when it was first seen carries no signature now."""

    default_code = "signature-stripped"


class SignatureInvalid(BundleRefused):
    """A signature that does not fit its content, or was made for something else."""

    default_code = "signature-invalid"


class WrongSigner(BundleRefused):
    """Signed, but by nobody who may."""

    default_code = "signer-refused"


class RevokedKey(BundleRefused):
    """Signed with a key that was taken back."""

    default_code = "key-revoked"


class ExpiredKey(BundleRefused):
    """Signed with a key after (or checked so long after) its end."""

    default_code = "key-expired"


class HostileArchive(BundleRefused):
    """An archive that would write where it must not, or more than it may."""

    default_code = "archive-refused"


class NotLocked(BundleRefused):
    """Only what is locked may run, and this is not."""

    default_code = "not-locked"


class LockMismatch(BundleRefused):
    """A lockfile holds something that its reference can not mean: another source, name or version."""

    default_code = "lock-mismatch"


class NotTrusted(BundleRefused):
    """Seen for the first time, and nobody has agreed to it."""

    default_code = "not-trusted"
