"""Single files in OCI registries, laid out as the ORAS client lays them out: who has only ``oras pull`` gets the plain file.

A file is one layer, titled with its base name, in a manifest that says nothing else. No time of the push is noted in it, so the same file has the
same digest wherever and whenever it is pushed.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from ropeway.errors import NotFound, Refused, StoreError, Unreachable, UsageError
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ropeway.bundles.kinds import Kind
    from ropeway.bundles.manifest import Descriptor, Manifest
    from ropeway.registry import Progress
    from ropeway.registry.oci.client import Client

__all__ = ["Place", "check_tag", "connect", "fetch_into", "get_manifest", "move_into", "place_in", "place_of", "push_file", "read_file"]

ORAS_ARTIFACT: Final = "application/vnd.unknown.artifact.v1"
"""The artifact type that ORAS 1.3 gives what is pushed without one."""

_NAME: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
DEBIANS_PORT: Final = 5000
"""Where docker-registry listens unless it is told otherwise."""

DEBIANS_WAY: Final = (
    "REGISTRY_AUTH=none REGISTRY_HTTP_ADDR=127.0.0.1:5000 REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=$HOME/registry"
    " docker-registry serve /etc/docker/registry/config.yml"
)
"""Its packaged settings ask for a password that nobody has, and keep everything in a folder of the system's: both are set aside."""

_WORD: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


@record
class Place:
    """A registry, or a part of one: ``host`` with its port, and what stands before every repository's name (empty: nothing)."""

    host: str
    prefix: str = ""

    def repository(self, kind: Literal["workflows", "agents"], name: str) -> str:
        """Return the repository of a workflow or an agent.

        Raises:
            UsageError: No repository may be called so.
        """
        if len(name) > 200 or _NAME.fullmatch(name) is None:
            hint = "lower-case letters and digits, joined by single . _ - or /"
            raise UsageError(f"{name!r} can not be the name of a repository in a registry", hint=hint, code="repository-name")
        return f"{self.prefix}/{kind}/{name}".lstrip("/")

    def __str__(self) -> str:
        return f"{self.host}/{self.prefix}".rstrip("/")


def place_of(text: str | None, environ: Mapping[str, str]) -> Place:
    """Return the registry that a text names.

    Args:
        text: ``HOST[:PORT][/PREFIX]``, also with ``oci://``, ``https://`` or (this machine only) ``http://`` before it; the name of a registry
            that is configured and speaks OCI; None for the setting ``oci_registry`` (``$ROPEWAY_OCI_REGISTRY``).
        environ: The caller's environment.

    Raises:
        UsageError: It names none.
        NotFound: No registry is called so.
        Refused: It asks for plain HTTP to another machine.
    """
    from ropeway.registry.http.hosts import api_base
    from ropeway.settings import load

    said = (load(None, environ).oci_registry if text is None else text).strip()
    if _WORD.fullmatch(said) and said != "localhost":
        said = _configured(said, environ)
    scheme = said.rpartition("://")[0]
    place = place_in(said)
    if scheme not in ("", "oci", "http", "https"):
        raise UsageError(f"{said!r} is not the address of a registry", hint="write HOST:PORT, such as localhost:5000", code="registry-host")
    if api_base(place.host).scheme != "http" and scheme == "http":
        hint = "leave http:// out: registries on other machines are reached by https"
        raise Refused(f"{place.host} is another machine, and plain HTTP is spoken to this one only", hint=hint, code="plain-http")
    if place.prefix and _NAME.fullmatch(place.prefix) is None:
        hint = "lower-case letters and digits, joined by single . _ - or /"
        raise UsageError(f"{place.prefix!r} can not be a part of a repository's name", hint=hint, code="repository-name")
    return place


def _configured(name: str, environ: Mapping[str, str]) -> str:
    from ropeway.registry.config import read_registries

    found = read_registries(environ).get(name)
    if found.type not in ("oci", "ropeway"):
        hint = f"it is a {found.type} registry; push to it as its kind does, or name HOST:PORT of an OCI registry"
        raise UsageError(f"the registry {name} does not speak OCI", hint=hint, code="registry-type")
    return found.source


def check_tag(version: str) -> str:
    """Return the tag of a version: a ``+`` can not stand in one and becomes ``_``.

    Raises:
        UsageError: It can not be a tag.
    """
    tag = version.replace("+", "_")
    if _TAG.fullmatch(tag) is None:
        hint = "a tag has letters, digits, `.`, `_` and `-`, at most 128, and begins with neither `.` nor `-`"
        raise UsageError(f"{version!r} can not be a tag", hint=hint, code="tag-name")
    return tag


