"""That HEAD, read from the files that hold it, is what git says it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.workspaces.discovery import discover
from ropeway.workspaces.refs import head_of
from support.workspaces import GitHome, git, write

pytestmark = [pytest.mark.needs("git")]


@pytest.fixture
def home(tmp_path: Path) -> GitHome:
    made = GitHome(tmp_path)
    made.commit({b"a": b"one\n"})
    return made


def read(top: str | Path) -> str | None:
    repository = discover(top)
    assert repository is not None
    return head_of(str(top), repository.git_dir)


def said(top: str | Path) -> str:
    return git(top, "rev-parse", "HEAD").decode().strip()


def packed(home: GitHome) -> Path:
    home.git("pack-refs", "--all")
    return home.path


def packed_and_moved_on(home: GitHome) -> Path:
    home.git("pack-refs", "--all")
    write(home.path, {b"a": b"two\n"})
    home.git("commit", "-qam", "two")
    return home.path


def detached(home: GitHome) -> Path:
    home.git("checkout", "-q", "--detach")
    return home.path


def deep_name(home: GitHome) -> Path:
    home.git("branch", "topic/of/mine/too")
    home.git("commit", "-q", "--allow-empty", "-m", "two")
    home.git("checkout", "-q", "topic/of/mine/too")
    home.git("pack-refs", "--all")
    return home.path


def like_another(home: GitHome) -> Path:
    home.git("branch", "heads-main")
    home.git("commit", "-q", "--allow-empty", "-m", "two")
    home.git("update-ref", "refs/remotes/refs/heads/main", "HEAD~1")
    home.git("pack-refs", "--all")
    return home.path


def linked(home: GitHome) -> Path:
    other = home.path.parent / "linked"
    home.git("worktree", "add", "-q", "-b", "other", str(other))
    git(other, "commit", "-q", "--allow-empty", "-m", "three")
    return other


def alias(home: GitHome) -> Path:
    home.git("symbolic-ref", "refs/heads/alias", git(home.path, "symbolic-ref", "HEAD").decode().strip())
    home.git("symbolic-ref", "HEAD", "refs/heads/alias")
    return home.path


@pytest.mark.parametrize("state", [lambda home: home.path, packed, packed_and_moved_on, detached, deep_name, like_another, linked, alias])
def test_it_is_what_git_says(home, state):
    top = state(home)
    assert read(top) == said(top)


def test_before_the_first_commit_it_is_not_known(tmp_path):
    git(tmp_path, "init", "-q", "new")
    assert read(tmp_path / "new") is None


@pytest.mark.parametrize("text", ["ref: refs/heads/.invalid\n", "", "ref: ../../elsewhere\n", "nonsense\n"])
def test_what_is_no_commit_is_left_to_git(home, text):
    (home.path / ".git/HEAD").write_text(text)
    assert head_of(str(home.path), str(home.path / ".git")) is None
