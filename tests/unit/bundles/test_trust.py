"""One test for each attack and each decision: what is used, what is asked, and what is refused with which error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ropeway.bundles.findings import SHOWN
from ropeway.bundles.known import Seen, noted
from ropeway.bundles.manifest import digest_of
from ropeway.bundles.policy import Policy, Rule
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
from ropeway.bundles.sign import Claim, sign
from ropeway.bundles.trust import TABLE, Subject, Verdict, judge
from ropeway.records import record, replace
from ropeway.testing.signers import FakeSigner

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALICE, BOB, MALLORY = FakeSigner("alice"), FakeSigner("bob"), FakeSigner("mallory")
SOURCE = "oci://ghcr.io/acme/workflows/build"


@record
class Locked:
    digest: str
    version: str | None = None
    signers: tuple[str, ...] = ()


class Case:
    """One content with what refers to it; judged as often as the test likes, with changes."""

    def __init__(self, text: str = "one", version: str = "1.2.0", **claim: Any) -> None:
        self.manifest = text.encode()
        self.digest = digest_of(self.manifest)
        self.subject = Subject(SOURCE, "build", self.digest, version)
        self.claim = Claim("ghcr.io/acme", "build", version, "workflow", None, digest_of(b""), self.digest, len(self.manifest))
        self.claim = replace(self.claim, **claim)

    def judged(self, *signers: FakeSigner, **options: Any) -> Verdict:
        subject = options.pop("subject", self.subject)
        options.setdefault("policy", Policy())
        options.setdefault("keys", {})
        raw = [sign(self.claim, signer) for signer in signers] + options.pop("also", [])
        return judge(subject, options.pop("manifest", self.manifest), raw, now=NOW, **options)

    def seen(self, *signers: FakeSigner, **options: Any) -> Seen:
        subject = options.pop("subject", self.subject)
        verdict = Verdict(tuple(sorted(signer.keyid for signer in signers)), version=self.claim.version, previous=self.claim.previous)
        return noted(subject, verdict, options.pop("at", NOW - timedelta(days=1)))


def keys(*signers: FakeSigner, **known: Any) -> dict[str, Any]:
    return {signer.keyid: replace(signer.public, **known) for signer in signers}


def rules(**rule: Any) -> Policy:
    return Policy((Rule(source="oci://ghcr.io/acme/*", place="trust.toml:1", **rule),))


ONE = Case()


# -- the attacks, by name -----------------------------------------------------------------------------------------------------------------


def test_an_altered_manifest_is_refused() -> None:
    with pytest.raises(AlteredManifest, match=r"the manifest of acme/build 1\.2\.0 has been altered") as caught:
        ONE.judged(ALICE, manifest=b"two")
    assert caught.value.code == "manifest-altered"


def test_an_oci_registry_without_a_manifest_is_refused() -> None:
    with pytest.raises(AlteredManifest, match="has no manifest"):
        ONE.judged(manifest=None)


@pytest.mark.parametrize("moving", [False, True])
def test_a_version_that_names_other_content_than_before_is_refused_however_it_was_found(moving: bool) -> None:
    with pytest.raises(MovedTag, match=r"1\.2\.0 of acme/build has moved: it is .* now, and was .* when it was seen before") as caught:
        ONE.judged(seen=[Case("two").seen()], subject=replace(ONE.subject, moving=moving))
    assert ONE.digest in (caught.value.hint or "")


def test_a_tag_that_names_other_content_than_is_locked_is_refused() -> None:
    with pytest.raises(MovedTag, match="when it was locked"):
        ONE.judged(locked=Locked(digest_of(b"two"), "1.2.0"))
    tag = replace(ONE.subject, version="stable")
    with pytest.raises(MovedTag, match="stable of acme/build has moved"):
        ONE.judged(subject=tag, seen=[replace(Case("two").seen(), version="stable")])


def test_a_stripped_signature_is_noticed_by_what_was_seen_and_by_what_is_locked() -> None:
    newer = Case("two", "1.3.0")
    with pytest.raises(SignatureStripped, match=r"is not signed, and it was signed with \w{16} before"):
        newer.judged(seen=[ONE.seen(ALICE)])
    with pytest.raises(SignatureStripped):
        ONE.judged(seen=[ONE.seen(ALICE)])
    with pytest.raises(SignatureStripped):
        ONE.judged(locked=Locked(ONE.digest, "1.2.0", (ALICE.keyid,)))
    with pytest.raises(SignatureStripped):
        newer.judged(locked=Locked(ONE.digest, "1.2.0", (ALICE.keyid,)))
    with pytest.raises(SignatureStripped, match=r"when it was locked|before"):
        ONE.judged(seen=[ONE.seen()], locked=Locked(ONE.digest, "1.2.0", (ALICE.keyid,)))


def test_another_signer_than_before_is_refused_even_one_that_is_trusted_for_something_else() -> None:
    newer = Case("two", "1.3.0")
    for known in ({}, keys(MALLORY)):
        with pytest.raises(WrongSigner, match="and it was signed with") as caught:
            newer.judged(MALLORY, seen=[ONE.seen(ALICE)], keys=known)
        assert MALLORY.keyid in (caught.value.hint or "")
    with pytest.raises(WrongSigner):
        newer.judged(MALLORY, locked=Locked(ONE.digest, "1.2.0", (ALICE.keyid,)))


def test_a_project_that_locks_another_signer_does_not_override_what_the_person_has_seen() -> None:
    newer = Case("two", "1.3.0")
    with pytest.raises(WrongSigner):
        newer.judged(MALLORY, seen=[ONE.seen(ALICE)], locked=Locked(newer.digest, "1.3.0", (MALLORY.keyid,)))


def test_locked_content_has_to_carry_a_signature_that_the_lock_names() -> None:
    with pytest.raises(WrongSigner, match="when it was locked"):
        ONE.judged(BOB, seen=[ONE.seen(BOB)], locked=Locked(ONE.digest, "1.2.0", (ALICE.keyid,)))


@pytest.mark.parametrize("require", ["publisher", "chain"])
def test_a_signature_that_a_rule_asks_for_is_missed(require: str) -> None:
    with pytest.raises(SignatureMissing, match=r"is not signed, and trust.toml:1 asks for a publisher's signature"):
        ONE.judged(policy=rules(require=require))


def test_a_managed_name_on_our_own_server_is_always_signed() -> None:
    with pytest.raises(SignatureMissing, match="the rule for our own server"):
        ONE.judged(claimed=True)
    with pytest.raises(SignatureMissing):
        ONE.judged(claimed=True, policy=rules(require="none"))
    assert ONE.judged(ALICE, claimed=True).ask


def test_a_chain_is_refused_while_no_registry_countersigns() -> None:
    with pytest.raises(SignatureMissing, match="no countersignature of the registry") as caught:
        ONE.judged(ALICE, policy=rules(require="chain"), keys=keys(ALICE))
    assert caught.value.code == "countersignature-missing"


def test_a_signer_that_the_rule_does_not_list_is_refused() -> None:
    policy = rules(require="publisher", publishers=(ALICE.keyid,))
    for known in ({}, keys(BOB), keys(ALICE, BOB)):
        with pytest.raises(WrongSigner, match=r"trust\.toml:1 lets only"):
            ONE.judged(BOB, policy=policy, keys=known)
    assert ONE.judged(ALICE, policy=policy, keys=keys(ALICE)).signers == (ALICE.keyid,)


def test_a_publisher_that_no_key_is_called_lets_nobody_sign_and_is_named() -> None:
    with pytest.raises(WrongSigner, match="lets only release sign") as caught:
        ONE.judged(ALICE, policy=rules(require="publisher", publishers=("release",)))
    assert "no key here is 'release'" in (caught.value.hint or "")


@pytest.mark.parametrize("how", ["name", "id", "digits", "text"])
def test_a_rule_names_a_publisher_by_name_id_or_text(how: str) -> None:
    known = keys(ALICE)
    said = {"name": "alice", "id": ALICE.keyid, "digits": ALICE.public.short, "text": ALICE.public.line()}[how]
    verdict = ONE.judged(ALICE, policy=rules(require="publisher", publishers=(said,)), keys={} if how == "text" else known)
    assert verdict.signers == (ALICE.keyid,)


def test_a_revoked_key_is_refused_also_for_what_was_used_or_locked() -> None:
    revoked = keys(ALICE, revoked=NOW - timedelta(days=3), reason="lost with a laptop")
    for options in ({}, {"seen": [ONE.seen(ALICE)]}, {"locked": Locked(ONE.digest, "1.2.0", (ALICE.keyid,))}):
        with pytest.raises(RevokedKey, match="was revoked on 2026-11-18: lost with a laptop"):
            ONE.judged(ALICE, keys=revoked, **options)
    with pytest.raises(RevokedKey):
        ONE.judged(ALICE, keys=revoked, policy=rules(require="publisher", publishers=(ALICE.public.line(),)))


def test_an_expired_key_signs_nothing_new_and_what_was_accepted_stays_so() -> None:
    expired = keys(ALICE, expires=NOW)
    with pytest.raises(ExpiredKey, match="expired on 2026-11-21"):
        ONE.judged(ALICE, keys=expired)
    with pytest.raises(ExpiredKey):
        Case("two", "1.3.0").judged(ALICE, keys=expired, seen=[ONE.seen(ALICE)])
    for options in ({"seen": [ONE.seen(ALICE)]}, {"locked": Locked(ONE.digest, "1.2.0", (ALICE.keyid,))}):
        verdict = ONE.judged(ALICE, keys=expired, **options)
        assert verdict.signers == (ALICE.keyid,)
        assert "expired on 2026-11-21; what was accepted before stays so" in verdict.news[0]
    assert ONE.judged(ALICE, keys=keys(ALICE, expires=NOW + timedelta(seconds=1))).ask


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"registry": "ghcr.io/evil"}, "it is for build in ghcr.io/evil, and this is in ghcr.io/acme/workflows/build"),
        ({"name": "deploy"}, "it is for deploy in ghcr.io/acme"),
        ({"version": "1.1.0"}, "it is for version 1.1.0"),
        ({"version": "1.2.0+other"}, "it is for version 1.2.0[+]other"),
        ({"kind": "skill"}, "it is for a bundle of the kind skill"),
        ({"digest": digest_of(b"two")}, "it is for the content"),
        ({"size": 99}, "it is for a manifest of 99 bytes"),
    ],
)
def test_a_signature_for_something_else_is_refused_with_what_it_was_made_for(change: dict[str, Any], why: str) -> None:
    with pytest.raises(SignatureInvalid, match=rf"was not made for acme/build 1\.2\.0: {why}"):
        Case(**change).judged(ALICE, keys=keys(ALICE), subject=ONE.subject)


def test_a_signature_of_the_same_content_for_another_address_accuses_nobody_and_says_which() -> None:
    case = Case(registry="localhost:5000")
    with pytest.raises(SignatureInvalid, match="was not made for") as caught:
        case.judged(ALICE, keys=keys(ALICE))
    assert "use oci://localhost:5000/workflows/build:1.2.0" in str(caught.value.hint)
    with pytest.raises(SignatureInvalid, match="was not made for") as caught:
        case.judged(ALICE)
    assert "oci:" not in str(caught.value.hint)  # a stranger's key leads nowhere
    for other in (Case(registry="localhost:5000", digest=digest_of(b"two")), Case(version="1.1.0")):
        with pytest.raises(SignatureInvalid) as caught:
            other.judged(ALICE, keys=keys(ALICE), subject=ONE.subject)
        assert "somebody has put it there" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("signed", "found", "moving", "fits"),
    [
        ("1.2.0", "v1.2.0", False, True),
        ("1.2.0+b1", "1.2.0_b1", False, True),
        ("1.2.0", "1", False, True),
        ("1.2.0", "v1.2", False, True),
        ("1.2.0", "1.3", False, False),
        ("1.2.0", "2", True, False),
        ("1.2.0", "latest", True, True),
        ("1.2.0", "1.2.1", True, False),
        ("v1", "v1", False, True),
        ("v1", "v2", False, False),
        ("v1", "latest", True, True),
        ("v1", "1.0.0", False, False),
        ("1.2.0", None, False, True),
    ],
)
def test_which_tags_may_name_a_signed_version(signed: str, found: str | None, moving: bool, fits: bool) -> None:
    case = Case(version=signed)
    subject = replace(case.subject, version=found, moving=moving)
    if fits:
        assert case.judged(ALICE, subject=subject).version == signed
    else:
        with pytest.raises(SignatureInvalid, match=f"it is for version {signed}"):
            case.judged(ALICE, subject=subject)


def test_an_older_version_than_seen_or_locked_is_refused_unless_it_was_asked_for() -> None:
    newer = Case("two", "1.10.0")
    moving = replace(ONE.subject, moving=True)
    with pytest.raises(RolledBack, match=r"acme/build was rolled back: it is 1\.2\.0 now, and 1\.10\.0 was seen before") as caught:
        ONE.judged(subject=moving, seen=[newer.seen()])
    assert (caught.value.hint or "").endswith("1.2.0")
    with pytest.raises(RolledBack, match=r"1\.10\.0 is locked"):
        ONE.judged(subject=moving, locked=Locked(newer.digest, "1.10.0"))
    assert ONE.judged(seen=[newer.seen()])  # that version was named
    assert ONE.judged(subject=replace(moving, ref="^1.2"), seen=[newer.seen()])  # another reference led there
    assert ONE.judged(subject=moving, seen=[newer.seen()], locked=Locked(ONE.digest, "1.2.0"))  # the project chose it


def test_a_tag_that_moves_back_is_noticed_by_the_versions_that_were_signed() -> None:
    latest = Subject(SOURCE, "build", ONE.digest, "latest", moving=True, ref="latest")
    newer = Case("two", "1.10.0")
    before = newer.seen(ALICE, subject=replace(latest, digest=newer.digest))
    with pytest.raises(RolledBack, match=r"it is 1\.2\.0 now, and 1\.10\.0 was seen before"):
        ONE.judged(ALICE, subject=latest, seen=[before])
    replaced = replace(before, previous=ONE.digest, signed="v2")
    with pytest.raises(RolledBack, match="which came after it, was seen before"):
        ONE.judged(ALICE, subject=latest, seen=[replaced])


# -- what is used, and what is asked ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["oci://ghcr.io/acme/workflows/build", "git+https://git.example/a/b", "https://a.example/build.toml"])
def test_what_is_new_has_to_be_agreed_to(source: str) -> None:
    verdict = ONE.judged(subject=replace(ONE.subject, source=source), manifest=ONE.manifest if source.startswith("oci") else None)
    assert (verdict.ask, verdict.signers) == (True, ())


def test_a_folder_of_this_machine_is_used_without_being_asked() -> None:
    subject = Subject("path:/srv/workflows", "build", "sha256:" + "0" * 64)
    assert ONE.judged(subject=subject, manifest=None) == Verdict(rule="the rule for folders of this machine")


def test_an_unknown_signer_is_shown_and_then_pinned() -> None:
    verdict = ONE.judged(ALICE)
    assert (verdict.ask, verdict.signers, verdict.version) == (True, (ALICE.keyid,), "1.2.0")
    again = Case("two", "1.3.0", previous=ONE.digest).judged(ALICE, seen=[noted(ONE.subject, verdict, NOW)])
    assert (again.ask, again.signers, again.previous) == (False, (ALICE.keyid,), ONE.digest)
    assert (verdict.stranger, again.stranger) == (True, False)
    assert not ONE.judged().stranger


@pytest.mark.parametrize(("first_use", "asks"), [("ask", True), ("pin", False)])
def test_a_rule_says_whether_what_is_new_is_asked_about(first_use: str, asks: bool) -> None:
    assert ONE.judged(policy=rules(first_use=first_use)).ask is asks


def test_a_rule_that_refuses_what_is_new_can_not_be_got_around_by_a_projects_lock() -> None:
    refuse = rules(first_use="refuse")
    for locked in (None, Locked(ONE.digest, "1.2.0")):
        with pytest.raises(NotTrusted, match="refuses what is new"):
            ONE.judged(policy=refuse, locked=locked)
    assert not ONE.judged(policy=refuse, seen=[ONE.seen()]).ask


def test_what_the_project_has_locked_is_agreed_to() -> None:
    assert not ONE.judged(locked=Locked(ONE.digest, "1.2.0")).ask
    assert not ONE.judged(ALICE, locked=Locked(ONE.digest, "1.2.0", (ALICE.keyid,))).ask


def test_an_unsigned_name_may_gain_a_signature_and_then_has_to_keep_it() -> None:
    newer = Case("two", "1.3.0")
    verdict = newer.judged(ALICE, seen=[ONE.seen()])
    assert not verdict.ask
    assert verdict.news == (f"it is signed with {ALICE.public.short} now, and was not before",)
    with pytest.raises(SignatureStripped):
        Case("three", "1.4.0").judged(seen=[ONE.seen(), noted(newer.subject, verdict, NOW)])
    assert not ONE.judged(seen=[ONE.seen(), noted(newer.subject, verdict, NOW)]).ask  # as it was when it was used


def test_somebody_who_adds_a_signature_beside_the_publishers_is_not_pinned_with_it() -> None:
    newer = Case("two", "1.3.0")
    assert newer.judged(MALLORY, ALICE, seen=[ONE.seen(ALICE)]).signers == (ALICE.keyid,)
    assert ONE.judged(MALLORY, ALICE, keys=keys(ALICE)).signers == (ALICE.keyid,)


def test_keys_are_counted_once_however_often_they_sign() -> None:
    assert ONE.judged(ALICE, ALICE, BOB).signers == tuple(sorted((ALICE.keyid, BOB.keyid)))


def test_a_bad_signature_is_an_error_alone_and_news_beside_a_good_one() -> None:
    with pytest.raises(SignatureInvalid, match="not JSON"):
        ONE.judged(also=[b"{"])
    with pytest.raises(SignatureInvalid):
        ONE.judged(also=[b"{"], seen=[ONE.seen()])
    with pytest.raises(SignatureInvalid):
        ONE.judged(MALLORY, also=[b"{"], seen=[ONE.seen(ALICE)])
    assert "another signature on it does not count" in ONE.judged(ALICE, also=[b"{"]).news[0]
    replayed = sign(Case("two").claim, ALICE)
    assert ONE.judged(ALICE, also=[replayed], seen=[ONE.seen(ALICE)]).signers == (ALICE.keyid,)


def test_a_branch_that_moved_is_news() -> None:
    source = "git+https://git.example/a/b"
    was = Subject(source, "build", "git:" + "a" * 40, "main", moving=True)
    now = replace(was, digest="git:" + "b" * 40)
    verdict = ONE.judged(subject=now, manifest=None, seen=[noted(was, Verdict(version="main"), NOW)])
    assert verdict.news == ("main of build moved from aaaaaaaaaaaa to bbbbbbbbbbbb",)
    assert not verdict.ask
    ONE.judged(subject=replace(was, moving=False), manifest=None, seen=[noted(now, Verdict(), NOW)])  # a lock pins it where it was


def test_a_newer_version_is_news() -> None:
    newer = Case("two", "1.3.0")
    verdict = newer.judged(subject=replace(newer.subject, moving=True), seen=[ONE.seen(subject=replace(ONE.subject, moving=True))])
    assert verdict.news == ("acme/build is 1.3.0 now, and was 1.2.0",)


def test_what_was_seen_of_other_names_kinds_and_sources_counts_for_nothing() -> None:
    mine = ONE.seen(ALICE)
    others = [replace(mine, name="acme/deploy"), replace(mine, kind="skill"), replace(mine, source="oci://ghcr.io/acme/workflows/deploy")]
    assert ONE.judged(MALLORY, seen=others).ask


def test_one_thing_is_one_thing_by_whatever_form_of_reference_it_was_found() -> None:
    adhoc = replace(ONE.subject, name="acme/workflows/build")
    with pytest.raises(WrongSigner):
        Case("two", "1.3.0").judged(
            MALLORY, seen=[ONE.seen(ALICE)], subject=replace(Case("two", "1.3.0").subject, name="acme/workflows/build")
        )
    assert adhoc.full_name == ONE.subject.full_name == "acme/build"


def test_the_table_is_whole_and_to_the_right_there_is_never_more_trust() -> None:
    trust = {"use": 2, "first": 1, "missing": 0, "stripped": 0, "wrong": 0}
    assert len(TABLE) == 9
    for row, means in TABLE.items():
        assert len(means) == len(SHOWN)
        levels = [trust[each] for each in means]
        # A rule with a list gives nothing for a key of another list; beyond "listed" all are alike.
        assert levels == sorted(levels, reverse=True), row
        if row[0] != "nothing":
            assert levels[-1] == 0, row


def test_every_refusal_says_what_to_do() -> None:
    newer = Case("two", "1.3.0")
    attempts = [
        lambda: ONE.judged(manifest=b"x"),
        lambda: ONE.judged(seen=[Case("two").seen()]),
        lambda: ONE.judged(claimed=True),
        lambda: newer.judged(seen=[ONE.seen(ALICE)]),
        lambda: newer.judged(MALLORY, seen=[ONE.seen(ALICE)]),
        lambda: ONE.judged(ALICE, keys=keys(ALICE, expires=NOW)),
        lambda: ONE.judged(ALICE, keys=keys(ALICE, revoked=NOW)),
        lambda: ONE.judged(subject=replace(ONE.subject, moving=True), seen=[newer.seen()]),
        lambda: ONE.judged(policy=rules(first_use="refuse")),
        lambda: ONE.judged(also=[b""]),
    ]
    for attempt in attempts:
        with pytest.raises(BundleRefused) as caught:
            attempt()
        assert caught.value.hint
        assert caught.value.exit_status == 4
