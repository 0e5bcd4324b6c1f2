"""The registries that have a name here: look at them, log in to them. ``adding_registries`` adds one, ``registry_news`` tells what is newer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.errors import NotFound, Refused, RopewayError, Unreachable, UsageError
from ropeway.records import replace
from ropeway.registry import config_edit
from ropeway.registry.config import FILE, Registries, read_registries
from ropeway.settings import config_dir

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ropeway.app.sources import Sources
    from ropeway.registry import Listing, Resolver
    from ropeway.registry.config import Registry
    from ropeway.registry.http.transport import Net


__all__ = [
    "file_of",
    "host_of",
    "listed",
    "login",
    "logout",
    "look",
    "net_of",
    "place_of",
    "remove",
    "resolver_of",
    "set_default",
    "workflows",
]


def file_of(environ: Mapping[str, str]) -> Path:
    """Return where a person's registries stand."""
    return config_dir(environ) / FILE


def net_of(registry: Registry) -> Net:
    """Return how the network is used for a registry."""
    from ropeway.registry.http.transport import Net

    return Net(ca=registry.ca, pins=registry.pin)


# -- the rest of the file ---------------------------------------------------------------------------------------------------------------


def remove(name: str, environ: Mapping[str, str]) -> tuple[Registry, bool]:
    """Remove a registry; return it, and whether it was the default one. What was fetched from it stays. Raises ``NotFound``."""
    known = read_registries(environ)
    found = known.get(name)
    config_edit.remove(file_of(environ), name)
    return found, known.default == name


def set_default(name: str, environ: Mapping[str, str]) -> None:
    """Make a registry the one that ``name@`` means; raises ``NotFound``."""
    read_registries(environ).get(name)
    config_edit.set_default(file_of(environ), name)


def listed(environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what is configured, by name, as ``workflow registry list --json`` prints it. Nothing is asked."""
    known = read_registries(environ)
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
        from ropeway.registry.oci.client import Client

        with Client(host_of(registry), replace(net_of(registry), offline=sources.offline), Credentials(sources.environ)) as client:
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
    from ropeway.registry.http.transport import Net

    known = read_registries(environ)
    if place in known.all:
        registry = known.all[place]
        return host_of(registry), net_of(registry)
    host = place.partition("://")[2].partition("/")[0] if place.startswith(("oci://", "https://")) else place
    if host != "localhost" and not any(mark in host for mark in ".:"):
        raise _unknown(known, place)
    same: Sequence[Registry] = [each for each in known if each.type in {"oci", "ropeway"} and host_of(each) == host]
    return host, net_of(same[0]) if same else Net()


def _unknown(known: Registries, place: str) -> RopewayError:
    try:
        known.get(place)
    except NotFound as error:
        return error
    return NotFound(f"no registry is called `{place}`", code="registry-not-found")
