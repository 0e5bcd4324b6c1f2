"""What a Python program calls: load, validate, plan, run, resume, cancel, status, logs, artifacts, workspaces, workflows in OCI registries.

Every verb that takes time exists twice: as a coroutine (``run_async``) and as a plain function of the same name without the ending, which also works while an event
loop is running in the calling thread. A run started here has processes of its own: it outlives the program, and can be watched and cancelled by its id from anywhere.

Errors are those of :mod:`ropeway.errors`. A run that fails is no error: its state says so. The functions about workflows in OCI registries answer
with False, None or an empty list instead, and log why.

    >>> from ropeway import api
    >>> state = api.run("workflow.toml", params={"who": "you"})
    >>> state.state
    'succeeded'
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ropeway.app import artifacts as kept
from ropeway.app import history, local, planning, reaching, resuming, runs, workflows
from ropeway.app import logs as printed
from ropeway.app.definitions import WorkflowDefinition
from ropeway.app.logs import Chunk
from ropeway.app.options import RunOptions
from ropeway.app.workflows import Loaded
from ropeway.lang.diagnostics import Diagnostic
from ropeway.lang.plan import Plan, Value
from ropeway.runs.events import RunEvent
from ropeway.runs.index import Filter
from ropeway.runs.state import RunState, StepState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence

    from ropeway.runs.folder import RunFolder
    from ropeway.workspaces.manager import Manager

__all__ = [
    "Chunk",
    "Diagnostic",
    "Filter",
    "Loaded",
    "Plan",
    "RunEvent",
    "RunOptions",
    "RunState",
    "StepState",
    "WorkflowDefinition",
    "answer",
    "artifacts",
    "cancel",
    "cancel_async",
    "clear_workflow_cache",
    "discover_workflow",
    "events",
    "get_workflow_metadata",
    "list_workflows",
    "load",
    "load_workflow_from_yaml",
    "logs",
    "plan",
    "pull_workflow_from_registry",
    "push_workflow_to_registry",
    "resume",
    "resume_async",
    "run",
    "run_async",
    "runs_of",
    "status",
    "validate",
    "workspaces",
]

T = TypeVar("T")


def load(target: str | Path | None = None, *, cwd: Path | None = None, overrides: Sequence[str] = ()) -> Loaded:
    """Read and check a workflow.

    Args:
        target: A path, or the id of a workflow of the project around ``cwd``; None for ``./workflow.toml``.
        cwd: Where relative paths start; the working folder when None.
        overrides: ``key.path=value`` or paths of override files, in order.

    Returns:
        What was read: ``valid``, ``workflow`` and ``diagnostics``.

    Raises:
        NotFound: There is no such file or workflow.
    """
    return workflows.load(_text(target), cwd=cwd or Path.cwd(), overrides=overrides)


def validate(target: str | Path | None = None, *, cwd: Path | None = None, overrides: Sequence[str] = ()) -> list[Diagnostic]:
    """Return everything that is wrong with a workflow, sorted by place; empty when it is fine. See :func:`load`."""
    return list(load(target, cwd=cwd, overrides=overrides).diagnostics)


def plan(
    target: str | Path | Loaded | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    overrides: Sequence[str] = (),
) -> Plan:
    """Return what a run would carry out.

    Args:
        target: As for :func:`load`, or what it returned.
        params: Parameters: texts are read as ``--param`` reads them, other values are taken as they are.
        env: Environment variables for every step; they win over the steps' own.
        cwd: As for :func:`load`.
        overrides: As for :func:`load`.

    Raises:
        InvalidWorkflow: ``diagnostics`` holds every problem.
        NotFound: There is no such workflow.
    """
    loaded = target if isinstance(target, Loaded) else workflows.read(_text(target), cwd=cwd or Path.cwd(), overrides=overrides)
    texts = {name: value for name, value in (params or {}).items() if isinstance(value, str)}
    values = {name: Value(value, "param") for name, value in (params or {}).items() if not isinstance(value, str)}
    return planning.make_plan(loaded, cwd=cwd or Path.cwd(), params=texts, values=values, env=env)


async def run_async(
    target: str | Path | Loaded | Plan | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    overrides: Sequence[str] = (),
    options: RunOptions | None = None,
    on_event: Callable[[RunEvent], object] | None = None,
) -> RunState:
    """Run a workflow and return its state at the end, or when it waits for a person.

    Args:
        target: As for :func:`plan`, or a plan.
        params: As for :func:`plan`.
        env: As for :func:`plan`.
        cwd: As for :func:`load`; also the folder that the steps run in.
        overrides: As for :func:`load`.
        options: How it is carried out.
        on_event: Called with every event of the run.

    Raises:
        InvalidWorkflow: It can't be planned.
        Refused: It asks for what can't be enforced on this machine.
        StoreError: The state directory can't be written.
    """
    made = target if isinstance(target, Plan) else plan(target, params=params, env=env, cwd=cwd, overrides=overrides)
    folder = runs.create(made, cwd=(cwd or Path.cwd()).absolute(), options=options or RunOptions())
    return await _carried_out(folder, on_event, after=0)


async def resume_async(
    run: str | None = None,
    *,
    replan: bool = False,
    set: Mapping[str, str] | None = None,  # noqa: A002 - the option's name
    start: str | None = None,
    skip: Sequence[str] = (),
    on_event: Callable[[RunEvent], object] | None = None,
) -> RunState:
    """Go on with a run, in it or (with any of the last four arguments but ``on_event``) in a new one that keeps what still holds.

    Args:
        run: An id or a unique prefix; the latest run when None.
        replan: Take today's file instead of the recorded plan.
        set: Parameters to change, as text.
        start: Run this step and what depends on it again.
        skip: Leave these steps out.
        on_event: Called with every new event.

    Raises:
        Busy: It is being carried out.
        NotFound: There is no such run.
        UsageError: It has nothing to resume, or a change does not fit.
    """
    changes = resuming.Changes(replan=replan, values=set or {}, start=start, skip=tuple(skip))
    folder = resuming.prepare(run, changes).folder
    return await _carried_out(folder, on_event, after=max((event.seq for event in folder.events()), default=0))


async def _carried_out(folder: RunFolder, on_event: Callable[[RunEvent], object] | None, *, after: int) -> RunState:
    work = asyncio.create_task(local.carry_out(folder))
    while on_event is not None:
        done, _ = await asyncio.wait({work}, timeout=local.POLL)
        for event in folder.events(after=after):
            after = event.seq
            on_event(event)
        if done:
            break
    return await work


async def cancel_async(run: str, *, reason: str = "asked for by a program") -> RunState:
    """Cancel a run and return its state when it has ended.

    Raises:
        NotFound: There is no such run.
        UsageError: It has ended already.
    """
    return await asyncio.to_thread(reaching.cancel, history.find_run(run), reason=reason)


async def events(run: str) -> AsyncIterator[RunEvent]:
    """Yield a run's events from its beginning, and those to come until nobody carries it out."""
    async for event in local.follow(history.find_run(run)):
        yield event


