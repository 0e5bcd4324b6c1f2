"""The outermost scope of a run: what its workflow's own steps see, and what their processes get."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ropeway.runs.inheritance import taken_from
from ropeway.runs.scope import Scope, take_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.parameter_types import ParameterTypes
    from ropeway.lang.plan import Plan
    from ropeway.workspaces import Workspace

__all__ = ["root_scope"]


def root_scope(
    run: str,
    plan: Plan,
    workspace: Workspace,
    environ: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    types: ParameterTypes | None = None,
    given: Mapping[str, str] | None = None,
) -> Scope:
    """Return the scope of a plan's own workflow; no step of it has a result yet.

    Args:
        run: The run's id.
        plan: What is carried out.
        workspace: Where; open, or what it gives to the environment is missing.
        environ: What steps inherit; ``ROPEWAY_…`` of another run are left out.
        secrets: Values by ``params.NAME`` and ``secrets.NAME``.
        types: The parameter types that plugins bring.
        given: What the person's ``--env-file`` holds; ``environ`` has it too, unless something else had the name already.
    """
    template = plan.template
    env = {name: value for name, value in environ.items() if not name.startswith("ROPEWAY_")}
    elsewhere = template.provenance is not None
    take_environment(env, taken_from(workspace, elsewhere=elsewhere))
    env.update(plan.env)  # what the caller sets wins over what it inherited, for processes and for `env.NAME`
    env["ROPEWAY_RUN"] = run
    env["ROPEWAY_WORKFLOW"] = template.id
    if template.source:
        directory = os.path.dirname(template.source)
        env["ROPEWAY_WORKFLOW_DIR"] = directory if elsewhere else workspace.inside(directory)
    params: dict[str, Any] = {}
    for name, value in plan.parameters.items():
        params[name] = secrets.get(f"params.{name}", value.value)
    # A secret that every step inherits (its source is a variable of the caller's) is in the scope of every step.
    given = {name: value for name, value in (given or {}).items() if not name.startswith("ROPEWAY_")}
    inherited = tuple(secret for secret in secrets.values() if any(secret in value for value in (*env.values(), *given.values())))
    return Scope(
        template=template,
        prefix="",
        order=(),
        parent=None,
        params=params,
        secrets={n.removeprefix("secrets."): v for n, v in secrets.items() if n.startswith("secrets.")},
        env=env,
        run={"id": run, "workflow": template.id, "version": template.version},
        cwd=workspace.path,
        masked=inherited,
        types=types,
        given=given,
    )
