"""Starts a workflow file from a template. Nothing that exists is ever overwritten."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ropeway.app.projects import FOLDER, find_project
from ropeway.errors import NotFound, Refused, StoreError, UsageError
from ropeway.lang.formats import WORKFLOW_ID, fits
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SCHEMA_PATH", "Made", "Template", "initialise", "suggest_id", "templates"]

SCHEMA_PATH = ".ropeway/workflow.schema.json"
"""Where a project keeps the schema that its files' editor directive names: it works offline and for the whole team."""


@record
class Template:
    """A template that ``workflow init`` knows: its name, what it is for, and its text."""

    name: str
    description: str
    text: str


@record
class Made:
    """What was written: the workflow, and the schema when there was none."""

    workflow: Path
    schema: Path | None
    id: str


def templates() -> list[Template]:
    """Return the templates, the smallest first."""
    from importlib.resources import files

    found = []
    for entry in files("ropeway.app.templates").iterdir():
        if entry.name.endswith(".toml"):
            text = entry.read_text(encoding="utf-8")
            about = re.search(r'^description = "(.*)"$', text, re.MULTILINE)
            found.append(Template(entry.name.removesuffix(".toml"), about.group(1) if about else "", text))
    return sorted(found, key=lambda t: (t.name != "minimal", t.name))


def suggest_id(name: str) -> str:
    """Return a workflow id made from the name of a folder or file: lower case, one dash for all that an id can not hold."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "workflow"


def initialise(target: Path, *, template: str = "minimal", workflow_id: str | None = None, schema: Callable[[], str]) -> Made:
    """Write a new workflow file, and the JSON Schema that its editor directive names when it is not there yet.

    Args:
        target: The file to make; a folder (existing, or written with a final name that is no ``.toml``) gets a ``workflow.toml``.
        template: A name of :func:`templates`.
        workflow_id: The workflow's id; made from the folder's name when None.
        schema: Gives the schema's text, asked only when it is written.

    Raises:
        NotFound: There is no such template.
        UsageError: The id can not be one, or the file is to be YAML.
        Refused: The file exists.
        StoreError: The folder can not be written.
    """
    chosen = _template(template)
    if target.suffix in {".yaml", ".yml"}:
        raise UsageError(
            "the templates are TOML", hint=f"use {target.with_suffix('.toml')}, or write the YAML file by hand with the same keys"
        )
    path = target if target.suffix == ".toml" else target / "workflow.toml"
    name = workflow_id or suggest_id(path.absolute().parent.name if path.stem == "workflow" else path.stem)
    if not fits(name, WORKFLOW_ID):
        raise UsageError(f"{name!r} can not be a workflow's id", hint=f"{WORKFLOW_ID.hint}; {suggest_id(name)} will do")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            kept = _root(path) / SCHEMA_PATH
            directive = os.path.relpath(kept, path.parent)
            file.write(chosen.text.replace("@ID@", name).replace(f"#:schema {SCHEMA_PATH}", f"#:schema {directive}"))
        return Made(path, _write_schema(kept, schema), name)
    except FileExistsError as error:
        raise Refused(
            f"{path} exists and is not overwritten", hint="name another file: `workflow init OTHER.toml`", code="exists"
        ) from error
    except OSError as error:
        raise StoreError(f"{error.filename or path} can not be written: {error.strerror}") from error


def _root(path: Path) -> Path:
    """Return the folder that holds the schema: the project's root, or where it will be."""
    if path.parent.name == FOLDER:
        return path.parent.parent
    return path.parent if path.stem == "workflow" else find_project(path.parent) or path.parent


def _template(name: str) -> Template:
    known = {t.name: t for t in templates()}
    if name not in known:
        raise NotFound(f"there is no template {name!r}", hint=f"there are {', '.join(known)}", code="template-not-found")
    return known[name]


def _write_schema(path: Path, schema: Callable[[], str]) -> Path | None:
    if path.exists():
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(schema(), encoding="utf-8")
    return path
