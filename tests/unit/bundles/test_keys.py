"""Keys: their forms, and the store of one's own and other people's."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ropeway.bundles.keys import _P, _SMALL_Y, find_key, key_from_raw, parse_key, pem
from ropeway.bundles.keystore import KeyStore
from ropeway.bundles.private_keys import PrivateKey, end_after, read_private
from ropeway.errors import NotFound, Refused, RopewayError, StoreError, UsageError
from ropeway.records import replace
from ropeway.settings.secret_store import Store
from ropeway.testing.keyrings import FakeKeyring
from ropeway.testing.signers import FakeSigner

NOW = datetime(2026, 11, 21, 9, 51, 47, tzinfo=UTC)
ALICE = FakeSigner("alice", expires=datetime(2027, 1, 1, tzinfo=UTC)).public
RFC_8032 = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
"""The public key of the first test of RFC 8032, section 7.1."""


def test_a_key_comes_back_from_its_line_and_from_pem() -> None:
    assert parse_key(ALICE.line()) == replace(ALICE, name="", created=None)
    assert parse_key(f"# from Alice\n\n  {ALICE.line()}  \n").keyid == ALICE.keyid
    assert parse_key(pem(ALICE.raw)) == key_from_raw(ALICE.raw)


def test_the_secret_of_the_rfc_has_the_public_key_of_the_rfc() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    private = PrivateKey(seed)
    assert private.public.raw == RFC_8032
    assert private.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901")
    assert read_private(private.pem()).seed() == seed


def test_the_weak_keys_are_all_points_whose_order_divides_eight() -> None:
    d = -121665 * pow(121666, -1, _P) % _P

    def double(x: int, y: int) -> tuple[int, int]:
        k = d * x * x * y * y
        return 2 * x * y * pow(1 + k, -1, _P) % _P, (y * y + x * x) * pow(1 - k, -1, _P) % _P

    for y in _SMALL_Y:
        square = (y * y - 1) * pow(d * y * y + 1, -1, _P) % _P
        x = pow(square, (_P + 3) // 8, _P)
        x = x if x * x % _P == square else x * pow(2, (_P - 1) // 4, _P) % _P
        assert x * x % _P == square
        point = (x, y)
        for _ in range(3):
            point = double(*point)
        assert point == (0, 1)
    assert len(_SMALL_Y) == 5  # eight points: two for each y but 1 and -1


@pytest.mark.parametrize("raw", [bytes(32), b"\1" + bytes(31), b"\xff" * 32, (2**255 - 19).to_bytes(32, "little"), b"x" * 31, b""])
def test_a_key_with_which_anybody_could_sign_is_refused(raw: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        key_from_raw(raw)
    assert caught.value.code == "invalid-key"


RSA = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEn1LlwLN/KBYQRVH6HfIMTzfEqJOVztLe
kLchp2hi78cCaMY81FBlYs8J9l7krc+M4aBeCGYFjba+hiXttJWPL7ydlE+5UG4U
-----END PUBLIC KEY-----
"""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is nothing"),
        ("a\nb", "there are 2 lines"),
        ("ssh-ed25519 AAAA x", "is not a key"),
        ("ropeway-ed25519", "is not a key"),
        ("ropeway-ed25519 !!!! x", "is not base64"),
        ("ropeway-ed25519 AAAB x", "has 32 bytes, this has 3"),
        (ALICE.line().replace("2027-01-01", "soon"), "is no day"),
        (ALICE.line() + "x" * 300, "at most 200 characters"),
        (ALICE.line() + "\x1b[2J", "at most 200 characters"),
        (RSA, "of another kind|is not base64"),
        (pem(ALICE.raw).replace("-----END PUBLIC KEY-----", ""), "not one public key"),
        (pem(ALICE.raw) * 2, "is not base64"),
        ("x" * 20_000, "not 20,000 characters"),
        (PrivateKey(b"1" * 32).pem(), "this is a private key"),
    ],
)
def test_what_is_no_key_is_refused_with_why(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_key(text)


def test_a_key_is_found_by_name_id_or_enough_digits() -> None:
    keys = [ALICE, FakeSigner("bob").public]
    for text in ("alice", ALICE.keyid, ALICE.short, ALICE.keyid[:30]):
        assert find_key(text, keys) == ALICE
    for text in ("carol", ALICE.short[:15], "sha256:", ""):
        assert find_key(text, keys) is None
    with pytest.raises(UsageError, match="2 keys begin with"):
        find_key(ALICE.short, [ALICE, replace(ALICE, keyid=ALICE.keyid[:-1] + "x", name="other")])


@pytest.mark.parametrize(("text", "days"), [("1d", 1), ("12w", 84), ("6m", 180), ("1y", 365)])
def test_a_key_ends_at_the_midnight_after_its_time(text: str, days: int) -> None:
    assert end_after(NOW, text) == datetime(2026, 11, 22, tzinfo=UTC) + timedelta(days=days)


@pytest.mark.parametrize("text", ["", "5", "y", "-1d", "0d", "21y", "1h", "1 y"])
def test_a_time_that_no_key_is_good_for_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time that a key can be good for"):
        end_after(NOW, text)


# -- the store ---------------------------------------------------------------------------------------------------------------------------


def store(folder: Path, keyring: FakeKeyring | None = None) -> KeyStore:
    return KeyStore(folder, Store(folder, keyring, "keys.json"), lambda: NOW)


def test_a_key_of_ones_own_is_kept_and_signs(tmp_path: Path) -> None:
    keys = store(tmp_path)
    made, place = keys.generate("release", "Release key", "1y")
    assert (made.name, made.comment, made.own, made.expires, place) == (
        "release",
        "Release key",
        True,
        datetime(2027, 11, 22, tzinfo=UTC),
        "file",
    )
    assert keys.list() == (made,)
    assert dict(keys.public()) == {made.keyid: made}
    assert store(tmp_path).signer().public == made
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.suffix != ".lock"} == {
        "keys.toml": 0o600,
        "keys.json": 0o600,
    }


