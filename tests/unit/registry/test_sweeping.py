"""What `workflow gc` cleans up in the store, and what it leaves."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from ropeway.app.retention.collecting import Report, collect, policy_of
from ropeway.registry import Evidence, Fetched, Pin
from ropeway.registry.cache.store import Store
from ropeway.registry.cache.sweeping import sweep
from ropeway.settings import cache_dir, load

DAY = 86_400.0


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    names = {"XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": "config", "AI_WORKSPACES_ROOT": "spaces"}
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"], **{name: str(tmp_path / folder) for name, folder in names.items()}}


@pytest.fixture
def store(environ: dict[str, str]) -> Store:
    return Store(cache_dir(environ))


def keep(store: Store, number: int, *, unused: float = 0.0, size: int = 10) -> Fetched:
    digest, root, _ = store.add_tree(lambda folder: (folder / "a.toml").write_text(f"{number}".ljust(size)))
    pin = Pin("oci://h/build", "acme/build", "sha256:" + f"{number:064x}", version=f"1.{number}.0", registry="r")
    found = store.keep(pin, digest, "a.toml", Evidence())
    if unused:
        os.utime(root, (time.time() - unused,) * 2)
    return found


def gc(environ: dict[str, str], *, dry_run: bool = False, **policy: float) -> Report:
    return collect(policy_of(load(None, environ), ["caches"], **policy), dry_run=dry_run, environ=environ)  # type: ignore[arg-type]


def links(store: Store) -> set[str]:
    found = set()
    for top in (store.cache / "registries", store.cache.parent / "workflows"):
        found |= {str(path.relative_to(store.cache.parent)) for path in top.rglob("*")}
    return found


def test_the_longest_unused_goes_until_the_rest_fits_with_its_links_and_its_pin(store: Store, environ: dict[str, str]) -> None:
    one, two = keep(store, 1, unused=3 * DAY, size=50_000), keep(store, 2, unused=2 * DAY, size=50_000)
    three = keep(store, 3, unused=DAY, size=50_000)
    store.tree(one.tree)  # used again just now
    size = sum(file.stat().st_blocks * 512 for each in (one, two, three) for file in (each.root, each.root / "a.toml"))
    report = gc(environ, max_size=size - 1)
    assert [item.id for item in report.removed] == [f"store/{two.root.name[:16]}"]
    assert report.bytes >= 50_000
    assert not two.root.exists()
    assert store.find(two.pin.source, two.pin.digest, two.pin.name) is None
    assert {pin.version for pin, _ in store.pins()} == {"1.1.0", "1.3.0"}
    folders = {
        "ropeway/registries/r",
        "ropeway/registries/r/acme",
        "ropeway/registries/r/acme/build",
        "workflows/acme",
        "workflows/acme/build",
    }
    wanted = {
        f"{folder}/{version}" for folder in ("ropeway/registries/r/acme/build", "workflows/acme/build") for version in ("1.1.0", "1.3.0")
    }
    assert links(store) == folders | wanted
    assert list((store.cache / ".trash").iterdir()) == []


def test_what_is_being_used_stays_whatever_is_asked(store: Store, environ: dict[str, str]) -> None:
    used, old = keep(store, 1), keep(store, 2, unused=120)
    report = gc(environ, older_than=0, max_size=1)
    assert [item.id for item in report.removed] == [f"store/{old.root.name[:16]}"]
    assert [(item.id, item.reason) for item in report.kept] == [(f"store/{used.root.name[:16]}", "it was used a moment ago")]
    assert store.find(used.pin.source, used.pin.digest, used.pin.name) == used


def test_what_was_used_meanwhile_stays(store: Store, environ: dict[str, str]) -> None:
    from ropeway.app.retention import caches
    from ropeway.errors import StoreError

    found = keep(store, 1, unused=DAY)
    (thing,) = caches.caches(environ, time.time())
    store.tree(found.tree)
    with pytest.raises(StoreError, match="somebody has used it meanwhile"):
        caches.discard(environ, thing, time.time())
    assert store.tree(found.tree) is not None


def test_a_dry_run_removes_nothing(store: Store, environ: dict[str, str]) -> None:
    found = keep(store, 1, unused=DAY)
    before = sorted(store.cache.parent.rglob("*"))
    assert len(gc(environ, dry_run=True, older_than=0).removed) == 1
    assert sorted(store.cache.parent.rglob("*")) == before
    assert found.path.exists()


def test_everything_goes_and_no_empty_folder_stays(store: Store, environ: dict[str, str]) -> None:
    keep(store, 1, unused=DAY)
    gc(environ, older_than=0)
    assert links(store) == set()
    assert [path for path in store.root.rglob("*") if not path.is_dir()] == []


def test_what_is_left_of_others_is_removed_and_what_they_work_on_is_not(store: Store) -> None:
    found = keep(store, 1)
    (store.root / "damaged").mkdir()
    (store.root / "damaged/x").mkdir(mode=0o500)
    half = store.root / "staging/0123456789abcdef"
    half.mkdir()
    half.with_suffix(".lock").write_text("")
    old, new = store.blob("sha256:" + "1" * 64), store.blob("sha256:" + "2" * 64).with_suffix(".part")
    for path in (old, new):
        path.write_text("x")
    os.utime(old, (1, 1))
    (store.root / "pins/damaged").write_text("x")
    now = time.time()

    def work(folder: Path) -> None:
        (folder / "x").write_text("x")
        sweep(store, now)
        assert (folder / "x").exists()

    store.add_tree(work)
    assert [path.name for path in (store.root / "blobs/sha256").iterdir()] == [new.name]
    for name in ("damaged", "staging"):
        assert list((store.root / name).iterdir()) == []
    assert len(list((store.root / "pins").iterdir())) == 1
    assert store.find(found.pin.source, found.pin.digest, found.pin.name) == found


def test_links_that_are_not_ours_stay(store: Store, tmp_path: Path) -> None:
    found = keep(store, 1)
    mine = store.cache.parent / "workflows/mine"
    mine.symlink_to(tmp_path / "gone")
    shutil.rmtree(found.root)
    sweep(store, time.time())
    assert mine.is_symlink()
    assert links(store) == {"workflows/mine"}


def test_a_pin_that_is_just_being_written_stays_and_one_that_never_was_finished_goes(store: Store) -> None:
    keep(store, 1)
    writing, left = store.root / "pins/.0123.77.89abcdef", store.root / "pins/.4567.77.89abcdef"
    for path in (writing, left):
        path.write_text("the first half")
    now = time.time()
    os.utime(left, (now - DAY, now - DAY))
    sweep(store, now)
    assert writing.exists()
    assert not left.exists()
    assert len(list(store.pins())) == 1
