"""Sub-workflows as linking and validating see them: already loaded by whoever may read files, found by a key."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Location, Locator
    from ropeway.lang.model import Workflow
    from ropeway.lang.plan import Provenance

MAX_DEPTH: Final = 16
"""How deep sub-workflows may be nested."""


class LinkedSource(NamedTuple):
    """A workflow and where it came from.

    ``digest`` is ``lang.digests.workflow_digest`` of its content; ``path`` the absolute path of its file, None when it came from nowhere
    on this machine (its relative references then stay as they are); ``locator`` finds places in what the person wrote. ``provenance`` is None for a
    file of this machine.
    """

    workflow: Workflow
    digest: str
    path: str | None
    locator: Locator
    provenance: Provenance | None = None


class Wanted(NamedTuple):
    """A reference that the library does not hold yet.

    ``key`` is what the library must hold it under; ``reference`` is as written, ``base`` the path of the file that says it, ``location``
    the place, for the message when it can't be found.
    """

    key: str
    reference: str
    base: str | None
    location: Location


def is_reference(text: str) -> bool:
    """Whether a text is a well-formed reference to a workflow."""
    from ropeway.lang.reference import InvalidReference, parse_reference

    try:
        parse_reference(text)
    except InvalidReference:
        return False
    return True


def library_key(reference: str, base: str | None) -> str:
    """Return the library's key for a reference that the file ``base`` makes.

    Relative paths become absolute; a bare name, which means a workflow of the project around it, carries the folder; all others mean the
    same everywhere and stay as they are. Nothing is looked at: links on the way and ``~`` are the loader's business.
    """
    from ropeway.lang.reference import InvalidReference, LocalReference, PathReference, parse_reference

    if base is None:
        return reference
    folder = posixpath.dirname(base)
    try:
        parsed = parse_reference(reference)
    except InvalidReference:
        return reference
    if isinstance(parsed, PathReference) and not parsed.path.startswith("~"):
        return posixpath.normpath(posixpath.join(folder, parsed.path))
    return f"{reference} in {folder}" if isinstance(parsed, LocalReference) else reference