def test_a_keyring_keeps_the_private_half_and_the_file_does_not(tmp_path: Path) -> None:
    keyring = FakeKeyring()
    keys = store(tmp_path, keyring)
    made, place = keys.generate("release")
    secret = base64.b64encode(keys.signer().seed()).decode()
    assert (place, list(keyring.values)) == ("keyring", [made.keyid])
    assert all(secret not in path.read_text() for path in tmp_path.iterdir())
    keyring.locked = True
    with pytest.raises(StoreError):
        keys.signer()
    assert keys.generate("second")[1] == "file"


def test_somebody_elses_key_is_trusted_and_told_its_end(tmp_path: Path) -> None:
    keys = store(tmp_path)
    first = keys.trust(pem(ALICE.raw), "alice")
    assert (first.name, first.own, first.created, first.expires) == ("alice", False, NOW, None)
    for name in ("alice", None):
        again = keys.trust(ALICE.line(), name)
        assert (again.name, again.expires, again.comment) == ("alice", ALICE.expires, "alice of a test")
    assert keys.list() == (again,)


def test_a_key_has_one_name_so_that_removing_another_never_loses_it(tmp_path: Path) -> None:
    keys = store(tmp_path)
    own, _ = keys.generate("a")
    bob = keys.trust(ALICE.line(), "bob")
    private = keys.export("a", private=True)
    attempts: list[tuple[str, Callable[[], object]]] = [
        ("as .*a.*: it is your own", lambda: keys.add_own(read_private(private, name="b"))),
        ("as .*a.*: it is your own", lambda: keys.trust(own.line(), "b")),
        ("as .*bob.*: you trust it", lambda: keys.trust(ALICE.line(), "carol")),
    ]
    for why, attempt in attempts:
        with pytest.raises(Refused, match=why) as caught:
            attempt()
        assert caught.value.code == "key-exists"
    assert keys.trust(own.line()) == own
    assert keys.list() == (own, bob)
    with pytest.raises(NotFound):
        keys.remove("b")
    assert keys.signer().public == own


def test_a_private_half_that_was_lost_comes_back_under_the_name_of_its_key(tmp_path: Path) -> None:
    keys = store(tmp_path)
    made, _ = keys.generate("a", "Mine", "1y")
    private = keys.export("a", private=True)
    (tmp_path / "keys.json").unlink()
    keys.add_own(read_private(private, name="a"))
    assert (keys.list(), keys.signer().public) == ((made,), made)


def test_a_revoked_key_stays_known_and_can_not_be_trusted_or_used_again(tmp_path: Path) -> None:
    keys = store(tmp_path)
    made, _ = keys.generate("release")
    private = keys.export("release", private=True)
    revoked = keys.revoke("release", 'lost "it"')
    assert (revoked.revoked, revoked.reason) == (NOW, 'lost "it"')
    assert keys.revoke("release", "another") == revoked
    attempts: list[Callable[[], object]] = [
        lambda: keys.trust(made.line()),
        lambda: keys.signer("release"),
        lambda: keys.add_own(read_private(private, name="again")),
    ]
    for attempt in attempts:
        with pytest.raises(Refused, match="was revoked"):
            attempt()
    with pytest.raises(NotFound, match="no key to sign with"):
        keys.signer()


def test_removing_takes_the_private_half_too(tmp_path: Path) -> None:
    keyring = FakeKeyring()
    keys = store(tmp_path, keyring)
    keys.generate("release")
    keys.trust(ALICE.line())
    keys.remove("release")
    keys.remove("alice")
    assert (keys.list(), keyring.values) == ((), {})
    with pytest.raises(NotFound):
        keys.remove("release")


