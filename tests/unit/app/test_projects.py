from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.app.projects import find_by_id, find_project, list_workflows, project_files, read_bytes
from ropeway.errors import NotFound, UsageError


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("mark", ["workflow.toml", "workflow.yaml", "workflow.yml", "workflows/x.toml"])
def test_a_project_is_the_nearest_folder_with_a_workflow(tmp_path: Path, mark: str) -> None:
    write(tmp_path / mark)
    inner = tmp_path / "src" / "deep"
    inner.mkdir(parents=True)
    assert find_project(inner) == tmp_path


@pytest.mark.parametrize("mark", [".git", ".jj"])
def test_the_search_for_a_project_ends_at_the_root_of_a_repository(tmp_path: Path, mark: str) -> None:
    write(tmp_path / "workflow.toml")
    (tmp_path / "vendored" / mark).mkdir(parents=True)
    (tmp_path / "vendored" / "src").mkdir()
    assert find_project(tmp_path / "vendored" / "src") is None
    write(tmp_path / "vendored" / "workflow.toml")
    assert find_project(tmp_path / "vendored" / "src") == tmp_path / "vendored"


def test_a_folder_called_workflow_toml_makes_no_project(tmp_path: Path) -> None:
    (tmp_path / "workflow.toml").mkdir()
    (tmp_path / ".git").mkdir()
    assert find_project(tmp_path) is None


def test_the_files_of_a_project_are_the_one_at_the_root_then_those_in_workflows(tmp_path: Path) -> None:
    for name in (
        "workflow.toml",
        "workflows/b.yaml",
        "workflows/a.toml",
        "workflows/notes.md",
        "workflows/big/workflow.toml",
        "other/x.toml",
    ):
        write(tmp_path / name)
    found = [p.relative_to(tmp_path).as_posix() for p in project_files(tmp_path)]
    assert found == ["workflow.toml", "workflows/a.toml", "workflows/b.yaml", "workflows/big/workflow.toml"]


def test_a_broken_file_is_listed_without_an_id(tmp_path: Path) -> None:
    write(tmp_path / "workflows/ok.toml", 'id = "ok"\nversion = "1.0.0"\n')
    write(tmp_path / "workflows/odd.toml", "id = 3\n")
    write(tmp_path / "workflows/broken.toml", "= =")
    assert [(w.id, w.version) for w in list_workflows(tmp_path)] == [(None, None), (None, None), ("ok", "1.0.0")]


def test_a_name_never_falls_through_to_somebody_elses_workflow(tmp_path: Path) -> None:
    write(tmp_path / "workflow.toml", 'id = "acme/build"\n')
    assert find_by_id("acme/build", tmp_path) == tmp_path / "workflow.toml"
    with pytest.raises(NotFound) as caught:
        find_by_id("deploy", tmp_path)
    assert "deploy@" in str(caught.value.hint)
    with pytest.raises(NotFound) as caught:
        find_by_id("acme/biuld", tmp_path)
    assert caught.value.hint == "did you mean 'acme/build'?"


def test_what_can_not_be_read_says_why(tmp_path: Path) -> None:
    write(tmp_path / "workflow.toml")
    with pytest.raises(NotFound, match=r"there is no file workflw\.toml") as caught:
        read_bytes(tmp_path / "workflw.toml", "workflw.toml")
    assert caught.value.hint == "did you mean 'workflow.toml'?"
    with pytest.raises(NotFound, match="is a folder"):
        read_bytes(tmp_path, "x")
    with pytest.raises(NotFound, match="there is no file"):
        read_bytes(tmp_path / "workflow.toml" / "x", "x")
    with pytest.raises(NotFound, match="can not be read"):
        read_bytes(Path("nul\0l"), "x")


def test_no_more_is_read_than_the_language_takes(tmp_path: Path) -> None:
    from ropeway.lang.source import MAX_BYTES

    path = tmp_path / "huge.toml"
    with path.open("wb") as file:
        file.truncate(10 * MAX_BYTES)
    assert len(read_bytes(path, "huge.toml")) == MAX_BYTES + 1


def test_an_id_that_two_files_have_is_refused_with_both_and_marked(tmp_path: Path) -> None:
    write(tmp_path / "workflows/a.toml", 'id = "build"\n')
    write(tmp_path / "workflows/b.toml", 'id = "build"\n')
    write(tmp_path / "workflows/c.toml", 'id = "other"\n')
    write(tmp_path / "workflows/d.toml", "= =")
    write(tmp_path / "workflows/e.toml", "= =")
    with pytest.raises(UsageError, match=r"2 files have the id build: workflows/a\.toml and workflows/b\.toml"):
        find_by_id("build", tmp_path)
    assert find_by_id("other", tmp_path) == tmp_path / "workflows/c.toml"
    assert [(w.id, w.unique) for w in list_workflows(tmp_path)] == [
        ("build", False),
        ("build", False),
        ("other", True),
        (None, True),
        (None, True),
    ]
