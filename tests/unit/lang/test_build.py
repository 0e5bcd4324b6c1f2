"""From a read document to the model: what each key becomes."""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass
from typing import Any

import pytest

from ropeway.lang.build import build, build_fields
from ropeway.lang.diagnostics import Location, Problems
from ropeway.lang.model import (
    Action,
    Artifact,
    Concurrency,
    Field,
    Policy,
    Repeat,
    Requirements,
    Resources,
    Retry,
    SandboxPolicy,
    Step,
    Workflow,
    WorkspacePolicy,
)


@dataclass
class Document:
    """A document without places: the line of a diagnostic is the path it was told at."""

    data: Any

    def locate(self, path, *, key=False, offset=None, length=1) -> Location:
        return Location(
            "test", 1, 1, 2, ".".join(map(str, path)) + (" (key)" if key else "") + (f" +{offset}" if offset is not None else "")
        )


def built(text: str) -> Workflow:
    document = Document(tomllib.loads(text))
    problems = Problems(document)
    workflow = build(document, problems)
    assert [(p.code, p.message) for p in problems] == []
    assert workflow is not None
    return workflow


STEP = 'id = "demo"\n[steps.a]\n'


def test_the_smallest_workflow_has_an_id_and_a_step():
    assert built(STEP + 'run = "true"') == Workflow(id="demo", steps={"a": Step(id="a", run="true")})


def test_what_the_workflow_says_about_itself_is_kept():
    workflow = built("""
        id = "acme/release-notes"
        version = "1.2.0-rc.1+build.5"
        name = "Release notes"
        description = ""
        tags = ["git", "docs"]
        license = "MIT OR Apache-2.0"
        homepage = "https://example.org/notes"
        [outputs]
        notes = "${{ steps.a.outputs.text }}"
        [steps.a]
        run = "true"
    """)
    assert (workflow.id, workflow.version, workflow.tags) == ("acme/release-notes", "1.2.0-rc.1+build.5", ("git", "docs"))
    assert workflow.outputs == {"notes": "${{ steps.a.outputs.text }}"}


def test_parameters_become_fields():
    workflow = built("""
        id = "demo"
        steps.a.run = "true"
        [parameters.since]
        pattern = '^[\\w./~^-]+$'
        default = "HEAD~20"
        description = "First commit"
        [parameters.level]
        type = "choice"
        choices = ["low", "high"]
        [parameters.count]
        type = "integer"
        required = false
        minimum = 1
        maximum = 9
        [parameters.names]
        type = "list"
        items = "integer"
        minimum = 0
        default = [1, 2]
        [parameters.token]
        type = "secret"
        source = "keyring:GH_TOKEN"
    """)
    assert workflow.parameters == {
        "since": Field("since", required=False, has_default=True, default="HEAD~20", pattern=r"^[\w./~^-]+$", description="First commit"),
        "level": Field("level", "choice", choices=("low", "high")),
        "count": Field("count", "integer", required=False, minimum=1, maximum=9),
        "names": Field("names", "list", required=False, has_default=True, default=[1, 2], items="integer", minimum=0),
        "token": Field("token", "secret", source="keyring:GH_TOKEN"),
    }


def test_requirements_and_policy_are_read_whole():
    workflow = built("""
        id = "demo"
        steps.a.run = "true"
        [requirements]
        commands = ["git>=2.39", "jj", "node >= 20, < 23"]
        python = ["requests>=2", "uvicorn[standard]~=0.30", "a-b"]
        image = "docker.io/library/python:3.12"
        [policy]
        max_parallel = 4
        priority = "high"
        concurrency = { group = "release-${{ params.since }}", limit = 2, on_full = "cancel-running" }
        timeout = "30m"
        on_failure = "continue"
        workspace = { backend = "jj", base = "main", keep = "always", tools = ["scripts"] }
        sandbox = { level = "kernel", write = ["."], read = ["/opt"], network = ["api.github.com"], secrets = ["GH_TOKEN"] }
        durability = "power"
        env_file = ".env"
    """)
    assert workflow.requirements == Requirements(
        commands=("git>=2.39", "jj", "node >= 20, < 23"),
        python=("requests>=2", "uvicorn[standard]~=0.30", "a-b"),
        image="docker.io/library/python:3.12",
    )
    assert workflow.policy == Policy(
        max_parallel=4,
        priority="high",
        concurrency=Concurrency("release-${{ params.since }}", 2, "cancel-running"),
        timeout=1800.0,
        on_failure="continue",
        workspace=WorkspacePolicy("jj", "main", "always", ("scripts",)),
        sandbox=SandboxPolicy("kernel", (".",), ("/opt",), ("api.github.com",), ("GH_TOKEN",)),
        durability="power",
        env_file=".env",
    )


def test_a_policy_that_asks_for_no_workspace_has_none():
    assert built(STEP + 'run = "true"\n[policy]\nmax_parallel = 2').policy == Policy(max_parallel=2)


