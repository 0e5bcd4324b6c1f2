"""The store: what goes in comes out whole or not at all, wherever it came from and whatever happened to the disk meanwhile."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ropeway.bundles.problems import AlteredBlob, InvalidBundle
from ropeway.bundles.tree import tree_digest
from ropeway.errors import Refused, StoreError
from ropeway.records import replace
from ropeway.registry import Evidence, Fetched, Pin
from ropeway.registry.cache.store import Store

PIN = Pin("oci://ghcr.io/acme/workflows/build", "build", "sha256:" + "a" * 64, version="1.2.0", registry="acme", size=7)
FILES = {"workflow.toml": "id = 'build'\n", "scripts/go.sh": "#!/bin/sh\n", "scripts/deep/data": "x"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache/ropeway")


def fill(folder: Path, files: dict[str, str] | None = None) -> str:
    for name, text in (FILES if files is None else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if name.endswith(".sh"):
            path.chmod(0o755)
    return "workflow.toml"


def fetched(store: Store, pin: Pin = PIN, files: dict[str, str] | None = None) -> Fetched:
    digest, _, file = store.add_tree(lambda folder: fill(folder, files))
    return store.keep(pin, digest, file, Evidence(b'{"a":1}', (b"one", b"two")))


# -- trees ------------------------------------------------------------------------------------------------------------------------------


def test_a_tree_is_found_by_the_digest_of_its_files(store: Store, tmp_path: Path) -> None:
    fill(tmp_path / "here")
    digest, root, file = store.add_tree(fill)
    assert (digest, file) == (tree_digest(tmp_path / "here"), "workflow.toml")
    assert store.tree(digest) == root == store.root / "trees/sha256" / digest.removeprefix("sha256:")
    assert (root / "scripts/go.sh").read_text() == "#!/bin/sh\n"


def test_files_are_read_only_and_folders_private(store: Store) -> None:
    _, root, _ = store.add_tree(fill)
    modes = {str(path.relative_to(store.cache)): stat.S_IMODE(path.stat().st_mode) for path in store.cache.rglob("*")}
    tree = str(root.relative_to(store.cache))
    assert modes.pop(f"{tree}/scripts/go.sh") == 0o555
    assert modes.pop(f"{tree}/workflow.toml") == modes.pop(f"{tree}/scripts/deep/data") == 0o444
    assert set(modes.values()) == {0o700}


def test_the_same_files_are_kept_once(store: Store) -> None:
    first, second = store.add_tree(fill), store.add_tree(fill)
    assert first == second
    assert [path.name for path in (store.root / "trees/sha256").iterdir()] == [first[1].name]
    assert list((store.root / "staging").iterdir()) == []


def test_nothing_stays_of_files_that_are_not_those_expected(store: Store) -> None:
    with pytest.raises(AlteredBlob, match="was expected"):
        store.add_tree(fill, expected="sha256:" + "0" * 64)
    assert [path for path in store.root.rglob("*") if not path.is_dir()] == []
    digest, _, _ = store.add_tree(fill)
    assert store.add_tree(fill, expected=digest)[0] == digest


def test_nothing_stays_when_filling_fails(store: Store) -> None:
    def half(folder: Path) -> None:
        fill(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add_tree(half)
    assert [path for path in store.root.rglob("*") if not path.is_dir()] == []


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_tree_holds_nothing_but_files_and_folders(store: Store, tmp_path: Path, kind: str) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    mine.chmod(0o600)

    def hostile(folder: Path) -> None:
        if kind == "link":
            (folder / "workflow.toml").symlink_to(mine)
        else:
            os.mkfifo(folder / "workflow.toml")

    with pytest.raises(InvalidBundle):
        store.add_tree(hostile)
    assert stat.S_IMODE(mine.stat().st_mode) == 0o600
    assert list((store.root / "staging").iterdir()) == []


def damage(root: Path, how: str) -> None:
    file = root / "workflow.toml"
    if how == "changed":
        file.chmod(0o644)
        file.write_text("id = 'other'\n")
    elif how == "removed":
        file.unlink()
    elif how == "added":
        (root / "more").write_text("")
    elif how == "executable":
        file.chmod(0o755)
    elif how == "linked":
        copy = root.parent / "copy"
        file.rename(copy)
        file.symlink_to(copy)
    elif how == "file":
        root.rename(root.parent / "moved")
        root.write_text("")
    elif how == "folder-linked":
        root.rename(root.parent / "moved")
        root.symlink_to("gone")
    else:
        (root / "scripts").chmod(0o500)
        file.unlink()


HOWS = ["changed", "removed", "added", "executable", "linked", "file", "folder-linked", "write-protected"]


@pytest.mark.parametrize("how", HOWS)
def test_a_damaged_tree_is_moved_aside_and_fetched_again(store: Store, how: str) -> None:
    digest, root, _ = store.add_tree(fill)
    damage(root, how)
    assert store.tree(digest) is None
    assert not os.path.lexists(root)
    assert len(list((store.root / "damaged").iterdir())) == 1
    assert store.add_tree(fill)[:2] == (digest, root)
    assert store.tree(digest) == root
    assert tree_digest(root) == digest


@pytest.mark.parametrize("how", HOWS)
def test_a_damaged_tree_is_replaced_by_who_adds_it_again(store: Store, how: str) -> None:
    digest, root, _ = store.add_tree(fill)
    damage(root, how)
    assert store.add_tree(fill)[:2] == (digest, root)
    assert tree_digest(root) == digest


def test_what_is_no_digest_leads_nowhere(store: Store) -> None:
    store.add_tree(fill)
    for text in ("sha256:..", "sha256:../../../etc", "../x", "sha512:" + "a" * 64, ""):
        with pytest.raises(InvalidBundle):
            store.tree(text)
        with pytest.raises(InvalidBundle):
            store.blob(text)
    assert store.tree("sha256:" + "f" * 64) is None


def test_an_empty_cache_is_asked_without_making_anything(store: Store) -> None:
    assert store.tree("sha256:" + "f" * 64) is None
    assert store.find("oci://x", "sha256:" + "f" * 64) is None
    assert list(store.pins()) == []
    assert not store.cache.parent.exists()


# -- pins -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pin",
    [
        PIN,
        Pin("git+https://github.com/acme/tools", "build", "git:" + "c" * 40, version="main", moving=True),
        Pin("https://example.org/a/build.toml", "", "sha256:" + "d" * 64, kind="workflow"),
        Pin("oci://h/skills/acme/x", "acme/team/x", "sha256:" + "e" * 64, version="1.0.0", kind="skill", registry="r"),
    ],
)
def test_what_was_kept_is_found_again_without_a_network(store: Store, pin: Pin) -> None:
    kept = fetched(store, pin)
    again = Store(store.cache).find(pin.source, pin.digest, pin.name)
    assert again == kept
    assert again is not None
    assert again.evidence == Evidence(b'{"a":1}', (b"one", b"two"))
    assert again.path.read_text() == FILES["workflow.toml"]
    assert list(store.pins()) == [(pin, kept.tree)]


def test_another_source_name_or_digest_is_another_pin(store: Store) -> None:
    fetched(store)
    assert store.find(PIN.source + "x", PIN.digest, PIN.name) is None
    assert store.find(PIN.source, "sha256:" + "b" * 64, PIN.name) is None
    assert store.find(PIN.source, PIN.digest, "other") is None
    assert store.find(PIN.source, PIN.digest) is None


def test_a_pin_whose_tree_is_damaged_or_gone_is_not_found(store: Store) -> None:
    kept = fetched(store)
    damage(kept.root, "changed")
    assert store.find(PIN.source, PIN.digest, PIN.name) is None
    assert fetched(store) == kept == store.find(PIN.source, PIN.digest, PIN.name)


@pytest.mark.parametrize("damage", [b"", b"\n", b"{}", None, b"\xff\xfe"])
def test_a_damaged_memory_of_a_pin_counts_as_none(store: Store, damage: bytes | None) -> None:
    kept = fetched(store)
    (path,) = (store.root / "pins").iterdir()
    path.write_bytes(path.read_bytes().replace(b"1.2.0", b"1.3.0") if damage is None else damage)
    assert store.find(PIN.source, PIN.digest, PIN.name) is None
    assert list(store.pins()) == []
    assert fetched(store) == kept == store.find(PIN.source, PIN.digest, PIN.name)


def test_a_pin_of_a_newer_format_counts_as_none(store: Store) -> None:
    from hashlib import sha256

    fetched(store)
    (path,) = (store.root / "pins").iterdir()
    body = path.read_bytes().partition(b"\n")[2].replace(b'"format":1', b'"format":2')
    path.write_bytes(sha256(body).hexdigest().encode() + b"\n" + body)
    assert store.find(PIN.source, PIN.digest, PIN.name) is None


def test_the_memory_of_one_pin_does_not_stand_for_another(store: Store) -> None:
    fetched(store)
    other = replace(PIN, digest="sha256:" + "b" * 64)
    fetched(store, other, {"workflow.toml": "other"})
    one, two = sorted((store.root / "pins").iterdir())
    one.write_bytes(two.read_bytes())
    found = [store.find(pin.source, pin.digest, pin.name) for pin in (PIN, other)]
    assert len([each for each in found if each is not None]) == 1


# -- the cache is ours ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["", "store"])
@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_cache_that_others_may_write_to_is_refused(store: Store, folder: str, mode: int) -> None:
    kept = fetched(store)
    path = store.cache / folder
    path.chmod(mode)
    again = Store(store.cache)
    for action in (lambda: again.tree(kept.tree), lambda: again.find(PIN.source, PIN.digest, PIN.name), lambda: again.add_tree(fill)):
        with pytest.raises(Refused, match=f"others may write to the .* {path} \\(mode {mode:o}\\)") as caught:
            action()
        assert caught.value.hint is not None
        assert f"chmod go-w {path}" in caught.value.hint


def test_a_cache_that_is_not_used_yet_is_closed_to_the_group(store: Store) -> None:
    store.cache.mkdir(parents=True)
    store.cache.chmod(0o775)
    (store.cache / "tools").mkdir()
    digest, _, _ = store.add_tree(fill)
    assert stat.S_IMODE(store.cache.stat().st_mode) == 0o755
    assert Store(store.cache).tree(digest) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_cache_of_somebody_else_is_refused(store: Store) -> None:
    kept = fetched(store)
    os.chown(store.cache, 12345, 12345)
    with pytest.raises(Refused, match="belongs to somebody else") as caught:
        Store(store.cache).tree(kept.tree)
    assert caught.value.hint == "set XDG_CACHE_HOME to a folder of your own"


def test_a_cache_that_is_a_file_is_said_to_be_none(store: Store) -> None:
    store.cache.parent.mkdir()
    store.cache.write_text("")
    for action in (lambda: store.tree("sha256:" + "f" * 64), lambda: store.add_tree(fill)):
        with pytest.raises(StoreError, match=f"{store.cache}.* can't be used"):
            action()
    store.cache.unlink()
    store.cache.mkdir()
    store.root.write_text("")
    with pytest.raises(StoreError, match=f"the store {store.root} is not a folder"):
        store.tree("sha256:" + "f" * 64)


def test_a_cache_that_can_not_be_made_is_named(store: Store) -> None:
    store.cache.parent.write_text("")
    with pytest.raises(StoreError, match=str(store.cache)) as caught:
        store.add_tree(fill)
    assert caught.value.hint is not None
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_a_full_disk_is_said_with_the_folder_and_what_to_do(store: Store) -> None:
    def full(folder: Path) -> None:
        Path("/dev/full").write_text("x" * 100_000) if Path("/dev/full").exists() else folder.read_text()

    with pytest.raises(StoreError, match=f"no space left for {store.root}") as caught:
        store.add_tree(full)
    assert (caught.value.code, caught.value.exit_status) == ("disk-full", 1)
    assert caught.value.hint is not None
    assert "workflow gc" in caught.value.hint


def test_errors_of_our_own_pass_through_as_they_are(store: Store) -> None:
    def refuse(_folder: Path) -> None:
        raise Refused("no", code="mine")

    with pytest.raises(Refused, match=r"^no$"):
        store.add_tree(refuse)


# -- what a killed process left ---------------------------------------------------------------------------------------------------------


def test_a_half_written_tree_is_removed_by_the_next_who_writes(store: Store) -> None:
    store.add_tree(fill)
    left = store.root / "staging/0123456789abcdef"
    (left / "scripts").mkdir(parents=True)
    (left / "scripts/x").write_text("half")
    (left / "scripts").chmod(0o500)
    left.with_suffix(".lock").write_text("")
    store.add_tree(lambda folder: (folder / "a").write_text("a"))
    assert list((store.root / "staging").iterdir()) == []


def test_a_tree_that_is_being_written_is_left_alone(store: Store) -> None:
    def slow(folder: Path) -> None:
        fill(folder)
        Store(store.cache).add_tree(lambda other: (other / "a").write_text("a"))
        assert (folder / "workflow.toml").exists()

    digest, root, _ = store.add_tree(slow)
    assert store.tree(digest) == root


def test_a_tree_that_is_used_is_noted_as_used(store: Store) -> None:
    digest, root, _ = store.add_tree(fill)
    os.utime(root, (1, 1))
    store.tree(digest)
    assert root.stat().st_mtime > 1


def test_a_blob_has_a_place_of_its_own(store: Store) -> None:
    path = store.blob(PIN.digest)
    assert path == store.root / "blobs/sha256" / ("a" * 64)
    assert path.parent.is_dir()
    assert not path.exists()
    assert store.blob("sha512:" + "b" * 128).parent.name == "sha512"
