"""Where workspaces are, who holds one, and how one goes away."""

from __future__ import annotations

import contextlib
import os
import threading
from hashlib import sha256
from pathlib import Path

import pytest

from ropeway.errors import Busy, Refused, StoreError, UsageError
from ropeway.workspaces import lockfiles, places
from ropeway.workspaces.clearing import clear_locks
from ropeway.workspaces.files import remove_tree


@pytest.fixture
def environ(tmp_path):
    return {"AI_WORKSPACES_ROOT": str(tmp_path / "ws"), "HOME": str(tmp_path)}


def test_the_root_is_the_chosen_folder_then_the_cache_then_the_home_folders():
    assert places.workspaces_root({"AI_WORKSPACES_ROOT": "/w", "XDG_CACHE_HOME": "/c", "HOME": "/h"}) == "/w"
    assert places.workspaces_root({"AI_WORKSPACES_ROOT": "", "XDG_CACHE_HOME": "/c", "HOME": "/h"}) == "/c/ai-workspaces"
    assert places.workspaces_root({"XDG_CACHE_HOME": "", "HOME": "/h"}) == "/h/.cache/ai-workspaces"


def test_a_namespace_is_the_name_of_the_root_and_a_digest_of_its_path(environ):
    digest = sha256(b"/home/me/src/tool").hexdigest()
    assert places.namespace("/home/me/src/tool") == f"tool-{digest[:10]}"
    assert places.workspace_path(environ, "/home/me/src/tool", "x.1") == f"{environ['AI_WORKSPACES_ROOT']}/tool-{digest[:10]}/x.1"


@pytest.mark.parametrize("id", ["a", "A-b_c.9", ".hidden", "...", "-x"])
def test_an_id_is_letters_digits_and_three_signs(id):  # noqa: A002
    assert places.check_id(id) == id


@pytest.mark.parametrize("id", ["", ".", "..", "a/b", "a b", "a\n", "ü", "a\0", "../x"])
def test_what_could_lead_elsewhere_is_no_id(id):  # noqa: A002
    with pytest.raises(UsageError, match="can't be the id of a workspace"):
        places.check_id(id)


def test_a_path_is_checked_after_links_above_it_are_resolved(environ, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "ws").symlink_to("elsewhere")
    path = places.workspace_path(environ, "/home/me", "one")
    Path(path).parent.mkdir()
    (Path(path).parent / "link").symlink_to(tmp_path)
    assert places.check_path(environ, "/home/me", path) == str(Path(path).parent.resolve() / "one")
    for other in (tmp_path, Path(path).parent, Path(path, "inner"), Path(path, "../../x"), Path(path, "../link/ws"), "/", "one"):
        with pytest.raises(Refused, match="is no workspace of /home/me"):
            places.check_path(environ, "/home/me", str(other))


def test_a_workspace_is_held_by_one_who_is_named_to_others(environ):
    held = places.lock_workspace(environ, "/r", "one", "run abc (process 1)")
    with pytest.raises(Busy, match=r"^workspace one is in use by run abc \(process 1\)$"):
        places.lock_workspace(environ, "/r", "one", "run def")
    os.close(places.lock_workspace(environ, "/r", "two", "run def"))
    os.close(places.lock_workspace(environ, "/other", "one", "run def"))
    os.close(held)
    again = places.lock_workspace(environ, "/r", "one", "x")
    with pytest.raises(Busy, match=r"in use by x$"):
        places.lock_workspace(environ, "/r", "one", "run def")
    os.close(again)


def test_a_lock_is_not_handed_on_to_programs(environ):
    held = places.lock_workspace(environ, "/r", "one", "me")
    assert not os.get_inheritable(held)
    os.close(held)


def test_a_lock_goes_with_its_holder(environ):
    pid = os.fork()
    if pid == 0:
        places.lock_workspace(environ, "/r", "one", "a process that dies")
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(places.lock_workspace(environ, "/r", "one", "the next"))


def test_the_repository_lock_lets_one_in_at_a_time(environ):
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with places.repository_lock(environ, "/r"):
                inside += 1
                most = max(most, inside)
                os.sched_yield()
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


