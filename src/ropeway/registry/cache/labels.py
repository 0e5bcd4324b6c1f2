"""What something that was fetched calls itself, and which version people know it by: a tag such as ``latest`` or a branch is none."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ropeway.lang.versions import parse_version

if TYPE_CHECKING:
    from ropeway.registry import Fetched

__all__ = ["Said", "said_by", "semantic"]

_VERSION: Final = "org.opencontainers.image.version"


class Said(NamedTuple):
    """What something says of itself; ``id`` is empty and ``version`` None where it says nothing."""

    id: str = ""
    version: str | None = None


def semantic(found: str | None, own: str | None = None) -> str | None:
    """Return the version of what was found under a tag: the tag without its ``v``, else what it says of itself, else the tag."""
    for text in (found, own):
        version = None if text is None else parse_version(text)
        if version is not None:
            return str(version)
    return found if found is not None else own


def said_by(fetched: Fetched) -> Said:
    """Return what something says of itself: the version it was published as, else that of its definition. One that can't be read says nothing."""
    data: dict[str, Any] = {}
    if fetched.pin.kind == "workflow":
        from ropeway.lang.source import read_document

        with suppress(OSError):
            data = read_document(fetched.path.read_bytes(), fetched.file)[0].data
    published = _annotations(fetched).get(_VERSION)
    name, version = data.get("id"), data.get("version")
    own = version if isinstance(version, str) else None
    return Said(name if isinstance(name, str) else "", semantic(published if isinstance(published, str) else None, own))


def _annotations(fetched: Fetched) -> dict[str, Any]:
    """Return the annotations of its manifest, whose digest was checked when it came."""
    if fetched.evidence.manifest is None:
        return {}
    with suppress(ValueError, RecursionError):
        found = json.loads(fetched.evidence.manifest).get("annotations")
        return found if isinstance(found, dict) else {}
    return {}
