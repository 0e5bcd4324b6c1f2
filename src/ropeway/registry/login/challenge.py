"""The ``WWW-Authenticate`` header: which schemes a registry offers, and where its tokens come from (RFC 9110 section 11, RFC 6750 section 3). Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ropeway.errors import Refused
from ropeway.records import record
from ropeway.registry.http.hosts import is_loopback, origin_of, same_site

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ropeway.registry.http.hosts import Origin

__all__ = ["Challenge", "check_realm", "choose", "may_know_secret", "parse_challenges"]

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME: Final = re.compile(rf"[\s,]*({_WORD})(?:\s+|\s*$|(?=,))")
_PARAMETER: Final = re.compile(rf"""[\s,]*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?=,|$)""")
_TOKEN68: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*\s*(?=,|$)")
_LONGEST: Final = 8192


@record
class Challenge:
    """One way to say who one is. ``scheme`` and the names of the parameters are in lower case."""

    scheme: str
    parameters: Mapping[str, str]

    @property
    def realm(self) -> str:
        """For ``bearer``: the address that hands out tokens."""
        return self.parameters.get("realm", "")


def parse_challenges(line: str) -> tuple[Challenge, ...]:
    """Read every challenge of ``WWW-Authenticate`` in order, up to the first that can't be read. Several such headers are joined by commas."""
    found: list[Challenge] = []
    text, position = line[:_LONGEST], 0
    while scheme := _SCHEME.match(text, position):
        position = scheme.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(text, position):
            name, quoted, bare = parameter.groups()
            parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare)
            position = parameter.end()
        if not parameters and (opaque := _TOKEN68.match(text, position)):
            position = opaque.end()
        found.append(Challenge(scheme[1].lower(), parameters))
    return tuple(found)


def choose(challenges: Iterable[Challenge]) -> Challenge | None:
    """Return the challenge to answer: Bearer before Basic, since a token says less than a password; None when neither is offered."""
    known = {challenge.scheme: challenge for challenge in reversed(tuple(challenges))}
    bearer = known.get("bearer")
    return bearer if bearer and bearer.realm else known.get("basic")


def check_realm(realm: str, registry: Origin) -> Origin:
    """Return the origin of a token service, when a client may go there at all.

    It has to be HTTPS and not this machine; for a registry on this machine it may be this machine too, then also without TLS. Everything else
    (``file:``, ``http:``, addresses with a password) could make the client a tool of whoever runs the registry.

    Raises:
        Refused: It is anything else.
    """
    there = origin_of(realm)
    hint = "ask who runs the registry; nothing was sent there"
    if there is None or "@" in urlsplit(realm).netloc or any(ord(letter) <= 32 for letter in realm):
        raise Refused(f"{registry} sends us to {realm!r:.200} for a token, which is no address of HTTPS", hint=hint, code="realm-refused")
    here = is_loopback(registry.host)
    if there.scheme != "https" and not (here and is_loopback(there.host)):
        raise Refused(f"{registry} sends us to {there} for a token, which is not encrypted", hint=hint, code="realm-refused")
    if is_loopback(there.host) and not here:
        raise Refused(f"{registry} sends us to this machine ({there}) for a token", hint=hint, code="realm-refused")
    return there


def may_know_secret(realm: Origin, registry: Origin, logged_in: bool) -> bool:  # noqa: FBT001
    """Whether a registry's password may be sent to the token service that the registry named.

    Yes when both belong to one owner (:func:`~ropeway.registry.http.hosts.same_site`: ``auth.docker.io`` for ``registry-1.docker.io``), or when the person
    has logged in at the service's host as well. A registry could ask for the password itself, so this does not keep it from a bad one; it keeps it from
    a stranger that a good one was tricked into naming.
    """
    return same_site(realm.host, registry.host) or logged_in
