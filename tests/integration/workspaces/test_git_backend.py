"""Worktrees of real git repositories in every state that a person can bring them into."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from ropeway.errors import NotFound, Refused, RopewayError, StoreError
from ropeway.workspaces.backend import Base, Made, choose
from ropeway.workspaces.places import unfinished, workspace_path
from ropeway.workspaces.snapshots import Snapshots
from support.workspaces import GitHome, contents, git, tree, write

STATUS = ("status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty")
START: dict[bytes, bytes | None] = {
    b"a": b"a\n",
    b"b": b"b\n",
    b"c": b"c\n",
    b"folder/one": b"one\n",
    b"folder/two": b"two\n",
    b"other/deep/file": b"file\n",
    b"two words": b"words\n",
}


@pytest.fixture
def home(tmp_path: Path) -> GitHome:
    made = GitHome(tmp_path)
    made.commit(START)
    return made


def same(home: GitHome, path: str) -> None:
    """Hold that git says of a workspace what it says of home, and that their files are the same."""
    assert git(path, *STATUS) == git(home.path, *STATUS)
    assert git(path, "ls-files", "-s", "-z") == git(home.path, "ls-files", "-s", "-z")
    ignored = {name.rstrip(b"/") for name in git(home.path, "ls-files", "-z", "-o", "-i", "--exclude-standard").split(b"\0")}
    assert tree(path) == {name: what for name, what in tree(home.path).items() if name not in ignored}


def checked(home: GitHome, base: str = "@") -> str:
    """Make a workspace, hold that it is as home is and that what it says of itself is true, and return its folder."""
    before = {
        name: what for name, what in tree(home.path / ".git", without=()).items() if not name.startswith((b"worktrees/", b"objects/"))
    }
    path, found, made = home.add(base=base)
    after = {name: what for name, what in tree(home.path / ".git", without=()).items() if not name.startswith((b"worktrees/", b"objects/"))}
    assert after == before, "the repository's index, refs, logs and settings are as they were"
    if base == "@":
        same(home, path)
    if made.tree is not None:
        listed = git(path, "ls-tree", "-r", "-z", made.tree).split(b"\0")
        stored = {line.partition(b"\t")[2]: line.split()[2].decode() for line in listed if line}
        here = {name: what for name, what in tree(path).items() if name not in made.touched}
        assert here.keys() == stored.keys() - set(made.touched)
        for name, (_, content) in here.items():
            assert git(path, "cat-file", "blob", stored[name]) == content
    assert git(path, "rev-parse", "HEAD").decode().strip() == found.commit == home.backend.head(path)
    if made.tree is not None:
        assert first_snapshot(home, path, made) == seen_by_git(path)
    return path


def first_snapshot(home: GitHome, path: str, made: Made) -> list[bytes]:
    """Return the files in the snapshot that a run begins with."""
    snapshots = Snapshots(path, home.backend.git_dir, run="first", state=f"{home.path}-state")
    known = snapshots.adopt(made.tree, made.touched, index=made.index)
    taken = snapshots.take("0", look=not known)
    git(home.path, "update-ref", "-d", "refs/ropeway/first/0")
    return files_of(path, taken.tree)


def seen_by_git(path: str) -> list[bytes]:
    """Return the files that git would commit of a working copy, if all of it were added."""
    index = git(path, "rev-parse", "--git-path", "index").decode().strip()
    other = {"GIT_INDEX_FILE": shutil.copyfile(index, f"{path}-index")}
    git(path, "add", "--all", env=other)
    written = git(path, "write-tree", env=other).decode().strip()
    Path(f"{path}-index").unlink()
    return files_of(path, written)


def files_of(path: str, name: str) -> list[bytes]:
    return [line for line in git(path, "ls-tree", "-r", "-z", name).split(b"\0") if b" commit " not in line]


# -- what a person has not committed ------------------------------------------------------------------------------------------------


def unstaged(home):
    write(home.path, {b"a": b"new\n", b"folder/one": None, b"new": b"new\n"})


def staged(home):
    write(home.path, {b"a": b"staged\n", b"new": b"new\n", b"sub/new": b"new\n"})
    home.git("rm", "-q", "b")
    home.git("add", "a", "new", "sub")
    write(home.path, {b"a": b"and edited again\n", b"sub/new": None})


def removed_from_the_index_only(home):
    home.git("rm", "-q", "--cached", "a", "folder/one")


def renamed(home):
    home.git("mv", "a", "z")
    (home.path / "b").rename(home.path / "y")


def announced(home):
    write(home.path, {b"announced": b"here\n", b"and this\n*": b"too\n"})
    home.git("add", "-N", "--", "announced", ":(literal)and this\n*")


def modes(home):
    (home.path / "a").chmod(0o755)
    (home.path / "b").chmod(0o755)
    home.git("add", "b")
    (home.path / "c").chmod(0o600)


def links(home):
    for name, target in (("link", "a"), ("dangling", "nowhere"), ("outside", "/etc"), ("folder link", "folder")):
        (home.path / name).symlink_to(target)
    home.git("add", "link")
    (home.path / "a").unlink()
    (home.path / "a").symlink_to("b")


def folder_where_a_file_was(home):
    write(home.path, {b"a": None})
    write(home.path, {b"a/inner/most": b"inner\n", b"a/more": b"more\n"})


def staged_folder_where_a_file_was(home):
    folder_where_a_file_was(home)
    home.git("add", "-A")


def file_where_a_folder_was(home):
    shutil.rmtree(home.path / "folder")
    write(home.path, {b"folder": b"file\n"})


def link_where_a_folder_was(home):
    shutil.rmtree(home.path / "other")
    (home.path / "other").symlink_to("folder")


def folder_gone(home):
    shutil.rmtree(home.path / "other")


def conflict(home):
    home.git("checkout", "-q", "-b", "theirs")
    home.commit({b"a": b"theirs\n", b"b": None})
    home.git("checkout", "-q", "main")
    home.commit({b"a": b"ours\n", b"b": b"ours\n"})
    subprocess.run(["git", "merge", "-q", "theirs"], cwd=home.path, check=False, capture_output=True)
    assert b"u UU" in home.git(*STATUS)


def odd_names(home):
    odd = {
        b" leading": b"1",
        b"new\nline": b"2",
        b"\xff\xfe": b"3",
        b'tab\tquote"': b"4",
        b"? ? x": b"5",
        b"sub \n/file": b"6",
        b"-f": b"7",
    }
    write(home.path, dict(odd))
    home.git("add", "--", "-f", "new\nline")


def ignored(home):
    write(home.path, {b".gitignore": b"*.log\ndist/\n", b"x.log": b"log\n", b"dist/out": b"out\n", b"kept.txt": b"kept\n"})
    write(home.path, {b"forced.log": b"forced\n"})
    home.git("add", "-f", "forced.log")


def large(home):
    with (home.path / "large").open("wb") as file:
        file.write(os.urandom(3_000_000))
        file.seek(8_000_000)
        file.write(b"end")


@pytest.mark.parametrize(
    "change",
    [
        unstaged,
        staged,
        removed_from_the_index_only,
        renamed,
        announced,
        modes,
        links,
        folder_where_a_file_was,
        staged_folder_where_a_file_was,
        file_where_a_folder_was,
        link_where_a_folder_was,
        folder_gone,
        conflict,
        odd_names,
        ignored,
        large,
    ],
)
def test_git_says_of_the_workspace_what_it_says_of_home(home, change):
    change(home)
    checked(home)


@pytest.mark.parametrize("seed", range(12))
def test_any_mix_of_edits_is_seen_as_at_home(home, seed):
    dice = random.Random(seed)
    names = ["a", "b", "c", "d", "folder/one", "folder/two", "folder/sub/x", "other/deep/file", "other", "e/f"]
    for _ in range(25):
        path = home.path / dice.choice(names)
        if dice.random() < 0.3:
            home.git(
                *dice.choice(
                    [("add", "-A"), ("reset", "-q"), ("add", "-u"), ("add", "-N", "."), ("commit", "-q", "--allow-empty", "-m", "x")]
                )
            )
        elif path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)
        elif not any(above.is_symlink() or above.is_file() for above in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            if dice.random() < 0.3:
                path.symlink_to(dice.choice(["a", "folder", "nowhere", "/etc/passwd"]))
            else:
                path.write_bytes(dice.randbytes(dice.choice([0, 3, 100])))
                path.chmod(dice.choice([0o644, 0o755]))
    checked(home)


def test_files_keep_their_permissions(home):
    write(home.path, {b"secret": b"secret\n", b"script": b"#!/bin/sh\n"})
    (home.path / "secret").chmod(0o600)
    (home.path / "script").chmod(0o755)
    path = checked(home)
    assert [Path(path, name).stat().st_mode & 0o777 for name in ("secret", "script")] == [0o600, 0o755]


def test_branch_index_stash_and_reflogs_stay_as_they_are(home):
    write(home.path, {b"a": b"stashed\n"})
    home.git("stash", "-q")
    home.git("checkout", "-q", "-b", "mine")
    staged(home)
    index = (home.path / ".git/index").stat()
    path = checked(home)
    assert (home.path / ".git/index").stat().st_mtime_ns == index.st_mtime_ns
    git(path, "commit", "-q", "-a", "-m", "in the workspace")
    assert home.git("symbolic-ref", "HEAD") == b"refs/heads/mine\n"
    assert home.git("log", "--format=%s") == b"files\n"
    assert home.git("stash", "list").count(b"\n") == 1


def test_what_was_committed_since_the_base_was_looked_up_is_there_too(home):
    base = home.backend.base("@")
    write(home.path, {b"a": b"committed since\n", b"b": None, b"fresh": b"fresh\n", b"c": b"staged\n"})
    home.git("add", "-A")
    home.git("commit", "-q", "-m", "since")
    write(home.path, {b"c": b"edited\n", b"fresh": None})
    path = home.where()
    made = home.backend.add(path, "one", base)
    assert tree(path) == tree(home.path)
    assert git(path, "rev-parse", "HEAD").decode().strip() == base.commit
    assert git(path, "write-tree") == home.git("rev-parse", "HEAD^{tree}")
    assert {b"a", b"b", b"c", b"fresh"} <= set(made.touched)


def test_files_that_go_while_they_are_copied_are_left_out(home):
    from ropeway.workspaces.uncommitted import parse_status, put_on_top

    write(home.path, {b"passing": b"x\n", b"folder/passing": b"x\n", b"a": b"new\n"})
    status = parse_status(home.git(*STATUS))
    copy = home.root / "copy"
    shutil.copytree(home.path, copy, ignore=shutil.ignore_patterns(".git", "passing"))
    write(home.path, {b"passing": None, b"folder/passing": None, b"a": None})
    touched, notes = put_on_top(str(home.path), str(copy), status)
    assert set(touched) == {b"passing", b"folder/passing", b"a"}
    assert notes == ()
    assert tree(copy) == tree(home.path)


def test_nothing_is_written_through_a_link_in_the_commit(home, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (home.path / "link").symlink_to(outside)
    home.commit({})
    (home.path / "link").unlink()
    write(home.path, {b"link/file": b"file\n"})
    path = checked(home)
    assert not list(outside.iterdir())
    assert Path(path, "link/file").read_bytes() == b"file\n"


def test_sockets_and_pipes_do_not_stop_anything(home):
    os.mkfifo(home.path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(home.path)
        try:
            listening.bind("socket")
        finally:
            os.chdir(here)
        path, _, _ = home.add()
    assert contents(path) == START


# -- what a workspace can start from ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["HEAD", "main", "v1", "main~1", "HEAD^", "short", "@~1", "side"])
def test_any_name_of_a_commit_is_a_base(home, wanted):
    home.git("branch", "side")
    home.git("tag", "-a", "-m", "one", "v1")
    home.commit({b"a": b"second\n"})
    write(home.path, {b"a": b"mine\n", b"new": b"mine\n"})
    commit = home.git("rev-parse", "main" if wanted in ("HEAD", "main", "short") else "main~1").decode().strip()
    wanted = commit[:9] if wanted == "short" else wanted
    path, base, made = home.add(base=wanted)
    assert base == Base(wanted, commit, person=False)
    assert made.touched == ()
    assert made.tree == commit
    assert git(path, *STATUS) == b""
    assert not Path(path, "new").exists()


def test_an_unknown_base_names_what_is_like_it(home):
    home.git("branch", "feature/login")
    with pytest.raises(NotFound, match="no commit 'feature/logn'") as caught:
        home.backend.base("feature/logn")
    assert caught.value.hint == "did you mean feature/login?"
    for wanted in ("--all", "-x", "", "HEAD^{tree}", "a..b", "\n"):
        with pytest.raises(NotFound):
            home.backend.base(wanted)


def test_a_detached_head_is_a_base(home):
    home.git("checkout", "-q", "--detach")
    home.commit({b"a": b"detached\n"})
    write(home.path, {b"b": b"edited\n"})
    checked(home)


def test_a_repository_without_a_commit_starts_from_nothing(tmp_path):
    home = GitHome(tmp_path)
    write(home.path, {b"a": b"a\n", b"b": b"b\n", b"sub/c": b"c\n"})
    home.git("add", "a")
    path = checked(home)
    assert contents(path) == {b"a": b"a\n", b"b": b"b\n", b"sub/c": b"c\n"}
    assert git(path, "ls-tree", "HEAD") == b""
    with pytest.raises(NotFound) as caught:
        home.backend.base("HEAD")
    assert caught.value.hint == "nothing is committed yet; take the base @"


def test_somebody_in_a_linked_worktree_or_below_gets_theirs(home, tmp_path):
    home.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side tree"))
    (tmp_path / "side tree/folder/one").write_bytes(b"edited there\n")
    backend = choose("auto", tmp_path / "side tree/folder", home.environ).backend
    assert backend is not None
    assert (backend.name, backend.root, backend.git_dir) == ("git", str(tmp_path / "side tree"), str(home.path / ".git"))
    path = workspace_path(home.environ, backend.root, "one")
    backend.add(path, "one", backend.base("@"))
    assert Path(path, "folder/one").read_bytes() == b"edited there\n"
    assert (backend.ids(), home.backend.ids()) == (["one"], [])


def test_a_workspace_can_have_workspaces(home):
    path, _, _ = home.add()
    Path(path, "a").write_bytes(b"edited in the workspace\n")
    backend = choose("auto", path, home.environ).backend
    assert backend is not None
    inner = workspace_path(home.environ, backend.root, "inner")
    backend.add(inner, "inner", backend.base("@"))
    assert Path(inner, "a").read_bytes() == b"edited in the workspace\n"


def test_the_workspaces_root_may_be_in_the_repository(home):
    home.environ["AI_WORKSPACES_ROOT"] = str(home.path / "folder/.workspaces")
    first, _, _ = home.add("first")
    (home.path / "new").write_bytes(b"new\n")
    path, _, made = home.add("second")
    assert (contents(first), contents(path)) == (START, START | {b"new": b"new\n"})
    assert made.notes == ()


# -- what is left out is said -------------------------------------------------------------------------------------------------------


def test_submodules_are_left_empty_and_named(home, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q")
    write(library, {b"lib": b"lib\n"})
    git(library, "add", "-A")
    git(library, "commit", "-q", "-m", "lib")
    add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library))
    home.git(*add, "vendor/lib")
    home.commit({})
    home.git(*add, "staged lib")
    write(home.path, {b"vendor/lib/lib": b"dirty\n"})
    path, _, made = home.add()
    assert made.notes == ("submodules are left empty: staged lib, vendor/lib",)
    assert [*Path(path, "vendor/lib").iterdir(), *Path(path, "staged lib").iterdir()] == []
    assert git(path, *STATUS) == home.git(*STATUS)
    assert (home.path / "vendor/lib/lib").read_bytes() == b"dirty\n"


def test_a_submodule_has_workspaces_of_its_own(home, tmp_path):
    home.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(home.path), "inner")
    (home.path / "inner/a").write_bytes(b"edited\n")
    backend = choose("auto", home.path / "inner", home.environ).backend
    assert backend is not None
    assert backend.git_dir == str(home.path / ".git/modules/inner")
    path = workspace_path(home.environ, backend.root, "one")
    backend.add(path, "one", backend.base("@"))
    assert Path(path, "a").read_bytes() == b"edited\n"


def test_untracked_repositories_are_named_and_not_copied(home):
    git(home.path, "init", "-q", "nested")
    write(home.path, {b"nested/file": b"file\n", b"beside": b"beside\n"})
    path, _, made = home.add()
    assert made.notes == ("not copied, they are repositories of their own: nested/",)
    assert contents(path) == START | {b"beside": b"beside\n"}


@pytest.mark.parametrize("version", ["2", "3", "4", "split"])
@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_files_that_git_is_told_not_to_look_at_come_along(home, flag, version):
    home.commit({b"q" * 250 + b"/" + b"long" * 60: b"q\n"})
    home.git("update-index", *(["--split-index"] if version == "split" else ["--index-version", version]))
    home.git("update-index", flag, "a", "b", "folder/two", "two words")
    write(home.path, {b"a": b"mine\n", b"two words": None, b"c": b"seen\n"})
    (home.path / "folder/two").chmod(0o755)
    path, _, made = home.add()
    assert git(path, *STATUS) == home.git(*STATUS)
    assert tree(path) == tree(home.path) | {b"two words": ("file", b"words\n")}
    assert made.notes == ("your edits of files that git is told not to look at are here too: a, folder/two",)
    assert set(made.touched) == {b"a", b"c", b"folder/two"}


@pytest.mark.parametrize("style", ["cone", "patterns", "disabled again"])
def test_a_sparse_checkout_gives_every_file_and_says_so(home, style):
    home.git("sparse-checkout", "set", *(["--no-cone", "/a", "folder/*"] if style == "patterns" else ["folder"]))
    if style == "disabled again":
        home.git("sparse-checkout", "disable")
    write(home.path, {b"folder/one": b"edited\n", b"folder/new": b"new\n"})
    before = home.git("config", "--list")
    path, base, made = home.add()
    assert contents(path) == START | {b"folder/one": b"edited\n", b"folder/new": b"new\n"}
    assert git(path, *STATUS) == home.git(*STATUS)
    said = ("the repository's sparse checkout does not hold here: every file is there",)
    assert made.notes == (() if style == "disabled again" else said)
    assert made.tree == base.commit
    git(path, "checkout", "-q", "HEAD", "--", ".")
    git(path, "reset", "-q", "--hard")
    assert contents(path) == START | {b"folder/new": b"new\n"}
    assert home.git("config", "--list") == before


def test_pointers_stay_pointers_without_git_lfs(home):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:%b\nsize 12345\n" % (b"0" * 64)
    home.commit({b".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n", b"large.bin": pointer})
    for name, value in (("smudge", "no-such-lfs smudge -- %f"), ("clean", "no-such-lfs clean -- %f"), ("process", "no-such-lfs process")):
        home.git("config", f"filter.lfs.{name}", value.replace("no-such-lfs", "git-lfs-that-is-not-there"))
    home.git("config", "filter.lfs.required", "true")
    write(home.path, {b"a": b"edited\n"})
    path, _, made = home.add()
    assert contents(path)[b"large.bin"] == pointer
    assert Path(path, "a").read_bytes() == b"edited\n"
    assert made.tree is None
    assert made.notes == ("git-lfs does not work here: its files are left as pointers",)


def test_pointers_need_no_filter(home):
    home.commit({b".gitattributes": b"*.bin filter=lfs\n", b"large.bin": b"version https://git-lfs.github.com/spec/v1\n"})
    path, _, made = home.add()
    assert (contents(path)[b"large.bin"], made.tree, made.notes) == (b"version https://git-lfs.github.com/spec/v1\n", None, ())


def test_another_filter_that_fails_is_an_error(home):
    home.commit({b".gitattributes": b"*.key filter=crypt\n", b"x.key": b"x\n"})
    home.git("config", "filter.crypt.smudge", "false")
    home.git("config", "filter.crypt.required", "true")
    with pytest.raises(StoreError, match="external filter 'false' failed"):
        home.add()
    assert home.left() == []
    assert home.backend.ids() == []


@pytest.mark.parametrize(
    "variables",
    [
        {"GIT_LITERAL_PATHSPECS": "1"},
        {"GIT_NOGLOB_PATHSPECS": "1"},
        {"GIT_GLOB_PATHSPECS": "1"},
        {"GIT_ICASE_PATHSPECS": "1"},
        {"GIT_NAMESPACE": "other"},
        {"GIT_EXTERNAL_DIFF": "/bin/false", "GIT_DIFF_OPTS": "--unified=0"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.worktree", "GIT_CONFIG_VALUE_0": "/nowhere"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_variables_for_other_calls_of_git_change_nothing(home, monkeypatch, variables):
    home.commit({b"deep/.gitattributes": b"*.txt eol=crlf\n", b"deep/x.txt": b"x\r\n"})
    unstaged(home)
    with monkeypatch.context() as outer:
        for name, value in variables.items():
            outer.setenv(name, value)
        path, _, made = home.add()
    assert made.tree is None, "files are converted"
    same(home, path)


@pytest.mark.parametrize(
    ("setting", "attributes", "known"),
    [
        (None, None, True),
        (None, b"* text=auto\n*.png binary\n*.c diff=cpp\n*.identity x\n", True),
        (None, b"*.sh text eol=lf\n", True),
        (None, b"*.bat text eol=crlf\n", False),
        (None, b"*.c ident\n", False),
        (None, b"*.psd filter=lfs\n", False),
        (None, b"*.txt working-tree-encoding=UTF-16\n", False),
        (("core.autocrlf", "true"), None, False),
        (("core.autocrlf", "input"), None, True),
        (("core.autocrlf", "false"), None, True),
        (("core.eol", "crlf"), b"* text=auto\n", False),
        (("core.attributesFile", "extra"), None, False),
        (("core.symlinks", "false"), None, False),
    ],
)
@pytest.mark.parametrize("place", ["tree", "deep", "info", "user"])
def test_the_tree_is_known_only_where_git_converts_nothing(home, setting, attributes, known, place, monkeypatch):
    if attributes is None and place != "tree":
        place = "tree"
    if setting is not None:
        value = setting[1]
        if value == "extra":
            (home.root / "extra").write_bytes(b"* eol=crlf\n")
            value = str(home.root / "extra")
        home.git("config", setting[0], value)
    if place == "user":
        (home.root / "config/git").mkdir(parents=True)
        (home.root / "config/git/attributes").write_bytes(attributes)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(home.root / "config"))
        home.environ["XDG_CONFIG_HOME"] = str(home.root / "config")
    elif place == "info":
        (home.path / ".git/info/attributes").write_bytes(attributes)
    elif attributes is not None:
        home.commit({b".gitattributes" if place == "tree" else b"folder/.gitattributes": attributes})
    _, base, made = home.add(base="HEAD")
    assert made.tree == (base.commit if known else None)


# -- what can't be, and what went wrong ---------------------------------------------------------------------------------------------


def test_outside_of_a_repository_it_is_in_place_or_refused(tmp_path):
    environ = {**os.environ, "AI_WORKSPACES_ROOT": str(tmp_path / "ws")}
    found = choose("auto", tmp_path, environ)
    assert (found.backend, found.note) == (None, "not in a repository")
    with pytest.raises(Refused, match="in no git repository") as caught:
        choose("git", tmp_path, environ)
    assert caught.value.hint


@pytest.mark.parametrize("below", [".", "objects", "refs/heads"])
def test_in_a_bare_repository_it_is_in_place_or_refused(home, tmp_path, below):
    git(tmp_path, "clone", "-q", "--bare", str(home.path), "bare.git")
    found = choose("auto", tmp_path / "bare.git" / below, home.environ)
    assert found.backend is None
    assert found.note == f"{tmp_path}/bare.git is a bare repository: nothing is checked out in it"
    with pytest.raises(Refused, match="is a bare repository") as caught:
        choose("git", tmp_path / "bare.git" / below, home.environ)
    assert caught.value.hint == "go to a working copy of it, or make one with `git worktree add`"


def test_a_worktree_of_a_bare_repository_has_workspaces(home, tmp_path):
    (tmp_path / "project").mkdir()
    git(tmp_path / "project", "clone", "-q", "--bare", str(home.path), ".git")
    git(tmp_path / "project", "worktree", "add", "-q", "tree", "main")
    assert choose("auto", tmp_path / "project", home.environ).backend is None
    backend = choose("auto", tmp_path / "project/tree", home.environ).backend
    assert backend is not None
    path = workspace_path(home.environ, backend.root, "one")
    backend.add(path, "one", backend.base("@"))
    assert contents(path) == START


def test_a_missing_program_is_named(home, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert choose("auto", home.path, home.environ).note == f"{home.path} is a git repository and there is no program git on the PATH"
    with pytest.raises(NotFound, match="no program git on the PATH"):
        choose("git", home.path, home.environ)


def test_an_unknown_backend_is_named_with_what_there_is(home):
    with pytest.raises(NotFound) as caught:
        choose("gti", home.path, home.environ)
    assert caught.value.hint == "did you mean git?"


@pytest.mark.parametrize("damage", ["HEAD", "objects", "config"])
def test_a_damaged_repository_is_told_in_gits_own_words(home, damage):
    broken = home.path / ".git" / damage
    if broken.is_dir():
        shutil.rmtree(broken)
    else:
        broken.write_bytes(b"[core\n" if damage == "config" else b"rubbish\n")
    with pytest.raises(RopewayError, match=r"git \S+ failed: ") as caught:
        home.add()
    assert "Traceback" not in caught.value.message
    assert home.left() == []


def test_a_missing_object_leaves_nothing_half_made(home):
    blob = home.git("rev-parse", "HEAD:a").decode().strip()
    (home.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(StoreError, match="git reset failed: "):
        home.add()
    assert home.left() == []
    assert home.backend.ids() == []


def test_somebody_elses_repository_is_told_with_the_way_out(home):
    if os.getuid():
        pytest.skip("expected: only root can give a repository to somebody else")
    for path in (home.path, home.path / ".git"):
        os.chown(path, 65534, 65534)
    with pytest.raises(StoreError, match="dubious ownership") as caught:
        home.add()
    assert caught.value.hint is not None
    assert "safe.directory" in caught.value.hint


@pytest.mark.parametrize("moment", [0.0, 0.002, 0.005, 0.01, 0.02, 0.04])
def test_a_killed_try_stands_in_nobodys_way(home, moment):
    home.commit({b"many/%d" % number: b"x\n" * number for number in range(300)})
    base = home.backend.base("@")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            os.close(writing)
            os.read(reading, 1)
            home.backend.add(home.where(), "one", base)
        finally:
            os._exit(0)
    os.close(reading)
    os.close(writing)
    until = time.monotonic() + moment
    while time.monotonic() < until:  # a moment is what is tried here, not something to wait for
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    if os.path.lexists(home.where()) and not unfinished(home.environ, home.backend.root, "one"):
        home.backend.remove(home.where(), "one")
    path = checked(home)
    assert len(contents(path)) == len(START) + 300
    assert home.backend.ids() == ["one"]


def test_a_stale_registration_does_not_take_the_name(home, tmp_path):
    home.git("worktree", "add", "-q", "--detach", str(tmp_path / "one"))
    shutil.rmtree(tmp_path / "one")
    home.git("worktree", "add", "-q", "--detach", str(tmp_path / "stale"))
    shutil.rmtree(tmp_path / "stale")
    home.add()
    assert sorted(path.name for path in (home.path / ".git/worktrees").iterdir()) == ["one", "stale"]
    assert (home.path / ".git/worktrees/one/gitdir").read_text() == f"{home.where()}/.git\n"


def test_a_living_worktree_of_the_same_name_stays(home, tmp_path):
    home.git("worktree", "add", "-q", "--detach", str(tmp_path / "one"))
    path, _, _ = home.add()
    home.backend.remove(path, "one")
    assert git(tmp_path / "one", *STATUS) == b""


def test_a_deleted_worktree_is_pruned_or_removed(home):
    path, _, _ = home.add()
    shutil.rmtree(path)
    home.git("worktree", "prune", "--expire=now")
    home.backend.remove(path, "one")
    home.add()
    home.git("worktree", "remove", "--force", path)
    home.backend.remove(path, "one")
    assert home.backend.ids() == []
    assert home.backend.head(path) is None


def test_a_locked_workspace_is_not_removed(home):
    path, _, _ = home.add()
    home.git("worktree", "lock", path)
    with pytest.raises(Refused, match="locked") as caught:
        home.backend.remove(path, "one")
    assert caught.value.hint == f"unlock it with: git worktree unlock {path}"
    assert contents(path) == START


def test_a_workspace_that_moved_on_says_where_its_head_is(home):
    path, _, _ = home.add()
    git(path, "checkout", "-q", "-b", "topic")
    git(path, "commit", "-q", "--allow-empty", "-m", "more")
    assert home.backend.head(path) == git(path, "rev-parse", "HEAD").decode().strip()
    assert home.backend.ids() == ["one"]


def test_a_repository_that_moved_finds_its_workspaces_gone(home):
    home.add()
    home.path.rename(home.root / "moved")
    home.path = home.root / "moved"
    assert home.backend.ids() == []
    home.add()
    assert home.backend.ids() == ["one"]


@pytest.mark.parametrize("place", ["read-only", "below a file"])
def test_a_folder_that_can_not_be_written_is_told_with_the_way_out(home, tmp_path, place):
    folder = tmp_path / "cache"
    if place == "below a file":
        folder.write_bytes(b"")
    elif os.getuid():
        folder.mkdir(mode=0o500)
    else:
        _mount(folder, "ro")
    try:
        home.environ["AI_WORKSPACES_ROOT"] = str(folder / "ws")
        with pytest.raises(StoreError) as caught:
            home.add()
        assert str(folder) in caught.value.message
        assert caught.value.hint == "set AI_WORKSPACES_ROOT to a folder that you can write to"
        assert home.backend.ids() == []
    finally:
        _unmount(folder)


@pytest.mark.parametrize("when", ["checkout", "files", "locks"])
def test_a_full_disk_leaves_nothing_half_made(home, tmp_path, when):
    if os.getuid():
        pytest.skip("expected: only root can mount a small file system")
    where = home.path / "heavy"
    where.write_bytes(os.urandom(3_000_000))
    if when == "checkout":
        home.commit({})
    folder = tmp_path / "small"
    _mount(folder, "size=1M,nr_inodes=3" if when == "locks" else "size=1M")
    try:
        home.environ["AI_WORKSPACES_ROOT"] = str(folder)
        with pytest.raises(StoreError) as caught:
            home.add()
        assert "AI_WORKSPACES_ROOT" in (caught.value.hint or ""), (caught.value.message, caught.value.hint)
        assert home.left() == []
        assert home.backend.ids() == []
        where.write_bytes(b"light\n")
        if when == "files":
            home.add()
    finally:
        _unmount(folder)


def _mount(folder: Path, options: str) -> None:
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("expected: this place lets nobody mount a file system")


def _unmount(folder: Path) -> None:
    if folder.is_mount():
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_registration_whose_removal_was_cut_off_does_not_keep_its_name(home: GitHome) -> None:
    half = Path(home.path) / ".git/worktrees/one"
    half.mkdir(parents=True)
    (half / "HEAD").write_text("0" * 40 + "\n")
    home.add("one")
    assert (half / "gitdir").exists()
    assert not half.with_name("one1").exists()
