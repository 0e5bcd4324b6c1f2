"""What can go wrong on the way to a registry, each said in a person's words.

::

    Unreachable   exit 3   dns-failed connection-refused connection-lost tls-failed timeout rate-limited registry-error offline
    ├── Interrupted        timeout connection-lost   the server was there, and then was not: it may be tried again
    ├── ProxyFailed        proxy-failed
    └── WrongPin           tls-pin            the server's key is not the one that was pinned; nothing was sent
    Refused       exit 4   unauthorized forbidden realm-refused redirect-refused upload-refused
    NotFound      exit 3   not-found

A registry's own error texts are shown, but only after :func:`clean` took out what could steer a terminal.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from ropeway.errors import NotFound, Refused, RopewayError, Unreachable
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Interrupted", "Problem", "ProxyFailed", "WrongPin", "clean", "failed_answer", "network_error", "offline", "problems_in"]

_LONGEST: Final = 300
_MOST: Final = 3


class Interrupted(Unreachable):
    """A connection broke or stalled after it was made."""

    default_code = "connection-lost"


class ProxyFailed(Unreachable):
    """A proxy did not let us through."""

    default_code = "proxy-failed"


class WrongPin(Unreachable):
    """The server's certificate has another key than the pinned ones. Nothing but the handshake was sent to it."""

    default_code = "tls-pin"


@record
class Problem:
    """One entry of a registry's error document (distribution-spec, "Error codes")."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} ({self.code})" if self.code and self.message else self.message or self.code


def clean(text: object) -> str:
    """Return a server's text on one line, without control characters and not longer than 300 characters."""
    said = str(text)[: 4 * _LONGEST]
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in said).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def problems_in(body: bytes) -> tuple[Problem, ...]:
    """Read the ``errors`` of an error document; nothing for any other body."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    listed = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return ()
    found = []
    for entry in listed[:_MOST]:
        if isinstance(entry, dict):
            code, message = entry.get("code"), entry.get("message")
            found.append(Problem(clean(code if isinstance(code, str) else ""), clean(message if isinstance(message, str) else "")))
    return tuple(found)


def offline(host: str) -> Unreachable:
    """Return the error of who may not use the network."""
    return Unreachable(f"{host} was not asked: the network is off", hint="leave out --offline", code="offline")


def network_error(where: str, error: Exception, *, proxy: str | None = None, begun: bool = True) -> RopewayError:
    """Turn what a socket, TLS or the HTTP parser raised into an error for people.

    ``where`` is the origin that was spoken to, ``begun`` whether there was a connection already.
    """
    import socket
    import sys

    from ropeway.registry.http.http1 import TooSlow

    if isinstance(error, RopewayError):
        return error
    through = f" through the proxy {proxy}" if proxy else ""
    if isinstance(error, socket.gaierror):
        whose = f"the proxy {proxy}" if proxy else where
        hint = "check its spelling, and your network"
        if not proxy and "." not in where:
            hint = "a name without a dot is seldom a host: does one have to stand before it, as in localhost:5000/NAME or ghcr.io/NAME?"
        return Unreachable(f"the name of {whose} is not known: {clean(error.strerror)}", hint=hint, code="dns-failed")
    if "ssl" in sys.modules and (found := _tls_error(where, through, error)):
        return found
    if isinstance(error, TooSlow):
        return Unreachable(f"{where} sends too slowly{through}: {_said(error)}", hint="try again later, or ask who runs it", code="timeout")
    if isinstance(error, TimeoutError):
        if not begun:
            return Unreachable(f"{where} does not answer{through}", hint="check its name and port, and your network", code="timeout")
        return Interrupted(f"{where} sent nothing for too long{through}", hint="try again, and check your network", code="timeout")
    if isinstance(error, ConnectionRefusedError):
        whose = f"the proxy {proxy} refused the connection" if proxy else f"nothing answers at {where}"
        return Unreachable(whose, hint="check that it runs, and its port", code="connection-refused")
    if isinstance(error, (ConnectionError, EOFError)):
        return Interrupted(f"the connection to {where} was cut{through}: {_said(error)}", hint="try again")
    if not isinstance(error, OSError):
        return Unreachable(f"{where} does not speak HTTP as it should: {_said(error)}", hint="check its port", code="registry-error")
    return Unreachable(f"{where} can not be reached{through}: {_said(error)}", hint="check your network")


def _tls_error(where: str, through: str, error: Exception) -> Unreachable | None:
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return Unreachable(
            f"{where} showed a certificate that can not be trusted: {clean(error.verify_message or error.reason)}",
            hint="name the authority that signed it: workflow registry add NAME URL --ca FILE",
            code="tls-failed",
        )
    if isinstance(error, ssl.SSLEOFError):
        return Interrupted(f"the connection to {where} was cut{through}", hint="try again")
    if isinstance(error, ssl.SSLError):
        return Unreachable(
            f"{where} does not speak TLS as it should{through}: {clean(error.reason or error)}", hint="check its port", code="tls-failed"
        )
    return None


def _said(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return clean(text) or type(error).__name__


def failed_answer(what: str, where: str, status: int, headers: Mapping[str, str], body: bytes) -> RopewayError:
    """Return the error for an answer that is none of those wanted.

    Args:
        what: What was asked for, for people: ``the manifest acme/build:v1``.
        where: The registry's host.
        status: The answer's status.
        headers: Its headers.
        body: Its body, or the beginning of it.
    """
    said = "; ".join(str(problem) for problem in problems_in(body))
    tail = f": {said}" if said else ""
    if status == 401:
        hint = f"workflow registry login {where}"
        return Refused(f"{where} wants to know who asks for {what}{tail}", hint=hint, code="unauthorized")
    if status == 403:
        hint = f"ask its owner for the right, or log in as somebody who has it: workflow registry login {where}"
        return Refused(f"{where} does not allow {what}{tail}", hint=hint, code="forbidden")
    if status == 404:
        return NotFound(f"{where} has no {what.removeprefix('the ')}{tail}", hint="check its spelling", code="not-found")
    if status == 429:
        after = clean(headers.get("retry-after") or "")
        hint = f"it asks to wait: Retry-After: {after}" if after else "wait a while; those who are logged in may often ask more"
        return Unreachable(f"{where} answers that it was asked too often{tail}", hint=hint, code="rate-limited")
    if status in (405, 501):
        return Refused(f"{where} does not offer {what}{tail}", hint="its settings forbid it, or it is too old", code="not-offered")
    if status == 413:
        return Refused(f"{where} finds it too large: {what}{tail}", hint="its owner sets how much it takes", code="upload-refused")
    if status in (400, 409, 416, 422):
        return Refused(f"{where} refuses {what} ({status}){tail}", hint="see what it says" if said else None, code="upload-refused")
    if status >= 500:
        return Unreachable(
            f"{where} failed with {status} on {what}{tail}", hint="try again later, or ask who runs it", code="registry-error"
        )
    return Unreachable(
        f"{where} answered {status} to {what}, which it should not{tail}", hint="is it an OCI registry?", code="registry-error"
    )
