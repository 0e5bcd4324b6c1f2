"""Missing evidence never yields more trust: whatever is taken away, the outcome is the same or worse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ropeway.bundles.known import noted
from ropeway.bundles.manifest import digest_of
from ropeway.bundles.policy import Policy, Rule, matches
from ropeway.bundles.problems import BundleRefused, ExpiredKey, RevokedKey, SignatureInvalid
from ropeway.bundles.sign import Claim, sign
from ropeway.bundles.trust import Subject, Verdict, judge
from ropeway.records import record, replace
from ropeway.testing.signers import FakeSigner

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SIGNERS = [FakeSigner(name) for name in ("alice", "bob", "carol")]
IDS = [signer.keyid for signer in SIGNERS]
MANIFEST = b"manifest"
SUBJECT = Subject("oci://ghcr.io/acme/workflows/build", "build", digest_of(MANIFEST), "1.2.0", moving=True)
CLAIM = Claim("ghcr.io/acme", "build", "1.2.0", "workflow", None, digest_of(b""), SUBJECT.digest, len(MANIFEST))
GOOD = {signer.keyid: sign(CLAIM, signer) for signer in SIGNERS}
BAD = [b"{}", sign(replace(CLAIM, version="9.9.9"), SIGNERS[0])]
FOREIGN = b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"certificate":{}},"dsseEnvelope":{}}'


@record
class Locked:
    digest: str
    version: str | None
    signers: tuple[str, ...]


some = st.lists(st.sampled_from(IDS), unique=True, max_size=2).map(lambda ids: tuple(sorted(ids)))
seen = st.builds(
    lambda other, signers: noted(
        replace(SUBJECT, digest=digest_of(b"other"), version="1.1.0") if other else SUBJECT, Verdict(signers), NOW - timedelta(days=1)
    ),
    st.booleans(),
    some,
)
rules = st.builds(
    lambda require, publishers, first_use: Rule("*", "*", require, publishers if require != "none" else (), first_use),
    st.sampled_from(["none", "publisher", "chain"]),
    some,
    st.sampled_from(["ask", "pin", "refuse"]),
)
situations = st.fixed_dictionaries(
    {
        "signatures": st.lists(st.sampled_from([*GOOD.values(), *BAD, FOREIGN]), max_size=4),
        "keys": st.dictionaries(st.sampled_from(IDS), st.sampled_from(["valid", "expired", "revoked"])),
        "policy": st.lists(rules, max_size=1).map(lambda found: Policy(tuple(found))),
        "seen": st.lists(seen, max_size=3),
        "locked": st.none() | st.builds(Locked, st.sampled_from([SUBJECT.digest, digest_of(b"other")]), st.just("1.1.0"), some),
        "claimed": st.booleans(),
    }
)


def outcome(situation: dict[str, Any], manifest: bytes | None = MANIFEST) -> int | BundleRefused:
    """Return 2 for used, 1 for asked, else the refusal."""
    states = {"valid": {}, "expired": {"expires": NOW}, "revoked": {"revoked": NOW}}
    keys = {s.keyid: replace(s.public, **states[situation["keys"][s.keyid]]) for s in SIGNERS if s.keyid in situation["keys"]}
    rest = {name: value for name, value in situation.items() if name not in ("signatures", "keys")}
    try:
        return 1 if judge(SUBJECT, manifest, situation["signatures"], keys=keys, now=NOW, **rest).ask else 2
    except BundleRefused as error:
        return error


def trust(found: int | BundleRefused) -> int:
    return found if isinstance(found, int) else 0


@given(situations, st.data())
def test_without_a_signature_there_is_never_more_trust_than_with_it(situation: dict[str, Any], data: st.DataObject) -> None:
    """Except for the ones that are bad: without them content may be what it would be if it had never been signed, and no more than that."""
    left = data.draw(st.lists(st.sampled_from(situation["signatures"]), unique=True) if situation["signatures"] else st.just([]))
    before, after = outcome(situation), outcome({**situation, "signatures": left})
    if isinstance(before, SignatureInvalid | RevokedKey | ExpiredKey):
        unsigned = trust(outcome({**situation, "signatures": []}))
        strongest = max((trust(outcome({**situation, "signatures": [raw]})) for raw in left), default=0)
        assert trust(after) <= max(unsigned, strongest)
    else:
        assert trust(after) <= trust(before)


@given(situations, st.sampled_from(IDS))
def test_a_key_that_is_not_known_is_never_trusted_more_than_one_that_is(situation: dict[str, Any], keyid: str) -> None:
    """Revocation and end of a key are knowledge against it: they are kept out."""
    known = {**situation["keys"], keyid: "valid"}
    unknown = {name: state for name, state in known.items() if name != keyid}
    assert trust(outcome({**situation, "keys": unknown})) <= trust(outcome({**situation, "keys": known}))


@given(situations, st.sampled_from(IDS), st.sampled_from(["expired", "revoked"]))
def test_a_key_that_ended_is_never_trusted_more_than_one_that_did_not(situation: dict[str, Any], keyid: str, state: str) -> None:
    good = {
        **situation,
        "keys": {**situation["keys"], keyid: "valid"},
        "signatures": [raw for raw in situation["signatures"] if raw in GOOD.values()],
    }
    ended = {**good, "keys": {**good["keys"], keyid: state}}
    assert trust(outcome(ended)) <= trust(outcome(good))


@given(situations)
def test_without_its_manifest_nothing_is_used(situation: dict[str, Any]) -> None:
    assert trust(outcome(situation, None)) == 0
    assert trust(outcome(situation, MANIFEST + b" ")) == 0


@given(situations)
def test_unsigned_content_is_never_used_where_a_signature_is_asked_for(situation: dict[str, Any]) -> None:
    asked = situation["claimed"] or any(rule.require != "none" for rule in situation["policy"].rules)
    signed = any(raw in GOOD.values() for raw in situation["signatures"])
    if asked and not signed:
        assert trust(outcome(situation)) == 0


@given(situations)
def test_what_is_signed_with_a_revoked_key_alone_is_never_used(situation: dict[str, Any]) -> None:
    alone = {**situation, "signatures": [GOOD[IDS[0]]], "keys": {**situation["keys"], IDS[0]: "revoked"}}
    assert trust(outcome(alone)) == 0


@given(situations, rules)
def test_a_rule_never_asks_for_less_than_our_own_server_does(situation: dict[str, Any], rule: Rule) -> None:
    free = {**situation, "claimed": True, "policy": Policy((rule,)), "signatures": []}
    assert trust(outcome(free)) == 0


@given(st.text("ab*/", max_size=8), st.text("ab/", max_size=8))
def test_a_pattern_fits_as_a_slow_reading_of_its_definition_says(pattern: str, text: str) -> None:
    def fits(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern == "*":
            return True
        if pattern[0] == "*":
            return any(fits(pattern[1:], text[at:]) for at in range(len(text) + 1) if "/" not in text[:at])
        return text[:1] == pattern[0] and fits(pattern[1:], text[1:])

    assert matches(pattern, text) == fits(pattern, text)
