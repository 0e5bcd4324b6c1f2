"""From what a file says to the model of a workflow: every key and type is checked, everything that is wrong is told at once.

The walk is ``lang.reader``'s, the keys are ``lang.table``'s; here stands what becomes of each table and what its keys mean together.
Parts that are wrong are left out of the model, so that later checks can tell the rest: a step whose ``run`` is wrong is still a step
that others may need (``run`` and ``uses`` are both None then). Such a workflow is for checking only; whoever plans asks
``Problems.failed`` first.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from ropeway.lang.fields import make_field
from ropeway.lang.hints import noun
from ropeway.lang.model import (
    Action,
    Artifact,
    Concurrency,
    Policy,
    Repeat,
    Requirements,
    Resources,
    Retry,
    SandboxPolicy,
    Step,
    Workflow,
    WorkspacePolicy,
)
from ropeway.lang.reader import BAD, Reader
from ropeway.lang.table import INPUT, ROOT

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Path, Problems
    from ropeway.lang.model import Field

__all__ = ["Tree", "build", "build_fields"]


class Tree(Protocol):
    """A read document: plain values, and where they stand."""

    @property
    def data(self) -> dict[str, Any]:
        """The top-level table."""
        ...


def build(document: Tree, problems: Problems) -> Workflow | None:
    """Make the model of a read document.

    Args:
        document: What ``lang.source`` or ``lang.merge`` returned.
        problems: Where to tell what is wrong; codes RW101 to RW119.

    Returns:
        The workflow, without the parts that are wrong; None when the document holds no key of a workflow at all.
    """
    data: Any = document.data
    if type(data) is not dict:
        problems.error("RW102", (), f"a workflow file is a table of keys, not {noun(data)}", hint='start with id = "my-workflow"')
        return None
    if not data.keys() & ROOT.keys.keys():
        problems.error("RW103", (), "this is no workflow: it has no 'id' and no 'steps'", hint="`workflow init` writes a first one")
        return None
    workflow = _reader(problems).table(ROOT, data, ())
    assert isinstance(workflow, Workflow)
    return workflow


def build_fields(fields: Any, path: Path, problems: Problems) -> dict[str, Field]:
    """Read declarations that stand in a value, such as the ``fields`` of ``gate:form``; written like an action's inputs.

    Args:
        fields: The table of declarations, as it stands in the file.
        path: Where it stands.
        problems: Where to tell what is wrong.
    """
    from ropeway.lang.formats import NAME
    from ropeway.lang.kinds import MapOf

    read = _reader(problems).read(MapOf(INPUT, NAME, "field"), fields, path)
    return read if isinstance(read, dict) else {}


def _reader(problems: Problems) -> Reader:
    field = partial(make_field, problems)
    return Reader(
        problems,
        {
            "workflow": partial(_workflow, problems),
            "parameter": field,
            "input": field,
            "output": field,
            "requirements": lambda values, _path, _raw: Requirements(**values),
            "policy": lambda values, _path, _raw: Policy(**values),
            "concurrency": lambda values, _path, _raw: Concurrency(**values) if "group" in values else BAD,
            "workspace": lambda values, _path, _raw: WorkspacePolicy(**values),
            "sandbox": lambda values, _path, _raw: SandboxPolicy(**values),
            "action": partial(_action, problems),
            "step": partial(_step, problems),
            "retry": partial(_retry, problems),
            "resources": lambda values, _path, _raw: Resources(**values),
            "repeat": lambda values, _path, _raw: Repeat(**values) if len(values) == 2 else BAD,
            "artifact": partial(_artifact, problems),
        },
    )


def _workflow(problems: Problems, values: dict[str, Any], _path: Path, raw: dict[str, Any]) -> Workflow:
    if raw.get("steps") == {}:
        problems.error("RW103", ("steps",), "the workflow has no steps", hint='add one: [steps.hello] with run = "echo hello"', key=True)
    values.setdefault("id", "")
    return Workflow(**values)


def _step(problems: Problems, values: dict[str, Any], path: Path, raw: dict[str, Any]) -> Step:
    if "shell" in raw:
        _check_shell(problems, path, raw)
    return Step(id=path[-1], **values)  # type: ignore[arg-type]  # the name of a table's entry is a string


def _action(problems: Problems, values: dict[str, Any], path: Path, raw: dict[str, Any]) -> Action:
    if "shell" in raw:
        _check_shell(problems, path, raw)
    with_inputs = values.pop("with", {})
    return Action(id=path[-1], with_inputs=with_inputs, **values)  # type: ignore[arg-type]  # same


def _check_shell(problems: Problems, path: Path, raw: dict[str, Any]) -> None:
    if isinstance(raw.get("run"), list):
        hint = "remove 'shell', or write 'run' as one string"
        problems.error("RW114", (*path, "shell"), "'shell' means nothing for a 'run' that is a list of words", hint=hint, key=True)


def _retry(problems: Problems, values: dict[str, Any], path: Path, _raw: dict[str, Any]) -> Retry:
    retry = Retry(**values)
    if retry.max_delay is not None and retry.max_delay < retry.delay:
        hint = "'max_delay' bounds a delay that grows from 'delay'"
        problems.error("RW114", (*path, "max_delay"), "'max_delay' is shorter than 'delay'", hint=hint)
    return retry


def _artifact(problems: Problems, values: dict[str, Any], path: Path, _raw: dict[str, Any]) -> Any:
    glob = values.get("path")
    if glob is None:
        return BAD
    if glob.startswith(("/", "~")) or ".." in glob.split("/"):
        hint = "artifacts are files below the working copy; write a relative path without .."
        problems.error("RW104", (*path, "path"), "the path leads out of the working copy", hint=hint)
        return BAD
    return Artifact(name=str(path[-1]), **values)
