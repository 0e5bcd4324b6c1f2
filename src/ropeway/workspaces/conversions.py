"""Whether git writes the files of a commit byte for byte, or converts some on the way: line ends, encodings, filters."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from ropeway.workspaces.discovery import installed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ATTRIBUTES: Final = b".gitattributes"
"""The name of the files in which a commit says how its files are converted."""

_ATTRIBUTES: Final = r"eol=crlf|[[:space:]]crlf|filter=|[[:space:]]ident([[:space:]]|$)|working-tree-encoding="
"""What an attributes file says where something is converted; ``text`` alone converts nothing that is stored with LF."""

_IN_PYTHON: Final = re.compile(_ATTRIBUTES.replace("[[:space:]]", r"\s").encode(), re.MULTILINE)
_SETTINGS: Final = r"^core\.(autocrlf|eol|symlinks|attributesfile)$"
_DECIDE: Final = r"^(core\.(autocrlf|eol|symlinks|filemode|attributesfile|protecthfs|protectntfs|precomposeunicode)|filter\..*|lfs\..*)$"
_FALSE: Final = ("false", "no", "off", "0")


def keeps_bytes(git: Callable[..., bytes], git_dir: str, environ: Mapping[str, str], commit: str) -> bool:
    """Whether the files of a commit are checked out as the very bytes that are stored; False where that is not sure.

    Args:
        git: Calls git in the repository: its arguments, and ``ok``, the exit statuses that are answers.
        git_dir: The git directory that all worktrees share.
        environ: The environment, which says where the person's settings are.
        commit: Whose files.
    """
    return settings_keep_bytes(git, git_dir, environ) and attributes_keep_bytes(git, commit)


def settings_keep_bytes(git: Callable[..., bytes], git_dir: str, environ: Mapping[str, str]) -> bool:
    """Whether the settings, and the attributes files outside of what is committed, let files be as they are stored. Arguments: see :func:`keeps_bytes`."""
    listed = git("config", "-z", "--get-regexp", _SETTINGS, ok=(0, 1)).decode(errors="surrogateescape")
    settings = dict(line.partition("\n")[::2] for line in listed.split("\0") if line)
    as_stored = (
        settings.get("core.autocrlf", "false").lower() in (*_FALSE, "input")
        and settings.get("core.eol", "native").lower() != "crlf"
        and settings.get("core.symlinks", "true").lower() not in _FALSE
    )
    return as_stored and not any(_converts(file) for file in _files(settings.get("core.attributesfile"), git_dir, environ))


def traits(git: Callable[..., bytes], git_dir: str, environ: Mapping[str, str]) -> str:
    """Return a short digest of what decides, beside a tree itself, which bytes git writes for its files. Arguments: see :func:`keeps_bytes`."""
    from ropeway.workspaces.hashes import sha256

    listed = git("config", "-z", "--get-regexp", _DECIDE, ok=(0, 1))
    parts = [listed, b"git-lfs" if installed("git-lfs") else b"", environ.get("GIT_LFS_SKIP_SMUDGE", "").encode(errors="surrogateescape")]
    chosen = [
        line.partition("\n")[2] for line in listed.decode(errors="surrogateescape").split("\0") if line.startswith("core.attributesfile\n")
    ]
    for file in _files(chosen[-1] if chosen else None, git_dir, environ):
        try:
            with open(file, "rb") as opened:
                parts.append(opened.read())
        except OSError:
            parts.append(b"")
    return sha256(b"".join(b"%d:%s" % (len(part), part) for part in parts)).hexdigest()[:12]


def attributes_keep_bytes(git: Callable[..., bytes], commit: str) -> bool:
    """Whether the files :data:`ATTRIBUTES` of a commit let its files be as they are stored."""
    return not git("grep", "-l", "-E", "-e", _ATTRIBUTES, commit, "--", ":(glob)**/.gitattributes", ok=(0, 1))


def _files(chosen: str | None, git_dir: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the attributes files that are not in the tree."""
    home = environ.get("HOME") or os.path.expanduser("~")
    if chosen is None:
        chosen = os.path.join(environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config"), "git", "attributes")
    elif chosen.startswith("~/"):
        chosen = os.path.join(home, chosen[2:])
    return "/etc/gitattributes", chosen, os.path.join(git_dir, "info", "attributes")


def _converts(file: str) -> bool:
    try:
        with open(file, "rb") as opened:
            return _IN_PYTHON.search(opened.read(1 << 20)) is not None
    except OSError:
        return False
