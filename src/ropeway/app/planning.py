"""Makes the plan of a run from a workflow and what a person set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.app import library
from ropeway.errors import InvalidWorkflow, UsageError
from ropeway.lang.plan import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ropeway.app.reading import Loaded
    from ropeway.lang.plan import Plan
    from ropeway.lang.source import Document

__all__ = ["make_plan", "make_template"]


def make_template(loaded: Loaded) -> Plan:
    """Return the plan without parameter values: for drawing, and for what a registry stores.

    Raises:
        InvalidWorkflow: The workflow, or one that it uses, has errors; all of them.
    """
    return library.link_all(loaded, None)


def make_plan(
    loaded: Loaded,
    *,
    cwd: Path,
    params: Mapping[str, str] | None = None,
    params_file: str | None = None,
    values: Mapping[str, Value] | None = None,
    env: Mapping[str, str] | None = None,
) -> Plan:
    """Return the plan of a run.

    Args:
        loaded: What :func:`ropeway.app.reading.read` returned.
        cwd: Where relative paths start.
        params: Parameters as text, as typed behind ``--param``; they win over all others.
        params_file: A TOML, YAML or JSON file of parameters.
        values: Parameters as data, such as those of an earlier run; they lose against all others.
        env: Environment variables for every step.

    Raises:
        InvalidWorkflow: The workflow, one that it uses, or a value has errors; all of them.
        NotFound: There is no such parameters file.
        UsageError: The name of a variable can not be one, or the value holds a NUL.
    """
    _check_env(env or {})
    given = dict(values or {})
    file = read_params(params_file, cwd) if params_file is not None else None
    if file is not None:
        given.update({name: Value(value, "params-file") for name, value in file.data.items()})
    given.update({name: Value(text, "param") for name, text in (params or {}).items()})
    return library.link_all(loaded, given, env=env, file=file)


def read_params(name: str, cwd: Path) -> Document:
    """Return a parameters file as read: its data, and where each value stands.

    Raises:
        NotFound: It is not there or can not be read.
        InvalidWorkflow: It is no TOML, YAML or JSON, or holds no table.
    """
    from ropeway.app.projects import read_bytes
    from ropeway.lang.source import read_document

    raw = read_bytes(cwd / name, name)
    document, problems = read_document(raw, name, format="yaml" if name.endswith(".json") else None)  # YAML 1.2 reads JSON
    if any(d.severity == "error" for d in problems):
        raise InvalidWorkflow(f"the parameters file {name} can not be read", diagnostics=problems)
    return document


def _check_env(env: Mapping[str, str]) -> None:
    from ropeway.lang.formats import ENV_NAME, fits

    for name, value in env.items():
        if not fits(name, ENV_NAME):
            raise UsageError(f"{name!r} can not be the name of an environment variable", hint=ENV_NAME.hint)
        if "\0" in value:
            raise UsageError(f"the environment variable {name} holds a NUL character", hint="no process can be given that")
