"""Copies made of layers: what stays of one whenever its end is cut off, and what several share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ropeway.workspaces.layers import forget, layered
from tests.support.projects import until
from tests.support.repositories import RepositoryProject

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.needs("git")

PARTS = """
import errno, os, signal, subprocess, sys
from ropeway.errors import RopewayError
from ropeway.workspaces import files, mounts, settling
from ropeway.workspaces.backend import choose
from ropeway.workspaces.overlayfs import OverlayBackend
from ropeway.workspaces.places import workspace_path

home, mode = sys.argv[1:3]

def backend():
    return choose("overlay", home, os.environ).backend

def path_of(id):
    return workspace_path(os.environ, backend().root, id)

def said(*argv, cwd=home):
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=True).stdout

def seen(path):
    found = {}
    for folder, names, entries in os.walk(path):
        for name in entries:
            file = os.path.join(folder, name)
            content = os.readlink(file) if os.path.islink(file) else open(file).read()
            found[os.path.relpath(file, path)] = (content, os.lstat(file).st_mode)
    return found

def work(path):
    open(f"{path}/a.txt", "a").write("two\\n")
    os.unlink(f"{path}/bin/tool")
    os.makedirs(f"{path}/new/below")
    open(f"{path}/new/below/x", "w").write("x")
    os.symlink("a.txt", f"{path}/link")
    open(f"{path}/.agent-tools/note", "w").write("n")

def child(call):
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    status = 1
    try:
        call()
        status = 0
    except BaseException:
        import traceback
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)

def made(id):
    one = backend()
    path = path_of(id)
    note = one.add(path, id, one.base("HEAD")).notes
    if note:
        print(note[0])
        os._exit(77)
    return one, path
"""
"""The beginning of what the tests run in processes of their own: a mount is for a process and those that it starts."""

CRASHES = """
if mode == "pair":
    def exchange(one, two):
        raise OSError(errno.ENOSYS, "no")
    mounts.exchange = exchange
counted = [None]
MATTER = ("open", "os.", "ctypes.dlsym", "shutil.")

def count(event, args):
    if counted[0] is not None and event.startswith(MATTER):
        counted[0] -= 1
        if counted[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)

def cut_off(id, number):
    one, path = made(id)
    work(path)
    counted[0] = number
    one.settle(path, id)

def gone_on(id, whole):
    one, path = backend(), path_of(id)
    one.attach(path, id)
    assert seen(path) == whole(id), (id, seen(path), whole(id))
    assert said("git", "status", "--porcelain", cwd=path).splitlines() == [" M a.txt", " D bin/tool", "?? .agent-tools/", "?? link", "?? new/"]
    one.settle(path, id)

def settled(id, whole):
    path = path_of(id)
    assert seen(path) == whole(id), (id, seen(path))
    layers = os.path.join(backend()._above, "copies")
    assert not os.path.lexists(os.path.join(layers, id)), os.listdir(layers)
    assert f"{path} " in said("git", "worktree", "list")
    assert "prunable" not in said("git", "worktree", "list")

def complete():
    one, path = made("first")
    work(path)
    one.settle(path, "first")

status = child(complete)
assert status == 0, status
first = seen(path_of("first"))

def whole(id):
    return {name: (content.replace("/first", f"/{id}") if name == ".git" else content, mode) for name, (content, mode) in first.items()}

number = 0
while True:
    number += 1
    id = f"c{number}"
    status = child(lambda: cut_off(id, number))
    assert status in (0, -signal.SIGKILL), status
    if status:
        assert child(lambda: gone_on(id, whole)) == 0, number
    assert child(lambda: settled(id, whole)) == 0, number
    assert child(lambda: backend().remove(path_of(id), id)) == 0, number
    if not status:
        break
print(number)
"""

NOBODY = 65534


@pytest.fixture(params=["root", "user"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RepositoryProject]:
    """A repository of somebody who may mount by right, and of one who may in a user namespace."""
    if request.param == "root":
        if os.geteuid() != 0:
            pytest.skip("only root may")
        yield overlay(tmp_path)
        return
    if os.geteuid() != 0:
        yield overlay(tmp_path)
        return
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv")
    folder = Path(tempfile.mkdtemp(prefix="overlay-"))
    project = overlay(folder)
    project.as_user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")  # type: ignore[attr-defined]
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    try:
        yield project
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def overlay(root: Path) -> RepositoryProject:
    project = RepositoryProject(root)
    project.backend = "overlay"
    return project


def inside(project: RepositoryProject, text: str, mode: str = "", **env: str) -> str:
    """Run a script and return what it prints."""
    argv = [*getattr(project, "as_user", ()), sys.executable, "-c", PARTS + text, str(project.cwd), mode]
    done = subprocess.run(argv, env=project.env | env, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


# -- the end ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["exchange", "pair"])
def test_wherever_writing_out_is_cut_off_nothing_is_lost_and_it_is_gone_on_with(project: RepositoryProject, way: str) -> None:
    assert int(inside(project, CRASHES, way)) > 20  # moments at which it was killed
