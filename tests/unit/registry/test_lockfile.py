"""``workflow.lock``: the same entries have the same bytes, and whatever is wrong in one is said with its line."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ropeway.errors import Refused, StoreError, UsageError
from ropeway.records import replace
from ropeway.registry.lockfile import Lock, Locked, parse, update

TREE = "sha256:" + "1" * 64
ONE = Locked(
    "build@acme#^1",
    "oci://ghcr.io/acme/workflows/build",
    "build",
    "sha256:" + "a" * 64,
    TREE,
    "workflow.toml",
    "acme",
    "1.4.0",
    ("k2", "k1"),
)
TWO = Locked("x@o/r", "git+https://github.com/o/r", "x", "git:" + "c" * 40, TREE, "deep/x.yaml", None, "main")

TEXT = f"""\
# Written by `workflow lock` and `workflow upgrade`; keep it with the project's other files, and do not edit it.
version = 1

[[reference]]
reference = "build@acme#^1"
source = "oci://ghcr.io/acme/workflows/build"
registry = "acme"
name = "build"
version = "1.4.0"
digest = "sha256:{"a" * 64}"
tree = "{TREE}"
file = "workflow.toml"
signers = ["k1", "k2"]
kind = "workflow"

[[reference]]
reference = "x@o/r"
source = "git+https://github.com/o/r"
name = "x"
version = "main"
digest = "git:{"c" * 40}"
tree = "{TREE}"
file = "deep/x.yaml"
kind = "workflow"
"""


def test_the_file_has_the_same_bytes_in_whatever_order_entries_come(tmp_path: Path) -> None:
    path = tmp_path / "workflow.lock"
    for entries in ((ONE, TWO), (TWO, ONE)):
        Lock().adding(entries).write(path)
        assert path.read_text() == TEXT
        assert Lock(entries).text() == TEXT


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "workflow.lock"
    path.write_text(TEXT)
    lock = Lock.read(path)
    assert lock.entries == (replace(ONE, signers=("k1", "k2")), TWO)
    assert lock.find("x@o/r") == TWO
    assert lock.find("x@o/r", "skill") is None
    assert lock.find("x@o/s") is None
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert Lock.read(path) == lock


def test_no_file_locks_nothing_and_an_empty_lock_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "workflow.lock"
    assert Lock.read(path) == Lock()
    Lock().write(path)
    assert Lock.read(path) == Lock()
    assert path.read_text().splitlines()[1:] == ["version = 1"]


def test_an_entry_takes_the_place_of_the_one_for_the_same_reference() -> None:
    newer = replace(ONE, version="1.5.0")
    skill = replace(ONE, kind="skill")
    lock = Lock().adding([ONE, TWO]).adding([newer, skill])
    assert lock.entries == (skill, newer, TWO)
    assert lock.keeping(["x@o/r"]).entries == (TWO,)


def test_a_file_that_would_not_change_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "workflow.lock"
    Lock((TWO,)).write(path)
    before = path.stat()
    Lock((TWO,)).write(path)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert before.st_mode & 0o777 == 0o644


def test_updates_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "workflow.lock"

    def one(number: int) -> None:
        update(path, lambda lock: lock.adding([replace(TWO, reference=f"x{number}@o/r")]))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Lock.read(path).entries) == 12
    assert [each.name for each in tmp_path.iterdir()] == ["workflow.lock"]


def test_an_update_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "workflow.lock"
    path.write_text(TEXT)
    with pytest.raises(ZeroDivisionError):
        update(path, lambda lock: Lock(lock.entries[: 1 // 0]))
    assert path.read_text() == TEXT
    with pytest.raises(StoreError, match="nowhere can't be used"):
        update(tmp_path / "nowhere/workflow.lock", lambda lock: lock)


BODY = TEXT.partition("[[reference]]")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "L:1: this is no lock file: it does not begin with `version = 1`"),
        ("version = true", "L:1: this is no lock file: it does not begin with `version = 1`"),
        ('version = "1"', "L:1: this is no lock file: it does not begin with `version = 1`"),
        ("version = 1\nreference = 3", "L:2: this is no lock file: `reference` is no list of tables"),
        ("version = 1\n\nextra = 2\n", "L:3: this is no lock file: `extra` does not belong here"),
        ("version = 1\n[[reference\n", "L:2: Expected ']]' at the end of an array declaration"),
        ("version = 1\nx = [1,\n", "L:2: Invalid value"),
        (TEXT.replace('name = "build"', 'nome = "build"'), "L:8: `nome` does not belong here"),
        (TEXT.replace('name = "x"', "name = 3"), "L:19: `name` is text"),
        (TEXT.replace('name = "x"\n', ""), "L:16: `name` is missing"),
        (TEXT.replace('reference = "x@o/r"', 'reference = ""'), "L:17: `reference` is empty"),
        (TEXT.replace('signers = ["k1", "k2"]', 'signers = ["k1", 2]'), "L:13: `signers` is a list of key ids"),
        (TEXT.replace("git:ccc", "git:CCC"), "L:21: `digest` is sha256: or git: with all hexadecimal digits"),
        (TEXT.replace(f'tree = "{TREE}"', 'tree = "sha256:1"'), "L:11: `tree` is sha256: with 64 hexadecimal digits"),
        (TEXT.replace("deep/x.yaml", "../x.yaml"), "L:23: `file` is a path below the tree, without `.` and `..`"),
        (TEXT.replace("deep/x.yaml", "/x.yaml"), "L:23: `file` is a path below the tree, without `.` and `..`"),
        (TEXT.replace('kind = "workflow"', 'kind = "thing"'), "L:14: `kind` is one of workflow, skill, agent"),
        (TEXT.replace("x@o/r", "build@acme#^1"), "L:17: `build@acme#^1` is locked twice"),
        (BODY + "reference = [3]\n", "L:4: an entry is a table"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text.encode(), "L")
    assert (caught.value.message, caught.value.code) == (said, "invalid-lock")
    assert caught.value.hint == "`workflow lock` writes it anew"


def test_what_is_not_utf_8_is_said_with_its_line() -> None:
    with pytest.raises(UsageError, match="L:2: this is not UTF-8"):
        parse(b"version = 1\n# \xff\n", "L")


@pytest.mark.parametrize(
    "mark", ["<<<<<<< HEAD", "=======", ">>>>>>> theirs", "||||||| base", "<<<<<<< conflict 1 of 1", "%%%%%%% changes", "+++++++ side"]
)
def test_marks_of_a_conflict_have_a_message_of_their_own(mark: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(f"version = 1\n\n{mark}\n[[reference]]\n".encode(), "L")
    assert (caught.value.message, caught.value.code) == ("L:3: two changes of this file were merged and are in conflict", "lock-conflict")
    assert caught.value.hint == "take one side, then `workflow lock` completes it; or remove the file: `workflow lock` writes it anew"


def test_a_newer_format_is_refused_whatever_else_is_in_it() -> None:
    with pytest.raises(Refused) as caught:
        parse(b'version = 2\nproof = "x"\n', "L")
    assert caught.value.message == "L was written by a newer version of ropeway: its format is 2, this one reads 1"
    assert (caught.value.code, caught.value.hint) == ("newer-format", "update ropeway")


def test_a_file_that_can_not_be_read_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "workflow.lock").mkdir()
    with pytest.raises(StoreError, match=r"workflow\.lock can't be read: Is a directory"):
        Lock.read(tmp_path / "workflow.lock")
    with pytest.raises(StoreError, match=r"can't be used: Is a directory"):
        Lock((TWO,)).write(tmp_path / "workflow.lock")


def test_a_path_that_no_toml_file_can_hold_is_refused() -> None:
    with pytest.raises(UsageError, match="can't stand in a TOML file"):
        Lock((replace(TWO, source="path:/\udcff"),)).text()


def test_a_link_to_a_lock_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.lock").write_text(Lock().text())
    (tmp_path / "workflow.lock").symlink_to("real.lock")
    Lock((TWO,)).write(tmp_path / "workflow.lock")
    assert (tmp_path / "workflow.lock").is_symlink()
    assert Lock.read(tmp_path / "real.lock").entries == (TWO,)