def run(
    target: str | Path | Loaded | Plan | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    overrides: Sequence[str] = (),
    options: RunOptions | None = None,
    on_event: Callable[[RunEvent], object] | None = None,
) -> RunState:
    """Run a workflow; see :func:`run_async`."""
    return _now(run_async(target, params=params, env=env, cwd=cwd, overrides=overrides, options=options, on_event=on_event))


def resume(
    run: str | None = None,
    *,
    replan: bool = False,
    set: Mapping[str, str] | None = None,  # noqa: A002 - the option's name
    start: str | None = None,
    skip: Sequence[str] = (),
    on_event: Callable[[RunEvent], object] | None = None,
) -> RunState:
    """Go on with a run; see :func:`resume_async`."""
    return _now(resume_async(run, replan=replan, set=set, start=start, skip=skip, on_event=on_event))


def cancel(run: str, *, reason: str = "asked for by a program") -> RunState:
    """Cancel a run; see :func:`cancel_async`."""
    return reaching.cancel(history.find_run(run), reason=reason)


def answer(run: str, step: str | None = None, value: Any = None, *, fields: Mapping[str, Any] | None = None) -> bool:
    """Answer a step that waits for a person.

    Args:
        run: An id or a unique prefix.
        step: The gate's address; the only open one when None.
        value: The answer to ``approve`` and ``choose``.
        fields: The answers to ``form``.

    Returns:
        Whether somebody carries the run out now and takes the answer; else :func:`resume` does.

    Raises:
        NotFound: No such run or open gate.
        UsageError: The answer does not fit.
    """
    return reaching.answer(history.find_run(run), step, value, fields or {})


