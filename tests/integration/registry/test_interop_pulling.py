"""What others push is pulled by us: the same bytes, the same digest, from each kind of registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.bundles.kinds import kind_of
from ropeway.bundles.manifest import parse_manifest
from ropeway.bundles.tree import tree_digest
from ropeway.bundles.unpack import unpack
from ropeway.errors import Unreachable
from ropeway.registry.auth import Credentials
from ropeway.registry.http.transport import Net
from ropeway.registry.oci.client import Client
from ropeway.testing.registries import FakeRegistry
from support.registries import FAR, LOGIN, docker_config, proxy, tls_front, unique
from support.registry_peers import OrasGo, Peer, peers


def fetch(host: str, repository: str, tag: str, folder: Path, net: Net = Net(), credentials: Credentials | None = None) -> str:  # noqa: B008 — frozen
    """Pull an artifact by our own client, unpack it into a folder, and return its digest."""
    blobs = folder.parent / f"{folder.name}-blobs"
    blobs.mkdir()
    with Client(host, net, credentials, shared_tokens=False) as client:
        raw, media_type, digest = client.manifest(repository, tag)
        manifest = parse_manifest(raw, media_type)
        client.pull(repository, manifest.layers, lambda layer: blobs / layer.digest.replace(":", "-"))
    unpack(manifest, lambda layer: (blobs / layer.digest.replace(":", "-")).open("rb"), folder, kind=kind_of(manifest, repository))
    return digest


@pytest.mark.parametrize("peer", peers())
def test_what_a_peer_pushed_is_pulled_whole(registry: str, peer: Peer, source: Path, tmp_path: Path) -> None:
    host, repository = registry, unique("workflows")
    files = ["workflow.toml:application/toml", "README.md:text/markdown"]
    if peer.folders:
        files.append("assets")
    digest = peer.push(f"{host}/{repository}:1.0.0", source, files)
    assert fetch(host, repository, "1.0.0", tmp_path / "got") == digest
    if peer.folders:
        assert tree_digest(tmp_path / "got") == tree_digest(source)
    else:
        assert (tmp_path / "got/workflow.toml").read_text() == (source / "workflow.toml").read_text()
        assert (tmp_path / "got/README.md").read_text() == "# Build\n"


@pytest.mark.parametrize("peer", peers("oras-go"))
def test_a_workflow_titled_with_its_folder_and_without_a_type_is_known(registry: str, peer: Peer, tmp_path: Path) -> None:
    host, name = registry, unique("scratch").replace("/", "-")
    (tmp_path / "source/workflows").mkdir(parents=True)
    (tmp_path / "source/workflows/test.yaml").write_text("name: test\nsteps:\n  one:\n    run: echo\n")
    digest = peer.push(f"{host}/workflows/{name}:v1", tmp_path / "source", ["workflows/test.yaml:application/yaml"])
    with Client(host) as client:
        raw, media_type, found = client.manifest(f"workflows/{name}", "v1")
    manifest = parse_manifest(raw, media_type)
    assert (found, kind_of(manifest, f"workflows/{name}"), kind_of(manifest, "any/where")) == (digest, "workflow", "workflow")
    assert (manifest.artifact_type, manifest.layers[0].title) == ("application/vnd.unknown.artifact.v1", "workflows/test.yaml")
    fetch(host, f"workflows/{name}", "v1", tmp_path / "got")
    assert (tmp_path / "got/workflows/test.yaml").read_text().startswith("name: test")


@pytest.mark.parametrize("peer", peers("oras-go"))
def test_an_agent_card_that_claims_to_be_a_tar_archive_is_a_file(fake: FakeRegistry, peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    card = '{"name":"plan","url":"http://localhost:8001","version":"1","skills":[]}'
    (tmp_path / "source/plan_agent_card.json").write_text(card)
    peer.push(f"{fake.host}/agents/plan:v1", tmp_path / "source", ["plan_agent_card.json"])
    with Client(fake.host) as client:
        raw, media_type, _ = client.manifest("agents/plan", "v1")
    manifest = parse_manifest(raw, media_type)
    assert manifest.layers[0].media_type == "application/vnd.oci.image.layer.v1.tar"
    assert kind_of(manifest, "agents/plan") == kind_of(manifest, "else/where") == "agent"
    fetch(fake.host, "agents/plan", "v1", tmp_path / "got")
    assert (tmp_path / "got/plan_agent_card.json").read_text() == card


@pytest.mark.needs("docker-registry", "ropeway-oras")
def test_a_registry_with_a_password_is_pulled_from_with_docker_s_login(docker_with_password, source: Path, tmp_path: Path) -> None:
    host, repository = docker_with_password.host, unique("workflows")
    environ = docker_config(tmp_path / "docker", host)
    digest = OrasGo().push(f"{host}/{repository}:1", source, ["workflow.toml"], environ)
    assert fetch(host, repository, "1", tmp_path / "got", credentials=Credentials(environ)) == digest


@pytest.mark.needs("docker-registry", "nginx", "ropeway-oras")
def test_a_registry_far_away_is_pulled_from_by_tls_through_a_proxy(docker, docker_by_tls, source: Path, tmp_path: Path) -> None:
    repository = unique("workflows")
    digest = OrasGo().push(f"{docker.host}/{repository}:1", source, ["workflow.toml", "assets"])
    with proxy(docker_by_tls.host) as (address, asked):
        environ = {"HOME": str(tmp_path), "HTTPS_PROXY": address}
        assert fetch(FAR, repository, "1", tmp_path / "got", Net(ca=docker_by_tls.ca), Credentials(environ)) == digest
        assert set(asked) == {f"CONNECT {FAR}:443 HTTP/1.1"}
        with Client(FAR, Net(), Credentials(environ)) as client, pytest.raises(Unreachable) as caught:
            client.ping()
        assert caught.value.code == "tls-failed"


@pytest.mark.needs("docker-registry", "nginx")
def test_a_pinned_key_or_certificate_is_the_only_one_that_is_spoken_to(docker, authority, tmp_path: Path) -> None:
    certificate = authority.certificate("localhost", FAR)
    with tls_front(tmp_path / "nginx", docker, certificate) as front, proxy(front.host) as (address, _):
        environ = Credentials({"HOME": str(tmp_path), "HTTPS_PROXY": address})
        for pins in ((certificate.pin,), (certificate.fingerprint,), ("sha256:" + "0" * 64, certificate.pin)):
            with Client(FAR, Net(ca=certificate.ca, pins=pins), environ) as client:
                client.ping()
        with Client(FAR, Net(ca=certificate.ca, pins=("sha256:" + "0" * 64,)), environ) as client, pytest.raises(Unreachable) as caught:
            client.ping()
        assert caught.value.code == "tls-pin"


@pytest.mark.parametrize("peer", peers("oras-go", "crane"))
def test_the_fake_s_tokens_are_taken_for_real_ones(peer: Peer, source: Path, tmp_path: Path) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer") as registry:
        environ = docker_config(tmp_path / "docker", registry.host)
        digest = peer.push(f"{registry.host}/workflows/acme/build:1", source, ["workflow.toml"], environ)
        environ |= {"XDG_CACHE_HOME": str(tmp_path / "cache")}
        assert fetch(registry.host, "workflows/acme/build", "1", tmp_path / "got", credentials=Credentials(environ)) == digest
        assert {asked.name for asked in registry.door.asked if asked.granted} == {"ada"}
