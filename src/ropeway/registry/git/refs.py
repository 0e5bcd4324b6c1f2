"""What ``#ref`` means in a git repository, decided over the list of its tags and branches. Pure.

A name is a tag before it is a branch, as in git itself (gitrevisions(7)); ``heads/x`` and ``tags/x`` say which. A name that is neither, and could be
an abbreviated commit, is one. Versions are tags: ``1.2.0`` is found as ``v1.2.0`` too, and in a repository of several workflows as ``NAME-v1.2.0`` or
``NAME/v1.2.0``, which come before the others: where a workflow has tags of its own, only those are its versions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ropeway.errors import NotFound
from ropeway.lang.hints import did_you_mean
from ropeway.lang.versions import best, newest_first, parse_range, parse_version
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ropeway.lang.reference import Ref

__all__ = ["Chosen", "Refs", "choose", "no_such_ref", "parse_refs", "versions_of"]

_SOME: Final = 8


@record
class Refs:
    """What a repository has: each name with its commit (a tag's own object is passed through to its commit)."""

    head: str | None = None
    """The default branch's name; None when HEAD is on no branch or was not asked for."""
    head_commit: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)


@record
class Chosen:
    """A commit and what it was found by; see :class:`ropeway.registry.Pin`."""

    commit: str
    version: str | None = None
    moving: bool = False


def parse_refs(listed: bytes) -> Refs:
    """Read what ``git ls-remote --symref`` prints."""
    refs = Refs()
    head = commit = None
    for line in listed.decode(errors="surrogateescape").splitlines():
        first, _, name = line.partition("\t")
        if name == "HEAD":
            if first.startswith("ref: refs/heads/"):
                head = first.removeprefix("ref: refs/heads/")
            elif not first.startswith("ref: "):
                commit = first
        elif not first.startswith("ref: "):
            _add(refs, name, first)
    return Refs(head, commit, refs.tags, refs.branches, refs.others)


def _add(refs: Refs, name: str, commit: str) -> None:
    if re.fullmatch("[0-9a-f]{40}(?:[0-9a-f]{24})?", commit) is None:
        return
    if name.startswith("refs/tags/"):
        refs.tags[name.removeprefix("refs/tags/").removesuffix("^{}")] = commit  # the peeled line comes second
    elif name.startswith("refs/heads/"):
        refs.branches[name.removeprefix("refs/heads/")] = commit
    elif name.startswith("refs/"):
        refs.others[name] = commit


def versions_of(refs: Refs, name: str) -> dict[str, str]:
    """Return the versions of a workflow, without ``v`` or its name in front, with the tag of each; the plainest tag of a version counts."""
    own = name.rpartition("/")[2]
    for prefixes in ((f"{own}-v", f"{own}/v"), ("", "v")) if own else (("", "v"),):
        found: dict[str, str] = {}
        for prefix in prefixes:
            for tag in refs.tags:
                text = tag.removeprefix(prefix)
                if tag.startswith(prefix) and text[:1].isdigit() and parse_version(text) is not None:
                    found.setdefault(text, tag)
        if found:
            return found
    return {}


def choose(refs: Refs, ref: Ref | None, name: str) -> Chosen | None:
    """Return what a ref means, None when nothing listed is meant (it may be an abbreviated commit).

    Args:
        refs: What the repository has.
        ref: What stood behind ``#``, no full commit and no digest; None for the default branch.
        name: The workflow's, for versions of its own.
    """
    if ref is None:
        return None if refs.head_commit is None else Chosen(refs.head_commit, refs.head, moving=True)
    if ref.kind == "range":
        versions = versions_of(refs, name)
        chosen = best(parse_range(ref.text), versions)
        return None if chosen is None else Chosen(refs.tags[versions[chosen]], versions[chosen], moving=True)
    if ref.kind == "version":
        tag = versions_of(refs, name).get(ref.text)
        if tag is not None:
            return Chosen(refs.tags[tag], tag)
        return _named(refs, ref.text) or _named(refs, f"v{ref.text}")
    return _named(refs, ref.text)


def _named(refs: Refs, text: str) -> Chosen | None:
    short = text.removeprefix("refs/")
    if text not in refs.tags and short.startswith("tags/") and short[5:] in refs.tags:
        text = short[5:]
    if text in refs.tags:
        return Chosen(refs.tags[text], text)
    if text not in refs.branches and short.startswith("heads/") and short[6:] in refs.branches:
        text = short[6:]
    if text in refs.branches:
        return Chosen(refs.branches[text], text, moving=True)
    return Chosen(refs.others[text], text, moving=True) if text in refs.others else None


def no_such_ref(refs: Refs, ref: Ref | None, name: str, where: str) -> NotFound:
    """Return the error for a ref that means nothing there; its hint says what there is."""
    if not refs.tags and not refs.branches:
        return NotFound(f"{where} is empty", hint="nothing was pushed to it yet", code="repository-empty")
    if ref is None:
        return NotFound(f"{where} has no default branch", hint=f"choose one with #: {_some(refs.branches)}", code="ref-not-found")
    if ref.kind == "range":
        versions = versions_of(refs, name)
        hint = f"it has {_listed(newest_first(versions))}" if versions else "versions are tags such as v1.2.0, and it has none"
        return NotFound(f"{where} has no version that fits {ref.text}", hint=hint, code="version-not-found")
    near = did_you_mean(ref.text, [*refs.tags, *refs.branches])
    hint = f"{near} " if near else ""
    kinds = [f"the {what} {_some(names)}" for what, names in (("tags", refs.tags), ("branches", refs.branches)) if names]
    hint += f"it has {' and '.join(kinds)}"
    what = "version" if ref.kind == "version" else "tag, branch or commit"
    return NotFound(f"{where} has no {what} {ref.text}", hint=hint, code="ref-not-found")


def _some(names: Iterable[str]) -> str:
    """Return some of the names, the last ones (which are the highest versions) first."""
    return _listed(sorted(names, key=_numbers, reverse=True))


def _listed(every: Sequence[str]) -> str:
    return ", ".join(every[:_SOME]) + (f" and {len(every) - _SOME} more" if len(every) > _SOME else "")


def _numbers(name: str) -> list[tuple[int, str]]:
    """Order names with numbers in them by the numbers."""
    return [(int(part), "") if part.isdigit() and len(part) < 20 else (-1, part) for part in re.split(r"(\d+)", name)]
