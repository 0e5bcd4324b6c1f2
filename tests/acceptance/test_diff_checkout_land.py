"""What a run changed, seen from the command line: every message, whole."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pexpect
import pytest

from acceptance.harness import Project, Said

pytestmark = pytest.mark.needs("git")

FLOW = """
    id = "acme/ci"
    version = "1.2.0"

    [steps.fetch]
    run = "echo fetched >> log.txt; mkdir -p sub; echo 1 > sub/new.txt"

    [steps.look]
    needs = ["fetch"]
    run = "cat log.txt"

    [steps.note]
    needs = ["fetch"]
    pure = true
    run = "true"

    [steps.build]
    needs = ["look"]
    run = "echo built >> log.txt; rm old.txt; cp log.txt out.txt"
    """


class Repository:
    """A project in a git repository."""

    def __init__(self, project: Project) -> None:
        self.project = project
        (project.root.parent / ".gitconfig").write_text("[user]\nname = Ann\nemail = ann@example.org\n")
        project.environ["GIT_CONFIG_NOSYSTEM"] = "1"
        project.file("log.txt", "start\n")
        project.file("old.txt", "old\n")
        project.file("workflow.toml", FLOW)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=first")

    def git(self, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=self.project.root, env=self.project.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, *args: str, cwd: str = ".") -> Said:
        """Run the command and take commit ids out of what it said."""
        return self.steady(self.project.run(*args, cwd=cwd))

    def steady(self, said: Said) -> Said:
        return Said(*(re.sub(r"\b[0-9a-f]{12}([0-9a-f]{28})?\b", "COMMIT", text) for text in (said.out, said.err)), said.status)


@pytest.fixture
def repo(project: Project) -> Repository:
    return Repository(project)


@pytest.fixture
def done(repo: Repository) -> Repository:
    """Return a repository with one finished run."""
    said = repo.project.run("run")
    assert said.status == 0, said
    return repo


# -- diff -------------------------------------------------------------------------------------------------------------------------


def test_diff_shows_what_a_step_changed(done: Repository) -> None:
    said = done.run("diff", ":fetch")
    assert Said(re.sub(r"index \S+", "index IDS", said.out), said.err, said.status) == Said(
        out="""
        diff --git a/log.txt b/log.txt
        index IDS 100644
        --- a/log.txt
        +++ b/log.txt
        @@ -1 +1,2 @@
         start
        +fetched
        diff --git a/sub/new.txt b/sub/new.txt
        new file mode 100644
        index IDS
        --- /dev/null
        +++ b/sub/new.txt
        @@ -0,0 +1 @@
        +1
        """
    )


def test_diff_without_a_step_shows_the_whole_run_and_a_range_what_is_between(done: Repository) -> None:
    assert done.run("diff", "--stat") == Said(
        out="""\
 log.txt     | 2 ++
 old.txt     | 1 -
 out.txt     | 3 +++
 sub/new.txt | 1 +
 4 files changed, 6 insertions(+), 1 deletion(-)
