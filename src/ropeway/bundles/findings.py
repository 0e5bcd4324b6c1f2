"""What each signature of some content shows, next to what is remembered of its name. Pure, as :mod:`~ropeway.bundles.trust` is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

from ropeway.bundles.claims import elsewhere, misfit
from ropeway.bundles.problems import BundleRefused, ExpiredKey, RevokedKey, SignatureInvalid, WrongSigner
from ropeway.bundles.sign import Foreign, verify
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ropeway.bundles.keys import PublicKey
    from ropeway.bundles.known import Seen
    from ropeway.bundles.sign import Claim
    from ropeway.bundles.verdicts import Subject

__all__ = ["MENDED", "SHOWN", "Found", "History", "LockedTo", "Memory", "Shown", "best", "examine", "remembered", "worst"]

History = Literal["new", "unsigned", "signed"]
"""What is remembered of this name: nothing; that it was used without a signature; who signed it."""

Shown = Literal["listed", "pinned", "trusted", "stranger", "none"]
"""The best that the signatures show: one by a key that the rule lists; by a key that signed before; by a key that the person trusts in
general; by a key that nobody here knows; no signature."""

SHOWN: Final[tuple[Shown, ...]] = ("listed", "pinned", "trusted", "stranger", "none")

MENDED: Final = "ask the publisher why; until it is clear, use nothing of it"
"""What to do about most of what is wrong with a signature."""


class LockedTo(Protocol):
    """What the project's lock says of the reference; ``ropeway.registry.lockfile.Locked`` is one."""

    @property
    def digest(self) -> str:
        """The content."""
        ...

    @property
    def version(self) -> str | None:
        """What was chosen."""
        ...

    @property
    def signers(self) -> tuple[str, ...]:
        """The ids of the keys that counted."""
        ...


@record
class Found:
    """What one signature shows. Exactly one of ``shown`` (good) and ``error`` (bad) is set."""

    shown: Shown | None = None
    error: BundleRefused | None = None
    key: PublicKey | None = None
    claim: Claim | None = None
    news: str = ""


@record
class Memory:
    """What is remembered of a name: whether anything, which keys signed it, and what was accepted of exactly this content."""

    history: History
    pinned: frozenset[str]
    accepted: frozenset[str]
    agreed: bool
    """Whether the person used something of it before; a project's lock is not the person."""


def remembered(subject: Subject, before: list[Seen], locked: LockedTo | None) -> Memory:
    """Return what is remembered. What the person has seen comes before what the project's lock says: a project can't exchange a signer.

    Of content that was seen before exactly its own signers count; else those of all that was seen of this name.
    """
    same = [each for each in before if each.digest == subject.digest] or before
    # An unsigned name is agreed to as it was asked for: what a branch, a tag or a range means may go on, another one of them (a pull request's, a fork's
    # commit) is as new as another name. Where somebody vouches, that key is what was agreed to.
    asked = any(subject.digest == each.digest or subject.ref == each.ref for each in before)
    pinned = frozenset(signer for each in same for signer in each.signers)
    accepted = frozenset(signer for each in before if each.digest == subject.digest for signer in each.signers)
    if locked is not None:
        pinned = pinned or frozenset(locked.signers)
        accepted |= frozenset(locked.signers) if locked.digest == subject.digest else frozenset()
    bound = locked is not None and locked.digest == subject.digest
    history: History = "signed" if pinned else "unsigned" if asked or bound else "new"
    return Memory(history, pinned, accepted, agreed=asked or (bool(pinned) and bool(before)))


def examine(
    raw: bytes,
    subject: Subject,
    manifest: bytes | None,
    *,
    keys: Mapping[str, PublicKey],
    listed: Mapping[str, object],
    memory: Memory,
    now: datetime,
) -> Found:
    """Return what one signature shows.

    Args:
        raw: The Sigstore bundle.
        subject: What it was found with.
        manifest: The manifest's bytes, when there is one.
        keys: The keys that can be checked, by id.
        listed: The ids that the rule lists.
        memory: What is remembered.
        now: The time.
    """
    try:
        signed = verify(raw, keys)
    except BundleRefused as error:
        return Found(error=error)
    if isinstance(signed, Foreign):
        return Found(shown="none", news=f"it carries {signed.what}, which is not judged")
    key = signed.key
    why = misfit(signed.claim, subject, None if manifest is None else len(manifest))
    if why is not None:
        message = f"the signature of {key.shown} was not made for {subject.shown}: {why}"
        hint = elsewhere(signed.claim, subject, known=signed.known) or f"somebody has put it there; {MENDED}"
        return Found(error=SignatureInvalid(message, hint=hint))
    if key.revoked is not None:
        because = f": {key.reason}" if key.reason else ""
        message = f"{subject.shown} is signed with the key {key.shown}, which was revoked on {key.revoked:%Y-%m-%d}{because}"
        return Found(error=RevokedKey(message, hint="ask the publisher for a version signed with another key"))
    news = ""
    if key.expired(now):
        ended = f"the key {key.shown} expired on {key.expires:%Y-%m-%d}"
        # Nobody tells when a signature was made. Content that was accepted while the key was good stays so; nothing new is.
        if key.keyid not in memory.accepted:
            hint = "ask the publisher for a version signed with a key that is valid, or for the same key with a later end"
            return Found(error=ExpiredKey(f"{subject.shown} is signed, and {ended}", hint=hint))
        news = f"{ended}; what was accepted before stays so"
    if key.keyid in listed:
        return Found("listed", None, key, signed.claim, news)
    if key.keyid in memory.pinned:
        return Found("pinned", None, key, signed.claim, news)
    return Found("trusted" if signed.known else "stranger", None, key, signed.claim, news)


def best(found: list[Found]) -> list[Found]:
    """Return the good signatures of the best standing. Others do not count: who may push could add theirs, to be taken for pinned later."""
    for shown in SHOWN[:-1]:
        those = [each for each in found if each.shown == shown]
        if those:
            return those
    return []


_WORST: Final[tuple[type[BundleRefused], ...]] = (RevokedKey, SignatureInvalid, ExpiredKey, WrongSigner)


def worst(found: list[Found]) -> BundleRefused | None:
    """Return the error to show where no signature is good, None when none is bad."""
    errors = [each.error for each in found if each.error is not None]
    return next((error for kind in _WORST for error in errors if isinstance(error, kind)), errors[0] if errors else None)
