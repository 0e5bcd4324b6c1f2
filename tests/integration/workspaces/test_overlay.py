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

counted = [None]
MATTER = ("open", "os.", "ctypes.dlsym", "shutil.")

def count(event, args):
    if counted[0] is not None and event.startswith(MATTER):
        counted[0] -= 1
        if counted[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)

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


class Project(RepositoryProject):
    """A project with copies made of layers. ``as_user`` are the words that start a program as somebody who is not root."""

    as_user: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        """Return the argv of a call."""
        return [*self.as_user, *super().command(*arguments)]

    def vcs(self, *argv: str, cwd: Path | None = None, check: bool = True) -> str:
        """Run git at home, as the person would, and return what it prints."""
        return super().vcs(*self.as_user, *argv, cwd=cwd, check=check)


@pytest.fixture(params=["root", "user"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
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
    project.as_user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    try:
        yield project
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def overlay(root: Path) -> Project:
    project = Project(root)
    project.backend = "overlay"
    return project


def inside(project: Project, text: str, mode: str = "", **env: str) -> str:
    """Run a script and return what it prints."""
    argv = [*project.as_user, sys.executable, "-c", PARTS + text, str(project.cwd), mode]
    done = subprocess.run(argv, env=project.env | env, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


# -- the end ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["exchange", "pair"])
def test_wherever_writing_out_is_cut_off_nothing_is_lost_and_it_is_gone_on_with(project: Project, way: str) -> None:
    assert int(inside(project, CRASHES, way)) > 20  # moments at which it was killed


ENDS = """
from ropeway.workspaces import places

def cut_off(id, number):
    one, path = made(id)
    counted[0] = number
    one.remove(path, id)

def there(id):
    one, path = backend(), path_of(id)
    one.attach(path, id)
    if os.path.lexists(path) and not places.unfinished(os.environ, one.root, id):
        assert sorted(os.listdir(path)) == [".agent-tools", ".git", ".gitignore", "a.txt", "bin"], os.listdir(path)
        one.remove(path, id)
    assert made(id)[0].head(path) == said("git", "rev-parse", "HEAD").strip()
    one.remove(path, id)
    assert one.ids() == []
    assert not os.path.lexists(path)
    assert not os.path.lexists(one._layers(id))

assert child(lambda: made("first")[0].remove(path_of("first"), "first")) == 0
number = 0
while True:
    number += 1
    status = child(lambda: cut_off("one", number))
    assert status in (0, -signal.SIGKILL), status
    assert child(lambda: there("one")) == 0, number
    said("git", "worktree", "prune")  # a half deleted registration stays for git to forget
    if not status:
        break
print(number)
"""


def test_wherever_removing_is_cut_off_the_copy_is_whole_or_can_be_made_anew(project: Project) -> None:
    assert int(inside(project, ENDS)) > 10


UNREAD = """
def work_and_settle():
    one, path = made("one")
    os.makedirs(f"{path}/closed/below")
    open(f"{path}/closed/below/x", "w").write("x")
    open(f"{path}/secret", "w").write("s")
    os.chmod(f"{path}/secret", 0)
    os.chmod(f"{path}/closed/below", 0)
    os.chmod(f"{path}/closed", 0)
    one.settle(path, "one")

assert child(work_and_settle) == 0
path = path_of("one")
assert os.stat(f"{path}/secret").st_mode & 0o777 == 0
os.chmod(f"{path}/secret", 0o600)
print(open(f"{path}/secret").read() + open(f"{path}/closed/below/x").read())
"""


def test_what_its_owner_may_not_read_is_written_out_too(project: Project) -> None:
    assert inside(project, UNREAD) == "sx"


FULL = """
def work():
    mounts.own_namespace()
    root = os.environ["AI_WORKSPACES_ROOT"]
    os.mkdir(root)
    mounts._mount(b"none", os.fsencode(root), b"tmpfs", 0, b"size=3m")
    one, path = made("one")
    open(f"{path}/large", "wb").write(b"x" * 2_000_000)
    try:
        one.settle(path, "one")
    except RopewayError as error:
        print(error.message)
        print(error.hint)
    assert os.path.ismount(path) and os.stat(f"{path}/large").st_size == 2_000_000
    assert sorted(os.listdir(one._layers("one"))) == ["tree", "upper", "work"]
    os.truncate(f"{path}/large", 10)
    one.settle(path, "one")
    assert not os.path.ismount(path) and os.stat(f"{path}/large").st_size == 10

assert child(work) == 0
"""


def test_a_full_disk_is_told_and_the_layers_are_kept(project: Project) -> None:
    said = inside(project, FULL, AI_WORKSPACES_ROOT=str(project.root / "small"))
    assert "No space left on device" in said
    assert "AI_WORKSPACES_ROOT can name a folder on another one; its layers are kept" in said


MANY = """
def work():
    for number in range(40):
        made(f"n{number}")
    backend().settle(path_of("n3"), "n3")

assert child(work) == 0
print(open(path_of("n3") + "/a.txt").read())
"""


def test_a_process_makes_as_many_as_it_likes(project: Project) -> None:
    assert inside(project, MANY) == "one"  # user namespaces can be in each other 32 times


# -- what is shared ---------------------------------------------------------------------------------------------------------------------

SHARED = """
def first():
    one, path = made("first")
    trees = os.path.join(one._above, "trees")
    below = [os.path.join(trees, name, "files") for name in os.listdir(trees) if name != ".lock"]
    assert len(below) == 1
    def second():
        open(f"{below[0]}/dist.log", "w").write("ignored, and not of the commit")
        os.utime(below[0], ns=(0, 0))
    assert child(second) == 0
    def third():
        two, other = made("second")
        print(sorted(os.listdir(other)), len(two.add and os.listdir(trees)))
    assert child(third) == 0
    print(open(f"{path}/a.txt").read())

assert child(first) == 0
"""


def test_a_shared_tree_that_somebody_changed_is_made_anew_and_the_copies_on_the_old_one_keep_it(project: Project) -> None:
    listed, content = inside(project, SHARED).splitlines()
    assert listed == "['.agent-tools', '.git', '.gitignore', 'a.txt', 'bin'] 3"  # the lock and two trees
    assert content == "one"


def test_a_setting_that_changes_the_bytes_makes_another_tree(project: Project) -> None:
    show = """
def show():
    one, path = made(mode)
    print(repr(open(f"{path}/a.txt", newline="").read()))
assert child(show) == 0
"""
    assert inside(project, show, "x1") == r"'one\n'"
    project.vcs("git", "config", "core.autocrlf", "true")
    assert inside(project, show, "x2") == r"'one\r\n'"
    project.vcs("git", "config", "core.autocrlf", "false")
    assert inside(project, show, "x3") == r"'one\n'"


def test_layers_that_are_gone_are_made_again(project: Project) -> None:
    said = inside(
        project,
        """
def first():
    work(made("one")[1])
    work(made("two")[1])
def again():
    one = backend()
    files.remove_tree(os.path.join(one._above, "trees"))
    one.attach(path_of("one"), "one")
    print(open(path_of("one") + "/a.txt").read().split(), os.path.exists(path_of("one") + "/.gitignore"))
def gone():
    one = backend()
    files.remove_tree(one._layers("two"))
    one.attach(path_of("two"), "two")
    print(os.path.lexists(path_of("two")), one.ids())
for call in (first, again, gone):
    assert child(call) == 0
""",
    )
    assert said.splitlines() == ["['one', 'two'] True", "False ['one']"]


def lfs(project: Project) -> None:
    (project.cwd / ".gitattributes").write_text("*.bin filter=lfs -text\n")
    (project.cwd / "x.bin").write_text("version https://git-lfs.github.com/spec/v1\n")
    project.vcs("git", "add", "--all")
    project.vcs("git", "commit", "--quiet", "--message=pointers")
    for name, value in (("smudge", "git-lfs smudge -- %f"), ("process", "git-lfs filter-process"), ("required", "true")):
        project.vcs("git", "config", f"filter.lfs.{name}", value)


@pytest.mark.skipif(shutil.which("git-lfs") is not None, reason="git-lfs is installed")
def test_without_git_lfs_its_files_are_pointers_and_a_note_says_so(tmp_path: Path) -> None:
    project = overlay(tmp_path)
    lfs(project)
    for _ in range(2):  # the second one finds the tree
        ran = project.run('[steps.a]\nrun = "cat x.bin"\n', "--base", "HEAD")
        assert ran.status == 0, ran.err
        assert ran.log("a") == b"version https://git-lfs.github.com/spec/v1\n"
        assert "git-lfs does not work here: its files are left as pointers" in ran.told("workspace.created")[0].data["notes"]


# -- while it works ---------------------------------------------------------------------------------------------------------------------

WAITS = '[steps.a]\nrun = "echo two >> a.txt; touch $SIGNALS/half; until test -e $SIGNALS/go; do sleep 0.02; done; git status --short"\n'


@pytest.fixture
def at_work(project: Project) -> Iterator[tuple[Project, subprocess.Popen[str]]]:
    """A project with a run whose step waits."""
    project.write(WAITS)
    run = project.start("run")
    until((project.signals / "half").exists)
    notes = project.newest().state().copy["notes"]
    if notes:
        pytest.skip(notes[0])
    yield project, run
    (project.signals / "go").touch()
    run.communicate(timeout=60)


def test_git_at_home_does_not_take_it_for_deleted(at_work: tuple[Project, subprocess.Popen[str]]) -> None:
    project, run = at_work
    project.vcs("git", "worktree", "prune", "--expire=now")
    assert f"{project.copy} " in project.vcs("git", "worktree", "list")
    assert "prunable" not in project.vcs("git", "worktree", "list")
    (project.signals / "go").touch()
    _, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert project.vcs("git", "status", "--short", cwd=project.copy) == " M a.txt\n?? workflow.toml\n"


def test_a_shell_in_a_run_that_is_at_work_sees_its_files(at_work: tuple[Project, subprocess.Popen[str]]) -> None:
    project, run = at_work
    seen = project.call("shell", ":a", "--", "sh", "-c", "cat a.txt; git status --short; echo by hand > hand.txt")
    if "can't" in seen.err:
        pytest.skip(seen.err)
    assert (seen.status, seen.out) == (0, "one\ntwo\n M a.txt\n?? workflow.toml\n"), seen.err
    (project.signals / "go").touch()
    run.communicate(timeout=60)
    assert run.returncode == 0
    assert (project.copy / "hand.txt").read_text() == "by hand\n"


def test_a_run_that_was_killed_is_resumed_on_its_layers(at_work: tuple[Project, subprocess.Popen[str]]) -> None:
    project, run = at_work
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate(timeout=60)
    until(lambda: project.newest().state().state == "interrupted")
    assert not (project.copy / "a.txt").exists()
    (project.signals / "go").touch()
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert (project.copy / "a.txt").read_text() == "one\ntwo\n"  # what the attempt that was cut off wrote is undone
    assert not ran.told("workspace.recreated")


# -- cleaning up ------------------------------------------------------------------------------------------------------------------------


def test_trees_go_when_no_copy_needs_them(project: Project) -> None:
    text = """
from ropeway.workspaces.layers import forget, layered
def first():
    made("one")
def look():
    for path, used, held in layered(os.environ):
        print(held or "free", forget(os.environ, path, used))
def drop():
    backend().remove(path_of("one"), "one")
for call in (first, look, drop, look, look):
    assert child(call) == 0
    sys.stdout.flush()
"""
    assert inside(project, text).splitlines() == ["a working copy is made of it False", "free True"]


def test_gc_removes_what_copies_share_and_leaves_what_they_need(tmp_path: Path) -> None:
    project = overlay(tmp_path)
    assert project.run('[steps.a]\nrun = "true"\n').status == 0
    trees = "cache/ai-workspaces/.layers/*/trees/*-*"
    assert len(list(tmp_path.glob(trees))) == 1
    done = project.call("gc", "caches", "--older-than", "0s")
    assert done.status == 0, done.err
    assert list(tmp_path.glob(trees)) == []


def test_a_tree_that_nobody_changed_serves_the_next_copy(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    project.backend = "overlay"
    project.write('[steps.a]\nrun = "true"\n')
    trees = Path(project.env["XDG_CACHE_HOME"]) / "ai-workspaces/.layers"
    seen = []
    for _ in range(2):
        ran = project.call("run", "--base", "HEAD")
        assert ran.status == 0, ran.err
        seen.append([path.name for path in trees.glob("*/trees/*") if path.is_dir()])
    assert len(seen[0]) == 1
    assert seen[0] == seen[1]
