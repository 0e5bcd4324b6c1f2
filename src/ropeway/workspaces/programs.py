"""Calling git, jj and their like: a clean environment, no questions, no hooks, and their complaint as our error."""

from __future__ import annotations

import os
import re
import subprocess
import time
from typing import TYPE_CHECKING

from ropeway.errors import NotFound, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What `git rev-parse --local-env-vars` lists: a hook that starts us must not point us at its own index or repository.
LOCAL_VARIABLES = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
)
"""Variables that tie git to one repository; steps in a working copy of their own do not inherit them either."""

# A person may want these for their own calls; ours would find other paths, print something else, or run a program.
_OTHER_ANSWERS = (
    "GIT_ATTR_SOURCE",
    "GIT_CONFIG_KEY_",
    "GIT_CONFIG_VALUE_",
    "GIT_DEFAULT_HASH",
    "GIT_DIFF_OPTS",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_QUARANTINE_PATH",
)
"""Beginnings of the names of variables that make git answer otherwise than we ask."""

_PATIENCE = 20.0  # seconds that another program may hold a lock
_LOCKED = (b"index.lock", b".lock': File exists", b"cannot lock ref", b"could not lock", b"Unable to create '")
_COMPLAINTS = ("fatal: ", "error: ", "Error: ", "Internal error: ")
_CAUSE = re.compile(r"(?:Caused by|[1-9]): (.*)")
_MISSING = "it is needed here; install it with your system's packages"


class ProgramFailed(StoreError):
    """A program said no. ``status`` is its exit status, ``complaint`` what it printed on stderr."""

    default_code = "vcs-failed"

    def __init__(self, argv: Sequence[str], status: int, complaint: str, hint: str | None = None) -> None:
        super().__init__(f"{argv[0]} {_verb(argv)} failed: {_said(complaint) or f'exit status {status}'}", hint=hint)
        self.status = status
        self.complaint = complaint


def _said(complaint: str) -> str:
    """Return what is wrong: the first complaint, which is the cause for git, and the causes that jj lists below it.

    What else follows says what can't be done then, and may be advice of several lines.
    """
    lines = [line for line in complaint.strip().splitlines() if line and not line.lower().startswith("hint:")]
    said = next((line for line in lines if line.startswith(_COMPLAINTS)), lines[-1] if lines else "")
    for prefix in _COMPLAINTS:
        said = said.removeprefix(prefix)
    return ": ".join([said, *(found[1] for line in lines if (found := _CAUSE.match(line)) and found[1] != said)])


def _verb(argv: Sequence[str]) -> str:
    """Return the first word of a call that is no option."""
    words = iter(argv[1:])
    for word in words:
        if word in ("-c", "-C", "-R", "--config", "--repository", "--git-dir"):
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def misleads(name: str) -> bool:
    """Whether git, called by us, would work on something else or answer otherwise because of a variable of this name."""
    return name in LOCAL_VARIABLES or name.startswith(_OTHER_ANSWERS)


def clean_environ(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment in which git and jj are called: tied to no repository, asking nothing, speaking English; ``env`` is added."""
    environ = {k: v for k, v in os.environ.items() if not misleads(k)}
    environ.update({"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "JJ_EDITOR": "true"})
    environ.update(env or {})
    return environ


def run(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    ok: Sequence[int] = (0,),
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end.

    Args:
        argv: The program and its arguments.
        cwd: Where; the root folder when it does not matter.
        stdin: What it reads.
        env: Added to the clean environment.
        ok: Exit statuses that are answers, not failures.

    Raises:
        ProgramFailed: It ended with another status.
        NotFound: It is not installed, or ``cwd`` is gone.
    """
    try:
        # Our own folder may be gone: the runner stands where its last step was started.
        done = subprocess.run(argv, cwd="/" if cwd is None else cwd, input=stdin, env=clean_environ(env), capture_output=True, check=False)
    except FileNotFoundError as error:
        if cwd is not None and not os.path.isdir(cwd):
            raise NotFound(f"the folder {os.fspath(cwd)} is gone", code="folder-gone") from error
        raise NotFound(f"there is no program {argv[0]} on the PATH", hint=_MISSING, code="program-not-found") from error
    except OSError as error:
        raise StoreError(f"{argv[0]} can't be started: {error.strerror}", code="vcs-failed") from error
    if done.returncode not in ok:
        raise ProgramFailed(argv, done.returncode, done.stderr.decode(errors="replace"))
    return done


def git(
    *args: str,
    cwd: str | os.PathLike[str] | None = None,
    git_dir: str | None = None,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    ok: Sequence[int] = (0,),
) -> bytes:
    """Run git without hooks and return what it printed; a lock that another process holds is waited for.

    Args:
        args: Everything after ``git``.
        cwd: Where.
        git_dir: The git directory to use; None lets git find it from ``cwd``.
        stdin: What it reads.
        env: Added to the clean environment.
        ok: Exit statuses that are answers.

    Raises:
        ProgramFailed, NotFound, StoreError: See :func:`run`.
    """
    where = [f"--git-dir={git_dir}"] if git_dir is not None else []
    argv = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0", *where, *args]
    until = time.monotonic() + _PATIENCE
    wait = 0.01
    while True:
        try:
            return run(argv, cwd=cwd, stdin=stdin, env=env, ok=ok).stdout
        except ProgramFailed as error:
            locked = any(mark in error.complaint.encode() for mark in _LOCKED) and "File exists" in error.complaint
            if not locked or time.monotonic() > until:
                raise
        time.sleep(wait * (0.5 + os.urandom(1)[0] / 256))  # spreads the tries of many
        wait = min(wait * 2, 0.5)


def jj(*args: str, cwd: str | os.PathLike[str], look: bool = False, ok: Sequence[int] = (0,)) -> bytes:
    """Run jj, which waits for its own locks, and return what it printed.

    Args:
        args: Everything after ``jj``.
        cwd: Where.
        look: Only look: take no snapshot of the working copy and write no operation.
        ok: Exit statuses that are answers.

    Raises:
        ProgramFailed, NotFound, StoreError: See :func:`run`.
    """
    argv = ["jj", "--no-pager", "--color=never", "--quiet", *(["--ignore-working-copy"] if look else []), *args]
    return run(argv, cwd=cwd, ok=ok).stdout
