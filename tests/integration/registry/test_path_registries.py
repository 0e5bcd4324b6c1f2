"""Registries that are folders: what their index may say, what comes along, and what is said about a bad one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ropeway.bundles.problems import AlteredBlob
from ropeway.bundles.tree import tree_digest
from ropeway.errors import RopewayError
from ropeway.lang.reference import Ref
from ropeway.registry import Evidence, Fetched, Wanted
from ropeway.registry.cache.store import Store
from ropeway.registry.resolvers.path import PathResolver

INDEX = """\
workflows:
  build:
    path: flows/build.toml
    description: Builds and tests
  acme/deploy: {path: ./deploy.yaml}
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "team"
    (folder / "flows/data").mkdir(parents=True)
    (folder / "index.yaml").write_text(INDEX)
    (folder / "flows/build.toml").write_text("id = 'build'")
    (folder / "flows/data/tool").write_text("#!/bin/sh")
    (folder / "flows/data/tool").chmod(0o755)
    (folder / "deploy.yaml").write_text("id: deploy")
    return folder


@pytest.fixture
def source(folder, tmp_path) -> PathResolver:
    return PathResolver(folder, registry="team", store=Store(tmp_path / "cache/ropeway"))


def fetch(source: PathResolver, name: str) -> Fetched:
    pin = source.pin(Wanted(f"{name}@team", name))
    return source.fetch(pin, source.evidence(pin))


def test_a_workflow_comes_with_the_folder_around_it_and_is_named_by_its_digest(source, folder):
    found = fetch(source, "build")
    assert (found.file, found.path.read_text()) == ("build.toml", "id = 'build'")
    assert os.access(found.root / "data/tool", os.X_OK)
    assert found.pin.source == f"path:{folder}"
    assert found.pin.digest == found.tree == tree_digest(folder / "flows")
    assert (found.pin.version, found.pin.registry, found.evidence) == (None, "team", Evidence())


def test_a_change_in_the_folder_is_other_content_and_the_old_one_stays(source, folder):
    first = fetch(source, "build")
    (folder / "flows/data/more").write_text("more")
    second = fetch(source, "build")
    assert first.pin.digest != second.pin.digest
    assert (first.root.exists(), (second.root / "data/more").read_text()) == (True, "more")


def test_what_was_fetched_is_found_when_the_folder_is_gone(source, folder):
    first = fetch(source, "build")
    folder.rename(folder.with_name("away"))
    assert source.fetch(first.pin, Evidence()) == first


def test_a_folder_that_changes_between_pin_and_fetch_is_noticed(source, folder):
    pin = source.pin(Wanted("build@team", "build"))
    (folder / "flows/build.toml").write_text("id = 'other'")
    with pytest.raises(AlteredBlob):
        source.fetch(pin, Evidence())


def test_an_index_that_names_another_file_of_the_same_folder_counts(source, folder):
    (folder / "flows/other.toml").write_text("id = 'other'")
    assert fetch(source, "build").file == "build.toml"
    (folder / "index.yaml").write_text(INDEX.replace("build.toml", "other.toml"))
    assert fetch(source, "build").file == "other.toml"


def test_a_repository_around_it_does_not_come_along(source, folder):
    for name in (".git", ".jj", ".hg"):
        (folder / name).mkdir()
        (folder / name / "config").write_text("x")
    found = fetch(source, "acme/deploy")
    assert sorted(path.name for path in found.root.iterdir()) == ["deploy.yaml", "flows", "index.yaml"]


def test_links_inside_travel_as_what_they_lead_to(source, folder):
    (folder / "flows/again").symlink_to("data")
    (folder / "flows/data/copy").symlink_to("tool")
    found = fetch(source, "build")
    listed = sorted(path.relative_to(found.root).as_posix() for path in found.root.rglob("*") if path.is_file() and not path.is_symlink())
    assert listed == ["again/copy", "again/tool", "build.toml", "data/copy", "data/tool"]


def test_an_index_may_be_json_with_tabs(source, folder):
    (folder / "index.yaml").unlink()
    (folder / "index.json").write_text('{\n\t"workflows": {\n\t\t"build": {"path": "flows/build.toml"},\n\t\t"bad": {"path": 3}\n\t}\n}\n')
    assert fetch(source, "build").file == "build.toml"
    with pytest.raises(RopewayError, match=r"/team/index.json:4:19: the path of 'bad' is an integer$"):
        fetch(source, "bad")


def test_searching_and_versions(source):
    assert [(each.name, each.registry, each.description) for each in source.search("")] == [
        ("acme/deploy", "team", None),
        ("build", "team", "Builds and tests"),
    ]
    assert [each.name for each in source.search("TESTS builds")] == ["build"]
    assert list(source.search("tests nothing")) == []
    assert source.releases(Wanted("build@team", "build")) == []


