"""Bringing something here, verified and judged, without running it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.app import reading
from ropeway.app.projects import find_project
from ropeway.errors import Refused, UsageError
from ropeway.records import record
from ropeway.registry.cache.labels import Said, said_by, semantic

if TYPE_CHECKING:
    from ropeway.app.sources import Sources
    from ropeway.lang.reference import Reference
    from ropeway.registry import Fetched, Kind

__all__ = ["Got", "elsewhere", "fetch"]


@record
class Got:
    """What was brought here. ``path`` is where its files are for people: the folder that was asked for, else a link into the store."""

    reference: str
    fetched: Fetched
    path: Path
    signers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    who: tuple[str, ...] = ()
    """The signers for people: with the names of keys that are known here."""
    said: Said = Said()

    @property
    def version(self) -> str | None:
        """The semantic version where there is one, else the tag or branch it was found by."""
        return semantic(self.fetched.pin.version, self.said.version)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        pin = self.fetched.pin
        return {
            "reference": self.reference,
            "source": pin.source,
            "name": pin.name or self.said.id,
            "kind": pin.kind,
            "version": self.version,
            "digest": pin.digest,
            "tree": self.fetched.tree,
            "path": str(self.path),
            "file": str(self.path / self.fetched.file),
            "signers": list(self.signers),
            "notes": list(self.notes),
        }


def elsewhere(text: str, cwd: Path, kind: Kind = "workflow") -> Reference:
    """Return what a text means, which is not on this machine.

    Raises:
        UsageError: It is no reference, or means a file of this machine.
        NotFound: It is a bare name in a project that has no such workflow.
    """
    from ropeway.lang.reference import LocalReference, PathReference, RegistryReference, parse_reference

    hint = "name what is elsewhere: NAME@REGISTRY, NAME@OWNER/REPO, oci://…, https://…"
    if kind != "workflow":
        parsed = parse_reference(text, kind="skill" if kind == "skill" else "workflow")
        if isinstance(parsed, PathReference):
            raise UsageError(f"{text} is on this machine", hint=hint, code="not-elsewhere")
        return RegistryReference(parsed.name, None, parsed.ref) if isinstance(parsed, LocalReference) else parsed
    place = reading.locate(text, cwd)
    if isinstance(place, Path):
        if isinstance(parse_reference(text), LocalReference):
            hint = f"write {text}@ for the one in the default registry"
        raise UsageError(f"{text} is on this machine: {place}", hint=hint, code="not-elsewhere")
    return place


def fetch(text: str, *, sources: Sources, cwd: Path, output: Path | None = None, force: bool = False) -> Got:
    """Bring what a reference means into the store.

    Args:
        text: The reference.
        sources: Where it leads.
        cwd: The current folder.
        output: A folder that gets a copy of the files; None for none.
        force: Files that are there already are overwritten.

    Raises:
        UsageError, NotFound, Unreachable: See :func:`elsewhere` and :meth:`ropeway.app.sources.Sources.bring`.
        Refused: It must not be used (the named errors of ``bundles.problems``), or files are in the way (code ``output-exists``).
        StoreError: The store, or the folder, can't be written.
    """
    reference = elsewhere(text, cwd, sources.kind)
    if output is not None:
        _check_output(output, force=force)
    fetched = sources.bring(reference, by="typed", project=find_project(cwd) or cwd, record=sources.lock)
    if output is not None:
        _copy(fetched, output)
    said = said_by(fetched)
    notes = _notes(fetched)
    path = output
    if path is None:
        path, missing = _link(fetched, said, sources)
        notes = (*notes, *missing)
    signers = sources.judge.signers(fetched)
    return Got(str(reference), fetched, path, signers, notes, sources.judge.who(signers), said)


def _link(fetched: Fetched, said: Said, sources: Sources) -> tuple[Path, tuple[str, ...]]:
    """Return the link under the name that people know, else the folder in the store; and a sentence when a link could not be made."""
    from ropeway.registry.cache.links import link_places

    links = [top.joinpath(*parts) for top, parts in reversed(link_places(sources.store.cache, fetched.pin, said))]
    found = next((link for link in links if os.path.realpath(link) == os.path.realpath(fetched.root)), fetched.root)
    return found, () if found == links[0] else (f"{links[0]} can not be made: something else is in the way",)


def _check_output(output: Path, *, force: bool) -> None:
    if os.path.lexists(output) and not output.is_dir():
        raise Refused(f"{output} exists, and is no folder", hint="name another one with --output", code="output-exists")
    if output.is_dir() and not force and any(output.iterdir()):
        hint = "name another folder with --output, or overwrite what is there with --force"
        raise Refused(f"{output} exists and is not empty", hint=hint, code="output-exists")


def _copy(fetched: Fetched, output: Path) -> None:
    import tempfile

    from ropeway.app.packages import move_files, output_failures
    from ropeway.bundles.tree import copy_tree, walk

    with output_failures(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".ropeway-fetch-", dir=output.parent) as staging:
            made = Path(staging, "new")
            copy_tree(fetched.root, made)
            move_files(made, output, [os.fsdecode(path) for path, _ in walk(made)])


def _notes(fetched: Fetched) -> tuple[str, ...]:
    """Return what is odd about what was fetched: that it calls itself otherwise than the place where it was found."""
    from ropeway.bundles.verdicts import full_name

    pin = fetched.pin
    if pin.kind != "workflow" or not pin.name:
        return ()
    loaded = reading.read_text(fetched.path.read_bytes(), fetched.file, fetched.path, cwd=fetched.root)
    name = full_name(pin.source, pin.name)
    own = "" if loaded.workflow is None else loaded.workflow.id
    if not own or own in (name, pin.name) or own.rpartition("/")[2] == name.rpartition("/")[2]:
        return ()
    return (f"it is called {name} there, and calls itself {own}",)
