"""Logins: kept when the registry takes them, used from wherever they are stored, and tokens that many processes share."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ropeway.app.oci import DEBIANS_WAY
from ropeway.bundles.blobs import Blob
from ropeway.bundles.manifest import EMPTY
from ropeway.errors import NotFound, Refused, Unreachable, UsageError
from ropeway.registry.auth import Credentials, Login, login, logout
from ropeway.registry.http.transport import Net
from ropeway.registry.oci.client import Client
from ropeway.testing.registries import FakeRegistry
from support.registries import LOGIN, Running, docker_config, free_port, unique

NET = Net(timeout=5.0, retries=0)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}


@pytest.fixture(params=["basic", "bearer"])
def registry(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    with FakeRegistry(login=LOGIN, flow=request.param) as made:
        made.push("a/b", {"file": b"content"}, tag="v1")
        yield made


def tags(host: str, environ: dict[str, str]) -> list[str]:
    with Client(host, NET, Credentials(environ)) as client:
        return client.tags("a/b")


def test_a_login_is_tried_out_kept_used_and_forgotten(registry: FakeRegistry, environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        tags(registry.host, environ)
    assert (caught.value.code, caught.value.hint) == ("unauthorized", f"workflow registry login {registry.host}")
    assert login(registry.host, *LOGIN, NET, environ) == "file"
    assert tags(registry.host, environ) == ["v1"]
    kept = tmp_path / ".config/ropeway/tokens.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert Credentials(environ).for_host(registry.host) == Login(*LOGIN)
    logout(registry.host, environ)
    assert LOGIN[1] not in kept.read_text()
    with pytest.raises(Refused):
        tags(registry.host, environ)
    with pytest.raises(NotFound, match="nobody is logged in"):
        logout(registry.host, environ)


def test_a_wrong_password_is_not_kept(registry: FakeRegistry, environ: dict[str, str]) -> None:
    with pytest.raises(Refused) as caught:
        login(registry.host, LOGIN[0], "wrong", NET, environ)
    assert caught.value.code == "unauthorized"
    assert caught.value.message == f"{registry.host} did not accept this user name and password, and nothing was kept"
    assert "registry login" not in (caught.value.hint or "")
    with pytest.raises(Refused, match="did not accept this token"):
        login(registry.host, "", "wrong", NET, environ)
    assert Credentials(environ).for_host(registry.host) is None


@pytest.mark.parametrize(("name", "secret"), [("a:b", "c"), ("me", ""), ("me", "a\nb"), ("m\re", "x")])
def test_what_can_be_no_login_is_refused(environ: dict[str, str], name: str, secret: str) -> None:
    with pytest.raises(UsageError):
        login("localhost:1", name, secret, NET, environ)


def test_a_registry_that_is_not_there_keeps_no_login(environ: dict[str, str]) -> None:
    with pytest.raises(Unreachable):
        login("localhost:1", *LOGIN, NET, environ)
    assert not Path(environ["HOME"], ".config").exists()


def test_the_persons_own_login_goes_before_dockers(registry: FakeRegistry, environ: dict[str, str], tmp_path: Path) -> None:
    environ |= docker_config(tmp_path / "docker", registry.host, ("ada", "old"))
    with pytest.raises(Refused, match=r"does not accept|wants to know"):
        tags(registry.host, environ)
    login(registry.host, *LOGIN, NET, environ)
    assert tags(registry.host, environ) == ["v1"]
    logout(registry.host, environ)
    with pytest.raises(NotFound, match="nobody is logged in") as caught:
        logout(registry.host, environ)
    assert caught.value.hint == f"docker has one: docker logout {registry.host}"


def test_dockers_login_is_used(registry: FakeRegistry, environ: dict[str, str], tmp_path: Path) -> None:
    assert tags(registry.host, environ | docker_config(tmp_path / "docker", registry.host)) == ["v1"]


def test_a_credential_program_is_asked(registry: FakeRegistry, environ: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "docker-credential-test"
    program.write_text(f'#!/bin/sh\ncat > {tmp_path}/asked\necho \'{{"Username": "{LOGIN[0]}", "Secret": "{LOGIN[1]}"}}\'\n')
    program.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {registry.host: "test"}}))
    environ |= {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:{environ['PATH']}"}
    assert tags(registry.host, environ) == ["v1"]
    assert (tmp_path / "asked").read_text() == registry.host


@pytest.mark.needs("docker-registry")
def test_a_registry_with_a_password_takes_pushes_from_who_knows_it(docker_with_password: Running, environ: dict[str, str]) -> None:
    from ropeway.bundles.blobs import blob_of
    from ropeway.bundles.manifest import EMPTY, make_manifest

    repository = unique()
    held = [blob_of(b"{}", EMPTY.media_type), *(blob_of(os.urandom(1000), "a/b") for _ in range(20))]
    with Client(docker_with_password.host, NET) as client, pytest.raises(Refused) as caught:
        client.push(repository, held)
    assert caught.value.code == "unauthorized"
    login(docker_with_password.host, *LOGIN, NET, environ)
    with Client(docker_with_password.host, NET, Credentials(environ)) as client:
        client.push(repository, held)
        client.push_manifest(repository, "v1", make_manifest(EMPTY, tuple(blob.descriptor for blob in held[1:])))
        assert client.tags(repository) == ["v1"]


def test_an_identity_token_is_changed_for_a_token(environ: dict[str, str], tmp_path: Path) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer") as registry:
        registry.push("a/b", {"file": b"content"}, tag="v1")
        entry = {"auth": base64.b64encode(b"ada:").decode(), "identitytoken": registry.door.refresh_token}
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.host: entry}}))
        assert tags(registry.host, environ | {"DOCKER_CONFIG": str(tmp_path)}) == ["v1"]
        assert [(asked.method, asked.grant, asked.scopes) for asked in registry.door.asked] == [
            ("POST", "refresh_token", ("repository:a/b:pull",))
        ]


def test_many_processes_get_a_token_once(environ: dict[str, str], tmp_path: Path) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer") as registry:
        registry.push("a/b", {"file": b"content"}, tag="v1")
        registry.trick(on="/token", delay=0.3)
        code = (
            "import os, sys; from ropeway.registry.auth import Credentials; from ropeway.registry.oci.client import Client\n"
            "with Client(sys.argv[1], credentials=Credentials()) as client: print(client.tags('a/b'))"
        )
        environ |= docker_config(tmp_path / "docker", registry.host)
        command = [sys.executable, "-c", code, registry.host]
        processes = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(6)]
        assert [process.communicate()[0] for process in processes] == ["['v1']\n"] * 6
        assert len(registry.door.asked) == 1
        folder = tmp_path / ".cache/ropeway/registry-tokens"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_token_in_the_cache_that_was_taken_back_costs_one_more(environ: dict[str, str], tmp_path: Path) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer") as registry:
        registry.push("a/b", {"file": b"content"}, tag="v1")
        environ |= docker_config(tmp_path / "docker", registry.host)
        assert tags(registry.host, environ) == ["v1"]
        registry.door.forget()
        assert tags(registry.host, environ) == ["v1"]
        assert len(registry.door.asked) == 2


def test_a_smaller_grant_is_the_registrys_to_judge(environ: dict[str, str]) -> None:
    """Who may only pull asks for pull and push, gets pull, and is told so by the registry and not by the token."""
    with FakeRegistry(login=LOGIN, flow="bearer", anonymous=True) as registry, Client(registry.host, NET, Credentials(environ)) as client:
        from ropeway.bundles.blobs import blob_of

        with pytest.raises(Refused) as caught:
            client.push("a/b", [blob_of(b"x", "a/b")])
        assert caught.value.code == "unauthorized"
        assert all(asked.granted for asked in registry.door.asked)


def test_a_realm_with_a_query_keeps_it(environ: dict[str, str]) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer", anonymous=True) as registry, Client(registry.host, NET, Credentials(environ)) as client:
        registry.push("a/b", {"file": b"content"}, tag="v1")
        registry.door.realm = f"{registry.url}/token?tenant=one"
        assert client.tags("a/b") == ["v1"]
        assert [seen.target.partition("?")[2] for seen in registry.seen if seen.target.startswith("/token")] == [
            "tenant=one&service=fake+registry&scope=repository%3Aa%2Fb%3Apull"
        ]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"token": ""}', b'{"token": 3}', b'{"token": "a\\r\\nX: y"}', b'{"token": "a b"}', b"[" * 60_000]
)
def test_a_token_that_is_none_is_said(environ: dict[str, str], body: bytes) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer", anonymous=True) as registry, Client(registry.host, NET, Credentials(environ)) as client:
        registry.trick(on="/token", body=body)
        with pytest.raises(Unreachable, match="sent no token") as caught:
            client.tags("a/b")
        assert caught.value.code == "registry-error"


def test_a_login_does_not_go_to_a_service_of_somebody_else(environ: dict[str, str], tmp_path: Path) -> None:
    """Until the person says that it belongs to the registry, by logging in there as well."""
    with FakeRegistry(login=LOGIN, flow="bearer") as registry:
        registry.door.realm = "https://tokens.example/token"
        environ |= docker_config(tmp_path / "docker", registry.host)
        with pytest.raises(Refused, match=r"the login for .* was not sent there") as caught:
            tags(registry.host, environ)
        assert caught.value.code == "realm-refused"
        assert caught.value.hint == "when it belongs to the registry, say so: workflow registry login tokens.example"


DEBIANS = """\
version: 0.1
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/docker-registry
http:
  addr: :5000
