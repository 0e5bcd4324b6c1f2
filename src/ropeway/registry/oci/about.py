"""What is said of a bundle in an OCI registry, without fetching the bundle: its config blob, for what others pushed its definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ropeway.bundles.definitions import is_readme
from ropeway.bundles.kinds import CONFIG, MAX_PEEK, kind_by_content, kind_by_title
from ropeway.bundles.limits import Limits
from ropeway.bundles.metadata import Metadata, metadata_from_json
from ropeway.bundles.problems import HostileArchive, InvalidBundle
from ropeway.bundles.unpack import UNPACK
from ropeway.errors import RopewayError
from ropeway.records import record, replace

if TYPE_CHECKING:
    from ropeway.bundles.kinds import Kind
    from ropeway.bundles.manifest import Descriptor, Manifest
    from ropeway.registry.oci.client import Client

__all__ = ["About", "about", "files_of"]

_README: Final = 512 * 2**10
_ANNOTATION: Final = "org.opencontainers.image."


@record
class About:
    """``metadata`` is what the bundle says of itself, ``readme`` the text of its README (None where there is none, or a very long one)."""

    metadata: Metadata
    readme: str | None = None
    notes: tuple[str, ...] = ()


def about(client: Client, repository: str, manifest: Manifest, kind: Kind, *, readme: bool = False) -> About:
    """Return what a bundle says of itself.

    Args:
        client: Its registry.
        repository: Where it is.
        manifest: It, verified.
        kind: What it is.
        readme: Whether its README is wanted, too.

    Raises:
        InvalidBundle: Its config is none.
        AlteredBlob: A blob is not what its digest says.
        Unreachable, NotFound, Refused: See :class:`~ropeway.registry.oci.client.Client`.
    """
    if manifest.config.media_type == CONFIG[kind]:
        found = About(metadata_from_json(client.blob(repository, manifest.config), kind))
    else:
        found = _foreign(client, repository, manifest, kind)
    if not readme:
        return found
    layer = _readme(manifest, found.metadata)
    if layer is None or layer.size > _README:
        return found
    return replace(found, readme=client.blob(repository, layer, _README).decode(errors="replace"))


def _readme(manifest: Manifest, metadata: Metadata) -> Descriptor | None:
    layers = [layer for layer in manifest.layers if layer.title and is_readme(layer.title)]
    return next((layer for layer in layers if layer.digest == metadata.readme), next(iter(layers), None))


def _foreign(client: Client, repository: str, manifest: Manifest, kind: Kind) -> About:
    """Read the definition of what was pushed by others, one small file among its layers, and those that it uses."""
    from ropeway.bundles.reachable import Files, describe_bundle

    titled = {layer.title: layer for layer in manifest.layers if layer.title and UNPACK not in layer.annotations and layer.size <= MAX_PEEK}
    files = Files(titled, lambda path: client.blob(repository, titled[path], MAX_PEEK))
    notes: tuple[str, ...] = ()
    for layer in sorted(manifest.layers, key=lambda layer: (layer.title or "").count("/")):
        title = layer.title or ""
        if layer.size > MAX_PEEK or kind_by_title(title) not in (kind, None) or (title and is_readme(title)):
            continue
        data = client.blob(repository, layer, MAX_PEEK)
        if kind_by_content(title, data) != kind:
            continue
        try:
            described = describe_bundle(kind, title or f"{kind}.yaml", data, files)
            return About(described.metadata, notes=described.notes)
        except RopewayError as error:
            first = next((each for each in getattr(error, "diagnostics", ()) if each.severity == "error"), None)
            why = "" if first is None else f", the first on line {first.location.line}: {first.message}"
            notes = (f"its definition can not be read, and so it can not be run: {error.message}{why}",)
            break
    said = {key.removeprefix(_ANNOTATION): value for key, value in manifest.annotations.items() if key.startswith(_ANNOTATION)}
    metadata = Metadata(
        kind,
        name=said.get("title"),
        version=said.get("version"),
        description=said.get("description"),
        license=said.get("licenses"),
        homepage=said.get("url"),
        repository=said.get("source"),
    )
    return About(metadata, notes=notes)


def files_of(manifest: Manifest) -> tuple[Descriptor, ...]:
    """Return the layers that are files or folders, after making sure that it is worth fetching them.

    Raises:
        InvalidBundle: None is, as in a container image (code ``bundle-kind``).
        HostileArchive: They are too large together.
    """
    titled = tuple(layer for layer in manifest.layers if layer.title)
    chosen = titled or manifest.layers
    if not titled and len(chosen) != 1:
        raise InvalidBundle("none of its layers is a file: they have no titles", hint="is it a container image?", code="bundle-kind")
    total, most = sum(layer.size for layer in chosen), Limits().size
    if total > most:
        raise HostileArchive(f"its files have {total:,} bytes, and {most:,} is the most", hint="nothing was fetched")
    return chosen
