"""Whether content is what it was: altered, moved, exchanged or rolled back. Pure, as :mod:`~ropeway.bundles.trust` is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.bundles.findings import MENDED
from ropeway.bundles.keys import short
from ropeway.bundles.manifest import digest_of
from ropeway.bundles.problems import AlteredManifest, MovedTag, RolledBack, SignatureStripped, WrongSigner
from ropeway.lang.versions import parse_version

if TYPE_CHECKING:
    from ropeway.bundles.findings import LockedTo, Memory
    from ropeway.bundles.known import Seen
    from ropeway.bundles.verdicts import Subject

__all__ = ["check_age", "check_content", "check_lock", "check_place", "gained", "moved"]


def check_content(subject: Subject, manifest: bytes | None) -> None:
    """Refuse a manifest that does not have the digest that names it; in an OCI registry also that there is none."""
    if manifest is None:
        if subject.source.startswith("oci://"):
            raise AlteredManifest(f"{subject.shown} has no manifest", hint="ask the registry again; everything in it has one")
        return
    algorithm = subject.digest.partition(":")[0]
    if algorithm in ("sha256", "sha512") and digest_of(manifest, algorithm) == subject.digest:
        return
    raise AlteredManifest(
        f"the manifest of {subject.shown} has been altered: it is {digest_of(manifest)}, and {subject.digest} was asked for",
        hint="the registry, or somebody on the way, changed it: do not use it, and tell who runs the registry",
    )


def check_place(subject: Subject, before: list[Seen], locked: LockedTo | None) -> None:
    """Refuse a tag or version that names other content than before. What is meant to move may; a release (``1.2.0``) never is."""
    version = subject.version
    if version is None or (subject.moving and parse_version(version) is None):
        return
    fixed = parse_version(version) is not None
    earlier = (each for each in before if each.version == version and (fixed or not each.moving))
    was = next((each.digest for each in earlier if each.digest != subject.digest), None)
    where = "when it was seen before"
    if locked is not None and locked.version == version and locked.digest != subject.digest:
        was, where = locked.digest, "when it was locked"
    if was is not None:
        raise MovedTag(
            f"{version} of {subject.full_name or subject.source} has moved: it is {_brief(subject.digest)} now, and was {_brief(was)} {where}",
            hint=f"versions never change; ask the publisher why. To use the new content all the same, name it: {_nameable(subject.digest)}",
        )


def check_lock(subject: Subject, locked: LockedTo | None, signers: tuple[str, ...]) -> None:
    """Refuse locked content of which no signer is one that the lock names."""
    if locked is None or locked.digest != subject.digest or not locked.signers or set(locked.signers) & set(signers):
        return
    was = ", ".join(map(short, locked.signers))
    if not signers:
        raise SignatureStripped(f"{subject.shown} is not signed, and it was signed with {was} when it was locked", hint=MENDED)
    by = ", ".join(map(short, signers))
    raise WrongSigner(f"{subject.shown} is signed with {by}, and it was signed with {was} when it was locked", hint=MENDED)


def check_age(subject: Subject, version: str | None, before: list[Seen], locked: LockedTo | None) -> None:
    """Refuse what is older than what the same reference led to before; ``version`` is the one that was signed, when one was.

    What a reference names itself was asked for, and what is locked was chosen: neither is too old.
    """
    if not subject.moving or (locked is not None and locked.digest == subject.digest):
        return
    same = [each for each in before if each.ref == subject.ref]
    replaced = next((each for each in same if each.previous == subject.digest != each.digest), None)
    if replaced is not None:
        raise _rolled_back(
            subject, _brief(subject.digest), f"{_brief(replaced.digest)}, which came after it, was seen before", _nameable(subject.digest)
        )
    now = parse_version(version or "")
    if now is None:
        return
    others = [(each.signed or each.version, "was seen before") for each in same if each.digest != subject.digest]
    if locked is not None:
        others.append((locked.version, "is locked"))
    for text, how in others:
        other = parse_version(text or "")
        if other is not None and now < other:
            raise _rolled_back(subject, str(version), f"{text} {how}", str(version))


def _rolled_back(subject: Subject, what: str, newer: str, name: str) -> RolledBack:
    return RolledBack(
        f"{subject.full_name or subject.source} was rolled back: it is {what} now, and {newer}",
        hint=f"if the newer one was withdrawn on purpose, name what you want: {name}",
    )


def moved(subject: Subject, before: list[Seen], locked: LockedTo | None) -> list[str]:
    """Return that a branch, or what else is meant to move, names other content than last time, as a sentence."""
    if not subject.moving or subject.source.startswith("path:"):
        return []
    same = [each for each in before if each.ref == subject.ref]
    last = max(same, key=lambda each: each.last, default=None) if locked is None else locked
    if last is None or last.digest == subject.digest:
        return []
    name = subject.full_name or subject.source
    if subject.version is None:
        return [f"{name} has changed: it was {_brief(last.digest)}, and is {_brief(subject.digest)} now"]
    if last.version != subject.version:
        return [f"{name} is {subject.version} now, and was {last.version or _brief(last.digest)}"]
    return [f"{subject.version} of {name} moved from {_brief(last.digest)} to {_brief(subject.digest)}"]


def gained(memory: Memory, signers: tuple[str, ...]) -> list[str]:
    """Return that what was used before is signed with further keys now, as a sentence."""
    new = [signer for signer in signers if signer not in memory.pinned]
    if memory.history == "new" or not new:
        return []
    return [f"it is signed with {', '.join(map(short, new))} now, and was not before"]


def _nameable(digest: str) -> str:
    """Return a digest as a reference takes it: of a git repository the commit alone."""
    return digest.removeprefix("git:")


def _brief(digest: str) -> str:
    return digest.partition(":")[2][:12]