def test_an_action_has_typed_inputs_and_one_thing_to_do():
    workflow = built("""
        id = "demo"
        steps.a.uses = "action:lint"
        [actions.lint]
        inputs.path = { type = "path", default = "." }
        run = "ruff check ${{ inputs.path }}"
        shell = "sh"
        env = { LANG = "C" }
        outputs.count = { type = "integer" }
        timeout = "1m"
        description = "Lints"
        [actions.both]
        inputs.path = { type = "path" }
        uses = "action:lint"
        with = { path = "${{ inputs.path }}" }
    """)
    path = Field("path", "path", required=False, has_default=True, default=".")
    assert workflow.actions == {
        "lint": Action(
            "lint",
            {"path": path},
            "ruff check ${{ inputs.path }}",
            shell="sh",
            env={"LANG": "C"},
            outputs={"count": Field("count", "integer")},
            timeout=60.0,
            description="Lints",
        ),
        "both": Action("both", {"path": Field("path", "path")}, uses="action:lint", with_inputs={"path": "${{ inputs.path }}"}),
    }


def test_a_step_with_every_key_is_read_whole():
    workflow = built("""
        id = "demo"
        [steps.summarise]
        name = "Summarise"
        description = "What happened"
        needs = ["collect", "lint"]
        uses = "agent:summarise_changes"
        inputs = { text = "${{ file('log.txt') }}", deep = { list = [1, { a = true }] } }
        when = "params.since != ''"
        retry = { attempts = 3, delay = "2s", backoff = "exponential", max_delay = "1m", on = ["timeout", "exit:75"] }
        timeout = "5m"
        on_error = "continue"
        workspace = "ephemeral"
        resources = { cpu = 0.5, memory = "1GiB" }
        pure = true
        interactive = true
        env = { LANG = "C", EMPTY = "" }
        outputs.summary = { type = "string" }
        foreach = "split(steps.collect.outputs.files, ',')"
        max_parallel = 8
    """)
    assert workflow.steps["summarise"] == Step(
        id="summarise",
        name="Summarise",
        description="What happened",
        uses="agent:summarise_changes",
        needs=("collect", "lint"),
        inputs={"text": "${{ file('log.txt') }}", "deep": {"list": [1, {"a": True}]}},
        env={"LANG": "C", "EMPTY": ""},
        when="params.since != ''",
        retry=Retry(3, 2.0, "exponential", 60.0, ("timeout", "exit:75")),
        timeout=300.0,
        on_error="continue",
        workspace="ephemeral",
        resources=Resources(0.5, 2**30),
        pure=True,
        interactive=True,
        outputs={"summary": Field("summary")},
        foreach="split(steps.collect.outputs.files, ',')",
        max_parallel=8,
    )


@pytest.mark.parametrize(
    ("toml", "run", "shell"),
    [
        ('run = "make"', "make", None),
        ('run = "make"\nshell = "node"', "make", "node"),
        ('run = "make"\nshell = ["zsh", "-e"]', "make", ("zsh", "-e")),
        ('run = ["git", "tag", ""]', ("git", "tag", ""), None),
    ],
)
def test_run_and_shell_are_a_string_or_a_list_of_words(toml, run, shell):
    step = built(STEP + toml).steps["a"]
    assert (step.run, step.shell) == (run, shell)


def test_repeat_has_an_expression_and_a_bound():
    step = built(STEP + 'run = "./polish"\nrepeat = { until = "steps.a.outputs.score >= 8", max = 5 }').steps["a"]
    assert step.repeat == Repeat("steps.a.outputs.score >= 8", 5)


def test_a_step_without_declared_outputs_is_open_and_one_with_an_empty_table_is_not():
    assert built(STEP + 'run = "true"').steps["a"].outputs is None
    assert built(STEP + 'run = "true"\noutputs = {}').steps["a"].outputs == {}


def test_artifacts_have_a_glob_and_a_retention():
    workflow = built(
        STEP + 'run = "true"\n[artifacts.notes]\npath = "dist/**/*.md"\nretention = "30d"\n[artifacts."log.txt"]\npath = "log.txt"'
    )
    assert workflow.artifacts == {"notes": Artifact("notes", "dist/**/*.md", 2_592_000.0), "log.txt": Artifact("log.txt", "log.txt")}


def test_the_fields_of_a_form_are_read_like_inputs():
    document = Document({})
    problems = Problems(document)
    fields = build_fields(
        {"stars": {"type": "integer", "minimum": 1}, "why": {"typ": "string"}}, ("steps", "ask", "inputs", "fields"), problems
    )
    assert fields == {"stars": Field("stars", "integer", minimum=1), "why": Field("why")}
    assert [(p.code, p.location.text) for p in problems] == [("RW101", "steps.ask.inputs.fields.why.typ (key)")]


def test_a_hundred_thousand_steps_are_built_in_linear_time():
    def seconds(count: int) -> float:
        step = {"run": "true", "shell": "sh", "timeout": "5m"}
        document = Document({"id": "demo", "steps": {f"s{at}": {**step, "needs": [f"s{at - 1}"] if at else []} for at in range(count)}})
        problems = Problems(document)
        start = time.perf_counter()
        workflow = build(document, problems)
        took = time.perf_counter() - start
        assert workflow is not None
        assert len(workflow.steps) == count
        assert len(problems) == 0
        return took

    small = min(seconds(10_000) for _ in range(3))
    assert seconds(100_000) < 40 * small  # ten times the steps; the rest is for a loaded machine
