"""Workflows as single YAML files in an OCI registry, named by an id and a version: ``<registry>/workflows/<id>:<version>``.

The functions whose names :mod:`ropeway.api` hands on answer with False, None or an empty list where the thing could not be done, and log why
(loggers below ``ropeway``). Tags move here: what a version names may change, and each call asks anew.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from ropeway.app import vouching
from ropeway.app.definitions import load_workflow_from_yaml
from ropeway.app.oci import check_tag, connect, fetch_into, get_manifest, move_into, place_of, push_file, read_file
from ropeway.errors import InvalidWorkflow, NotFound, RopewayError, StoreError
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ropeway.app.oci import Place
    from ropeway.bundles.manifest import Manifest
    from ropeway.lang.diagnostics import Diagnostic
    from ropeway.registry.oci.client import Client

__all__ = [
    "FIRST_VERSION",
    "Found",
    "bring",
    "find",
    "listed",
    "metadata",
    "names",
    "pull",
    "push",
    "push_workflow",
    "reason",
    "repositories",
]

FIRST_VERSION: Final = "v1"
YAML_TYPE: Final = "application/yaml"

_SUFFIX: Final = re.compile(r"(?P<id>.+)-(?P<version>v[0-9]+)")

log = logging.getLogger(__name__)


@record
class Found:
    """What a name and a version mean now. ``name`` and ``tag`` are those it was found by; see :func:`names`."""

    name: str
    tag: str
    repository: str
    manifest: Manifest


def names(workflow_id: str, version: str) -> Iterator[tuple[str, str]]:
    """Yield the names and versions that an id may mean, in the order in which they are tried.

    The id as it is; then, when it ends in ``-v2`` or the like, the id without that at this version. That second meaning is left out when the
    caller names another version (``v1`` counts as naming none).
    """
    yield workflow_id, version
    match = _SUFFIX.fullmatch(workflow_id)
    if match and version in (FIRST_VERSION, match["version"]):
        yield match["id"], match["version"]


def find(client: Client, place: Place, workflow_id: str, version: str) -> Found:
    """Ask a registry what an id and a version mean now.

    Raises:
        NotFound: Nothing; the hint lists the tags that there are.
        UsageError: They can not be a repository and a tag.
        InvalidBundle: It is no manifest of files.
    """
    missing: NotFound | None = None
    for name, tag in names(workflow_id, check_tag(version)):
        repository = place.repository("workflows", name)
        try:
            return Found(name, tag, repository, get_manifest(client, repository, tag))
        except NotFound as error:
            missing = missing or error
    assert missing is not None
    raise missing


def bring(client: Client, place: Place, found: Found, environ: Mapping[str, str], output: Path | None = None) -> Path:
    """Bring the files here, each verified before it is written, and return the path of the workflow's.

    Args:
        client: Of the registry that it was found in.
        place: The registry.
        found: What :func:`find` returned.
        environ: Says where the cache is.
        output: A folder, made when it is not there; None for the cache, which is read-only and stays. ``workflows/<id>/<version>`` in the
            folder of caches links to it.

    Raises:
        InvalidBundle: There is no workflow among the files, or nobody can say which it is.
        BundleRefused: They are not what their digests say, would be written elsewhere, or the person's rules ask for a signature.
        StoreError: The folder or the cache can not be written.
    """
    vouching.check(client, found.repository, found.tag, found.manifest, environ)
    if output is None:
        return _into_cache(client, place, found, environ)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".ropeway-", dir=output) as name:
            staging = Path(name, "files")
            staging.mkdir()
            file = _fetched(client, found, staging)
            move_into(staging, output, force=True)
    except RopewayError:
        raise
    except OSError as error:
        raise StoreError(f"{output} can not be written: {error.strerror}", hint="check who owns it", code="output-unwritable") from None
    return output / file


def _fetched(client: Client, found: Found, folder: Path) -> str:
    return fetch_into(client, found.repository, found.manifest, folder, kind="workflow", name=found.name)


def _into_cache(client: Client, place: Place, found: Found, environ: Mapping[str, str]) -> Path:
    from contextlib import suppress

    from ropeway.registry import Pin
    from ropeway.registry.cache.links import link_places, place_link
    from ropeway.registry.cache.store import Store
    from ropeway.settings import cache_dir

    store = Store(cache_dir(environ))
    _, root, file = store.add_tree(lambda folder: _fetched(client, found, folder))
    pin = Pin(f"oci://{place.host}/{found.repository}", found.name, found.manifest.digest, found.tag, moving=True)
    for top, parts in link_places(store.cache, pin):
        with suppress(StoreError):  # for people only
            place_link(top, parts, root)
    return root / file


def push_workflow(client: Client, place: Place, file: Path, workflow_id: str, version: str) -> tuple[str, str | None]:
    """Push a workflow file as it is.

    Returns:
        The digest of the manifest, and what is off about the file (it is pushed all the same), None when nothing is.

    Raises:
        NotFound: There is no such file.
        UsageError: Id and version can not be a repository and a tag, or the file is too large.
    """
    from ropeway.lang.source import MAX_BYTES

    repository, tag = place.repository("workflows", workflow_id), check_tag(version)
    data = read_file(file, MAX_BYTES)
    digest = push_file(client, repository, tag, file.name, data, YAML_TYPE)
    return digest, _doubt(file, workflow_id)


def _doubt(file: Path, workflow_id: str) -> str | None:
    try:
        said = load_workflow_from_yaml(file).metadata.id
    except InvalidWorkflow as error:
        first = next((d for d in error.diagnostics if getattr(d, "severity", "") == "error"), None)
        return f"{file} is no valid workflow: {getattr(first, 'message', error.message)}"
    except NotFound:
        return None
    return None if said == workflow_id else f"{file} says that its id is {said}, and is published as {workflow_id}"


def repositories(client: Client, place: Place, kind: str) -> list[str]:
    """Return the repositories of one kind that a registry lists, without its prefix: ``["workflows/code-generation", …]``.

    Raises:
        NotFound: The registry has no catalog, as large public ones do not.
    """
    before = f"{place.prefix}/" if place.prefix else ""
    found = (name.removeprefix(before) for name in client.catalog() if name.startswith(before))
    return [name for name in found if name.startswith(f"{kind}/")]


def reason(error: RopewayError) -> str:
    """Return an error as one line of a log, a workflow's with its first mistake."""
    mistakes = error.diagnostics if isinstance(error, InvalidWorkflow) else ()
    first = next((each for each in cast("Sequence[Diagnostic]", mistakes) if each.severity == "error"), None)
    if first is not None:
        return f"{error.message}, the first on line {first.location.line}: {first.message}"
    return f"{error.message} ({error.hint})" if error.hint else error.message


