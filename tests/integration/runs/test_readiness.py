"""What is not there, or can't be enforced, is said before a run exists: nothing is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.projects import Project

ONE = '[steps.a]\nrun = "true"\n'


def refused(project: Project, *arguments: str, status: int) -> str:
    """Call the program; return what it said, when nothing is left behind."""
    ran = project.call(*(arguments or ("run",)))
    assert ran.status == status, ran.out + ran.err
    assert not list(project.store.runs.glob("*"))
    assert project.call("status").out == ""
    return ran.err


@pytest.mark.parametrize("rule", ["network = []", "write = []", "read = []", 'network = ["example.com"]'])
def test_an_access_rule_is_refused_also_when_it_denies_everything(project: Project, rule: str) -> None:
    project.write(f"[policy]\nsandbox = {{ {rule} }}\n{ONE}")
    assert "--no-sandbox" in refused(project, status=4)
    assert project.call("run", "--no-sandbox").status == 0


def test_a_list_of_secrets_needs_no_sandbox(project: Project) -> None:
    project.write('[policy]\nsandbox = { secrets = ["TOKEN"] }\n[steps.a]\nrun = "test ${{ secrets.TOKEN }} = x"\n')
    assert project.call("run", env={"TOKEN": "x"}).status == 0


def test_a_refusal_names_everything_that_can_be_done_about_it(project: Project) -> None:
    project.write(
        '[policy]\nsandbox = { level = "kernel" }\n[steps.a]\nrun = "true"\nworkspace = "ephemeral"\nresources = { cpu = 10000 }\n'
    )
    said = refused(project, status=4)
    assert "hint: --no-sandbox runs without it; " in said
    assert "ephemeral" in said
    assert said.rstrip().endswith("lower `resources.cpu`")
    assert "\nhint: --no-sandbox" not in refused(project, "run", "--no-sandbox", status=4)


def test_a_missing_secret_leaves_no_run_behind(project: Project) -> None:
    project.write('[parameters.t]\ntype = "secret"\nsource = "env:NOT_SET"\n[steps.a]\nrun = "echo ${{ params.t }}"\n')
    assert "the secret t has no value" in refused(project, status=3)


def test_a_secret_that_is_missing_later_leaves_no_linked_run_behind(project: Project) -> None:
    project.write('[parameters.t]\ntype = "secret"\nsource = "env:T"\n[steps.a]\nrun = "test -n ${{ params.t }}"\n')
    assert project.call("run", env={"T": "secret-value"}).status == 0
    assert project.call("resume", "--from", "a").status == 3
    assert len(project.store.ids()) == 1
    assert project.call("resume", "--from", "a", env={"T": "secret-value"}).status == 0
    assert len(project.store.ids()) == 2


def test_wrong_settings_leave_no_run_behind(project: Project) -> None:
    project.write(ONE)
    settings = project.root / "config/ropeway/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('max_parallel = "many"\n')
    refused(project, status=2)


ENV_FILE = """
[parameters.t]
type = "secret"
source = "env:T"
[policy]
env_file = "deep/my.env"
[steps.a]
run = 'test "$PLAIN" = from-file && test ${{ params.t }} = hidden'
"""


def test_the_policys_env_file_serves_steps_and_secrets_and_the_persons_wins(project: Project) -> None:
    project.write(ENV_FILE)
    said = refused(project, status=3)
    assert f"there is no file {project.cwd}/deep/my.env\nhint: policy.env_file names it" in said
    (project.cwd / "deep").mkdir()
    (project.cwd / "deep/my.env").write_text("PLAIN=from-file\nT=hidden\n")
    assert project.call("run").status == 0
    (project.cwd / "other.env").write_text("PLAIN=other\nT=hidden\n")
    assert project.call("run", "--env-file", "other.env").status == 1
    assert project.resume().status == 1  # as it was asked for
    (project.cwd / "other.env").write_text("PLAIN=from-file\nT=hidden\n")
    assert project.resume().status == 0


def test_a_run_goes_on_with_the_policys_env_file(project: Project) -> None:
    project.write('[policy]\nenv_file = "my.env"\n[steps.a]\nrun = \'test "$PLAIN" = right\'\n')
    (project.cwd / "my.env").write_text("PLAIN=wrong\n")
    assert project.call("run").status == 1
    (project.cwd / "my.env").write_text("PLAIN=right\n")
    assert project.resume().status == 0


def test_the_env_file_of_a_sub_workflow_is_refused(project: Project) -> None:
    project.write(f'[policy]\nenv_file = "my.env"\n{ONE}', "inner.toml")
    (project.cwd / "my.env").write_text("A=b\n")
    project.write('[steps.sub]\nuses = "workflow:./inner.toml"\n')
    said = refused(project, status=4)
    assert "the sub-workflow inner wants an env file" in said
    assert "move policy.env_file to the workflow that is run" in said


def test_all_plugins_that_are_missing_are_named_at_once(project: Project) -> None:
    (project.cwd / "plain").write_text("#!/bin/sh\n")
    (project.cwd / "good").write_text("#!/bin/sh\n")
    (project.cwd / "good").chmod(0o755)
    project.write('[steps.a]\nuses = "plugin:no-such-sub-plugin"\n', "inner.toml")
    names = ("no-such-plugin", "./nope", "./plain", "./good")
    steps = "".join(f'[steps.s{n}]\nuses = "plugin:{name}"\n' for n, name in enumerate(names))
    project.write(f'{steps}[steps.sub]\nuses = "workflow:./inner.toml"\n')
    said = refused(project, status=3)
    for part in ("plugin:no-such-plugin", "plugin:./nope (no file ", "plugin:./plain (", "is not executable", "plugin:no-such-sub-plugin"):
        assert part in said
    assert "good" not in said


def test_a_plugin_is_looked_up_on_the_steps_own_path(project: Project) -> None:
    (project.cwd / "tools").mkdir()
    plugin = project.cwd / "tools/ropeway-step-mine"
    plugin.write_text("#!/bin/sh\nexit 0\n")
    plugin.chmod(0o755)
    project.write('[steps.a]\nuses = "plugin:mine"\nenv.PATH = "tools:/usr/bin:/bin"\n')
    assert project.call("run").status == 0
    project.write('[parameters.p]\ndefault = "tools:/usr/bin:/bin"\n[steps.a]\nuses = "plugin:mine"\nenv.PATH = "${{ params.p }}"\n')
    assert project.call("run").status == 0
    project.write('[steps.a]\nuses = "plugin:mine"\n')
    assert project.call("run").status == 3


def test_a_step_may_work_in_any_folder_that_exists(project: Project) -> None:
    (project.cwd / "below").mkdir()
    (project.root / "beside").mkdir()
    for where in ("below", "../beside", str(project.root / "beside")):
        ran = project.run(f'[steps.a]\nrun = "pwd -P"\nworkspace = "{where}"\n')
        assert ran.log("a").decode().strip() == str((project.cwd / where).resolve())
    ran = project.run('[parameters.p]\ndefault = "gone"\n[steps.a]\nrun = "pwd"\nworkspace = "${{ params.p }}"\n')
    assert ran.state.steps["a"].error == "no such folder: gone (`workspace` names an existing folder, relative to the run's or absolute)"
