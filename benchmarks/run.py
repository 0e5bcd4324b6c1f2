"""`make bench`: how fast Ropeway is, beside bare Python and beside other programs on the same machine, in the same run.

Each figure stands beside its target. What is measured is in ``measure.py``, the work in ``workloads.py``, the other programs in ``peers.py``.
Nothing here is a test: a busy machine moves every figure, and ratios least.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))  # also when something else loads this file

import copies_report
import peers
import transfers_report
import workloads
from measure import Contestant, largest, ratio, rounds, typical
from report import Options, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INSIDE = str(Path(__file__).with_name("inside.py"))


def chain(options: Options) -> Report:
    """A chain: the cost of a step, since only one runs at a time."""
    count = 1000 // options.scale
    report = Report(
        "chain", f'a chain of {count:,} steps, shell = "sh", run = "true", journal on; each program starts /bin/sh for every step'
    )
    contestants = [peers.ropeway(options.folder, count, chain=True)]
    contestants += peers.contestants(options.folder, ["make", "ninja", "just", "doit", "task", "invoke"], count, chain=True)
    samples = rounds(contestants, options.rounds(7))
    report.compare(contestants, samples, "make")
    ours = samples["workflow"]
    if "make" in samples:
        report.target("at most 1.3 × make -j1", ratio(ours, samples["make"]).median, 1.3)
    for peer in (*peers.PYTHON_PEERS, "task"):
        if peer in samples:
            report.target(f"ahead of {peer}", ratio(ours, samples[peer]).median, 1.0)
    return report


def deep(options: Options) -> Report:
    """A chain so deep that whoever recurses fails."""
    count = 10_000 // options.scale
    report = Report("deep", f"a chain {count:,} deep works")
    contestants = [peers.ropeway(options.folder, count, chain=True), *peers.contestants(options.folder, ["make"], count, chain=True)]
    samples = rounds(contestants, options.rounds(1))
    report.compare(contestants, samples, "make")
    report.holds("ends with status 0", true=True)
    return report


def fan(options: Options) -> Report:
    """Steps that depend on nothing, two and eight at a time."""
    count = 1000 // options.scale
    report = Report("fan", f"{count:,} independent steps, 2 and 8 at a time")
    contestants = []
    for jobs in (2, 8):
        same = [peers.ropeway(options.folder, count, chain=False, jobs=jobs)]
        same += peers.contestants(options.folder, ["make", "ninja", "doit", "task"], count, chain=False, jobs=jobs)
        contestants += [replace(one, name=f"{one.name} at {jobs}") for one in same]
    samples = rounds(contestants, options.rounds(7))
    for jobs in (2, 8):
        report.compare([c for c in contestants if c.name.endswith(f" {jobs}")], samples, f"make at {jobs}")
        if f"make at {jobs}" in samples:
            measured = ratio(samples[f"workflow at {jobs}"], samples[f"make at {jobs}"])
            report.target(f"at most 1.5 × make -j{jobs}", measured.median, 1.5)
    slower = ratio(samples["workflow at 8"], samples["workflow at 2"]).median
    report.target("8 at a time is not slower than 2", slower, 1.0)
    return report


def start(options: Options) -> Report:
    """Whole processes, against this Python doing nothing."""
    report = Report("start", "one-step run, --version and --help as whole processes")
    ours = peers.ropeway(options.folder, 1, chain=False)
    program = ours.argv[0]
    contestants = [
        Contestant("python", [sys.executable, "-c", "pass"], ours.cwd),
        Contestant("--version", [program, "--version"], ours.cwd),
        Contestant("--help", [program, "--help"], ours.cwd),
        Contestant("run", ours.argv, ours.cwd, ours.env),
        *peers.contestants(options.folder, ["make", "doit", "task", "invoke"], 1, chain=False),
    ]
    samples = rounds(contestants, options.rounds(40))
    report.compare(contestants, samples, "python")
    for name, limit in (("run", 8.0), ("--version", 3.0), ("--help", 5.0)):
        report.target(f"{name}: at most {limit:g} × python -c pass", ratio(samples[name], samples["python"]).median, limit)
    return report


def journal(options: Options) -> Report:
    """What writing the journal costs."""
    count = 1000 // options.scale
    report = Report("journal", f"a chain of {count:,} steps with the journal in its file, and in memory (start-up not counted)")
    ours = peers.ropeway(options.folder, count, chain=True)
    contestants = [
        Contestant(f"journal in {where}", [sys.executable, INSIDE, "carry", sink, "workflow.toml"], ours.cwd, ours.env, inner=True)
        for where, sink in (("a file", "journal"), ("memory", "memory"))
    ]
    samples = rounds(contestants, options.rounds(9))
    report.compare(contestants, samples, "journal in memory")
    measured = ratio(samples["journal in a file"], samples["journal in memory"])
    report.target("at most 1.1 × the same run in memory", measured.median, 1.1)
    return report


def plan(options: Options) -> Report:
    """Reading, checking and planning, and how that grows."""
    count = 10_000 // options.scale
    report = Report("plan", f"validate and plan {count:,} and {10 * count:,} steps (start-up not counted)")
    contestants = []
    for steps in (count, 10 * count):
        place = workloads.write("ropeway", options.folder, steps, chain=True)
        argv = [sys.executable, INSIDE, "plan", "workflow.toml"]
        contestants.append(Contestant(f"{steps:,} steps", argv, place, inner=True))
    samples = rounds(contestants, options.rounds(3))
    report.compare(contestants, samples, contestants[0].name)
    report.target(f"{count:,} steps: under 1 s", typical(samples[contestants[0].name]), 1.0, "s")
    growth = ratio(samples[contestants[1].name], samples[contestants[0].name]).median
    report.target("ten times the steps: at most 10 × the time, and a quarter for noise", growth, 12.5)
    return report


def memory(options: Options) -> Report:
    """The greatest resident size of any process of a run."""
    count = 1000 // options.scale
    report = Report("memory", f"a run of {count:,} steps: the largest of its processes, and bare Python")
    ours = peers.ropeway(options.folder, count, chain=True)
    contestants = [Contestant("python", [sys.executable, "-c", "pass"], ours.cwd), ours]
    for one in contestants:
        size = max(largest(one) for _ in range(options.rounds(3))) / 1e6
        report.rows.append({"name": one.name, "value": f"{size:.1f} MB"})
    report.target("under 40 MB", size, 40, "MB")
    return report


BENCHMARKS: dict[str, Callable[[Options], Report]] = {
    "start": start,
    "chain": chain,
    "fan": fan,
    "journal": journal,
    "plan": plan,
    "memory": memory,
    "deep": deep,
    "ready": copies_report.ready,
    "layers": copies_report.layers,
    "cleanup": copies_report.cleanup,
    "snapshot": copies_report.snapshot,
    "crowd": copies_report.crowd,
    "push": transfers_report.push,
    "pull": transfers_report.pull,
    "reference": transfers_report.reference,
}


def machine() -> dict[str, str]:
    """Return what the figures were taken on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": platform.platform(),
        "cores": str(cores),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "python": platform.python_version(),
        "folder": tempfile.gettempdir(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write JSON when asked; returns 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description="Measure Ropeway's speed beside other programs.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps, a quarter of the rounds: for a first look")
    parser.add_argument(
        "--only", action="append", choices=list(BENCHMARKS), metavar="NAME", help=f"one of: {', '.join(BENCHMARKS)}; may be repeated"
    )
    parser.add_argument("--runs", type=int, metavar="N", help="rounds of each benchmark")
    parser.add_argument("--scale", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    asked = parser.parse_args(argv)
    facts = {"machine": machine(), "versions": peers.versions()}
    print("\n".join(f"{key}: {value}" for part in facts.values() for key, value in part.items()))
    folder = Path(tempfile.mkdtemp(prefix="ropeway-bench-"))
    reports = []
    try:
        options = Options(folder, 10 if asked.quick else asked.scale, asked.runs)
        if options.scale > 1:
            print(f"\nFor a first look only: the targets are for {options.scale} times as many steps.")
        for name in asked.only or BENCHMARKS:
            reports.append(BENCHMARKS[name](options))
            reports[-1].show()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if asked.json is not None:
        asked.json.write_text(
            json.dumps({**facts, "benchmarks": [asdict(r) for r in reports]}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
