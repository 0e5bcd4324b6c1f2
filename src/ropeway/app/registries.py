"""The registries that have a name here: add them, look at them, log in to them. What is newer in them is in ``registry_news``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from ropeway.errors import NotFound, Refused, RopewayError, Unreachable, UsageError
from ropeway.records import record, replace
from ropeway.registry import config_edit
from ropeway.registry.config import FILE, Registries, check_name, make
from ropeway.settings import config_dir, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ropeway.app.sources import Sources
    from ropeway.registry import Listing, Resolver
    from ropeway.registry.config import Registry, Type
    from ropeway.registry.transport import Net

    Probe = Callable[[str, Net, Mapping[str, str]], bool]
    """Says whether a server of ours answers at an address."""

__all__ = [
    "Added",
    "Options",
    "add",
    "answers_as_ropeway",
    "file_of",
    "listed",
    "login",
    "logout",
    "look",
    "read",
    "remove",
    "set_default",
    "workflows",
]

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


def file_of(environ: Mapping[str, str]) -> Path:
    """Return where a person's registries stand."""
    return config_dir(environ) / FILE


def read(environ: Mapping[str, str]) -> Registries:
    """Return a person's registries; raises as :meth:`Registries.read` does."""
    return Registries.read(file_of(environ), load(None, environ).github_url)


# -- adding -----------------------------------------------------------------------------------------------------------------------------


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
    table: dict[str, Any] = {"type": options.type, "source": source}
    if options.ca is not None:
        table["ca"] = _certificates(options.ca, cwd)
    if options.pins:
        table["pin"] = list(options.pins) if len(options.pins) > 1 else options.pins[0]
    if options.update is not None:
        table["update"] = options.update
    known = read(environ)
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
        return probe(ready.source, _net(ready), environ)
    except Unreachable as error:
        hint = "say which it is: --type git, or --type ropeway"
        raise Unreachable(f"what is at {ready.source} can't be asked: {error.message}", hint=hint, code=error.code) from error


def answers_as_ropeway(url: str, net: Net, environ: Mapping[str, str]) -> bool:
    """Whether a server of ours answers at an address: ``/healthz``, or its list of workflows, is JSON.

    Raises:
        Unreachable: Nothing answers.
        Refused: Its certificate is not the one that was pinned.
    """
    from ropeway.registry.transport import Http

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


def _net(registry: Registry) -> Net:
    from ropeway.registry.transport import Net

    return Net(ca=registry.ca, pins=registry.pin)


# -- the rest of the file ---------------------------------------------------------------------------------------------------------------


def remove(name: str, environ: Mapping[str, str]) -> tuple[Registry, bool]:
    """Remove a registry; return it, and whether it was the default one. What was fetched from it stays. Raises ``NotFound``."""
    known = read(environ)
    found = known.get(name)
    config_edit.remove(file_of(environ), name)
    return found, known.default == name


def set_default(name: str, environ: Mapping[str, str]) -> None:
    """Make a registry the one that ``name@`` means; raises ``NotFound``."""
    read(environ).get(name)
    config_edit.set_default(file_of(environ), name)


