"""Whether content may be used: one pure decision over what was found, what the person's rules say, and what was seen before.

Nothing here reads a file, a clock or the network. :func:`judge` asks in this order, and the first refusal ends it:

1. Is it the content that its digest names?                              AlteredManifest
2. Does a tag or version still name what it named?                       MovedTag
3. What does each signature show? (:func:`_examine`, one :data:`Standing` each)
4. What does that mean here? (:data:`TABLE`)                             SignatureMissing, SignatureStripped, WrongSigner
5. Is it older than what was locked or seen?                             RolledBack
6. Does somebody have to agree, since it is seen for the first time?     Verdict.ask, NotTrusted

**The table.** Rows are what is asked for and what is remembered, columns the best that the signatures show. That there is no signature is a
column like the others. To the right is never more trust than to the left of the same row (a property test holds that): taking evidence away gains
nothing. A signature that is bad (:data:`Bad`) counts for nothing, and where nothing else makes the content acceptable by signature it is an error of
its own, before the table is asked: what is broken is never taken for absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

from ropeway.bundles.claims import misfit
from ropeway.bundles.keys import short
from ropeway.bundles.manifest import digest_of
from ropeway.bundles.policy import publishers_of
from ropeway.bundles.problems import (
    AlteredManifest,
    BundleRefused,
    ExpiredKey,
    MovedTag,
    NotTrusted,
    RevokedKey,
    RolledBack,
    SignatureInvalid,
    SignatureMissing,
    SignatureStripped,
    WrongSigner,
)
from ropeway.bundles.sign import Foreign, verify
from ropeway.bundles.verdicts import Subject, Verdict
from ropeway.lang.versions import parse_version
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from ropeway.bundles.keys import PublicKey
    from ropeway.bundles.known import Seen
    from ropeway.bundles.policy import Policy, Rule
    from ropeway.bundles.sign import Claim

__all__ = ["TABLE", "Demand", "History", "LockedTo", "Means", "Shown", "Subject", "Verdict", "judge"]

Demand = Literal["nothing", "anybody's", "listed"]
"""Which signature the rule asks for: none; any publisher's; one of the publishers that it lists."""

History = Literal["new", "unsigned", "signed"]
"""What is remembered of this name: nothing; that it was used without a signature; who signed it."""

Shown = Literal["listed", "pinned", "trusted", "stranger", "none"]
"""The best that the signatures show: one by a key that the rule lists; by a key that signed before; by a key that the person trusts in
general; by a key that nobody here knows; no signature."""

Means = Literal["use", "first", "missing", "stripped", "wrong"]
"""Use it; somebody has to agree to it first (by the rule's ``first_use``); or refuse it, by one of three errors."""

SHOWN: Final[tuple[Shown, ...]] = ("listed", "pinned", "trusted", "stranger", "none")

TABLE: Final[dict[tuple[Demand, History], tuple[Means, ...]]] = {
    # asked for, remembered        listed    pinned    trusted   stranger   none
    ("nothing", "new"): ("first", "first", "first", "first", "first"),
    ("nothing", "unsigned"): ("use", "use", "use", "use", "use"),
    ("nothing", "signed"): ("use", "use", "wrong", "wrong", "stripped"),
    ("anybody's", "new"): ("first", "first", "first", "first", "missing"),
    ("anybody's", "unsigned"): ("use", "use", "use", "first", "missing"),
    ("anybody's", "signed"): ("use", "use", "wrong", "wrong", "stripped"),
    ("listed", "new"): ("first", "wrong", "wrong", "wrong", "missing"),
    ("listed", "unsigned"): ("use", "wrong", "wrong", "wrong", "missing"),
    ("listed", "signed"): ("use", "wrong", "wrong", "wrong", "stripped"),
}

_MENDED: Final = "ask the publisher why; until it is clear, use nothing of it"


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
class _Found:
    """What one signature shows. Exactly one of ``shown`` (good) and ``error`` (bad) is set."""

    shown: Shown | None = None
    error: BundleRefused | None = None
    key: PublicKey | None = None
    claim: Claim | None = None
    news: str = ""


@record
class _Memory:
    """What is remembered of a name: whether anything, which keys signed it, and what was accepted of exactly this content."""

    history: History
    pinned: frozenset[str]
    accepted: frozenset[str]
    agreed: bool
    """Whether the person used something of it before; a project's lock is not the person."""


