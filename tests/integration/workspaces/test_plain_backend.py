"""Copies of folders, in a repository and in none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ropeway.errors import Refused
from ropeway.workspaces.backend import choose
from ropeway.workspaces.files import copy_folder, remove_tree
from ropeway.workspaces.places import workspace_path
from ropeway.workspaces.uncommitted import shown
from support.workspaces import GitHome, Home, contents, git, tree, write


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    write(made.path, {b"a": b"a\n", b"folder/b": b"b\n"})
    return made


def test_a_copy_has_all_that_can_be_copied_as_it_is(home):
    (home.path / "empty").mkdir()
    (home.path / "link").symlink_to("folder")
    (home.path / "away").symlink_to("/etc")
    (home.path / "program").write_bytes(b"#!/bin/sh\n")
    (home.path / "program").chmod(0o755)
    (home.path / "a").chmod(0o400)
    (home.path / "large").write_bytes(os.urandom(200_000))
    os.mkfifo(home.path / "pipe")
    os.utime(home.path / "a", ns=(1_000, 2_000))
    os.utime(home.path / "folder", ns=(1_000, 3_000))
    path, base, made = home.add()
    assert tree(path) == tree(home.path)
    assert (Path(path, "a").stat().st_mode & 0o777, Path(path, "a").stat().st_mtime_ns) == (0o400, 2_000)
    assert Path(path, "folder").stat().st_mtime_ns == 3_000
    assert list(Path(path, "empty").iterdir()) == []
    assert not os.path.lexists(Path(path, "pipe"))
    assert (base.commit, made.tree, home.backend.git_dir, home.backend.head(path)) == ("", None, None, None)


def test_in_a_repository_the_whole_working_copy_is_copied_without_its_history(tmp_path):
    home = GitHome(tmp_path)
    home.commit({b"a": b"a\n", b".gitignore": b"out\n"})
    write(home.path, {b"out": b"ignored\n", b"sub/new": b"new\n"})
    git(home.path, "init", "-q", "nested")
    backend = choose("plain", home.path / "sub", home.environ).backend
    assert backend is not None
    assert (backend.root, backend.git_dir) == (str(home.path), str(home.path / ".git"))
    base = backend.base("@")
    assert base.commit == home.git("rev-parse", "HEAD").decode().strip()
    path = workspace_path(home.environ, backend.root, "one")
    backend.add(path, "one", base)
    assert not Path(path, ".git").exists()
    assert contents(path) == contents(home.path)
    assert Path(path, "nested/.git/HEAD").exists()
    assert not (home.path / ".git/worktrees").exists()


def test_it_starts_from_what_is_there_and_nothing_else(home):
    with pytest.raises(Refused, match="a plain copy can't start from 'HEAD'") as caught:
        home.backend.base("HEAD")
    assert caught.value.hint == 'leave the base out, or take backend "git" or "jj"'


def test_the_workspaces_are_not_copied_into_themselves(home):
    home.environ["AI_WORKSPACES_ROOT"] = str(home.path / "folder/ws")
    home.add("first")
    path, _, _ = home.add("second")
    assert contents(path) == {b"a": b"a\n", b"folder/b": b"b\n"}


@pytest.mark.parametrize(("folder", "whose"), [(".", "the home folder"), ("..", "a folder above the home folder"), ("/", "a folder above")])
def test_nobodys_whole_home_is_copied(home, folder, whose):
    home.environ["HOME"] = str(home.path)
    backend = choose("plain", home.path / folder, home.environ).backend
    assert backend is not None
    with pytest.raises(Refused, match=whose) as caught:
        backend.add(workspace_path(home.environ, backend.root, "one"), "one", backend.base("@"))
    assert caught.value.hint == "go to the folder of a project, or run in place with --here"
    assert home.left() == []


def test_what_can_not_be_read_is_left_out_and_named(home):
    if os.getuid() == 0:
        reached = _as_nobody(home)
    else:
        (home.path / "a").chmod(0)
        (home.path / "folder").chmod(0)
        path, _, made = home.add()
        reached = contents(path), made.notes
        (home.path / "folder").chmod(0o700)
    assert reached == ({}, ("not copied, they can't be read: a, folder/",))


def _as_nobody(home: Home) -> tuple[object, object]:
    """Make the copy as somebody whom permissions stop."""
    (home.path / "a").chmod(0)
    (home.path / "folder").chmod(0)
    for path in (home.root, home.path):
        os.chown(path, 65534, 65534)
    home.root.chmod(0o755)
    reading, writing = os.pipe()
    descriptor = os.open(home.root, os.O_RDONLY)
    pid = os.fork()
    if pid == 0:
        try:
            os.fchdir(descriptor)
            os.setuid(65534)
            os.write(writing, shown(copy_folder(home.path.name, "copy")).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    said = os.read(reading, 1000).decode()
    os.close(reading)
    os.close(descriptor)
    return contents(home.root / "copy"), (f"not copied, they can't be read: {said}",)


def test_a_folder_of_any_depth_can_be_copied(home):
    deep = "/".join(["d"] * 1200)
    for depth in range(1, len(deep) + 1, 2):
        Path(home.path, deep[:depth]).mkdir()
    Path(home.path, deep, "file").write_bytes(b"deep\n")
    path, _, _ = home.add()
    remove_tree(str(home.path / "d"))  # what pytest clears up with can't go that deep
    assert Path(path, deep, "file").read_bytes() == b"deep\n"
    home.backend.remove(path, "one")
    assert home.left() == []
