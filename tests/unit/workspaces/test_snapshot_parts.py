"""What snapshots are made of: entries that are believed or not, the table and the file that keeps it, names that git does not take."""

from __future__ import annotations

import os

import pytest

from ropeway.workspaces.snapshots.names import refused
from ropeway.workspaces.snapshots.table import FILE, GITLINK, LINK, PROGRAM, UNKNOWN, Folder, Table, entry_of, git_mode, pack, unpack

OID = b"\x11" * 20
NOW = 1_700_000_000_123_456_789
MS = 1_000_000


def stat_of(*, mtime: int, ctime: int, size: int = 7) -> os.stat_result:
    values = [0o100644, 5, 1, 1, 0, 0, size, 0, mtime // 10**9, ctime // 10**9, 0.0, mtime / 1e9, ctime / 1e9, 0, mtime, ctime]
    return os.stat_result(values)


@pytest.mark.parametrize(
    ("mtime", "ctime", "believed"),
    [
        pytest.param(NOW - 21 * MS, NOW - 21 * MS, True, id="longer ago than a tick"),
        pytest.param(NOW - 10 * MS, NOW - 10 * MS, False, id="within a tick"),
        pytest.param(NOW - 10**12, NOW - 10 * MS, False, id="an old time set just now"),
        pytest.param(NOW + 10**12, NOW - 10**12, False, id="a time to come"),
        pytest.param(NOW - 10**12, (NOW // 10**9 - 1) * 10**9, False, id="a clock of whole seconds"),
        pytest.param(NOW - 10**12, (NOW // 10**9 - 9) * 10**9, True, id="a clock of whole seconds, long ago"),
    ],
)
def test_a_signature_is_believed_when_the_file_can_not_have_changed_within_the_same_tick(mtime, ctime, believed):
    entry = entry_of(stat_of(mtime=mtime, ctime=ctime), NOW, FILE, OID, base=False)
    assert entry == (5, 7 if believed else UNKNOWN, mtime, ctime, FILE, OID, False)


def test_only_files_programs_and_links_are_saved():
    assert [git_mode(kind) for kind in (0o100644, 0o100600, 0o100700, 0o100611, 0o120777)] == [FILE, FILE, PROGRAM, FILE, LINK]
    assert {git_mode(kind) for kind in (0o040755, 0o010644, 0o140755, 0o060660, 0o020660)} == {None}


def table() -> Table:
    made = Table()
    made.put(made.folder(b"dir/sub"), b"a", (1, 2, 3, 4, FILE, OID, True))
    made.put(made.root, b"top", (1, 2, 3, 4, LINK, OID, False))
    made.folder(b"dir").ignored[b"x.o"] = False
    made.root.nested.add(b"inner")
    return made


def written(made: Table) -> None:
    for folder in made.root.every():
        folder.tree = OID


def trees_to_write(made: Table) -> set[bytes]:
    return {folder.path for folder in made.root.every() if folder.tree is None}


def test_only_the_trees_on_the_way_to_a_change_are_written_anew():
    made = table()
    made.put(made.folder(b"other"), b"b", (1, 2, 3, 4, FILE, OID, False))
    written(made)
    made.put(made.folder(b"dir/sub"), b"a", (9, 9, 9, 9, FILE, OID, True))
    assert trees_to_write(made) == set()
    made.put(made.folder(b"dir/sub"), b"a", (9, 9, 9, 9, PROGRAM, OID, True))
    assert trees_to_write(made) == {b"", b"dir", b"dir/sub"}


def test_what_was_in_the_base_counts_as_known_when_it_comes_back():
    made = table()
    made.drop_folder(made.root.folders[b"dir"])
    assert (made.returns(b"dir"), made.returns(b"dir/sub/a"), made.returns(b"di"), made.returns(b"top")) == (True, True, False, False)
    made.put(made.folder(b"dir/sub"), b"a", (1, 2, 3, 4, FILE, OID, False))
    assert made.get(b"dir/sub/a") == (1, 2, 3, 4, FILE, OID, True)
    assert not made.returns(b"dir")


def test_a_folder_that_is_gone_keeps_its_submodules():
    made = table()
    made.put(made.folder(b"dir/modules"), b"one", (0, UNKNOWN, 0, 0, GITLINK, OID, True))
    made.drop_folder(made.root.folders[b"dir"])
    assert [path for path, _ in made.entries()] == [b"top", b"dir/modules/one"]


def test_a_table_is_kept_and_read_back():
    made = table()
    found = unpack(pack(made, ("more", 1)))
    assert found is not None
    again, extra = found
    assert extra == ("more", 1)
    assert sorted(again.entries()) == sorted(made.entries())
    assert (again.root.folders[b"dir"].ignored, again.root.nested) == ({b"x.o": False}, {b"inner"})
    assert trees_to_write(again) == trees_to_write(made)


def test_a_table_whose_file_is_damaged_is_not_read():
    data = pack(table(), None)
    assert unpack(data) is not None
    for place in range(len(data)):
        assert unpack(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]) is None
        assert unpack(data[:place]) is None


@pytest.mark.parametrize(
    "name", [b".git", b".GIT", b"git~1", b"GIT~1", b".git ", b".git..", b".git::$INDEX", ".g\u200cit".encode(), b"a\\.git"]
)
def test_a_name_that_means_dot_git_somewhere_is_refused(name):
    assert refused(name)


@pytest.mark.parametrize(
    "name", [b".gitx", b".gitignore", b"git", b"git~2", b"a.git", b".gi", b"legit", b"\xff.git", b".g\xc4\xb1t", b".gitmodules"]
)
def test_a_name_that_only_resembles_it_is_not(name):
    assert not refused(name)


def test_a_link_is_not_taken_for_the_list_of_submodules():
    assert refused(b".gitmodules", link=True)
    assert not refused(b".gitignore", link=True)


def test_a_path_is_that_of_all_folders_above():
    root = Folder(b"", None)
    assert (root.path, root.child(b"a").child(b"b").path) == (b"", b"a/b")
