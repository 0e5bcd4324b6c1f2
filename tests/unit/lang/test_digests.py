"""What makes a step the same as before."""

from __future__ import annotations

from reading import source
from ropeway.lang.digests import step_digests, workflow_digest
from ropeway.lang.link import LinkedSource, link
from ropeway.lang.plan import Plan, Value

TEXT = """
[parameters.x]
default = "1"
[parameters.y]
default = "1"
[steps.a]
run = "echo ${{ params.x }}"
[steps.b]
needs = ["a"]
run = "true"
[steps.c]
run = "true"
env.Y = "${{ params.y }}"
"""


def digests(text: str, values: dict[str, str] | None = None, env: dict[str, str] | None = None, **library: LinkedSource) -> dict[str, str]:
    given = {name: Value(value, "param") for name, value in (values or {}).items()}
    made = link(source(text), {f"/project/{name}.toml": one for name, one in library.items()}, given, env=env)
    assert isinstance(made, Plan)
    return step_digests(made)


def changed(text: str, values: dict[str, str] | None = None, env: dict[str, str] | None = None) -> set[str]:
    before, after = digests(TEXT), digests(text, values, env)
    return {name for name in after if before.get(name) != after[name]}


def test_nothing_changed_means_the_same_digests():
    assert changed(TEXT) == set()
    assert changed("# a comment\n" + TEXT) == set()


def test_a_changed_script_changes_the_step_and_all_that_need_it():
    assert changed(TEXT.replace("echo ", "ls ")) == {"a", "b"}


def test_only_steps_that_read_a_parameter_depend_on_its_value():
    assert changed(TEXT, {"x": "2"}) == {"a", "b"}
    assert changed(TEXT, {"y": "2"}) == {"c"}
    assert changed(TEXT, {"y": "1"}) == set(), "the same value from another place is the same value"


def test_what_can_not_change_what_a_step_did_does_not_count():
    patient = TEXT + 'timeout = "5m"\nretry = { attempts = 3 }\nname = "See"\nresources = { cpu = 2 }\n'
    assert changed(patient) == set()


def test_what_decides_whether_and_how_it_runs_counts():
    assert changed(TEXT + 'when = "1 == 1"\n') == {"c"}
    assert changed(TEXT + 'on_error = "continue"\n') == {"c"}
    assert changed(TEXT + "outputs.n = {}\n") == {"c"}
    assert changed(TEXT + 'foreach = "[1]"\n') == {"c"}


def test_the_callers_settings_count_for_every_step():
    assert changed(TEXT, env={"A": "b"}) == {"a", "b", "c"}


def test_a_parameter_read_by_a_computed_name_is_any_parameter():
    text = TEXT + "[steps.d]\nforeach = \"['x', 'y']\"\nrun = \"echo ${{ params[item] }}\"\n"
    assert digests(text)["d"] != digests(text, {"y": "2"})["d"]


def test_a_change_deep_inside_a_sub_workflow_changes_the_step_that_uses_it():
    def through(script: str) -> dict[str, str]:
        one = source('id = "one"\n[steps.x]\nuses = "workflow:./two.toml"\n', "/project/one.toml")
        two = source(f'id = "two"\n[steps.x]\nrun = "{script}"\n', "/project/two.toml")
        return digests('[steps.a]\nuses = "workflow:./one.toml"\n[steps.b]\nrun = "true"\n', one=one, two=two)

    before, after = through("true"), through("false")
    assert before["a"] != after["a"]
    assert before["b"] == after["b"]


def test_a_workflows_digest_is_over_what_it_says_and_not_how():
    assert workflow_digest({"a": 1, "b": [1, "x"]}) == workflow_digest({"b": [1, "x"], "a": 1})
    assert workflow_digest({"a": 1}) != workflow_digest({"a": True})
    assert workflow_digest({"a": "1"}) != workflow_digest({"a": 1})
    assert workflow_digest({"a": "é\ud800"}).startswith("sha256:")
