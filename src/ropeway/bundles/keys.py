"""Public keys: what they are called by, and the forms in which people hand them on.

A key is Ed25519 (RFC 8032). Its id is ``sha256:`` over its SubjectPublicKeyInfo (RFC 8410) in DER, so that whoever holds a key can check
its id, and ``openssl pkey -pubin -outform DER | sha256sum`` says the same. In messages people see the first 16 of its 64 digits.

Its text form is one line::

    ropeway-ed25519 QwiRm0G…q2M= expires=2027-11-21 Release key of Acme

Only checking a signature loads ``cryptography``; everything else here is plain bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ropeway.errors import Refused, UsageError
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "MAX_KEY_TEXT",
    "PREFIX",
    "SHOWN",
    "PublicKey",
    "clean_comment",
    "find_key",
    "fits",
    "key_from_raw",
    "keyid_of",
    "only_name",
    "parse_key",
    "pem",
    "short",
    "spki",
]

PREFIX: Final = "ropeway-ed25519"
SHOWN: Final = 16
"""Digits of a key's id that people see, and the fewest that they may write."""

MAX_KEY_TEXT: Final = 16 * 1024
"""Bytes that the text of a key may have."""

_SPKI: Final = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410 section 4)."""

_BEGIN: Final = "-----BEGIN PUBLIC KEY-----"
_END: Final = "-----END PUBLIC KEY-----"
_HINT: Final = f"a key is a line `{PREFIX} BASE64 comment`, as `workflow keys export` prints it, or a PEM file with a public Ed25519 key"

_P: Final = 2**255 - 19
_SMALL_Y: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
        _P - 55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)
"""The y of all points whose order divides 8: a signature that fits many messages can be made for such a key by anybody."""


@record
class PublicKey:
    """A key with what is known about it. Times are in UTC.

    ``name`` is what the person calls it, ``comment`` what its owner says it is; ``own`` says that the private half is ours; ``reason`` is why
    it was revoked.
    """

    keyid: str
    raw: bytes
    name: str = ""
    comment: str = ""
    created: datetime | None = None
    expires: datetime | None = None
    revoked: datetime | None = None
    reason: str = ""
    own: bool = False

    @property
    def short(self) -> str:
        """The first digits of its id."""
        return short(self.keyid)

    @property
    def shown(self) -> str:
        """What messages call it: its id, and its name or comment."""
        label = self.name or self.comment
        return f"{self.short} ({label})" if label else self.short

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires is not None and now >= self.expires

    def line(self) -> str:
        """Return the text form: what others need to know of it, on one line."""
        parts = [PREFIX, base64.b64encode(self.raw).decode()]
        if self.expires is not None:
            parts.append(f"expires={self.expires.astimezone(UTC):%Y-%m-%d}")
        return " ".join([*parts, self.comment] if self.comment else parts)


def spki(raw: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a key's 32 bytes, in DER."""
    return _SPKI + raw


def pem(raw: bytes) -> str:
    """Return a key's 32 bytes as PEM (RFC 7468): ``openssl pkey -pubin`` and ``cosign`` take it."""
    return f"{_BEGIN}\n{base64.b64encode(spki(raw)).decode()}\n{_END}\n"


def keyid_of(raw: bytes) -> str:
    """Return the id of a key's 32 bytes."""
    return "sha256:" + hashlib.sha256(spki(raw)).hexdigest()


def short(keyid: str) -> str:
    """Return the digits of a key's id that people see."""
    return keyid.removeprefix("sha256:")[:SHOWN]


def key_from_raw(raw: bytes, **known: object) -> PublicKey:
    """Return the key of 32 bytes; ``known`` are other fields of it.

    Raises:
        UsageError: They are no key with which signatures mean something (code ``invalid-key``).
    """
    if len(raw) != 32:
        raise UsageError(f"an Ed25519 key has 32 bytes, this has {len(raw)}", hint=_HINT, code="invalid-key")
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P or y in _SMALL_Y:
        raise UsageError("this is a weak Ed25519 key: anybody could sign for it", hint="ask its owner for a proper one", code="invalid-key")
    return PublicKey(keyid_of(raw), raw, **known)  # type: ignore[arg-type]