def failed(log: logging.Logger, message: str, *values: object) -> None:
    """Log why something could not be done. The reason is an error for people, told in full: a traceback would add nothing."""
    log.error(message, *values)


# -- what programs call; the contracts stand in ropeway.api -----------------------------------------------------------------------------------


def push(workflow_file: str | Path, workflow_id: str, version: str, registry: str | None) -> bool:
    """Push a workflow file; see :func:`ropeway.api.push_workflow_to_registry`."""
    try:
        place = place_of(registry, os.environ)
        with connect(place.host, os.environ) as client:
            digest, doubt = push_workflow(client, place, Path(workflow_file), workflow_id, version)
    except RopewayError as error:
        failed(log, "workflow %s:%s was not pushed: %s", workflow_id, version, reason(error))
        return False
    if doubt is not None:
        log.warning("%s", doubt)
    log.info("pushed workflow %s:%s to %s, %s", workflow_id, version, place, digest)
    return True


def pull(workflow_id: str, version: str, output_dir: str | Path | None, registry: str | None) -> Path | None:
    """Pull a workflow; see :func:`ropeway.api.pull_workflow_from_registry`."""
    try:
        place = place_of(registry, os.environ)
        with connect(place.host, os.environ) as client:
            found = find(client, place, workflow_id, version)
            path = bring(client, place, found, os.environ, None if output_dir is None else Path(output_dir))
    except RopewayError as error:
        failed(log, "workflow %s:%s was not pulled: %s", workflow_id, version, reason(error))
        return None
    log.info("pulled workflow %s:%s from %s", found.name, found.tag, place)
    return path


def listed(registry: str | None) -> list[str]:
    """List workflows; see :func:`ropeway.api.list_workflows`."""
    try:
        place = place_of(registry, os.environ)
        with connect(place.host, os.environ) as client:
            return repositories(client, place, "workflows")
    except RopewayError as error:
        failed(log, "workflows can not be listed: %s", reason(error))
        return []


def metadata(workflow_id: str, version: str, registry: str | None) -> dict[str, Any] | None:
    """Return what a workflow says of itself; see :func:`ropeway.api.get_workflow_metadata`."""
    path = pull(workflow_id, version, None, registry)
    if path is None:
        return None
    try:
        definition = load_workflow_from_yaml(path)
    except RopewayError as error:
        failed(log, "workflow %s:%s can not be read: %s", workflow_id, version, reason(error))
        return None
    said = definition.metadata
    return {
        "id": said.id,
        "name": said.name,
        "version": said.version,
        "description": said.description,
        "tags": list(said.tags),
        "steps": len(definition.steps),
    }
