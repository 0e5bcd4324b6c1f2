"""Our registry client without the command around it: ``moving.py push HOST/REPOSITORY:TAG FOLDER`` and ``moving.py pull HOST/REPOSITORY:TAG FOLDER``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main(verb: str, reference: str, folder: str) -> None:
    """Pack and push a folder, or pull and unpack one that does not exist yet."""
    from ropeway.registry.oci.client import Client

    host, _, rest = reference.partition("/")
    repository, _, tag = rest.partition(":")
    place = Path(folder)
    with Client(host) as client, tempfile.TemporaryDirectory(dir=place.parent) as aside:
        if verb == "push":
            from ropeway.bundles.pack import pack

            bundle = pack(place, spool=Path(aside))
            client.push(repository, bundle.blobs.values())
            client.push_manifest(repository, tag, bundle.manifest)
        else:
            from ropeway.bundles.manifest import parse_manifest
            from ropeway.bundles.unpack import unpack

            raw, media_type, _ = client.manifest(repository, tag)
            manifest = parse_manifest(raw, media_type)
            pulled = client.pull(repository, manifest.layers, lambda layer: Path(aside, layer.digest[7:]), memory=2**25)
            unpack(manifest, lambda layer: pulled[layer.digest], place)


if __name__ == "__main__":
    main(*sys.argv[1:])
