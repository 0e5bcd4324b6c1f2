"""Workflow definitions found by id, kept in memory for as long as a registry means the same content by it.

Whoever asks again gets the same object after one question for the digest, or without an answer when the registry is away. Content is known by the
digest of its manifest, so two names of the same content share one object. All of it may be used from several threads at once.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from ropeway.app.definitions import load_workflow_from_yaml
from ropeway.app.oci import connect, place_of
from ropeway.app.pallet import bring, failed, find, reason
from ropeway.errors import RopewayError, Unreachable
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.app.definitions import WorkflowDefinition
    from ropeway.app.oci import Place
    from ropeway.registry.oci.client import Client

__all__ = ["clear", "discover"]

_MOST: Final = 1000
"""Definitions that are kept; the longest unused goes first."""

log = logging.getLogger(__name__)

_Key = tuple[str, str, str]
_K = TypeVar("_K")
_V = TypeVar("_V")


@record
class _Known:
    """What a name meant when it was last asked for."""

    repository: str
    tag: str
    digest: str


class _Memory:
    """What was found. A name is asked for by one thread at a time; the others wait and then ask for the digest only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: dict[_Key, tuple[threading.Lock, int]] = {}
        self._names: dict[_Key, _Known] = {}
        self._definitions: dict[str, WorkflowDefinition] = {}

    @contextmanager
    def asking(self, key: _Key) -> Iterator[None]:
        """Hold a name."""
        with self._lock:
            lock, users = self._asking.get(key, (threading.Lock(), 0))
            self._asking[key] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                _, users = self._asking[key]
                if users == 1:
                    del self._asking[key]
                else:
                    self._asking[key] = lock, users - 1

    def known(self, key: _Key) -> _Known | None:
        """Return what a name meant."""
        with self._lock:
            return self._names.get(key)

    def definition(self, digest: str) -> WorkflowDefinition | None:
        """Return the definition of a content, which is now the last used."""
        with self._lock:
            found = self._definitions.pop(digest, None)
            if found is not None:
                self._definitions[digest] = found
            return found

    def keep(self, key: _Key, known: _Known, definition: WorkflowDefinition) -> WorkflowDefinition:
        """Keep a definition, or use the one that somebody else kept of the same content."""
        with self._lock:
            definition = self._definitions.setdefault(known.digest, definition)
            self._names.pop(key, None)
            self._names[key] = known
            _trim(self._definitions)
            _trim(self._names)
            return definition

    def forget(self, key: _Key) -> None:
        """Forget what a name meant."""
        with self._lock:
            self._names.pop(key, None)


def _trim(kept: dict[_K, _V]) -> None:
    while len(kept) > _MOST:
        del kept[next(iter(kept))]


_memory = _Memory()


def clear() -> None:
    """Forget everything; what is being found meanwhile is not kept either. See :func:`ropeway.api.clear_workflow_cache`."""
    global _memory  # noqa: PLW0603 - whoever works with the old one goes on with it
    _memory = _Memory()


def discover(workflow_id: str, version: str, registry: str | None) -> WorkflowDefinition | None:
    """Return a definition; see :func:`ropeway.api.discover_workflow`."""
    memory = _memory
    try:
        place = place_of(registry, os.environ)
        key = (str(place), workflow_id, version)
        with memory.asking(key), connect(place.host, os.environ) as client:
            found = _again(client, memory, key) or _anew(client, memory, place, key)
    except RopewayError as error:
        failed(log, "workflow %s:%s was not discovered: %s", workflow_id, version, reason(error))
        return None
    log.info("discovered workflow %s:%s: %s", workflow_id, version, found.metadata.name)
    return found


def _again(client: Client, memory: _Memory, key: _Key) -> WorkflowDefinition | None:
    """Return what is kept of a name, when it still means that or nobody can say what it means; else None."""
    known = memory.known(key)
    kept = None if known is None else memory.definition(known.digest)
    if known is None or kept is None:
        return None
    try:
        head = client.head(known.repository, known.tag)
    except Unreachable as error:
        log.warning("%s does not answer, so workflow %s:%s is the one that was found before: %s", key[0], key[1], key[2], error.message)
        return kept
    if head is not None and head.digest == known.digest:
        return kept
    memory.forget(key)
    return None


def _anew(client: Client, memory: _Memory, place: Place, key: _Key) -> WorkflowDefinition:
    found = find(client, place, key[1], key[2])
    digest = found.manifest.digest
    kept = memory.definition(digest)
    if kept is None:
        kept = load_workflow_from_yaml(bring(client, place, found, os.environ))
    return memory.keep(key, _Known(found.repository, found.tag, digest), kept)
