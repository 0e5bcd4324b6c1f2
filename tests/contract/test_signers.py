"""What every signer must do: a key of the person's own, and the fake that ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.bundles.keys import fits, keyid_of
from ropeway.bundles.keystore import KeyStore
from ropeway.bundles.manifest import digest_of
from ropeway.bundles.problems import SignatureInvalid
from ropeway.bundles.sign import Claim, Signed, Signer, sign, verify
from ropeway.settings.secret_store import Store
from ropeway.testing.keyrings import FakeKeyring
from ropeway.testing.signers import FakeSigner

CLAIM = Claim("ghcr.io/acme", "build", "1.2.0", "workflow", None, digest_of(b"caps"), digest_of(b"{}"), 2)


@pytest.fixture(params=["a key in a file", "a key in the keyring", "fake"])
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> Signer:
    if request.param == "fake":
        return FakeSigner()
    keyring = FakeKeyring() if "keyring" in request.param else None
    keys = KeyStore(tmp_path, Store(tmp_path, keyring, "keys.json"))
    keys.generate("release", "Release key")
    return keys.signer()


def test_its_id_is_that_of_its_public_half(signer: Signer) -> None:
    assert signer.keyid == signer.public.keyid == keyid_of(signer.public.raw)


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 100_000])
def test_what_it_signs_fits_its_public_half_and_nothing_else(signer: Signer, data: bytes) -> None:
    signature = signer.sign(data)
    assert len(signature) == 64
    assert fits(signer.public, signature, data)
    assert not fits(signer.public, signature, data + b"x")
    assert not fits(FakeSigner("somebody else").public, signature, data)


def test_it_signs_the_same_bytes_the_same_way(signer: Signer) -> None:
    assert signer.sign(b"data") == signer.sign(b"data")


def test_what_it_signs_is_verified_by_the_key_alone(signer: Signer) -> None:
    raw = sign(CLAIM, signer)
    known = verify(raw, {signer.keyid: signer.public})
    stranger = verify(raw, {})
    assert isinstance(known, Signed)
    assert isinstance(stranger, Signed)
    assert (known.claim, known.known) == (CLAIM, True)
    assert (stranger.claim, stranger.known, stranger.key.keyid) == (CLAIM, False, signer.keyid)


def test_its_text_shows_no_secret(signer: Signer) -> None:
    assert len(f"{signer!r}") < 100


def test_a_signer_whose_signature_does_not_fit_its_key_is_caught_before_anything_is_published() -> None:
    broken = FakeSigner()
    broken.damaged = True
    with pytest.raises(SignatureInvalid, match="does not fit its own key"):
        sign(CLAIM, broken)
