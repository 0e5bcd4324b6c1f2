"""A run in a repository works in a working copy of its own, and its files can be gone back to."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from support.projects import until
from support.repositories import RepositoryProject

KINDS = [
    pytest.param("git", marks=pytest.mark.needs("git")),
    pytest.param("jj", marks=pytest.mark.needs("jj", "git")),
    pytest.param("overlay", marks=pytest.mark.needs("git")),
    pytest.param("plain", marks=pytest.mark.needs("git")),
]


@pytest.fixture(params=KINDS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> RepositoryProject:
    kind = request.param
    project = RepositoryProject(tmp_path, "jj" if kind == "jj" else "git")
    project.backend = kind
    return project


def test_the_home_folder_stays_as_it_is_and_the_copy_has_the_changes(project: RepositoryProject) -> None:
    (project.cwd / "a.txt").write_text("edited\n")
    (project.cwd / "new.txt").write_text("untracked\n")
    before = project.files() | {"workflow.toml": ("file", b"")}
    ran = project.run('[steps.a]\nrun = "cat a.txt new.txt; echo more >> a.txt; rm new.txt; ln -s a.txt link"\n')
    assert ran.status == 0, ran.err
    assert project.files() | {"workflow.toml": ("file", b"")} == before
    assert ran.log("a") == b"edited\nuntracked\n"
    copied = project.files(project.copy)
    assert copied["a.txt"] == ("file", b"edited\nmore\n")
    assert copied["link"] == ("link", b"a.txt")
    assert copied["bin/tool"][0] == "exec"
    assert "new.txt" not in copied
    assert "3 files changed" in ran.err
    assert f"workflow diff {ran.folder.id}" in ran.err


def test_a_copy_that_nothing_changed_in_goes_and_one_with_changes_stays(project: RepositoryProject) -> None:
    ran = project.run('[steps.a]\nrun = "true"\n')
    copy = project.copy
    assert not copy.exists()
    assert ran.told("workspace.cleaned")
    assert project.vcs("git", "worktree", "list").count("\n") == 1 if project.kind == "git" else True
    ran = project.run('[steps.a]\nrun = "echo >> a.txt"\n')
    assert project.copy.exists()
    assert ran.told("workspace.kept")[0].data["changed"] == 1


def test_a_committed_base_leaves_out_what_is_uncommitted(project: RepositoryProject) -> None:
    if project.backend == "plain":
        project.write('[steps.a]\nrun = "true"\n')
        refused = project.call("run", "--base", "HEAD")
        assert refused.status == 4
        assert "a plain copy can't start from 'HEAD'" in refused.err
        return
    (project.cwd / "a.txt").write_text("edited\n")
    project.write('[steps.a]\nrun = "cat a.txt"\n')
    ran = project.call("run", "--base", "HEAD")
    assert ran.status == 0, ran.err
    assert ran.log("a") == b"one\n"


def test_an_unknown_base_is_refused_before_there_is_a_run(project: RepositoryProject) -> None:
    project.write('[steps.a]\nrun = "true"\n')
    ran = project.call("run", "--base", "no-such-branch")
    assert ran.status == (4 if project.backend == "plain" else 3)
    assert "no-such-branch" in ran.err
    assert ran.folder is None


def test_here_works_in_the_folder_itself(project: RepositoryProject) -> None:
    project.write('[steps.a]\nrun = "echo two >> a.txt"\n')
    ran = project.call("run", "--here")
    assert ran.status == 0, ran.err
    assert (project.cwd / "a.txt").read_text() == "one\ntwo\n"
    assert "in place (as asked)" in ran.out


def test_a_run_from_a_folder_below_starts_in_its_counterpart(project: RepositoryProject) -> None:
    below = project.cwd / "bin"
    project.write('[steps.a]\nrun = "pwd; ./tool"\n', "bin/workflow.toml")
    process = project.start("run", cwd=below)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    folder = project.newest()
    copy = folder.state().copy["path"]
    assert f"| {os.path.realpath(copy)}/bin\n  | tool\n" in out


def test_steps_know_their_workspace(project: RepositoryProject) -> None:
    ran = project.run(
        '[steps.a]\nrun = "echo $AGENT_WORKSPACE_ID; echo $AGENT_WORKSPACE_PATH; echo $AGENT_WORKSPACE_REPO_ROOT; test -f $AGENT_WORKSPACE_METADATA; touch x"\n'
    )
    assert ran.status == 0, ran.err
    assert ran.log("a").decode().split("\n")[:3] == [ran.folder.id, str(project.copy), os.path.realpath(project.cwd)]
    data = json.loads((project.copy / ".agent-tools/.agent-workflow.json").read_text())
    assert data["status"] == "done"
    assert data["workflow"] == "workflow"
    assert data["run"] == ran.folder.id


def test_boundaries_tell_which_step_changed_what(project: RepositoryProject) -> None:
    ran = project.run(
        '[steps.a]\nrun = "echo a > x"\n[steps.b]\nneeds = ["a"]\nrun = "true"\n[steps.c]\nneeds = ["b"]\nrun = "echo c > y"\npure = false\n'
        '[steps.d]\nneeds = ["c"]\nrun = "true"\npure = true\n'
    )
    ends = {e.step: e.data.get("snapshot") for e in ran.told("step.finished")}
    assert [ends[s]["number"] for s in "abc"] == [1, 1, 2]
    assert ends["d"] is None
    assert all(ends[s]["quiet"] for s in "abc")


def test_steps_at_work_at_once_have_mixed_boundaries(project: RepositoryProject) -> None:
    ran = project.run(
        "[policy]\nmax_parallel = 2\n"
        '[steps.a]\nrun = "echo a > x; touch started; until test -e done; do sleep 0.02; done"\n'
        '[steps.b]\nrun = "until test -e started; do sleep 0.02; done; echo b > y"\n'
        '[steps.c]\nneeds = ["b"]\nrun = "touch done"\n'
    )
    ends = {e.step: e.data["snapshot"] for e in ran.told("step.finished")}
    assert ends["b"]["others"] == ["a"]
    assert not ends["b"]["quiet"]
    assert any(ends[s]["quiet"] for s in "ac")


def test_an_interrupted_step_is_undone_before_it_runs_again(project: RepositoryProject) -> None:
    project.write(
        '[steps.a]\nrun = "echo a >> a.txt"\n[steps.b]\nneeds = ["a"]\n'
        'run = "echo b >> a.txt; touch $SIGNALS/half; test $ROPEWAY_ATTEMPT = 2 || sleep 60"\n[steps.c]\nneeds = ["b"]\nrun = "cat a.txt"\n'
    )
    process = project.start("run")
    folder = project.running("b")
    until((project.signals / "half").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: folder.state().state == "interrupted")
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert ran.log("c") == b"one\na\nb\n"
    assert ran.told("workspace.restored")
    assert ran.told("workspace.found")[0].data["label"] == "found-1"


def test_a_failed_steps_files_stay_with_the_persons_edits(project: RepositoryProject) -> None:
    ran = project.run('[steps.a]\nrun = "echo a >> a.txt; test -e fixed; cat a.txt"\n')
    assert ran.status == 1
    (project.copy / "fixed").touch()
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert ran.log("a") == b"one\na\na\n"
    assert not ran.told("workspace.restored")


def test_restore_puts_the_files_back_to_the_last_finished_step(project: RepositoryProject) -> None:
    ran = project.run(
        '[steps.a]\nrun = "echo a >> a.txt"\n[steps.b]\nneeds = ["a"]\nrun = "echo b >> a.txt; test $ROPEWAY_ATTEMPT = 2; cat a.txt"\n'
    )
    assert ran.status == 1
    ran = project.resume("--restore")
    assert ran.status == 0, ran.err
    assert ran.log("b") == b"one\na\nb\n"


def test_a_linked_run_begins_with_the_files_of_the_boundary(project: RepositoryProject) -> None:
    first = project.run(
        '[steps.a]\nrun = "echo a >> a.txt"\n[steps.b]\nneeds = ["a"]\nrun = "echo b >> a.txt"\n[steps.c]\nneeds = ["b"]\nrun = "cat a.txt; echo c >> a.txt"\n'
    )
    assert first.status == 0, first.err
    again = project.call("resume", "--from", "b")
    assert again.status == 0, again.err
    assert again.folder.id != first.folder.id
    assert again.order() == ["b", "c"]
    assert again.log("c") == b"one\na\nb\n"


def test_a_workspace_that_was_deleted_is_made_again_for_a_resume(project: RepositoryProject) -> None:
    import shutil

    ran = project.run(
        '[steps.a]\nrun = "echo a >> a.txt; chmod +x a.txt"\n[steps.b]\nneeds = ["a"]\nrun = "test $ROPEWAY_ATTEMPT = 2; cat a.txt; test -x a.txt"\n'
    )
    assert ran.status == 1
    shutil.rmtree(project.copy)
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert ran.log("b") == b"one\na\n"


def test_an_ephemeral_step_starts_from_the_boundary_and_leaves_only_outputs_and_artifacts(project: RepositoryProject) -> None:
    ran = project.run(
        '[artifacts.report]\npath = "report.txt"\n'
        '[steps.a]\nrun = "echo a >> a.txt"\n'
        '[steps.b]\nneeds = ["a"]\nworkspace = "ephemeral"\nrun = "cat a.txt; pwd; echo b >> a.txt; echo r > report.txt; echo v=1 >> $ROPEWAY_OUTPUT"\n'
        '[steps.c]\nneeds = ["b"]\nrun = "cat a.txt; test ${{ steps.b.outputs.v }} = 1; test ! -e report.txt"\n'
    )
    assert ran.status == 0, ran.err
    printed = ran.log("b").decode().splitlines()
    assert printed[:2] == ["one", "a"]
    assert printed[2] != str(project.copy)
    assert not Path(printed[2]).exists()
    assert ran.log("c") == b"one\na\n"
    assert [(a["name"], a["path"]) for a in ran.state.artifacts] == [("report", "report.txt")]
    assert ran.told("step.finished")[1].data.get("snapshot") is None


def test_ignored_files_that_stay_behind_are_named(project: RepositoryProject) -> None:
    ran = project.run('[steps.a]\nrun = "mkdir dist; echo x > dist/x"\n')
    assert ran.status == 0
    assert "dist/" in ran.err
    assert "--here" in ran.err


def test_a_second_run_on_a_busy_workspace_is_refused_and_names_the_holder(project: RepositoryProject) -> None:
    project.write('[steps.a]\nrun = "touch here; sleep 60"\n')
    process = project.start("run", "--workspace-id", "mine")
    folder = project.running("a")
    second = project.call("run", "--workspace-id", "mine")
    assert second.status == 4
    assert folder.id in second.err
    process.terminate()
    process.communicate()


def test_a_named_workspace_is_used_again_and_stays(project: RepositoryProject) -> None:
    project.write('[steps.a]\nrun = "echo x >> notes; cat notes"\n')
    assert project.call("run", "--workspace-id", "mine").status == 0
    second = project.call("run", "--workspace-id", "mine")
    assert second.status == 0, second.err
    assert second.log("a") == b"x\nx\n"
    assert project.copy.name == "mine"
    assert project.copy.exists()


def test_ctrl_c_while_a_run_works_leaves_a_run_to_resume(project: RepositoryProject) -> None:
    project.write('[steps.a]\nrun = "echo a >> a.txt"\n[steps.b]\nneeds = ["a"]\nrun = "test $ROPEWAY_ATTEMPT = 2 || sleep 60"\n')
    process = project.start("run")
    project.running("b")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert project.resume().status == 0


def test_the_persons_work_meanwhile_is_their_own(project: RepositoryProject) -> None:
    project.write('[steps.a]\nrun = "until test -e $SIGNALS/go; do sleep 0.02; done; cat a.txt; ls"\n')
    process = project.start("run")
    project.running("a")
    (project.cwd / "a.txt").write_text("meanwhile\n")
    (project.cwd / "meanwhile.txt").write_text("x\n")
    if project.kind == "git":
        project.vcs("git", "add", "--all")
        project.vcs("git", "commit", "--quiet", "-m", "meanwhile")
        project.vcs("git", "checkout", "--quiet", "-b", "other")
    else:
        project.vcs("jj", "commit", "-m", "meanwhile")
        project.vcs("jj", "new", "root()")
        project.vcs("jj", "undo")
    (project.signals / "go").touch()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "meanwhile" not in out
    assert (project.cwd / "a.txt").read_text() == "meanwhile\n"


def test_a_pure_step_that_was_cut_off_undoes_nobodys_work(project: RepositoryProject) -> None:
    if project.backend == "overlay":
        return  # nobody else sees its files while it works
    project.write(
        '[steps.a]\nrun = "echo a >> a.txt"\n[steps.b]\nneeds = ["a"]\npure = true\n'
        'run = "touch $SIGNALS/half; test $ROPEWAY_ATTEMPT = 2 || sleep 60; cat a.txt"\n'
    )
    process = project.start("run")
    project.running("b")
    until((project.signals / "half").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (project.copy / "a.txt").write_text("mine\n")
    until(lambda: project.newest().state().state == "interrupted")
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert ran.log("b") == b"mine\n"
