"""Tokens for GitHub, for the one case that git has no credentials of its own for it.

A token is handed to one git process, by an environment variable that its built-in shell command for credentials prints: it is in no argument list
and in no file, no other credential helper is told of it, and git asks that command for one host only.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["GITHUB", "for_token", "is_on", "tokens"]

GITHUB: Final = "https://github.com"
"""The one origin that tokens go to."""
_VARIABLE: Final = "ROPEWAY_GIT_TOKEN"
_PATIENCE: Final = 10.0  # seconds for `gh`, which may ask a key ring


def is_on(origin: str, url: str) -> bool:
    """Whether a repository's address is on an origin (scheme, host and port), and names no user of its own."""
    try:
        ours, theirs = urlsplit(origin), urlsplit(url)
        same = (ours.scheme, ours.hostname, ours.port) == (theirs.scheme, theirs.hostname, theirs.port)
    except ValueError:
        return False
    return same and theirs.username is None


def tokens(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the person's tokens for GitHub, each once: ``GH_TOKEN``, ``GITHUB_TOKEN``, then what ``gh auth token`` prints."""
    seen = set()
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        token = environ.get(name, "").strip()
        if _plain(token) and token not in seen:
            seen.add(token)
            yield token
    token = _of_gh(environ)
    if _plain(token) and token not in seen:
        yield token


def _of_gh(environ: Mapping[str, str]) -> str:
    own = {name: value for name, value in environ.items() if name not in {"GH_TOKEN", "GITHUB_TOKEN", "GH_DEBUG", "GH_HOST"}}
    try:
        ran = subprocess.run(
            ["gh", "auth", "token", "--hostname", "github.com"],  # noqa: S607 - the person's PATH says where it is
            env=own | {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.decode(errors="replace").strip() if ran.returncode == 0 else ""


def _plain(token: str) -> bool:
    """Whether a token is one word, so that it can't say anything else to git."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def for_token(token: str, origin: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the configuration and the environment of one git process that may use a token at one origin.

    Redirects are not followed meanwhile, and the person's own helpers are not asked (an empty one clears the list of all before it): they would be told to keep the token, or to forget theirs.
    """
    answer = f"""!f() {{ test "$1" = get && printf 'username=x-access-token\\npassword=%s\\n' "${_VARIABLE}"; }}; f"""
    settings = ("http.followRedirects=false", f"credential.{origin}.helper=", f"credential.{origin}.helper={answer}")
    return settings, {_VARIABLE: token}
