"""Logins that docker and its like have stored are found, in each form that they are written in."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from ropeway.errors import Refused, StoreError
from ropeway.registry.login import docker_config
from ropeway.registry.login.docker_config import Login, find


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "bin").mkdir()
    return {"HOME": str(tmp_path / "home"), "DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}


def write(environ: dict[str, str], document: object) -> None:
    Path(environ["DOCKER_CONFIG"], "config.json").write_text(json.dumps(document))


def program(environ: dict[str, str], name: str, script: str) -> None:
    path = Path(environ["DOCKER_CONFIG"], "bin", f"docker-credential-{name}")
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def packed(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("host", "auths", "login"),
    [
        ("r.example", {"r.example": packed("me:se:cret")}, Login("me", "se:cret")),
        ("r.example", {"r.example": {"username": "me", "password": "secret"}}, Login("me", "secret")),
        ("r.example", {"r.example": {"identitytoken": "token", **packed("me:")}}, Login("", "token", identity=True)),
        ("r.example", {"https://r.example": packed("me:secret")}, Login("me", "secret")),
        ("r.example", {"https://r.example/v2/": packed("me:secret")}, Login("me", "secret")),
        ("R.example", {"r.Example": packed("me:secret")}, Login("me", "secret")),
        ("r.example:5000", {"r.example": packed("other:port"), "r.example:5000": packed("me:secret")}, Login("me", "secret")),
        ("docker.io", {"https://index.docker.io/v1/": packed("me:secret")}, Login("me", "secret")),
        ("registry-1.docker.io", {"docker.io": packed("me:secret")}, Login("me", "secret")),
        ("r.example", {"r.example": {}}, None),
        ("r.example", {"r.example": packed("me:s\u00e9cret\0\0")}, Login("me", "s\u00e9cret")),
        ("r.example", {"other.example": packed("me:secret"), "r.example.org": packed("me:secret")}, None),
    ],
)
def test_a_login_in_the_file_is_found(environ: dict[str, str], host: str, auths: dict[str, object], login: Login | None) -> None:
    write(environ, {"auths": auths})
    assert find(host, environ) == login


def test_no_file_is_no_login(environ: dict[str, str]) -> None:
    assert find("r.example", environ) is None
    assert find("r.example", {"HOME": environ["HOME"]}) is None


def test_the_file_is_in_the_home_when_nothing_says_otherwise() -> None:
    assert docker_config.config_path({"HOME": "/home/me"}) == Path("/home/me/.docker/config.json")
    assert docker_config.config_path({"HOME": "/home/me", "DOCKER_CONFIG": "/other"}) == Path("/other/config.json")


@pytest.mark.parametrize("text", ["", "{", "[]", '"auths"', "[" * 100_000])
def test_a_damaged_file_is_named(environ: dict[str, str], text: str) -> None:
    path = Path(environ["DOCKER_CONFIG"], "config.json")
    path.write_text(text)
    with pytest.raises(StoreError, match=str(path)) as caught:
        find("r.example", environ)
    assert caught.value.code == "docker-config"


@pytest.mark.parametrize("text", ["!!!", base64.b64encode(b"no colon").decode(), base64.b64encode(b"\xff:\xff").decode()])
def test_an_auth_that_is_none_is_named_and_not_shown(environ: dict[str, str], text: str) -> None:
    write(environ, {"auths": {"r.example": {"auth": text}}})
    with pytest.raises(StoreError, match=r"auth of r\.example") as caught:
        find("r.example", environ)
    assert text not in str(caught.value)


def test_a_file_of_odd_fields_has_no_login(environ: dict[str, str]) -> None:
    write(environ, {"auths": [], "credHelpers": 3, "credsStore": None})
    assert find("r.example", environ) is None
    write(environ, {"auths": {"r.example": "text"}, "credHelpers": {"r.example": 3}})
    assert find("r.example", environ) is None


def test_a_program_is_asked_with_the_host_on_its_standard_input(environ: dict[str, str], tmp_path: Path) -> None:
    program(environ, "mine", f'echo "$@" > {tmp_path}/asked; cat >> {tmp_path}/asked; echo \'{{"Username": "me", "Secret": "s"}}\'')
    write(environ, {"credsStore": "mine", "auths": {"r.example": packed("other:file")}})
    assert find("r.example", environ) == Login("me", "s")
    assert (tmp_path / "asked").read_text() == "get\nr.example"
    assert find("docker.io", environ) == Login("me", "s")
    assert (tmp_path / "asked").read_text() == "get\nhttps://index.docker.io/v1/"


def test_a_hosts_own_program_goes_before_the_common_one(environ: dict[str, str]) -> None:
    program(environ, "own", 'echo \'{"Username": "<token>", "Secret": "refresh"}\'')
    program(environ, "common", 'echo \'{"Username": "me", "Secret": "common"}\'')
    write(environ, {"credsStore": "common", "credHelpers": {"r.example": "own"}})
    assert find("r.example", environ) == Login("", "refresh", identity=True)
    assert find("other.example", environ) == Login("me", "common")


def test_a_program_that_knows_nothing_leaves_it_to_the_file(environ: dict[str, str]) -> None:
    program(environ, "none", "echo 'credentials not found in native keychain'; exit 1")
    write(environ, {"credsStore": "none", "auths": {"r.example": packed("me:file")}})
    assert find("r.example", environ) == Login("me", "file")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'the keyring is locked' >&2; exit 2", "the keyring is locked"),
        ("echo 'junk'", "no login"),
        ("echo '[]'", "no login"),
        ('echo \'{"Username": 3, "Secret": "s"}\'', "no login"),
        ("head -c 3000000 /dev/zero", "no login"),
        ("printf '\\033[2Jevil' >&2; exit 1", r"fails: \[2Jevil"),
    ],
)
def test_a_program_that_fails_is_named_with_what_it_says(environ: dict[str, str], script: str, said: str) -> None:
    program(environ, "bad", script)
    write(environ, {"credsStore": "bad"})
    with pytest.raises(Refused, match=said) as caught:
        find("r.example", environ)
    assert caught.value.code == "credential-program"
    assert "docker-credential-bad" in str(caught.value)


def test_a_program_that_is_missing_is_named(environ: dict[str, str]) -> None:
    write(environ, {"credHelpers": {"r.example": "missing"}})
    with pytest.raises(Refused, match="docker-credential-missing") as caught:
        find("r.example", environ)
    assert "PATH" in (caught.value.hint or "")


def test_a_program_that_hangs_is_given_up(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_config, "_PATIENCE", 0.1)
    program(environ, "slow", "exec sleep 60")
    write(environ, {"credsStore": "slow"})
    with pytest.raises(Refused, match="does not answer"):
        find("r.example", environ)


@pytest.mark.parametrize("name", ["../evil", "a b", "a;b", "/bin/sh"])
def test_a_program_is_a_name_and_no_path(environ: dict[str, str], name: str) -> None:
    write(environ, {"credsStore": name})
    with pytest.raises(Refused, match="can not be the name of a program"):
        find("r.example", environ)


def test_a_login_is_never_shown_with_its_secret() -> None:
    assert "hidden" not in repr(Login("me", "hidden")) + str(Login("me", "hidden"))
