"""Other programs that speak with registries, each with the same few verbs: what they push we have to pull, and the other way round."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ropeway.bundles.manifest import digest_of

_ORAS_PY = """
import json, sys, oras.client
verb, host, reference, files, outdir = json.loads(sys.argv[1])
client = oras.client.OrasClient(hostname=host, insecure=True)
if verb == "push":
    answer = client.push(target=reference, files=files, quiet=True)
    print(answer.headers["Docker-Content-Digest"])
else:
    client.pull(target=reference, outdir=outdir)
"""


def run(argv: Sequence[str], cwd: Path, environ: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed; it has to end well."""
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, **(environ or {})}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout.strip()


class Peer:
    """A client; ``tool`` is the program that it needs, ``folders`` whether it pushes a folder as one layer that says so."""

    tool = ""
    folders = True

    def push(
        self, reference: str, folder: Path, files: Sequence[str], environ: Mapping[str, str] | None = None, *, artifact_type: str = ""
    ) -> str:
        """Push files (``path`` or ``path:media type``) and folders of a folder; return the manifest's digest."""
        raise NotImplementedError

    def pull(self, reference: str, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        """Pull an artifact: its files into the folder, or an image layout for those that know no files."""
        raise NotImplementedError


class OrasGo(Peer):
    """The ORAS library for Go."""

    tool = "ropeway-oras"

    def push(self, reference, folder, files, environ=None, *, artifact_type="") -> str:
        typed = ["-artifact-type", artifact_type] if artifact_type else []
        return run(["ropeway-oras", "push", *typed, reference, *files], folder, environ)

    def pull(self, reference, folder, environ=None) -> None:
        run(["ropeway-oras", "pull", "-output", ".", reference], folder, environ)


class Oras(Peer):
    """The ``oras`` command."""

    tool = "oras"

    def push(self, reference, folder, files, environ=None, *, artifact_type="") -> str:
        typed = ["--artifact-type", artifact_type] if artifact_type else []
        argv = ["oras", "push", "--plain-http", "--format", "json", *typed, reference, *files]
        return json.loads(run(argv, folder, environ))["digest"]

    def pull(self, reference, folder, environ=None) -> None:
        run(["oras", "pull", "--plain-http", reference], folder, environ)


class OrasPy(Peer):
    """The ORAS library for Python. It names files without their folders, and says of no archive that it is one."""

    folders = False

    def push(self, reference, folder, files, environ=None, *, artifact_type="") -> str:
        return self._run("push", reference, folder, environ, files)

    def pull(self, reference, folder, environ=None) -> None:
        self._run("pull", reference, folder, environ)

    def _run(self, verb, reference, folder, environ, files=()) -> str:
        asked = json.dumps([verb, reference.partition("/")[0], reference, list(files), str(folder)])
        return run([sys.executable, "-c", _ORAS_PY, asked], folder, environ)


class Layouts(Peer):
    """A program that moves images as a whole: what it pushes is an image layout, which it got from what the ORAS library pushed elsewhere."""

    def push(self, reference, folder, files, environ=None, *, artifact_type="") -> str:
        first = reference.rpartition(":")[0] + "-first:1"
        digest = OrasGo().push(first, folder, files, environ, artifact_type=artifact_type)
        layout = folder.parent / f"{folder.name}-{self.tool}"
        self.pull(first, layout, environ)
        self.push_layout(layout, reference, environ)
        return digest

    def push_layout(self, layout: Path, reference: str, environ: Mapping[str, str] | None = None) -> None:
        """Push an image layout that holds one image, tagged ``1``."""
        raise NotImplementedError


class Crane(Layouts):
    """``crane`` of go-containerregistry."""

    tool = "crane"

    def pull(self, reference, folder, environ=None) -> None:
        run(["crane", "pull", "--format", "oci", reference, str(folder)], folder.parent, environ)

    def push_layout(self, layout, reference, environ=None) -> None:
        run(["crane", "push", str(layout), reference], layout.parent, environ)


class Skopeo(Layouts):
    """``skopeo``, of the library that podman is made of."""

    tool = "skopeo"

    def pull(self, reference, folder, environ=None) -> None:
        self._copy([f"docker://{reference}", f"oci:{folder}:1"], folder.parent, environ)

    def push_layout(self, layout, reference, environ=None) -> None:
        self._copy([f"oci:{layout}:1", f"docker://{reference}"], layout.parent, environ)

    def _copy(self, places, cwd, environ) -> None:
        argv = ["skopeo", "--insecure-policy", "copy", "--quiet", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"]
        run([*argv, *places], cwd, {**(environ or {}), **_auth_file(environ)})


def _auth_file(environ: Mapping[str, str] | None) -> dict[str, str]:
    """Skopeo wants docker's configuration to be named as a file."""
    folder = (environ or {}).get("DOCKER_CONFIG")
    return {"REGISTRY_AUTH_FILE": f"{folder}/config.json"} if folder else {}


PEERS = {"oras-go": OrasGo(), "oras-py": OrasPy(), "crane": Crane(), "skopeo": Skopeo()}
if shutil.which("oras"):  # it can't be had everywhere
    PEERS["oras"] = Oras()


def peers(*names: str) -> list[object]:
    """Return parameters for tests: the named peers, or all, each marked with what it needs."""
    every = {name: PEERS[name] for name in names or PEERS}
    tools = {name: dict.fromkeys((peer.tool, "ropeway-oras" if isinstance(peer, Layouts) else peer.tool)) for name, peer in every.items()}
    return [pytest.param(peer, id=name, marks=pytest.mark.needs(*filter(None, tools[name]))) for name, peer in every.items()]


def layout_blobs(layout: Path) -> dict[str, bytes]:
    """Return what an image layout holds, by digest; its names have to be true."""
    found = {f"sha256:{path.name}": path.read_bytes() for path in (layout / "blobs/sha256").iterdir()}
    assert all(digest_of(data) == digest for digest, data in found.items())
    return found
