"""What git's complaints mean. Pure: text in, one of our errors out."""

from __future__ import annotations

import re
from typing import Final, Literal

from ropeway.errors import NotFound, Refused, RopewayError, StoreError, Unreachable

__all__ = ["Trouble", "error_for", "trouble_of"]

Trouble = Literal[
    "disk-full",
    "unauthorized",
    "forbidden",
    "repository-not-found",
    "redirected",
    "dns-failed",
    "connection-refused",
    "tls-failed",
    "timeout",
    "rate-limited",
    "registry-error",
    "connection-lost",
    "unsafe-owner",
    "protocol-refused",
    "no-such-object",
    "no-shallow",
    "git-failed",
]

# In this order: an early row may be the reason for what a later one matches.
_SIGNS: Final[tuple[tuple[str, Trouble], ...]] = (
    (r"no space left on device|disk quota exceeded|file too large", "disk-full"),
    (r"could not read (username|password)|terminal prompts disabled|authentication failed|error: 401|permission denied \(", "unauthorized"),
    (r"error: 403|access denied|permission denied|not authorized", "forbidden"),
    (r"error: 429|too many requests", "rate-limited"),
    (r"dubious ownership", "unsafe-owner"),
    (
        r"transport '.*' not allowed|unable to find remote helper|protocol '.*' is not supported|protocol .* (not supported|disabled)",
        "protocol-refused",
    ),
    (r"error: 30\d|unable to update url base from redirection|too many redirects|maximum \(\d+\) redirects", "redirected"),
    (r"could not resolve (host|proxy)|name or service not known|temporary failure in name resolution", "dns-failed"),
    (r"certificate|ssl|gnutls|host key verification failed", "tls-failed"),
    (r"timed out|timeout|operation too slow|less than \d+ bytes/sec", "timeout"),
    (r"connection refused|failed to connect|couldn't connect|no route to host|network is unreachable", "connection-refused"),
    (r"error: 5\d\d", "registry-error"),
    (
        r"not our ref|unadvertised object|couldn't find remote ref|not a valid object name|did not send all necessary objects",
        "no-such-object",
    ),
    (r"dumb http transport does not support|does not support shallow|server does not support --", "no-shallow"),
    (r"error: 404|repository .*not found|does not appear to be a git repository|does not exist|no such file", "repository-not-found"),
    (r"hung up|early eof|rpc failed|unexpected disconnect|connection reset|broken pipe|empty reply|invalid index-pack", "connection-lost"),
)
_PASSWORD: Final = re.compile(r"(://)[^/@\s]*@")


def trouble_of(said: str) -> Trouble:
    """Return what kind of trouble git was in. Lines that the server wrote count for nothing."""
    text = "\n".join(_lines(said)).lower()
    return next((trouble for pattern, trouble in _SIGNS if re.search(pattern, text)), "git-failed")


def _lines(said: str) -> list[str]:
    lines = (line.strip() for line in re.split(r"[\r\n]+", said))
    return [line for line in lines if line and not line.startswith("remote: ")]


def _reason(trouble: Trouble, said: str) -> str:
    """Return git's own reason, short, without control characters or passwords: the line that the trouble was seen in, else the last complaint."""
    lines = _lines(said)
    pattern = next((pattern for pattern, name in _SIGNS if name == trouble), "$^")
    reasons = [line for line in lines if re.search(pattern, line.lower())]
    reasons = reasons or [line for line in lines if line.startswith(("fatal: ", "error: ", "ssh: "))] or lines or ["no reason given"]
    plain = "".join(each for each in reasons[-1] if each.isprintable())
    return _PASSWORD.sub(r"\1", plain.removeprefix("fatal: ").removeprefix("error: "))[:300]


def error_for(trouble: Trouble, said: str, url: str, *, github: bool = False, tried: bool = False) -> RopewayError:
    """Return the error to raise.

    Args:
        trouble: See :func:`trouble_of`.
        said: What git said, for the reason.
        url: The repository's address, as people may see it.
        github: Whether a token of GitHub's would be used there.
        tried: Whether one was.
    """
    reason = _reason(trouble, said)
    if trouble == "disk-full":
        hint = "make room, or set XDG_CACHE_HOME to another folder; `workflow gc` removes what is not needed"
        return StoreError(f"there is no space left for what comes from {url}: {reason}", hint=hint, code=trouble)
    if trouble in {"unauthorized", "forbidden"}:
        return _closed(trouble, url, reason, github=github, tried=tried)
    if trouble == "repository-not-found":
        hint = "check the spelling of its owner and its name"
        if github:
            hint += "; a private one looks the same to whoever may not read it"
        return NotFound(f"there is no repository {url}", hint=hint, code=trouble)
    if trouble == "redirected":
        return Refused(f"{url} leads elsewhere, and credentials are not sent there: {reason}", hint="use its new address", code=trouble)
    if trouble == "unsafe-owner":
        hint = "if you trust it, say so: git config --global --add safe.directory FOLDER"
        return Refused(f"git does not read {url}, which belongs to somebody else: {reason}", hint=hint, code=trouble)
    if trouble == "protocol-refused":
        hint = "use an https, ssh or file address"
        return Refused(f"{url} can't be fetched that way: {reason}", hint=hint, code=trouble)
    said_of, hint = _UNREACHABLE.get(
        trouble, ("git could not fetch from {}", "`git ls-remote` with that address shows whether git can reach it")
    )
    return Unreachable(f"{said_of.format(url)}: {reason}", hint=hint, code=trouble)


_UNREACHABLE: Final[dict[Trouble, tuple[str, str]]] = {
    "dns-failed": ("the host of {} is not known", "check its name, and that the network is there"),
    "connection-refused": ("{} can't be reached", "check the address, and that its server runs"),
    "tls-failed": ("the host of {} did not prove who it is", "git's own settings apply: http.sslCAInfo for https, known_hosts for ssh"),
    "timeout": ("{} did not answer in time", "try again later"),
    "rate-limited": ("{} asks to slow down", "wait some minutes, then try again"),
    "registry-error": ("the server of {} failed", "try again later"),
    "connection-lost": ("the connection to {} broke off", "try again"),
}


def _closed(trouble: Trouble, url: str, reason: str, *, github: bool, tried: bool) -> Refused:
    if github and tried:
        hint = "the token may be expired, or may not read this repository; if it does not exist at all, check the spelling"
        return Refused(f"{url} did not accept the token: {reason}", hint=hint, code=trouble)
    if github:
        hint = "check the spelling; for a private one set GH_TOKEN or GITHUB_TOKEN, or sign in with `gh auth login`"
        return Refused(f"{url} does not exist, or is private and needs credentials", hint=hint, code=trouble)
    hint = "check the address, and your credentials for it: a credential helper of git's, ~/.netrc, or an ssh key"
    if trouble == "unauthorized":
        return Refused(f"{url} asks for credentials, and git has none that it accepts: {reason}", hint=hint, code=trouble)
    return Refused(f"{url} may not be read with the credentials that git has: {reason}", hint=hint, code=trouble)
