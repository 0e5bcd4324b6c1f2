"""A signer that needs no key store, and that can misbehave."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ropeway.bundles.private_keys import PrivateKey

if TYPE_CHECKING:
    from datetime import datetime

    from ropeway.bundles.keys import PublicKey

__all__ = ["FakeSigner"]


class FakeSigner:
    """Signs with a key made of its name: the same name is the same key everywhere, so it protects nothing.

    Args:
        name: What the key is called.
        expires: When its time is over.

    While :attr:`damaged` is true its signatures fit nothing. :attr:`signed` holds what it was asked to sign.
    """

    def __init__(self, name: str = "fake", expires: datetime | None = None) -> None:
        seed = hashlib.sha256(b"ropeway fake signer " + name.encode()).digest()
        self._private = PrivateKey(seed, name=name, comment=f"{name} of a test", expires=expires)
        self.damaged = False
        self.signed: list[bytes] = []

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._private.public

    @property
    def keyid(self) -> str:
        """The id of the public half."""
        return self._private.keyid

    def sign(self, data: bytes) -> bytes:
        """Return the signature over ``data``; one over something else while damaged."""
        self.signed.append(data)
        return self._private.sign(data + b"!" if self.damaged else data)
