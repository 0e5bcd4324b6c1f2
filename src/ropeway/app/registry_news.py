"""What is newer in the registries than what was fetched from them, and what is done about it.

A registry's ``update`` says what happens with what one has of it:

* ``never``: nobody looks, unless ``workflow registry update NAME`` names the registry; then it is told;
* ``notify``: ``workflow registry update`` tells what is newer, and so does, at most once a day, a command that asks this registry anyway;
* ``auto``: the same commands fetch it as well, so that it is there without a network. It is judged as if its reference had been typed.

What is locked stays as it is locked: ``workflow upgrade`` changes that.
"""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ropeway.app.registries import resolver_of
from ropeway.errors import RopewayError
from ropeway.lang.reference.refs import Ref
from ropeway.lang.versions import parse_version
from ropeway.records import record
from ropeway.registry import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.app.sources import Sources
    from ropeway.registry import Pin
    from ropeway.registry.config import Registry

__all__ = ["News", "news", "notice", "update"]

_DAY: Final = 86_400.0
_MOST: Final = 20
"""Names that are looked at on the way, when a person waits for something else."""


@record
class News:
    """Something newer. ``reference`` is how to fetch it; ``before`` and ``after`` are versions, or digests of a branch; ``error`` says why it could not be asked or fetched."""

    registry: str
    reference: str
    before: str
    after: str | None = None
    fetched: bool = False
    error: RopewayError | None = None

    def line(self) -> str:
        """Return it as a sentence for people."""
        if self.error is not None:
            return f"{self.reference} could not be {'asked' if self.after is None else 'fetched'}: {self.error.message}"
        how = "has a newer version" if parse_version(self.before) is not None else "has moved" if "#" in self.reference else "has changed"
        return f"{self.reference} {how}: {self.before} -> {self.after}"

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "registry": self.registry,
            "reference": self.reference,
            "before": self.before,
            "after": self.after,
            "fetched": self.fetched,
            "error": None if self.error is None else {"code": self.error.code, "message": self.error.message},
        }


def news(registry: Registry, sources: Sources) -> Iterator[News]:
    """Yield what is newer in a registry than everything that was fetched from it, by name: its newest version, and its branches."""
    names: dict[str, list[Pin]] = {}
    for pin, _ in sources.store.pins():
        if pin.registry == registry.name and pin.kind == "workflow" and pin.source.startswith(_scheme(registry)):
            names.setdefault(pin.name, []).append(pin)
    resolver = resolver_of(registry, sources) if names else None
    for name in sorted(names):
        assert resolver is not None
        for wanted, before, digests in _questions(name, names[name], registry):
            try:
                now = resolver.pin(wanted)
            except RopewayError as error:
                yield News(registry.name, wanted.reference, before, error=error)
                continue
            if now.digest not in digests and _newer(before, now):
                yield News(registry.name, wanted.reference, before, now.version if parse_version(now.version or "") else _short(now.digest))


def _scheme(registry: Registry) -> str:
    return {"git": "git+", "path": "path:"}.get(registry.type, "")


def _questions(name: str, pins: list[Pin], registry: Registry) -> Iterator[tuple[Wanted, str, set[str]]]:
    """Yield what to ask about one name, what is known of it, and the digests that are no news."""
    place = f"{name}@{registry.name}"
    versions = {pin.version: parsed for pin in pins if pin.version is not None and (parsed := parse_version(pin.version)) is not None}
    if versions:
        newest = max(versions, key=lambda text: versions[text])
        yield Wanted(place, name), newest, {pin.digest for pin in pins if pin.version in versions}
    loose = [pin for pin in pins if pin.moving and pin.version not in versions]
    for branch in sorted({pin.version or "" for pin in loose}):
        digests = {pin.digest for pin in loose if (pin.version or "") == branch}
        ref = Ref(branch, "name") if branch else None
        before = _short(next(iter(digests))) if len(digests) == 1 else "older ones"
        yield Wanted(f"{place}#{branch}" if branch else place, name, ref), before, digests


def _newer(before: str, now: Pin) -> bool:
    """Whether what is there now is newer; of a branch, whatever is there is."""
    old, new = parse_version(before), parse_version(now.version or "")
    return old is None or (new is not None and new > old)


def _short(digest: str) -> str:
    return digest.removeprefix("git:")[:12] if digest.startswith("git:") else digest[:19]


def update(name: str | None, sources: Sources) -> Iterator[News]:
    """Yield what is newer in a registry, or in all whose ``update`` is not ``never``; where it is ``auto``, fetched.

    Raises:
        NotFound: There is no registry of this name.
    """
    chosen = [sources.registries.get(name)] if name is not None else [each for each in sources.registries if each.update != "never"]
    for registry in chosen:
        for each in news(registry, sources):
            yield _taken(each, sources) if registry.update == "auto" and each.error is None else each
        _stamp(registry.name, sources)


def _taken(found: News, sources: Sources) -> News:
    from ropeway.lang.reference import parse_reference
    from ropeway.records import replace

    try:
        sources.bring(parse_reference(found.reference), by="typed", project=sources.store.cache)
    except RopewayError as error:
        return replace(found, error=error)
    return replace(found, fetched=True)


# -- once a day -------------------------------------------------------------------------------------------------------------------------


def notice(name: str, sources: Sources, *, now: float | None = None) -> list[str]:
    """Return sentences about what is newer in a registry that was asked for something just now, at most once a day.

    What goes wrong here is no matter of the command that calls it, so nothing is raised. ``now`` is seconds since 1970.
    """
    lines: list[str] = []
    with suppress(RopewayError, OSError):
        registry = sources.registries.get(name)
        if registry.update == "never" or sources.offline or not _due(name, sources, time.time() if now is None else now):
            return []
        _stamp(name, sources)
        for each in islice(news(registry, sources), _MOST):
            found = _taken(each, sources) if registry.update == "auto" and each.error is None else each
            if found.error is None:
                lines.append(found.line() + (" (fetched)" if found.fetched else f" (`workflow fetch {found.reference}` gets it)"))
    return lines


def _due(name: str, sources: Sources, now: float) -> bool:
    try:
        return not 0 <= now - (sources.store.root / "asked" / name).stat().st_mtime < _DAY
    except OSError:
        return True


def _stamp(name: str, sources: Sources) -> None:
    """Note that a registry was asked for news; where the cache can't be written, it is asked again."""
    with suppress(OSError):
        folder = sources.store.root / "asked"
        if folder.parent.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / name).touch()
