"""Private keys in memory, and the forms in which they are read and written. Importing this module does not load ``cryptography``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ropeway.bundles.keys import key_from_raw
from ropeway.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.bundles.keys import PublicKey

__all__ = ["PrivateKey", "end_after", "read_private", "span"]

_UNITS: Final = {"d": 1, "w": 7, "m": 30, "y": 365}


class PrivateKey:
    """An Ed25519 private key in memory; a :class:`~ropeway.bundles.sign.Signer`.

    Args:
        seed: Its 32 secret bytes (RFC 8032).
        known: What else is known of the public half.
    """

    def __init__(self, seed: bytes, **known: Any) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = key_from_raw(self._private.public_key().public_bytes_raw(), **known)

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    @property
    def keyid(self) -> str:
        """The id of the public half."""
        return self._public.keyid

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the signature over ``data``."""
        return self._private.sign(data)

    def seed(self) -> bytes:
        """Return the 32 secret bytes, to be kept."""
        return self._private.private_bytes_raw()

    def pem(self) -> str:
        """Return the secret as PEM (PKCS #8, not encrypted), as ``openssl genpkey`` writes it."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def __repr__(self) -> str:
        return f"PrivateKey({self._public.short})"


def read_private(text: str, password: Callable[[], str] | None = None, **known: Any) -> PrivateKey:
    """Read a private key from PEM (PKCS #8); ``password`` is asked when it is encrypted.

    Raises:
        UsageError: It is something else, of another kind, or the password does not fit (code ``invalid-key``).
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    hint = "openssl genpkey -algorithm ed25519 makes one, in PEM"
    secret = None
    if "-----BEGIN ENCRYPTED PRIVATE KEY-----" in text and password is not None:
        secret = password().encode()
    try:
        found = load_pem_private_key(text.encode(), secret)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        why = "it is encrypted, and the password does not fit" if "ENCRYPTED" in text[:200] else "it is no PEM with a private key"
        raise UsageError(f"this key can not be read: {why}", hint=hint, code="invalid-key") from None
    if not isinstance(found, Ed25519PrivateKey):
        raise UsageError("this is a private key of another kind", hint=f"only Ed25519 keys are used: {hint}", code="invalid-key")
    return PrivateKey(found.private_bytes_raw(), **known)


def end_after(start: datetime, text: str) -> datetime:
    """Return when a key ends that is good for a :func:`span`: the first midnight (UTC) after it, since the text form of a key has only the day."""
    return (start + span(text)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def span(text: str) -> timedelta:
    """Return how long ``90d``, ``12w``, ``6m`` or ``1y`` is; a month has 30 days, a year 365.

    Raises:
        UsageError: It is something else, nothing, or more than 20 years.
    """
    match = re.fullmatch(r"([0-9]{1,5})([dwmy])", text)
    days = int(match[1]) * _UNITS[match[2]] if match is not None else 0
    if not 0 < days <= 20 * 365:
        raise UsageError(f"{text!r:.40} is no time that a key can be good for", hint="write 90d, 12w, 6m or 1y, at most 20y")
    return timedelta(days=days)
