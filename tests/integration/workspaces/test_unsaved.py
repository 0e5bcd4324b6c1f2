"""What a working copy holds that is saved nowhere else is found, and nothing in the copy is carried out to find it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ropeway.errors import Refused
from ropeway.workspaces.manager import Manager
from ropeway.workspaces.programs import jj
from ropeway.workspaces.unsaved import unsaved
from support.workspaces import HOMES, GitHome, Home, JjHome, git, write

JJ = pytest.mark.needs("jj", "git")
GIT = pytest.mark.needs("git")
LINKED = [pytest.param("git", marks=GIT), pytest.param("jj", marks=JJ)]


def made(home: Home, base: str = "@") -> tuple[Manager, Path]:
    home.environ["XDG_CACHE_HOME"] = str(home.root / "cache")
    manager = Manager(home.backend, home.environ)
    return manager, Path(manager.ensure_workspace("one", base).path)


def lost(home: Home, manager: Manager, path: Path) -> list[str]:
    return unsaved(str(path), str(home.path), home.backend.git_dir, manager.read("one"))


@pytest.fixture(params=LINKED)
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("JJ_CONFIG", os.devnull)
    home = HOMES[request.param](tmp_path)
    home.commit({b".gitignore": b"dist/\n", b"a": b"1\n"})
    return home


@pytest.mark.parametrize("name", [b"two\nlines", b"\xff not UTF-8", b" blanks ", b":(top)", b'quo"ted'])
def test_a_file_of_any_name_is_seen(home: Home, name: bytes) -> None:
    manager, path = made(home)
    write(path, {name: b"work\n"})
    assert lost(home, manager, path) == [name.decode("utf-8", "backslashreplace")]


def test_a_large_file_is_seen(home: Home) -> None:
    """jj itself leaves alone what is larger than 1 MiB."""
    manager, path = made(home)
    (path / "large").write_bytes(b"x" * (2 << 20))
    with pytest.raises(Refused, match=r"nowhere else: large$"):
        manager.cleanup("one")


def test_what_is_at_home_or_ignored_is_saved(home: Home) -> None:
    write(home.path, {b"a": b"2\n", b"mine": b"x\n", b"sub/deep": b"x\n"})
    manager, path = made(home)
    write(path, {b"dist/out": b"x\n"})
    assert lost(home, manager, path) == []
    write(path, {b"mine": b"y\n", b"sub/deep": None})
    assert lost(home, manager, path) == ["mine"]  # nobody has committed sub/deep, and it is at home still


def test_what_the_copy_has_committed_is_saved(home: Home) -> None:
    manager, path = made(home)
    (path / "new").write_text("x\n")
    if isinstance(home, JjHome):
        jj("commit", "-m", "work", cwd=path)
    else:
        git(path, "checkout", "-q", "-b", "work")
        git(path, "add", "new")
        git(path, "commit", "-q", "-m", "work")
    assert lost(home, manager, path) == []
    (path / "new").write_text("y\n")
    assert lost(home, manager, path) == ["new"]


@JJ
def test_looking_writes_no_operation_of_jj(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JJ_CONFIG", os.devnull)
    home = JjHome(tmp_path)
    home.commit({b"a": b"1\n"})
    manager, path = made(home)
    (path / "a").write_text("2\n")
    heads = sorted((home.path / ".jj/repo/op_heads/heads").iterdir())
    with pytest.raises(Refused):
        manager.cleanup("one")
    assert sorted((home.path / ".jj/repo/op_heads/heads").iterdir()) == heads


@GIT
@pytest.mark.parametrize("way", ["file", "folder"])
def test_nothing_that_a_step_planted_is_carried_out(tmp_path: Path, way: str) -> None:
    home = GitHome(tmp_path)
    home.commit({b"a": b"1\n"})
    manager, path = made(home)
    mark, evil = tmp_path / "carried out", tmp_path / "evil"
    (path / ".gitattributes").write_text("* filter=p\n")
    git(tmp_path, "init", "-q", str(evil))
    shutil.copy(path / "a", evil / "a")
    git(evil, "add", "a")
    for key in ("filter.p.clean", "filter.p.smudge", "core.fsmonitor"):
        git(evil, "config", key, f"touch '{mark}'")
    (path / ".git").unlink()
    if way == "folder":
        (evil / ".git").rename(path / ".git")
    else:
        (path / ".git").write_text(f"gitdir: {evil}/.git\n")
    os.utime(path / "a", (1, 1))
    with pytest.raises(Refused, match=r"nowhere else: .*\.gitattributes"):
        manager.cleanup("one")
    assert not mark.exists()


@GIT
def test_nothing_is_written_where_a_link_in_the_place_of_the_copy_leads(tmp_path: Path) -> None:
    home = GitHome(tmp_path)
    home.commit({b"a": b"1\n"})
    manager, path = made(home)
    (tmp_path / "outside").mkdir()
    shutil.rmtree(path)
    path.symlink_to(tmp_path / "outside")
    for act in (lambda: manager.update_status("one", "done"), lambda: manager.sync_tools("one", force=True)):
        with pytest.raises(Refused, match="is a link to"):
            act()
    assert list((tmp_path / "outside").iterdir()) == []


@GIT
@pytest.mark.parametrize("change", ["nothing", "file", "commit"])
def test_work_in_a_submodule_is_seen(tmp_path: Path, change: str) -> None:
    other = GitHome(tmp_path / "other")
    other.commit({b"inner": b"1\n"})
    home = GitHome(tmp_path / "mine")
    home.commit({b"a": b"1\n"})
    allow = ("-c", "protocol.file.allow=always")
    home.git(*allow, "submodule", "--quiet", "add", str(other.path), "sub")
    home.git("commit", "-q", "-m", "sub")
    home.git("submodule", "--quiet", "deinit", "--force", "sub")
    manager, path = made(home)
    assert lost(home, manager, path) == []
    git(path, *allow, "submodule", "--quiet", "update", "--init")
    if change != "nothing":
        (path / "sub/inner").write_text("2\n")
    if change == "commit":
        git(path / "sub", "commit", "-q", "-a", "-m", "work")
    assert lost(home, manager, path) == ([] if change == "nothing" else ["sub"])


@GIT
def test_files_that_git_converts_are_no_work(tmp_path: Path) -> None:
    home = GitHome(tmp_path)
    home.commit({b".gitattributes": b"*.txt text eol=crlf\n", b"a.txt": b"1\n"})
    manager, path = made(home, "HEAD")
    assert (path / "a.txt").read_bytes() == b"1\r\n"
    (home.path / "a.txt").write_bytes(b"other\n")
    assert lost(home, manager, path) == []
    (path / "a.txt").write_bytes(b"2\r\n")
    assert lost(home, manager, path) == ["a.txt"]