def judge(
    subject: Subject,
    manifest: bytes | None,
    signatures: Sequence[bytes],
    *,
    policy: Policy,
    keys: Mapping[str, PublicKey],
    now: datetime,
    seen: Iterable[Seen] = (),
    locked: LockedTo | None = None,
    claimed: bool = False,
) -> Verdict:
    """Decide whether content may be used.

    Args:
        subject: The content, and how it was found.
        manifest: The exact bytes of its manifest; None where a source has none.
        signatures: Every Sigstore bundle that refers to it.
        policy: The person's rules.
        keys: The keys that the person has or trusts, by id, revoked and expired ones too.
        now: The time, in UTC.
        seen: What was seen of this source and name before (``Known.seen``).
        locked: What the person's own project has locked this reference to. Never what a workflow from elsewhere brought along.
        claimed: Whether it is a managed name on a server of ours.

    Raises:
        BundleRefused: One of the named errors of :mod:`~ropeway.bundles.problems`, with what, why and what to do.
    """
    before = [each for each in seen if (each.source, each.name, each.kind) == (subject.source, subject.full_name, subject.kind)]
    _check_content(subject, manifest)
    _check_place(subject, before, locked)
    rule = policy.rule_for(subject.source, subject.full_name, claimed=claimed)
    memory = _remembered(subject, before, locked)
    listed = publishers_of(rule, keys)
    every = {**keys, **{keyid: key for keyid, key in listed.items() if key is not None}}
    found = [_examine(raw, subject, manifest, keys=every, listed=listed, memory=memory, now=now) for raw in signatures]
    chosen = _best(found)
    meaning = _meaning(rule, memory, chosen, found)
    if meaning in ("missing", "stripped", "wrong"):
        raise _refusal(meaning, subject, rule, memory, found, listed)
    signers = tuple(sorted({each.key.keyid for each in chosen if each.key is not None}))
    _check_lock(subject, locked, signers)
    claim = next((each.claim for each in chosen if each.claim is not None), None)
    version = subject.version if claim is None else claim.version
    _check_age(subject, version, before, locked)
    news = (*_moved(subject, before, locked), *_gained(memory, signers), *(each.news for each in found if each.news))
    ask = _ask(meaning, subject, rule, memory)
    return Verdict(signers, tuple(dict.fromkeys(news)), ask, rule.place, version, None if claim is None else claim.previous)


# -- 1, 2: the content, and what names it --------------------------------------------------------------------------------------------------


def _check_content(subject: Subject, manifest: bytes | None) -> None:
    if manifest is None:
        if subject.source.startswith("oci://"):
            raise AlteredManifest(f"{subject.shown} has no manifest", hint="ask the registry again; it should have one")
        return
    algorithm = subject.digest.partition(":")[0]
    if algorithm in ("sha256", "sha512") and digest_of(manifest, algorithm) == subject.digest:
        return
    raise AlteredManifest(
        f"the manifest of {subject.shown} has been altered: it is {digest_of(manifest)}, and {subject.digest} was asked for",
        hint="somebody on the way or the registry itself changed it; do not use it, and tell who runs the registry",
    )


def _check_place(subject: Subject, before: list[Seen], locked: LockedTo | None) -> None:
    """Refuse a tag or version that names other content than before. What is meant to move may; a release never is."""
    version = subject.version
    if version is None or (subject.moving and parse_version(version) is None):
        return
    was = next((each.digest for each in before if each.version == version and each.digest != subject.digest), None)
    where = "when it was seen before"
    if locked is not None and locked.version == version and locked.digest != subject.digest:
        was, where = locked.digest, "when it was locked"
    if was is not None:
        raise MovedTag(
            f"{version} of {subject.full_name or subject.source} has moved: it is {_brief(subject.digest)} now, and was {_brief(was)} {where}",
            hint=f"versions never change; ask the publisher why. To use the new content all the same, name it: {subject.digest}",
        )


# -- 3: what each signature shows ----------------------------------------------------------------------------------------------------------


