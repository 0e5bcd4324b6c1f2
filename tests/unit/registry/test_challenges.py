"""``WWW-Authenticate``: read whatever registries send, and go only to realms that a client may go to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.errors import Refused
from ropeway.registry.http.hosts import api_base, origin_of
from ropeway.registry.login.challenge import Challenge, check_realm, choose, may_know_secret, parse_challenges

GHCR = 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"'


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (GHCR, [Challenge("bearer", {"realm": "https://ghcr.io/token", "service": "ghcr.io", "scope": "repository:user/image:pull"})]),
        ('Basic realm="Registry, the \\"one\\""', [Challenge("basic", {"realm": 'Registry, the "one"'})]),
        ("BASIC REALM=plain", [Challenge("basic", {"realm": "plain"})]),
        ('bearer  realm = "a" ,  service=b', [Challenge("bearer", {"realm": "a", "service": "b"})]),
        (
            'Basic realm="x", Bearer realm="y",service="z"',
            [Challenge("basic", {"realm": "x"}), Challenge("bearer", {"realm": "y", "service": "z"})],
        ),
        ("Negotiate", [Challenge("negotiate", {})]),
        ("Negotiate dG9rZW4=, Basic realm=x", [Challenge("negotiate", {}), Challenge("basic", {"realm": "x"})]),
        ('Bearer realm="a",realm="b"', [Challenge("bearer", {"realm": "a"})]),
        ('Bearer realm="never closed', [Challenge("bearer", {})]),
        ("", []),
        ('"quoted"', []),
    ],
)
def test_challenges_are_read_as_registries_write_them(line: str, found: list[Challenge]) -> None:
    assert list(parse_challenges(line)) == found


@given(st.text(max_size=300))
def test_nothing_that_a_server_sends_breaks_the_reader(line: str) -> None:
    for challenge in parse_challenges(line):
        assert challenge.scheme == challenge.scheme.lower()


def test_a_long_header_is_read_in_no_time() -> None:
    assert parse_challenges('Bearer realm="' + '\\"' * 100_000)[0].scheme == "bearer"
    assert parse_challenges("a " * 100_000) != ()


def test_a_token_is_preferred_to_a_password() -> None:
    assert choose(parse_challenges('Basic realm="x", Bearer realm="https://y"')) == Challenge("bearer", {"realm": "https://y"})
    assert choose(parse_challenges('Bearer service="no realm", Basic realm="x"')) == Challenge("basic", {"realm": "x"})
    assert choose(parse_challenges("Negotiate, Digest realm=x")) is None


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("ghcr.io", "https://ghcr.io/token"),
        ("docker.io", "https://auth.docker.io/token"),
        ("localhost:5000", "http://127.0.0.1:5001/token"),
        ("localhost:5000", "https://auth.example/token"),
        ("registry.example", "https://[2001:db8::1]:8443/token?a=b"),
    ],
)
def test_a_realm_may_be_elsewhere_by_https(registry: str, realm: str) -> None:
    assert check_realm(realm, api_base(registry)) == origin_of(realm)


@pytest.mark.parametrize(
    "realm",
    [
        "http://ghcr.io/token",
        "file:///etc/passwd",
        "gopher://ghcr.io/",
        "//ghcr.io/token",
        "/token",
        "",
        "https://",
        "https://me:secret@ghcr.io/token",
        "https://localhost/token",
        "https://127.0.0.1:8443/token",
        "http://localhost:80/latest/meta-data",
        "https://[::1]/token",
        "https://ghcr.io/to ken",
        "https://ghcr.io/\r\nX: y",
        "javascript:alert(1)",
    ],
)
def test_a_realm_that_would_make_a_tool_of_us_is_refused(realm: str) -> None:
    with pytest.raises(Refused) as caught:
        check_realm(realm, api_base("ghcr.io"))
    assert caught.value.code == "realm-refused"
    assert caught.value.hint


def test_a_password_goes_to_the_registrys_owner_or_to_where_the_person_is_logged_in() -> None:
    registry, own, strange = api_base("docker.io"), api_base("auth.docker.io"), api_base("auth.example")
    assert may_know_secret(own, registry, logged_in=False)
    assert not may_know_secret(strange, registry, logged_in=False)
    assert may_know_secret(strange, registry, logged_in=True)
