"""What every workspace backend has to do: git, jj, a plain copy, and the fake that ships."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ropeway.errors import NotFound, Refused
from ropeway.workspaces.places import namespace_path
from support.workspaces import HOMES, Home, contents, tree, write

ALL = ("git", "plain", "fake", pytest.param("jj", marks=pytest.mark.needs("jj")))
WITH_COMMITS = ("git", "fake", pytest.param("jj", marks=pytest.mark.needs("jj")))

COMMITTED: dict[bytes, bytes | None] = {b"kept": b"kept\n", b"edited": b"old\n", b"gone": b"gone\n", b"folder/inner": b"inner\n"}
PERSON: dict[bytes, bytes | None] = {b"edited": b"new\n", b"gone": None, b"folder/untracked": b"mine\n", b"alone/in/here": b"deep\n"}
SEEN = {
    b"kept": b"kept\n",
    b"edited": b"new\n",
    b"folder/inner": b"inner\n",
    b"folder/untracked": b"mine\n",
    b"alone/in/here": b"deep\n",
}
AT_ONCE = """
import os, sys
from ropeway.workspaces.backend import choose
from ropeway.workspaces.places import workspace_path
from ropeway.testing.workspaces import FakeBackend
environ = dict(os.environ)
def work(id):
    backend = {source}
    backend.add(workspace_path(environ, backend.root, id), id, backend.base("@"))
def start(id):
    pid = os.fork()
    if pid:
        return pid
    try:
        sys.stdin.buffer.read()
        work(id)
        os._exit(0)
    finally:
        sys.excepthook(*sys.exc_info()) if sys.exc_info()[0] else None
        os._exit(1)
