"""The operating system's table of processes: who descends from whom, and what it carries.

Linux answers from ``/proc``. Elsewhere ``ps`` answers the same questions more slowly, and environments can't be read: there a sweep finds
descendants and recorded processes only.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from ropeway.records import record

LINUX = sys.platform == "linux"
_PROC = Path("/proc")
_MANY = 65536


@record
class Entry:
    """One living process. ``started`` is the boot-relative start time as the system words it: with ``pid`` it names a process for good."""

    pid: int
    parent: int
    group: int
    started: str
    name: str


def entry(pid: int) -> Entry | None:
    """Return a process's entry, None when it is gone (a zombie counts as gone)."""
    if not LINUX:
        return next((e for e in _ps() if e.pid == pid), None)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    head, _, tail = stat.rpartition(b")")
    rest = tail.split()
    if rest[0] in (b"Z", b"X"):
        return None
    name = head.partition(b"(")[2].decode("utf-8", "replace")
    return Entry(pid, int(rest[1]), int(rest[2]), rest[19].decode(), name)


def table() -> list[Entry]:
    """Return all living processes that we may see."""
    if not LINUX:
        return _ps()
    pids = [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    return [e for e in map(entry, pids) if e is not None]


def _ps() -> list[Entry]:
    import subprocess

    text = subprocess.run(
        ["/bin/ps", "-axo", "pid=,ppid=,pgid=,stat=,lstart=,comm="], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    ).stdout
    out = []
    for line in text.splitlines():
        parts = line.split(None, 9)
        if len(parts) == 10 and not parts[3].startswith("Z"):
            out.append(Entry(int(parts[0]), int(parts[1]), int(parts[2]), " ".join(parts[4:9]), parts[9]))
    return out


def children(pid: int) -> list[int]:
    """Return the pids of a process's children, zombies included."""
    if LINUX:
        if pid == os.getpid() and (own := _own_children(pid)) is not None:
            return own
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
            return [int(c) for t in tasks for c in Path(f"/proc/{pid}/task/{t}/children").read_bytes().split()]
        except FileNotFoundError:
            if os.path.exists("/proc/self/task/self/children"):
                return []
        except OSError:
            return []
    return [e.pid for e in table() if e.parent == pid]


_own: dict[int, int] = {}
"""The kernel's list of this process's children, kept open: a run looks at it after every step. By pid, since a forked child must not use it."""


def _own_children(pid: int) -> list[int] | None:
    """Return the children of the main thread, which is the only one that starts processes and the one that orphans come to; None when it can't be told so."""
    fd = _own.get(pid)
    try:
        if fd is None:
            fd = _own[pid] = os.open(f"/proc/{pid}/task/{pid}/children", os.O_RDONLY | os.O_CLOEXEC)
        data = os.pread(fd, _MANY, 0)
    except OSError:
        return None
    return [int(child) for child in data.split()] if len(data) < _MANY else None


def descendants(pid: int) -> list[Entry]:
    """Return the living processes below ``pid``, nearest first."""
    found: list[Entry] = []
    seen = {pid}
    queue = [pid]
    while queue:
        for child in children(queue.pop(0)):
            if child not in seen:
                seen.add(child)
                queue.append(child)
                alive = entry(child)
                if alive is not None:
                    found.append(alive)
    return found


def carries(pid: int, marks: list[bytes]) -> bool:
    """Whether a process was started with all of these ``NAME=value`` in its environment."""
    if not LINUX:
        return False
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return all(mark in environ for mark in marks)


def send(pid: int, signum: int) -> None:
    """Send a signal; a process that is gone, or another user's, is passed over."""
    try:
        os.kill(pid, signum)
    except (ProcessLookupError, PermissionError):
        return


def kill_descendants(pid: int, *, spare: frozenset[int] = frozenset(), patience: float = 5.0) -> list[Entry]:
    """SIGKILL everything below ``pid`` until nothing is left, reaping what becomes ours.

    A process can fork while it is being hunted, so this repeats until a look finds none.

    Args:
        pid: The caller itself, being its descendants' subreaper.
        spare: Pids to leave alone.
        patience: Seconds after which it gives up (processes of another user can't be killed).

    Returns:
        What still lives.
    """
    end = time.monotonic() + patience
    while True:
        left = [e for e in descendants(pid) if e.pid not in spare]
        if not left or time.monotonic() > end:
            return left
        for e in left:
            send(e.pid, signal.SIGKILL)
        _reap_any(spare)
        time.sleep(0.001)


def _reap_any(spare: frozenset[int]) -> None:
    while True:
        try:
            result = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if result is None or result.si_pid in spare:
                return
            os.waitpid(result.si_pid, os.WNOHANG)
        except ChildProcessError:
            return


def kill_run(run: str, recorded: list[tuple[int, str]]) -> list[Entry]:
    """Kill what an earlier carrying out of a run left behind, when none of our processes lives to do it.

    Args:
        run: The run's id: whatever carries ``ROPEWAY_RUN=<id>`` in its environment goes.
        recorded: ``(pid, started)`` of steps' processes from the journal: these, and what descends from them, go.

    Returns:
        What was killed.
    """
    mark = [f"ROPEWAY_RUN={run}".encode()]
    own = _self_and_above()
    killed: dict[int, Entry] = {}
    for _ in range(200):
        found = [e for e in table() if e.pid not in own and ((e.pid, e.started) in recorded or carries(e.pid, mark))]
        found += [d for e in found for d in descendants(e.pid) if d.pid not in own]
        if not found:
            break
        for e in found:
            killed[e.pid] = e
            send(e.pid, signal.SIGKILL)
        time.sleep(0.005)
    return list(killed.values())


def _self_and_above() -> set[int]:
    """Return our own pid and those of what started us: resuming a run from inside of it must not end ourselves."""
    pids, pid = {0, 1}, os.getpid()
    while pid not in pids:
        pids.add(pid)
        above = entry(pid)
        if above is None:
            break
        pid = above.parent
    return pids
