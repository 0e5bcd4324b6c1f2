"""Reads workflow texts the way the product does, for tests of what they mean."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from ropeway.lang.build import build
from ropeway.lang.diagnostics import Problems
from ropeway.lang.digests import workflow_digest
from ropeway.lang.link import LinkedSource
from ropeway.lang.source import read_document
from ropeway.lang.validate import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.diagnostics import Diagnostic


def source(text: str, path: str | None = "/project/workflow.toml") -> LinkedSource:
    """Return a workflow that is well-formed, ready for linking."""
    document, diagnostics = read_document(_with_id(text).encode(), "workflow.toml")
    problems = Problems(document)
    problems.extend(diagnostics)
    workflow = build(document, problems)
    assert workflow is not None
    assert not problems.failed, problems.sorted()
    return LinkedSource(workflow, workflow_digest(document.data), path, document)


def diagnose(text: str, library: Mapping[str, LinkedSource] | None = None, **options: object) -> list[Diagnostic]:
    """Return everything that reading and validating a text tells."""
    name = "workflow.yaml" if text.lstrip().startswith("metadata:") else "workflow.toml"
    document, diagnostics = read_document(_with_id(text).encode(), name)
    problems = Problems(document)
    problems.extend(diagnostics)
    workflow = build(document, problems)
    if workflow is not None:
        validate(workflow, document, problems, library=library, path="/project/workflow.toml", **options)
    return problems.sorted()


def told(text: str, library: Mapping[str, LinkedSource] | None = None) -> list[str]:
    """Return what is told, each as ``CODE «marked text» message``."""
    found = []
    for one in diagnose(text, library):
        place = one.location
        marked = place.text[place.column - 1 : place.end_column - 1]
        found.append(f"{one.code} «{marked}» {one.message}")
    return found


def hints(text: str) -> list[str | None]:
    """Return the hints of all that is told."""
    return [one.hint for one in diagnose(text)]


def _with_id(text: str) -> str:
    text = dedent(text).lstrip("\n")
    return text if text.startswith(("id =", "metadata:")) else 'id = "demo"\n' + text