pids = [start(f"w{{number}}") for number in range({count})]
print("ready", flush=True)
sys.exit(sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids))
"""


@pytest.fixture
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    made = HOMES[request.param](tmp_path)
    made.commit(COMMITTED)
    return made


every = pytest.mark.parametrize("home", ALL, indirect=True)
every_with_commits = pytest.mark.parametrize("home", WITH_COMMITS, indirect=True)


def edit(home: Home) -> None:
    write(home.path, PERSON)


def listed(home: Home, commit: str) -> dict[bytes, str]:
    """Return the ids of the files that a commit has."""
    listing = ("git", f"--git-dir={home.backend.git_dir}", "ls-tree", "-r", "-z", commit)
    lines = subprocess.run(listing, capture_output=True, check=True).stdout.split(b"\0")[:-1]
    return {path: about.split()[2].decode() for about, _, path in (line.partition(b"\t") for line in lines)}


def blob(data: bytes) -> str:
    """Return the id that git gives to a file of this content."""
    return hashlib.sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()


@every
def test_a_clean_home_is_copied_whole(home):
    path, _, made = home.add()
    assert contents(path) == COMMITTED
    assert made.touched == ()


@every
def test_the_base_at_has_the_persons_files(home):
    edit(home)
    path, base, made = home.add()
    assert (base.label, base.person) == ("@", True)
    assert contents(path) == SEEN
    if made.tree is not None:
        saved = listed(home, made.tree)
        seen = {name: blob(data or b"") for name, data in contents(path).items()}
        assert {name for name in saved.keys() | seen.keys() if saved.get(name) != seen.get(name)} <= set(made.touched)


@every_with_commits
def test_another_base_has_what_was_committed_and_no_more(home):
    edit(home)
    wanted = "@-" if home.kind == "jj" else "HEAD"
    path, base, _ = home.add(base=wanted)
    assert (base.label, base.person) == (wanted, False)
    assert contents(path) == COMMITTED


@every_with_commits
def test_a_workspace_is_on_the_commit_that_its_base_says(home):
    path, base, _ = home.add()
    assert len(base.commit) == 40
    assert home.backend.head(path) == base.commit


@every
def test_an_unknown_base_is_refused_with_a_hint(home):
    with pytest.raises((NotFound, Refused)) as caught:
        home.backend.base("no-such-thing")
    assert "no-such-thing" in caught.value.message
    assert caught.value.hint
    assert home.left() == []


@every
def test_neither_side_sees_what_the_other_does(home):
    path, _, _ = home.add()
    Path(path, "kept").write_bytes(b"changed in the workspace\n")
    Path(path, "edited").unlink()
    Path(path, "more").write_bytes(b"more\n")
    assert contents(home.path) == COMMITTED
    (home.path / "kept").write_bytes(b"changed at home\n")
    assert Path(path, "kept").read_bytes() == b"changed in the workspace\n"


@every
def test_home_is_left_as_it_was(home):
    edit(home)

    def look() -> dict[bytes, tuple[object, ...]]:
        return {path: (*what, (home.path / os.fsdecode(path)).lstat().st_mtime_ns) for path, what in tree(home.path).items()}

    before = look()
    path, _, _ = home.add()
    home.backend.remove(path, "one")
    assert look() == before


@every
def test_a_second_workspace_of_the_same_id_is_refused_and_the_first_stays(home):
    path, base, _ = home.add()
    Path(path, "work").write_bytes(b"work\n")
    with pytest.raises(Refused, match="one"):
        home.backend.add(path, "one", base)
    assert Path(path, "work").read_bytes() == b"work\n"
    home.backend.remove(path, "one")
    home.add()
    assert contents(path) == COMMITTED


@every
def test_removing_takes_away_all_there_was(home):
    path, _, _ = home.add()
    assert home.backend.ids() == ["one"]
    Path(path, "folder", "more").mkdir()
    Path(path, "folder", "more", "work").write_bytes(b"work\n")
    home.backend.remove(path, "one")
    assert not os.path.lexists(path)
    assert home.backend.ids() == []
    assert home.left() == []


@every
def test_removing_twice_is_fine(home):
    path, _, _ = home.add()
    home.backend.remove(path, "one")
    home.backend.remove(path, "one")
    home.backend.remove(home.where("never-was"), "never-was")


@every
def test_removing_a_workspace_whose_folder_is_gone_forgets_it(home):
    path, _, _ = home.add()
    subprocess.run(["rm", "-r", path], check=True)
    home.backend.remove(path, "one")
    assert home.backend.ids() == []


@every
def test_an_id_can_be_used_again_when_its_folder_was_deleted_by_hand(home):
    path, _, _ = home.add()
    subprocess.run(["rm", "-r", path], check=True)
    home.add()
    assert contents(path) == COMMITTED
    assert home.backend.ids() == ["one"]


@every
def test_removing_follows_no_link_and_stops_at_no_read_only_folder(home, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"precious\n")
    path, _, _ = home.add()
    Path(path, "link").symlink_to(outside)
    Path(path, "file-link").symlink_to(outside / "precious")
    Path(path, "locked").mkdir()
    Path(path, "locked", "inner").write_bytes(b"inner\n")
    Path(path, "locked").chmod(0o500)
    home.backend.remove(path, "one")
    assert not os.path.lexists(path)
    assert (outside / "precious").read_bytes() == b"precious\n"


@every
def test_only_a_workspace_of_this_repository_is_ever_removed(home, tmp_path):
    home.add()
    precious = tmp_path / "precious"
    precious.mkdir()
    Path(namespace_path(home.environ, home.backend.root), "link").symlink_to(precious)
    elsewhere = str(Path(namespace_path(home.environ, home.backend.root)).parent / "other" / "one")
    for path in (str(precious), str(home.path), "/", elsewhere, home.where() + "/../../../precious", home.where() + "/link/precious"):
        with pytest.raises(Refused):
            home.backend.remove(path, "one")
    assert precious.is_dir()
    assert contents(home.where()) == COMMITTED


@every
def test_names_may_hold_anything(home):
    odd: dict[bytes, bytes | None] = {
        b"with space": b"1",
        b"with\nnew line": b"2",
        b'"quoted"\t\\': b"3",
        b"-dash": b"4",
        b":(glob)*": b"5",
        b"sub folder\n/ leading": b"6",
        "ünïcode".encode(): b"7",
    }
    if home.kind != "jj":
        odd[b"not utf-8 \xff\xfe"] = b"8"
    home.commit({b"with space": b"0", b"sub folder\n/ leading": b"0", "ünïcode".encode(): b"0"})
    write(home.path, odd)
    path, _, _ = home.add()
    assert contents(path) == COMMITTED | odd


@every
def test_a_try_that_was_killed_half_way_is_cleaned_up_by_the_next(home):
    path, base, _ = home.add()
    lock = Path(home.environ["AI_WORKSPACES_ROOT"], ".locks", Path(path).parent.name, "one.making")
    lock.write_text("process 1\n")  # as it is while a workspace is made
    Path(path, "kept").unlink()
    home.backend.add(path, "one", base)
    assert contents(path) == COMMITTED
    assert lock.read_text() == ""


def at_once(home: Home, count: int) -> None:
    script = AT_ONCE.format(source=home.source(), count=count)
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=home.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    _, complaints = process.communicate(timeout=300)
    assert (process.returncode, complaints.decode()) == (0, "")
    assert home.backend.ids() == sorted(f"w{number}" for number in range(count))
    for number in range(count):
        assert contents(home.where(f"w{number}")) == SEEN
    home.backend.remove(home.where("w0"), "w0")
    assert home.backend.ids() == sorted(f"w{number}" for number in range(1, count))


@every
def test_several_made_at_the_same_moment_all_come_about(home):
    edit(home)
    at_once(home, 8)


@pytest.mark.slow
@every
def test_fifty_made_at_the_same_moment_all_come_about(home):
    edit(home)
    at_once(home, 50)


@pytest.mark.parametrize("home", ["git", pytest.param("jj", marks=pytest.mark.needs("jj"))], indirect=True)
def test_no_hook_of_the_repository_runs(home, tmp_path):
    edit(home)
    git_dir = home.backend.git_dir
    assert git_dir is not None
    hooks = Path(git_dir, "hooks")
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "post-index-change", "post-commit", "pre-commit", "reference-transaction", "post-rewrite", "post-merge"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> '{tmp_path}/ran'\n")
        (hooks / name).chmod(0o755)
    path, _, _ = home.add()
    home.backend.head(path)
    home.backend.remove(path, "one")
    assert not (tmp_path / "ran").exists()
