"""Locking what a project's references mean, checking that everything is locked, and moving on to newer versions with open eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ropeway.app import locking, reading, workflows
from ropeway.app.planning import make_template
from ropeway.app.projects import LOCK_FILE, find_project, project_files, read_bytes
from ropeway.bundles.capabilities import Capabilities, difference
from ropeway.bundles.problems import BundleRefused
from ropeway.errors import NotFound, RopewayError, UsageError
from ropeway.lang.reference import AdHocReference, HttpsReference, OciReference, RegistryReference, parse_reference
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ropeway.app.sources import Sources
    from ropeway.lang.model import Workflow
    from ropeway.lang.reference import Reference
    from ropeway.registry import Fetched
    from ropeway.registry.lockfile import Lock, Locked

__all__ = ["Change", "changes", "check", "lock", "project_of", "prune", "take"]

State = Literal["same", "newer", "pinned", "failed"]


@record
class Change:
    """What one reference means now, against what is locked.

    ``state``: ``same`` is as before, ``newer`` differs, ``pinned`` names its content and can't differ, ``failed`` could not be asked or must not be
    used (``error`` says why). Steps are named by id; ``capabilities`` and ``signers`` are lines with ``+`` or ``-`` in front. When what is locked can't be
    had any more, all that the new version may do counts as new.
    """

    reference: str
    state: State
    before: Locked | None = None
    after: Locked | None = None
    steps_added: tuple[str, ...] = ()
    steps_removed: tuple[str, ...] = ()
    steps_changed: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    error: RopewayError | None = None

    @property
    def widens(self) -> bool:
        """Whether the new version may do more, or other people vouch for it."""
        return any(line.startswith("+") for line in self.capabilities) or bool(self.signers)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "reference": self.reference,
            "state": self.state,
            "before": _entry(self.before),
            "after": _entry(self.after),
            "steps": {"added": list(self.steps_added), "removed": list(self.steps_removed), "changed": list(self.steps_changed)},
            "capabilities": list(self.capabilities),
            "signers": list(self.signers),
            "error": None if self.error is None else {"code": self.error.code, "message": self.error.message, "hint": self.error.hint},
        }


def project_of(cwd: Path) -> Path:
    """Return the project around a folder; raises ``NotFound`` when there is none."""
    project = find_project(cwd)
    if project is None:
        raise NotFound("there is no workflow here", hint="`workflow init` starts one", code="no-project")
    return project


def lock(project: Path, references: Sequence[str], sources: Sources) -> Lock:
    """Lock what a project's workflows use, and the references named; what is locked already stays as it is.

    A lockfile that can't be read (two branches changed it) is moved aside and written anew.

    Raises:
        InvalidWorkflow: A workflow has errors.
        NotFound, Unreachable, Refused: A reference can't be had, or must not be used.
        UsageError: A reference is a path.
    """
    _mend(project, sources)
    for text in references:
        _forget_mismatch(project, text, sources)
        sources.bring(_remote(text), by="own", project=project, record=True)
    if not references:
        for path in project_files(project):
            make_template(reading.read(str(path), cwd=project, sources=lambda: sources))
    return locking.lock_of(project)


def check(project: Path, sources: Sources) -> list[str]:
    """Return what a project uses that is not locked, as ``file:line: reference``; empty when everything is. Asks no network.

    Raises:
        InvalidWorkflow: A workflow has errors, so that nobody knows what it uses.

    A locked workflow that is not on this machine is not looked into: what it uses is locked when it is fetched.
    """
    locked = locking.lock_of(project)
    missing = {line: None for entry in locked.entries if (line := _wrong(entry, sources))}
    for path in project_files(project) if not missing else ():
        loaded = workflows.load(str(path), cwd=project, sources=lambda: sources)
        for where, reference in _uses(loaded.checked()):
            if locked.find(reference) is None:
                place = loaded.source.locate(where)
                missing[f"{place.file}:{place.line}: {reference}"] = None
    return list(missing)


def _wrong(entry: Locked, sources: Sources) -> str | None:
    """Return why an entry can't be used, None when it can."""
    try:
        sources.check_entry(_remote(entry.reference), entry)
    except RopewayError as error:
        return f"{entry.reference}: {error.message}"
    found = sources.store.find(entry.source, entry.digest, entry.name)
    if found is not None and found.tree != entry.tree:
        return f"{entry.reference}: the files at hand are not those that are locked"
    return None


def prune(project: Path, sources: Sources) -> list[str]:
    """Take out of a project's lockfile what none of its workflows uses, directly or not; return the references."""
    used: set[str] = set()
    for path in project_files(project):
        plan = make_template(reading.read(str(path), cwd=project, sources=lambda: sources))
        used.update(t.provenance.reference for t in plan.workflows.values() if t.provenance is not None)
    before = locking.lock_of(project)
    gone = [entry.reference for entry in before.entries if entry.reference not in used]
    locking.change(project, lambda now: now.keeping(used))
    return gone


