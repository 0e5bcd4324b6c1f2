"""What has to be there before a run exists: everything that can be refused, asked for or found missing, is before its folder is made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.app import enforce, working_copies
from ropeway.app.projects import find_project
from ropeway.errors import NotFound, Refused
from ropeway.records import field, record, replace
from ropeway.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from ropeway.app.options import RunOptions
    from ropeway.app.working_copies import Isolation
    from ropeway.lang.plan import Plan, PlanStep, Template
    from ropeway.settings import Settings

__all__ = ["Ready", "check", "prepare", "read", "read_secrets"]


@record
class Ready:
    """What a run is carried out with: the environment of its steps, the person's settings, secrets by ``params.NAME`` and ``secrets.NAME``.

    ``isolation`` is where its files will live; None when that was decided before, and the run's first event says it. ``given`` is what the person's
    ``--env-file`` holds; the environment has it too.
    """

    environ: Mapping[str, str]
    settings: Settings
    secrets: Mapping[str, str] = field(default_factory=dict)
    isolation: Isolation | None = None
    given: Mapping[str, str] = field(default_factory=dict)


def prepare(plan: Plan, *, cwd: Path, options: RunOptions, prompt: Callable[[str], str] | None = None) -> Ready:
    """Check a plan and read what a run of it needs.

    Args:
        plan: What is to be carried out.
        cwd: Where; absolute.
        options: As the person asked for it.
        prompt: Asks for a secret without echo; None when there is nobody.

    Raises:
        Refused: Something can't be enforced.
        NotFound: Something required is missing (all of it is named), or the env file, or a secret.
        UsageError: The settings or the env file can't be read as such.
        StoreError: The env file can't be read.
    """
    ready = read(plan, cwd=cwd, options=options, prompt=None, secrets=False)
    isolation = working_copies.choose(plan, options, cwd)
    check(plan, options, cwd=cwd, environ=ready.environ, isolated=isolation.backend is not None)
    return replace(ready, secrets=read_secrets(plan, ready.environ, prompt), isolation=isolation)


def read(plan: Plan, *, cwd: Path, options: RunOptions, prompt: Callable[[str], str] | None, secrets: bool = True) -> Ready:
    """Read what a run needs without checking the plan, which was done when the run was made; see :func:`prepare`."""
    given = _given(options)
    environ = _environ(plan, cwd, given)
    settings = load(find_project(cwd), os.environ)
    return Ready(environ, settings, read_secrets(plan, environ, prompt) if secrets else {}, given=given or {})


def check(plan: Plan, options: RunOptions, *, cwd: Path, environ: Mapping[str, str], isolated: bool) -> None:
    """Refuse what can't be carried out as it is asked for: rules that nothing enforces here, requirements and plugins that are missing.

    Raises:
        Refused: Something can't be enforced.
        NotFound: Something required is missing; all of it is named.
    """
    enforce.check(plan, options, isolated=isolated)
    templates = (plan.template, *plan.workflows.values())
    for one in (t for t in templates if t.requirements.commands or t.requirements.python):
        from ropeway.runs import requirements
        from ropeway.runs.inheritance import inherited

        # The programs that it names are asked for their version.
        requirements.check(one.requirements, environ if one.provenance is None else inherited(environ, plan.env))
    absent = dict.fromkeys(what for t in templates for s in t.steps if s.kind == "plugin" for what in _missing(plan, t, s, cwd, environ))
    if absent:
        hint = "plugin:NAME is a program ropeway-step-NAME on your PATH, or what an installed package offers; plugin:./NAME is a file beside the workflow"
        raise NotFound(f"this machine lacks {', '.join(absent)}", hint=hint, code="plugin-not-found")


def _missing(plan: Plan, template: Template, step: PlanStep, cwd: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with a step's plugin, if it can be known already."""
    from ropeway import plugins
    from ropeway.runs.process import StartProblem
    from ropeway.runs.steps.plugin import executable

    name = step.uses or ""
    own = {key: text for _, key, text in step.env} | dict(plan.env)
    search = own.get("PATH", environ.get("PATH", os.defpath))
    try:
        executable(name, template.source, search, str(cwd))
    except StartProblem as problem:
        if "/" in name:
            yield f"plugin:{name} ({problem})"
        elif "${{" not in search and name not in plugins.names("ropeway.steps", ()):
            yield f"plugin:{name}"


def _given(options: RunOptions) -> dict[str, str] | None:
    """Return what the person's ``--env-file`` holds; None without one."""
    if options.env_file is None:
        return None
    from ropeway.runs.env_file import read_env_file

    return read_env_file(options.env_file)


def _environ(plan: Plan, cwd: Path, given: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return what steps inherit; the person's ``--env-file`` wins over the workflow's own. A workflow from elsewhere gets little of the caller's."""
    base: Mapping[str, str] = os.environ
    if plan.template.provenance is not None:
        from ropeway.runs.inheritance import inherited

        base = inherited(os.environ)
    wanted = plan.template.policy.env_file
    if given is not None or wanted is None:
        return {**(given or {}), **base}
    if plan.template.provenance is not None:  # a file of the person's, and who published the workflow does not know what is in it
        hint = f"if you want to give it that, say so: --env-file {wanted}"
        raise Refused(f"{plan.template.provenance.reference} asks for your file {wanted}", hint=hint, code="env-file-remote")
    from ropeway.runs.env_file import with_env_file

    return with_env_file(base, cwd / Path(wanted or "").expanduser(), hint="policy.env_file names it; --env-file takes another one")


def read_secrets(
    plan: Plan, environ: Mapping[str, str], prompt: Callable[[str], str] | None, only: Collection[str] | None = None
) -> dict[str, str]:
    """Read every secret the plan names, or only some: parameters by their source, policy entries by their name.

    Args:
        plan: What is carried out.
        environ: What steps inherit.
        prompt: Asks for a secret without echo; None when there is nobody.
        only: The keys that are wanted, ``params.NAME`` and ``secrets.NAME``; None for all.

    Raises:
        NotFound: One has no value.
    """
    wanted: dict[str, str | None] = {}
    for name, declared in plan.template.parameters.items():
        value = plan.parameters.get(name)
        if declared.type == "secret" and value is not None and (declared.required or value.value is not None):
            wanted[f"params.{name}"] = value.value
    for template in (plan.template, *plan.workflows.values()):
        for name in template.policy.sandbox.secrets if template.policy.sandbox is not None else ():
            wanted.setdefault(f"secrets.{name}", None)
    if only is not None:
        wanted = {key: source for key, source in wanted.items() if key in only}
    if not wanted:
        return {}
    from ropeway.runs.secrets import open_store, read_secret

    # What is declared as a secret is asked for by name, also by a workflow that inherits nothing else.
    environ = environ if plan.template.provenance is None else {**os.environ, **environ}
    return {
        key: read_secret(source, key.partition(".")[2], store=lambda: open_store(os.environ), environ=environ, prompt=prompt)
        for key, source in wanted.items()
    }
