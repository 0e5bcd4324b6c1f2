"""What a host's name means: scheme, API, login, and who belongs together."""

from __future__ import annotations

import socket

import pytest

from ropeway.errors import UsageError
from ropeway.registry.http.errors import network_error
from ropeway.registry.http.hosts import Origin, api_base, holds_login, is_inner, is_loopback, login_names, origin_of, same_site
from ropeway.registry.http.net import Net
from ropeway.registry.http.proxies import Proxy, proxy_for
from ropeway.registry.oci.session import Session


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.9", "::1", "[::1]"])
def test_this_machine_is_spoken_to_in_plain_http(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.1",
        "128.0.0.1",
        "127.0.0.256",
        "0.0.0.0",
        "10.0.0.1",
        "::2",
        "",
        "127.0.0.x",
    ],
)
def test_nothing_else_is_this_machine(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("localhost:5000", "http://localhost:5000"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("ghcr.io", "https://ghcr.io"),
        ("GHCR.io:443", "https://ghcr.io"),
        ("registry.example:8443", "https://registry.example:8443"),
        ("docker.io", "https://registry-1.docker.io"),
        ("index.docker.io", "https://registry-1.docker.io"),
        ("registry-1.docker.io", "https://registry-1.docker.io"),
    ],
)
def test_a_host_leads_to_its_api(host: str, base: str) -> None:
    assert str(api_base(host)) == base


@pytest.mark.parametrize(
    "host", ["", "a b", "user@host", "host/path", "host:0", "host:65536", "host:x", "https://host", "-host", "ho\nst", "[::1"]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(UsageError) as caught:
        api_base(host)
    assert caught.value.code == "registry-host"


def test_docker_hub_keeps_names_of_one_part_below_library() -> None:
    assert Session("docker.io", Net(), None).repository("alpine") == "library/alpine"
    assert Session("docker.io", Net(), None).repository("acme/alpine") == "acme/alpine"
    assert Session("ghcr.io", Net(), None).repository("alpine") == "alpine"


def test_a_login_for_docker_hub_is_looked_up_where_docker_puts_it() -> None:
    assert login_names("docker.io")[0] == "https://index.docker.io/v1/"
    assert login_names("Registry.example:5000")[0] == "registry.example:5000"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ghcr.io", "ghcr.io"),
        ("registry-1.docker.io", "auth.docker.io"),
        ("registry.gitlab.com", "gitlab.com"),
        ("registry.acme.co.uk", "auth.acme.co.uk"),
        ("localhost", "127.0.0.1"),
    ],
)
def test_hosts_of_one_owner_belong_together(one: str, other: str) -> None:
    assert same_site(one, other)
    assert same_site(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ghcr.io", "gcr.io"),
        ("registry.acme.co.uk", "auth.evil.co.uk"),
        ("registry.example", "registry.example.evil.org"),
        ("10.1.0.1", "10.2.0.1"),
        ("192.168.0.1", "1.168.0.1"),
        ("localhost", "localhost.evil.org"),
        ("2001:db8::1", "2001:db8::2"),
    ],
)
def test_hosts_of_two_owners_do_not(one: str, other: str) -> None:
    assert not same_site(one, other)
    assert not same_site(other, one)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/", "//host/", "host", "https://", "https://host:99999/", "http://[::1/"])
def test_only_http_has_an_origin(url: str) -> None:
    assert origin_of(url) is None


HTTPS = Origin("https", "registry.example", 443)


def test_a_proxy_is_taken_from_the_environment_small_letters_first() -> None:
    assert proxy_for(HTTPS, {}) is None
    assert proxy_for(HTTPS, {"HTTPS_PROXY": "http://one:3128"}) == Proxy("one", 3128)
    assert proxy_for(HTTPS, {"HTTPS_PROXY": "http://one:3128", "https_proxy": "two"}) == Proxy("two", 80)
    assert proxy_for(HTTPS, {"ALL_PROXY": "http://me:p%40ss@three:1"}) == Proxy("three", 1, ("me", "p@ss"))
    assert proxy_for(HTTPS, {"HTTP_PROXY": "http://other:1"}) is None


