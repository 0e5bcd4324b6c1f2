"""Workflows in an OCI registry, by id and tag: push, pull, list, metadata, discovery."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ropeway.app.definitions import WorkflowDefinition

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "WorkflowDefinition",
    "clear_workflow_cache",
    "discover_workflow",
    "get_workflow_metadata",
    "list_workflows",
    "load_workflow_from_yaml",
    "pull_workflow_from_registry",
    "push_workflow_to_registry",
]


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
