"""Everything that is wrong with a workflow, with what it uses and with the values of a call is told at once, each where it stands."""

from __future__ import annotations

import json

import pytest

from acceptance.harness import Project

SUB = """
    id = "sub"

    [parameters.wanted]

    [steps.a]
    run = "echo ${{ params.wanted }}"

    [outputs]
    said = "x"
    """


def told(project: Project, *args: str) -> list[tuple[str, str, int]]:
    """Return code, file and line of each error."""
    lines = project.raw(*args, "--json").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    found = found[0]["diagnostics"] if len(found) == 1 and "diagnostics" in found[0] else found
    return [(d["code"], d["file"].rpartition("/")[2], d["line"]) for d in found if d["severity"] == "error"]


def test_a_missing_sub_workflow_hides_nothing(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "main"
        [steps.gone]
        uses = "workflow:./gone.toml"
        [steps.sub]
        needs = ["gone"]
        uses = "workflow:./sub.toml"
        inputs = { other = "1" }
        [steps.show]
        needs = ["sub"]
        run = "echo ${{ steps.sub.outputs.sayd }} ${{ params.nothing }} ${{ steps.gone.outputs.anything }}"
        """,
    )
    project.file("sub.toml", SUB)
    found = told(project, "validate")
    assert ("RW420", "workflow.toml", 3) in found
    assert {("RW509", "workflow.toml", 6), ("RW508", "workflow.toml", 7)} <= set(found)
    assert len([each for each in found if each[1:] == ("workflow.toml", 10)]) == 2, found  # the sub-workflow's output and the parameter


def test_a_shape_error_hides_nothing_of_what_is_handed_to_a_sub_workflow(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "main"
        colour = "red"
        [steps.sub]
        uses = "workflow:./sub.toml"
        inputs = { other = "1" }
        """,
    )
    project.file("sub.toml", SUB)
    assert told(project, "validate") == [
        ("RW101", "workflow.toml", 2),
        ("RW509", "workflow.toml", 4),
        ("RW508", "workflow.toml", 5),
    ]


def test_files_that_use_each_other_and_have_mistakes_are_each_read_once(project: Project) -> None:
    project.file("workflow.toml", 'id = "a"\ncolour = 1\n[steps.b]\nuses = "workflow:./b.toml"\n')
    project.file("b.toml", 'id = "b"\ncolour = 1\n[steps.a]\nuses = "workflow:./workflow.toml"\n')
    assert sorted(told(project, "validate")) == [("RW101", "b.toml", 2), ("RW101", "workflow.toml", 2), ("RW517", "b.toml", 4)]


def test_a_call_is_told_of_its_values_too_when_a_sub_workflow_is_missing(project: Project) -> None:
    project.file("workflow.toml", 'id = "a"\n[parameters.n]\ntype = "integer"\n[steps.b]\nuses = "workflow:./b.toml"\n')
    said = project.run("run", "--param", "n=x")
    assert said.status == 2
    assert "error[RW420]" in said.err
    assert "error[RW603]" in said.err


def test_problems_of_a_parameters_file_point_at_it(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "a"
        [parameters.n]
        type = "integer"
        [parameters.token]
        type = "secret"
        [steps.b]
        run = "true"
        """,
    )
    project.file("values.toml", 'token = "hunter2"\nm = 1\nn  = "many"\n')
    said = project.run("run", "--params-file", "values.toml")
    assert said.status == 2
    assert " --> values.toml:1:1\n" in said.err
    assert "'token' is a secret and can't be given in a parameters file" in said.err
    assert "has no parameter 'm'" in said.err
    assert " --> values.toml:2:1\n" in said.err
    assert " --> values.toml:3:6\n" in said.err
    assert "workflow.toml:" not in said.err
    assert "hunter2" not in said.err + project.raw("run", "--params-file", "values.toml", "--json").stdout.decode()


@pytest.mark.parametrize("name", ["file:flows/one.toml", "file:./flows/one.toml"])
def test_a_file_address_is_a_path_for_people_and_for_files(project: Project, name: str) -> None:
    project.file("flows/one.toml", 'id = "one"\n[steps.a]\nrun = "echo here"\n')
    assert "  | here\n" in project.run("run", name).out
    assert project.run("validate", name).status == 0
    project.file("workflow.toml", f'id = "main"\n[steps.one]\nuses = "workflow:{name}"\n')
    assert "  | here\n" in project.run("run").out
