"""Checking a bundle on disk: the signatures beside it, and metadata that says other things than the definition."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ropeway.app import packages
from ropeway.app.keys import open_keys
from ropeway.bundles.blobs import blob_of
from ropeway.bundles.layout import write_layout
from ropeway.bundles.manifest import make_manifest
from ropeway.bundles.pack import pack
from ropeway.bundles.problems import ExpiredKey, RevokedKey, SignatureInvalid
from ropeway.bundles.sign import Claim, sign
from ropeway.records import replace
from ropeway.testing.signers import FakeSigner


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source/workflow.toml").write_text('id = "acme/a"\nversion = "1.0.0"\n[steps.a]\nrun = "true"\n')
    (tmp_path / "spool").mkdir()
    return pack(tmp_path / "source", spool=tmp_path / "spool")


@pytest.fixture
def environ(tmp_path):
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


def claim(bundle, **changes) -> Claim:
    manifest = bundle.manifest
    found = Claim(
        "localhost:5000", "acme/a", "1.0.0", "workflow", None, bundle.metadata.capabilities.digest(), manifest.digest, len(manifest.raw)
    )
    return replace(found, **changes)


def test_signatures_beside_a_bundle_are_checked_and_named(bundle, environ, tmp_path) -> None:
    known, stranger = FakeSigner("known"), FakeSigner("stranger")
    open_keys(environ).trust(known.public.line(), "ada")
    write_layout(bundle, tmp_path / "b", signatures=[sign(claim(bundle), known), sign(claim(bundle), stranger)])
    found = packages.verify(tmp_path / "b", environ=environ)
    assert found.signatures == 2
    first, second = found.signers
    assert first.startswith("signed as acme/a 1.0.0 by ")
    assert first.endswith("(ada)")
    assert second.endswith(", which is not known here")


def test_a_signature_of_something_else_is_refused(bundle, environ, tmp_path) -> None:
    for wrong in ({"digest": f"sha256:{'0' * 64}"}, {"size": 1}, {"kind": "agent"}):
        write_layout(bundle, tmp_path / "b", signatures=[sign(claim(bundle, **wrong), FakeSigner())])
        with pytest.raises(SignatureInvalid):
            packages.verify(tmp_path / "b", environ=environ)


def test_a_revoked_or_expired_key_is_refused(bundle, environ, tmp_path) -> None:
    signer = FakeSigner()
    keys = open_keys(environ)
    keys.trust(signer.public.line(), "ada")
    write_layout(bundle, tmp_path / "b", signatures=[sign(claim(bundle), signer)])
    keys.revoke("ada", "lost")
    with pytest.raises(RevokedKey, match="which was revoked: lost"):
        packages.verify(tmp_path / "b", environ=environ)
    late = FakeSigner("late", expires=datetime(2020, 1, 1, tzinfo=UTC))
    keys.trust(late.public.line(), "bob")
    write_layout(bundle, tmp_path / "b", signatures=[sign(claim(bundle), late)])
    with pytest.raises(ExpiredKey, match="which expired on 2020-01-01"):
        packages.verify(tmp_path / "b", environ=environ)


def test_metadata_that_hides_what_the_definition_may_touch_is_told(bundle, environ, tmp_path) -> None:
    lying = replace(bundle.metadata, version="9.0.0", capabilities=replace(bundle.metadata.capabilities, shells=()))
    config = blob_of(lying.as_bytes(), bundle.manifest.config.media_type)
    manifest = make_manifest(config.descriptor, bundle.manifest.layers, artifact_type=bundle.manifest.artifact_type)
    blobs = {**bundle.blobs, config.descriptor.digest: config}
    write_layout(replace(bundle, manifest=manifest, blobs=blobs, metadata=lying), tmp_path / "b")
    notes = packages.verify(tmp_path / "b", environ=environ).notes
    assert notes[0] == "its metadata does not say all that it does: + runs bash scripts with your rights"
    assert notes[-1] == "its metadata says acme/a 9.0.0, and its definition acme/a 1.0.0"


def told(bundle, environ, tmp_path, **changes):
    """Return the notes about a bundle whose metadata was changed."""
    lying = replace(bundle.metadata, **changes)
    config = blob_of(lying.as_bytes(), bundle.manifest.config.media_type)
    manifest = make_manifest(config.descriptor, bundle.manifest.layers, artifact_type=bundle.manifest.artifact_type)
    blobs = {**bundle.blobs, config.descriptor.digest: config}
    write_layout(replace(bundle, manifest=manifest, blobs=blobs, metadata=lying), tmp_path / "b")
    return packages.verify(tmp_path / "b", environ=environ).notes


def test_metadata_that_hides_what_another_file_may_touch_is_told(environ, tmp_path) -> None:
    source = tmp_path / "source"
    (source / "lib").mkdir(parents=True)
    (source / "workflow.toml").write_text('id = "acme/a"\nversion = "1.0.0"\n[steps.a]\nuses = "workflow:./lib/x.toml"\n')
    (source / "lib/x.toml").write_text('id = "x"\n[policy.sandbox]\nsecrets = ["S"]\n[steps.a]\nrun = "true"\n')
    bundle = pack(source, spool=tmp_path)
    assert told(bundle, environ, tmp_path) == ()
    capabilities = replace(bundle.metadata.capabilities, secrets=())
    assert told(bundle, environ, tmp_path, capabilities=capabilities) == (
        "its metadata does not say all that it does: + reads the secret S",
    )


def test_metadata_that_names_another_file_as_the_definition_is_told(environ, tmp_path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/workflow.toml").write_text('id = "acme/a"\n[steps.a]\nrun = "true"\n')
    (tmp_path / "source/other.toml").write_text('id = "acme/a"\n[steps.a]\nrun = "true"\n')
    bundle = pack(tmp_path / "source", spool=tmp_path)
    assert told(bundle, environ, tmp_path, definition="other.toml") == (
        "its metadata says that its definition is other.toml, and it is workflow.toml",
    )
