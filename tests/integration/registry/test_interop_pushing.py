"""What we push is pulled by others: the same bytes, the same digest, from each kind of registry; and the signatures beside it are seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ropeway.bundles.blobs import Bundle
from ropeway.bundles.manifest import Manifest, digest_of, parse_manifest
from ropeway.bundles.pack import pack
from ropeway.bundles.tree import tree_digest
from ropeway.bundles.unpack import unpack
from ropeway.registry.auth import Credentials
from ropeway.registry.http.transport import Net
from ropeway.registry.oci.client import Client
from ropeway.testing.registries import FakeRegistry
from support.registries import FAR, LOGIN, docker_config, proxy, unique
from support.registry_peers import Layouts, OrasGo, Peer, layout_blobs, peers, run

SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MANY = 30


def publish(client: Client, repository: str, tag: str, bundle: Bundle) -> Manifest:
    client.push(repository, bundle.blobs.values())
    assert client.push_manifest(repository, tag, bundle.manifest) == bundle.manifest.digest
    return bundle.manifest


@pytest.fixture
def bundle(source: Path, tmp_path: Path) -> Bundle:
    (tmp_path / "spool").mkdir()
    return pack(source, spool=tmp_path / "spool")


@pytest.mark.parametrize("peer", peers())
def test_what_we_pushed_is_pulled_whole_by_a_peer(registry: str, peer: Peer, source: Path, bundle: Bundle, tmp_path: Path) -> None:
    repository = unique("workflows")
    with Client(registry) as client:
        publish(client, repository, "1.0.0", bundle)
    got = tmp_path / "got"
    if not isinstance(peer, Layouts):
        got.mkdir()
    peer.pull(f"{registry}/{repository}:1.0.0", got)
    if isinstance(peer, Layouts):
        held = layout_blobs(got)
        assert held[bundle.manifest.digest] == bundle.manifest.raw
        assert held.keys() == {bundle.manifest.digest, *bundle.blobs}
        unpack(parse_manifest(held[bundle.manifest.digest]), lambda layer: bundle.blobs[layer.digest].open(), tmp_path / "unpacked")
        got = tmp_path / "unpacked"
    assert tree_digest(got) == tree_digest(source)


@pytest.mark.needs("crane")
def test_crane_sees_the_digest_and_the_tags_that_we_pushed(registry: str, bundle: Bundle, tmp_path: Path) -> None:
    repository = unique("workflows")
    with Client(registry) as client:
        publish(client, repository, "1.0.0", bundle)
        publish(client, repository, "1.0.1_build.5", bundle)
        assert sorted(client.tags(repository)) == ["1.0.0", "1.0.1_build.5"]
    assert run(["crane", "digest", f"{registry}/{repository}:1.0.0"], tmp_path) == bundle.manifest.digest
    assert run(["crane", "manifest", f"{registry}/{repository}:1.0.0"], tmp_path).encode() == bundle.manifest.raw
    assert sorted(run(["crane", "ls", f"{registry}/{repository}"], tmp_path).split()) == ["1.0.0", "1.0.1_build.5"]


def referrers(reference: str, folder: Path, artifact_type: str = "") -> list[dict]:
    typed = ["-artifact-type", artifact_type] if artifact_type else []
    return [json.loads(line) for line in run(["ropeway-oras", "referrers", *typed, reference], folder).splitlines()]


@pytest.mark.needs("ropeway-oras")
def test_signatures_that_we_attach_are_seen_by_oras_and_keep_those_of_others(registry: str, bundle: Bundle, tmp_path: Path) -> None:
    repository = unique("workflows")
    (tmp_path / "note.txt").write_text("a note")
    with Client(registry) as client:
        manifest = publish(client, repository, "1.0.0", bundle)
        ours = client.attach(repository, manifest.descriptor(), SIGNATURE, b'{"by":"us"}', {"org.example.by": "us"})
        subject = f"{registry}/{repository}:1.0.0"
        theirs = run(
            ["ropeway-oras", "push", "-artifact-type", SIGNATURE, "-subject", subject, f"{registry}/{repository}", "note.txt"], tmp_path
        )
        second = client.attach(repository, manifest.descriptor(), SIGNATURE, b'{"by":"us too"}', {})
        other = client.attach(repository, manifest.descriptor(), "application/x.other", b"something else", {})
        everything = {ours.digest, theirs, second.digest}
        assert {found["digest"] for found in referrers(subject, tmp_path, SIGNATURE)} == everything
        assert {found.digest for found in client.referrers(repository, manifest.digest, SIGNATURE)} == everything
        assert {found["digest"] for found in referrers(subject, tmp_path)} == {*everything, other.digest}
        seen = next(found for found in referrers(subject, tmp_path, SIGNATURE) if found["digest"] == ours.digest)
        assert (seen["artifactType"], seen["annotations"], seen["size"]) == (SIGNATURE, {"org.example.by": "us"}, ours.size)
        raw, _, _ = client.manifest(repository, ours.digest)
        read = parse_manifest(raw)
        assert client.blob(repository, read.layers[0]) == b'{"by":"us"}'
        assert read.subject is not None
        assert read.subject.digest == manifest.digest


def test_a_copy_to_another_registry_is_the_same(docker, fake: FakeRegistry, bundle: Bundle, tmp_path: Path) -> None:
    repository, other = unique("workflows"), unique("workflows")
    with Client(docker.host) as one, Client(fake.host) as two:
        publish(one, repository, "1.0.0", bundle)
        assert one.copy(repository, "1.0.0", two, other, "1.0.0") == bundle.manifest.digest
        assert two.manifest(other, "1.0.0")[0] == bundle.manifest.raw
        assert fake.content.repository(other).blobs.keys() == bundle.blobs.keys()


def test_a_second_push_sends_no_blob_and_another_repository_takes_them_over(fake: FakeRegistry, bundle: Bundle) -> None:
    repository, other = unique("workflows"), unique("workflows")
    with Client(fake.host) as client:
        publish(client, repository, "1.0.0", bundle)
        before = len(fake.seen)
        publish(client, repository, "1.0.1", bundle)
        client.push(other, bundle.blobs.values(), mount_from=repository)
        sent = sum(seen.size for seen in fake.seen[before:] if "/blobs/" in seen.target)
    assert sent == 0
    assert fake.content.repository(other).blobs.keys() == bundle.blobs.keys()


@pytest.mark.needs("docker-registry", "nginx", "ropeway-oras")
def test_a_push_through_tls_with_a_password_is_pulled_by_oras(docker_with_password, authority, source, bundle, tmp_path) -> None:
    from support.registries import tls_front

    repository = unique("workflows")
    certificate = authority.certificate("localhost", FAR)
    with tls_front(tmp_path / "nginx", docker_with_password, certificate) as front, proxy(front.host) as (address, _):
        environ = {"HOME": str(tmp_path), "HTTPS_PROXY": address, **docker_config(tmp_path / "docker", FAR)}
        with Client(FAR, Net(ca=front.ca), Credentials(environ), shared_tokens=False) as client:
            publish(client, repository, "1.0.0", bundle)
    got = tmp_path / "got"
    got.mkdir()
    OrasGo().pull(f"{docker_with_password.host}/{repository}:1.0.0", got, docker_config(tmp_path / "docker", docker_with_password.host))
    assert tree_digest(got) == tree_digest(source)


def test_a_token_to_push_is_asked_for_once(bundle: Bundle, tmp_path: Path) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer") as registry:
        environ = {**docker_config(tmp_path / "docker", registry.host), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        with Client(registry.host, credentials=Credentials(environ)) as client:
            publish(client, "workflows/acme/build", "1.0.0", bundle)
        assert {asked.scopes for asked in registry.door.asked} == {("repository:workflows/acme/build:pull,push",)}
        assert len(registry.door.asked) == 1


@pytest.mark.needs("ropeway-oras")
def test_many_small_files_are_each_pulled_as_they_were(registry: str, tmp_path: Path) -> None:
    repository = unique("workflows")
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"file-{number}.txt").write_text(f"{number}\n" * number)
    (folder / "workflow.toml").write_text('id = "many"\n\n[steps.hello]\nrun = "echo"\n')
    (tmp_path / "spool").mkdir()
    bundle = pack(folder, spool=tmp_path / "spool")
    assert len(bundle.manifest.layers) == MANY + 1
    with Client(registry) as client:
        publish(client, repository, "1", bundle)
    got = tmp_path / "got"
    got.mkdir()
    OrasGo().pull(f"{registry}/{repository}:1", got)
    assert tree_digest(got) == tree_digest(folder)
    assert digest_of((got / "file-7.txt").read_bytes()) == digest_of((folder / "file-7.txt").read_bytes())