def test_a_version_is_refused_with_a_hint(source):
    with pytest.raises(RopewayError) as caught:
        source.pin(Wanted("build@team#v1", "build", Ref("v1", "name")))
    assert caught.value.message.endswith("is a folder, and what is in a folder has no versions")
    assert (caught.value.hint, caught.value.exit_status) == ("leave #v1 out", 2)


def entry(line: str) -> str:
    return f"workflows:\n  build: {line}\n"


@pytest.mark.parametrize(
    ("index", "message", "hint", "code"),
    [
        (entry("{path: gone.toml}"), "index.yaml:2:17: {folder}/gone.toml is not there", "correct the index", "workflow-file-missing"),
        (
            entry("{path: flows.toml}"),
            "index.yaml:2:17: {folder}/flows.toml is a folder",
            "name the workflow file",
            "workflow-file-missing",
        ),
        (entry("{path: ../x.toml}"), "index.yaml:2:17: the path of 'build' leads upwards: '../x.toml'", "or below it", "invalid-index"),
        (entry("{path: a/../../x.toml}"), "index.yaml:2:17: the path of 'build' leads upwards", "or below it", "invalid-index"),
        (
            entry("{path: /x.toml}"),
            "index.yaml:2:17: the path of 'build' is absolute: '/x.toml'",
            "from the index's folder on",
            "invalid-index",
        ),
        (entry("{path: ~/x.toml}"), "index.yaml:2:17: the path of 'build' is absolute", "from the index's folder on", "invalid-index"),
        (
            entry("{path: out.toml}"),
            "index.yaml:2:17: {folder}/out.toml leads out of the registry, to ",
            "copy what it leads to",
            "path-outside",
        ),
        (
            entry("{path: build}"),
            "index.yaml:2:17: the path of 'build' is not a workflow file: 'build'",
            ".toml, .yaml or .yml",
            "invalid-index",
        ),
        (entry("{path: ''}"), "index.yaml:2:17: the path of 'build' is empty", "name a file", "invalid-index"),
        (entry("{path: [a]}"), "index.yaml:2:17: the path of 'build' is a list", "name a file", "invalid-index"),
        (entry("{description: x}"), "index.yaml:2:3: the entry of 'build' has no path", "add path: workflows/build.toml", "invalid-index"),
        (entry("build.toml"), "index.yaml:2:10: the entry of 'build' is a string", "a table of tables", "invalid-index"),
        ("workflows: [build]\n", "index.yaml:1:12: workflows is a list", "a table of tables", "invalid-index"),
        ("workflows:\n", "index.yaml:1:11: workflows is nothing (null)", "a table of tables", "invalid-index"),
        ("entries: {}\n", "index.yaml lists no workflows", "add workflows:", "index-empty"),
        ("workflows: {\n", "index.yaml:", None, "invalid-index"),
        (b"\xff\xfe", "index.yaml:1:1: the file is not UTF-8", "UTF-16", "invalid-index"),
        ("workflows: {}\n", "has no workflow 'build'", "it has none", "workflow-not-found"),
        ("workflows: {biuld: {path: x.toml}}\n", "has no workflow 'build'", "did you mean 'biuld'? it has biuld", "workflow-not-found"),
        (None, "has no index.yaml or index.json", "write one", "index-missing"),
    ],
)
def test_each_slip_has_its_own_message(source, folder, index, message, hint, code):
    (folder / "flows.toml").mkdir()
    (folder / "out.toml").symlink_to("/etc/hostname")
    (folder / "index.yaml").unlink()
    if index is not None:
        (folder / "index.yaml").write_bytes(index if isinstance(index, bytes) else index.encode())
    with pytest.raises(RopewayError) as caught:
        fetch(source, "build")
    assert message.format(folder=folder) in caught.value.message
    assert str(folder) in caught.value.message
    assert caught.value.code == code
    if hint is not None:
        assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("target", "said"),
    [("/etc/hostname", "leads out"), ("../index.yaml", "leads out"), ("gone", "leads to nothing"), (".", "that it is in")],
)
def test_a_link_beside_the_definition_that_leads_out_or_nowhere_is_refused(source, folder, target, said):
    (folder / "flows/data/link").symlink_to(target if target != "../index.yaml" else "../../index.yaml")
    with pytest.raises(RopewayError, match=said) as caught:
        fetch(source, "build")
    assert caught.value.exit_status == 4


def test_what_is_no_file_is_refused(source, folder):
    os.mkfifo(folder / "flows/pipe")
    with pytest.raises(RopewayError, match="flows/pipe is neither a file nor a folder"):
        fetch(source, "build")


def test_a_folder_that_is_gone_is_said(source, folder):
    folder.rename(folder.with_name("away"))
    with pytest.raises(RopewayError) as caught:
        fetch(source, "build")
    assert (caught.value.code, caught.value.exit_status) == ("registry-not-found", 3)
    assert "the registry team" in caught.value.message