def listed(environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what is configured, by name, as ``workflow registry list --json`` prints it. Nothing is asked."""
    known = read(environ)
    return [_as_json(registry, known.default) for registry in known]


def _as_json(registry: Registry, default: str | None) -> dict[str, Any]:
    return {
        "name": registry.name,
        "type": registry.type,
        "source": registry.source,
        "default": registry.name == default,
        "update": registry.update,
        "ca": None if registry.ca is None else str(registry.ca),
        "pin": list(registry.pin),
    }


# -- looking --------------------------------------------------------------------------------------------------------------------------


def workflows(name: str, sources: Sources) -> Iterator[Listing]:
    """Yield what is in a registry; raises ``Unreachable``, ``NotFound`` and ``Refused``."""
    return resolver_of(sources.registries.get(name), sources).search("")


def resolver_of(registry: Registry, sources: Sources) -> Resolver:
    """Return who knows what is in a registry."""
    from ropeway.registry.dispatch import Around, registry_resolver

    around = Around(
        sources.registries, sources.settings.github_url, sources.store, sources.environ, sources.progress, offline=sources.offline
    )
    return registry_resolver(registry, around)


def look(name: str, sources: Sources) -> dict[str, Any]:
    """Return all about a registry: what is configured, whether it answers (``problem`` says why not), as whom one is logged in, how many things of it are cached."""
    registry = sources.registries.get(name)
    found = _as_json(registry, sources.registries.default)
    problem = None
    try:
        _knock(registry, sources)
    except Refused as error:
        if error.code not in {"unauthorized", "forbidden"}:
            problem = error.message
    except (Unreachable, NotFound, UsageError) as error:
        problem = error.message
    return {
        **found,
        "reachable": problem is None,
        "problem": problem,
        "login": _login_name(registry, sources.environ),
        "cached": len({(pin.name, pin.digest) for pin, _ in sources.store.pins() if pin.registry == name}),
    }


def _knock(registry: Registry, sources: Sources) -> None:
    """Ask a registry for as little as tells that it is there."""
    if registry.type in {"oci", "ropeway"}:
        from ropeway.registry.auth import Credentials
        from ropeway.registry.client import Client

        with Client(host_of(registry), replace(_net(registry), offline=sources.offline), Credentials(sources.environ)) as client:
            client.ping()
    else:
        next(iter(resolver_of(registry, sources).search("")), None)


def _login_name(registry: Registry, environ: Mapping[str, str]) -> str | None:
    """Return as whom one is logged in, ``token`` where only a token is known, None for nobody."""
    if registry.type not in {"oci", "ropeway"}:
        return None
    from ropeway.registry.auth import Credentials

    try:
        found = Credentials(environ).for_host(host_of(registry))
    except RopewayError as error:
        return f"? ({error.message})"
    return None if found is None else found.username or "token"


def host_of(registry: Registry) -> str:
    """Return the host of a registry that one can log in to.

    Raises:
        UsageError: It has none: git brings credentials of its own, and a folder needs none.
    """
    if registry.type in {"oci", "ropeway"}:
        return registry.source.partition("://")[2].partition("/")[0]
    hint = "git asks for it itself, or takes it from its credential helper" if registry.type == "git" else "a folder needs none"
    raise UsageError(f"one does not log in to `{registry.name}`, a registry of type {registry.type}", hint=hint, code="registry-login")


def login(place: str, username: str, secret: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Log in to a registry by its name here or its host; return the host and where the login is kept.

    Raises:
        UsageError: One can't log in there.
        NotFound: No registry has this name, and it is no host.
        Refused: The registry does not accept it.
        Unreachable: It does not answer.
    """
    from ropeway.registry.auth import login as log_in

    host, net = place_of(place, environ)
    return host, log_in(host, username, secret, net, environ)


def logout(place: str, environ: Mapping[str, str]) -> str:
    """Forget the login for a registry, named as for :func:`login`; return the host. Raises ``NotFound`` when there is none."""
    from ropeway.registry.auth import logout as log_out

    host, _ = place_of(place, environ)
    log_out(host, environ)
    return host


def place_of(place: str, environ: Mapping[str, str]) -> tuple[str, Net]:
    """Return the host that a registry's name or a host means, and how the network is used for it; raises as :func:`login` does."""
    from ropeway.registry.transport import Net

    known = read(environ)
    if place in known.all:
        registry = known.all[place]
        return host_of(registry), _net(registry)
    host = place.partition("://")[2].partition("/")[0] if place.startswith(("oci://", "https://")) else place
    if host != "localhost" and not any(mark in host for mark in ".:"):
        raise _unknown(known, place)
    same: Sequence[Registry] = [each for each in known if each.type in {"oci", "ropeway"} and host_of(each) == host]
    return host, _net(same[0]) if same else Net()


def _unknown(known: Registries, place: str) -> RopewayError:
    try:
        known.get(place)
    except NotFound as error:
        return error
    return NotFound(f"no registry is called `{place}`", code="registry-not-found")