auth:
  htpasswd:
    realm: basic-realm
    path: /etc/docker/registry
"""
"""What the package docker-registry brings, shortened."""


@pytest.mark.needs("docker-registry")
def test_the_way_to_start_debians_registry_that_is_told_starts_one_that_asks_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(DEBIANS)
    host = f"127.0.0.1:{free_port()}"
    told = DEBIANS_WAY.replace("/etc/docker/registry/config.yml", str(tmp_path / "config.yml")).replace("127.0.0.1:5000", host)
    assert host in told
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    with (tmp_path / "said").open("wb") as said:
        started = subprocess.Popen(["sh", "-c", re.sub("(?=docker-registry serve)", "exec ", told)], env=environ, stdout=said, stderr=said)
        try:
            with Client(host, Net(timeout=5.0, retries=12, backoff=0.02)) as client:
                while started.poll() is None and "listening on" not in (tmp_path / "said").read_text():
                    time.sleep(0.02)
                client.ping()
                client.push("a/b", [Blob(EMPTY, data=b"{}")])
        finally:
            started.terminate()
            started.wait()
    assert (tmp_path / "registry/docker").is_dir()


def test_the_page_tells_the_same_way() -> None:
    page = Path(__file__, "../../../../docs/how-to/pallet-registry.md").resolve().read_text("utf-8")
    assert f"\n{DEBIANS_WAY}\n" in page
    assert "`docker-registry serve" not in page
