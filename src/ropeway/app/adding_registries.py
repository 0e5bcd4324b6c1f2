"""Adding a registry: what kind of source it is, and that all that is said about it fits, before it stands in the person's file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from ropeway.app.registries import file_of, net_of
from ropeway.errors import NotFound, Unreachable, UsageError
from ropeway.records import record, replace
from ropeway.registry import config_edit
from ropeway.registry.config import check_name, make, read_registries
from ropeway.registry.http.hosts import check_no_login
from ropeway.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ropeway.registry.config import Registry, Type
    from ropeway.registry.http.transport import Net

    Probe = Callable[[str, Net, Mapping[str, str]], bool]
    """Says whether a server of ours answers at an address."""

__all__ = ["Added", "Options", "add", "answers_as_ropeway"]

_SCHEMES: Final = ("https://", "http://", "ssh://", "git://", "file://")


@record
class Options:
    """What can be said about a registry that is added. ``pins`` are ``sha256:…`` of certificates or keys; None leaves a key out of the file."""

    type: str | None = None
    ca: str | None = None
    pins: tuple[str, ...] = ()
    update: str | None = None
    default: bool = False
    force: bool = False
    dry_run: bool = False


@record
class Added:
    """A registry that was added: whether it is the default one, whether its type was found out, and the file that it stands in."""

    registry: Registry
    default: bool
    inferred: bool
    path: Path


def add(name: str, source: str, options: Options, environ: Mapping[str, str], cwd: Path, probe: Probe | None = None) -> Added:
    """Add a registry to the person's file.

    Args:
        name: What stands behind ``@``.
        source: ``owner/repo``, a folder, ``oci://host/prefix``, ``https://host`` or any URL that git takes.
        options: What else is said about it. Without a type, the source tells.
        environ: The environment.
        cwd: What a relative folder is relative to.
        probe: Asks an ``https://`` address whether it is a server of ours; :func:`answers_as_ropeway` when None.

    Raises:
        UsageError: The name, the source or an option does not fit, or there is one of this name.
        Unreachable: What the type is could only be asked of the address, and it does not answer.
        StoreError: The file can't be written.
    """
    check_name(name)
    check_no_login(source)
    table: dict[str, Any] = {"type": options.type, "source": source}
    if options.ca is not None:
        table["ca"] = _certificates(options.ca, cwd)
    if options.pins:
        table["pin"] = list(options.pins) if len(options.pins) > 1 else options.pins[0]
    if options.update is not None:
        table["update"] = options.update
    known = read_registries(environ)
    if name in known.all and not options.force:
        raise config_edit.exists(name)  # before anybody is asked
    table["type"], table["source"] = _inferred(table, environ, cwd, probe or answers_as_ropeway)
    path = file_of(environ)
    after = config_edit.add(path, name, table, default=options.default, force=options.force, dry_run=options.dry_run)
    registry = make(name, table, load(None, environ).github_url)
    return Added(registry, after.default == name, options.type is None, path)


def _certificates(text: str, cwd: Path) -> str:
    path = Path(os.path.abspath(cwd / Path(text).expanduser()))  # noqa: PTH100 - a link stays one: who made it may lead it elsewhere
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"the certificates {path} can't be read: {error.strerror}", hint="name a file in PEM", code="ca-file") from error
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise UsageError(f"{path} holds no certificate in PEM", hint="it has lines -----BEGIN CERTIFICATE-----", code="ca-file")
    return str(path)


def _inferred(table: Mapping[str, Any], environ: Mapping[str, str], cwd: Path, probe: Probe) -> tuple[Type, str]:
    """Return type and source as they are to be written: the type that was given, else what the source looks like."""
    kind, source = table["type"], str(table["source"])
    kind = "git" if kind == "github" else kind
    folder = cwd / Path(source).expanduser()
    looks_local = source.startswith((".", "/", "~")) or source in {"", "."}
    if kind is None:
        if source.startswith("oci://"):
            kind = "oci"
        elif source.startswith("https://"):
            kind = "ropeway" if _asked(table, environ, probe) else "git"
        elif source.startswith(_SCHEMES) or (":" in source and not looks_local):
            kind = "git"
        elif looks_local or folder.is_dir():
            kind = "path"
        else:
            kind = "git"
    if kind in {"path", "git"} and (looks_local or (kind == "path" and "://" not in source)):
        if not folder.is_dir():
            raise NotFound(f"there is no folder {folder}", hint="name one that is there, or say --type", code="registry-folder")
        source = os.path.abspath(folder)  # noqa: PTH100 - a link stays one
    return cast("Type", kind), source


def _asked(table: Mapping[str, Any], environ: Mapping[str, str], probe: Probe) -> bool:
    ready = make("x", {**table, "type": "git"})
    try:
        return probe(ready.source, net_of(ready), environ)
    except Unreachable as error:
        hint = "say which it is: --type git, or --type ropeway"
        raise Unreachable(f"what is at {ready.source} can't be asked: {error.message}", hint=hint, code=error.code) from error


def answers_as_ropeway(url: str, net: Net, environ: Mapping[str, str]) -> bool:
    """Whether a server of ours answers at an address: ``/healthz``, or its list of workflows, is JSON.

    Raises:
        Unreachable: Nothing answers.
        Refused: Its certificate is not the one that was pinned.
    """
    from ropeway.registry.http.transport import Http

    http = Http(replace(net, retries=0, timeout=10.0), environ, urlsplit(url).hostname)
    try:
        for path in ("/healthz", "/v1/workflows?limit=1"):
            answer = http.request("GET", url.rstrip("/") + path, {"Accept": "application/json"}, limit=2**20, retry=False)
            kind = str(answer.headers.get("content-type") or "").partition(";")[0].strip().lower()
            if answer.status == 200 and kind == "application/json":
                return True
    finally:
        http.close()
    return False
