"""Makes tar archives byte by byte, the honest ones and those that nobody should unpack."""

from __future__ import annotations

import gzip
import hashlib

from ropeway.bundles.manifest import EMPTY, TITLE, Descriptor, Manifest, digest_of, make_manifest

BLOCK = 512
END = bytes(2 * BLOCK)


def header(
    name: str | bytes,
    size: int | bytes = 0,
    *,
    kind: bytes = b"0",
    mode: int = 0o644,
    prefix: bytes = b"",
    link: bytes = b"",
    magic: bytes = b"ustar\x0000",
    checksum: int | None = None,
) -> bytes:
    """Return one header block, right or wrong as asked."""
    raw = name.encode() if isinstance(name, str) else name
    number = size if isinstance(size, bytes) else b"%011o\0" % size
    block = (
        raw.ljust(100, b"\0")
        + b"%07o\0" % mode
        + b"0000000\0" * 2
        + number
        + b"00000000000\0"
        + b" " * 8
        + kind
        + link.ljust(100, b"\0")
        + magic
        + bytes(64)
        + b"0000000\0" * 2
        + prefix.ljust(155, b"\0")
        + bytes(12)
    )
    total = sum(block) if checksum is None else checksum
    return block[:148] + b"%06o\0 " % total + block[156:]


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def entry(name: str | bytes, data: bytes = b"", **more) -> bytes:
    """Return a header and its content."""
    return header(name, len(data), **more) + padded(data)


def pax(*records: tuple[str | bytes, str | bytes], kind: bytes = b"x") -> bytes:
    """Return a pax header with the lengths that its records should have."""
    body = b""
    for record in records:
        rest = b" %s=%s\n" % tuple(text.encode() if isinstance(text, str) else text for text in record)
        size = len(rest)
        while len(str(size)) + len(rest) != size:
            size = len(str(size)) + len(rest)
        body += b"%d%s" % (size, rest)
    return entry("PaxHeaders/x", body, kind=kind)


def folder_layer(tar: bytes, title: str = "data", *, packed: bytes | None = None, **annotations: str) -> tuple[Descriptor, bytes]:
    """Return the layer of a folder as ORAS makes it, with the right digests of whatever the archive is."""
    packed = gzip.compress(tar, 1, mtime=0) if packed is None else packed
    said = {TITLE: title, "io.deis.oras.content.unpack": "true", "io.deis.oras.content.digest": f"sha256:{hashlib.sha256(tar).hexdigest()}"}
    return Descriptor("application/vnd.oci.image.layer.v1.tar+gzip", digest_of(packed), len(packed), said | annotations), packed


def file_layer(
    title: str | None, data: bytes, media_type: str = "application/octet-stream", **annotations: str
) -> tuple[Descriptor, bytes]:
    """Return the layer of a plain file."""
    return Descriptor(media_type, digest_of(data), len(data), ({TITLE: title} if title else {}) | annotations), data


def artifact(
    *layers: tuple[Descriptor, bytes], artifact_type: str | None = "application/vnd.unknown.artifact.v1"
) -> tuple[Manifest, dict[str, bytes]]:
    """Return a manifest as ``oras push`` writes it, and the bytes of its layers."""
    manifest = make_manifest(EMPTY, tuple(descriptor for descriptor, _ in layers), artifact_type=artifact_type)
    return manifest, {descriptor.digest: data for descriptor, data in layers}
