"""The folder that a workflow of a git repository brings along: which names are allowed in it, what its links lead to, and writing it."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING, Final

from ropeway.bundles.problems import HostileArchive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ropeway.registry.git.repository import Item, Repository

__all__ = ["MOST_BYTES", "MOST_FILES", "check_sizes", "folder_of", "followed", "write_files"]

MOST_FILES: Final = 100_000
MOST_BYTES: Final = 4 * 2**30
_LINKS: Final = 40
_LONGEST_LINK: Final = 4096

# Characters that HFS+ leaves out when it compares names (git's utf8.c, is_hfs_dotgit).
_IGNORED: Final = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])


def folder_of(listing: Mapping[str, Item], folder: str) -> dict[str, Item]:
    """Return what a folder of the repository holds, by the path in that folder; ``""`` is the whole repository.

    Raises:
        HostileArchive: A name could leave the folder, or is ``.git`` to some file system; or there are too many files.
    """
    start = f"{folder}/" if folder else ""
    found = {path[len(start) :]: item for path, item in listing.items() if path.startswith(start)}
    for path in found:
        for part in path.split("/"):
            if part in {"", ".", ".."} or "\0" in part or _is_git(part) or len(os.fsencode(part)) > 255:
                raise HostileArchive(
                    f"the repository holds a file with the name {path!r:.200}", hint="ask who keeps the repository", code="tree-refused"
                )
    if len(found) > MOST_FILES:
        raise _too_large(folder, f"{len(found):,} files, and {MOST_FILES:,} are the most")
    return found


def _is_git(part: str) -> bool:
    """Whether a file system could take a name for ``.git`` (what git itself refuses to check out on any system)."""
    plain = part.translate(_IGNORED).casefold().partition(":")[0].rstrip(" .")
    return plain == ".git" or re.fullmatch(r"git~[0-9]+", plain) is not None


def _too_large(folder: str, said: str) -> HostileArchive:
    hint = "all that is beside a definition travels along; it is for the repository to give the workflow a folder of its own"
    return HostileArchive(f"the folder {folder or 'of the repository'} has {said}", hint=hint, code="tree-too-large")


def followed(files: Mapping[str, Item], leads: Callable[[str], str]) -> dict[str, Item]:
    """Return a folder's files with each link replaced by what it leads to, a folder's files by as many.

    Args:
        files: See :func:`folder_of`.
        leads: Returns the content of a link, by the name of its blob.

    Raises:
        HostileArchive: A link leads out of the folder, to nothing, or in a circle.
    """
    if not any(item.is_link for item in files.values()):
        return dict(files)
    targets = {path: leads(item.oid) for path, item in files.items() if item.is_link}
    found: dict[str, Item] = {}
    queue = [(path, path, 0) for path in files]
    while queue:
        path, real, depth = queue.pop()
        if depth > _LINKS:
            raise HostileArchive(f"the link {path} leads in a circle", hint="ask who keeps the repository", code="link-outside")
        real = _resolved(real, targets, path)
        if real in files:
            found[path] = files[real]
        else:
            start = f"{real}/" if real else ""
            inside = [each for each in files if each.startswith(start)]
            if not inside:
                raise HostileArchive(f"the link {path} leads to {real!r:.200}, which is not there", hint=_OUTSIDE, code="link-outside")
            queue += [(f"{path}/{each[len(start) :]}", each, depth + 1) for each in inside]
        if len(queue) + len(found) > MOST_FILES:
            raise _too_large("", f"links that stand for more than {MOST_FILES:,} files")
    return found


_OUTSIDE: Final = "only what is in the definition's folder travels along; it is for the repository to keep it there"


def _resolved(path: str, targets: Mapping[str, str], shown: str) -> str:
    """Return where a path really is when every link on it is followed; each has to stay in the folder."""
    for _ in range(_LINKS):
        parts = path.split("/")
        at = next((n for n in range(1, len(parts) + 1) if "/".join(parts[:n]) in targets), None)
        if at is None:
            return path
        link = "/".join(parts[:at])
        target = targets[link]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(link), target, *parts[at:]))
        if target.startswith("/") or "\0" in target or path == ".." or path.startswith("../"):
            raise HostileArchive(f"the link {link} leads out of its folder, to {target!r:.200}", hint=_OUTSIDE, code="link-outside")
        path = "" if path == "." else path
    raise HostileArchive(f"the link {shown} leads in a circle", hint="ask who keeps the repository", code="link-outside")


def check_sizes(folder: str, files: Mapping[str, Item], sizes: Mapping[str, int | None]) -> int:
    """Return the bytes that a folder has, none missing.

    Raises:
        HostileArchive: They are too many.
    """
    total = sum(sizes[item.oid] or 0 for item in files.values())
    if total > MOST_BYTES:
        raise _too_large(folder, f"{total:,} bytes, and {MOST_BYTES:,} are the most")
    if any(item.is_link and (sizes[item.oid] or 0) > _LONGEST_LINK for item in files.values()):
        raise HostileArchive("a link leads to a path of more than 4,096 bytes", hint="ask who keeps the repository", code="link-outside")
    return total


def write_files(repository: Repository, files: Mapping[str, Item], target: Path) -> None:
    """Write files below an empty folder, byte by byte as they were committed.

    Raises:
        HostileArchive: Two of them are the same file to this file system (upper and lower case).
        OSError: They can't be written.
    """
    order = sorted(files)
    for path, pieces in zip(order, repository.contents([files[path].oid for path in order]), strict=True):
        place = target / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                file.writelines(pieces)
        except (FileExistsError, NotADirectoryError):
            message = f"two files are the same to this file system: {path!r:.200}"
            raise HostileArchive(message, hint="ask who keeps the repository", code="tree-refused") from None
        place.chmod(0o700 if files[path].executable else 0o600)
