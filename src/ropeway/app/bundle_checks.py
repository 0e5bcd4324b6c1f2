"""What ``workflow bundle verify`` compares: signatures with the bundle beside them, and metadata with the files that it is about."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.bundles.problems import ExpiredKey, RevokedKey, SignatureInvalid
from ropeway.errors import RopewayError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ropeway.bundles.keys import PublicKey
    from ropeway.bundles.layout import Layout
    from ropeway.bundles.metadata import Metadata

__all__ = ["checked_signers", "differences"]


def checked_signers(layout: Layout, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Check the signatures beside a bundle, and return a sentence for each.

    Raises:
        SignatureInvalid, WrongSigner, RevokedKey, ExpiredKey: See :mod:`ropeway.bundles.sign`.
    """
    if not layout.signatures:
        return ()
    from ropeway.app.keys import public_keys
    from ropeway.bundles.sign import Foreign, verify

    keys = public_keys(environ)
    manifest, found = layout.bundle.manifest, []
    for raw in layout.signatures:
        signed = verify(raw, keys)
        if isinstance(signed, Foreign):
            found.append(f"not a publisher's signature: {signed.what}")
            continue
        claim = signed.claim
        if (claim.digest, claim.size, claim.kind) != (manifest.digest, len(manifest.raw), layout.bundle.kind):
            hint = "somebody put the signature of something else beside it"
            raise SignatureInvalid(f"a signature by {signed.key.shown} is for {claim.digest}, and this is {manifest.digest}", hint=hint)
        _check_key(signed.key)
        known = "" if signed.known else ", which is not known here"
        found.append(f"signed as {claim.name} {claim.version} by {signed.key.shown}{known}")
    return tuple(found)


def _check_key(key: PublicKey) -> None:
    from datetime import UTC, datetime

    if key.revoked is not None:
        raise RevokedKey(f"it is signed with {key.shown}, which was revoked{f': {key.reason}' if key.reason else ''}")
    if key.expires is not None and key.expired(datetime.now(UTC)):
        raise ExpiredKey(f"it is signed with {key.shown}, which expired on {key.expires:%Y-%m-%d}")


def differences(layout: Layout, files: Collection[str]) -> tuple[str, ...]:
    """Say where the metadata is not what the files say: it is what registries show, and what people decide by.

    Args:
        layout: The bundle; its digests were checked.
        files: The paths of all its files.
    """
    from ropeway.bundles.capabilities import difference

    metadata = layout.bundle.metadata
    try:
        found = _from_files(layout, files)
    except RopewayError as error:
        return (f"its definition can not be read by this version of Ropeway: {error.message}",)
    if found is None:
        return ()
    changed = difference(metadata.capabilities, found.capabilities)
    notes = [f"its metadata does not say all that it does: {line}" for line in changed if line.startswith("+")]
    if metadata.id and (metadata.id, metadata.version) != (found.id, found.version):
        notes.append(f"its metadata says {metadata.id} {metadata.version}, and its definition {found.id} {found.version}")
    if metadata.definition != found.definition:
        notes.append(f"its metadata says that its definition is {metadata.definition}, and it is {found.definition}")
    return tuple(notes)


def _from_files(layout: Layout, files: Collection[str]) -> Metadata | None:
    """Return what the definition says, with what all the bundle's files may touch; None when it is no file of its own, or too large for one.

    All is unpacked for that, aside, when the definition uses other workflows.

    Raises:
        InvalidWorkflow, InvalidBundle: The definition is none.
        BundleRefused: It can't be unpacked.
        StoreError: There is no space for that.
    """
    from ropeway.bundles.definitions import find_definition
    from ropeway.bundles.describing import MAX_DEFINITION, describe
    from ropeway.bundles.kinds import MAX_PEEK
    from ropeway.bundles.reachable import describe_bundle, folder_files
    from ropeway.bundles.unpack import unpack_into

    bundle = layout.bundle
    titled = {each.title: each for each in bundle.manifest.layers if each.title}

    def read(title: str, most: int = MAX_PEEK) -> bytes:
        if title not in titled:
            return b""
        with bundle.blobs[titled[title].digest].open() as file:
            return file.read(most)

    _, definition = find_definition(bundle.kind, files, read, bundle.metadata.id)
    if definition not in titled or titled[definition].size > MAX_DEFINITION:
        return None
    data = read(definition, MAX_DEFINITION)
    found = describe(bundle.kind, definition, data).metadata
    if not found.capabilities.workflows:
        return found
    with tempfile.TemporaryDirectory(prefix="ropeway-verify-") as folder:
        unpack_into(bundle.manifest, bundle.blobs, Path(folder), kind=bundle.kind, name=bundle.metadata.id)
        return describe_bundle(bundle.kind, definition, data, folder_files(Path(folder))).metadata
