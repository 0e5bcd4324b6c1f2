"""What can be searched of a bundle: the content of its config blob, so that a list of thousands needs no bundle.

The JSON object has the keys ``kind id name version description tags license homepage repository authors inputs outputs capabilities dependencies
definition readme``; those with nothing to say are missing. ``inputs`` and ``outputs`` are JSON Schemas, ``readme`` is the digest of a layer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ropeway.bundles.capabilities import Capabilities, capabilities_from_json, capabilities_of
from ropeway.bundles.kinds import KINDS
from ropeway.bundles.manifest import canonical_json
from ropeway.bundles.problems import InvalidBundle
from ropeway.records import field, record

if TYPE_CHECKING:
    from ropeway.bundles.kinds import Kind
    from ropeway.lang.model import Workflow

__all__ = ["Metadata", "dependencies_of", "metadata_from_json", "metadata_of"]

_TEXTS: Final = ("id", "name", "version", "description", "license", "homepage", "repository", "definition", "readme")
_LISTS: Final = ("tags", "authors", "dependencies")


@record
class Metadata:
    """What a bundle says of itself.

    ``id`` is its name in registries (``acme/build``), ``name`` how people call it; ``definition`` is the path of its definition; ``dependencies``
    are references to other workflows, skills and agents (with ``workflow:`` and the like before them), for Python code its requirements.
    """

    kind: Kind
    id: str = ""
    name: str | None = None
    version: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    license: str | None = None
    homepage: str | None = None
    repository: str | None = None
    authors: tuple[str, ...] = ()
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    capabilities: Capabilities = Capabilities()
    dependencies: tuple[str, ...] = ()
    definition: str | None = None
    readme: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the object of the config blob."""
        found: dict[str, Any] = {"kind": self.kind}
        for key in _TEXTS:
            if getattr(self, key):
                found[key] = getattr(self, key)
        for key in _LISTS:
            if getattr(self, key):
                found[key] = list(getattr(self, key))
        for key in ("inputs", "outputs"):
            if getattr(self, key):
                found[key] = getattr(self, key)
        return found | {"capabilities": self.capabilities.as_json()}

    def as_bytes(self) -> bytes:
        """Return the config blob: the same bytes on every machine."""
        return canonical_json(self.as_json())


def metadata_from_json(data: bytes, kind: Kind) -> Metadata:
    """Read a config blob. Keys that are not known are left alone, those of a wrong type are left out.

    Raises:
        InvalidBundle: It is no JSON object, or says that it is of another kind (code ``invalid-config``).
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(f"its config is not JSON: {error}", code="invalid-config") from None
    if not isinstance(value, dict):
        raise InvalidBundle("its config is not a JSON object", code="invalid-config")
    said = value.get("kind", kind)
    if said != kind:
        wanted = said if said in KINDS else f"{said!r:.50}"
        raise InvalidBundle(f"its config says that it is a {wanted}, and its type that it is a {kind}", code="invalid-config")
    given: dict[str, Any] = {key: value[key] for key in _TEXTS if isinstance(value.get(key), str)}
    given |= {key: tuple(item for item in value[key] if isinstance(item, str)) for key in _LISTS if isinstance(value.get(key), list)}
    given |= {key: value[key] for key in ("inputs", "outputs") if isinstance(value.get(key), dict)}
    return Metadata(kind, capabilities=capabilities_from_json(value.get("capabilities")), **given)


def metadata_of(workflow: Workflow) -> Metadata:
    """Return what a workflow says of itself."""
    from ropeway.bundles.schemas import inputs_schema, outputs_schema

    used = capabilities_of(workflow)
    return Metadata(
        kind="workflow",
        id=workflow.id,
        name=workflow.name,
        version=workflow.version,
        description=workflow.description,
        tags=workflow.tags,
        license=workflow.license,
        homepage=workflow.homepage,
        repository=workflow.repository,
        authors=workflow.authors,
        inputs=inputs_schema(workflow) if workflow.parameters else {},
        outputs=outputs_schema(workflow) if workflow.outputs else {},
        capabilities=used,
        dependencies=dependencies_of(used),
    )


def dependencies_of(used: Capabilities) -> tuple[str, ...]:
    """Return the references to other workflows, skills and agents among what is used."""
    return (
        *(f"workflow:{name}" for name in used.workflows),
        *(f"skill:{name}" for name in used.skills),
        *(f"agent:{name}" for name in used.agents),
    )