@pytest.mark.parametrize(
    "excluded", ["*", "registry.example", ".example", "example", "a, registry.example:443", "*.example", "REGISTRY.example"]
)
def test_no_proxy_is_heeded(excluded: str) -> None:
    assert proxy_for(HTTPS, {"HTTPS_PROXY": "http://one:1", "NO_PROXY": excluded}) is None


@pytest.mark.parametrize("excluded", ["", "y.example", "registry.example:8443", "gistry.example", "10.0.0.0/8", "registry.example.org"])
def test_no_proxy_means_no_others(excluded: str) -> None:
    assert proxy_for(HTTPS, {"HTTPS_PROXY": "http://one:1", "NO_PROXY": excluded}) == Proxy("one", 1)


def test_no_proxy_takes_networks() -> None:
    environ = {"HTTPS_PROXY": "http://one:1", "NO_PROXY": "10.0.0.0/8"}
    assert proxy_for(Origin("https", "10.9.8.7", 443), environ) is None
    assert proxy_for(Origin("https", "11.9.8.7", 443), environ) == Proxy("one", 1)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_is_never_reached_through_a_proxy(host: str) -> None:
    assert proxy_for(Origin("http", host, 5000), {"http_proxy": "http://one:1", "ALL_PROXY": "http://one:1"}) is None


@pytest.mark.parametrize("text", ["socks5://one:1", "http://", "http://one:port", "https://one:1"])
def test_a_proxy_that_is_none_is_said_by_its_variable_without_its_password(text: str) -> None:
    with pytest.raises(UsageError, match="HTTPS_PROXY") as caught:
        proxy_for(HTTPS, {"HTTPS_PROXY": text.replace("://", "://me:hidden@")})
    assert "hidden" not in str(caught.value)


INNER = """localhost LOCALHOST:5000 127.0.0.1 127.9.9.9:80 127.1 2130706433 0x7f000001 0177.0.0.1 0 0.0.0.0 [::1] [::1]:5000 [::]
[::ffff:127.0.0.1] [::ffff:a00:1] [2002:a00:1::] 10.1.2.3 172.16.0.1 192.168.1.1:5000 169.254.169.254 100.64.0.1 [fe80::1] [fd00::1]
192.0.2.1 224.0.0.1 255.255.255.255 router registry:5000 nas.local printer.lan a.internal x.localhost localhost. nas.local. db.home.arpa
127.0.0.1. localhost.:80 999.1.1.1 0x [fe80::1%eth0] a_b [ h:x"""
OUTER = "ghcr.io GHCR.IO:443 8.8.8.8 8.8.8.8:5000 134744072 0x8080808 [2606:4700::1111] a.example.com. 10.example.org local.example.org"


@pytest.mark.parametrize("host", [*INNER.split(), "", "a b", "\N{ARABIC-INDIC DIGIT ONE}.1.1.1"])
def test_a_host_of_this_machine_or_an_inner_network_is_known_by_any_spelling(host: str) -> None:
    assert is_inner(host)


@pytest.mark.parametrize("host", OUTER.split())
def test_a_host_that_everybody_can_reach_is_not_inner(host: str) -> None:
    assert not is_inner(host)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://h/a", False),
        ("https://h:8443/a@b/c:d", False),
        ("https://[::1]:80/a@b", False),
        ("ssh://git@h:22/a", False),
        ("git@h:a/b", False),
        ("/srv/a:b@c", False),
        ("owner/repo", False),
        ("https://me@h/a", True),
        ("HTTPS://me:x@h/a", True),
        ("git://me:x@h/a", True),
        ("oci://me:x@h/a", True),
        ("https://me:x/y@h/a", True),
        ("ssh://git:x@h/a", True),
        ("me:x@h:a", True),
        ("https://me:x@h?a", True),
    ],
)
def test_a_login_in_an_address_is_seen(address: str, found: bool) -> None:
    assert holds_login(address) is found


def test_a_name_without_a_dot_that_nobody_knows_may_lack_its_host() -> None:
    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    assert "does one have to stand before it" in (network_error("https://agents", error).hint or "")
    assert network_error("https://ghcr.example", error).hint == "check its spelling, and your network"
