from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.app.scaffold import initialise, suggest_id, templates
from ropeway.errors import NotFound, Refused, StoreError, UsageError


def schema() -> str:
    return "{}"


def test_there_is_a_template_for_each_common_start_the_smallest_first() -> None:
    assert [t.name for t in templates()] == ["minimal", "node", "parallel", "python", "release", "tasks", "working-copy"]
    assert all(t.description for t in templates())


@pytest.mark.parametrize(
    ("name", "made"), [("My App", "my-app"), ("_x_", "x"), ("日本", "workflow"), ("a--b..c", "a-b-c"), ("", "workflow")]
)
def test_an_id_is_made_from_any_name(name: str, made: str) -> None:
    assert suggest_id(name) == made


def test_a_folder_gets_a_workflow_named_after_it_and_the_schema(tmp_path: Path) -> None:
    made = initialise(tmp_path / "My App", schema=schema)
    assert made.id == "my-app"
    assert made.workflow == tmp_path / "My App/workflow.toml"
    assert made.workflow.read_text().startswith("#:schema .ropeway/workflow.schema.json\n")
    assert made.schema == tmp_path / "My App/.ropeway/workflow.schema.json"


def test_files_of_one_project_share_the_schema(tmp_path: Path) -> None:
    initialise(tmp_path, schema=schema)
    made = initialise(tmp_path / "workflows/ci.toml", schema=schema)
    assert made.id == "ci"
    assert made.schema is None
    assert made.workflow.read_text().startswith("#:schema ../.ropeway/workflow.schema.json\n")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".ropeway").mkdir()
    (tmp_path / ".ropeway/workflow.schema.json").write_text("mine")
    initialise(tmp_path, schema=schema)
    assert (tmp_path / ".ropeway/workflow.schema.json").read_text() == "mine"
    with pytest.raises(Refused, match="is not overwritten"):
        initialise(tmp_path, schema=schema)


def test_what_can_not_be_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no template"):
        initialise(tmp_path / "new", template="nope", schema=schema)
    with pytest.raises(UsageError, match="can not be a workflow's id"):
        initialise(tmp_path / "new", workflow_id="Not An Id", schema=schema)
    with pytest.raises(UsageError, match="are TOML"):
        initialise(tmp_path / "new/w.yaml", schema=schema)
    assert not (tmp_path / "new").exists()


def test_a_place_that_can_not_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="can not be written"):
        initialise(tmp_path / "file" / "x", schema=schema)
