"""What was published into a folder, so that the next publish can tell its own files from those of people.

``.ropeway/published/ORG@NAME.json`` in the registry has the last two publishes: which of them is in place can't be known when one was cut short.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ropeway.records import record
from ropeway.registry.cache.files import write_at_once

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Publication", "Records"]

_FORMAT: Final = 1


@record
class Publication:
    """A version that was published: the digest of its tree, and the paths of its files."""

    version: str
    digest: str
    files: tuple[str, ...]


class Records:
    """The last publishes of a workflow, the latest first; none when nothing, or nothing that can be understood, was written down."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / ".ropeway/published" / f"{name.replace('/', '@')}.json"
        self.known = _read(self.path)

    def find(self, digest: str | None) -> Publication | None:
        """Return the publish that made a tree."""
        return next((each for each in self.known if each.digest == digest), None)

    def write(self, *publications: Publication | None) -> None:
        """Keep these, the latest first; one that is None is left out.

        Raises:
            OSError: They can't be written.
        """
        self.known = tuple(each for each in publications if each is not None)
        said = [{"version": each.version, "digest": each.digest, "files": list(each.files)} for each in self.known]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_at_once(self.path, (json.dumps({"format": _FORMAT, "published": said}, indent=1) + "\n").encode(), sync=True)


def _read(path: Path) -> tuple[Publication, ...]:
    try:
        document: Any = json.loads(path.read_bytes())
        if document["format"] != _FORMAT:
            return ()
        return tuple(
            Publication(str(each["version"]), str(each["digest"]), tuple(map(str, each["files"]))) for each in document["published"]
        )
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()  # somebody changed it: then nothing there is known to be ours
