"""Ten processes on one cache, one of them killed in the middle, and what a cached reference costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from ropeway.registry import Evidence, Pin
from ropeway.registry.cache.store import Store

FETCH = """
import json, os, sys, time
from pathlib import Path
from ropeway.registry import Evidence, Pin
from ropeway.registry.cache.store import Store

cache, rounds = Path(sys.argv[1]), int(sys.argv[2])
store = Store(cache)
print("ready", flush=True)
sys.stdin.readline()

def fill(folder, text):
    (folder / "deep").mkdir()
    for number in range(20):
        (folder / "deep" / str(number)).write_text(f"{text} {number}")
    (folder / "workflow.toml").write_text(text)
    return "workflow.toml"

seen = []
for number in range(rounds):
    text = f"content {number % 3}"
    pin = Pin("oci://h/workflows/build", "build", "sha256:" + format(number % 3, "064x"), version=f"v{number % 3}", registry="r")
    found = store.find(pin.source, pin.digest, pin.name)
    if found is None:
        digest, root, file = store.add_tree(lambda folder: fill(folder, text))
        found = store.keep(pin, digest, file, Evidence())
    seen.append(found.tree)
    if sys.argv[3] == "honest":
        assert found.path.read_text() == text
        continue
    try:  # one that somebody spoils while it is in use is moved away by the next who opens it
        assert found.path.read_text() == text
        if sys.argv[3] == "spoil":
            (found.root / "deep" / "3").chmod(0o644)
            (found.root / "deep" / "3").write_text("spoilt")
    except FileNotFoundError:
        pass
print(json.dumps(sorted(set(seen))))
"""


def start(cache: Path, *more: str, script: str = FETCH) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", script, str(cache), *more]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run_together(cache: Path, rounds: int, roles: list[str]) -> list[Any]:
    """Start a process for each role, let all begin at once, and return what each printed."""
    processes = [start(cache, str(rounds), role) for role in roles]
    told = []
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in processes:
            out, _ = process.communicate(timeout=60)
            assert process.returncode == 0
            told.append(json.loads(out))
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                process.communicate()
    return told


def test_ten_processes_that_fetch_the_same_agree_and_leave_nothing_behind(tmp_path: Path) -> None:
    cache = tmp_path / "cache/ropeway"
    told = run_together(cache, 9, ["honest"] * 10)
    assert [each == told[0] for each in told] == [True] * 10
    store = Store(cache)
    trees = sorted(f"sha256:{path.name}" for path in (store.root / "trees/sha256").iterdir())
    assert trees == told[0]
    assert all(store.tree(digest) for digest in trees)
    assert list((store.root / "staging").iterdir()) == []
    assert not (store.root / "damaged").exists()
    assert sorted(path.name for path in (cache / "registries/r/build").iterdir()) == ["v0", "v1", "v2"]
    assert sorted(path.name for path in (cache.parent / "workflows/build").iterdir()) == ["v0", "v1", "v2"]


def test_what_one_process_spoils_no_other_uses(tmp_path: Path) -> None:
    cache = tmp_path / "cache/ropeway"
    told = run_together(cache, 30, ["use", "use", "spoil", "use"])
    assert [len(each) for each in told] == [3, 3, 3, 3]
    assert list((cache / "store/staging").iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from ropeway.registry.cache.store import Store

def fill(folder):
    (folder / "half").write_text("half")
    print("ready", flush=True)
    sys.stdin.readline()

Store(Path(sys.argv[1])).add_tree(fill)
"""


def test_what_a_killed_process_left_half_written_is_never_used_and_goes(tmp_path: Path) -> None:
    cache = tmp_path / "cache/ropeway"
    process = start(cache, script=KILLED)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    store = Store(cache)
    store.add_tree(lambda folder: (folder / "a").write_text("a"))
    staging = store.root / "staging"
    assert len(list(staging.iterdir())) == 2  # its writer lives: the folder and its lock stay
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    store.add_tree(lambda folder: (folder / "b").write_text("b"))
    assert list(staging.iterdir()) == []
    assert len(list((store.root / "trees/sha256").iterdir())) == 2


COST = """
import sys, time

began = time.perf_counter()
from pathlib import Path
from ropeway.registry.cache.store import Store

def find():
    return Store(Path(sys.argv[1])).find("oci://h/w", "sha256:" + "a" * 64, "build")

assert find() is not None
first = time.perf_counter() - began
times = []
for _ in range(20):
    began = time.perf_counter()
    find()
    times.append(time.perf_counter() - began)
print(min(times), first, *sorted(sys.modules))
"""
HEAVY = {
    "asyncio",
    "cryptography",
    "dataclasses",
    "http.client",
    "logging",
    "random",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "tomllib",
}


def test_a_kept_reference_is_found_in_less_than_three_milliseconds_without_heavy_imports(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache/ropeway")
    digest, _, _ = store.add_tree(lambda folder: [(folder / f"{number}.toml").write_text("x" * 2000) for number in range(5)])
    store.keep(Pin("oci://h/w", "build", "sha256:" + "a" * 64, version="1.0.0", registry="r"), digest, "0.toml", Evidence(b"{}", (b"s",)))
    words = [sys.executable, "-c", COST, str(store.cache)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.intersection(told[2:]) == set()
    assert float(told[0]) < 0.003
