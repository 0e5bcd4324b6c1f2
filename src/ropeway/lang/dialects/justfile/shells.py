"""The programs that run recipes: what ``set shell``, a shebang line or ``[script]`` names, and how a step's shell differs from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DEFAULT", "Shell", "differences", "line_shell", "script_shell"]

_OURS = {"bash": frozenset({"e", "u", "pipefail"}), "sh": frozenset({"e", "u"})}
"""The options that a step's shell has."""
_KNOWN = frozenset("eufxvnaC")
_SET = re.compile(r"[ \t]*set((?:[ \t]+-(?:[a-zA-Z]+|o[ \t]+[a-z]+))+(?:[ \t]+[a-z]+)?)[ \t]*(?:#.*|;.*)?$")


@record
class Shell:
    """What runs a recipe.

    ``step`` is the ``shell`` of the step: ``bash``, ``sh``, ``python``, ``node``, or words. ``options`` are those that it was started
    with, for bash and sh. ``words``: as the justfile has it. ``native``: we can write into its scripts.
    """

    step: str | tuple[str, ...]
    words: tuple[str, ...]
    options: frozenset[str] = frozenset()

    @property
    def native(self) -> bool:
        """Whether it is bash or sh."""
        return self.step in {"bash", "sh"}


DEFAULT = Shell("sh", ("sh", "-cu"), frozenset({"u"}))


def _options(words: Sequence[str]) -> frozenset[str] | None:
    """Return options such as ``-euo pipefail`` as letters and names; None when one is not known."""
    found: set[str] = set()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not re.fullmatch(r"-[A-Za-z]+", word):
            return None
        for letter in word[1:]:
            if letter == "o":
                if not rest or rest[0] != "pipefail":
                    return None
                found.add(rest.pop(0))
            elif letter in _KNOWN:
                found.add(letter)
            elif letter != "c":
                return None
    return frozenset(found)


def _program(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return a program's name and its arguments; ``env`` is read over."""
    rest = list(words)
    name = rest.pop(0).rpartition("/")[2]
    if name == "env" and rest:
        if rest[0] in {"-S", "--split-string"}:
            rest.pop(0)
        elif rest[0].startswith("-S"):
            rest[0] = rest[0][2:]
        if rest and not rest[0].startswith("-") and "=" not in rest[0]:
            name = rest.pop(0).rpartition("/")[2]
    return name, rest


def line_shell(words: Sequence[str]) -> Shell:
    """Return what runs each line of a recipe: ``set shell := words``."""
    name, rest = _program(words)
    options = _options(rest) if name in _OURS and rest and "c" in rest[-1] else None
    return Shell(tuple(words), tuple(words)) if options is None else Shell(name, tuple(words), options)


def script_shell(words: Sequence[str]) -> Shell:
    """Return what runs a recipe that is one script: a shebang line's words, or those of ``[script]``."""
    name, rest = _program(words)
    options = _options(rest) if name in _OURS else None
    if options is not None:
        return Shell(name, tuple(words), options)
    if re.fullmatch(r"python3?", name) and not rest:
        return Shell("python", tuple(words))
    if name in {"node", "nodejs"} and not rest:
        return Shell("node", tuple(words))
    if words[0].rpartition("/")[2] == "env":
        return Shell((name, *rest), tuple(words))
    return Shell(tuple(words), tuple(words))


def differences(shell: Shell, first: str = "", *, keep: str = "") -> str:
    """Return the ``set`` command that gives a step's shell the options that the justfile's has; empty when they are the same.

    Args:
        shell: bash or sh.
        first: The first command of the script, which may set options itself.
        keep: Options that stay as a step's shell has them.
    """
    ours = _OURS[str(shell.step)]
    wanted = set(shell.options) | set(keep)
    match = _SET.match(first)
    if match:
        wanted |= _options(match[1].split()) or set()
    off = [option for option in sorted(ours - wanted) if option != "pipefail"]
    on = sorted(shell.options - ours)
    words = [f"+{''.join(off)}"] if off else []
    if "pipefail" in ours - wanted:
        words.append("+o pipefail")
    if on and "pipefail" not in on:
        words.append(f"-{''.join(on)}")
    return f"set {' '.join(words)}" if words else ""
