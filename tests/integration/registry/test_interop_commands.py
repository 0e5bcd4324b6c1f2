"""The whole commands against real registries and real peers: `workflow publish` is pulled by others, `workflow fetch` takes what others pushed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ropeway.bundles.tree import tree_digest
from support.registries import docker_config, unique
from support.registry_peers import OrasGo, Peer, layout_blobs, peers, run

SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"


class Person:
    """Somebody at the command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            "HOME": str(folder / "home"),
            "PATH": os.environ["PATH"],
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }

    def says(self, *arguments: str) -> dict:
        """Run a command, which has to end well, and return the object that it prints."""
        argv = [str(Path(sys.executable).with_name("workflow")), *arguments, "--json"]
        done = subprocess.run(argv, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return json.loads(done.stdout.strip().rpartition("\n")[2] or "{}")


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


@pytest.fixture
def versioned(source: Path) -> Path:
    """The folder, with a version to publish."""
    file = source / "workflow.toml"
    file.write_text('version = "1.2.0"\n' + file.read_text())
    return source


@pytest.mark.parametrize("peer", peers("oras-go", "crane"))
def test_what_is_published_is_pulled_by_a_peer(registry: str, peer: Peer, person: Person, versioned: Path, tmp_path: Path) -> None:
    prefix = unique("published")
    published = person.says("publish", "--unsigned", str(versioned), "--registry", f"{registry}/{prefix}")
    reference = f"{registry}/{prefix}/workflows/build:1.2.0"
    got = tmp_path / "got"
    if peer.tool == "crane":
        peer.pull(reference, got)
        assert published["digest"] in layout_blobs(got)
        return
    got.mkdir()
    peer.pull(reference, got)
    assert tree_digest(got) == tree_digest(versioned)


@pytest.mark.needs("ropeway-oras")
def test_a_signature_made_by_publishing_is_seen_by_oras_and_taken_by_fetch(
    registry: str, person: Person, versioned: Path, tmp_path: Path
) -> None:
    prefix = unique("signed")
    person.says("keys", "generate", "me")
    published = person.says("publish", str(versioned), "--registry", f"{registry}/{prefix}")
    assert published["signer"]
    subject = f"{registry}/{prefix}/workflows/build:1.2.0"
    listed = run(["ropeway-oras", "referrers", "-artifact-type", SIGNATURE, subject], tmp_path).splitlines()
    assert [json.loads(line)["artifactType"] for line in listed] == [SIGNATURE]
    person.says("fetch", f"oci://{subject}", "--output", str(tmp_path / "got"))
    assert tree_digest(tmp_path / "got") == tree_digest(versioned)


@pytest.mark.parametrize("peer", peers("oras-go", "oras-py", "skopeo"))
def test_what_a_peer_pushed_is_fetched_and_run(registry: str, peer: Peer, person: Person, source: Path, tmp_path: Path) -> None:
    repository = unique("workflows")
    digest = peer.push(f"{registry}/{repository}:v1", source, ["workflow.toml:application/toml", *(["assets"] if peer.folders else [])])
    person.says("fetch", f"oci://{registry}/{repository}:v1", "--output", str(tmp_path / "got"))
    assert (tmp_path / "got/workflow.toml").read_bytes() == (source / "workflow.toml").read_bytes()
    person.says("run", f"oci://{registry}/{repository}@{digest}")


@pytest.mark.needs("docker-registry", "ropeway-oras")
def test_a_registry_with_a_password_takes_docker_s_login(docker_with_password, person: Person, versioned: Path, tmp_path: Path) -> None:
    host, prefix = docker_with_password.host, unique("private")
    person.environ |= docker_config(tmp_path / "docker", host)
    person.says("publish", "--unsigned", str(versioned), "--registry", f"{host}/{prefix}")
    person.says("fetch", f"oci://{host}/{prefix}/workflows/build:1.2.0", "--output", str(tmp_path / "got"))
    (tmp_path / "theirs").mkdir()
    OrasGo().pull(f"{host}/{prefix}/workflows/build:1.2.0", tmp_path / "theirs", docker_config(tmp_path / "docker", host))
    assert tree_digest(tmp_path / "got") == tree_digest(tmp_path / "theirs") == tree_digest(versioned)
