"""From checked workflows to a plan."""

from __future__ import annotations

import json
import time

import pytest

from reading import source
from ropeway.errors import InvalidWorkflow
from ropeway.lang.library import library_key
from ropeway.lang.link import LinkedSource, Missing, link
from ropeway.lang.plan import Plan, PlanStep, Value, plan_from_json


def plan(text: str, parameters: dict[str, Value] | None = None, **library: LinkedSource) -> Plan:
    made = link(source(text), {f"/project/{name}.toml": one for name, one in library.items()}, parameters or {})
    assert isinstance(made, Plan)
    assert plan_from_json(json.loads(json.dumps(made.to_json()))) == made
    return made


def step(text: str, name: str = "a") -> PlanStep:
    return next(one for one in plan(text).template.steps if one.id == name)


def refused(text: str, parameters: dict[str, Value] | None = None, library: dict[str, LinkedSource] | None = None) -> list[str]:
    with pytest.raises(InvalidWorkflow) as error:
        link(source(text), library or {}, parameters if parameters is not None else {})
    return [f"{one.code} {one.message}" for one in error.value.diagnostics]


def sub(text: str, name: str) -> LinkedSource:
    return source(f'id = "{name}"\n{text}', f"/project/{name}.toml")


def test_a_script_is_compiled_and_keeps_its_values_outside():
    one = step('[parameters.x]\ndefault = "1"\n[steps.a]\nrun = "echo ${{ params.x }}"\n')
    assert (one.kind, one.shell) == ("script", ("bash",))
    assert one.script == 'echo "${ROPEWAY_V1}"'
    assert one.variables == {"ROPEWAY_V1": "params.x"}


def test_a_script_without_expressions_stays_as_it_is():
    one = step('[steps.a]\nrun = \'echo "$HOME"\'\nshell = "sh"\n')
    assert (one.script, one.shell, one.variables) == ('echo "$HOME"', ("sh",), {})


def test_an_argv_keeps_its_templates_and_has_no_shell():
    one = step('[parameters.x]\ndefault = "1"\n[steps.a]\nrun = ["echo", "${{ params.x }}"]\n')
    assert (one.kind, one.argv, one.script, one.shell) == ("argv", ("echo", "${{ params.x }}"), None, ())


def test_conditions_lose_their_braces():
    one = step('[steps.a]\nrun = "true"\nwhen = "${{ 1 == 1 }}"\nforeach = "${{ [1, 2] }}"\n')
    assert (one.when, one.foreach) == ("1 == 1", "[1, 2]")
    one = step('[steps.a]\nrun = "true"\nrepeat = { until = "${{ steps.a.state == \'x\' }}", max = 3 }\n')
    assert one.repeat is not None
    assert (one.repeat.until, one.repeat.max) == ("steps.a.state == 'x'", 3)


ACTIONS = """
[actions.inner]
inputs.n = { type = "integer" }
run = "head -n ${{ inputs.n }}"
shell = "sh"
env = { A = "inner", B = "inner", C = "${{ inputs.n }}" }
outputs.inner = {}
timeout = "1m"
[actions.outer]
inputs.m = { type = "integer", default = 3 }
uses = "action:inner"
with = { n = "${{ inputs.m + 1 }}" }
env = { A = "outer", B = "outer" }
timeout = "2m"
[steps.a]
uses = "action:outer"
inputs = { m = 5 }
env = { A = "step" }
[steps.b]
uses = "action:outer"
timeout = "3m"
outputs.mine = {}
"""


def test_layers_of_actions_become_frames_outermost_first():
    one = step(ACTIONS)
    assert (one.kind, one.script, one.shell) == ("script", 'head -n "${ROPEWAY_V1}"', ("sh",))
    assert [frame.inputs for frame in one.frames] == [{"m": 5}, {"n": "${{ inputs.m + 1 }}"}]
    assert [list(frame.fields) for frame in one.frames] == [["m"], ["n"]]


def test_what_is_said_further_out_wins_in_the_environment():
    assert set(step(ACTIONS).env) == {(0, "A", "step"), (1, "B", "outer"), (2, "C", "${{ inputs.n }}")}


def test_outputs_and_timeout_are_the_steps_own_or_the_nearest_actions():
    assert (step(ACTIONS, "a").timeout, list(step(ACTIONS, "a").outputs or {})) == (120.0, ["inner"])
    assert (step(ACTIONS, "b").timeout, list(step(ACTIONS, "b").outputs or {})) == (180.0, ["mine"])


def test_a_builtin_gets_a_frame_with_its_declared_inputs_and_outputs():
    one = step('[steps.a]\nuses = "builtin:vcs-diff"\n')
    assert (one.kind, one.uses) == ("builtin", "vcs-diff")
    assert one.frames[-1].fields["paths"].default == []
    assert list(one.outputs or {}) == ["diff", "files", "changed"]