def status(run: str | None = None) -> RunState:
    """Return a run's state; the latest run's when None. Raises ``NotFound``."""
    return history.status(history.find_run(run, latest=run is None))


def runs_of(wanted: Filter | None = None) -> Iterator[dict[str, Any]]:
    """Yield past and present runs, newest first, as ``workflow runs --json`` prints them."""
    yield from history.rows(wanted or Filter())


def logs(run: str | None = None, *, step: str | None = None, attempt: int | None = None) -> Iterator[Chunk]:
    """Yield what a run's steps printed, attempt after attempt.

    Raises:
        NotFound: There is no such run or step.
    """
    for piece in printed.read(history.find_run(run, latest=run is None), step=step, attempt=attempt):
        if isinstance(piece, Chunk):
            yield piece


def artifacts(run: str | None = None, *, output: Path | None = None, name: str | None = None, force: bool = False) -> list[dict[str, Any]]:
    """Return a run's artifacts; with ``output``, copy them into that folder first. ``file`` is the path of the kept file, or of the copy.

    Raises:
        NotFound: There is no such run or artifact.
        Refused: A file exists, and ``force`` is not set.
    """
    state = history.status(folder := history.find_run(run, latest=run is None))
    return kept.listed(folder, state, name=name) if output is None else kept.get(folder, state, output, name=name, force=force)


def workspaces(cwd: Path | None = None, *, backend: str = "auto") -> Manager:
    """Return what manages the workspaces of a repository.

    It has ``ensure_workspace(id, base_change, direnv_policy)``, ``update_status(id, status, workflow, command)``,
    ``sync_tools(id)``, ``cleanup(id)``, ``list()``, ``read(id)`` and ``environ_for(id)``.

    Args:
        cwd: A folder in the repository; the working folder when None.
        backend: ``auto``, ``jj``, ``git``, ``plain``, or a plugin's.

    Raises:
        NotFound: There is no repository.
        Refused: That backend can't work there.
    """
    import os

    from ropeway.app import workspaces as kept_apart

    return kept_apart.find(str(cwd or Path.cwd()), os.environ, backend)


def load_workflow_from_yaml(path: str | Path) -> WorkflowDefinition:
    """Read a workflow document as plain values: ``metadata`` (``id name version description tags``) and ``steps``, nested as in the file.

    Both kinds of documents can be read, ``metadata:`` with a list of steps and our own, as YAML and as TOML. Workflows that it calls are not
    looked for: those are found when it is planned.

    Raises:
        NotFound: There is no such file.
        InvalidWorkflow: It is no YAML, or no workflow; ``diagnostics`` holds every problem with its place.
    """
    from ropeway.app import definitions

    return definitions.load_workflow_from_yaml(path)


