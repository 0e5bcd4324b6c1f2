"""Many runs on one repository at the same moment get in nobody's way."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.repositories import RepositoryProject

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = 50

KINDS = [
    pytest.param("git", marks=pytest.mark.needs("git")),
    pytest.param("jj", marks=pytest.mark.needs("jj", "git")),
]

WORKFLOW = """
[steps.a]
run = "echo $ROPEWAY_RUN >> a.txt; echo $ROPEWAY_RUN > own; cat a.txt"
[steps.b]
needs = ["a"]
run = "cat own; rm bin/tool"
"""


def writable(top: Path) -> Iterator[tuple[int, int]]:
    """Yield device and inode of every file below a folder that somebody could write to."""
    for folder, _, names in os.walk(top):
        for name in names:
            found = Path(folder, name).lstat()
            if stat.S_ISREG(found.st_mode) and found.st_mode & 0o222:
                yield found.st_dev, found.st_ino


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_fifty_runs_that_start_together_all_get_a_workspace_and_share_no_file(tmp_path: Path, kind: str) -> None:
    project = RepositoryProject(tmp_path, kind)
    project.write(WORKFLOW)
    (project.cwd / "mine.txt").write_text("uncommitted\n")
    before = project.files()
    processes = [project.start("run") for _ in range(MANY)]
    ended = [(process.communicate(timeout=600), process.returncode) for process in processes]
    assert [err for (_, err), status in ended if status] == []

    copies = {}
    for folder in (project.store.find(name) for name in project.store.ids()):
        state = folder.state()
        assert state.state == "succeeded"
        assert state.copy is not None
        copies[folder.id] = Path(state.copy["path"])
        files = project.files(copies[folder.id])
        assert files["a.txt"] == ("file", f"one\n{folder.id}\n".encode())
        assert files["own"] == ("file", f"{folder.id}\n".encode())
        assert files["mine.txt"] == ("file", b"uncommitted\n")
        assert "bin/tool" not in files
    assert len(set(copies.values())) == MANY

    owners: dict[tuple[int, int], str] = dict.fromkeys(writable(project.cwd), "home")
    for run, copy in copies.items():
        for inode in set(writable(copy)):
            assert owners.setdefault(inode, run) == run

    assert project.files() == before
    if kind == "git":
        assert project.vcs("git", "worktree", "list").count("\n") == MANY + 1
        assert project.vcs("git", "fsck", "--strict") == ""
    else:
        listed = project.vcs("jj", "workspace", "list", "--template", 'name ++ "\\n"').splitlines()
        assert sorted(listed) == sorted(["default", *copies])
