"""One name for one place, however it is written."""

from __future__ import annotations

import pytest

from ropeway.bundles.identity import canonical, canonical_host, git_source, https_source, oci_source


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("oci://GHCR.io/acme/build", "oci://ghcr.io/acme/build"),
        ("oci://ghcr.io:443/acme/build", "oci://ghcr.io/acme/build"),
        ("oci://ghcr.io:0443/acme/build", "oci://ghcr.io/acme/build"),
        ("oci://localhost:05000/acme/build", "oci://localhost:5000/acme/build"),
        ("oci://localhost:80/acme/build", "oci://localhost/acme/build"),
        ("oci://localhost:443/acme/build", "oci://localhost:443/acme/build"),
        ("oci://registry-1.docker.io/acme/build", "oci://docker.io/acme/build"),
        ("oci://Index.Docker.io:443/acme/*", "oci://docker.io/acme/*"),
        ("oci://[::1]:5000/acme/build", "oci://[::1]:5000/acme/build"),
        ("oci://[0:0:0:0:0:0:0:1]:5000/acme/build", "oci://[::1]:5000/acme/build"),
        ("oci://10.5:5000/acme/build", "oci://10.0.0.5:5000/acme/build"),
        ("oci://0x0a000005:5000/acme/build", "oci://10.0.0.5:5000/acme/build"),
        ("oci://127.example.com:443/acme/build", "oci://127.example.com/acme/build"),
        ("oci://*.example.org/acme/*", "oci://*.example.org/acme/*"),
        ("git+https://GitHub.com/Acme/Tools.git", "git+https://github.com/acme/tools"),
        ("git+https://github.com:443//acme/./tools/", "git+https://github.com/acme/tools"),
        ("git+https://github.com/x/../acme/*", "git+https://github.com/acme/*"),
        ("git+https://github.com/%61cme/tools", "git+https://github.com/acme/tools"),
        ("git+https://git.example.org/Acme/Tools", "git+https://git.example.org/Acme/Tools"),
        ("git+file:///srv//git/./acme", "git+file:///srv/git/acme"),
        ("https://Example.org:443//acme/./build.toml", "https://example.org/acme/build.toml"),
        ("https://example.org/a%2fb.toml", "https://example.org/a%2Fb.toml"),
        ("path:/srv/workflows", "path:/srv/workflows"),
        ("*", "*"),
    ],
)
def test_a_source_has_one_name(spelling: str, name: str) -> None:
    assert canonical(spelling) == name
    assert canonical(name) == name


def test_every_form_of_an_address_of_git_has_one_name() -> None:
    assert git_source("git@GitHub.com:Acme/Tools.git") == "git+ssh://git@github.com/acme/tools"
    assert git_source("ssh://git:secret@github.com:22/acme/tools") == "git+ssh://git@github.com/acme/tools"
    assert git_source("https://user:secret@git.example.org/a") == "git+https://git.example.org/a"


def test_hosts_are_told_apart_by_their_ports_only_where_these_are_not_the_usual_ones() -> None:
    assert canonical_host("A.example:8443") == "a.example:8443"
    assert canonical_host("A.example.") == "a.example"
    assert oci_source("A.example", "") == "oci://a.example"
    assert https_source("https://A.example:8443/x.toml") == "https://a.example:8443/x.toml"
