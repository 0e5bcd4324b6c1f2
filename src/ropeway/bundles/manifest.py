"""OCI image manifests and descriptors, as the image specification 1.1 has them: read with care, written the same on every machine."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from ropeway.bundles.problems import InvalidBundle
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "EMPTY",
    "INDEX_TYPE",
    "MANIFEST_TYPE",
    "MAX_MANIFEST",
    "TITLE",
    "Descriptor",
    "Manifest",
    "canonical_json",
    "check_digest",
    "descriptor_from_json",
    "digest_of",
    "make_manifest",
    "parse_manifest",
]

MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
TITLE: Final = "org.opencontainers.image.title"
MAX_MANIFEST: Final = 4 * 2**20
"""Bytes that a manifest may have: what registries have to take (distribution-spec 1.1)."""

_HEX_DIGITS = {"sha256": 64, "sha512": 128}


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Return ``algorithm:hex`` over some bytes."""
    import hashlib  # loads OpenSSL

    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def check_digest(text: object) -> str:
    """Return a digest as it is: ``sha256:`` or ``sha512:`` with all its lower-case hexadecimal digits.

    Raises:
        InvalidBundle: It is anything else.
    """
    if isinstance(text, str):
        algorithm, _, digits = text.partition(":")
        if len(digits) == _HEX_DIGITS.get(algorithm, -1) and re.fullmatch("[0-9a-f]+", digits):
            return text
    raise InvalidBundle(f"{text!r:.100} is not a digest", hint="sha256: and 64 hexadecimal digits in lower case", code="invalid-digest")


def canonical_json(value: Any) -> bytes:
    """Return JSON that is the same on every machine: keys sorted, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@record
class Descriptor:
    """Names a blob or a manifest: what it is, its digest and its size in bytes."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str | None = None

    @property
    def title(self) -> str | None:
        """The file's name, when it has one."""
        return self.annotations.get(TITLE)

    def as_json(self) -> dict[str, Any]:
        """Return the object as it stands in a manifest."""
        found: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.artifact_type is not None:
            found["artifactType"] = self.artifact_type
        if self.annotations:
            found["annotations"] = dict(self.annotations)
        return found


EMPTY: Final = Descriptor("application/vnd.oci.empty.v1+json", "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", 2)
"""The descriptor of ``{}``, which stands where there is nothing to say."""


@record
class Manifest:
    """An image manifest with the exact bytes that its digest is made of."""

    raw: bytes
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    media_type: str = MANIFEST_TYPE

    @property
    def digest(self) -> str:
        """The manifest's own digest, ``sha256:…``."""
        return digest_of(self.raw)

    def descriptor(self) -> Descriptor:
        """Return what names this manifest."""
        return Descriptor(self.media_type, self.digest, len(self.raw), artifact_type=self.artifact_type)


def make_manifest(
    config: Descriptor,
    layers: tuple[Descriptor, ...],
    *,
    artifact_type: str | None = None,
    subject: Descriptor | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """Return a manifest with canonical bytes."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config.as_json(),
        "layers": [layer.as_json() for layer in layers],
    }
    if artifact_type is not None:
        document["artifactType"] = artifact_type
    if subject is not None:
        document["subject"] = subject.as_json()
    if annotations:
        document["annotations"] = dict(annotations)
    return Manifest(canonical_json(document), config, layers, artifact_type, subject, annotations or {})


def parse_manifest(raw: bytes, media_type: str | None = None) -> Manifest:
    """Read an image manifest (or an old ORAS artifact manifest's fields that it shares).

    Raises:
        InvalidBundle: It is too large, no JSON, an index of several manifests, or its fields are not what the specification says.
    """
    if len(raw) > MAX_MANIFEST:
        raise InvalidBundle(f"the manifest has {len(raw):,} bytes, and {MAX_MANIFEST:,} is the most", code="manifest-too-large")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(f"the manifest is not JSON: {error}", code="invalid-manifest") from None
    if not isinstance(document, dict):
        raise InvalidBundle("the manifest is not a JSON object", code="invalid-manifest")
    said = document.get("mediaType")
    said = said if isinstance(said, str) else media_type or MANIFEST_TYPE
    if said == INDEX_TYPE or "manifests" in document:
        raise InvalidBundle(
            "this is an index of several manifests, such as an image for several platforms has",
            hint="name one of its manifests by digest",
            code="bundle-kind",
        )
    layers = document.get("layers", [])
    if not isinstance(layers, list) or "config" not in document:
        raise InvalidBundle("the manifest has no config or no list of layers", code="invalid-manifest")
    subject = document.get("subject")
    return Manifest(
        raw,
        descriptor_from_json(document["config"]),
        tuple(descriptor_from_json(layer) for layer in layers),
        _text(document.get("artifactType")),
        None if subject is None else descriptor_from_json(subject),
        _annotations(document.get("annotations")),
        said,
    )


def descriptor_from_json(value: object) -> Descriptor:
    """Read a descriptor.

    Raises:
        InvalidBundle: A field is missing or not what the specification says.
    """
    if not isinstance(value, dict):
        raise InvalidBundle("a descriptor is not a JSON object", code="invalid-manifest")
    size = value.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise InvalidBundle(f"a descriptor has the size {size!r:.50}", code="invalid-manifest")
    media_type = _text(value.get("mediaType")) or "application/octet-stream"
    return Descriptor(
        media_type, check_digest(value.get("digest")), size, _annotations(value.get("annotations")), _text(value.get("artifactType"))
    )


def _annotations(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(key): text for key, text in value.items() if isinstance(text, str)}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