"""
    )
    run = done.project.ids()[0]
    assert done.run("diff", f"{run[:4]}:fetch..build", "--name-only") == Said("log.txt\nold.txt\nout.txt\n")
    assert done.run("diff", f"{run}:start..1", "--name-only") == Said("log.txt\nsub/new.txt\n")
    assert done.run("diff", f"{run}:2", "--name-only") == Said("log.txt\nold.txt\nout.txt\n")


def test_diff_takes_paths_from_where_one_stands(done: Repository) -> None:
    assert done.run("diff", "--name-only", "--", "sub") == Said("sub/new.txt\n")
    (done.project.root / "sub").mkdir()
    assert done.run("diff", ":fetch", "--name-only", "--", "new.txt", cwd="sub") == Said("sub/new.txt\n")
    assert done.run("diff", ":fetch", "--name-only", "--", "new.txt") == Said()


def test_diff_says_when_there_is_nothing(done: Repository) -> None:
    assert done.run("diff", ":look") == Said(err="Step look changed nothing.\n")
    assert done.run("diff", ":fetch..1") == Said(err="Nothing differs (fetch..1).\n")


def test_diff_answers_programs(done: Repository) -> None:
    assert done.run("diff", ":build", "--json") == Said(
        '{"run":"RUN","from":"COMMIT","to":"COMMIT","mixed":false,"others":[],"files":['
        '{"path":"log.txt","status":"M","added":1,"removed":0},'
        '{"path":"old.txt","status":"D","added":0,"removed":1},'
        '{"path":"out.txt","status":"A","added":3,"removed":0}]}\n'
    )
    assert json.loads(done.run("diff", ":look", "--json").out)["files"] == []


def test_diff_colours_when_asked(done: Repository) -> None:
    assert "\x1b[32m+\x1b[m\x1b[32mfetched\x1b[m" in done.run("diff", ":fetch", "--color", "always").out
    assert "\x1b" not in done.run("diff", ":fetch", "--color", "never").out


def test_diff_uses_the_pager_and_colours_on_a_terminal_only(done: Repository) -> None:
    environ = {**done.project.environ, "TERM": "xterm", "GIT_PAGER": "sed 's/^/PAGED /'"}

    def seen(*args: str) -> str:
        child = pexpect.spawn(done.project.command, ["diff", ":fetch", *args], cwd=str(done.project.root), env=environ, encoding="utf-8")
        return str(child.read())

    assert "PAGED \x1b[32m+\x1b[m\x1b[32mfetched\x1b[m" in seen()
    assert "\r\n+fetched\r\n" in seen("--plain")
    assert "PAGED \x1b[1m" not in seen("--color", "never")
    assert seen("--json").startswith('{"run":')
    assert "PAGED" not in done.project.raw("diff", ":fetch", env=environ).stdout.decode()


def test_what_files_hold_does_not_move_the_cursor(repo: Repository) -> None:
    repo.project.file("workflow.toml", 'id = "evil"\n[steps.a]\nrun = \'printf "\\033]0;title\\007\\n" > evil.txt\'\n')
    assert repo.project.run("run").status == 0
    environ = {**repo.project.environ, "TERM": "xterm"}
    child = pexpect.spawn(repo.project.command, ["diff", "--plain"], cwd=str(repo.project.root), env=environ, encoding="utf-8")
    assert "+\\x1b]0;title\\x07" in child.read()
    assert b"+\x1b]0;title\x07\n" in repo.project.raw("diff").stdout


def test_diff_says_what_there_is_when_nothing_has_that_name(done: Repository) -> None:
    assert done.run("diff", ":biuld") == Said(
        err="""
        error: run RUN has no step or boundary 'biuld'
        hint: did you mean 'build'?; steps: fetch, look, build; boundaries: 0 to 2, start, end
        """,
        status=3,
    )
    assert done.run("diff", ":note") == Said(
        err="error: no files belong to step note of run RUN: it is pure, and a pure step changes none\n", status=3
    )
    assert done.run("diff", "nope") == Said(err="error: no run 'nope'\nhint: `workflow runs` lists them\n", status=3)
    assert done.run("diff", ":build", "--stat", "--name-only") == Said(
        err="error: --stat and --name-only are two ways to show it\nhint: leave one out\n", status=2
    )


def test_diff_of_a_run_in_place_says_that_there_is_none(repo: Repository) -> None:
    assert repo.project.run("run", "--here").status == 0
    assert repo.run("diff") == Said(
        err="""
        error: run RUN has no snapshots: it worked in place, or ended before it had a working copy
        hint: a run in a git or jj repository has them, unless --here or its workflow says otherwise
        """,
        status=3,
    )


def test_diff_names_the_steps_that_were_at_work_at_the_same_time(repo: Repository) -> None:
    repo.project.file(
        "workflow.toml",
        """
        id = "both"
        [steps.quick]
        run = "until test -e ready; do sleep 0.02; done; echo 1 > quick.txt"
        [steps.slow]
        run = "touch ready; until grep -q step.finished $RUNS/*/journal; do sleep 0.02; done; echo 2 > slow.txt"
        """,
    )
    assert repo.project.run("run", "-j", "2", "-e", f"RUNS={repo.project.state}/runs").status == 0
    said = repo.run("diff", ":quick", "--name-only")
    assert (said.err, said.status) == ("warning: not all of this is step quick's: slow was at work at the same time\n", 0)
    assert said.out.split() == ["quick.txt", "ready"]
    answer = json.loads(repo.run("diff", ":slow", "--json").out)
    assert (answer["mixed"], answer["others"]) == (True, ["quick"])


def test_diff_works_for_a_failed_run_and_without_its_working_copy(repo: Repository) -> None:
    repo.project.file("workflow.toml", 'id = "broken"\n[steps.a]\nrun = "echo half > half.txt; exit 1"\n')
    assert repo.project.run("run").status == 1
    subprocess.run(["rm", "-rf", str(repo.project.root.parent / "cache/ai-workspaces")], check=True)
    assert repo.run("diff", ":a", "--name-only") == Said("half.txt\n")
    assert repo.run("diff", "--name-only") == Said("half.txt\n")


# -- checkout ---------------------------------------------------------------------------------------------------------------------


def test_checkout_writes_the_files_of_a_step(done: Repository) -> None:
    run = done.project.ids()[0]
    root = done.project.root
    assert done.run("checkout", f"{run}:fetch") == Said(out="RUN-fetch\n", err="Wrote 4 files.\n")
    assert (root / f"{run}-fetch/log.txt").read_text() == "start\nfetched\n"
    assert (root / f"{run}-fetch/old.txt").read_text() == "old\n"
    assert done.run("checkout", run, "there/it is") == Said(out="there/it is\n", err="Wrote 4 files.\n")
    assert sorted(path.name for path in (root / "there/it is").iterdir()) == ["log.txt", "out.txt", "sub", "workflow.toml"]
    assert (root / "log.txt").read_text() == "start\n"


def test_checkout_overwrites_only_when_told(done: Repository) -> None:
    run = done.project.ids()[0]
    done.project.file("out/mine.txt", "mine")
    assert done.run("checkout", f"{run}:fetch", "out") == Said(
        err="""
        error: the folder out is not empty
        hint: name another one, or use --force: it overwrites what the run has as well and leaves the rest alone
        """,
        status=4,
    )
    assert done.run("checkout", f"{run}:fetch", "out", "--force", "--dry-run") == Said(err="Would write 4 files to out.\n")
    assert not (done.project.root / "out/log.txt").exists()
    assert done.run("checkout", f"{run}:fetch", "out", "--force") == Said(out="out\n", err="Wrote 4 files.\n")
    assert (done.project.root / "out/mine.txt").read_text() == "mine"


def test_checkout_answers_programs(done: Repository) -> None:
    run = done.project.ids()[0]
    assert done.run("checkout", f"{run}:1", "out", "--json") == Said(
        '{"run":"RUN","at":"1","commit":"COMMIT","mixed":false,"others":[],"folder":"out","files":4,"left_out":[],"dry_run":false}\n'
    )


def test_checkout_wants_a_run(done: Repository) -> None:
    assert done.run("checkout", ":fetch") == Said(err="error: name the run\nhint: `workflow runs` lists them\n", status=2)
    assert done.run("checkout", f"{done.project.ids()[0]}:found-1") == Said(
        err="""
        error: run RUN has no step or boundary 'found-1'
        hint: steps: fetch, look, build; boundaries: 0 to 2, start, end
        """,
        status=3,
    )


def test_what_a_resume_found_can_be_had_again(repo: Repository) -> None:
    repo.project.file("workflow.toml", 'id = "broken"\n[steps.a]\nrun = "echo half > half.txt; test -e fixed.txt"\n')
    assert repo.project.run("run").status == 1
    run = repo.project.ids()[0]
    copies = list((repo.project.root.parent / "cache/ai-workspaces").glob(f"project-*/{run}"))
    (copies[0] / "fixed.txt").write_text("by hand\n")
    assert repo.project.run("resume").status == 0
    assert repo.run("diff", f"{run}:found-1", "--name-only") == Said("fixed.txt\n")
    assert repo.run("checkout", f"{run}:found-1", "out").status == 0
    assert (repo.project.root / "out/fixed.txt").read_text() == "by hand\n"
    assert repo.run("diff", f"{run}:a", "--name-only") == Said(
        out="fixed.txt\nhalf.txt\n",
        err="warning: not all of this is step a's: files were changed before the run went on (found-1)\n",
    )


# -- land -------------------------------------------------------------------------------------------------------------------------


def test_land_makes_a_branch_with_one_commit(done: Repository) -> None:
    done.project.file("log.txt", "edited by hand\n")
    done.project.file("mine.txt", "mine\n")
    status = done.git("status", "--porcelain")
    assert done.run("land") == Said(
        out="ropeway/acme/ci-RUN\n",
        err="""
        Run RUN has landed: 4 files, commit COMMIT.
        `git merge ropeway/acme/ci-RUN` takes it in, `git branch -D ropeway/acme/ci-RUN` takes it back
        """,
    )
    assert done.git("status", "--porcelain") == status
    assert done.git("branch", "--show-current") == "main\n"
    branch = f"ropeway/acme/ci-{done.project.ids()[0]}"
    said = done.git("log", "--format=%an <%ae>%n%B", "--name-status", "main.." + branch)
    assert re.sub(r"sha256:\w+", "sha256:DIGEST", said).replace(done.project.ids()[0], "RUN") == (
        "Ann <ann@example.org>\n"
        "Apply the result of acme/ci\n\n"
        "Ropeway-Run: RUN\n"
        "Ropeway-Workflow: acme/ci@1.2.0 sha256:DIGEST\n\n\n"
        "M\tlog.txt\nD\told.txt\nA\tout.txt\nA\tsub/new.txt\n"
    )
    assert done.run("land") == Said(
        out="ropeway/acme/ci-RUN\n",
        err="""
        Run RUN has landed already, commit COMMIT.
        `git merge ropeway/acme/ci-RUN` takes it in, `git branch -D ropeway/acme/ci-RUN` takes it back
        """,
    )


def test_land_says_what_it_would_do(done: Repository) -> None:
    assert done.run("land", "--dry-run", "--branch", "result", "-m", "Build it") == Said(
        out="M log.txt\nD old.txt\nA out.txt\nA sub/new.txt\n",
        err="Would make the branch result with one commit on top of COMMIT:\n",
    )
    assert done.git("branch", "--list", "result") == ""
    assert done.run("land", "--branch", "result", "-m", "Build it", "--json") == Said(
        '{"run":"RUN","outcome":"landed","kind":"git","branch":"result","commit":"COMMIT","change":null,"onto":"COMMIT","files":['
        '{"path":"log.txt","status":"M"},{"path":"old.txt","status":"D"},{"path":"out.txt","status":"A"},'
        '{"path":"sub/new.txt","status":"A"}],"conflicts":[]}\n'
    )
    assert done.git("log", "-1", "--format=%s", "result") == "Build it\n"


def test_land_reports_conflicts_and_makes_nothing(done: Repository) -> None:
    done.project.file("log.txt", "start\nby hand\n")
    done.git("commit", "--quiet", "--all", "--message=mine")
    assert done.run("land") == Said(
        out="log.txt\n",
        err="""
        error: nothing was made: both you and run RUN changed this file, or it was not committed when it began
        hint: `workflow land RUN --onto COMMIT` lands on what the run started from, for `git merge` to show them; `workflow checkout RUN` writes its files into a folder; `workflow diff RUN` shows what it changed
        """,
        status=1,
    )
    assert done.git("branch", "--list", "ropeway/*") == ""
    answer = done.project.raw("land", "--json")
    assert (json.loads(answer.stdout)["outcome"], json.loads(answer.stdout)["conflicts"], answer.returncode) == (
        "conflicts",
        ["log.txt"],
        1,
    )
    assert done.run("land", "--onto", "HEAD~1").status == 0
    taken = done.git("branch", "--list", "ropeway/*").split()[-1]
    assert taken.startswith("ropeway/acme/ci-")


def test_land_never_overwrites_a_branch_unasked(done: Repository) -> None:
    done.git("branch", "result")
    assert done.run("land", "--branch", "result") == Said(
        err="""
        error: there is a branch result already, and it is something else
        hint: choose another name with --branch, or move it with --force
        """,
        status=4,
    )
    assert done.run("land", "--branch", "result", "--force").status == 0
    assert done.run("land", "--branch", "main", "--force") == Said(
        err="error: the branch main is checked out and is not moved\nhint: choose another name with --branch\n", status=4
    )
    assert done.run("land", "--branch", "no way") == Said(
        err="error: 'no way' can't be the name of a branch\nhint: see `git help check-ref-format`\n", status=2
    )


def test_land_needs_a_name_for_the_author(done: Repository) -> None:
    (done.project.root.parent / ".gitconfig").unlink()
    assert done.run("land") == Said(
        err="""
        error: git does not know who you are, and a commit names its author
        hint: `git config --global user.name NAME` and `git config --global user.email EMAIL`
        """,
        status=4,
    )


def test_land_applies_to_the_files(done: Repository) -> None:
    done.project.file("mine.txt", "mine\n")
    assert done.run("land", "--apply", "--dry-run") == Said(
        out="M log.txt\nD old.txt\nA out.txt\nA sub/new.txt\n", err="Would change 4 files in HERE:\n"
    )
    assert done.run("land", "--apply") == Said(out="M log.txt\nD old.txt\nA out.txt\nA sub/new.txt\n", err="Changed 4 files in HERE.\n")
    assert done.git("status", "--porcelain") == " M log.txt\n D old.txt\n?? mine.txt\n?? out.txt\n?? sub/\n"
    assert done.run("land", "--apply") == Said(err="There is nothing to do: all that run RUN changed is there already.\n")
    assert done.run("land", "--apply", "--branch", "x") == Said(
        err="error: --branch is about a commit, and --apply makes none\nhint: leave one out\n", status=2
    )


def test_land_loses_no_edit(done: Repository) -> None:
    done.project.file("log.txt", "start\nby hand\n")
    assert done.run("land", "--apply") == Said(
        out="log.txt\n",
        err="""
        error: nothing was made: both you and run RUN changed this file, or it was not committed when it began
        hint: `workflow land RUN --onto COMMIT` lands on what the run started from, for `git merge` to show them; `workflow checkout RUN` writes its files into a folder; `workflow diff RUN` shows what it changed
        """,
        status=1,
    )
    assert (done.project.root / "log.txt").read_text() == "start\nby hand\n"
    assert (done.project.root / "old.txt").exists()


def test_land_of_a_failed_run_says_so(repo: Repository) -> None:
    repo.project.file("workflow.toml", 'id = "broken"\n[steps.a]\nrun = "echo half > half.txt; exit 1"\n')
    assert repo.project.run("run").status == 1
    assert repo.run("land") == Said(
        out="ropeway/broken-RUN\n",
        err="""
        warning: run RUN has failed: this is what it had changed by then
        Run RUN has landed: 1 file, commit COMMIT.
        `git merge ropeway/broken-RUN` takes it in, `git branch -D ropeway/broken-RUN` takes it back
        """,
    )


def test_land_of_a_run_that_changed_nothing_says_so(repo: Repository) -> None:
    repo.project.file("workflow.toml", 'id = "idle"\n[steps.a]\nrun = "true"\n')
    assert repo.project.run("run").status == 0
    assert repo.run("land") == Said(err="Run RUN changed nothing.\n")
    assert repo.run("land", "--apply") == Said(err="Run RUN changed nothing.\n")
    assert repo.run("diff") == Said(err="Run RUN changed nothing.\n")


def test_a_linked_run_is_seen_and_landed_with_what_its_kept_steps_changed(repo: Repository) -> None:
    repo.project.file(
        "workflow.toml",
        """
        id = "line"
        [steps.a]
        run = "echo a >> log.txt"
        [steps.b]
        needs = ["a"]
        run = "echo b >> log.txt"
        [steps.c]
        needs = ["b"]
        run = "echo c >> log.txt"
        """,
    )
    assert repo.project.run("run").status == 0
    for start in ("c", "b", "c"):
        said = repo.project.run("resume", "--from", start)
        again = {"c": ["c"], "b": ["a", "b", "c"]}[start]  # what b began with in the second run holds b's own changes, so all begins anew
        assert (said.status, re.findall("^(.): started", said.out, re.MULTILINE)) == (0, again), said
    latest = repo.project.ids()[-1]
    assert repo.run("checkout", latest, "out").status == 0
    assert (repo.project.root / "out/log.txt").read_text() == "start\na\nb\nc\n"
    assert repo.run("diff", "--stat").out.split("\n")[0].strip() == "log.txt | 3 +++"
    assert repo.run("diff", ":a") == Said(
        err="""
        error: no files belong to step a of run RUN4: it was taken over from run RUN3
        hint: `workflow diff RUN3:a` shows what it changed there
        """,
        status=3,
    )
    assert repo.run("land").status == 0
    assert repo.git("show", f"ropeway/line-{latest}:log.txt") == "start\na\nb\nc\n"


# -- jj ---------------------------------------------------------------------------------------------------------------------------


class JjRepository(Repository):
    """The same in a jj repository."""

    def __init__(self, project: Project, *, colocated: bool) -> None:
        self.project = project
        config = project.root.parent / "jj.toml"
        config.write_text('user.name = "Ann"\nuser.email = "ann@example.org"\n')
        project.environ |= {"JJ_CONFIG": str(config), "GIT_CONFIG_NOSYSTEM": "1"}
        project.file("log.txt", "start\n")
        project.file("old.txt", "old\n")
        project.file("workflow.toml", FLOW)
        self.jj("git", "init", "--colocate" if colocated else "--no-colocate")
        self.jj("commit", "--message=first")

    def jj(self, *args: str) -> str:
        argv = ["jj", "--no-pager", "--color=never", *args]
        done = subprocess.run(argv, cwd=self.project.root, env=self.project.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def branches(self) -> str:
        """Return the branches that git has."""
        folder = self.jj("git", "root").strip()
        argv = ["git", f"--git-dir={folder}", "for-each-ref", "--format=%(refname)", "refs/heads"]
        return subprocess.run(argv, env=self.project.environ, capture_output=True, text=True, check=True).stdout

    def seen(self) -> str:
        """Return the history as a person sees it, without the working copies of runs."""
        template = 'separate(" ", bookmarks, if(current_working_copy, "@"), description.first_line()) ++ "\\n"'
        return self.jj("log", "--no-graph", "--revisions", "ancestors(@ | bookmarks()) ~ root()", "--template", template)

    def steady(self, said: Said) -> Said:
        said = super().steady(said)
        return Said(*(re.sub(r"\b[k-z]{12}\b", "CHANGE", text) for text in (said.out, said.err)), said.status)


@pytest.fixture(params=["colocated", "apart"])
def jj(project: Project, request: pytest.FixtureRequest) -> JjRepository:
    return JjRepository(project, colocated=request.param == "colocated")


@pytest.mark.needs("jj")
def test_land_makes_a_change_beside_an_empty_working_copy(jj: JjRepository) -> None:
    assert jj.project.run("run").status == 0
    before = jj.seen()
    assert jj.run("land") == Said(
        out="ropeway/acme/ci-RUN\n",
        err="""
        Run RUN has landed: 4 files, change CHANGE.
        `jj new CHANGE` goes there, `jj squash --from CHANGE --into @` takes it in, `jj undo` takes it back
        """,
    )
    run = jj.project.ids()[0]
    assert sorted(jj.seen().splitlines()) == ["@", "first", f"ropeway/acme/ci-{run} Apply the result of acme/ci"]
    template = 'author.name() ++ " " ++ parents.map(|c| c.description().first_line()) ++ "\\n" ++ description'
    said = jj.jj("log", "--no-graph", "--template", template, "--revisions", f"ropeway/acme/ci-{run}")
    assert re.sub(r"sha256:\w+", "sha256:DIGEST", said) == (
        f"Ann first\nApply the result of acme/ci\n\nRopeway-Run: {run}\nRopeway-Workflow: acme/ci@1.2.0 sha256:DIGEST\n"
    )
    assert (jj.project.root / "log.txt").read_text() == "start\n"
    assert jj.run("land").err.startswith("Run RUN has landed already, change CHANGE.\n")
    jj.jj("undo")
    assert jj.seen() == before
    assert jj.run("land").err.startswith("Run RUN has landed: 4 files, change CHANGE.\n")


@pytest.mark.needs("jj", "git")
def test_nothing_of_what_has_landed_is_left_in_git_after_an_undo(jj: JjRepository) -> None:
    assert jj.project.run("run").status == 0
    assert jj.run("land").status == 0
    operations = 'self.description() ++ "\\n"'
    done = jj.jj("operation", "log", "--no-graph", "--template", operations)
    jj.jj("undo")
    assert "ropeway" not in jj.branches()
    assert jj.jj("operation", "log", "--no-graph", "--template", operations).splitlines()[1:] == done.splitlines()
    jj.jj("redo")
    jj.jj("git", "export")
    assert f"refs/heads/ropeway/acme/ci-{jj.project.ids()[0]}" in jj.branches()


@pytest.mark.needs("jj")
def test_land_makes_a_child_of_a_working_copy_with_changes(jj: JjRepository) -> None:
    jj.project.file("mine.txt", "1\n")
    assert jj.project.run("run").status == 0
    jj.project.file("mine.txt", "2\n")
    run = jj.project.ids()[0]
    assert jj.run("land").status == 0
    assert jj.seen() == f"ropeway/acme/ci-{run} Apply the result of acme/ci\n@\nfirst\n"
    assert (jj.project.root / "mine.txt").read_text() == "2\n"
    assert sorted(jj.jj("diff", "--name-only", "--revisions", f"ropeway/acme/ci-{run}").split()) == [
        "log.txt",
        "old.txt",
        "out.txt",
        "sub/new.txt",
    ]
    jj.project.file("mine.txt", "3\n")
    assert jj.jj("file", "show", "--revision", f"ropeway/acme/ci-{run}", "mine.txt") == "3\n"
    assert jj.jj("log", "--no-graph", "--revisions", "conflicts()") == ""


@pytest.mark.needs("jj")
def test_land_reports_conflicts_in_jj_too(jj: JjRepository) -> None:
    assert jj.project.run("run").status == 0
    jj.project.file("log.txt", "start\nby hand\n")
    before = jj.seen()
    said = jj.run("land")
    assert (said.out, said.status) == ("log.txt\n", 1)
    assert "error: nothing was made: both you and run RUN changed this file" in said.err
    assert "for `jj rebase` to show them" in said.err
    assert jj.seen() == before
    assert jj.run("land", "--onto", "@-").status == 0
    assert jj.run("land", "--onto", "nope").err == (
        "error: the jj repository has no revision 'nope'\n"
        "hint: `jj log -r 'all()'` shows commits, `jj bookmark list --all` shows bookmarks; that of a remote is called main@origin\n"
    )


@pytest.mark.needs("jj")
def test_a_bookmark_that_jj_has_moved_is_moved_only_when_told(jj: JjRepository) -> None:
    jj.project.file("mine.txt", "1\n")
    assert jj.project.run("run").status == 0
    assert jj.run("land", "--branch", "result").status == 0
    jj.project.file("mine.txt", "2\n")
    jj.jj("describe", "--message=mine")
    assert jj.run("land", "--branch", "result", "-m", "Other").status == 4
    assert jj.run("land", "--branch", "result", "-m", "Other", "--force").status == 0
    assert jj.jj("log", "--no-graph", "--revisions", "result", "--template", "description.first_line()") == "Other"
    assert "conflict" not in jj.jj("bookmark", "list")


@pytest.mark.needs("jj")
def test_diff_and_checkout_in_jj(jj: JjRepository) -> None:
    assert jj.project.run("run").status == 0
    assert jj.run("diff", ":fetch", "--name-only") == Said("log.txt\nsub/new.txt\n")
    assert jj.run("checkout", f"{jj.project.ids()[0]}:fetch", "out") == Said(out="out\n", err="Wrote 4 files.\n")
    assert Path(jj.project.root / "out/log.txt").read_text() == "start\nfetched\n"
