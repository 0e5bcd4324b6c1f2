"""Measuring processes against each other: paired, interleaved, on one machine in one run.

The machine's speed drifts while a benchmark runs, so every round starts each contestant once and only rounds are compared: a ratio is the median
of the rounds' own ratios, shown with the least and the greatest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class DidNotWork(Exception):
    """A contestant ended with another status than 0."""


@dataclass(frozen=True)
class Contestant:
    """A command to measure. With ``inner`` it prints its own seconds as its last line: what surrounds the measured part is left out."""

    name: str
    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    inner: bool = False


@dataclass(frozen=True)
class Sample:
    """One process with its children: seconds from start to end, and seconds of processor time."""

    seconds: float
    cpu: float


def once(contestant: Contestant) -> Sample:
    """Run a contestant to its end.

    Raises:
        DidNotWork: Its status was not 0.
    """
    output = contestant.cwd / ".benchmark-output"
    env = _environment(contestant)
    to_file = [(os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)]
    before = Path.cwd()
    os.chdir(contestant.cwd)
    try:
        begun = time.perf_counter()
        pid = os.posix_spawnp(contestant.argv[0], list(contestant.argv), env, file_actions=to_file)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - begun
    finally:
        os.chdir(before)
    said = output.read_text(errors="replace").strip()
    if status != 0:
        raise DidNotWork(f"{contestant.name} ended with {os.waitstatus_to_exitcode(status)}: {said[-300:]}")
    if contestant.inner:
        seconds = float(said.rpartition("\n")[2])
    return Sample(seconds, usage.ru_utime + usage.ru_stime)


_SMALL = """
import os, sys
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
print(os.wait4(pid, 0)[2].ru_maxrss)
"""


def largest(contestant: Contestant) -> int:
    """Return the greatest resident size in bytes among a contestant's processes.

    A process inherits the size of the one that started it, so it is started from a small one and not from here; less than what a bare
    Python has (10 MB) can not be told.
    """
    small = [sys.executable, "-I", "-S", "-c", _SMALL, *contestant.argv]
    done = subprocess.run(small, cwd=contestant.cwd, env=_environment(contestant), stdout=subprocess.PIPE, check=True)
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024)


def _environment(contestant: Contestant) -> dict[str, str]:
    """Leave out what developers set to see more: compiling anew each time, writing each line at once."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON") or name in ("PYTHONHOME", "PYTHONPATH")}
    return env | dict(contestant.env)


def rounds(contestants: Sequence[Contestant], count: int) -> dict[str, list[Sample]]:
    """Run every contestant once to warm up (a failing one is left out, and told), then ``count`` rounds of all in turn."""
    working = []
    for one in contestants:
        try:
            once(one)
            working.append(one)
        except DidNotWork as problem:
            print(f"  left out: {problem}")
    samples: dict[str, list[Sample]] = {one.name: [] for one in working}
    for _ in range(count):
        for one in working:
            samples[one.name].append(once(one))
    return samples


@dataclass(frozen=True)
class Ratio:
    """How many times as long one contestant took as another: the median over the rounds, the least and the greatest."""

    median: float
    least: float
    greatest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}–{self.greatest:.2f})"


def ratio(one: Sequence[Sample], other: Sequence[Sample]) -> Ratio:
    """Compare round by round."""
    each = [a.seconds / b.seconds for a, b in zip(one, other, strict=True)]
    return Ratio(median(each), min(each), max(each))


def typical(samples: Sequence[Sample]) -> float:
    """Return the median of the seconds."""
    return median(s.seconds for s in samples)
