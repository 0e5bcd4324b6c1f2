"""A folder of workflows, published as the workflow registry document does it, and every command that the page about both documents names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.harness import Said
from acceptance.test_pallet_documents import SCRIPTS, WORKFLOW, Documents, down
from support import oras_shapes
from support.registries import docker_registry

pytestmark = pytest.mark.needs("docker-registry")

PAGE = Path(__file__).parents[2] / "docs/how-to/pallet-registry.md"


@pytest.fixture
def docs(tmp_path: Path) -> Iterator[Documents]:
    with docker_registry(tmp_path / "docker-registry") as registry:
        yield Documents(tmp_path, registry.host)


def titled(workflow_id: str) -> str:
    return WORKFLOW.replace("test-workflow", workflow_id)


def test_every_yaml_file_is_pushed_by_its_name_and_what_is_there_is_listed(docs: Documents) -> None:
    docs.file("workflows/code-generation.yaml", titled("code-generation"))
    docs.file("workflows/deep in/it/smart router.yml", titled("smart-router"))
    docs.file("workflows/README.md", "no workflow")
    docs.file("workflows/own.toml", 'id = "own"\n')
    assert docs.do("publish --all workflows/ --registry REGISTRY") == Said(
        """
        ✓ Pushed workflows/code-generation:v1
        ✓ Pushed workflows/smart-router:v1
        workflows/code-generation
        workflows/smart-router
        """,
        "Workflows in REGISTRY:\n",
    )
    layer = oras_shapes.fetch(docs.host, "workflows/smart-router", "v1")["layers"][0]
    assert layer == oras_shapes.layer("smart router.yml", titled("smart-router").encode(), "application/yaml")


def test_the_validation_commands_of_the_document_work(docs: Documents) -> None:
    docs.file("workflows/test.yaml", WORKFLOW)
    said = docs.script("push_workflows.sh")
    assert said == Said(
        """
        ==========================================
        Pushing Workflows to Registry
        ==========================================
        ✓ Pushed workflows/test:v1
        workflows/test

        ✓ Workflow push complete
        ==========================================
        """,
        """
        warning: workflows/test.yaml says that its id is test-workflow, and is published as test
        Workflows in REGISTRY:
        """,
    )
    assert docs.do("agent list --all REGISTRY") == Said("workflows/test\n")


def test_one_that_fails_does_not_stop_the_rest(docs: Documents) -> None:
    docs.file("workflows/a-broken.yaml", "metadata: [")
    docs.file("workflows/Upper.yaml", WORKFLOW)
    docs.file("workflows/one/same.yaml", WORKFLOW)
    docs.file("workflows/same.yml", WORKFLOW)
    docs.file("workflows/test-workflow.yaml", WORKFLOW)
    said = docs.do("publish --all workflows --registry REGISTRY")
    assert said.out.splitlines() == [
        ("✗ Failed to push workflows/Upper:v1 (workflows/Upper.yaml): 'Upper' can not be the name of a repository in a registry"),
        "✗ Failed to push workflows/a-broken:v1 (workflows/a-broken.yaml): workflows/a-broken.yaml:1: a value is missing here",
        "✗ Failed to push workflows/same:v1 (workflows/one/same.yaml): workflows/same.yml would be workflows/same too",
        "✗ Failed to push workflows/same:v1 (workflows/same.yml): workflows/one/same.yaml would be workflows/same too",
        "✓ Pushed workflows/test-workflow:v1",
        "workflows/test-workflow",
    ]
    assert said.status == 1
    assert said.err.endswith("error: 4 workflows of 5 failed\n")
    assert docs.script("push_workflows.sh").status == 1


def test_an_empty_folder_is_a_warning(docs: Documents) -> None:
    (docs.root / "workflows").mkdir()
    assert docs.do("publish --all workflows --registry REGISTRY") == Said(
        err="warning: there are no workflow files in workflows: NAME.yaml, NAME.yml\n"
    )


def test_a_missing_folder_and_a_registry_that_does_not_answer_are_told_with_a_hint(docs: Documents) -> None:
    assert docs.do("publish --all workflows --registry REGISTRY") == Said(
        err="error: there is no folder workflows\nhint: run it from the project's folder, or name the folder that you mean\n", status=3
    )
    docs.file("workflows/test.yaml", WORKFLOW)
    said = docs.do(f"publish --all workflows --registry {down()}")
    assert (said.out, said.status) == ("", 3)
    assert "no registry runs at" in said.err
    assert "hint: start one" in said.err


def test_programs_get_an_object_for_each_file_and_one_for_the_registry(docs: Documents) -> None:
    docs.file("workflows/test.yaml", WORKFLOW)
    done = docs.raw("publish", "--all", "workflows", "--registry", docs.host, "--json")
    each, there = map(json.loads, done.stdout.splitlines())
    assert (each["name"], each["file"], each["ok"]) == ("workflows/test:v1", "workflows/test.yaml", True)
    assert there == {"registry": docs.host, "repositories": ["workflows/test"]}


def test_the_script_ends_with_1_where_the_command_does_not_end_with_0(docs: Documents) -> None:
    docs.file("workflows/test.yaml", WORKFLOW)
    for said in (docs.script("push_workflows.sh", "nowhere"), docs.script("push_workflows.sh", ROPEWAY_OCI_REGISTRY=down())):
        assert said.status == 1
        assert "hint: " in said.err
        assert said.out.endswith("✗ Not all workflows were pushed\n")
    assert SCRIPTS.joinpath("push_workflows.sh").stat().st_mode & 0o111 == 0o111


def test_every_command_that_the_page_names_works(docs: Documents) -> None:
    docs.file("workflows/test.yaml", WORKFLOW)
    lines = re.findall(r"\| `workflow ([^`]+)` \|$", PAGE.read_text(), re.MULTILINE)
    assert len(lines) == 14
    failed = {line: said for line in lines if (said := docs.do(line.replace("localhost:5000", "REGISTRY"))).status != 0}
    assert failed == {}
