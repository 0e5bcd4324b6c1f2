"""The ``.envrc`` of a working copy, by way of direnv: who may allow it, and what it sets.

What an ``.envrc`` says is carried out by bash outside of any sandbox. So direnv asks a person to allow each one, by its path and its content. A working copy has
a new path every time; these policies say what may stand in for the person:

* ``allow``: the one that the copy was made with, or the one that lies in the person's own folder, is allowed, once. One that was changed since is not.
* ``allowed``: only what the person has allowed already, in the copy or with the same content in their own folder. For workflows that came from elsewhere.
* ``never``: it is left alone.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

from ropeway.errors import NotFound, Refused, RopewayError, UsageError
from ropeway.workspaces.hashes import sha256
from ropeway.workspaces.programs import LOCAL_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME: Final = ".envrc"
POLICIES: Final = ("allow", "allowed", "never")

_AWAY = "--no-direnv leaves it alone"
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def wanted(workspace: str, policy: str) -> bool:
    """Whether a working copy has an ``.envrc`` that the policy wants used.

    Raises:
        UsageError: There is no such policy.
    """
    if policy not in POLICIES:
        raise UsageError(f"there is no direnv policy {policy!r}", hint=f"it has to be one of {', '.join(POLICIES)}", code="direnv-policy")
    return policy != "never" and os.path.exists(os.path.join(workspace, NAME))


def digest(folder: str) -> str | None:
    """Return the sha256 of the ``.envrc`` in a folder; None when there is none that can be read."""
    try:
        with open(os.path.join(folder, NAME), "rb") as file:
            return sha256(file.read()).hexdigest()
    except OSError:
        return None


def ready(workspace: str, policy: str, environ: Mapping[str, str], *, home: str, before: bool, made: str | None) -> bool:
    """Make sure that direnv will load the ``.envrc``, where the policy lets it.

    Args:
        workspace: The working copy, which has one.
        policy: ``allow`` or ``allowed``.
        environ: The caller's environment.
        home: The person's own folder.
        before: Whether the copy's was allowed before.
        made: The digest of the one that the copy was made with, if that is known.

    Returns:
        Whether it was allowed just now.

    Raises:
        NotFound: direnv is not installed.
        Refused: It is not allowed and the policy does not let it be; nothing was done then.
        RopewayError: direnv failed.
    """
    file = os.path.join(workspace, NAME)
    _program(workspace, environ)
    if _allowed(workspace, environ):
        return False
    now = digest(workspace)
    at_home = now is not None and now == digest(home)
    look = f"look at it; `direnv allow {file}` allows it, {_AWAY}"
    if policy == "allowed" and not (at_home and _allowed(home, environ)):
        ask = f"look at it; `direnv allow {home}` allows it, {_AWAY}" if at_home else look
        raise Refused(f"{file} would be loaded for a workflow from elsewhere, and you have not allowed it", hint=ask, code="direnv-blocked")
    if policy == "allow" and not at_home and (before or now != made):
        since = "it was allowed" if before else "the workspace was made"
        raise Refused(f"{file} has changed since {since}", hint=look, code="direnv-changed")
    _direnv(["allow", os.path.join(os.path.realpath(workspace), NAME)], workspace, _settled(environ))
    return True


def environment(workspace: str, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return what the ``.envrc`` of a working copy sets, and with None what it takes away, for a process that has ``environ``.

    What direnv set for the folder that the caller stands in does not reach into the copy.

    Raises:
        Refused: It is not allowed.
        RopewayError: It failed.
    """
    base, changes = _settled(environ), {}
    if "DIRENV_DIFF" in environ:
        changes = _export("/", dict(environ))
        base = _settled(_changed(environ, changes))
    return changes | _export(workspace, base)


def wrap(workspace: str, argv: Sequence[str]) -> list[str]:
    """Return the words that start a command with what the ``.envrc`` of a working copy sets."""
    return ["direnv", "exec", workspace, *argv]


# -- calling direnv ---------------------------------------------------------------------------------------------------------------------


def _program(workspace: str, environ: Mapping[str, str]) -> None:
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    if not any(os.access(os.path.join(folder or ".", "direnv"), os.X_OK) for folder in folders):
        hint = f"install it (https://direnv.net), or {_AWAY.replace('leaves it', 'leaves the .envrc')}"
        raise NotFound(f"{workspace} has an .envrc, and there is no program direnv on the PATH", hint=hint, code="direnv-not-found")


def _settled(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which direnv has not loaded anything, and git is tied to no repository."""
    return {name: value for name, value in environ.items() if not name.startswith("DIRENV_") and name not in LOCAL_VARIABLES}


def _changed(environ: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**environ, **changes}.items() if value is not None}


def _allowed(folder: str, environ: Mapping[str, str]) -> bool:
    """Whether direnv would load the ``.envrc`` that is in a folder: it says so by a word, or since 2.34 by the number 0."""
    said = _direnv(["status"], folder, _settled(environ)).stdout.decode(errors="replace").splitlines()
    return any(line in ("Found RC allowed true", "Found RC allowed 0") for line in said)


def _export(folder: str, environ: Mapping[str, str]) -> dict[str, str | None]:
    done = _direnv(["export", "json"], folder, environ)
    try:
        found: Any = json.loads(done.stdout) if done.stdout.strip() else {}
    except ValueError as error:
        raise RopewayError(f"direnv printed no JSON for {folder}", code="direnv-failed") from error
    return {str(name): None if value is None else str(value) for name, value in found.items()}


def _direnv(words: Sequence[str], folder: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    argv = ["direnv", *words]
    try:
        done = subprocess.run(argv, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise RopewayError(f"direnv can't be started in {folder}: {error.strerror}", code="direnv-failed") from error
    if done.returncode:
        raise _failure(folder, done)
    return done


def _failure(folder: str, done: subprocess.CompletedProcess[bytes]) -> RopewayError:
    file = os.path.join(folder, NAME)
    lines = [line for line in _COLOR.sub("", done.stderr.decode(errors="replace")).splitlines() if line.strip()]
    if any("is blocked" in line for line in lines):
        return Refused(f"{file} is not allowed", hint=f"look at it; `direnv allow {file}` allows it, {_AWAY}", code="direnv-blocked")
    said = lines[-1].removeprefix("direnv: ").removeprefix("error ") if lines else f"exit status {done.returncode}"
    return RopewayError(
        f"{file} failed: {said}", hint=f"`direnv exec {folder} true` shows all that it prints; {_AWAY}", code="direnv-failed"
    )
