"""Links into the store, under the names that people know. Whatever a name holds, its link stays below its folder."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ropeway.bundles.verdicts import full_name
from ropeway.errors import StoreError
from ropeway.registry.cache.files import guarded
from ropeway.registry.cache.labels import Said, semantic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ropeway.registry import Pin

__all__ = ["as_part", "link_places", "place_link"]

_NOTHING: Final = Said()
_HINT: Final = "move it away, or set XDG_CACHE_HOME to another folder"


def link_places(cache: Path, pin: Pin, said: Said = _NOTHING) -> list[tuple[Path, tuple[str, ...]]]:
    """Return where a pin is linked: below which folder, and the parts of the path there.

    ``registries/<registry>/<name>/<version or digest>``; for what no configured registry named, a first part that no registry may have:
    ``_adhoc/<owner>/<repo>/<workflow>/<commit>``, ``_oci/<host>/<repository>/<version or digest>``, ``_https/<host>/<path>/<digest>``. And
    ``workflows/<id>/<version>`` beside the cache. A branch is no version: it means other content tomorrow, so there the digest stands. Below
    ``workflows`` the version is the semantic one where there is one, and a file without a name is called by its id: ``said`` is what it says of itself.
    """
    digest = pin.digest.removeprefix("git:").replace(":", "-")
    version = digest if pin.version is None else pin.version
    fixed = digest if pin.moving and not re.match(r"v?\d+\.\d+\.\d+", version) else version
    name = tuple(pin.name.split("/")) if pin.name else ()
    _, _, place = pin.source.partition("://")
    path = tuple(part for part in place.split("/") if part)
    if pin.registry is not None:
        parts: tuple[str, ...] = (pin.registry, *(name or path[-1:]), fixed)
    elif pin.digest.startswith("git:"):
        parts = ("_adhoc", *path[-2:-1], *(part.removesuffix(".git") for part in path[-1:]), *name, digest)
    else:
        scheme = pin.source.partition(":")[0]
        parts = (f"_{scheme}", *path, *(() if name == path[-len(name) :] else name), fixed)
    own = name or tuple(part for part in said.id.split("/") if part) or tuple(part.rpartition(".")[0] or part for part in path[-1:])
    if pin.registry is None and pin.source.startswith("oci://"):
        own = tuple(full_name(pin.source, pin.name).split("/"))  # without the folder of its kind: its id
    found = [(cache / "registries", tuple(as_part(part) for part in parts))]
    if own and pin.kind == "workflow":
        found.append((cache.parent / "workflows", tuple(as_part(part) for part in (*own, semantic(pin.version, said.version) or digest))))
    return found


def as_part(text: str) -> str:
    """Return text as one part of a path, the same for the same text: what could mean something else in a path is percent-encoded."""
    shown = "".join(each if each.isascii() and (each.isalnum() or each in "._+@=~-") else _encoded(each) for each in text)
    if shown.startswith("."):
        shown = f"%2E{shown[1:]}"
    return shown or "%00"


def _encoded(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode(errors="surrogateescape"))


def place_link(top: Path, parts: Sequence[str], target: Path) -> Path:
    """Make the link ``top/<parts>`` lead to a folder: made aside and renamed, so that it always leads somewhere. Return its path.

    Each folder on the way is a real one: a link there would lead the new link elsewhere.

    Raises:
        StoreError: A part is no name of a file, something else is in the way, or nothing can be written there.
    """
    for part in parts:
        if part in {"", ".", ".."} or "/" in part or "\0" in part or len(part.encode(errors="surrogateescape")) > _LONGEST:
            raise StoreError(f"{part!r:.100} can't be a part of a link's name", code="link-name")
    if not parts:
        raise StoreError("a link needs a name", code="link-name")
    with guarded(top, _HINT):
        for _ in range(_TRIES):
            with suppress(FileNotFoundError):  # whoever cleans up may remove a folder that is still empty
                return _placed(top, parts, target)
        return _placed(top, parts, target)


def _placed(top: Path, parts: Sequence[str], target: Path) -> Path:
    folder = top
    for part in ("", *parts[:-1]):
        folder = folder / part
        folder.mkdir(mode=0o700, exist_ok=True)
        if not stat.S_ISDIR(folder.lstat().st_mode):
            message = f"{folder} is in the way of a link into the store"
            raise StoreError(message, hint=_HINT, code="link-in-the-way")
    path = folder / parts[-1]
    aside = folder / f".{os.urandom(8).hex()}"
    aside.symlink_to(target)
    try:
        aside.replace(path)
    except OSError:
        with suppress(OSError):
            aside.unlink()
        raise
    return path


_TRIES: Final = 5
_LONGEST: Final = 255
