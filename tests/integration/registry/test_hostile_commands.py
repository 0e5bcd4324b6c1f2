"""The attacks that have a name, carried out against the whole command: exit status 4, the error's own code, nothing run, nothing printed of Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ropeway.bundles.manifest import Manifest, canonical_json
from ropeway.bundles.sign import SIGNATURE_TYPE, Claim, sign
from ropeway.registry.oci.client import Client
from ropeway.testing.registries import FakeRegistry
from ropeway.testing.signers import FakeSigner

REPOSITORY = "workflows/acme/build"
TEXT = 'id = "acme/build"\nversion = "{0}"\n\n[steps.one]\nrun = "echo ran {0} >> ran.txt"\n'


class Person:
    """Somebody at the command line."""

    def __init__(self, folder: Path, registry: FakeRegistry) -> None:
        self.folder = folder
        self.registry = registry
        self.project = folder / "project"
        self.project.mkdir()
        (self.project / "workflow.toml").write_text('id = "mine"\n\n[steps.one]\nrun = "true"\n')
        self.environ = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }

    def reference(self, what: str = ":1.0.0") -> str:
        return f"oci://{self.registry.host}/{REPOSITORY}{what}"

    def says(self, *arguments: str) -> tuple[int, str | None]:
        """Run a command and return its exit status, and the code of its error."""
        argv = [str(Path(sys.executable).with_name("workflow")), *arguments, "--json"]
        done = subprocess.run(argv, cwd=self.project, env=self.environ, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        last = json.loads(done.stdout.strip().rpartition("\n")[2] or "{}")
        return done.returncode, last.get("error", {}).get("code")

    def ran(self) -> str:
        """Return which versions ran."""
        file = self.project / "ran.txt"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as made:
        yield made


@pytest.fixture
def person(tmp_path: Path, registry: FakeRegistry) -> Person:
    return Person(tmp_path, registry)


def publish(registry: FakeRegistry, version: str, text: str = TEXT, tag: str | None = None) -> Manifest:
    return registry.push(REPOSITORY, {"workflow.toml": text.format(version).encode()}, tag=tag or version)


def vouch(registry: FakeRegistry, manifest: Manifest, version: str, signer: FakeSigner, *, spoilt: bool = False) -> None:
    """Attach a publisher's signature, or one in which a byte is another."""
    claim = Claim(registry.host, "acme/build", version, "workflow", None, "sha256:" + "0" * 64, manifest.digest, len(manifest.raw))
    with Client(registry.host) as client:
        signed = json.loads(sign(claim, signer))
        if spoilt:
            mark = signed["dsseEnvelope"]["signatures"][0]
            mark["sig"] = ("B" if mark["sig"][0] == "A" else "A") + mark["sig"][1:]
        client.attach(REPOSITORY, manifest.descriptor(), SIGNATURE_TYPE, canonical_json(signed))


def test_a_tag_that_moved_is_refused(registry, person) -> None:
    publish(registry, "1.0.0")
    assert person.says("run", person.reference()) == (0, None)
    publish(registry, "6.6.6", tag="1.0.0")
    assert person.says("run", person.reference()) == (4, "tag-moved")
    assert person.ran() == "ran 1.0.0\n"


def test_altered_files_and_manifests_are_refused(registry, person) -> None:
    manifest = publish(registry, "1.0.0")
    layer = manifest.layers[0].digest
    right = registry.content.repository(REPOSITORY).blobs[layer]
    registry.alter(REPOSITORY, layer, TEXT.format("9.9.9").encode())
    assert person.says("run", person.reference()) == (4, "blob-altered")
    registry.alter(REPOSITORY, layer, right)
    registry.alter(REPOSITORY, manifest.digest, manifest.raw + b"\n")
    assert person.says("run", person.reference()) == (4, "manifest-altered")
    assert person.ran() == ""


def test_signatures_that_are_stripped_spoilt_or_somebody_else_s_are_refused(registry, person) -> None:
    ada, eve = FakeSigner("ada"), FakeSigner("eve")
    first = publish(registry, "1.0.0")
    vouch(registry, first, "1.0.0", ada)
    assert person.says("run", person.reference()) == (0, None)
    registry.strip(REPOSITORY)
    assert person.says("run", person.reference()) == (4, "signature-stripped")
    vouch(registry, first, "1.0.0", eve)
    assert person.says("run", person.reference()) == (4, "signer-refused")
    registry.strip(REPOSITORY)
    vouch(registry, first, "1.0.0", ada, spoilt=True)
    assert person.says("run", person.reference()) == (4, "signature-invalid")
    assert person.ran() == "ran 1.0.0\n"


def test_a_signature_of_another_version_is_refused(registry, person) -> None:
    manifest = publish(registry, "1.0.0")
    vouch(registry, manifest, "1.0.1", FakeSigner("ada"))
    assert person.says("run", person.reference()) == (4, "signature-invalid")
    assert person.ran() == ""


def test_what_is_locked_stays_and_what_is_not_is_refused(registry, person) -> None:
    publish(registry, "1.0.0")
    assert person.says("run", "--locked", person.reference()) == (4, "not-locked")
    assert person.says("lock", person.reference()) == (0, None)
    publish(registry, "6.6.6", tag="1.0.0")
    assert person.says("run", "--locked", person.reference()) == (0, None)
    registry.close()
    assert person.says("run", "--locked", person.reference()) == (0, None)
    assert person.says("run", "--offline", person.reference()) == (0, None)
    assert person.ran() == "ran 1.0.0\n" * 3


@pytest.mark.parametrize(
    ("trick", "status", "code"),
    [
        ({"status": 401, "headers": {"WWW-Authenticate": 'Basic realm="x"'}}, 4, "unauthorized"),
        ({"status": 403}, 4, "forbidden"),
        ({"status": 404}, 3, "repository-not-found"),
        ({"status": 429, "headers": {"Retry-After": "9999"}}, 3, "rate-limited"),
        ({"status": 302, "headers": {"Location": "http://192.0.2.1/"}}, 4, "redirect-refused"),
        ({"endless": True}, 3, "registry-error"),
        ({"body": b"<html>log in</html>", "headers": {"Docker-Content-Digest": None}}, 2, "invalid-manifest"),
    ],
    ids=["401", "403", "404", "429", "redirected", "endless", "a page"],
)
def test_a_registry_that_does_not_do_it_says_why_by_its_exit_status(registry, person, trick, status, code) -> None:
    publish(registry, "1.0.0")
    registry.trick("GET /v2/.*/(manifests|tags)/", **trick)
    assert person.says("run", person.reference()) == (status, code)
