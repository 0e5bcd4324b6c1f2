"""Which repository somebody stands in."""

from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.workspaces.discovery import Repository, bare, discover, git_view


def git_folder(path: Path, config: str = "") -> Path:
    """Make a folder look like a git directory."""
    for name in ("objects", "refs"):
        (path / name).mkdir(parents=True)
    (path / "HEAD").write_text("ref: refs/heads/main\n")
    (path / "config").write_text(config)
    return path


def jj_folder(path: Path, target: str) -> Path:
    """Make a folder look like a jj workspace."""
    store = path / ".jj/repo/store"
    store.mkdir(parents=True)
    (store / "git_target").write_text(target)
    return path


@pytest.fixture
def with_jj(tmp_path, monkeypatch):
    program = tmp_path / "bin/jj"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(program.parent))


@pytest.fixture
def without_jj(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def test_the_nearest_repository_above_is_found(tmp_path):
    git_folder(tmp_path / "outer/.git")
    git_folder(tmp_path / "outer/inner/.git")
    (tmp_path / "outer/inner/deep/er").mkdir(parents=True)
    assert discover(tmp_path / "outer/inner/deep/er") == Repository("git", f"{tmp_path}/outer/inner", f"{tmp_path}/outer/inner/.git")
    assert discover(tmp_path / "outer") == Repository("git", f"{tmp_path}/outer", f"{tmp_path}/outer/.git")
    assert discover(tmp_path) is None


def test_links_on_the_way_are_resolved(tmp_path):
    git_folder(tmp_path / "home/.git")
    (tmp_path / "home/sub").mkdir()
    (tmp_path / "link").symlink_to("home/sub")
    assert discover(tmp_path / "link") == discover(tmp_path / "home")


def test_a_linked_worktree_has_the_repository_of_the_main_one(tmp_path):
    own = git_folder(tmp_path / "main/.git") / "worktrees/side"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    (tmp_path / "side").mkdir()
    for named in (str(own), "../main/.git/worktrees/side"):
        (tmp_path / "side/.git").write_text(f"gitdir: {named}\n")
        assert discover(tmp_path / "side") == Repository("git", f"{tmp_path}/side", f"{tmp_path}/main/.git")


def test_a_submodule_is_a_repository_of_its_own(tmp_path):
    git_folder(git_folder(tmp_path / "main/.git") / "modules/lib")
    (tmp_path / "main/lib").mkdir()
    (tmp_path / "main/lib/.git").write_text("gitdir: ../.git/modules/lib\n")
    assert discover(tmp_path / "main/lib") == Repository("git", f"{tmp_path}/main/lib", f"{tmp_path}/main/.git/modules/lib")


def test_an_empty_git_folder_is_none(tmp_path):
    (tmp_path / ".git").mkdir()
    assert discover(tmp_path) is None


def test_in_a_bare_repository_nothing_is_checked_out(tmp_path):
    git_folder(tmp_path / ".git")
    store = git_folder(tmp_path / "store.git", "[core]\n\tbare = true\n")
    for folder in (store, store / "refs", tmp_path / ".git/objects"):
        assert discover(folder) is None
    assert bare(store / "refs") == str(store)
    assert bare(tmp_path) is None
    git_folder(tmp_path / "hub/.git", "[core]\n  bare=True\n")
    assert discover(tmp_path / "hub") is None
    assert bare(tmp_path / "hub") == f"{tmp_path}/hub/.git"


@pytest.mark.usefixtures("with_jj")
def test_jj_wins_where_both_are(tmp_path):
    git_folder(jj_folder(tmp_path / "both", "../../../.git") / ".git")
    found = discover(tmp_path / "both")
    assert found == Repository("jj", f"{tmp_path}/both", f"{tmp_path}/both/.git")
    assert git_view(found) == Repository("git", f"{tmp_path}/both", f"{tmp_path}/both/.git")


@pytest.mark.usefixtures("without_jj")
def test_git_wins_where_both_are_and_there_is_no_jj(tmp_path):
    git_folder(jj_folder(tmp_path / "both", "../../../.git") / ".git")
    assert discover(tmp_path / "both") == Repository("git", f"{tmp_path}/both", f"{tmp_path}/both/.git")


@pytest.mark.parametrize("programs", ["with_jj", "without_jj"])
def test_a_jj_repository_of_its_own_has_its_store_inside(tmp_path, programs, request):
    request.getfixturevalue(programs)
    git_folder(jj_folder(tmp_path / "only", "git") / ".jj/repo/store/git")
    found = discover(tmp_path / "only")
    assert found == Repository("jj", f"{tmp_path}/only", f"{tmp_path}/only/.jj/repo/store/git")
    assert git_view(found) is None


def test_a_second_jj_workspace_uses_the_store_of_the_first(tmp_path):
    git_folder(jj_folder(tmp_path / "first", "git") / ".jj/repo/store/git")
    (tmp_path / "second/.jj").mkdir(parents=True)
    (tmp_path / "second/.jj/repo").write_text("../../first/.jj/repo")
    assert discover(tmp_path / "second") == Repository("jj", f"{tmp_path}/second", f"{tmp_path}/first/.jj/repo/store/git")


@pytest.mark.usefixtures("with_jj")
def test_a_damaged_jj_folder_is_passed_by(tmp_path):
    git_folder(tmp_path / "home/.git")
    (tmp_path / "home/.jj/repo").mkdir(parents=True)
    found = discover(tmp_path / "home")
    assert found is not None
    assert found.kind == "git"