@contextmanager
def connect(host: str, environ: Mapping[str, str], progress: Progress | None = None) -> Iterator[Client]:
    """Give a client of one registry, with the logins and certificates that this person has for it; ``progress`` is told of transfers.

    Raises:
        Unreachable: When nothing listens there, and it is this machine, the hint says how to start a registry.
    """
    from ropeway.registry import Silent
    from ropeway.registry.auth import Credentials
    from ropeway.registry.config import read_registries
    from ropeway.registry.http.hosts import api_base
    from ropeway.registry.http.transport import Net
    from ropeway.registry.oci.client import Client

    own = read_registries(environ).at(host)
    base = api_base(host)
    here = base.scheme == "http"
    # On this machine a refused connection means that nothing listens: to try again four times would only make people wait.
    net = Net(retries=1 if here else Net().retries, ca=own.ca if own else None, pins=own.pin if own else ())
    with Client(host, net, Credentials(environ), progress or Silent()) as client:
        try:
            yield client
        except Unreachable as error:
            if not here or error.code != "connection-refused":
                raise
            hint = f"start one: docker run -d -p {base.port}:5000 --name registry registry:2"
            if base.port == DEBIANS_PORT:
                hint += f"; or, with Debian's docker-registry: {DEBIANS_WAY}"
            raise Unreachable(f"no registry runs at {host}", hint=hint, code=error.code) from None


def place_in(source: str) -> Place:
    """Return the place that an address names, nothing being checked."""
    host, _, prefix = source.strip().rpartition("://")[2].partition("/")
    return Place(host, prefix.strip("/"))


def read_file(path: Path, most: int) -> bytes:
    """Return a file's bytes.

    Raises:
        NotFound: It is not there, is a folder, or can not be read.
        UsageError: It is larger than ``most`` bytes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"there is no file {path}", hint="check the path: it starts in the current folder", code="file-not-found") from None
    except IsADirectoryError:
        raise NotFound(f"{path} is a folder", hint="name the file in it, or give --all with the folder", code="file-not-found") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise NotFound(f"{path} can not be read: {reason}", code="file-unreadable") from None
    if len(data) > most:
        raise UsageError(f"{path} has more than {most:,} bytes", hint="publish it as a bundle: workflow publish", code="file-too-large")
    return data


def push_file(client: Client, repository: str, tag: str, title: str, data: bytes, media_type: str) -> str:
    """Push one file under a tag, which then means it, and return the manifest's digest. Raises what the client raises."""
    from ropeway.bundles.blobs import Blob
    from ropeway.bundles.manifest import EMPTY, TITLE, Descriptor, digest_of, make_manifest

    layer = Descriptor(media_type, digest_of(data), len(data), {TITLE: title})
    manifest = make_manifest(EMPTY, (layer,), artifact_type=ORAS_ARTIFACT)
    client.push(repository, [Blob(EMPTY, data=b"{}"), Blob(layer, data=data)])
    return client.push_manifest(repository, tag, manifest)


def get_manifest(client: Client, repository: str, reference: str) -> Manifest:
    """Return what a tag or digest names now. Raises what the client raises, and ``InvalidBundle``."""
    from ropeway.bundles.manifest import parse_manifest

    raw, media_type, _ = client.manifest(repository, reference)
    return parse_manifest(raw, media_type)


def fetch_into(client: Client, repository: str, manifest: Manifest, folder: Path, *, kind: Kind, name: str) -> str:
    """Write the files of a bundle into an empty folder, each verified before, and return the definition's path in it.

    Raises:
        InvalidBundle: No file, or more than one, can be the definition of that kind and name.
        BundleRefused: A file is not what its digest says, or would be written elsewhere.
        RopewayError: What the client raises.
    """
    from ropeway.bundles.unpack import unpack_into

    with tempfile.TemporaryDirectory(prefix="ropeway-") as temporary:
        blobs = Path(temporary)

        def where(descriptor: Descriptor) -> Path:
            return blobs / descriptor.digest.replace(":", "-")

        client.pull(repository, manifest.layers, where)
        return unpack_into(manifest, lambda descriptor: where(descriptor).open("rb"), folder, kind=kind, name=name)


def move_into(files: Path, target: Path, *, force: bool) -> list[Path]:
    """Move all files below one folder into another, and return where they are, sorted. A file that is there with the same bytes stays.

    Raises:
        Refused: A file is there with other bytes, and ``force`` is not set; then nothing was moved.
        StoreError: The folder can not be written.
    """
    found = sorted(path.relative_to(files) for path in files.rglob("*") if path.is_file())
    try:
        if not force:
            _keep_others(found, files, target)
        for each in found:
            (target / each).parent.mkdir(parents=True, exist_ok=True)
            if not _same(target / each, files / each):
                (files / each).replace(target / each)
    except Refused:
        raise
    except OSError as error:
        hint = "check who owns the folder, or choose another one with -o"
        raise StoreError(f"{target} can not be written: {error.strerror}", hint=hint, code="output-unwritable") from None
    return [target / each for each in found]


def _keep_others(found: list[Path], files: Path, target: Path) -> None:
    for each in found:
        there = target / each
        if there.exists() and not _same(there, files / each):
            hint = "move it away, choose another folder with -o, or overwrite it with --force"
            raise Refused(f"{there} is there already, and differs", hint=hint, code="file-exists")


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and one.read_bytes() == other.read_bytes()
