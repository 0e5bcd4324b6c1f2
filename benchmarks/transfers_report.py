"""What moving bundles and using references costs, beside their targets."""

from __future__ import annotations

import subprocess
from statistics import median
from typing import TYPE_CHECKING

import transfers
from measure import Contestant, ratio, rounds
from peers import BESIDE, find
from report import Report

if TYPE_CHECKING:
    from report import Options

_MEGABYTE = 2**20


def _moving(options: Options, verb: str) -> Report:
    small, large = max(200 // options.scale, 2), max(500 // options.scale, 1)
    title = f"{verb} {small} files of 4 KB as layers and in one folder, and one of {large} MiB; a registry on this machine"
    report = Report(verb, title)
    if find("ropeway-oras") is None:
        transfers.tools()
    works = (("as layers", small, 4096, 15), ("in one folder", small, 4096, 15), ("one file", 1, large * _MEGABYTE, 5))
    for kind, count, size, usual in works:
        with transfers.registry(options.folder / f"{verb}-{kind.replace(' ', '-')}") as host:
            if host is None:
                report.holds("a registry to measure with is installed", true=False)
                return report
            source = transfers.write(options.folder / "files", kind, count, size)
            commands = transfers.Commands(host, source, options.folder / "work")
            if verb == "pull":
                transfers.once(commands.pushing()[transfers.CLIENT](0))
            contestants = commands.pushing() if verb == "push" else commands.pulling()
            samples = transfers.rounds(contestants, options.rounds(usual), commands.clear)
            if kind == "as layers":
                for one in transfers.commands(contestants, list(samples)):
                    report.command(one)
            named = {f"{kind}: {name}": each for name, each in samples.items()}
            for name in named:
                report.row(name, named, f"{kind}: {transfers.ORAS}")
            for name in contestants:
                if name in samples and name != transfers.ORAS and transfers.ORAS in samples:
                    limit = f"{kind}, {name}: at most as long as {transfers.ORAS}"
                    report.target(limit, ratio(samples[name], samples[transfers.ORAS]).median, 1.0)
    return report


def push(options: Options) -> Report:
    """How long it takes to push, beside the ORAS library."""
    return _moving(options, "push")


def pull(options: Options) -> Report:
    """How long it takes to pull, beside the ORAS library."""
    return _moving(options, "pull")


def reference(options: Options) -> Report:
    """What a reference that is locked and cached adds to a run, beside the same file by its path."""
    report = Report("reference", "a one-step run by a locked reference whose files are cached, and by the path of the same file")
    place = options.folder / "reference"
    source = place / "sources/acme/flows"
    source.mkdir(parents=True)
    project = place / "project"
    project.mkdir()
    text = 'id = "hello"\n\n[steps.one]\nrun = "true"\n'
    (source / "hello.toml").write_text(text, encoding="utf-8")
    (project / "workflow.toml").write_text(text, encoding="utf-8")
    identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-q", "-m", "hello"], ["tag", "v1.0.0"]):
        subprocess.run(["git", *arguments], cwd=source, check=True)
    environ = {f"XDG_{name}_HOME": str(place / name.lower()) for name in ("CONFIG", "STATE", "CACHE")}
    environ |= {"HOME": str(place), "ROPEWAY_GITHUB_URL": f"file://{place}/sources"}
    program, wanted = str(BESIDE / "workflow"), "hello@acme/flows#v1.0.0"
    transfers.once(Contestant("lock", [program, "lock", wanted], project, environ))
    path = Contestant("path", [program, "run", "./workflow.toml"], project, environ)
    locked = Contestant("locked reference", [program, "run", "--locked", wanted], project, environ)
    samples = rounds([path, locked], options.rounds(40))
    report.compare([path, locked], samples, "path")
    if locked.name in samples:
        added = median(b.seconds - a.seconds for a, b in zip(samples[path.name], samples[locked.name], strict=True))
        report.target("adds at most 10 ms", added * 1000, 10, "ms")
    else:
        report.holds("a locked reference runs", true=False)
    return report
