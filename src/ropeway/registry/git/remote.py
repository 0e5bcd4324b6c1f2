"""A git repository elsewhere: its tags and branches, and bringing a commit here with as little as the server allows."""

from __future__ import annotations

import base64
import os
import re
import time
from typing import TYPE_CHECKING, Final

from ropeway.bundles.identity import git_source
from ropeway.errors import Refused, Unreachable, UsageError
from ropeway.registry.git.credentials import GITHUB, for_token, is_on, tokens
from ropeway.registry.git.errors import error_for, trouble_of
from ropeway.registry.git.process import clean_environment, run_git
from ropeway.registry.git.refs import parse_refs
from ropeway.registry.http.hosts import check_no_login
from ropeway.registry.http.retries import pause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ropeway.registry import Progress
    from ropeway.registry.git.process import Ran
    from ropeway.registry.git.refs import Refs
    from ropeway.registry.git.repository import Repository
    from ropeway.registry.http.transport import Net

__all__ = ["Remote", "address"]

_SCHEMES: Final = ("https", "http", "ssh", "git", "file", "git+ssh", "ssh+git")
_REMOTE: Final = "ropeway"
_FETCH: Final = ("fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--force")
_EVERYTHING: Final = ("+refs/heads/*:refs/remotes/ropeway/*", "+refs/tags/*:refs/tags/*")
_MOST: Final = 8 * 2**30
"""Bytes that one fetch may bring."""
_RECEIVED: Final = re.compile(r"Receiving objects:.*?, ([0-9.]+) (bytes|KiB|MiB|GiB)")
_UNITS: Final = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_MAY_RETRY: Final = frozenset({"connection-lost", "registry-error", "rate-limited"})


def address(url: str) -> str:
    """Return an address as git gets it: one of its schemes, ``user@host:path``, or a folder, made absolute.

    Raises:
        UsageError: It is no address, or one that names a program to run.
    """
    check_no_login(url, "git-address")
    scheme, mark, rest = url.partition("://")
    hint = "an address is https://host/owner/repo, ssh://…, user@host:owner/repo, file:///… or a folder"
    if not url or url.startswith("-") or any(not each.isprintable() for each in url):
        raise UsageError(f"{url!r:.200} is not the address of a git repository", hint=hint, code="git-address")
    if "::" in url.partition("/")[0] or (mark and scheme.lower() not in _SCHEMES):
        raise UsageError(f"{url!r:.200} is not an address that is read here", hint=hint, code="git-address")
    if mark:
        host = rest.partition("/")[0].rpartition("@")[2]
        if host.startswith("-") or (not host and scheme.lower() != "file"):
            raise UsageError(f"{url!r:.200} names no host", hint=hint, code="git-address")
        return f"{scheme.lower()}://{rest}"
    first = url.partition("/")[0]
    if ":" in first:
        if first.rpartition("@")[2].startswith(("-", ":")):
            raise UsageError(f"{url!r:.200} names no host", hint=hint, code="git-address")
        return url
    return f"file://{os.path.abspath(os.path.expanduser(url))}"  # noqa: PTH100, PTH111 - a string, and links stay in it


