"""Where the values of a plan came from."""

from __future__ import annotations

import json
from typing import Any

from acceptance.harness import Project

FLOW = """
    id = "ci"

    [parameters]
    p = { default = "file" }
    q = { default = "file" }
    m = { type = "map", default = { a = "file" } }

    [steps.a]
    run = "echo ${{ params.p }}"
    """


def plan(project: Project, *args: str) -> Any:
    return json.loads(project.raw("plan", "--json", *args).stdout)


def test_the_plan_says_where_each_value_came_from(project: Project) -> None:
    project.file("workflow.toml", FLOW)
    project.file("more.toml", '[parameters.q]\ndefault = "other"\n[policy]\nmax_parallel = 2\n[steps.a.retry]\nattempts = 3\n')
    made = plan(project, "--override", "more.toml", "--override", "parameters.p.default=x", "--override", "policy.timeout=1h")
    assert made["parameters"] == {
        "p": {"value": "x", "origin": "override"},
        "q": {"value": "other", "origin": "override more.toml"},
        "m": {"value": {"a": "file"}, "origin": "default"},
    }
    assert made["origins"] == {
        "parameters.q.default": "override more.toml",
        "policy.max_parallel": "override more.toml",
        "policy.timeout": "override",
        "steps.a.retry.attempts": "override more.toml",
        "parameters.p.default": "override",
    }


def test_what_a_call_gives_wins_over_an_override_and_an_entry_of_a_map_counts(project: Project) -> None:
    project.file("workflow.toml", FLOW)
    made = plan(project, "--override", "parameters.p.default=x", "--override", "parameters.m.default.a=b", "--param", "p=y")
    assert made["parameters"]["p"] == {"value": "y", "origin": "param"}
    assert made["parameters"]["m"] == {"value": {"a": "b"}, "origin": "override"}


def test_people_read_it_too(project: Project) -> None:
    project.file("workflow.toml", FLOW)
    out = project.run("plan", "--override", "parameters.p.default=x", "--override", "policy.max_parallel=1").out
    assert "  p  x              override\n" in out
    assert "\nOverridden:\n  policy.max_parallel  override\n" in out


def test_without_overrides_nothing_is_added(project: Project) -> None:
    project.file("workflow.toml", FLOW)
    made = plan(project)
    assert "origins" not in made
    assert {value["origin"] for value in made["parameters"].values()} == {"default"}
