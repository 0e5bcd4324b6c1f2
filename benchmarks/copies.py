"""Working copies: how soon they are ready, how soon they are gone, beside what git itself takes for the same files in the same round.

Every contestant of a round leaves the repository as it found it; what has to be removed for that is removed outside of what is timed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Contestant, DidNotWork, Sample, once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WORKFLOW = str(Path(sys.executable).parent / "workflow")
INSIDE = str(Path(__file__).with_name("inside.py"))
PER_FOLDER = 15
"""Files in a folder: 10,000 files are in about 700."""

_ONE_STEP = 'id = "benchmark"\n[steps.only]\nshell = "sh"\nrun = "true"\n'
_DIRTY = 5  # files that are changed, and as many that are new
_WHO = ("-c", "user.name=b", "-c", "user.email=b@localhost")


@dataclass(frozen=True)
class Repository:
    """A git repository with many small files and one workflow, and everything that belongs to it below one folder."""

    top: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def aside(self) -> Path:
        """A folder on the same disk, for worktrees that git makes."""
        return self.top.with_name(self.top.name + "-aside")

    def contestant(self, name: str, argv: Sequence[str], *, inner: bool = False) -> Contestant:
        """Return a program that is started in the repository."""
        return Contestant(name, argv, self.top, self.env, inner=inner)

    def git(self, *args: str) -> None:
        """Call git in it."""
        environ = os.environ | self.env
        subprocess.run(["git", *_WHO, *args], cwd=self.top, env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def clear(self) -> None:
        """Remove every working copy. What overlays share stays."""
        root = Path(self.env["AI_WORKSPACES_ROOT"])
        copies = [*(one for one in root.glob("*/*") if not one.parent.name.startswith(".")), *root.glob(".layers/*/copies/*")]
        for one in [*copies, *self.aside.glob("*")]:
            shutil.rmtree(one, ignore_errors=True)
        self.git("worktree", "prune")

    def dirty(self) -> None:
        """Change a few files, and add as many."""
        for number in range(_DIRTY):
            (self.top / f"part0/module0/sub0/file{number}.txt").write_text("changed\n")
            (self.top / f"part0/new{number}.txt").write_text("new\n")

    def tidy(self) -> None:
        """Take that back, so that nothing differs from the commit."""
        self.git("clean", "-fdq")
        self.git("reset", "-q", "--hard")


def repository(folder: Path, files: int, workflow: str = _ONE_STEP) -> Repository:
    """Make a repository of that many small committed files, three folders deep."""
    top = folder / f"files-{files}"
    names = {
        "HOME": "home",
        "XDG_STATE_HOME": "state",
        "XDG_CACHE_HOME": "cache",
        "XDG_CONFIG_HOME": "config",
        "AI_WORKSPACES_ROOT": "copies",
    }
    env = {name: str(folder / f"{top.name}-{place}") for name, place in names.items()} | {"GIT_CONFIG_NOSYSTEM": "1"}
    found = Repository(top, env)
    if top.exists():
        return found
    for number in range(files):
        leaf = number // PER_FOLDER
        file = top / f"part{leaf // 100}/module{leaf // 10 % 10}/sub{leaf % 10}/file{number % PER_FOLDER}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"file {number}\n" * 5)
    (top / "workflow.toml").write_text(workflow)
    (top / ".gitignore").write_text(".benchmark-output\n")
    found.aside.mkdir()
    for words in (["init", "-q"], ["config", "gc.auto", "0"], ["add", "--all"], ["commit", "-qm", "b"], ["gc", "-q"], ["status"]):
        found.git(*words)
    return found


def turns(place: Repository, contestants: Sequence[Contestant], count: int) -> dict[str, list[Sample]]:
    """Run every contestant once to warm up, then ``count`` rounds, in each of which another one is the first; each begins without working copies.

    Raises:
        DidNotWork: One failed.
    """
    samples: dict[str, list[Sample]] = {one.name: [] for one in contestants}
    for number in range(-1, count):
        first = number % len(contestants)
        for one in [*contestants[first:], *contestants[:first]]:
            sample = once(one)
            place.clear()
            if number >= 0:
                samples[one.name].append(sample)
    return samples


def less(samples: Sequence[Sample], without: Sequence[Sample]) -> list[Sample]:
    """Return what is left of each round when another contestant's share is taken away."""
    return [Sample(max(a.seconds - b.seconds, 1e-6), a.cpu - b.cpu) for a, b in zip(samples, without, strict=True)]