def test_a_form_carries_its_fields_as_outputs():
    one = step('[steps.a]\nuses = "gate:form"\ninputs = { prompt = "x", fields = { n = { type = "integer" } } }\n')
    assert (one.kind, one.uses) == ("gate", "form")
    assert one.frames[-1].inputs["fields"] == {"n": {"type": "integer"}}
    assert "fields" not in one.frames[-1].fields
    assert one.outputs is not None
    assert one.outputs["n"].type == "integer"


def test_a_step_knows_which_secrets_are_in_its_scope():
    text = """
        [policy.sandbox]
        secrets = ["GH"]
        [parameters.token]
        type = "secret"
        [actions.x]
        inputs.t = { type = "secret" }
        run = "true"
        env.T = "${{ inputs.t }}"
        [steps.login]
        run = "true"
        outputs.key = { type = "secret" }
        [steps.a]
        needs = ["login"]
        uses = "action:x"
        inputs = { t = "${{ params.token }}" }
        env = { K = "${{ steps.login.outputs.key }}", G = "${{ secrets.GH }}" }
    """
    assert step(text).secrets == ("params.token", "secrets.GH", "steps.login.outputs.key")
    assert step(text, "login").secrets == ()


def test_what_is_missing_from_the_library_is_returned_with_its_place():
    text = '[steps.a]\nuses = "workflow:./sub.toml"\n[steps.b]\nuses = "workflow:x@acme#^1"\n[steps.c]\nuses = "workflow:lint"\n'
    missing = link(source(text), {}, {})
    assert isinstance(missing, Missing)
    assert [(one.key, one.reference) for one in missing.references] == [
        ("/project/sub.toml", "./sub.toml"),
        ("x@acme#^1", "x@acme#^1"),
        ("lint in /project", "lint"),
    ]
    assert missing.references[0].base == "/project/workflow.toml"
    assert (missing.references[0].location.line, missing.references[0].location.column) == (3, 8)


def test_what_sub_workflows_use_is_asked_for_too_relative_to_their_own_file():
    text = '[steps.a]\nuses = "workflow:./deep/one.toml"\n'
    one = source('id = "one"\n[steps.x]\nuses = "workflow:../two.toml"\n', "/project/deep/one.toml")
    missing = link(source(text), {"/project/deep/one.toml": one}, {})
    assert isinstance(missing, Missing)
    assert [want.key for want in missing.references] == ["/project/two.toml"]


def test_sub_workflows_are_embedded_once_by_digest():
    one = sub('[steps.x]\nuses = "workflow:./two.toml"\n', "one")
    two = sub('[steps.x]\nrun = "true"\n', "two")
    made = plan('[steps.a]\nuses = "workflow:one.toml"\n[steps.b]\nuses = "workflow:./two.toml"\n', one=one, two=two)
    assert set(made.workflows) == {one.digest, two.digest}
    assert [step.uses for step in made.template.steps] == [one.digest, two.digest]
    assert made.template.workflows == {"one.toml": one.digest, "./two.toml": two.digest}
    assert made.workflows[one.digest].steps[0].uses == two.digest


def test_equal_files_in_different_folders_stay_two_workflows():
    text = 'id = "same"\n[steps.x]\nuses = "workflow:./leaf.toml"\n'
    library = {f"/project/{f}/same.toml": source(text, f"/project/{f}/same.toml") for f in "ab"}
    library |= {f"/project/{f}/leaf.toml": source(f'id = "leaf"\n[steps.x]\nrun = "echo {f}"\n', f"/project/{f}/leaf.toml") for f in "ab"}
    made = link(source('[steps.a]\nuses = "workflow:./a/same.toml"\n[steps.b]\nuses = "workflow:./b/same.toml"\n'), library, {})
    assert isinstance(made, Plan)
    scripts = []
    for one in made.template.steps:
        assert one.uses is not None
        leaf = made.workflows[one.uses].steps[0].uses
        assert leaf is not None
        scripts.append(made.workflows[leaf].steps[0].script)
    assert scripts == ["echo a", "echo b"]


def test_a_workflow_that_uses_itself_is_shown_as_a_circle():
    one = sub('[steps.x]\nuses = "workflow:./two.toml"\n', "one")
    two = sub('[steps.x]\nuses = "workflow:./one.toml"\n', "two")
    library = {"/project/one.toml": one, "/project/two.toml": two}
    said = refused('[steps.a]\nuses = "workflow:./one.toml"\n', library=library)
    assert said == ["RW517 this workflow uses itself: '/project/one.toml' -> '/project/two.toml' -> '/project/one.toml'"]


