"""`workflow workspace`: what each verb prints, whole.

``SPACE`` stands for the folder of this repository's workspaces, ``COMMIT`` for a commit, ``VERSION`` for that of the tools.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acceptance.harness import Project, Said
from ropeway.workspaces import places
from support.projects import until

pytestmark = pytest.mark.needs("git")


class Repository(Project):
    """A project in a git repository."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.environ |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "XDG_DATA_HOME": str(root / "data")}
        self.git("init", "-q", "-b", "main")
        self.file("a.txt", "one\n")
        self.file("sub/b.txt", "two\n")
        self.commit()

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        done = subprocess.run(["git", *who, *words], cwd=self.root, env=self.environ, capture_output=True, text=True, check=True)
        return done.stdout

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "files")

    @property
    def space(self) -> Path:
        return Path(places.namespace_path(self.environ, str(self.root)))

    def workspace(self, *words: str, **options: object) -> Said:
        return self.run("workspace", *words, **options)  # type: ignore[arg-type]

    def metadata(self, name: str = "one") -> dict[str, object]:
        found: dict[str, object] = json.loads((self.space / name / ".agent-tools/.agent-workflow.json").read_text())
        return found

    def steady(self, text: str) -> str:
        text = text.replace(str(self.space), "SPACE")
        text = super().steady(text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", "NOW", text)
        text = re.sub(r"\b[0-9a-f]{64}\b", "VERSION", text)
        text = re.sub(r"\b[0-9a-f]{40}\b", "COMMIT", text)
        text = re.sub(r"process \d+", "process N", text)
        return re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b", "COMMIT", text)

    @contextmanager
    def busy(self, name: str = "one") -> Iterator[subprocess.Popen[bytes]]:
        """Keep a command running in a workspace."""
        script = "touch $AGENT_TOOL_COPY_ROOT/began; read line"
        with self.start("workspace", "run", name, "--", "sh", "-c", script, stdin=subprocess.PIPE) as process:
            until((self.space / name / ".agent-tools/began").exists)
            try:
                yield process
            finally:
                assert process.stdin is not None
                process.stdin.close()
                process.wait(20)


@pytest.fixture
def here(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


# -- run --------------------------------------------------------------------------------------------------------------------------------


def test_a_command_runs_in_a_workspace_that_is_made_and_then_taken_again(here: Repository) -> None:
    here.file("a.txt", "mine\n")
    assert here.workspace("run", "one", "--", "sh", "-c", "pwd; cat a.txt; echo work > new") == Said(
        out="SPACE/one\nmine\n", err="workspace one: made in SPACE/one (git, from @)\n"
    )
    assert here.workspace("run", "one", "--", "cat", "new") == Said(out="work\n", err="workspace one: taken as it is, in SPACE/one\n")
    assert not (here.root / "new").exists()
    assert here.git("status", "--porcelain") == " M a.txt\n"


def test_the_exit_status_is_the_commands(here: Repository) -> None:
    assert here.workspace("run", "one", "--", "sh", "-c", "exit 7").status == 7
    assert here.metadata()["status"] == "error"
    assert here.workspace("run", "one", "--", "sh", "-c", "kill -TERM $$").status == 128 + signal.SIGTERM
    assert here.workspace("run", "one", "--", "true").status == 0
    assert here.metadata()["status"] == "done"


def test_a_command_sees_the_variables_of_its_workspace(here: Repository) -> None:
    here.file("scripts/x", "x\n")
    script = "import os; [print(*i) for i in sorted(os.environ.items()) if i[0].startswith('AGENT_')]"
    assert here.workspace("run", "one", "--", "python3", "-c", script).out == (
        "AGENT_TOOLS_SOURCE HERE\n"
        "AGENT_TOOLS_VERSION VERSION\n"
        "AGENT_TOOL_COPY_ROOT SPACE/one/.agent-tools\n"
        "AGENT_WORKSPACE_ID one\n"
        "AGENT_WORKSPACE_METADATA SPACE/one/.agent-tools/.agent-workflow.json\n"
        "AGENT_WORKSPACE_PATH SPACE/one\n"
        "AGENT_WORKSPACE_REPO_ROOT HERE\n"
    )


def test_options_after_the_hyphens_are_the_commands(here: Repository) -> None:
    assert here.workspace("run", "--json", "one", "--", "echo", "--json", "--", "--cleanup") == Said(out="--json -- --cleanup\n")


def test_a_workspace_starts_from_the_base_that_is_asked_for(here: Repository) -> None:
    here.git("tag", "first")
    here.file("a.txt", "later\n")
    here.commit()
    for flag, name in (("--base", "one"), ("--base-change", "two")):
        assert here.workspace("run", name, flag, "first", "--", "cat", "a.txt") == Said(
            out="one\n", err=f"workspace {name}: made in SPACE/{name} (git, from first)\n"
        )
    assert here.workspace("run", "one", "--base", "main", "--", "cat", "a.txt") == Said(
        out="one\n",
        err="""
        workspace one: taken as it is, in SPACE/one
        note: workspace one is from first, not from main: it was there already
        """,
    )
    assert here.workspace("run", "three", "--base", "frist", "--", "true") == Said(
        err="error: the repository has no commit 'frist'\nhint: did you mean first?\n", status=3
    )


def test_cleanup_removes_the_workspace_after_success_alone(here: Repository) -> None:
    assert here.workspace("run", "one", "--cleanup", "--", "sh", "-c", "touch new; false").status == 1
    assert here.workspace("run", "one", "--cleanup", "--", "ls", "new") == Said(
        out="new\n",
        err="workspace one: taken as it is, in SPACE/one\nworkspace one: these changes go with it: new\nworkspace one: removed\n",
    )
    assert not (here.space / "one").exists()


@pytest.mark.parametrize("words", [[], ["--"]])
def test_without_a_command_there_is_nothing_to_run(here: Repository, words: list[str]) -> None:
    assert here.workspace("run", "one", *words) == Said(
        err="error: there is no command\nhint: write it behind two hyphens: workflow workspace run one -- make test\n", status=2
    )


def test_a_command_that_is_not_there_is_told(here: Repository) -> None:
    assert here.workspace("run", "one", "--", "no-such-program") == Said(
        err="""
        workspace one: made in SPACE/one (git, from @)
        error: command not found: no-such-program
        hint: install no-such-program, or put its folder on PATH
        """,
        status=1,
    )
    assert here.metadata()["status"] == "error"


def test_an_id_that_can_not_be_one_is_refused(here: Repository) -> None:
    assert here.workspace("run", "../x", "--", "true") == Said(
        err="error: '../x' can't be the id of a workspace\nhint: use letters, digits, dots, underscores and hyphens\n", status=2
    )


def test_a_busy_workspace_is_refused_and_the_holder_named(here: Repository) -> None:
    refused = Said(
        err="""
        error: workspace one is in use by `workflow workspace run` (process N)
        hint: wait for it to end, or take another id
        """,
        status=4,
    )
    with here.busy():
        for words in (["run", "one", "--", "true"], ["clean", "one"], ["clean", "one", "--force"], ["sync-tools", "one"]):
            assert here.workspace(*words) == refused
        assert here.workspace("status").out.splitlines()[1].split()[:2] == ["one", "running"]
    assert here.workspace("run", "one", "--", "true").status == 0


def test_what_another_tool_runs_in_a_workspace_is_seen(here: Repository) -> None:
    assert here.workspace("run", "one", "--", "true").status == 0
    path = here.space / "one/.agent-tools/.agent-workflow.json"
    path.write_text(json.dumps(here.metadata() | {"status": "running"}))
    with subprocess.Popen(["sleep", "60"], cwd=here.space / "one") as process:
        for words in (["run", "one", "--", "true"], ["clean", "one"]):
            assert here.workspace(*words) == Said(
                err="error: workspace one is in use by sleep (process N)\nhint: wait for it to end, or leave the folder\n", status=4
            )
        process.kill()
    assert here.workspace("run", "one", "--", "true").status == 0


def test_ctrl_c_goes_to_the_command(here: Repository) -> None:
    script = 'trap "echo caught; exit 5" INT; touch $AGENT_TOOL_COPY_ROOT/began; while :; do sleep 0.05; done'
    ours, theirs = pty.openpty()
    with here.start("workspace", "run", "one", "--", "sh", "-c", script, stdin=theirs, start_new_session=True) as process:
        until((here.space / "one/.agent-tools/began").exists)
        os.killpg(process.pid, signal.SIGINT)  # what the terminal does
        out, _ = process.communicate(timeout=20)
    os.close(ours)
    os.close(theirs)
    assert (out, process.returncode) == (b"caught\n", 5)
    assert here.metadata()["status"] == "error"


def test_a_signal_to_the_tool_alone_is_passed_on(here: Repository) -> None:
    with here.busy() as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    assert here.metadata()["status"] == "error"


def test_variables_of_git_do_not_reach_the_command(here: Repository) -> None:
    said = here.workspace("run", "one", "--", "git", "rev-parse", "--show-toplevel", env={"GIT_DIR": str(here.root / ".git")})
    assert said.out == "SPACE/one\n"


def test_damaged_metadata_is_told_and_not_overwritten(here: Repository) -> None:
    assert here.workspace("run", "one", "--", "true").status == 0
    path = here.space / "one/.agent-tools/.agent-workflow.json"
    path.write_text("{")
    told = """
        error: SPACE/one/.agent-tools/.agent-workflow.json is damaged: Expecting property name enclosed in double quotes in line 1
        hint: repair the file or delete it; nothing else in the workspace was touched
        """
    assert here.workspace("run", "one", "--", "true") == Said(err=told, status=1)
    assert here.workspace("show", "one") == Said(err=told, status=1)
    assert path.read_text() == "{"


def test_a_command_that_damages_the_metadata_keeps_its_exit_status(here: Repository) -> None:
    said = here.workspace("run", "one", "--", "sh", "-c", "echo '[' > $AGENT_WORKSPACE_METADATA; exit 3")
    assert said == Said(
        err="""
        workspace one: made in SPACE/one (git, from @)
        warning: SPACE/one/.agent-tools/.agent-workflow.json is damaged: Expecting value in line 2
        hint: repair the file or delete it; nothing else in the workspace was touched
        """,
        status=3,
    )


@pytest.mark.needs("direnv")
def test_direnv_loads_the_envrc_once_it_is_allowed_and_that_is_said(here: Repository) -> None:
    here.file(".envrc", "export COLOR=blue\n")
    show = ("--", "sh", "-c", 'echo "${COLOR:-none}"')
    said = here.workspace("run", "one", *show)
    assert (said.out, said.status) == ("blue\n", 0)
    assert said.err.splitlines()[:2] == [
        "workspace one: made in SPACE/one (git, from @)",
        "workspace one: allowed direnv to load SPACE/one/.envrc",
    ]
    assert here.workspace("run", "one", "--no-direnv", *show).out == "none\n"
    (here.space / "one/.envrc").write_text("export COLOR=red\n")
    assert here.workspace("run", "one", *show) == Said(
        err="""
        workspace one: taken as it is, in SPACE/one
        error: SPACE/one/.envrc has changed since it was allowed
        hint: look at it; `direnv allow SPACE/one/.envrc` allows it, --no-direnv leaves it alone
        """,
        status=4,
    )


def test_where_direnv_is_missing_that_is_said_with_what_to_do(here: Repository, tmp_path: Path) -> None:
    here.file(".envrc", "export COLOR=blue\n")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "sh", "echo"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    said = here.workspace("run", "one", "--", "echo", "x", env={"PATH": str(tools)})
    assert said == Said(
        err="""
        workspace one: made in SPACE/one (git, from @)
        error: SPACE/one has an .envrc, and there is no program direnv on the PATH
        hint: install it (https://direnv.net), or --no-direnv leaves the .envrc alone
        """,
        status=3,
    )
    assert here.workspace("run", "one", "--no-direnv", "--", "echo", "x", env={"PATH": str(tools)}).out == "x\n"


def test_a_workspace_of_layers_holds_what_was_done_in_it_for_everybody(here: Repository) -> None:
    said = here.workspace("run", "one", "--backend", "overlay", "--", "sh", "-c", "cat a.txt; echo work > new; rm sub/b.txt")
    assert (said.out, said.status) == ("one\n", 0)
    assert (here.space / "one/new").read_text() == "work\n"
    assert not (here.space / "one/sub/b.txt").exists()
    assert here.workspace("run", "one", "--", "cat", "a.txt", "new") == Said(
        out="one\nwork\n", err="workspace one: taken as it is, in SPACE/one\n"
    )
    assert here.workspace("clean", "one").status == 4
    assert here.workspace("clean", "one", "--force") == Said(err="workspace one: removed\n")
    assert here.git("worktree", "list").count("\n") == 1


# -- looking ----------------------------------------------------------------------------------------------------------------------------


def test_list_and_status_show_every_workspace(here: Repository) -> None:
    empty = Said(err="There are no workspaces here. `workflow workspace run ID -- COMMAND` makes one.\n")
    assert here.workspace("list") == here.workspace("status") == empty
    assert here.workspace("list", "--json") == Said()
    here.workspace("run", "two", "--workflow", "ci", "--", "true")
    here.workspace("run", "one", "--base", "main", "--", "false")
    shown = Said(
        out="""
        WORKSPACE  STATUS  WORKFLOW  BASE  UPDATED
        one        error   -         main  NOW
        two        done    ci        @     NOW
        """
    )
    assert here.workspace("list") == here.workspace("status") == shown
    assert here.workspace("list", cwd="sub") == shown


def test_one_workspace_is_shown_with_all_that_is_noted(here: Repository) -> None:
    here.file("scripts/x", "x\n")
    here.workspace("run", "one", "--workflow", "ci", "--", "sh", "-c", "exit 1")
    shown = Said(
        out="""
        one  error
          folder      SPACE/one
          repository  HERE
          backend     git
          base        @ (COMMIT)
          workflow    ci
          command     sh -c 'exit 1'
          tools       COMMIT from HERE
          created     NOW
          updated     NOW
        """
    )
    assert here.workspace("show", "one") == here.workspace("status", "one") == shown


def test_json_is_the_metadata_one_object_a_line(here: Repository) -> None:
    here.workspace("run", "one", "--", "true")
    here.workspace("run", "two", "--", "true")
    said = here.workspace("list", "--json")
    assert said.out.splitlines()[0] == (
        '{"workspace_id":"one","repo_root":"HERE","workspace_path":"SPACE/one","status":"done","direnv_allowed":false,'
        '"command":["true"],"created_at":"NOW","updated_at":"NOW","base_change":"@","tools_source":"HERE",'
        '"tools_copy":"SPACE/one/.agent-tools","tools_version":"VERSION","backend":"git","base_commit":"COMMIT"}'
    )
    assert len(said.out.splitlines()) == 2
    assert here.workspace("show", "one", "--json").out == here.workspace("status", "one", "--json").out == said.out.splitlines()[0] + "\n"


def test_a_workspace_that_is_not_there_is_told(here: Repository) -> None:
    told = Said(err="error: there is no workspace one\nhint: `workflow workspace list` shows them\n", status=3)
    for verb in ("status", "show", "shell", "sync-tools", "clean"):
        assert here.workspace(verb, "one") == told
    assert here.workspace("show", "one", "--json") == Said(
        out='{"error":{"code":"workspace-not-found","message":"there is no workspace one","hint":"`workflow workspace list` shows them"}}\n',
        status=3,
    )


def test_what_others_wrote_into_the_metadata_moves_no_cursor(here: Repository) -> None:
    here.workspace("run", "one", "--workflow", "a\x1b[2Jb", "--", "true")
    assert "\x1b" not in here.workspace("list").out + here.workspace("show", "one").out
    assert "a\\x1b[2Jb" in here.workspace("list").out


def test_outside_of_a_repository_that_is_said(project: Project) -> None:
    told = Said(
        err="""
        error: there are no workspaces here: not in a repository
        hint: change to the folder of a git or jj repository; `--backend plain` copies a folder in none
        """,
        status=3,
    )
    for words in (["list"], ["status"], ["show", "one"], ["clean", "one"], ["run", "one", "--", "true"]):
        assert project.run("workspace", *words) == told


def test_a_folder_in_no_repository_can_be_copied(project: Project) -> None:
    project.file("a.txt", "one\n")
    done = project.run("workspace", "run", "one", "--backend", "plain", "--", "cat", "a.txt")
    assert (done.out, done.status) == ("one\n", 0)
    assert project.run("workspace", "list").out.splitlines()[1].split()[:2] == ["one", "done"]
    assert project.run("workspace", "clean", "one").err == "workspace one: removed\n"


def test_inside_of_a_workspace_the_verbs_are_about_the_repository_that_it_is_of(here: Repository) -> None:
    here.workspace("run", "one", "--", "true")
    outside = here.workspace("list")
    assert here.workspace("list", cwd=str(here.space / "one/sub")) == outside
    inner = here.workspace("run", "one", "--", here.command, "workspace", "run", "two", "--", "pwd")
    assert inner.out == "SPACE/two\n"
    assert here.workspace("clean", "two", cwd=str(here.space / "one")) == Said(err="workspace two: removed\n")
    shutil.rmtree(here.root / ".git")
    here.root.rename(here.root.parent / "moved")
    gone = subprocess.run(
        [here.command, "workspace", "list"], cwd=here.space / "one", env=here.environ, capture_output=True, text=True, check=False
    )
    assert here.steady(gone.stderr) == (
        "error: the repository HERE, which this is a working copy of, is gone\nhint: go to another folder; this one can be deleted\n"
    )


def test_ids_are_completed(here: Repository) -> None:
    for name in ("one", "two", "other"):
        here.workspace("run", name, "--", "true")
    complete = {"_WORKFLOW_COMPLETE": "bash_complete", "COMP_WORDS": "workflow workspace show o", "COMP_CWORD": "3"}
    assert here.run(env=complete).out.split() == ["plain,one", "plain,other"]


# -- shell, sync-tools, clean -----------------------------------------------------------------------------------------------------------


def test_a_shell_opens_in_the_workspace_while_a_command_runs_there(here: Repository) -> None:
    shell = here.file("shell", '#!/bin/sh\npwd\necho "$AGENT_WORKSPACE_ID"\nexit 9\n')
    shell.chmod(0o755)
    with here.busy():
        assert here.workspace("shell", "one", env={"SHELL": str(shell)}) == Said(
            out="SPACE/one\none\n", err="workspace one: a shell in SPACE/one; leave it with `exit`\n", status=9
        )
        assert here.metadata()["status"] == "running"


def test_tools_are_brought_up_to_date(here: Repository) -> None:
    here.file("scripts/x", "x\n")
    here.file("rules/r.md", "r\n")
    here.workspace("run", "one", "--", "true")
    here.file("scripts/x", "changed\n")
    assert here.workspace("sync-tools", "one") == Said(err="workspace one: rules, scripts from HERE, version COMMIT\n")
    assert (here.space / "one/.agent-tools/scripts/x").read_text() == "changed\n"
    found = json.loads(here.workspace("sync-tools", "one", "--json").out)
    assert found == {"workspace_id": "one", "version": "VERSION", "source": "HERE", "names": ["rules", "scripts"], "left_out": []}


def test_a_tool_that_leads_out_of_the_repository_is_left_out_and_that_is_said(here: Repository) -> None:
    (here.root / "rules").symlink_to("/etc")
    note = "rules is a link that leads out of HERE, to /etc; it is left out"
    assert f"note: {note} of the tools\n" in here.workspace("run", "one", "--", "true").err
    assert f"warning: {note}\n" in here.workspace("sync-tools", "one").err


def test_clean_removes_a_workspace_but_not_work_that_is_saved_nowhere_else(here: Repository) -> None:
    here.file("a.txt", "mine\n")
    here.workspace("run", "one", "--", "true")
    assert here.workspace("clean", "one") == Said(err="workspace one: removed\n")
    assert here.git("worktree", "list").count("\n") == 1
    here.workspace("run", "one", "--", "sh", "-c", "echo work > new")
    assert here.workspace("clean", "one") == Said(
        err="""
        error: the workspace one holds what is saved nowhere else: new
        hint: it is in SPACE/one; `workflow workspace clean one --force` removes it all the same
        """,
        status=4,
    )
    assert here.workspace("clean", "one", "--force", "--json") == Said(
        out='{"workspace_id":"one","workspace_path":"SPACE/one","removed":true}\n'
    )
    assert (here.root / "a.txt").read_text() == "mine\n"


def test_a_workspace_whose_folder_is_gone_is_made_anew_or_forgotten(here: Repository) -> None:
    here.workspace("run", "one", "--", "true")
    shutil.rmtree(here.space / "one")
    assert here.workspace("run", "one", "--", "cat", "a.txt") == Said(out="one\n", err="workspace one: made in SPACE/one (git, from @)\n")
    shutil.rmtree(here.space / "one")
    assert here.workspace("clean", "one") == Said(err="workspace one: removed\n")
    assert here.git("worktree", "list").count("\n") == 1


def test_another_backend_than_the_one_that_made_a_workspace_is_refused(here: Repository) -> None:
    here.workspace("run", "one", "--backend", "plain", "--", "true")
    assert here.workspace("run", "one", "--backend", "git", "--", "true") == Said(
        err="""
        error: the workspace one is there, made by plain
        hint: leave --backend out, or take another id; `workflow workspace clean one` removes this one
        """,
        status=4,
    )
    assert here.workspace("run", "one", "--", "true") == Said(err="workspace one: taken as it is, in SPACE/one\n")
    assert here.workspace("clean", "one") == Said(err="workspace one: removed\n")