def ready(place: Repository, count: int) -> tuple[list[Contestant], dict[str, list[Sample]]]:
    """Measure a run of one step that does nothing, in the folder and in working copies, and what git takes for a worktree."""
    contestants = [
        place.contestant("git worktree add", ["git", "worktree", "add", "-q", "--detach", str(place.aside / "one"), "HEAD"]),
        place.contestant("run --here", [WORKFLOW, "run", "--here"]),
        place.contestant("run --base HEAD", [WORKFLOW, "run", "--backend", "git", "--keep", "--base", "HEAD"]),
        place.contestant("run, base @", [WORKFLOW, "run", "--backend", "git", "--keep"]),
    ]
    samples = turns(place, contestants, count)
    place.dirty()
    dirty = [contestants[0], contestants[1], place.contestant("run, base @, changes", contestants[3].argv)]
    again = turns(place, dirty, count)
    place.tidy()
    found = {"git worktree add": samples["git worktree add"]}
    for name in ("run --base HEAD", "run, base @"):
        found[name] = less(samples[name], samples["run --here"])
    found["git worktree add again"] = again["git worktree add"]
    found["run, base @, changes"] = less(again["run, base @, changes"], again["run --here"])
    return [*contestants, dirty[2]], found


def opened(place: Repository, count: int, bases: Sequence[str] = ("HEAD", "@")) -> tuple[list[Contestant], dict[str, list[Sample]]]:
    """Measure layered copies of a commit that is checked out already: within the process, and as what a run takes longer than one in place."""
    run = [WORKFLOW, "run", "--backend", "overlay", "--base"]
    contestants = [place.contestant("run --here", [WORKFLOW, "run", "--here"])]
    for base in bases:
        contestants.append(place.contestant(f"open {base}", [sys.executable, INSIDE, "open", "overlay", base, "workflow.toml"], inner=True))
        contestants.append(place.contestant(f"run {base}", [*run, base]))
    samples = turns(place, contestants, count)
    return contestants, {name: less(each, samples["run --here"]) if name.startswith("run ") else each for name, each in samples.items()}


def cleanup(place: Repository, count: int) -> tuple[list[Contestant], dict[str, list[Sample]]]:
    """Measure how long a working copy takes to go, ours within the process and git's as a process."""
    removing = place.contestant("git worktree remove", ["git", "worktree", "remove", "--force", str(place.aside / "one")])
    ours = place.contestant("cleanup", [sys.executable, INSIDE, "cleanup", "git", "HEAD", "workflow.toml"], inner=True)

    def git() -> Sample:
        place.git("worktree", "add", "-q", "--detach", str(place.aside / "one"), "HEAD")
        return once(removing)

    samples: dict[str, list[Sample]] = {removing.name: [], ours.name: []}
    for number in range(-1, count):
        pair: list[tuple[str, Callable[[], Sample]]] = [(removing.name, git), (ours.name, lambda: once(ours))]
        for name, call in pair if number % 2 else reversed(pair):
            sample = call()
            if number >= 0:
                samples[name].append(sample)
        place.clear()
    return [removing, ours], samples


def three_steps(seconds: float) -> str:
    """Return a workflow of three steps, one after the other, that only wait."""
    steps = "".join(
        f'[steps.s{n}]\nshell = "sh"\nrun = "sleep {seconds:g}"\n{f"needs = [{chr(34)}s{n - 1}{chr(34)}]" if n else ""}\n' for n in range(3)
    )
    return f'id = "benchmark"\n{steps}'


def crowd(place: Repository, count: int, size: int, seconds: float, backend: str = "git") -> dict[str, list[Sample]]:
    """Measure ``size`` runs of three steps that begin at the same moment, and the same commands in worktrees that are there already."""
    samples: dict[str, list[Sample]] = {"in worktrees": [], f"runs ({backend})": []}
    words = " && ".join([f"sleep {seconds:g}"] * 3)
    for _ in range(count):
        for number in range(size):
            place.git("worktree", "add", "-q", "--detach", str(place.aside / str(number)), "HEAD")
        samples["in worktrees"].append(_together([(["sh", "-c", words], place.aside / str(n)) for n in range(size)], place))
        place.clear()
        samples[f"runs ({backend})"].append(_together([([WORKFLOW, "run", "--backend", backend], place.top)] * size, place))
        place.clear()
    return samples


def _together(calls: Sequence[tuple[list[str], Path]], place: Repository) -> Sample:
    """Start all at once and wait for the last to end."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | place.env
    begun, used = time.perf_counter(), os.times()
    started = [
        subprocess.Popen(argv, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for argv, cwd in calls
    ]
    said = [one.communicate()[0] for one in started]
    seconds, after = time.perf_counter() - begun, os.times()
    failed = [text for one, text in zip(started, said, strict=True) if one.returncode != 0]
    if failed:
        raise DidNotWork(f"{len(failed)} of {len(started)} failed: {failed[0].decode(errors='replace')[-300:]}")
    cpu = after.children_user + after.children_system - used.children_user - used.children_system
    return Sample(seconds, cpu)
