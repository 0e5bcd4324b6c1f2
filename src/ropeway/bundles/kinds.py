"""The three kinds of bundles, and how the kind of a manifest is found out, whoever wrote it.

What :mod:`~ropeway.bundles.pack` writes says it by its ``artifactType``. What ``oras`` and others pushed says nothing useful there:
``application/vnd.unknown.artifact.v1``, an empty config, or no type at all. Then the repository's name tells, then the titles of the files,
then what is in them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, get_args

from ropeway.bundles.problems import InvalidBundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.bundles.manifest import Descriptor, Manifest

__all__ = [
    "ARTIFACT",
    "CONFIG",
    "KINDS",
    "MAX_PEEK",
    "Kind",
    "base_name",
    "expect_kind",
    "kind_by_content",
    "kind_by_title",
    "kind_of",
    "repository_for",
    "tag_for",
]

Kind = Literal["workflow", "skill", "agent"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

ARTIFACT: Final[dict[Kind, str]] = {kind: f"application/vnd.ropeway.{kind}.v1" for kind in KINDS}
"""The ``artifactType`` of each kind."""

CONFIG: Final[dict[Kind, str]] = {kind: f"application/vnd.ropeway.{kind}.config.v1+json" for kind in KINDS}
"""The media type of each kind's config blob: what can be searched, see :mod:`~ropeway.bundles.metadata`."""

MAX_PEEK: Final = 4 * 2**20
"""Bytes of a layer that are looked at to find out its kind; a larger one is no definition."""

_OURS: Final = "application/vnd.ropeway."
_FOLDERS: Final[dict[str, Kind]] = {f"{kind}s": kind for kind in KINDS}
_ARTICLES: Final[dict[Kind, str]] = {"workflow": "a workflow", "skill": "a skill", "agent": "an agent card"}


def kind_of(manifest: Manifest, repository: str | None = None, peek: Callable[[Descriptor], bytes] | None = None) -> Kind:
    """Return the kind of a manifest: by its type, else its repository, else the titles of its files, else what is in them.

    Args:
        manifest: It, verified.
        repository: Where it was found, without the host; None when that is not known.
        peek: Returns a layer's bytes; asked only when nothing else tells, and for layers of at most :data:`MAX_PEEK` bytes.

    Raises:
        InvalidBundle: It is none of the three (code ``bundle-kind``), or made by a later version of Ropeway (``bundle-version``).
    """
    by_type = _by_type(manifest.artifact_type) or _by_type(manifest.config.media_type)
    if by_type is not None:
        return by_type
    by_place = _by_repository(repository)
    if by_place is not None:
        return by_place
    titles = sorted((layer.title for layer in manifest.layers if layer.title), key=lambda title: (title.count("/"), title))
    found = [kind for kind in map(kind_by_title, titles) if kind is not None]
    if found:
        return found[0]
    for layer in manifest.layers if peek is not None else ():
        if peek is not None and layer.size <= MAX_PEEK:
            by_content = kind_by_content(layer.title or "", peek(layer))
            if by_content is not None:
                return by_content
    said = manifest.artifact_type or manifest.config.media_type
    raise InvalidBundle(
        f"it is no workflow, skill or agent card: its type is {said:.200}, and none of its files says more",
        hint="`workflow package` makes bundles; of what others pushed, a workflow's file, a SKILL.md or an agent card is recognised",
        code="bundle-kind",
    )


def _by_type(media_type: str | None) -> Kind | None:
    """Return what a type of ours says. Those of others count as absent: they don't say what the files are."""
    if media_type is None or not media_type.startswith(_OURS):
        return None
    for kind in KINDS:
        if media_type in (ARTIFACT[kind], CONFIG[kind]):
            return kind
    raise InvalidBundle(
        f"this version of Ropeway does not know bundles of the type {media_type:.200}", hint="update Ropeway", code="bundle-version"
    )


def _by_repository(repository: str | None) -> Kind | None:
    """Return what ``workflows/…`` says; in ``acme/workflows/build`` too, where a registry's source has a prefix."""
    if not repository:
        return None
    *folders, _name = repository.split("/")
    for folder in (*folders[:1], *reversed(folders)):
        if folder in _FOLDERS:
            return _FOLDERS[folder]
    return None


def base_name(path: str) -> str:
    """Return the last part of a path with slashes."""
    return path.rpartition("/")[2]


def kind_by_title(title: str) -> Kind | None:
    """Return the kind that a file's name tells, None when it can be of several."""
    name = base_name(title)
    if name == "SKILL.md":
        return "skill"
    if name.endswith(("_agent_card.json", "-agent-card.json")) or name in ("agent-card.json", "agent_card.json"):
        return "agent"
    if name.endswith((".yaml", ".yml", ".toml")):
        return "workflow"
    return None


_FRONT_MATTER: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?---[ \t]*\r?\n(?:.*\n)*?name[ \t]*:")
_PEP_723: Final = re.compile(rb"^# /// script[ \t]*\r?$", re.MULTILINE)
_STEPS: Final = re.compile(rb"""^(?:["']?steps["']?[ \t]*[:=.]|[ \t]*\[{1,2}[ \t]*["']?steps["']?[ \t]*[.\]])""", re.MULTILINE)


def kind_by_content(title: str, data: bytes) -> Kind | None:
    """Return the kind of a file by what is in it; None when it is none of them. ``title`` may be empty."""
    name = base_name(title)
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending in ("", "json") and data.lstrip()[:1] == b"{":
        return _kind_of_json(data)
    if name == "SKILL.md" or (ending in ("", "md") and not name.lower().startswith("readme") and _FRONT_MATTER.match(data)):
        return "skill"
    if ending in ("", "py") and _PEP_723.search(data):
        return "skill"
    if ending in ("", "yaml", "yml", "toml") and _STEPS.search(data):
        return "workflow"
    return None


def _kind_of_json(data: bytes) -> Kind | None:
    import json

    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    if isinstance(found.get("skills"), list) and ("url" in found or "supportedInterfaces" in found):
        return "agent"
    return "workflow" if "steps" in found else None


def expect_kind(found: Kind, wanted: Kind, what: str = "this") -> None:
    """Make sure that a bundle is of the kind that is wanted; ``what`` names it in the message.

    Raises:
        InvalidBundle: It is another (code ``bundle-kind``).
    """
    if found != wanted:
        raise InvalidBundle(
            f"{what} is {_ARTICLES[found]}, and {_ARTICLES[wanted]} is wanted",
            hint="check the name: workflows, skills and agent cards are kept apart",
            code="bundle-kind",
        )


def repository_for(kind: Kind, name: str) -> str:
    """Return the repository of something: ``acme/build`` as a workflow is ``workflows/acme/build``."""
    return f"{kind}s/{name}"


def tag_for(version: str) -> str:
    """Return the tag of a version; a tag can't hold the ``+`` of semantic versions, so ``_`` stands for it (the config has the true version)."""
    return version.replace("+", "_")
