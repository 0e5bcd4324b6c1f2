"""What a snapshot of a working copy costs, beside ``git status`` on the same files at the same moment.

``snapshots.py`` prints the figures by itself; :func:`measure` gives them to whoever puts them beside targets.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # also when something else loads this file

from measure import Contestant, Sample, once, ratio, typical

from ropeway.workspaces.snapshots import Snapshots

PER_FOLDER = 15
"""Files in a folder: 10,000 files are in about 700."""

STATUS, UNCHANGED, EDITED, ADDED = "git status", "unchanged", "a file edited", "a file added"


def _repository(folder: Path, files: int) -> Path:
    """Make a repository of that many small committed files, three folders deep."""
    place = folder / f"snapshots-{files}"
    for number in range(files):
        leaf = number // PER_FOLDER
        file = place / f"part{leaf // 100}/module{leaf // 10 % 10}/sub{leaf % 10}/file{number % PER_FOLDER}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"file {number}\n" * 5)
    for argv in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "--quiet", "--message=b"],
    ):
        subprocess.run(["git", *argv], cwd=place, check=True)
    return place


def _timed(snapshots: Snapshots, label: str) -> Sample:
    cpu, begun = time.process_time(), time.perf_counter()
    snapshots.take(label)
    return Sample(time.perf_counter() - begun, time.process_time() - cpu)


_PROCESSES = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "os.system")
_started: list[str] = []


def _note_process(event: str, _arguments: object) -> None:
    if event in _PROCESSES:
        _started.append(event)


def measure(folder: Path, files: int, count: int) -> tuple[dict[str, list[Sample]], bool]:
    """Return ``count`` rounds: ``git status`` as a process, and in this process snapshots of no change, of an edited file, and of a new one.

    Also returns whether the snapshots of no change started no process.

    The copy's files are a little older than the clock's tick in each round, as they are after a step that took longer than that.
    """
    place = _repository(folder, files)
    outside = folder / f"snapshots-{files}-outside"
    outside.mkdir()
    status = Contestant(STATUS, ["git", "-C", str(place), "status", "--porcelain"], outside)
    snapshots = Snapshots(str(place), str(place / ".git"), run="benchmark", state=str(outside))
    time.sleep(0.05)
    snapshots.adopt("HEAD")
    snapshots.take("0")
    once(status)
    samples: dict[str, list[Sample]] = {name: [] for name in (STATUS, UNCHANGED, EDITED, ADDED)}
    quiet = True
    sys.addaudithook(_note_process)
    edited = place / "part0/module0/sub0/file1.txt"
    for number in range(count):
        with edited.open("a") as file:
            file.write(f"round {number}\n")
        samples[STATUS].append(once(status))
        samples[EDITED].append(_timed(snapshots, str(3 * number)))
        (place / f"part0/module0/new{number}.txt").write_text("new\n")
        samples[ADDED].append(_timed(snapshots, str(3 * number + 1)))
        time.sleep(0.03)
        snapshots.take(str(3 * number + 2))  # reads once more what had changed within the tick
        _started.clear()
        samples[UNCHANGED].append(_timed(snapshots, str(3 * number + 2)))
        quiet = quiet and not _started
    return samples, quiet


def main() -> None:
    """Measure at 100 and 10,000 files, and print."""
    folder = Path(tempfile.mkdtemp(prefix="ropeway-bench-"))
    print("load:", *(f"{load:.1f}" for load in os.getloadavg()))
    try:
        for files, limit in ((100, 4.0), (10_000, 2.5)):
            samples, quiet = measure(folder, files, 25)
            print(f"{files:,} files; a snapshot of a small change is to take at most {limit:g} times a git status")
            for name, each in samples.items():
                against = "" if name == STATUS else f"{ratio(each, samples[STATUS])} × {STATUS}"
                print(f"  {name:<14} {typical(each) * 1000:8.2f} ms  {against}")
            print("  unchanged: no process" if quiet else "  unchanged: PROCESSES WERE STARTED")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