def test_a_lock_keeps_others_out_while_its_file_is_cleared_away(environ):
    inside = 0
    most = 0
    done = threading.Event()

    def work(lock) -> None:
        nonlocal inside, most
        for _ in range(100):
            with contextlib.suppress(Busy), lock():
                inside += 1
                most = max(most, inside)
                os.sched_yield()
                inside -= 1

    @contextlib.contextmanager
    def one():
        descriptor = places.lock_workspace(environ, "/r", "one", "me")
        try:
            yield
        finally:
            os.close(descriptor)

    def clear() -> None:
        while not done.is_set():
            clear_locks(environ)

    clearer = threading.Thread(target=clear)
    clearer.start()
    for lock in (one, lambda: places.repository_lock(environ, "/r")):
        threads = [threading.Thread(target=work, args=(lock,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (inside, most) == (0, 1)
    done.set()
    clearer.join()


def test_the_locks_of_what_is_there_or_held_stay(environ):
    Path(places.workspace_path(environ, "/r", "there")).mkdir(parents=True)
    for name in ("there", "gone"):
        os.close(places.lock_workspace(environ, "/r", name, "me"))
    held = places.lock_workspace(environ, "/other", "held", "me")
    locks = Path(places.workspaces_root(environ), ".locks")
    clear_locks(environ)
    assert sorted(path.name for path in locks.rglob("*.lock")) == ["held.lock", "there.lock"]
    os.close(held)


def test_a_workspace_is_unfinished_until_the_block_that_makes_it_ends(environ):
    path = Path(places.workspace_path(environ, "/r", "one"))
    with places.making(environ, "/r", "one") as half:
        assert not half
        assert places.unfinished(environ, "/r", "one")
        path.mkdir(parents=True)
        with pytest.raises(Busy, match="being made"), places.making(environ, "/r", "one"):
            pass
    assert not places.unfinished(environ, "/r", "one")
    with pytest.raises(Refused, match="there is a workspace one already") as caught, places.making(environ, "/r", "one"):
        pass
    assert caught.value.hint == "remove it with: workflow workspace clean one"
    assert not places.unfinished(environ, "/r", "one")


@pytest.mark.parametrize("left", [True, False])
def test_a_block_that_fails_leaves_it_unfinished_only_where_something_is_left(environ, left):
    path = Path(places.workspace_path(environ, "/r", "one"))

    def fail() -> None:
        if left:
            path.mkdir(parents=True)
        raise KeyError

    with pytest.raises(KeyError), places.making(environ, "/r", "one"):
        fail()
    assert places.unfinished(environ, "/r", "one") == left
    with places.making(environ, "/r", "one") as half:
        assert half == left


def test_what_can_not_be_written_is_told_with_the_way_out(environ, tmp_path):
    (tmp_path / "ws").write_bytes(b"a file")
    for call in (
        lambda: places.lock_workspace(environ, "/r", "one", "me"),
        lambda: places.trash(environ, str(tmp_path / "x")),
        lambda: lockfiles.make_folder(str(tmp_path / "ws/x")),
    ):
        with pytest.raises(StoreError) as caught:
            call()
        assert caught.value.hint == "set AI_WORKSPACES_ROOT to a folder that you can write to"


def test_the_trash_takes_what_is_there_and_several_may_remove_it_at_once(environ, tmp_path):
    for number in range(4):
        folder = tmp_path / f"ws/r/{number}"
        for inner in range(30):
            (folder / f"folder {inner}").mkdir(parents=True)
            (folder / f"folder {inner}/file").touch()
        moved = places.trash(environ, str(folder))
        assert Path(moved).parent == tmp_path / "ws/.trash"
        assert not folder.exists()
    assert places.trash(environ, str(tmp_path / "ws/r/never")) == ""
    complaints: list[BaseException] = []

    def work() -> None:
        try:
            for moved in (tmp_path / "ws/.trash").iterdir():
                remove_tree(str(moved))
        except StoreError as error:
            complaints.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not complaints
    assert not list((tmp_path / "ws/.trash").iterdir())


def test_a_folder_of_any_depth_can_be_removed(tmp_path):
    os.mkdir(tmp_path / "top")  # noqa: PTH102 - the rest is relative to descriptors, too
    folder = os.open(tmp_path / "top", os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
        os.close(folder)
        folder = inner
    os.close(folder)
    remove_tree(str(tmp_path / "top"))
    assert not (tmp_path / "top").exists()


def test_a_folder_can_be_removed_while_a_process_still_writes_into_it(tmp_path):
    folder = tmp_path / "top/folder"
    folder.mkdir(parents=True)
    going = threading.Event()

    def work() -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            for number in range(3000):
                os.close(os.open(str(number), os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
                if number == 1000:
                    going.set()
        except FileNotFoundError:
            pass
        finally:
            os.close(descriptor)

    thread = threading.Thread(target=work)
    thread.start()
    going.wait()
    remove_tree(str(tmp_path / "top"))
    thread.join()
    assert not (tmp_path / "top").exists()


def test_removing_follows_no_link(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    (tmp_path / "top").mkdir()
    (tmp_path / "top/link").symlink_to(tmp_path / "precious")
    (tmp_path / "itself").symlink_to("precious")
    remove_tree(str(tmp_path / "top"))
    remove_tree(str(tmp_path / "itself"))
    remove_tree(str(tmp_path / "never"))
    assert [path.name for path in tmp_path.rglob("*")] == ["precious", "file"]


def test_read_only_folders_do_not_stop_their_owner(environ, tmp_path):
    """Permissions do not stop root, so a process of nobody tries."""
    top = tmp_path / "ws/.trash"
    folder = top / "x"
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/file").touch()
    (folder / "closed").mkdir()
    for path in (tmp_path, *tmp_path.rglob("*")):
        if os.getuid() == 0:
            os.chown(path, 65534, 65534)
    for path, mode in ((folder / "a/b", 0o500), (folder / "a", 0o500), (folder / "closed", 0), (folder, 0o555)):
        path.chmod(mode)
    descriptor = os.open(top, os.O_RDONLY)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.fchdir(descriptor)
            if os.getuid() == 0:
                os.setuid(65534)
            remove_tree("x")
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not folder.exists()
