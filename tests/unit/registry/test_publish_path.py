"""Publishing to a folder: what people wrote stays, in the index and beside it, and what was published is read back as it was meant."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ropeway.bundles.pack import pack
from ropeway.errors import Refused, UsageError
from ropeway.registry.folder.index import read_index
from ropeway.registry.folder.publish import Placed, place_bundle
from ropeway.registry.oci.publish import relabelled

TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\u2028\u2029\ufeff\u0085"), min_size=1, max_size=20)
VALUE = st.recursive(
    TEXT | st.booleans() | st.integers(-(2**31), 2**31),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def made(folder: Path, name: str = "build", text: str = "", version: str = "1.0.0") -> Any:
    source = folder / "source"
    source.mkdir(exist_ok=True)
    (source / "workflow.toml").write_text(f'id = "{name}"\nversion = "{version}"\n{text}[steps.a]\nrun = "x"\n')
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    return pack(source, spool=spool)


def put(folder: Path, name: str = "build", version: str = "1.0.0", text: str = "") -> Placed:
    return place_bundle(folder / "shelf", name, made(folder, name, text, version))


def everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder: Path, code: str, name: str = "build", version: str = "1.1.0") -> Refused:
    """Publish what must be refused, and return how it was; nothing may change."""
    before = everything(folder / "shelf")
    with pytest.raises(Refused) as caught:
        put(folder, name, version)
    assert caught.value.code == code
    assert caught.value.hint
    assert everything(folder / "shelf") == before
    return caught.value


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    return folder


# -- the index --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["index.yaml", "index.json"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    others=st.dictionaries(TEXT.filter(lambda key: key != "workflows"), VALUE, max_size=3), entries=st.dictionaries(TEXT, VALUE, max_size=3)
)
def test_what_others_wrote_into_an_index_stays_as_it_is(tmp_path: Path, kind: str, others: dict[str, Any], entries: dict[str, Any]) -> None:
    shelf = tmp_path / "shelf"
    shutil.rmtree(shelf, ignore_errors=True)
    shelf.mkdir()
    bundle = made(tmp_path)
    entries.pop("build", None)
    before = {**others, "workflows": entries}
    (shelf / kind).write_text(json.dumps(before, ensure_ascii=False))
    place_bundle(shelf, "build", bundle)
    after = read_index((shelf / kind).read_bytes(), kind)
    assert after.document.data == {**before, "workflows": {**entries, "build": {"path": "workflows/build/workflow.toml"}}}
    assert list(after.entries) == sorted(after.entries)


def test_comments_at_the_top_of_an_index_stay(tmp_path: Path, shelf: Path) -> None:
    (shelf / "index.yaml").write_text("# ours\n\n# ask Ada\nworkflows: {}\n")
    put(tmp_path, text='description = "Does: this #1"\n')
    index = '# ours\n\n# ask Ada\nworkflows:\n  build:\n    path: workflows/build/workflow.toml\n    description: "Does: this #1"\n'
    assert (shelf / "index.yaml").read_text() == index
    put(tmp_path, version="1.1.0", text='description = "Does: this #2"\n')
    assert (shelf / "index.yaml").read_text() == index.replace("#1", "#2")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("workflows:\n  # the old one\n  zebra: {path: zebra.toml}\n", 2),
        ("a: 1 # one\nworkflows: {}\n", 1),
        ("# top\nworkflows:\n  zebra: {path: zebra.toml}\n# the end\n", 4),
        ("owner: 'a # b' # c\nworkflows: {}\n", 1),
        ("note: | # which\n  a\nworkflows: {}\n", 1),
    ],
)
def test_an_index_whose_comments_would_be_lost_is_not_written(tmp_path: Path, shelf: Path, text: str, line: int) -> None:
    (shelf / "index.yaml").write_text(text)
    said = refused(tmp_path, "index-comments")
    assert said.message.startswith(f"{shelf}/index.yaml:{line}: this comment would be lost")
    assert 'build: {"path": "workflows/build/workflow.toml"}' in (said.hint or "")
    (shelf / "index.yaml").write_text(text.replace("workflows: {}", "workflows:") + '  build: {"path": "workflows/build/workflow.toml"}\n')
    written = (shelf / "index.yaml").read_text()
    assert put(tmp_path).new
    assert (shelf / "index.yaml").read_text() == written


@pytest.mark.parametrize("text", ["owner: 'a # b'\nworkflows: {}\n", 'owner: "#1"\nworkflows: {}\n', "note: |\n  # text\nworkflows: {}\n"])
def test_a_hash_sign_in_a_text_is_no_comment(tmp_path: Path, shelf: Path, text: str) -> None:
    (shelf / "index.yaml").write_text(text)
    before = read_index(text.encode(), "index.yaml").document.data
    put(tmp_path)
    after = read_index((shelf / "index.yaml").read_bytes(), "index.yaml").document.data
    assert after == {**before, "workflows": {"build": {"path": "workflows/build/workflow.toml"}}}


def test_what_else_stands_in_an_entry_stays(tmp_path: Path, shelf: Path) -> None:
    (shelf / "index.yaml").write_text("workflows:\n  build: {owner: ada, path: workflows/build/workflow.toml, description: Old}\n")
    put(tmp_path, text='description = "New"\n')
    entry = {"owner": "ada", "path": "workflows/build/workflow.toml", "description": "New"}
    assert read_index((shelf / "index.yaml").read_bytes(), "index.yaml").entries == {"build": entry}


def test_an_entry_elsewhere_is_not_taken_over(tmp_path: Path, shelf: Path) -> None:
    (shelf / "index.yaml").write_text("workflows:\n  build:\n    path: ci/build.toml\n")
    refused(tmp_path, "output-exists")
    assert not (shelf / "workflows").exists()


# -- names ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [("acme", "acme/build"), ("acme/build", "acme")])
def test_a_workflow_in_the_folder_of_another_one_is_refused(tmp_path: Path, shelf: Path, first: str, second: str) -> None:
    put(tmp_path, first)
    said = refused(tmp_path, "names-nest", second)
    assert first in said.message
    assert (shelf / f"workflows/{first}/workflow.toml").exists()


def test_names_nest_by_their_paths_and_not_by_how_they_begin(tmp_path: Path, shelf: Path) -> None:
    (shelf / "index.yaml").write_text("workflows:\n  tool: {path: workflows/tool.toml}\n  other: {path: ./workflows//acme/x/y.toml}\n")
    refused(tmp_path, "names-nest", "acme")
    for name in ("acme/xy", "tool2", "build", "build2"):
        assert put(tmp_path, name).new


@pytest.mark.parametrize("name", ["../../escape", "..", "a/b/c", "/tmp/x", "A", "a\n", ""])
def test_a_name_that_is_no_id_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        place_bundle(tmp_path / "shelf", name, made(tmp_path))
    assert caught.value.code == "name-invalid"
    assert not (tmp_path / "shelf").exists()


def test_a_link_out_of_the_registry_is_not_followed(tmp_path: Path, shelf: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (shelf / "workflows").symlink_to(tmp_path / "elsewhere")
    refused(tmp_path, "path-outside")
    assert list((tmp_path / "elsewhere").iterdir()) == []


# -- what is in the way -----------------------------------------------------------------------------------------------------------------


def test_a_folder_with_files_that_no_publish_wrote_is_not_replaced(tmp_path: Path, shelf: Path) -> None:
    put(tmp_path)
    (shelf / "workflows/build/.git").mkdir()
    for name in ("NOTES.md", ".git/HEAD"):
        (shelf / "workflows/build" / name).write_text("mine")
    said = refused(tmp_path, "folder-changed")
    assert said.message == f"{shelf}/workflows/build holds .git/HEAD, NOTES.md, which no publish wrote: replacing it would lose that"
    shutil.rmtree(shelf / "workflows/build/.git")
    (shelf / "workflows/build/NOTES.md").unlink()
    assert put(tmp_path, version="1.1.0").replaced == "1.0.0"


def test_a_folder_whose_files_were_changed_is_not_replaced(tmp_path: Path, shelf: Path) -> None:
    put(tmp_path)
    with (shelf / "workflows/build/workflow.toml").open("a") as file:
        file.write("# a note of Ada's\n")
    assert "were changed since they were published" in refused(tmp_path, "folder-changed").message


def test_a_folder_with_a_link_in_it_or_in_its_place_is_not_replaced(tmp_path: Path, shelf: Path) -> None:
    put(tmp_path)
    target = shelf / "workflows/build"
    (target / "link").symlink_to("/etc/hostname")
    assert "holds link, which no publish wrote" in refused(tmp_path, "folder-changed").message
    (target / "link").unlink()
    target.rename(shelf / "moved")
    target.symlink_to(shelf / "moved")
    refused(tmp_path, "folder-changed")
    assert target.is_symlink()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('id = "build"\n[steps.a]\nrun = "x"\n', "holds files that were not published, and no version of build"),
        ('id = "other"\nversion = "0.1.0"\n[steps.a]\nrun = "x"\n', "holds the workflow other, which was not published there"),
        ('id = "build"\nversion = "0.1.0"\n[steps.a]\nrun = "x"\n', "holds build 0.1.0, which was not published there"),
        ("", "holds files that were not published, and no version of build"),
    ],
)
def test_a_workflow_made_by_hand_is_not_replaced(tmp_path: Path, shelf: Path, text: str, said: str) -> None:
    target = shelf / "workflows/build"
    target.mkdir(parents=True)
    (target / "workflow.toml").write_text(text)
    (target / "NOTES.md").write_text("mine")
    (shelf / "index.yaml").write_text("workflows:\n  build: {path: workflows/build/workflow.toml}\n")
    assert said in refused(tmp_path, "folder-changed").message
    target.rename(shelf / "mine")  # as the hint says
    assert put(tmp_path, version="1.1.0").new
    assert (shelf / "mine/NOTES.md").read_text() == "mine"


def test_what_was_published_under_another_name_and_version_than_its_own_is_known_again(tmp_path: Path, shelf: Path) -> None:
    for number, text in enumerate(("", "# more\n")):
        version = f"2.{number}.0"
        placed = place_bundle(shelf, "other", relabelled(made(tmp_path, text=text), "other", version))
        assert placed.new
    assert placed.replaced == "2.0.0"
    with pytest.raises(Refused) as caught:
        place_bundle(shelf, "other", relabelled(made(tmp_path, text="# again\n"), "other", "2.1.0"))
    assert caught.value.code == "version-exists"


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "published": [5]}', "\xff"])
def test_what_a_damaged_record_says_counts_as_nothing(tmp_path: Path, shelf: Path, damage: str) -> None:
    put(tmp_path)
    (shelf / ".ropeway/published/build.json").write_bytes(damage.encode("latin-1"))
    refused(tmp_path, "folder-changed")
    assert not put(tmp_path).new  # the same content: then it is what a publish writes
    assert put(tmp_path, version="1.1.0").replaced == "1.0.0"


def test_a_listed_folder_that_is_missing_is_published_again(tmp_path: Path, shelf: Path) -> None:
    put(tmp_path)
    shutil.rmtree(shelf / "workflows/build")
    assert put(tmp_path, version="1.1.0").new
    assert "1.1.0" in (shelf / "workflows/build/workflow.toml").read_text()


# -- what killed publishes left ---------------------------------------------------------------------------------------------------------


def test_what_was_set_aside_is_brought_back_when_nothing_is_in_its_place(tmp_path: Path, shelf: Path) -> None:
    put(tmp_path)
    (shelf / "workflows/build/NOTES.md").write_text("mine")
    (shelf / "workflows/build").rename(shelf / "workflows/.build.123.89abcdef.old")
    with pytest.raises(Refused) as caught:
        put(tmp_path, version="1.1.0")
    assert caught.value.code == "folder-changed"
    assert (shelf / "workflows/build/NOTES.md").read_text() == "mine"
    assert [path.name for path in (shelf / "workflows").iterdir()] == ["build"]


def test_what_was_set_aside_is_kept_when_it_holds_what_no_publish_wrote(tmp_path: Path, shelf: Path) -> None:
    put(tmp_path)
    aside = shelf / "workflows/.build.123.89abcdef.old"
    shutil.copytree(shelf / "workflows/build", aside)
    (aside / "NOTES.md").write_text("mine")
    assert str(aside) in refused(tmp_path, "publish-leftover").message
    (aside / "NOTES.md").unlink()
    half = shelf / "workflows/.build.124.89abcdef"
    half.mkdir()
    other = shelf / "workflows/.build2.124.89abcdef.old"
    other.mkdir()
    assert put(tmp_path, version="1.1.0").replaced == "1.0.0"
    assert sorted(path.name for path in (shelf / "workflows").iterdir()) == [other.name, "build"]
