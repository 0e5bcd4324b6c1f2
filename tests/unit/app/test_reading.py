from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.app.planning import make_plan, make_template
from ropeway.app.reading import read, resolve
from ropeway.app.sources import Sources
from ropeway.app.workflows import load
from ropeway.bundles.problems import NotLocked
from ropeway.errors import InvalidWorkflow, NotFound, Unreachable, UsageError
from ropeway.lang.plan import Value

ONE = """
id = "one"

[parameters.count]
type = "integer"
default = 1

[steps.a]
run = "echo ${{ params.count }}"
timeout = "5m"
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def codes(path: Path, *, overrides: tuple[str, ...] = ()) -> list[str]:
    return [d.code for d in load(path.name, cwd=path.parent, overrides=overrides).diagnostics]


@pytest.mark.parametrize("target", [None, "workflow.toml", "./workflow.toml", ".", "./", "one"])
def test_a_workflow_is_found_by_every_word_for_it(tmp_path: Path, target: str | None) -> None:
    write(tmp_path / "workflow.toml", ONE)
    loaded = read(target, cwd=tmp_path)
    assert loaded.checked().id == "one"
    assert loaded.name == "workflow.toml"


def test_a_home_folder_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/x.toml", Path("/")) == tmp_path / "x.toml"


@pytest.mark.parametrize("target", ["build@owner/repo#v1", "oci://example.org/build:1", "https://example.org/x.toml"])
def test_without_a_network_what_is_elsewhere_is_not_to_be_had(tmp_path: Path, target: str) -> None:
    with pytest.raises(Unreachable, match="not on this machine, and --offline"):
        read(target, cwd=tmp_path, sources=lambda: Sources(offline=True))


@pytest.mark.parametrize("target", ["build@team", "build@owner/repo#v1", "oci://example.org/build:1"])
def test_what_is_not_locked_is_refused_when_only_that_counts(tmp_path: Path, target: str) -> None:
    with pytest.raises(NotLocked, match=f"{target} is not locked"):
        read(target, cwd=tmp_path, sources=lambda: Sources(locked=True))


def test_a_registry_that_is_not_configured_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="team") as caught:
        read("build@team", cwd=tmp_path)
    assert "build@owner/repo" in str(caught.value.hint) or "name@owner/repo" in str(caught.value.hint)


def test_a_projects_own_workflow_has_no_version(tmp_path: Path) -> None:
    write(tmp_path / "workflow.toml", ONE)
    with pytest.raises(UsageError, match="has no versions"):
        read("one#1.0", cwd=tmp_path)


def test_in_a_folder_below_the_project_the_default_file_is_not_guessed(tmp_path: Path) -> None:
    write(tmp_path / "workflow.toml", ONE)
    (tmp_path / "src").mkdir()
    with pytest.raises(NotFound) as caught:
        read(None, cwd=tmp_path / "src")
    assert "workflow list" in str(caught.value.hint)


def test_overrides_win_in_their_order_and_reach_the_plan(tmp_path: Path) -> None:
    write(tmp_path / "workflow.toml", ONE)
    write(tmp_path / "fast.toml", '[steps.a]\ntimeout = "1m"\n')
    overrides = ("fast.toml", "steps.a.timeout=2m")
    plan = make_plan(read(None, cwd=tmp_path, overrides=overrides), cwd=tmp_path)
    assert plan.template.steps[0].timeout == 120
    assert plan.overrides == overrides
    assert make_plan(read(None, cwd=tmp_path, overrides=overrides[:1]), cwd=tmp_path).template.steps[0].timeout == 60


def test_a_mistake_in_an_override_is_shown_where_it_stands(tmp_path: Path) -> None:
    path = write(tmp_path / "workflow.toml", ONE)
    write(tmp_path / "bad.toml", "[steps.a]\ntimeuot = 1\n")
    found = load(path.name, cwd=tmp_path, overrides=("bad.toml",)).diagnostics
    assert [(d.location.file, d.location.line) for d in found] == [("bad.toml", 2)]
    assert codes(path, overrides=("steps.a.timeout=soon",)) != []


def test_an_override_that_is_neither_a_setting_nor_a_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "workflow.toml", ONE)
    with pytest.raises(UsageError, match="is no override"):
        read(None, cwd=tmp_path, overrides=("whatever",))
    with pytest.raises(NotFound):
        read(None, cwd=tmp_path, overrides=("gone.toml",))


def test_values_come_from_default_data_file_and_command_line_the_last_winning(tmp_path: Path) -> None:
    write(tmp_path / "workflow.toml", ONE)
    write(tmp_path / "params.toml", "count = 3\n")
    loaded = read(None, cwd=tmp_path)

    def count(**given: object) -> Value:
        return make_plan(loaded, cwd=tmp_path, **given).parameters["count"]

    assert count() == Value(1)
    assert count(values={"count": Value(2, "param")}) == Value(2, "param")
    assert count(values={"count": Value(2, "param")}, params_file="params.toml") == Value(3, "params-file")
    assert count(params_file="params.toml", params={"count": "4"}) == Value(4, "param")


@pytest.mark.parametrize(("name", "text"), [("p.toml", "count = 7"), ("p.yaml", "count: 7"), ("p.json", '{"count": 7}')])
def test_a_parameters_file_may_be_toml_yaml_or_json(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path / "workflow.toml", ONE)
    write(tmp_path / name, text)
    assert make_plan(read(None, cwd=tmp_path), cwd=tmp_path, params_file=name).parameters["count"] == Value(7, "params-file")


def test_a_broken_parameters_file_shows_its_place(tmp_path: Path) -> None:
    write(tmp_path / "workflow.toml", ONE)
    write(tmp_path / "p.toml", "count = ")
    with pytest.raises(InvalidWorkflow) as caught:
        make_plan(read(None, cwd=tmp_path), cwd=tmp_path, params_file="p.toml")
    assert caught.value.diagnostics[0].location.file == "p.toml"


@pytest.mark.parametrize("env", [{"A B": "x"}, {"": "x"}, {"A": "nul\0"}])
def test_a_variable_that_no_process_can_have_is_refused(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path / "workflow.toml", ONE)
    with pytest.raises(UsageError):
        make_plan(read(None, cwd=tmp_path), cwd=tmp_path, env=env)


def test_a_template_needs_no_values(tmp_path: Path) -> None:
    write(tmp_path / "workflow.toml", ONE.replace("default = 1\n", ""))
    assert make_template(read(None, cwd=tmp_path)).parameters == {}
    with pytest.raises(InvalidWorkflow):
        make_plan(read(None, cwd=tmp_path), cwd=tmp_path)


SUB = """
id = "sub"

