"""Whether content may be used: one pure decision over what was found, what the person's rules say, and what was seen before.

Nothing here reads a file, a clock or the network. :func:`judge` asks in this order, and the first refusal ends it:

1. Is it the content that its digest names?                              AlteredManifest
2. Does a tag or version still name what it named?                       MovedTag
3. What does each signature show? (``findings.examine``)
4. What does that mean here? (:data:`TABLE`)                             SignatureMissing, SignatureStripped, WrongSigner;
   for a bad one where no good one counts                                SignatureInvalid, RevokedKey, ExpiredKey
5. Is it older than what was locked or seen?                             RolledBack
6. Does somebody have to agree, since it is seen for the first time?     Verdict.ask, NotTrusted

**The table.** Rows are what the rule asks for and what is remembered, columns the best that the signatures show. That there is no signature is a
column like the others. To the right is never more trust than to the left in the same row: taking evidence away gains nothing.

A signature that is bad counts for nothing. Where no good one makes the content acceptable it is an error of its own, whatever the table says of
content without a signature: what is broken is not taken for absent. Beside a good one it is news.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from ropeway.bundles.changes import check_age, check_content, check_lock, check_place, gained, moved
from ropeway.bundles.findings import MENDED, SHOWN, History, LockedTo, Shown, best, examine, remembered, worst
from ropeway.bundles.keys import short
from ropeway.bundles.policy import publishers_of
from ropeway.bundles.problems import BundleRefused, NotTrusted, SignatureMissing, SignatureStripped, WrongSigner
from ropeway.bundles.verdicts import Subject, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from ropeway.bundles.findings import Found, Memory
    from ropeway.bundles.keys import PublicKey
    from ropeway.bundles.known import Seen
    from ropeway.bundles.policy import Policy, Rule

__all__ = ["TABLE", "Demand", "History", "LockedTo", "Means", "Shown", "Subject", "Verdict", "judge"]

Demand = Literal["nothing", "anybody's", "listed"]
"""Which signature the rule asks for: none; any publisher's; one of the publishers that it lists."""

Means = Literal["use", "first", "missing", "stripped", "wrong"]
"""Use it; use it after what the rule's ``first_use`` says; or refuse it, by one of three errors."""

TABLE: Final[dict[tuple[Demand, History], tuple[Means, ...]]] = {
    # asked for, remembered   listed   pinned   trusted  stranger  none
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
"""Columns are those of ``findings.SHOWN``."""


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
    check_content(subject, manifest)
    check_place(subject, before, locked)
    rule = policy.rule_for(subject.source, subject.full_name, claimed=claimed)
    memory = remembered(subject, before, locked)
    listed = publishers_of(rule, keys)
    every = {**keys, **{keyid: key for keyid, key in listed.items() if key is not None}}
    found = [examine(raw, subject, manifest, keys=every, listed=listed, memory=memory, now=now) for raw in signatures]
    chosen = best(found)
    meaning = _meaning(rule, memory, chosen, found)
    if meaning in ("missing", "stripped", "wrong"):
        raise _refusal(meaning, subject, rule, memory, chosen, listed)
    signers = tuple(sorted({each.key.keyid for each in chosen if each.key is not None}))
    check_lock(subject, locked, signers)
    claim = next((each.claim for each in chosen if each.claim is not None), None)
    version = subject.version if claim is None else claim.version
    check_age(subject, version, before, locked)
    ask = _ask(meaning, subject, rule, memory)
    news = (*moved(subject, before, locked), *gained(memory, signers), *(each.news for each in found if each.news))
    bad = (f"another signature on it does not count: {each.error.message}" for each in found if each.error is not None)
    stranger = bool(chosen) and chosen[0].shown == "stranger"
    previous = None if claim is None else claim.previous
    return Verdict(signers, tuple(dict.fromkeys((*news, *bad))), ask, rule.place, version, previous, stranger)


def _meaning(rule: Rule, memory: Memory, chosen: list[Found], found: list[Found]) -> Means:
    """Look it up in the table; a bad signature is an error where no good one counts."""
    demand: Demand = "nothing" if rule.require == "none" else "listed" if rule.publishers else "anybody's"
    shown = chosen[0].shown if chosen and chosen[0].shown is not None else "none"
    meaning = TABLE[demand, memory.history][SHOWN.index(shown)]
    if shown == "none" or meaning == "wrong":
        bad = worst(found)
        if bad is not None:
            raise bad
    if rule.require == "chain" and meaning in ("use", "first"):
        raise SignatureMissing(
            f"{rule.place} asks for a signature chain, and there is no countersignature of the registry",
            hint='only a registry that countersigns has one; elsewhere write require = "publisher"',
            code="countersignature-missing",
        )
    return meaning


def _refusal(
    meaning: Means, subject: Subject, rule: Rule, memory: Memory, chosen: list[Found], listed: Mapping[str, PublicKey | None]
) -> BundleRefused:
    was = ", ".join(sorted(map(short, memory.pinned)))
    if meaning == "missing":
        hint = "ask the publisher to sign it: `workflow publish` does when there is a key (workflow keys generate)"
        return SignatureMissing(f"{subject.shown} is not signed, and {rule.place} asks for a publisher's signature", hint=hint)
    if meaning == "stripped":
        hint = f"somebody may have taken the signature away; {MENDED}"
        return SignatureStripped(f"{subject.shown} is not signed, and it was signed with {was} before", hint=hint)
    keys = {each.key.keyid: each.key for each in chosen if each.key is not None}
    by = ", ".join(sorted(key.shown for key in keys.values()))
    if rule.publishers:
        lost = [text for text, key in listed.items() if key is None]
        hint = f"no key here is {lost[0]!r}: workflow keys trust FILE --name NAME" if lost else MENDED
        may = ", ".join(text if key is None else key.shown for text, key in listed.items())
        return WrongSigner(f"{subject.shown} is signed with {by}, and {rule.place} lets only {may} sign", hint=hint)
    to = f'[[rule]] source = "{subject.source}", require = "publisher", publishers = ["{next(iter(keys))}"]'
    return WrongSigner(
        f"{subject.shown} is signed with {by}, and it was signed with {was} before",
        hint=f"ask the publisher by another way whether the key is theirs; if it is, write into trust.toml: {to}",
    )


def _ask(meaning: Means, subject: Subject, rule: Rule, memory: Memory) -> bool:
    """Return whether somebody has to agree. What a project has locked is agreed to; but a project can't get around ``refuse``."""
    if rule.first_use == "refuse" and (meaning == "first" or not memory.agreed):
        raise NotTrusted(
            f"{subject.shown} was never used like this before, and {rule.place} refuses what is new",
            hint='write first_use = "ask" or "pin" into a rule of trust.toml that fits it',
        )
    return meaning == "first" and rule.first_use == "ask"