def test_which_key_signs_when_none_is_named(tmp_path: Path) -> None:
    keys = store(tmp_path)
    with pytest.raises(NotFound, match="no key to sign with"):
        keys.signer()
    keys.generate("one")
    keys.trust(ALICE.line())
    assert keys.signer().public.name == "one"
    keys.generate("two")
    with pytest.raises(UsageError, match="several keys to sign with: one, two"):
        keys.signer()
    assert keys.signer("two").public.name == "two"
    with pytest.raises(Refused, match="somebody else's"):
        keys.signer("alice")


def test_an_expired_key_does_not_sign(tmp_path: Path) -> None:
    store(tmp_path).generate("old", "", "1d")
    later = KeyStore(tmp_path, Store(tmp_path, None, "keys.json"), lambda: NOW + timedelta(days=3))
    with pytest.raises(Refused, match="expired on 2026-11-23"):
        later.signer("old")
    with pytest.raises(NotFound):
        later.signer()


def test_a_private_half_that_is_lost_or_damaged_is_said_so(tmp_path: Path) -> None:
    keys = store(tmp_path)
    made, _ = keys.generate("release")
    secrets = Store(tmp_path, None, "keys.json")
    for value, why in (("AAAA", "is damaged"), (base64.b64encode(b"2" * 32).decode(), "is damaged"), ("?", "is damaged")):
        secrets.set(made.keyid, value)
        with pytest.raises(StoreError, match=why):
            keys.signer()
    secrets.remove(made.keyid)
    with pytest.raises(StoreError, match="is gone"):
        keys.signer()


@pytest.mark.parametrize("name", ["", "a b", "-x", "a/b", "ä", "x" * 65])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="can not be the name of a key"):
        store(tmp_path).generate(name)


def test_two_keys_do_not_share_a_name(tmp_path: Path) -> None:
    keys = store(tmp_path)
    keys.generate("release")
    with pytest.raises(Refused, match="another key called release"):
        keys.generate("release")
    with pytest.raises(Refused, match="another key called release"):
        keys.trust(ALICE.line(), "release")


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("[[key]]\nname = 1\n", 1, "key is missing", "write key"),
        ('[[key]]\nname = "a"\nkey = "x"\n', 3, "is not a key", "a key is a line"),
        (f'[[key]]\nname = "a b"\nkey = "{ALICE.line()}"\n', 2, "can not be the name of a key", "letters"),
        (f'[[key]]\nname = "a"\nkey = "{ALICE.line()}"\nrevokd = 1\n', 4, "there is no key 'revokd'", "did you mean revoked?"),
        (f'[[key]]\nname = "a"\nkey = "{ALICE.line()}"\nown = 1\n', 4, "own can not be 1", "true or false"),
        (f'[[key]]\nname = "a"\nkey = "{ALICE.line()}"\nrevoked = "soon"\n', 4, "revoked can not be 'soon'", "write a time"),
        (
            f'[[key]]\nname = "a"\nkey = "{ALICE.line()}"\n[[key]]\nname = "b"\nkey = "{ALICE.line()}"\n',
            4,
            "stands there twice",
            "remove one",
        ),
        ("[[keys]]\n", 1, "'keys' does not belong here", "did you mean [[key]]?"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path, text: str, line: int, message: str, hint: str) -> None:
    (tmp_path / "keys.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        store(tmp_path).list()
    assert caught.value.message.startswith(f"{tmp_path}/keys.toml:{line}: ")
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_files_that_others_could_write_or_secrets_that_others_could_read_are_refused(tmp_path: Path) -> None:
    keys = store(tmp_path)
    keys.generate("release")
    (tmp_path / "keys.json").chmod(0o640)
    with pytest.raises(Refused, match="can be read by others"):
        keys.signer()
    (tmp_path / "keys.toml").chmod(0o620)
    with pytest.raises(Refused, match="others may write to"):
        keys.list()


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", pem(ALICE.raw)])
def test_what_is_no_private_key_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="can not be read"):
        read_private(text)


def test_private_keys_of_other_kinds_and_encrypted_ones() -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(UsageError, match="of another kind"):
        read_private(other)
    locked = (
        Ed25519PrivateKey.from_private_bytes(b"1" * 32)
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
        .decode()
    )
    assert read_private(locked, lambda: "pw").seed() == b"1" * 32
    with pytest.raises(UsageError, match="the password does not fit"):
        read_private(locked, lambda: "no")


def test_no_error_shows_a_secret(tmp_path: Path) -> None:
    keys = store(tmp_path)
    made, _ = keys.generate("release")
    secret = base64.b64encode(keys.signer().seed()).decode()
    Store(tmp_path, None, "keys.json").set(made.keyid, secret[:-4])
    with pytest.raises(RopewayError) as caught:
        keys.signer()
    assert secret[:10] not in f"{caught.value} {caught.value.hint}"
