"""Rules for single strings: names, versions, references to commands. Each serves the check, its message and the JSON Schema."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ropeway.lang.kinds import Format

if TYPE_CHECKING:
    import re

__all__ = [
    "ARTIFACT",
    "COMMAND",
    "ENTRY_NAME",
    "ENV_NAME",
    "IMAGE",
    "NAME",
    "PYTHON",
    "RETRY_ON",
    "SECRET_SOURCE",
    "SEMVER",
    "TAG",
    "TYPE_NAME",
    "URL",
    "WORD",
    "WORKFLOW_ID",
    "fits",
    "holds_code",
]

# Step ids become file names of logs and parts of addresses (`each[0]`, `polish#2`, `release/build`, `RUN:STEP`).
NAME = Format(
    "name",
    "^[A-Za-z_][A-Za-z0-9_-]{0,99}$",
    "a name",
    "use letters, digits, `_` and `-`, a letter or `_` first, at most 100 of them",
    "RW105",
)
ARTIFACT = Format(
    "artifact-name",
    "^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$",
    "a name",
    "use letters, digits, `.`, `_` and `-`, no `.` or `-` first, at most 100 of them",
    "RW105",
)
_CODE_NAMES = frozenset(
    {"BASH_ENV", "ENV", "PROMPT_COMMAND", "PS0", "PS1", "PS2", "PS3", "PS4", "LESSOPEN", "LESSCLOSE", "VISUAL", "BROWSER"}
    | {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_PROXY_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS", "GIT_CONFIG_PARAMETERS", "SSH_ASKPASS"}
    | {"SUDO_ASKPASS", "RSYNC_RSH", "RSYNC_CONNECT_PROG", "CVS_RSH", "SVN_SSH", "TAR_OPTIONS", "FZF_DEFAULT_COMMAND", "FZF_DEFAULT_OPTS"}
    | {"LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "PERL5OPT", "PERL5DB", "PYTHONSTARTUP", "PYTHONBREAKPOINT", "PYTHONWARNINGS"}
    | {"RUBYOPT", "NODE_OPTIONS", "BUN_OPTIONS", "LUA_INIT", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "RUSTC_WRAPPER"}
    | {"MAKEFLAGS", "GNUMAKEFLAGS", "MFLAGS", "VIMINIT", "GVIMINIT", "EXINIT", "FCEDIT"}
)
_CODE_ENDINGS = ("EDITOR", "PAGER")
_CODE_BEGINNINGS = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "BASH_FUNC_", "LUA_INIT_")


def holds_code(name: str) -> bool:
    """Whether a shell or a widely used program runs, expands or takes options from the value of this environment variable.

    Variables that only name folders, such as PATH and LD_LIBRARY_PATH, are none of them.
    """
    return name in _CODE_NAMES or name.endswith(_CODE_ENDINGS) or name.startswith(_CODE_BEGINNINGS)


ENV_NAME = Format(
    "env-name",
    "^[A-Za-z_][A-Za-z0-9_]*$",
    "the name of an environment variable",
    "use letters, digits and `_`, no digit first",
    "RW105",
)
_PART = "[a-z0-9]+(?:(?:[.]|_{1,2}|-+)[a-z0-9]+)*"  # the OCI distribution specification's path component
WORKFLOW_ID = Format(
    "workflow-id",
    f"^(?:{_PART}/)?{_PART}$",
    "a workflow id",
    'write it like "release-notes" or "acme/release-notes": lower case letters and digits, joined by `-`, `_` or `.`',
    "RW105",
)
_NUMBER = "(?:0|[1-9][0-9]*)"
_PRERELEASE = f"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
SEMVER = Format(
    "version",
    rf"^{_NUMBER}[.]{_NUMBER}[.]{_NUMBER}(?:-{_PRERELEASE}(?:[.]{_PRERELEASE})*)?(?:[+][0-9A-Za-z-]+(?:[.][0-9A-Za-z-]+)*)?$",
    "a semantic version",
    'write three numbers, like "1.2.0" or "1.2.0-rc.1" (https://semver.org)',
    "RW106",
)
URL = Format("url", "^https?://[^ \t\r\n]+$", "a web address", 'write it like "https://example.com/project"')
TAG = Format("tag", "^[^ ,\t\r\n]{1,64}$", "a tag", "write one word of at most 64 characters, without spaces and commas")
WORD = Format("word", "^[A-Za-z][A-Za-z0-9._-]{0,63}$", "a name", "write one word: letters, digits, `.`, `_` and `-`", "RW105")
TYPE_NAME = Format(
    "type", "^[a-z][a-z0-9._-]{0,63}$", "a type", "use one of string, integer, number, boolean, path, choice, list, map, secret"
)
ENTRY_NAME = Format(
    "entry-name", "^[A-Za-z_][A-Za-z0-9_-]{0,99}$", "the name of a secret", "use letters, digits, `_` and `-`, no digit first", "RW105"
)
SECRET_SOURCE = Format(
    "secret-source",
    "^(?:prompt|(?:keyring|env):[A-Za-z_][A-Za-z0-9_-]{0,99})$",
    "the source of a secret",
    'write "keyring:NAME", "env:NAME" or "prompt"',
)
_RELEASE = "[0-9][0-9A-Za-z.+_-]*"
_BOUNDS = f"(?: *(?:>=|<=|==|!=|>|<) *{_RELEASE})(?: *, *(?:>=|<=|==|!=|>|<) *{_RELEASE})*"
COMMAND = Format("command", f"^[A-Za-z0-9_][A-Za-z0-9_.+-]*(?:{_BOUNDS})?$", "a command", 'write it like "git" or "git>=2.39,<3"')
_SPECIFIER = " *(?:~=|>=|<=|===?|!=|>|<) *[0-9A-Za-z.*+!_-]+"  # the version specifiers of PEP 440
PYTHON = Format(
    "python-package",
    rf"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?: *\[[A-Za-z0-9._, -]*\])?(?:{_SPECIFIER}(?: *,{_SPECIFIER})*)?$",
    "a Python package",
    'write it like "requests" or "requests>=2,<3"',
)
IMAGE = Format("image", "^[^ \t\r\n]+$", "an image", 'write it like "docker.io/library/python:3.12"')
RETRY_ON = Format(
    "retry-on",
    "^(?:failure|timeout|signal|output|exit|exit:(?:[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5]))$",
    "a reason to retry",
    'use "failure" (any), "timeout", "signal", "output", "exit" or "exit:75"',
)

_MAX_TEXT = 1024


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    import re

    return re.compile(pattern)


def fits(text: str, rule: Format) -> bool:
    """Whether ``text`` keeps the rule. Plain words are told without compiling an expression."""
    if rule is NAME and len(text) < 100 and text.isascii() and text.isidentifier():
        return True
    return len(text) <= _MAX_TEXT and _compiled(rule.pattern).fullmatch(text) is not None