def push_workflow_to_registry(workflow_file: str | Path, workflow_id: str, version: str = "v1", *, registry: str | None = None) -> bool:
    """Push a workflow's file, byte for byte, to ``<registry>/workflows/<workflow_id>:<version>``. A version that is there is replaced.

    It is one layer of the type ``application/yaml`` titled with the file's base name, so that ``oras pull`` gives the plain file. A file that is no
    valid workflow, or says another id, is pushed with a warning in the log.

    Args:
        workflow_file: The file.
        workflow_id: Lower-case letters and digits, joined by ``. _ - /``.
        version: The tag; a ``+`` becomes ``_``.
        registry: ``HOST[:PORT][/PREFIX]`` or the name of a configured OCI registry; None for the setting ``oci_registry``
            (``$ROPEWAY_OCI_REGISTRY``), which is ``localhost:5000`` unless it is set. Plain HTTP is spoken to this machine only.

    Returns:
        Whether it was pushed. When not (no such file, no answer, not allowed, an id or version that can't be), the log of ``ropeway`` says why.
    """
    from ropeway.app import pallet

    return pallet.push(workflow_file, workflow_id, version, registry)


def pull_workflow_from_registry(
    workflow_id: str, version: str = "v1", output_dir: str | Path | None = None, *, registry: str | None = None
) -> Path | None:
    """Pull a workflow and return the path of its file, whatever pushed it.

    Every file is verified before it is written. An id that is not found and ends in ``-v1``, ``-v2`` … is tried without that, at the version that
    it says, unless ``version`` asks for another one (``v1`` counts as asking for none).

    Args:
        workflow_id: As pushed.
        version: The tag.
        output_dir: Where to write the files; made when it is not there, and what is there under the same names is replaced. None for the
            cache: the file there is read-only and stays until the cache is cleaned; a second pull of the same content gives the same path.
        registry: As for :func:`push_workflow_to_registry`.

    Returns:
        The path. None when it was not pulled (not found, no answer, no workflow in it, altered on the way, nothing can be written there); the log
        of ``ropeway`` says why.
    """
    from ropeway.app import pallet

    return pallet.pull(workflow_id, version, output_dir, registry)


def list_workflows(*, registry: str | None = None) -> list[str]:
    """Return the repositories of workflows in a registry, such as ``["workflows/code-generation", "workflows/smart-router"]``.

    Args:
        registry: As for :func:`push_workflow_to_registry`; its prefix is left out of the names.

    Returns:
        All of them, however many pages the registry's catalog has. Empty when there are none or they can't be listed; then the log of ``ropeway``
        says why.
    """
    from ropeway.app import pallet

    return pallet.listed(registry)


def get_workflow_metadata(workflow_id: str, version: str = "v1", *, registry: str | None = None) -> dict[str, Any] | None:
    """Return what a workflow in a registry says of itself: ``id name version description tags``, and ``steps``, how many it has.

    ``id`` and ``version`` are those in the file, ``description`` is None when there is none, inner steps are not counted. Arguments as for
    :func:`pull_workflow_from_registry`.

    Returns:
        None when it can't be pulled or is no valid workflow; the log of ``ropeway`` says why.
    """
    from ropeway.app import pallet

    return pallet.metadata(workflow_id, version, registry)


async def discover_workflow(workflow_id: str, version: str = "v1", *, registry: str | None = None) -> WorkflowDefinition | None:
    """Find a workflow in a registry and load it; arguments as for :func:`pull_workflow_from_registry`.

    What was found is kept in memory. Asking again costs one question for the digest, and gives the same object while the content is the same,
    or while the registry does not answer. Any number of tasks and threads may ask at once: what they all want is pulled once.

    Returns:
        None when it is not found or is no valid workflow; the log of ``ropeway`` says why.
    """
    from ropeway.app import discovery

    return await asyncio.to_thread(discovery.discover, workflow_id, version, registry)


def clear_workflow_cache() -> None:
    """Forget what :func:`discover_workflow` keeps in memory; the next call pulls again."""
    from ropeway.app import discovery

    discovery.clear()


def _text(target: str | Path | None) -> str | None:
    return str(target) if isinstance(target, Path) else target


def _now(work: Coroutine[Any, Any, T]) -> T:
    """Wait for a coroutine, in a loop of its own; in a thread of its own when this one's loop is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with concurrent.futures.ThreadPoolExecutor(1, "ropeway") as thread:
        return thread.submit(asyncio.run, work).result()
