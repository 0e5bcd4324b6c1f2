"""What is looked at before something is published: every mistake in it, what it names that others don't have, and secrets among its files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ropeway.app import library, reading
from ropeway.app.projects import bundled
from ropeway.bundles.definitions import USUAL
from ropeway.bundles.problems import InvalidBundle
from ropeway.errors import InvalidWorkflow, NotFound, Refused, UsageError
from ropeway.lang.dialects import locator_for
from ropeway.lang.formats import WORKFLOW_ID, fits
from ropeway.lang.reference import LocalReference, PathReference, RegistryReference, parse_reference
from ropeway.lang.versions import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ropeway.app.reading import Loaded
    from ropeway.bundles.blobs import Bundle
    from ropeway.lang.diagnostics import Diagnostic
    from ropeway.lang.library import Wanted
    from ropeway.registry import Kind

__all__ = ["check_name", "check_semantic", "check_version", "check_workflow", "definition_in", "secrets_in"]

_LARGEST: Final = 2**20
_SECRETS: Final = (
    ("a private key", (b"PRIVATE KEY",), re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")),
    ("a key of AWS", (b"AKIA", b"ASIA"), re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    (
        "a token of GitHub",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})"),
    ),
    ("a token of GitLab", (b"glpat-",), re.compile(rb"\bglpat-[A-Za-z0-9_-]{20}")),
    ("a token of Slack", (b"xox",), re.compile(rb"\bxox[abprs]-[A-Za-z0-9-]{20,}")),
    ("a key of Anthropic or OpenAI", (b"sk-ant-", b"sk-proj-"), re.compile(rb"\bsk-(?:ant-|proj-)[A-Za-z0-9_-]{20,}")),
    ("a token of PyPI or npm", (b"pypi-", b"npm_"), re.compile(rb"\b(?:pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{36})")),
)
"""Texts that are secrets and nothing else: a false alarm teaches people to ignore it. Each with what it can't be without, which is looked for
first: that is twenty times as quick."""


def definition_in(source: Path) -> Path | None:
    """Return the workflow file of what is to be published, None where that is something else, or not clear before it is packed."""
    if source.is_file():
        return source if source.suffix in (".toml", ".yaml", ".yml") else None
    return next((source / name for name in USUAL["workflow"] if (source / name).is_file()), None)


def check_workflow(file: Path, root: Path, packed: Iterable[str], cwd: Path) -> tuple[list[Diagnostic], list[str]]:
    """Look at a workflow as those will who fetch it.

    Args:
        file: Its definition.
        root: The folder that is published.
        packed: Paths of all files that travel, with slashes.
        cwd: What messages name files relative to.

    Returns:
        Diagnostics that are no errors, and sentences about what it names that others may not have.

    Raises:
        InvalidWorkflow: It, or a workflow beside it that it uses, has mistakes; all are told.
        Refused: It uses what does not travel along, or means something else on every machine.
    """
    loaded = reading.read(str(file), cwd=cwd)
    found = library.check(loaded) if loaded.workflow is not None else list(loaded.diagnostics)
    count = sum(each.severity == "error" for each in found)
    if count:
        raise InvalidWorkflow(f"{loaded.name} has {count:,} error{'s' * (count != 1)}", diagnostics=found)
    notes: list[str] = []
    for wanted in _references(loaded, cwd):
        note = _reference(wanted, root, frozenset(packed))
        if note is not None:
            notes.append(note)
    return found, list(dict.fromkeys(notes))


def _references(loaded: Loaded, cwd: Path) -> Iterator[Wanted]:
    """Yield the references of a workflow to others, and of those beside it that it uses."""
    from ropeway.lang.library import LinkedSource
    from ropeway.lang.link import wanted

    done: set[str] = set()
    waiting = [loaded]
    while waiting:
        each = waiting.pop()
        if each.workflow is None:
            continue
        path = None if each.path is None else str(each.path)
        for found in wanted(LinkedSource(each.workflow, "", path, locator_for(each.source)), {})[0]:
            yield found
            if found.key not in done and isinstance(parse_reference(found.reference), PathReference) and each.path is not None:
                done.add(found.key)
                waiting.append(reading.read(str(reading.resolve(found.reference, each.path.parent)), cwd=cwd))


def _reference(wanted: Wanted, root: Path, packed: frozenset[str]) -> str | None:
    """Return what is doubtful about a reference as a sentence, None when nothing is; raises for what can not work elsewhere."""
    place = f"{wanted.location.file}:{wanted.location.line}"
    reference = parse_reference(wanted.reference)
    if isinstance(reference, RegistryReference):
        if reference.registry is None:
            hint = "name what is elsewhere in full: oci://…, name@owner/repo"
            raise Refused(
                f"{place}: {reference} means the default registry, which is another one on every machine",
                hint=hint,
                code="default-registry-remote",
            )
        return f"{place}: {reference} is in a registry that you call {reference.registry}: who has none of that name can't use it (oci://… means the same to everybody)"
    if not isinstance(reference, (PathReference, LocalReference)):
        return None
    base, top = Path(wanted.base).parent if wanted.base is not None else root, os.path.abspath(root)  # noqa: PTH100 - links stay links
    try:
        path = bundled(wanted.reference, Path(os.path.abspath(base)), Path(top)).relative_to(top).as_posix()  # noqa: PTH100 - as above
    except (Refused, NotFound) as error:
        said = error.message.replace("the bundle that uses it", "what is published")
        raise Refused(f"{place}: {said}", hint=error.hint, code=error.code) from None
    if path not in packed:
        hint = "publish the folder instead of the file, or take it out of .ropewayignore"
        raise Refused(f"{place}: {wanted.reference} does not travel along", hint=hint, code="not-packed")
    return None


def check_version(bundle: Bundle, given: str | None, file: Path | None) -> str:
    """Return the version to publish: the one that was given, else what the definition says.

    Raises:
        InvalidBundle: There is none, or it is no semantic version; the message names the place.
        UsageError: The definition says another version than was given (code ``version-differs``).
    """
    version = given if given is not None else bundle.metadata.version
    shown = str(file) if file is not None else bundle.metadata.definition or bundle.kind
    if version is None:
        hint = (
            'write version = "1.0.0" into it, or say --version'
            if shown.endswith(".toml")
            else "write version: 1.0.0 into it, or say --version"
        )
        raise InvalidBundle(f"{shown}:1: it has no version, and what is published needs one", hint=hint, code="version-missing")
    check_semantic(version, "" if given is not None else f"{shown}:{_line(file, version)}: ")
    own = bundle.metadata.version
    if own is not None and own != version:  # what is signed and what a plan shows would be two versions of one content
        hint = f"write version {version} into it, or leave --version out: that is for files without one"
        raise UsageError(f"{shown}:{_line(file, own)}: it says that it is {own}, not {version}", hint=hint, code="version-differs")
    return version


def check_semantic(version: str, place: str = "") -> None:
    """Make sure that something is a semantic version; ``place`` stands in front of the message.

    Raises:
        InvalidBundle: It is none (code ``version-invalid``).
    """
    found = parse_version(version)
    if found is None or str(found) != version:
        hint = "three numbers, such as 1.2.0, and -rc.1 behind them for what comes before a release (semver.org)"
        raise InvalidBundle(f"{place}{version!r:.80} is no semantic version", hint=hint, code="version-invalid")


def check_name(name: str, kind: Kind | None = None) -> str:
    """Return the name to publish under: one or two parts, ``org/name``; three are fine for a skill or an agent, and while the kind is not known.

    Raises:
        UsageError: It can not be one (code ``name-invalid``).
    """
    parts = name.split("/")
    if len(parts) > (2 if kind == "workflow" else 3) or not all(fits(part, WORKFLOW_ID) for part in parts):
        raise UsageError(f"{name!r:.100} can not be a name to publish under", hint=WORKFLOW_ID.hint, code="name-invalid")
    return name


def _line(file: Path | None, version: str) -> int:
    if file is None or not file.is_file():
        return 1
    lines = file.read_text("utf-8", errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if "version" in line and version in line), 1)


def secrets_in(files: Iterable[tuple[str, Path]]) -> Iterator[str]:
    """Yield a sentence for each file that holds what looks like a secret; ``files`` are paths in the bundle and on this machine."""
    for name, path in files:
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST)
        except OSError:
            continue  # packing tells
        for what, marks, pattern in _SECRETS:
            found = pattern.search(data) if any(mark in data for mark in marks) else None
            if found is not None:
                line = data.count(b"\n", 0, found.start()) + 1
                yield f"{name}:{line} holds what looks like {what}: everybody who can read the registry can read it"
                break
