"""Whether a publisher's claim is about what was found: a signature for one thing is worth nothing on another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.bundles.identity import canonical, oci_source
from ropeway.bundles.keys import short
from ropeway.lang.versions import parse_version

if TYPE_CHECKING:
    from ropeway.bundles.sign import Claim
    from ropeway.bundles.verdicts import Subject

__all__ = ["elsewhere", "misfit"]


def misfit(claim: Claim, subject: Subject, size: int | None) -> str | None:
    """Return in what a claim is about something else, None when it fits.

    Args:
        claim: What was signed.
        subject: What was found.
        size: Bytes of the manifest that was found, None when there is none.
    """
    if claim.kind != subject.kind:
        return f"it is for a bundle of the kind {claim.kind}"
    if not _same_place(claim, subject.source):
        return f"it is for {claim.name} in {claim.registry}, and this is in {subject.source.partition('://')[2] or subject.source}"
    if subject.version is not None and not _same_version(claim.version, subject.version, moving=subject.moving):
        return f"it is for version {claim.version}"
    if claim.digest != subject.digest:
        return f"it is for the content {short(claim.digest)}"
    if size is not None and claim.size != size:
        return f"it is for a manifest of {claim.size:,} bytes"
    return None


def elsewhere(claim: Claim, subject: Subject, *, known: bool) -> str | None:
    """Return what to do about content whose signature was made for another place, as in a mirror; None when it was made for other content.

    A signature holds for one place, else an old version could be put where a newer one should be. To which place a stranger's key leads is not told.
    """
    if claim.digest != subject.digest or claim.kind != subject.kind or _same_place(claim, subject.source):
        return None
    if not known:
        return "a signature holds for one address only: ask the publisher which one it is, or to publish it here as well"
    address = f"oci://{claim.registry}/{claim.kind}s/{claim.name}:{claim.version.replace('+', '_')}"
    return f"it is the same content, and a signature holds for one address only: use {address}, or publish it here as well"


def _same_place(claim: Claim, source: str) -> bool:
    """Whether a source is where a claim's name is: with the folder of its kind between registry and name, or without it."""
    host, _, prefix = claim.registry.rstrip("/").partition("/")
    registry = oci_source(host, prefix)
    return canonical(source) in (f"{registry}/{claim.kind}s/{claim.name}", f"{registry}/{claim.name}")


def _same_version(signed: str, found: str, *, moving: bool) -> bool:
    """Whether a tag may name a signed version: as the same version, as its first numbers (``v1``, ``1.4``), or by a word (``latest``).

    A word can name any version, since it says nothing of one; whether it may move is another question. What is no semantic version itself (``v1`` of
    a scratch name) has to be named exactly, unless by what is meant to move.
    """
    if signed == found:
        return True
    ours, theirs = parse_version(signed), parse_version(found)
    if theirs is not None:
        return ours is not None and (ours, ours.build) == (theirs, theirs.build)
    if ours is None:
        return moving
    numbers = re.fullmatch(r"v?(\d+)(?:\.(\d+))?", found)
    if numbers is None:
        return True
    return ours.major == int(numbers[1]) and (numbers[2] is None or ours.minor == int(numbers[2]))