def changes(project: Path, references: Sequence[str], sources: Callable[[], Sources]) -> Iterator[Change]:
    """Yield what every locked reference (or only some) means now. Nothing is written to the lockfile.

    Raises:
        NotFound: A reference is not locked, or there is no lockfile.
    """
    locked = locking.lock_of(project)
    if not locked.entries:
        raise NotFound(f"{project} has nothing locked", hint="`workflow lock` locks what its workflows use", code="nothing-locked")
    known = {entry.reference for entry in locked.entries}
    unknown = [text for text in references if text not in known]
    if unknown:
        raise NotFound(f"{unknown[0]} is not in {LOCK_FILE}", hint=f"`workflow lock {unknown[0]}` adds it", code="not-locked")
    for entry in locked.entries:
        if not references or entry.reference in references:
            yield _change(entry, sources())


def take(project: Path, found: Iterable[Change]) -> None:
    """Write the new meaning of references into a project's lockfile."""
    entries = [each.after for each in found if each.after is not None]
    locking.change(project, lambda now: now.adding(entries))


def _change(entry: Locked, sources: Sources) -> Change:
    reference = _remote(entry.reference)
    ref = getattr(reference, "ref", None)
    if getattr(reference, "digest", None) is not None or (ref is not None and ref.pinned):
        return Change(entry.reference, "pinned", entry)
    try:
        after = sources.look(reference, before=entry)
    except RopewayError as error:
        return Change(entry.reference, "failed", entry, error=error)
    made = locking.entry_of(entry.reference, after, sources.judge.signers(after))
    if made.digest == entry.digest:
        return Change(entry.reference, "same", entry)
    before = sources.locked_files(reference, entry)
    return _compared(entry, made, before, after)


def _compared(before: Locked, after: Locked, was: Fetched | None, now: Fetched) -> Change:
    """Compare two versions. Of one that is not on this machine any more nothing is known, so that all that the new one may touch is more."""
    signers = (
        *(f"+ {key}" for key in after.signers if key not in before.signers),
        *(f"- {key}" for key in before.signers if key not in after.signers),
    )
    touches = tuple(difference(Capabilities() if was is None else _touches(was), _touches(now)))
    old, new = None if was is None else _model(was), _model(now)
    if new is None or old is None:
        return Change(before.reference, "newer", before, after, capabilities=touches, signers=signers)
    return Change(
        before.reference,
        "newer",
        before,
        after,
        tuple(name for name in new.steps if name not in old.steps),
        tuple(name for name in old.steps if name not in new.steps),
        tuple(name for name in new.steps if name in old.steps and new.steps[name] != old.steps[name]),
        touches,
        signers,
    )


def _touches(fetched: Fetched) -> Capabilities:
    """Return what a workflow may touch with all the files it came with."""
    from ropeway.bundles.reachable import folder_files, reachable

    return reachable(fetched.file, read_bytes(fetched.path, fetched.file), folder_files(fetched.root))


def _model(fetched: Fetched) -> Workflow | None:
    return reading.read_text(read_bytes(fetched.path, fetched.file), fetched.file, fetched.path, cwd=fetched.root).workflow


def _uses(workflow: Workflow | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the references that leave this machine, with the place that says each."""
    if workflow is None:
        return
    for kind, bodies in (("steps", workflow.steps), ("actions", workflow.actions)):
        for name, body in bodies.items():
            if body.uses is None or not body.uses.startswith("workflow:"):
                continue
            try:
                yield (kind, name, "uses"), str(_remote(body.uses.removeprefix("workflow:")))
            except UsageError:
                continue


def _mend(project: Path, sources: Sources) -> None:
    """Move a lockfile aside that can't be read; one of a newer program stays, and is an error."""
    path = project / LOCK_FILE
    try:
        locking.lock_of(project)
    except UsageError as error:
        aside = path.with_name(f"{LOCK_FILE}.damaged")
        path.replace(aside)
        sources.tell(f"{error.message}; it is {aside} now, and {LOCK_FILE} is written anew")


def _forget_mismatch(project: Path, text: str, sources: Sources) -> None:
    """Take an entry away that can not be what its reference means: the person asks for it to be locked anew."""
    entry = locking.lock_of(project).find(text)
    try:
        if entry is not None:
            sources.check_entry(_remote(text), entry)
    except BundleRefused:
        locking.change(project, lambda now: now.keeping(each.reference for each in now.entries if each.reference != text))


def _remote(text: str) -> Reference:
    """Return a reference that leaves this machine; raises ``UsageError`` for any other."""
    reference = parse_reference(text)
    if not isinstance(reference, AdHocReference | HttpsReference | OciReference | RegistryReference):
        raise UsageError(
            f"{text} is on this machine, there is nothing to lock", hint="name@registry, name@owner/repo, oci://… and https://… are locked"
        )
    return reference


def _entry(entry: Locked | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {"source": entry.source, "version": entry.version, "digest": entry.digest, "tree": entry.tree, "signers": list(entry.signers)}
