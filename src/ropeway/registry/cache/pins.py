"""What the store remembers of a pin: a file that says by itself whether it is whole."""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Any, Final

from ropeway.lang.hashing import sha256
from ropeway.registry import Evidence, Pin

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["pin_key", "read_back", "written"]

_FORMAT: Final = 1


def pin_key(source: str, digest: str, name: str) -> str:
    """Return the name of the file for a source's content: 64 hexadecimal digits, whatever the names hold."""
    key: str = sha256(_json([source, digest, name])).hexdigest()
    return key


def written(pin: Pin, tree: str, file: str, evidence: Evidence) -> bytes:
    """Return what is kept: one line with the sum of the rest, then JSON."""
    document = {
        "format": _FORMAT,
        "pin": {name: getattr(pin, name) for name in _PIN},
        "tree": tree,
        "file": file,
        "manifest": None if evidence.manifest is None else _text(evidence.manifest),
        "signatures": [_text(each) for each in evidence.signatures],
    }
    body = _json(document)
    total: str = sha256(body).hexdigest()
    return total.encode() + b"\n" + body


_PIN: Final = ("source", "name", "digest", "version", "moving", "registry", "kind", "size")


def read_back(path: Path) -> tuple[Pin, str, str, Evidence] | None:
    """Return the pin, the tree's digest, the definition's path and the evidence; None when there is no such file, or it is not whole."""
    try:
        total, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if sha256(body).hexdigest().encode() != total:
        return None
    document: dict[str, Any] = json.loads(body)
    if document["format"] != _FORMAT:
        return None
    manifest = document["manifest"]
    evidence = Evidence(None if manifest is None else a2b_base64(manifest), tuple(a2b_base64(each) for each in document["signatures"]))
    return Pin(**{name: document["pin"][name] for name in _PIN}), document["tree"], document["file"], evidence


def _json(value: Any) -> bytes:
    """Return JSON in ASCII: a folder's name may hold bytes that are no UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _text(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()
