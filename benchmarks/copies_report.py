"""What working copies cost, beside their targets."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import copies
import snapshots
from measure import DidNotWork, ratio, typical
from report import Report

if TYPE_CHECKING:
    from report import Options

_GIT = "git worktree add"
_SIZES = (100, 10_000)


def ready(options: Options) -> Report:
    """How soon the first step of a run can start in a working copy of its own."""
    files = 10_000 // options.scale
    report = Report(
        "ready", f"one step in a working copy of {files:,} files, less the same step in place (the copy's removal is not counted)"
    )
    contestants, samples = copies.ready(copies.repository(options.folder, files), options.rounds(9))
    for one in contestants:
        report.command(one)
    for name, against in (("run --base HEAD", _GIT), ("run, base @", _GIT), ("run, base @, changes", f"{_GIT} again")):
        report.row(name, samples, against)
        report.target(f"{name}: at most 1.2 × {_GIT}", ratio(samples[name], samples[against]).median, 1.2)
    report.row(_GIT, samples, _GIT)
    return report


def layers(options: Options) -> Report:
    """How soon a copy made of layers is ready, once its files have been checked out by an earlier run."""
    sizes = [size // options.scale or 1 for size in (*_SIZES, 50_000)]
    report = Report(
        "layers",
        "a working copy of the kind overlay, whose commit an earlier run has checked out: ready within the process, and a whole run",
    )
    for size in sizes:
        contestants, samples = copies.opened(copies.repository(options.folder, size), options.rounds(9))
        if size == sizes[0]:
            for one in contestants:
                report.command(one)
        for name in ("open HEAD", "open @", "run HEAD", "run @"):
            report.row(f"{name}, {size:,} files", {f"{name}, {size:,} files": samples[name]}, "")
        report.target(f"{size:,} files: ready in 30 ms with --base HEAD", typical(samples["open HEAD"]) * 1000, 30, "ms")
    return report


def cleanup(options: Options) -> Report:
    """How long a working copy takes to go."""
    files = 10_000 // options.scale
    report = Report("cleanup", f"removing a working copy of {files:,} files")
    contestants, samples = copies.cleanup(copies.repository(options.folder, files), options.rounds(9))
    report.compare(contestants, samples, "git worktree remove")
    report.target("at most 1.1 × git worktree remove --force", ratio(samples["cleanup"], samples["git worktree remove"]).median, 1.1)
    return report


def snapshot(options: Options) -> Report:
    """What a snapshot costs at the end of a step."""
    report = Report("snapshot", "saving a working copy, within the process, beside git status as a process")
    for size, limit in zip((size // options.scale or 1 for size in _SIZES), (4.0, 2.5), strict=True):
        samples, quiet = snapshots.measure(options.folder, size, options.rounds(25))
        named = {f"{name}, {size:,} files": each for name, each in samples.items()}
        status = f"{snapshots.STATUS}, {size:,} files"
        for name in named:
            report.row(name, named, status)
        for kind in (snapshots.EDITED, snapshots.ADDED):
            name = f"{kind}, {size:,} files"
            report.target(f"{name}: at most {limit:g} × git status", ratio(named[name], named[status]).median, limit)
        report.holds(f"nothing changed, {size:,} files: no process", true=quiet)
    return report


def crowd(options: Options) -> Report:
    """Many runs that begin at the same moment in one repository."""
    size, seconds = max(50 // options.scale, 2), 3 / options.scale
    report = Report("crowd", f"{size} runs of three steps of {seconds:g} s begin at the same moment in one repository of 100 files")
    place = copies.repository(options.folder / "crowd", 100, copies.three_steps(seconds))
    samples = copies.crowd(place, options.rounds(3), size, seconds)
    for name in ("in worktrees", "runs (git)"):
        report.row(name, samples, "in worktrees")
    report.target(f"at most 1.3 × the same commands in {size} worktrees", ratio(samples["runs (git)"], samples["in worktrees"]).median, 1.3)
    try:
        subprocess.run(["jj", "git", "init", "--colocate"], cwd=place.top, env=None, check=True, capture_output=True)
        jj = copies.crowd(place, 1, size, seconds, "jj")
        report.row("runs (jj)", jj, "in worktrees")
    except (FileNotFoundError, subprocess.CalledProcessError, DidNotWork) as problem:
        report.rows.append({"name": "runs (jj)", "value": f"left out: {problem}"})
    return report
