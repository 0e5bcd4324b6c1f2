"""Links into the store: where they are, and that no name leads one out of its folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ropeway.errors import StoreError
from ropeway.records import replace
from ropeway.registry import Evidence, Pin
from ropeway.registry.cache.links import as_part
from ropeway.registry.cache.store import Store

DIGEST = "sha256:" + "a" * 64
COMMIT = "c" * 40
HOSTILE = ["..", ".", "../../x", "/etc/passwd", "a/../../b", "~", "a\0b", "-rf", "a\nb", ".git", "é", "a b", "\udcff", "CON", "a:b", "%2E"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache/ropeway")


def keep(store: Store, pin: Pin, text: str = "x") -> Path:
    digest, root, _ = store.add_tree(lambda folder: (folder / "workflow.toml").write_text(text))
    store.keep(pin, digest, "workflow.toml", Evidence())
    return root


def links(store: Store) -> dict[str, Path]:
    found = {}
    for top, _, names in os.walk(store.cache.parent):
        for name in [*names, *os.listdir(top)]:  # noqa: PTH208 - strings
            path = Path(top, name)
            if path.is_symlink():
                found[str(path.relative_to(store.cache.parent))] = path.resolve()
    return found


@pytest.mark.parametrize(
    ("pin", "wanted"),
    [
        (
            Pin("git+https://github.com/acme/tools.git", "build", f"git:{COMMIT}", version="main", moving=True),
            {f"ropeway/registries/_adhoc/acme/tools/build/{COMMIT}", "workflows/build/main"},
        ),
        (
            Pin("git+https://github.com/acme/tools", "build", f"git:{COMMIT}", version="feature/x", moving=True, registry="corp"),
            {f"ropeway/registries/corp/build/{COMMIT}", "workflows/build/feature%2Fx"},
        ),
        (
            Pin("oci://ghcr.io/acme/workflows/build", "acme/build", DIGEST, version="1.2.0", moving=True, registry="corp"),
            {"ropeway/registries/corp/acme/build/1.2.0", "workflows/acme/build/1.2.0"},
        ),
        (
            Pin("oci://localhost:5000/workflows/build", "workflows/build", DIGEST, version="v1"),
            {"ropeway/registries/_oci/localhost%3A5000/workflows/build/v1", "workflows/build/v1"},
        ),
        (
            Pin("https://example.org/a/build.toml", "", DIGEST),
            {
                f"ropeway/registries/_https/example.org/a/build.toml/{DIGEST.replace(':', '-')}",
                f"workflows/build/{DIGEST.replace(':', '-')}",
            },
        ),
        (
            Pin("oci://ghcr.io/skills/acme/x", "acme/x", DIGEST, version="1.0.0+b", kind="skill", registry="corp"),
            {"ropeway/registries/corp/acme/x/1.0.0+b"},
        ),
    ],
)
def test_what_was_fetched_is_reachable_by_the_names_that_people_know(store: Store, pin: Pin, wanted: set[str]) -> None:
    root = keep(store, pin)
    assert links(store) == dict.fromkeys(wanted, root)


@pytest.mark.parametrize(
    ("pin", "text", "wanted"),
    [
        (Pin("git+https://h/o/r", "build", f"git:{COMMIT}", version="v1.0.0"), 'version = "0.9.0"', "workflows/build/1.0.0"),
        (Pin("git+https://h/o/r", "build", f"git:{COMMIT}", version="main", moving=True), 'version = "1.1.0"', "workflows/build/1.1.0"),
        (Pin("oci://h/workflows/build", "build", DIGEST, version="latest", moving=True), 'version = "1.1.0"', "workflows/build/1.1.0"),
        (Pin("oci://h/workflows/build", "build", DIGEST, version="latest", moving=True), "broken [", "workflows/build/latest"),
        (Pin("https://example.org/a/x.toml", "", DIGEST), 'id = "acme/deploy"\nversion = "2.0.0"', "workflows/acme/deploy/2.0.0"),
        (
            Pin("https://example.org/a/x.toml", "", DIGEST),
            'id = "../../../deploy"\nversion = "../x"',
            "workflows/%2E./%2E./%2E./deploy/..%2Fx",
        ),
    ],
)
def test_below_workflows_a_version_is_the_semantic_one_and_a_file_is_called_by_its_id(
    store: Store, pin: Pin, text: str, wanted: str
) -> None:
    root = keep(store, pin, text)
    found = links(store)
    assert [path for path in found if path.startswith("workflows/")] == [wanted.replace("..%2F", "%2E.%2F")]
    assert set(found.values()) == {root}


def test_a_bundle_has_the_version_that_it_was_published_as(store: Store) -> None:
    manifest = b'{"annotations": {"org.opencontainers.image.version": "3.0.0"}}'
    pin = Pin("oci://h/workflows/build", "build", DIGEST, version="latest", moving=True)
    digest, _, _ = store.add_tree(lambda folder: (folder / "workflow.toml").write_text('id = "build"'))
    store.keep(pin, digest, "workflow.toml", Evidence(manifest))
    assert "workflows/build/3.0.0" in links(store)


def test_two_registries_with_the_same_names_do_not_see_each_other(store: Store) -> None:
    pin = Pin("path:/a", "build", DIGEST, version="1.0.0", registry="one")
    first = keep(store, pin, "one")
    second = keep(store, replace(pin, source="path:/b", registry="two"), "two")
    found = links(store)
    assert (found["ropeway/registries/one/build/1.0.0"], found["ropeway/registries/two/build/1.0.0"]) == (first, second)


def test_a_link_leads_to_what_was_fetched_last(store: Store) -> None:
    pin = Pin("oci://localhost:5000/workflows/build", "build", DIGEST, version="v1")
    keep(store, pin, "one")
    second = keep(store, replace(pin, digest="sha256:" + "b" * 64), "two")
    assert set(links(store).values()) == {second}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_the_folders(store: Store, tmp_path: Path, name: str) -> None:
    pin = Pin(f"git+https://h/{name}/{name}", name, f"git:{COMMIT}", version=name)
    root = keep(store, pin)
    keep(store, replace(pin, registry="corp", moving=True, digest=DIGEST))
    outside = [path for path in tmp_path.rglob("*") if not path.is_relative_to(store.cache.parent)]
    assert outside == []
    for path, target in links(store).items():
        assert path.startswith(("ropeway/registries/", "workflows/"))
        assert target == root


@pytest.mark.parametrize("part", ["", ".", "..", "a/b", "/", "a\0", "x" * 256])
def test_a_part_of_a_link_is_one_name(store: Store, part: str) -> None:
    digest, _, _ = store.add_tree(lambda folder: (folder / "a").write_text("a"))
    for parts in ([part], ["ok", part], [part, "ok"]):
        with pytest.raises(StoreError) as caught:
            store.link(parts, digest)
        assert caught.value.code == "link-name"
    with pytest.raises(StoreError):
        store.link([], digest)


def test_a_link_is_never_made_through_another_link(store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    digest, root, _ = store.add_tree(lambda folder: (folder / "a").write_text("a"))
    made = store.link(["one"], digest)
    assert made.resolve() == root
    with pytest.raises(StoreError, match="is in the way") as caught:
        store.link(["one", "two"], digest)
    assert caught.value.code == "link-in-the-way"
    (store.cache / "registries/out").symlink_to(elsewhere)
    with pytest.raises(StoreError, match="is in the way"):
        store.link(["out", "two"], digest)
    assert list(elsewhere.iterdir()) == []
    assert [path.name for path in root.iterdir()] == ["a"]


def test_a_link_that_has_no_place_is_made_under_another_name(store: Store) -> None:
    one = keep(store, Pin("path:/a", "acme", DIGEST, version="build", registry="r"), "one")
    two = keep(store, Pin("path:/a", "acme/build", DIGEST, version="1.0.0", registry="r"), "two")
    found = links(store)
    assert found["workflows/acme/build"] == found["ropeway/registries/r/acme/build"] == one
    assert found["workflows/acme%2Fbuild/1.0.0"] == found["ropeway/registries/r%2Facme%2Fbuild/1.0.0"] == two


def test_a_link_that_can_not_be_made_does_not_keep_the_content_from_being_used(store: Store) -> None:
    store.cache.parent.mkdir()
    (store.cache.parent / "workflows").write_text("in the way")
    pin = Pin("path:/a", "build", DIGEST, registry="r")
    root = keep(store, pin)
    found = store.find(pin.source, pin.digest, pin.name)
    assert found is not None
    assert found.root == root


def test_different_texts_have_different_parts() -> None:
    parts = [as_part(text) for text in [*HOSTILE, "", "2E", "%", "a%2Fb", "a/b"]]
    assert len(set(parts)) == len(parts)
    assert not [part for part in parts if "/" in part or part.startswith(".") or not part]
