"""Calling ``git`` where others wrote what it reads: nothing of the caller's surroundings interferes, no program but git's own runs, it always ends.

What is the person's own stays in force: their configuration with credential helpers, ``insteadOf`` and proxies, ``~/.netrc``, ssh and its agent.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final

from ropeway.errors import NotFound, Refused, Unreachable
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Ran", "clean_environment", "run_git", "stream_git"]

_KEPT: Final = ("GIT_SSH", "GIT_SSL_CA", "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_PROXY_", "GIT_HTTP_", "GIT_CONFIG_", "GIT_EXEC_PATH")
"""Beginnings of the variables of git's own that the person's access may depend on. All others tie git to a repository or change its answers."""

_FIXED: Final = {
    "LC_ALL": "C",  # what git says is read
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",  # git before 2.44 does not know it; see git_repository
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
}

_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "credential.interactive=false",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "fetch.negotiationAlgorithm=noop",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.version=2",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "transfer.bundleURI=false",
)
_MISSING: Final = "install git 2.30 or later with your system's packages"


@record
class Ran:
    """What a call of git came to: its exit status, what it printed, and what it said (its errors, in UTF-8)."""

    status: int
    output: bytes
    said: str


def clean_environment(environ: Mapping[str, str], protocols: Sequence[str]) -> dict[str, str]:
    """Return the environment for git.

    Args:
        environ: The person's.
        protocols: The transports that may be used (``GIT_ALLOW_PROTOCOL``); whatever else an address or a redirect asks for is refused.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_") or name.startswith(_KEPT)}
    for name in ("GIT_CONFIG_PARAMETERS", "LANGUAGE", "SSH_ASKPASS"):
        kept.pop(name, None)
    return kept | _FIXED | {"GIT_ALLOW_PROTOCOL": ":".join(protocols)}


def run_git(
    arguments: Sequence[str],
    *,
    repository: Path,
    environ: Mapping[str, str],
    settings: Sequence[str] = (),
    given: bytes = b"",
    patience: float = 60.0,
    limit: int = 64 * 2**20,
    heard: Callable[[str], None] | None = None,
) -> Ran:
    """Call git in a bare repository and wait for its end.

    Args:
        arguments: The command and its arguments.
        repository: The repository's folder.
        environ: See :func:`clean_environment`.
        settings: More configuration for this call, each ``name=value``.
        given: Its standard input.
        patience: Seconds without a sign of life after which it is ended.
        limit: Bytes of output after which it is ended.
        heard: Is told what git says (its progress) as it comes; may raise to end it.

    Raises:
        NotFound: There is no git here.
        Unreachable: It was silent for too long.
        Refused: It printed too much.
    """
    with _started(arguments, repository, environ, settings, given) as process:
        output, said = bytearray(), bytearray()
        with selectors.DefaultSelector() as waiting:
            for stream, to in ((process.stdout, output), (process.stderr, said)):
                assert stream is not None
                waiting.register(stream, selectors.EVENT_READ, to)
            while waiting.get_map():
                ready = waiting.select(patience)
                if not ready:
                    raise Unreachable(f"git {arguments[0]} heard nothing for {patience:g} seconds", hint="try again later", code="timeout")
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        waiting.unregister(key.fileobj)
                        continue
                    key.data.extend(data)
                    if key.data is said and heard is not None:
                        heard(data.decode(errors="replace"))
                if len(output) > limit:
                    raise Refused(f"git {arguments[0]} answered more than {limit:,} bytes", code="answer-too-large")
                del said[: -(1 << 16)]
        return Ran(process.wait(), bytes(output), said.decode(errors="replace"))


@contextmanager
def stream_git(arguments: Sequence[str], *, repository: Path, environ: Mapping[str, str], given: bytes) -> Iterator[IO[bytes]]:
    """Call a command of git that uses no network, and give its output to read while it comes."""
    with _started(arguments, repository, environ, (), given, errors=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        yield process.stdout


@contextmanager
def _started(
    arguments: Sequence[str],
    repository: Path,
    environ: Mapping[str, str],
    settings: Sequence[str],
    given: bytes,
    errors: int = subprocess.PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start git, and end it with all that it started."""
    command = ["git", "--git-dir", str(repository)]
    for each in (*_SETTINGS, *settings):
        command += ("-c", each)
    with tempfile.TemporaryFile() as standard_input:
        standard_input.write(given)
        standard_input.seek(0)
        try:
            process = subprocess.Popen(
                [*command, *arguments],
                cwd=repository,
                env=dict(environ),
                stdin=standard_input,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # without a terminal ssh can't ask either
            )
        except FileNotFoundError:
            raise NotFound("git is not here, and only git reads git repositories", hint=_MISSING, code="git-missing") from None
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