def _remembered(subject: Subject, before: list[Seen], locked: LockedTo | None) -> _Memory:
    """Return what is remembered. What the person has seen comes before what the project's lock says: a project can't exchange a signer.

    Of content that was seen before exactly its own signers count; else those of all that was seen of this name.
    """
    same = [each for each in before if each.digest == subject.digest] or before
    pinned = frozenset(signer for each in same for signer in each.signers)
    accepted = frozenset(signer for each in before if each.digest == subject.digest for signer in each.signers)
    if locked is not None:
        pinned = pinned or frozenset(locked.signers)
        accepted |= frozenset(locked.signers) if locked.digest == subject.digest else frozenset()
    history: History = "signed" if pinned else "unsigned" if before or locked is not None else "new"
    return _Memory(history, pinned, accepted, agreed=bool(before))


def _examine(
    raw: bytes,
    subject: Subject,
    manifest: bytes | None,
    *,
    keys: Mapping[str, PublicKey],
    listed: Mapping[str, object],
    memory: _Memory,
    now: datetime,
) -> _Found:
    try:
        signed = verify(raw, keys)
    except BundleRefused as error:
        return _Found(error=error)
    if isinstance(signed, Foreign):
        return _Found(shown="none", news=f"it carries {signed.what}, which is not judged")
    key = signed.key
    why = misfit(signed.claim, subject, None if manifest is None else len(manifest))
    if why is not None:
        message = f"the signature of {key.shown} was not made for {subject.shown}: {why}"
        return _Found(error=SignatureInvalid(message, hint=f"somebody has put it there; {_MENDED}"))
    if key.revoked is not None:
        because = f": {key.reason}" if key.reason else ""
        message = f"{subject.shown} is signed with the key {key.shown}, which was revoked on {key.revoked:%Y-%m-%d}{because}"
        return _Found(error=RevokedKey(message, hint="ask the publisher for a version signed with another key"))
    news = ""
    if key.expired(now):
        ended = f"the key {key.shown} expired on {key.expires:%Y-%m-%d}"
        # Nobody tells when a signature was made. Content that was accepted while the key was good stays so; nothing new is.
        if key.keyid not in memory.accepted:
            hint = "ask the publisher for a version signed with a key that is valid, or for the same key with a later end"
            return _Found(error=ExpiredKey(f"{subject.shown} is signed, and {ended}", hint=hint))
        news = f"{ended}; what was accepted before stays so"
    if key.keyid in listed:
        return _Found("listed", None, key, signed.claim, news)
    if key.keyid in memory.pinned:
        return _Found("pinned", None, key, signed.claim, news)
    return _Found("trusted" if signed.known else "stranger", None, key, signed.claim, news)


def _best(found: list[_Found]) -> list[_Found]:
    """Return the good signatures of the best standing. Others do not count: who may push could add theirs, to be taken for pinned later."""
    for shown in SHOWN[:-1]:
        best = [each for each in found if each.shown == shown]
        if best:
            return best
    return []


# -- 4: what that means --------------------------------------------------------------------------------------------------------------------


def _meaning(rule: Rule, memory: _Memory, chosen: list[_Found], found: list[_Found]) -> Means:
    """Look it up in the table; a bad signature is an error where no good one counts."""
    demand: Demand = "nothing" if rule.require == "none" else "listed" if rule.publishers else "anybody's"
    shown: Shown = (chosen[0].shown or "none") if chosen else "none"
    meaning = TABLE[demand, memory.history][SHOWN.index(shown)]
    if shown == "none" or meaning == "wrong":
        bad = _worst(found)
        if bad is not None:
            raise bad
    if rule.require == "chain" and meaning in ("use", "first"):
        raise SignatureMissing(
            f"{rule.place} asks for a signature chain, and there is no countersignature of the registry",
            hint='only a registry that countersigns has one; else write require = "publisher"',
            code="countersignature-missing",
        )
    return meaning


_WORST: Final[tuple[type[BundleRefused], ...]] = (RevokedKey, SignatureInvalid, ExpiredKey, WrongSigner)


def _worst(found: list[_Found]) -> BundleRefused | None:
    errors = [each.error for each in found if each.error is not None]
    return next((error for kind in _WORST for error in errors if isinstance(error, kind)), errors[0] if errors else None)