[parameters.level]
type = "integer"

[steps.s]
run = "echo x=1 >> $ROPEWAY_OUTPUT"
outputs.x = { type = "integer" }

[outputs]
x = "${{ steps.s.outputs.x }}"
"""


def using(reference: str, level: str = "3") -> str:
    return f'id = "main"\n\n[steps.call]\nuses = "workflow:{reference}"\ninputs = {{ level = {level} }}\n'


def test_sub_workflows_are_loaded_from_the_folder_of_the_file_that_names_them(tmp_path: Path) -> None:
    write(tmp_path / "a/main.toml", using("../b/sub.toml"))
    write(tmp_path / "b/sub.toml", SUB + '\n[steps.deeper]\nuses = "workflow:./inner.toml"\n')
    write(tmp_path / "b/inner.toml", 'id = "inner"\n\n[steps.i]\nrun = "true"\n')
    plan = make_template(read("a/main.toml", cwd=tmp_path))
    assert sorted(t.id for t in plan.workflows.values()) == ["inner", "sub"]


def test_a_sub_workflow_may_be_named_by_its_id(tmp_path: Path) -> None:
    write(tmp_path / "workflow.toml", using("sub"))
    write(tmp_path / "workflows/sub.toml", SUB)
    assert [t.id for t in make_template(read(None, cwd=tmp_path)).workflows.values()] == ["sub"]


def test_validate_checks_what_is_handed_to_a_sub_workflow(tmp_path: Path) -> None:
    path = write(tmp_path / "main.toml", using("./sub.toml", '"high"'))
    write(tmp_path / "sub.toml", SUB)
    assert len(codes(path)) == 1
    write(path, using("./sub.toml"))
    assert codes(path) == []


def test_a_missing_sub_workflow_is_a_diagnostic_at_its_place(tmp_path: Path) -> None:
    path = write(tmp_path / "main.toml", using("./gone.toml"))
    found = load(path.name, cwd=tmp_path).diagnostics
    assert [(d.code, d.location.line) for d in found] == [("RW420", 4)]
    with pytest.raises(InvalidWorkflow):
        make_template(read(path.name, cwd=tmp_path))


def test_the_mistakes_of_a_sub_workflow_are_shown_in_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "main.toml", using("./sub.toml"))
    write(tmp_path / "sub.toml", SUB.replace("[outputs]", "[outputz]"))
    found = load(path.name, cwd=tmp_path).diagnostics
    assert found
    assert all(d.location.file.endswith("sub.toml") for d in found)


def test_a_workflow_that_uses_itself_is_told_so(tmp_path: Path) -> None:
    path = write(tmp_path / "main.toml", using("./main.toml"))
    assert "RW517" in codes(path)


def test_validate_works_offline_and_a_run_says_that_it_can_not(tmp_path: Path) -> None:
    path = write(tmp_path / "main.toml", using("build@team"))
    assert load(path.name, cwd=tmp_path).valid
    with pytest.raises(NotFound, match=r"main\.toml:\d+: .*team"):
        make_template(read(path.name, cwd=tmp_path))
