"""Processes as the system tells of them, by /proc and by ps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ropeway.runs import proctable
from support.projects import gone, until

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILY = "import subprocess, sys; p = subprocess.Popen(['sleep', '1000']); print(p.pid, flush=True); p.wait()"


@pytest.fixture(params=["proc", "ps"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "proc" and sys.platform != "linux":
        pytest.skip("expected: /proc is Linux's")
    if request.param == "ps" and not Path("/bin/ps").exists():
        pytest.skip("expected: this machine has no ps")
    monkeypatch.setattr(proctable, "LINUX", request.param == "proc")
    return request.param


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    parent = subprocess.Popen(
        [sys.executable, "-c", FAMILY],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "ROPEWAY_RUN": "probe"},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    yield parent.pid, child
    for pid in (child, parent.pid):
        proctable.send(pid, 9)
    parent.communicate()


def test_an_entry_tells_parent_group_name_and_start(system: str, family: tuple[int, int]) -> None:
    parent, child = family
    found = until(lambda: (e := proctable.entry(child)) is not None and Path(e.name).name == "sleep" and e)
    assert (found.parent, found.group) == (parent, parent)
    assert found.started == proctable.entry(child).started  # type: ignore[union-attr]
    assert proctable.entry(2**22 + 1) is None


def test_descendants_are_found_nearest_first(system: str, family: tuple[int, int]) -> None:
    parent, child = family
    assert [e.pid for e in proctable.descendants(os.getpid()) if e.pid in family] == [parent, child]
    assert proctable.children(parent) == [child]
    assert proctable.descendants(child) == []


def test_a_zombie_is_no_living_process(system: str) -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    until(lambda: gone(pid))
    assert proctable.entry(pid) is None
    assert proctable.descendants(os.getpid()) == [e for e in proctable.descendants(os.getpid()) if e.pid != pid]
    os.waitpid(pid, 0)


def test_marks_are_read_where_the_system_shows_them(system: str, family: tuple[int, int]) -> None:
    if system == "proc":
        until(lambda: proctable.carries(family[1], [b"ROPEWAY_RUN=probe"]), "the new program's environment is there")
    else:
        assert not proctable.carries(family[1], [b"ROPEWAY_RUN=probe"])
    assert not proctable.carries(family[1], [b"ROPEWAY_RUN=prob"])


def test_what_a_dead_run_left_is_ended_by_mark_or_by_record(system: str, family: tuple[int, int]) -> None:
    parent, child = family
    entry = proctable.entry(parent)
    assert entry is not None
    assert proctable.kill_run("probe-of-nothing", [(parent, "another start")]) == []
    if system == "proc":
        until(lambda: proctable.carries(child, [b"ROPEWAY_RUN=probe"]))
    killed = {e.pid for e in proctable.kill_run("probe", [(parent, entry.started)] if system == "ps" else [])}
    assert killed >= set(family)
    until(lambda: gone(child) and gone(parent))