def _refusal(
    meaning: Means, subject: Subject, rule: Rule, memory: _Memory, found: list[_Found], listed: Mapping[str, object]
) -> BundleRefused:
    by = ", ".join(sorted({each.key.shown for each in found if each.key is not None}))
    if meaning == "missing":
        return SignatureMissing(
            f"{subject.shown} is not signed, and {rule.place} asks for a publisher's signature",
            hint="ask the publisher to sign it: workflow publish signs when a key is there (workflow keys generate)",
        )
    if meaning == "stripped":
        was = ", ".join(sorted(map(short, memory.pinned)))
        return SignatureStripped(
            f"{subject.shown} is not signed, and it was signed with {was} before",
            hint=f"somebody may have taken the signature away; {_MENDED}",
        )
    if rule.publishers:
        may = ", ".join(short(keyid) for keyid in listed)
        lost = [keyid for keyid, key in listed.items() if key is None]
        hint = f"{lost[0]} is no key that is known here: workflow keys trust FILE --name {lost[0]}" if lost else _MENDED
        return WrongSigner(f"{subject.shown} is signed with {by}, and {rule.place} lets only {may} sign", hint=hint)
    was = ", ".join(sorted(map(short, memory.pinned)))
    return WrongSigner(
        f"{subject.shown} is signed with {by}, and it was signed with {was} before",
        hint=f"{_MENDED}. If the publisher has a new key, list it in trust.toml as one of the publishers",
    )


def _ask(meaning: Means, subject: Subject, rule: Rule, memory: _Memory) -> bool:
    if meaning != "first" and not (rule.first_use == "refuse" and not memory.agreed):
        return False
    if rule.first_use == "refuse":
        raise NotTrusted(
            f"{subject.shown} was never used before, and {rule.place} refuses what is new",
            hint='write first_use = "ask" or "pin" into a rule of trust.toml that fits it',
        )
    return rule.first_use == "ask"


# -- 5: age, and news ----------------------------------------------------------------------------------------------------------------------


def _check_lock(subject: Subject, locked: LockedTo | None, signers: tuple[str, ...]) -> None:
    """Refuse locked content of which no signer is one that the lock names."""
    if locked is None or locked.digest != subject.digest or not locked.signers or set(locked.signers) & set(signers):
        return
    was = ", ".join(map(short, locked.signers))
    if not signers:
        raise SignatureStripped(f"{subject.shown} is not signed, and it was signed with {was} when it was locked", hint=_MENDED)
    by = ", ".join(map(short, signers))
    raise WrongSigner(f"{subject.shown} is signed with {by}, and it was signed with {was} when it was locked", hint=_MENDED)


def _check_age(subject: Subject, version: str | None, before: list[Seen], locked: LockedTo | None) -> None:
    """Refuse what is older than what the same reference led to before. A version that the reference names is what was asked for."""
    if not subject.moving:
        return
    same = [each for each in before if each.ref == subject.ref]
    replaced = next((each for each in same if each.previous == subject.digest != each.digest), None)
    if replaced is not None:
        raise _rolled_back(
            subject, _brief(subject.digest), f"{_brief(replaced.digest)}, which replaced it, was seen before", subject.digest
        )
    now = parse_version(version or "")
    if now is None:
        return
    others = [(each.signed or each.version, "was seen before") for each in same if each.digest != subject.digest]
    if locked is not None and locked.digest != subject.digest:
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


def _moved(subject: Subject, before: list[Seen], locked: LockedTo | None) -> list[str]:
    """Return that a branch, or what else is meant to move, names other content than last time."""
    if not subject.moving or subject.version is None or subject.source.startswith("path:"):
        return []
    same = [each for each in before if each.ref == subject.ref]
    last = max(same, key=lambda each: each.last, default=None)
    was, version = (locked.digest, locked.version) if last is None and locked is not None else ("", None)
    if last is not None:
        was, version = last.digest, last.version
    if was in ("", subject.digest):
        return []
    name = subject.full_name or subject.source
    if version != subject.version:
        return [f"{name} is {subject.version} now, and was {version or _brief(was)}"]
    return [f"{subject.version} of {name} moved from {_brief(was)} to {_brief(subject.digest)}"]


def _gained(memory: _Memory, signers: tuple[str, ...]) -> list[str]:
    new = [signer for signer in signers if signer not in memory.pinned]
    if memory.history == "new" or not new:
        return []
    return [f"it is signed with {', '.join(map(short, new))} now; it was not before"]


def _brief(digest: str) -> str:
    return digest.partition(":")[2][:12]
