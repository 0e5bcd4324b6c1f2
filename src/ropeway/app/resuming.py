"""Going on with a run: as it was planned, or as a new run that keeps what still holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.app import history, linked_runs
from ropeway.errors import NotFound, Refused, UsageError
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ropeway.app.options import RunOptions
    from ropeway.app.readiness import Ready
    from ropeway.app.sources import Sources
    from ropeway.lang.plan import Plan
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.workspace import Files

__all__ = ["Changes", "Resumable", "prepare"]


@record
class Changes:
    """What a person wants other than before; nothing by default, and then the same run goes on. ``files`` says what becomes of the files it left."""

    replan: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    start: str | None = None
    skip: tuple[str, ...] = ()
    files: Files = "auto"

    def __bool__(self) -> bool:
        return bool(self.replan or self.values or self.start or self.skip)


@record
class Resumable:
    """What to carry out: the run itself, or a new one ``linked_to`` it. ``note`` is worth telling the person; ``ready`` is what was read for a new run."""

    folder: RunFolder
    linked_to: str | None = None
    note: str | None = None
    ready: Ready | None = None


def prepare(
    run: str | None,
    changes: Changes,
    *,
    options: RunOptions | None = None,
    prompt: Callable[[str], str] | None = None,
    sources: Callable[[], Sources] | None = None,
) -> Resumable:
    """Find a run that can go on, and make the linked one when something is to change.

    Args:
        run: An id or the beginning of one; else a path, an id or a reference of a workflow, whose newest run that can go on is taken; None for the
            latest run.
        changes: What is to be other than before.
        options: How the new run is carried out; None takes what was recorded.
        prompt: Asks for a secret of the new run without echo; None when there is nobody.
        sources: Gives where references lead that leave this machine; see ``app.reading.read``.

    Raises:
        NotFound: There is no such run.
        Busy: It is being carried out.
        Refused: Files are to go back that were never saved.
        UsageError: It has nothing to resume, or a change does not fit.
        InvalidWorkflow: Today's file has errors.
    """
    folder, named = _find(run)
    if changes.start is not None and changes.start in changes.skip:
        raise UsageError(f"step {changes.start} can not be both run again and skipped", hint="leave out one of --from and --skip")
    if changes.files == "restore":
        _check_saved(folder)
    if not changes:
        linked_runs.check_resumable(folder, history.status(folder))
        return Resumable(folder, note=_moved(folder, sources) if named else linked_runs.changed_since(folder))
    history.status(folder)  # ends what a dead run left running
    plan = _replanned(folder, sources) if changes.replan else None
    new, ready = linked_runs.link(
        folder,
        plan=plan,
        values=changes.values,
        from_step=changes.start,
        skip=changes.skip,
        options=options,
        prompt=prompt,
        files=changes.files,
    )
    return Resumable(new, linked_to=folder.id, ready=ready)


def _find(run: str | None) -> tuple[RunFolder, bool]:
    """Return a run, and whether it was found by the workflow's name and not by its own."""
    try:
        return history.find_run(run, latest=run is None), False
    except NotFound as error:
        if run is None:
            raise
        found, exists = _newest_of(run)
        if found is not None:
            return found, True
        if not exists:
            raise error from None
        hint = "`workflow runs` lists them; `workflow run` starts another one"
        raise NotFound(f"no run of {run} can go on: all have succeeded", hint=hint, code="run-not-found") from None


def _newest_of(workflow: str) -> tuple[RunFolder | None, bool]:
    """Return the newest run of a workflow that can go on, None when there is none; and whether there is any run of it.

    Raises:
        InvalidReference: It is written like a reference (with ``@``, ``#`` or ``://``), and is none.
    """
    from ropeway.app import reading
    from ropeway.app.runs import store
    from ropeway.errors import RopewayError
    from ropeway.lang.reference import InvalidReference
    from ropeway.runs.index import Filter
    from ropeway.runs.state import RESUMABLE

    try:
        place = reading.locate(workflow, Path.cwd())
    except InvalidReference:
        if any(mark in workflow for mark in ("@", "#", "://")):
            raise
        return None, False
    except RopewayError:
        return None, False
    local = str(place.absolute()) if isinstance(place, Path) else None
    exists = False
    for row in history.rows(Filter()):
        origin = row.get("provenance")
        if origin["reference"] == str(place) if origin else local is not None and row["source"] == local:
            exists = True
            if row["state"] in RESUMABLE:
                return store().find(row["run"]), True
    return None, exists


def _moved(folder: RunFolder, sources: Callable[[], Sources] | None) -> str | None:
    """Return a sentence when a reference means other content than when the run's plan was made, or when that can't be found out."""
    origin = folder.plan().template.provenance
    if origin is None:
        return linked_runs.changed_since(folder)
    from ropeway.app.sources import Sources
    from ropeway.errors import RopewayError
    from ropeway.lang.reference import parse_reference

    reach = sources() if sources is not None else Sources()
    if reach.offline:
        return None
    try:
        pin = reach.pin(parse_reference(origin.reference))
    except RopewayError as error:
        return f"whether {origin.reference} has moved since can't be told: {error.message}"
    if pin.digest == origin.digest:
        return None
    return f"{origin.reference} has moved since; the run goes on from its recorded plan (--re-resolve takes what it means now)"


def _check_saved(folder: RunFolder) -> None:
    first = next(iter(folder.events()), None)
    if first is not None and first.data.get("workspace", {}).get("backend", "none") == "none":
        message = f"the files of run {folder.id} can't go back: it works in place, where they are not saved"
        raise Refused(message, hint="leave out --restore; the run goes on with the files as they are", code="no-snapshots")


def _replanned(folder: RunFolder, sources: Callable[[], Sources] | None) -> Plan:
    """Return today's plan with what the person had set for the run; of a workflow from elsewhere, what its reference means today."""
    from ropeway.app import planning, workflows

    old = folder.plan()
    if old.template.source is None:
        raise NotFound(f"run {folder.id} came from no file", hint="leave out --replan", code="file-not-found")
    source, origin = Path(old.template.source), old.template.provenance
    cwd = source.parent if origin is None else Path.cwd()
    loaded = workflows.read(str(source) if origin is None else origin.reference, cwd=cwd, overrides=old.overrides, sources=sources)
    kept = {name: value for name, value in old.parameters.items() if value.origin in {"param", "params-file"}}
    return planning.make_plan(loaded, values=kept, env=old.env, cwd=cwd)
