"""What several versions of the ORAS client write, made by hand and pushed with plain requests: nothing of ours takes part."""

from __future__ import annotations

import hashlib
import json
import urllib.request

IMAGE = "application/vnd.oci.image.manifest.v1+json"
TITLE = "org.opencontainers.image.title"
CREATED = {"org.opencontainers.image.created": "2025-11-21T09:00:00Z"}
TAR = "application/vnd.oci.image.layer.v1.tar"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def send(method: str, url: str, data: bytes | None = None, media_type: str = "application/octet-stream"):
    """Send one request; the answer's status, headers and body."""
    request = urllib.request.Request(url, data, {"Content-Type": media_type, "Accept": f"{IMAGE}, */*"}, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, answer.headers, answer.read()


def fetch(host: str, repository: str, tag: str) -> dict:
    """Return the manifest of a tag."""
    return json.loads(send("GET", f"http://{host}/v2/{repository}/manifests/{tag}")[2])


def fetch_blob(host: str, repository: str, blob: str) -> bytes:
    return send("GET", f"http://{host}/v2/{repository}/blobs/{blob}")[2]


def push(host: str, repository: str, tag: str, manifest: dict, *blobs: bytes) -> str:
    """Push blobs and a manifest; return the manifest's digest."""
    for blob in blobs:
        _, headers, _ = send("POST", f"http://{host}/v2/{repository}/blobs/uploads/", b"")
        mark = "&" if "?" in headers["Location"] else "?"
        send("PUT", f"{headers['Location']}{mark}digest={digest(blob)}", blob)
    raw = json.dumps(manifest).encode()
    send("PUT", f"http://{host}/v2/{repository}/manifests/{tag}", raw, manifest["mediaType"])
    return digest(raw)


def layer(title: str | None, data: bytes, media_type: str) -> dict:
    found = {"mediaType": media_type, "digest": digest(data), "size": len(data)}
    return found if title is None else {**found, "annotations": {TITLE: title}}


def oras_1_3(title: str, data: bytes, media_type: str) -> tuple[dict, bytes, bytes]:
    """``oras push REF FILE[:TYPE]`` of version 1.2 and later: an unknown artifact type, the empty config with its data, the time of the push."""
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2, "data": "e30="}
    manifest = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "artifactType": "application/vnd.unknown.artifact.v1",
        "config": config,
        "layers": [layer(title, data, media_type)],
        "annotations": CREATED,
    }
    return manifest, b"{}", data


def oras_1_0(title: str, data: bytes, media_type: str) -> tuple[dict, bytes, bytes]:
    """The same of version 1.0, which the second document installs: no artifact type, a config of an unknown type."""
    config = {"mediaType": "application/vnd.unknown.config.v1+json", "digest": digest(b"{}"), "size": 2}
    layers = [layer(title, data, media_type)]
    return {"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers, "annotations": CREATED}, b"{}", data
