"""Statements, envelopes and bundles: what is written can be checked by others, and everything but that is refused."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ropeway.bundles.envelope import MAX_SIGNATURE
from ropeway.bundles.keys import pem
from ropeway.bundles.manifest import canonical_json, digest_of
from ropeway.bundles.problems import InvalidBundle, SignatureInvalid, WrongSigner
from ropeway.bundles.sign import PAYLOAD_TYPE, SIGNATURE_TYPE, Claim, Foreign, Signed, pae, sign, verify
from ropeway.records import replace
from ropeway.testing.signers import FakeSigner

ALICE = FakeSigner("alice")
CLAIM = Claim("ghcr.io/acme", "build", "1.2.0", "workflow", digest_of(b"before"), digest_of(b"caps"), digest_of(b"{}"), 2)
RAW = sign(CLAIM, ALICE)
KEYS = {ALICE.keyid: ALICE.public}


def test_the_pre_authentication_encoding_is_that_of_dsse() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("", b"") == b"DSSEv1 0  0 "
    assert pae("ä", "ä ä".encode()) == b"DSSEv1 2 \xc3\xa4 5 \xc3\xa4 \xc3\xa4"


def test_a_bundle_says_what_the_formats_ask_for() -> None:
    bundle = json.loads(RAW)
    assert list(bundle) == ["dsseEnvelope", "mediaType", "verificationMaterial"]
    assert bundle["mediaType"] == SIGNATURE_TYPE == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert bundle["verificationMaterial"] == {"publicKey": {"hint": ALICE.keyid}}
    envelope = bundle["dsseEnvelope"]
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert [signature["keyid"] for signature in envelope["signatures"]] == [ALICE.keyid]
    assert json.loads(base64.b64decode(envelope["payload"])) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "ghcr.io/acme/build", "digest": {"sha256": CLAIM.digest.removeprefix("sha256:")}}],
        "predicateType": "https://ropeway.dev/publication/v1",
        "predicate": {
            "registry": "ghcr.io/acme",
            "name": "build",
            "version": "1.2.0",
            "kind": "workflow",
            "previous": CLAIM.previous,
            "capabilities": CLAIM.capabilities,
            "size": 2,
            "publicKey": base64.b64encode(ALICE.public.raw).decode(),
        },
    }


def test_what_is_handed_on_is_what_was_signed() -> None:
    signed = verify(RAW, KEYS)
    assert isinstance(signed, Signed)
    assert (signed.claim, signed.key, signed.known) == (CLAIM, ALICE.public, True)
    assert signed.body == base64.b64decode(json.loads(RAW)["dsseEnvelope"]["payload"])


def test_a_verifier_that_was_written_from_the_text_of_dsse_agrees() -> None:
    """Signature = Sign(PAE(UTF8(payloadType), payload)); PAE = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    envelope = json.loads(RAW)["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    message = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    key: Any = load_pem_public_key(pem(ALICE.public.raw).encode())
    key.verify(base64.b64decode(envelope["signatures"][0]["sig"]), message)


@pytest.mark.needs("openssl")
def test_openssl_agrees_about_the_signature_and_about_the_id_of_the_key(tmp_path: Path) -> None:
    envelope = json.loads(RAW)["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    (tmp_path / "key.pem").write_text(pem(ALICE.public.raw))
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    (tmp_path / "message").write_bytes(b"DSSEv1 28 application/vnd.in-toto+json %d %b" % (len(payload), payload))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "message", "-sigfile", "sig"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verified Successfully" in done.stdout, done.stderr
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", "key.pem", "-outform", "DER"], cwd=tmp_path, capture_output=True, check=True)
    assert digest_of(der.stdout) == ALICE.keyid


@pytest.mark.parametrize("alphabet", ["standard", "url-safe"])
def test_both_alphabets_of_base64_are_read(alphabet: str) -> None:
    bundle = json.loads(RAW)
    if alphabet == "url-safe":
        envelope = bundle["dsseEnvelope"]
        envelope["payload"] = envelope["payload"].translate(str.maketrans("+/", "-_"))
        envelope["signatures"][0]["sig"] = envelope["signatures"][0]["sig"].translate(str.maketrans("+/", "-_"))
    assert isinstance(verify(canonical_json(bundle), KEYS), Signed)


Edit = Callable[[dict[str, Any]], object]


def resigned(payload: bytes, kind: str = PAYLOAD_TYPE, signer: FakeSigner = ALICE) -> bytes:
    """Return a bundle around any payload, with a signature that fits."""
    bundle = json.loads(RAW)
    bundle["verificationMaterial"]["publicKey"]["hint"] = signer.keyid
    signature = {"keyid": signer.keyid, "sig": base64.b64encode(signer.sign(pae(kind, payload))).decode()}
    bundle["dsseEnvelope"] = {"payload": base64.b64encode(payload).decode(), "payloadType": kind, "signatures": [signature]}
    return canonical_json(bundle)


def stated(edit: Edit) -> bytes:
    """Return a bundle whose statement was changed before it was signed."""
    statement = json.loads(base64.b64decode(json.loads(RAW)["dsseEnvelope"]["payload"]))
    edit(statement)
    return resigned(canonical_json(statement))


BUNDLES: list[tuple[str, Edit]] = [
    (
        "version=0.2' instead of",
        lambda b: b.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2"),
    ),
    ("mediaType.*None|is None instead", lambda b: b.pop("mediaType")),
    ("'verificationMaterial' is missing", lambda b: b.pop("verificationMaterial")),
    ("'publicKey' is missing", lambda b: b["verificationMaterial"].clear()),
    ("'publicKey' is no object", lambda b: b["verificationMaterial"].update(publicKey="x")),
    ("unknown key 'more'", lambda b: b["verificationMaterial"]["publicKey"].update(more="x")),
    ("unknown key 'more'", lambda b: b.update(more=1)),
    ("'hint' is missing", lambda b: b["verificationMaterial"]["publicKey"].pop("hint")),
    ("which is no key id", lambda b: b["verificationMaterial"]["publicKey"].update(hint="alice")),
    ("which is no key id", lambda b: b["verificationMaterial"]["publicKey"].update(hint=ALICE.keyid.upper())),
    ("another key than its hint", lambda b: b["dsseEnvelope"]["signatures"][0].update(keyid="sha256:" + "0" * 64)),
    ("2 signatures instead of one", lambda b: b["dsseEnvelope"]["signatures"].append(b["dsseEnvelope"]["signatures"][0])),
    ("0 signatures instead of one", lambda b: b["dsseEnvelope"]["signatures"].clear()),
    ("no list of signatures", lambda b: b["dsseEnvelope"].update(signatures={})),
    ("'dsseEnvelope' is no object", lambda b: b.update(dsseEnvelope=[])),
    ("'payload' is no text", lambda b: b["dsseEnvelope"].update(payload=1)),
    ("'payload' is not base64", lambda b: b["dsseEnvelope"].update(payload="a b=")),
    ("'payload' is not base64", lambda b: b["dsseEnvelope"].update(payload="-/==")),
    ("padding is missing", lambda b: b["dsseEnvelope"].update(payload="QQ")),
    ("stray bits", lambda b: b["dsseEnvelope"].update(payload="QR==")),
    ("its payload is 'text/plain'", lambda b: b["dsseEnvelope"].update(payloadType="text/plain")),
    ("does not fit the key", lambda b: b["dsseEnvelope"]["signatures"][0].update(sig="AAAA")),
    ("does not fit the key", lambda b: b["dsseEnvelope"]["signatures"][0].update(sig=base64.b64encode(b"\0" * 64).decode())),
]


@pytest.mark.parametrize(("why", "edit"), BUNDLES, ids=[why for why, _ in BUNDLES])
def test_a_bundle_that_is_not_exactly_right_is_refused_with_why(why: str, edit: Edit) -> None:
    bundle = json.loads(RAW)
    edit(bundle)
    with pytest.raises(SignatureInvalid, match=why) as caught:
        verify(canonical_json(bundle), KEYS)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "no JSON object"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": NaN}', "NaN is no number"),
        (RAW.replace(b'{"dsseEnvelope"', b'{"mediaType":"x","dsseEnvelope"'), "'mediaType' stands there twice"),
        (RAW + b" " * MAX_SIGNATURE, "is the most"),
        (resigned(b'{"_type":"a","_type":"b"}'), "'_type' stands there twice"),
        (resigned(b"[]"), "its payload is no JSON object"),
        (resigned(b"{}"), "no in-toto Statement v1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bytes_that_are_no_bundle_are_refused_with_why(raw: bytes, why: str) -> None:
    with pytest.raises(SignatureInvalid, match=why):
        verify(raw, KEYS)


STATEMENTS: list[tuple[str, Edit]] = [
    ("no in-toto Statement v1", lambda s: s.update(_type="https://in-toto.io/Statement/v0.1")),
    ("no in-toto Statement v1", lambda s: s.pop("predicateType")),
    ("exactly one thing", lambda s: s["subject"].append(s["subject"][0])),
    ("exactly one thing", lambda s: s.update(subject=[])),
    ("exactly one thing", lambda s: s.update(predicate="x")),
    ("exactly one digest", lambda s: s["subject"][0]["digest"].update(sha512="0" * 128)),
    ("exactly one digest", lambda s: s["subject"][0].update(digest="x")),
    ("is not a digest", lambda s: s["subject"][0].update(digest={"sha256": "ABC"})),
    ("is not a digest", lambda s: s["predicate"].update(capabilities="sha256:1")),
    ("is not a digest", lambda s: s["predicate"].update(previous=1)),
    ("not called what its predicate says", lambda s: s["subject"][0].update(name="other")),
    ("'version' is missing", lambda s: s["predicate"].pop("version")),
    ("'registry' is no text", lambda s: s["predicate"].update(registry=["ghcr.io"])),
    ("'size' is no number", lambda s: s["predicate"].update(size=True)),
    ("'size' is no number", lambda s: s["predicate"].update(size=-1)),
]


@pytest.mark.parametrize(("why", "edit"), STATEMENTS, ids=[why for why, _ in STATEMENTS])
def test_a_statement_that_is_signed_well_and_says_nonsense_is_refused_with_why(why: str, edit: Edit) -> None:
    with pytest.raises(SignatureInvalid, match=why):
        verify(stated(edit), KEYS)


def test_an_altered_payload_does_not_fit() -> None:
    bundle = json.loads(RAW)
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload.replace(b"1.2.0", b"1.2.1")).decode()
    with pytest.raises(SignatureInvalid, match="does not fit the key"):
        verify(canonical_json(bundle), KEYS)


def test_a_key_that_comes_along_counts_only_when_it_is_the_one_of_the_hint() -> None:
    mallory = FakeSigner("mallory")
    forged = json.loads(stated(lambda s: s["predicate"].update(publicKey=base64.b64encode(mallory.public.raw).decode())))
    with pytest.raises(SignatureInvalid, match="the key that comes along is"):
        verify(canonical_json(forged), {})
    with pytest.raises(SignatureInvalid, match="the key that comes along is none"):
        verify(stated(lambda s: s["predicate"].update(publicKey="AAAA")), {})


def test_a_signature_of_an_unknown_key_that_does_not_come_along_can_not_be_checked() -> None:
    with pytest.raises(WrongSigner, match="nobody here knows") as caught:
        verify(stated(lambda s: s["predicate"].pop("publicKey")), {})
    assert "workflow keys trust" in (caught.value.hint or "")


def test_attestations_of_other_kinds_are_told_apart_and_not_judged() -> None:
    provenance = stated(lambda s: s.update(predicateType="https://slsa.dev/provenance/v1"))
    assert verify(provenance, {}) == Foreign("an attestation of the type https://slsa.dev/provenance/v1")
    bundle = json.loads(RAW)
    bundle["verificationMaterial"] = {"certificate": {"rawBytes": "AA=="}, "tlogEntries": []}
    assert verify(canonical_json(bundle), {}) == Foreign("an attestation signed with a certificate")
    assert verify(canonical_json({**{k: v for k, v in bundle.items() if k != "dsseEnvelope"}, "messageSignature": {}}), {}) == Foreign(
        "a signature over a plain file"
    )


@pytest.mark.parametrize("change", [{"digest": "sha256:1"}, {"capabilities": ""}, {"previous": "x"}])
def test_nonsense_is_not_signed(change: dict[str, str]) -> None:
    with pytest.raises(InvalidBundle):
        sign(replace(CLAIM, **change), ALICE)
