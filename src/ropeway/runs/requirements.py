"""Checking that a machine has what a workflow requires, before its first step: everything that is missing is named at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from ropeway.errors import NotFound, UsageError
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.lang.model import Requirements

TIMEOUT: Final = 10.0  # seconds that a program may take to say its version

_REQUIREMENT = re.compile(r"\s*(?P<name>[^\s\[\]<>=!~,;@]+)\s*(?:\[[^\]]*\])?\s*(?P<clauses>(?:[<>=!~]=?[^,;]*)(?:,[^,;]+)*)?\s*\Z")
_CLAUSE = re.compile(r"\s*(?P<operator>>=|<=|==|!=|~=|>|<)\s*v?(?P<version>\d+(?:\.\d+)*)(?P<star>\.\*)?\s*\Z")
_VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+)")
_LONE_NUMBER = re.compile(r"(?<![\w.])v?(\d+)(?![\w.])")

# Runs in the interpreter that steps will use; prints the installed version or null for each name.
_ASK_PYTHON: Final = """
import importlib.metadata as metadata, json, sys
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


@record
class Clause:
    """One bound of a version. ``star`` is the ``.*`` of ``==3.*``."""

    operator: str
    version: tuple[int, ...]
    star: bool = False

    def __str__(self) -> str:
        return self.operator + ".".join(map(str, self.version)) + (".*" if self.star else "")

    def holds(self, found: tuple[int, ...]) -> bool:
        """Return whether a version fits; missing parts count as zero."""
        size = max(len(found), len(self.version))
        have, want = _padded(found, size), _padded(self.version, size)
        same = found[: len(self.version)] == self.version if self.star else have == want
        match self.operator:
            case "==":
                return same
            case "!=":
                return not same
            case "~=":
                return have >= want and have[: len(self.version) - 1] == self.version[:-1]
            case ">=":
                return have >= want
            case "<=":
                return have <= want
            case ">":
                return have > want
            case _:
                return have < want


@record
class Requirement:
    """A name and the bounds of its version, all of which have to hold."""

    name: str
    clauses: tuple[Clause, ...]


@record
class Missing:
    """Something that is not there, or not in a version that fits. ``found`` is None when it is not there at all."""

    what: str
    found: str | None
    wanted: str
    hint: str

    def __str__(self) -> str:
        have = f"found {self.found}" if self.found else "not found"
        return f"{self.what}{' ' + self.wanted if self.wanted else ''}: {have}"


def parse_requirement(text: str) -> Requirement:
    """Read ``git``, ``git>=2.39`` or ``requests[socks]>=2,<3``; raises :class:`UsageError`."""
    found = _REQUIREMENT.match(text)
    clauses = [_CLAUSE.match(part) for part in (found["clauses"] or "").split(",") if part] if found else []
    if not found or None in clauses:
        raise UsageError(f"{text!r} is not a requirement", hint="write a name and bounds, such as git>=2.39 or requests>=2,<3")
    return Requirement(
        found["name"],
        tuple(Clause(c["operator"], _numbers(c["version"]), star=c["star"] is not None) for c in clauses if c),
    )


def missing(requirements: Requirements, environ: Mapping[str, str], *, python: str = "python3") -> list[Missing]:
    """Return everything that the machine lacks, in the order of the file.

    Programs are looked up on ``environ``'s ``PATH``. Versions are compared by their numbers (a ``-rc1`` counts as its release).
    ``python`` is the interpreter that the steps will use. What an image or nix would bring is not looked at here.
    """
    found = [_command(parse_requirement(text), environ) for text in requirements.commands]
    absent = [each for each in found if each is not None]
    return absent + _python(requirements.python, environ, python)


def check(requirements: Requirements, environ: Mapping[str, str], *, python: str = "python3") -> None:
    """Raise :class:`NotFound` that names everything missing."""
    absent = missing(requirements, environ, python=python)
    if absent:
        hints = "; ".join(dict.fromkeys(each.hint for each in absent))
        raise NotFound("this machine lacks " + ", ".join(map(str, absent)), hint=hints, code="requirements")


def _command(wanted: Requirement, environ: Mapping[str, str]) -> Missing | None:
    bounds = ",".join(map(str, wanted.clauses))
    path = shutil.which(wanted.name, path=environ.get("PATH", os.defpath))
    if path is None:
        return Missing(wanted.name, None, bounds, f"install {wanted.name}, or put it on your PATH")
    if not wanted.clauses:
        return None
    found = _version_of(path, environ)
    if found is None:
        return Missing(wanted.name, "a version that it does not tell", bounds, f"{path} --version has to print its version")
    if all(clause.holds(_numbers(found)) for clause in wanted.clauses):
        return None
    return Missing(wanted.name, found, bounds, f"install {wanted.name} {bounds} ({path} is {found})")


def _version_of(path: str, environ: Mapping[str, str]) -> str | None:
    for argument in ("--version", "version"):  # the second for `go` and its kin
        said = _output([path, argument], environ)
        found = (_VERSION.search(said) or _LONE_NUMBER.search(said)) if said is not None else None
        if found:
            return found[1]
    return None


def _output(argv: list[str], environ: Mapping[str, str]) -> str | None:
    """Return what a program printed when it went well, else None."""
    try:
        done = subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    return (done.stdout or done.stderr).decode("utf-8", "replace")


def _python(texts: Sequence[str], environ: Mapping[str, str], python: str) -> list[Missing]:
    wanted = [parse_requirement(text) for text in texts]
    if not wanted:
        return []
    path = shutil.which(python, path=environ.get("PATH", os.defpath))
    said = _output([path, "-c", _ASK_PYTHON, *(each.name for each in wanted)], environ) if path else None
    if said is None:
        return [Missing(python, None, "", f"install Python as {python}: steps and the packages they require run on it")]
    versions: dict[str, str | None] = json.loads(said)
    absent: list[Missing] = []
    for each in wanted:
        bounds = ",".join(map(str, each.clauses))
        found = versions[each.name]
        if found is None or not all(clause.holds(_numbers(found)) for clause in each.clauses):
            absent.append(Missing(f"Python package {each.name}", found, bounds, f"{path} -m pip install '{each.name}{bounds}'"))
    return absent


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _padded(version: tuple[int, ...], size: int) -> tuple[int, ...]:
    return version + (0,) * (size - len(version))