def parse_key(text: str) -> PublicKey:
    """Read the text form, or PEM with a SubjectPublicKeyInfo.

    Raises:
        UsageError: It is neither, or no Ed25519 key (code ``invalid-key``); a private key is not taken here (``private-key``).
    """
    text = text.strip()
    if len(text) > MAX_KEY_TEXT:
        raise UsageError(f"a key has a line or two, not {len(text):,} characters", hint=_HINT, code="invalid-key")
    if re.search("-----BEGIN [A-Z ]*PRIVATE KEY-----", text):
        hint = "`workflow keys import` takes a private key of your own; from others you need the public one"
        raise UsageError("this is a private key", hint=hint, code="private-key")
    if text.startswith("-----BEGIN "):
        return _from_pem(text)
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) != 1:
        what = f"there are {len(lines)} lines" if lines else "there is nothing"
        raise UsageError(f"this is not one key: {what}", hint=_HINT, code="invalid-key")
    words = lines[0].split(None, 2)
    if words[0] != PREFIX or len(words) < 2:
        raise UsageError(f"{lines[0]!r:.60} is not a key", hint=_HINT, code="invalid-key")
    rest = words[2] if len(words) > 2 else ""
    expires = None
    match = re.match(r"expires=(\S+)(?:\s+|$)", rest)
    if match is not None:
        rest = rest[match.end() :]
        expires = _day(match[1])
    return key_from_raw(_base64(words[1]), expires=expires, comment=clean_comment(rest))


def clean_comment(text: str) -> str:
    """Return a comment as it may be kept: one line of printable characters.

    Raises:
        UsageError: It is longer than 200 characters or holds control characters.
    """
    text = text.strip()
    if len(text) > 200 or not text.isprintable():
        raise UsageError(f"a key's comment is one line of at most 200 characters, not {text!r:.60}", code="invalid-key")
    return text


def _from_pem(text: str) -> PublicKey:
    lines = [line.strip() for line in text.splitlines()]
    if lines[0] != _BEGIN or lines[-1] != _END:
        raise UsageError(f"this PEM is not one public key: it begins with {lines[0]!r:.60}", hint=_HINT, code="invalid-key")
    der = _base64("".join(lines[1:-1]))
    if len(der) != len(_SPKI) + 32 or not der.startswith(_SPKI):
        hint = "only Ed25519 keys are used: openssl genpkey -algorithm ed25519"
        raise UsageError("this is a public key of another kind", hint=hint, code="invalid-key")
    return key_from_raw(der.removeprefix(_SPKI))


def _base64(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found or base64.b64encode(found).decode() != text:
        raise UsageError(f"{text!r:.60} is not base64: the key is damaged", hint=_HINT, code="invalid-key")
    return found


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(f"expires={text!r:.40} is no day", hint="write it as 2027-11-21", code="invalid-key") from None


def fits(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """Return whether a signature was made over exactly these bytes with a key's private half."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def find_key(text: str, keys: Iterable[PublicKey]) -> PublicKey | None:
    """Return the key that a person means: by its name, its whole id, or at least 16 first digits of it. None when there is none.

    Raises:
        UsageError: Several begin so.
    """
    known = list(keys)
    named = [key for key in known if key.name == text]
    if named:
        return named[0]
    digits = text.removeprefix("sha256:").lower()
    if len(digits) < SHOWN or not re.fullmatch("[0-9a-f]{16,64}", digits):
        return None
    found = [key for key in known if key.keyid.removeprefix("sha256:").startswith(digits)]
    if len(found) > 1:
        raise UsageError(f"{len(found)} keys begin with {text}", hint="write more digits of the one", code="key-ambiguous")
    return found[0] if found else None


def only_name(known: PublicKey, name: str) -> None:
    """Refuse a second name: rules in trust.toml name keys, and two names would look like two keys."""
    if known.name == name:
        return
    whose = "it is your own" if known.own else "you trust it"
    hint = f"go on with {known.name}: --name {known.name} brings a lost private half back" if known.own else f"say --name {known.name}"
    raise Refused(f"this key is here already, as {known.shown}: {whose}, and nothing was changed", hint=hint, code="key-exists")
