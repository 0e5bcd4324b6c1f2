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

from ropeway.api.registries import (
    WorkflowDefinition,
    clear_workflow_cache,
    discover_workflow,
    get_workflow_metadata,
    list_workflows,
    load_workflow_from_yaml,
    pull_workflow_from_registry,
    push_workflow_to_registry,
)
from ropeway.api.runs import (
    Chunk,
    Diagnostic,
    Filter,
    Loaded,
    Plan,
    RunEvent,
    RunOptions,
    RunState,
    Sources,
    StepState,
    answer,
    artifacts,
    cancel,
    cancel_async,
    events,
    load,
    logs,
    plan,
    resume,
    resume_async,
    run,
    run_async,
    runs_of,
    status,
    validate,
    workspaces,
)

__all__ = [
    "Chunk",
    "Diagnostic",
    "Filter",
    "Loaded",
    "Plan",
    "RunEvent",
    "RunOptions",
    "RunState",
    "Sources",
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