class Remote:
    """One repository elsewhere.

    Args:
        url: See :func:`address`.
        environ: The person's environment.
        net: How long to wait and how often to try again, certificates to trust.
        progress: Is told of fetches.
        github: The origin that the person's tokens for GitHub go to.
    """

    def __init__(self, url: str, *, environ: Mapping[str, str], net: Net, progress: Progress, github: str = GITHUB) -> None:
        self.url = url
        self.shown = git_source(url).removeprefix("git+")
        self.environ = clean_environment(environ, _protocols(url))
        self._own = environ
        self._net = net
        self._progress = progress
        self._github = github
        self._token: str | None = None

    def refs(self, repository: Repository, *, everything: bool) -> Refs:
        """Return the tags and branches; with ``everything`` HEAD and all other refs as well, of which a large repository has many."""
        arguments = ["ls-remote", "--symref"] if everything else ["ls-remote", "--heads", "--tags"]
        return parse_refs(self._asked([*arguments, "--", _REMOTE], repository).output)

    def bring(self, repository: Repository, commit: str) -> bool:
        """Fetch a commit and its trees (with the contents, where the server can't leave them out). Return whether the repository now has it.

        A server that gives no commits by their names is asked for all branches and tags.
        """
        self._begin(commit)
        try:
            for depth, wanted in ((("--depth=1",), (commit,)), ((), _EVERYTHING)):
                arguments = [*_FETCH, *depth, "--filter=blob:none", "--", _REMOTE, *wanted]
                ran = self._asked(arguments, repository, ok=("no-such-object", "no-shallow"))
                repository.forget_remote()
                if ran.status == 0 and repository.commit(commit) is not None:
                    return True
            return False
        finally:
            self._progress.end()

    def bring_contents(self, repository: Repository, oids: Iterable[str], commit: str) -> None:
        """Fetch blobs that a filter left out.

        A server that gives no blobs by their names is asked for the commit, then for everything, without a filter.
        """
        wanted = "".join(f"{oid}\n" for oid in dict.fromkeys(oids)).encode()
        self._begin(commit)
        try:
            arguments = [*_FETCH, "--filter=blob:none", "--stdin", "--", _REMOTE]
            ran = self._asked(arguments, repository, given=wanted, ok=("no-such-object", "no-shallow"))
            for depth, each in ((("--depth=1",), (commit,)), ((), _EVERYTHING)) if ran.status else ():
                repository.forget_remote()
                ran = self._asked([*_FETCH, *depth, "--", _REMOTE, *each], repository, ok=("no-such-object", "no-shallow"))
                if ran.status == 0:
                    break
            repository.forget_remote()
        finally:
            self._progress.end()

    def bring_history(self, repository: Repository) -> None:
        """Fetch the commits of all branches and tags, without trees where the server can leave them out."""
        self._begin("its history")
        try:
            self._asked([*_FETCH, "--filter=tree:0", "--", _REMOTE, *_EVERYTHING], repository)
            repository.forget_remote()
        finally:
            self._progress.end()

    def _begin(self, what: str) -> None:
        self._progress.begin(f"fetching {what[:12]} of {self.shown}", None)

    # -- asking ---------------------------------------------------------------------------------------------------------------------

    def _asked(self, arguments: Sequence[str], repository: Repository, *, given: bytes = b"", ok: Sequence[str] = ()) -> Ran:
        """Call git until it gets through: again after a passing fault, with the person's tokens for GitHub when it has no credentials."""
        if self._net.offline:
            hint = "leave --offline out, or name a full commit that was fetched before"
            raise Unreachable(f"{self.shown} is not asked: nothing may use the network", hint=hint, code="offline")
        github = is_on(self._github, self.url)
        ran = self._tried(arguments, repository, given, self._token)
        tried = self._token is not None
        if ran.status and github and not tried and trouble_of(ran.said) in {"unauthorized", "forbidden", "repository-not-found"}:
            for token in tokens(self._own):
                ran, tried = self._tried(arguments, repository, given, token), True
                if ran.status == 0 or trouble_of(ran.said) in ok:
                    self._token = token
                    break
        if ran.status == 0:
            return ran
        trouble = trouble_of(ran.said)
        if trouble in ok:
            return ran
        raise error_for(trouble, ran.said, self.shown, github=github, tried=tried)

    def _tried(self, arguments: Sequence[str], repository: Repository, given: bytes, token: str | None) -> Ran:
        settings, more = for_token(token, self._github) if token else (("http.followRedirects=initial",), {})
        received = _Received(self._progress)
        for attempt in range(self._net.retries + 1):
            ran = run_git(
                arguments,
                repository=repository.path,
                environ={**self.environ, **more},
                settings=(*self._settings(), *settings),
                given=given,
                patience=2 * self._net.timeout,
                heard=received,
            )
            if ran.status == 0 or attempt == self._net.retries or trouble_of(ran.said) not in _MAY_RETRY:
                return ran
            time.sleep(pause(attempt, None, self._net))
        raise AssertionError

    def _settings(self) -> tuple[str, ...]:
        found = [f"remote.{_REMOTE}.url={self.url}", "http.lowSpeedLimit=1", f"http.lowSpeedTime={max(1, round(self._net.timeout))}"]
        if self._net.ca is not None:
            found.append(f"http.sslCAInfo={self._net.ca}")
        if self._net.pins:
            found.append("http.pinnedPubkey=" + ";".join(_pinned(pin) for pin in self._net.pins))
        return tuple(found)


def _protocols(url: str) -> tuple[str, ...]:
    """Return the transports that may be used: the address's own, and those that the person's ``insteadOf`` may choose, never an open one instead."""
    own = "ssh" if "://" not in url or "ssh" in url.partition("://")[0] else url.partition("://")[0]
    return tuple(dict.fromkeys((own, "https", "ssh", "file")))


def _pinned(pin: str) -> str:
    return f"sha256//{base64.b64encode(bytes.fromhex(pin.removeprefix('sha256:'))).decode()}"


class _Received:
    """Reads git's progress and hands it on; ends a fetch that brings too much."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._done = 0

    def __call__(self, said: str) -> None:
        for number, unit in _RECEIVED.findall(said)[-1:]:
            done = int(float(number) * _UNITS[unit])
            if done > _MOST:
                raise Refused(
                    f"the repository sends more than {_MOST:,} bytes",
                    hint="its history or its files are too large",
                    code="answer-too-large",
                )
            if done > self._done:
                self._progress.advance(done - self._done)
                self._done = done