def chain(levels: int) -> dict[str, LinkedSource]:
    library = {}
    for n in range(1, levels + 1):
        text = 'run = "true"' if n == levels else f'uses = "workflow:./n{n + 1}.toml"'
        library[f"/project/n{n}.toml"] = sub(f"[steps.x]\n{text}\n", f"n{n}")
    return library


def test_sixteen_levels_of_sub_workflows_are_enough():
    text = '[steps.a]\nuses = "workflow:./n1.toml"\n'
    assert isinstance(link(source(text), chain(16), {}), Plan)
    assert refused(text, library=chain(17)) == ["RW518 sub-workflows are nested more than 16 deep"]
    assert refused(text, library=chain(500)) == ["RW518 sub-workflows are nested more than 16 deep"]


def test_a_level_that_was_seen_nearer_counts_from_the_deepest_way_to_it():
    text = '[steps.a]\nuses = "workflow:./n2.toml"\n[steps.b]\nuses = "workflow:./n1.toml"\n'
    assert refused(text, library=chain(17)) == ["RW518 sub-workflows are nested more than 16 deep"]


def test_problems_of_sub_workflows_are_told_with_their_own_places():
    bad = sub('[steps.x]\nrun = "true"\nneeds = ["y"]\n', "bad")
    assert refused('[steps.a]\nuses = "workflow:./bad.toml"\n', library={"/project/bad.toml": bad}) == ["RW501 there is no step 'y'"]


PARAMETERS = """
[parameters.since]
[parameters.count]
type = "integer"
default = 3
[parameters.maybe]
required = false
[parameters.token]
type = "secret"
source = "env:TOKEN"
[parameters.other]
type = "secret"
[parameters.tags]
type = "list"
default = []
[steps.a]
run = "true"
"""


def test_every_parameter_has_a_value_and_its_origin():
    given = {"since": Value("v1", "param"), "count": Value("5", "param"), "tags": Value(["a"], "params-file")}
    assert plan(PARAMETERS, given).parameters == {
        "since": Value("v1", "param"),
        "count": Value(5, "param"),
        "maybe": Value(None, "default"),
        "token": Value("env:TOKEN", "secret"),
        "other": Value(None, "secret"),
        "tags": Value(["a"], "params-file"),
    }


def test_all_that_is_wrong_with_parameters_is_told_at_once():
    given = {
        "count": Value("many", "param"),
        "tags": Value("a,b", "params-file"),
        "token": Value("s3cret", "param"),
        "sinse": Value("v1", "param"),
    }
    said = refused(PARAMETERS, given)
    assert [line[:5] for line in said] == ["RW602", "RW601", "RW603", "RW604", "RW603"]
    assert not any("s3cret" in line for line in said)


def test_without_parameters_the_template_is_made():
    made = link(source(PARAMETERS), {})
    assert isinstance(made, Plan)
    assert made.parameters == {}
    assert len(made.template.steps) == 1


def test_warnings_are_kept_in_the_plan():
    made = plan('[steps.a]\nrun = "true"\n[steps.b]\nneeds = ["a", "a"]\nrun = "true"\n')
    assert made.warnings == ("workflow.toml:5: 'a' is needed twice",)
    assert made.template.steps[1].needs == ("a",)


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        ("./x.toml", "/p/q/x.toml"),
        ("../x.toml", "/p/x.toml"),
        ("x.toml", "/p/q/x.toml"),
        ("file:sub/x.toml", "/p/q/sub/x.toml"),
        ("/abs/x.toml", "/abs/x.toml"),
        ("~/x.toml", "~/x.toml"),
        ("lint", "lint in /p/q"),
        ("lint#v1", "lint#v1 in /p/q"),
        ("lint@acme", "lint@acme"),
        ("lint@owner/repo#main", "lint@owner/repo#main"),
        ("https://example.com/x.toml", "https://example.com/x.toml"),
        ("ghcr.io/acme/x:1", "ghcr.io/acme/x:1"),
    ],
)
def test_a_reference_is_made_absolute_only_where_it_depends_on_the_place(reference: str, key: str):
    assert library_key(reference, "/p/q/workflow.toml") == key
    assert library_key(reference, None) == reference


def test_ten_thousand_steps_are_linked_in_a_blink():
    steps = "".join(f'[steps.s{n}]\nrun = "true"\nshell = "sh"\n' + (f'needs = ["s{n - 1}"]\n' if n else "") for n in range(10_000))
    big = source(steps)
    started = time.process_time()
    made = link(big, {}, {})
    assert isinstance(made, Plan)
    assert time.process_time() - started < 1, "0.07 s here; the bound leaves room for a busy machine"
