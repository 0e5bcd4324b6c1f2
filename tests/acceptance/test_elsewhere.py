"""Workflows from a repository and from a folder: run, checked, locked, resumed, moved on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from acceptance.harness import Project

BUILD = """
id = "build"
version = "1.0.0"

[parameters.who]
default = "you"

[steps.greet]
run = '''
echo "hello ${{ params.who }} from $(cat "$ROPEWAY_WORKFLOW_DIR/lib/word.txt")"
'''

[steps.part]
needs = ["greet"]
uses = "workflow:./lib/part.toml"
"""
PART = 'id = "part"\n[steps.one]\nrun = "echo part"\n'


class Upstream:
    """Somebody else's repository ``acme/tools``, reached through a mirror of GitHub that is a folder."""

    def __init__(self, root: Path) -> None:
        self.base = root / "github"
        self.root = self.base / "acme" / "tools"
        self.root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")
        self.write("workflows/build/workflow.toml", BUILD)
        self.write("workflows/build/lib/part.toml", PART)
        self.write("workflows/build/lib/word.txt", "one\n")
        self.write("index.yaml", "workflows:\n  build:\n    path: workflows/build/workflow.toml\n    description: Builds things\n")
        self.commit("v1.0.0")

    def git(self, *args: str) -> str:
        return subprocess.run(["git", *args], cwd=self.root, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, *tags: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a change")
        for tag in tags:
            self.git("tag", "-f", tag)
        return self.git("rev-parse", "HEAD")

    def second(self) -> str:
        """Release 1.1.0, which has one more step and reads a secret."""
        more = '\n[steps.upload]\nneeds = ["greet"]\nrun = "echo up"\nenv = { T = "${{ secrets.TOKEN }}" }\n'
        self.write("workflows/build/workflow.toml", BUILD.replace("1.0.0", "1.1.0") + more + '[policy.sandbox]\nsecrets = ["TOKEN"]\n')
        return self.commit("v1.1.0")


@pytest.fixture
def upstream(tmp_path: Path, project: Project) -> Upstream:
    made = Upstream(tmp_path)
    project.environ["ROPEWAY_GITHUB_URL"] = f"file://{made.base}"
    return made


def read(project: Project, *args: str) -> Any:
    done = project.raw(*args, "--json")
    return json.loads(done.stdout.splitlines()[-1])


def test_a_workflow_of_a_repository_runs_with_its_files_and_nothing_configured(project: Project, upstream: Upstream) -> None:
    done = project.raw("run", "build@acme/tools#v1.0.0", "--param", "who=me")
    assert done.returncode == 0, done.stderr.decode()
    assert b"hello me from one" in done.stdout
    assert b"part" in done.stdout
    state = read(project, "status", project.ids()[-1])
    assert state["provenance"]["reference"] == "build@acme/tools#v1.0.0"
    assert state["provenance"]["digest"] == "git:" + upstream.git("rev-parse", "v1.0.0")


def test_what_it_may_touch_is_told_once(project: Project, upstream: Upstream) -> None:
    first = project.run("validate", "build@acme/tools#v1.0.0")
    assert "reaches any host" in first.err, first
    assert "git+file://" in first.err
    assert "new here" not in project.run("validate", "build@acme/tools#v1.0.0").err


@pytest.mark.parametrize("verb", ["validate", "plan", "graph"])
def test_the_other_verbs_take_references_too(project: Project, upstream: Upstream, verb: str) -> None:
    done = project.run(verb, "build@acme/tools")
    assert done.status == 0, done
    if verb != "validate":
        assert "greet" in done.out


def test_a_plan_names_what_a_step_uses_as_the_file_does_and_what_that_means_now(project: Project, upstream: Upstream) -> None:
    (project.root / "workflow.toml").write_text('id = "mine"\n[steps.a]\nuses = "workflow:build@acme/tools#^1"\n')
    commit = upstream.git("rev-parse", "HEAD")
    assert f"workflow:build@acme/tools#^1, which is v1.0.0, git:{commit[:15]}\n" in project.run("plan").out


def test_a_moved_tag_can_be_named_by_its_commit_as_the_hint_says(project: Project, upstream: Upstream) -> None:
    assert project.run("validate", "build@acme/tools#v1.0.0").status == 0
    upstream.write("workflows/build/lib/word.txt", "two\n")
    commit = upstream.commit("v1.0.0")
    assert read(project, "validate", "build@acme/tools#v1.0.0")["error"]["hint"].endswith(f"name it: {commit}")
    assert project.run("validate", f"build@acme/tools#{commit}").status == 0


def test_a_pinned_commit_never_touches_the_network_again(project: Project, upstream: Upstream) -> None:
    commit = upstream.git("rev-parse", "HEAD")
    assert project.run("validate", f"build@acme/tools#{commit}").status == 0
    upstream.root.rename(upstream.root.with_name("gone"))
    assert project.run("run", f"build@acme/tools#{commit}").status == 0
    moved = project.run("run", "build@acme/tools#v1.0.0")
    assert moved.status == 3


def test_without_a_network_what_was_seen_before_runs(project: Project, upstream: Upstream) -> None:
    assert project.run("run", "build@acme/tools", "--offline").status == 3
    assert project.run("run", "build@acme/tools").status == 0
    upstream.root.rename(upstream.root.with_name("gone"))
    assert project.run("run", "build@acme/tools", "--offline").status == 0


def test_a_moved_tag_is_refused_and_a_moved_branch_is_news(project: Project, upstream: Upstream) -> None:
    assert project.run("validate", "build@acme/tools#v1.0.0").status == 0
    assert project.run("validate", "build@acme/tools#main").status == 0
    upstream.write("workflows/build/lib/word.txt", "two\n")
    upstream.commit("v1.0.0")
    refused = read(project, "validate", "build@acme/tools#v1.0.0")
    assert refused["error"]["code"] == "tag-moved"
    news = project.run("validate", "build@acme/tools#main")
    assert news.status == 0
    assert "moved" in news.err


def using(project: Project, reference: str) -> None:
    project.file("workflow.toml", f'id = "mine"\n[steps.theirs]\nuses = "workflow:{reference}"\n')


def test_a_sub_workflow_from_elsewhere_is_locked_when_it_is_first_planned(project: Project, upstream: Upstream) -> None:
    using(project, "build@acme/tools#^1.0")
    assert project.run("validate").status == 0
    assert project.run("run", "--locked").status == 4
    assert project.run("lock", "--check").status == 1
    done = project.raw("run")
    assert done.returncode == 0, done.stderr.decode()
    assert b"hello you from one" in done.stdout
    lock = (project.root / "workflow.lock").read_text()
    assert 'reference = "build@acme/tools#^1.0"' in lock
    assert project.run("lock", "--check").status == 0
    upstream.second()
    again = project.raw("run", "--locked", "--offline")
    assert again.returncode == 0, again.stderr.decode()
    assert (project.root / "workflow.lock").read_text() == lock


def test_upgrade_shows_what_changes_and_locks_it_when_told(project: Project, upstream: Upstream) -> None:
    using(project, "build@acme/tools#^1.0")
    assert project.run("lock").status == 0
    assert "up to date" in project.run("upgrade").out
    upstream.second()
    shown = project.run("upgrade", "--dry-run")
    assert "new steps: upload" in shown.out, shown
    assert "TOKEN" in shown.out
    before = (project.root / "workflow.lock").read_text()
    assert project.run("upgrade").status == 4  # it may do more, and nobody was there to agree
    assert (project.root / "workflow.lock").read_text() == before
    assert project.run("upgrade", "--yes").status == 0
    assert "1.1.0" in (project.root / "workflow.lock").read_text()


LEAK = 'id = "part"\n[policy.sandbox]\nsecrets = ["GH_TOKEN"]\n[steps.one]\nrun = "rev <<< $T"\nenv = { T = "${{ secrets.GH_TOKEN }}" }\n'


def test_what_the_files_of_a_bundle_do_is_told_before_it_is_agreed_to(project: Project, upstream: Upstream) -> None:
    upstream.write("workflows/build/lib/part.toml", LEAK)
    upstream.commit()
    told = project.run("validate", "build@acme/tools")
    assert "- reads the secret GH_TOKEN" in told.err, told
    assert "- starts the workflow ./lib/part.toml" in told.err
    assert "reads the secret GH_TOKEN" in project.run("info", "build@acme/tools").out
    assert read(project, "info", "build@acme/tools")["capabilities"]["secrets"] == ["GH_TOKEN"]
    assert read(project, "bundle", "show", "build@acme/tools")["capabilities"]["secrets"] == ["GH_TOKEN"]


def test_a_file_of_a_bundle_that_nobody_can_look_into_is_told(project: Project, upstream: Upstream) -> None:
    upstream.write("workflows/build/lib/part.toml", "[steps")
    upstream.commit()
    assert "- may do more than is told here: ./lib/part.toml has errors" in project.run("validate", "build@acme/tools").err


def test_a_secret_that_only_a_file_beside_the_definition_reads_widens(project: Project, upstream: Upstream) -> None:
    using(project, "build@acme/tools")
    assert project.run("lock").status == 0
    upstream.write("workflows/build/lib/part.toml", LEAK)
    upstream.commit()
    assert "it may: + reads the secret GH_TOKEN" in project.run("upgrade", "--dry-run").out
    refused = project.run("upgrade")
    assert refused.status == 4
    assert "build@acme/tools may do more than before" in refused.err
    assert project.run("upgrade", "--yes").status == 0


def test_a_changed_lockfile_is_held_against_what_is_fetched(project: Project, upstream: Upstream) -> None:
    using(project, "build@acme/tools#v1.0.0")
    assert project.run("lock").status == 0
    path = project.root / "workflow.lock"
    tree = next(line for line in path.read_text().splitlines() if line.startswith("tree"))
    path.write_text(path.read_text().replace(tree, f'tree = "sha256:{"0" * 64}"'))
    assert read(project, "plan")["error"]["code"] == "blob-altered"


def test_cleaning_the_cache_never_breaks_a_resume_and_a_reference_names_its_run(
    project: Project, upstream: Upstream, tmp_path: Path
) -> None:
    fails = BUILD.replace("[steps.part]", '[steps.stop]\nneeds = ["greet"]\nrun = "test -e go"\n[steps.part]').replace(
        '["greet"]\nuses', '["stop"]\nuses'
    )
    upstream.write("workflows/build/workflow.toml", fails)
    upstream.commit("v2.0.0")
    assert project.run("run", "build@acme/tools#v2.0.0").status == 1
    subprocess.run(["chmod", "-R", "u+w", tmp_path / "cache"], check=True)
    subprocess.run(["rm", "-r", tmp_path / "cache"], check=True)
    project.file("go", "")
    done = project.raw("resume", "build@acme/tools#v2.0.0")
    assert done.returncode == 0, done.stderr.decode()
    assert b"part" in done.stdout
    assert len(project.ids()) == 1


def test_resume_says_when_the_reference_has_moved_and_re_resolve_takes_it(project: Project, upstream: Upstream) -> None:
    upstream.write("workflows/build/lib/part.toml", PART.replace("echo part", "false"))
    upstream.commit()
    assert project.run("run", "build@acme/tools").status == 1
    upstream.write("workflows/build/lib/part.toml", PART.replace("echo part", "echo mended"))
    upstream.commit()
    said = project.run("resume", "build@acme/tools")
    assert "build@acme/tools has moved since" in said.err
    assert said.status == 1
    done = project.raw("resume", "build@acme/tools", "--re-resolve")
    assert b"mended" in done.stdout, done.stderr.decode()


def test_a_workflow_from_elsewhere_inherits_no_secrets(project: Project, upstream: Upstream) -> None:
    upstream.write("workflows/env.toml", 'id = "env"\n[steps.a]\nrun = "env"\n')
    upstream.commit()
    secret = {"AWS_SECRET_ACCESS_KEY": "hunter2hunter2"}
    out = project.raw("run", "env@acme/tools", env=secret).stdout
    assert b"hunter2" not in out
    assert b"HOME=" in out
    using(project, "env@acme/tools")
    assert b"hunter2" not in project.raw("run", env=secret).stdout
    project.file("own.toml", 'id = "own"\n[steps.a]\nrun = "env"\n')
    assert b"hunter2" in project.raw("run", "own.toml", env=secret).stdout
    assert b"GIVEN=1" in project.raw("run", "env@acme/tools", "--env", "GIVEN=1").stdout


def test_a_bundle_can_not_reach_out_of_itself(project: Project, upstream: Upstream) -> None:
    project.file("secret.toml", 'id = "secret"\n[steps.a]\nrun = "echo leaked"\n')
    for reference, code in (
        ("../../../../../project/secret.toml", "outside-bundle"),
        (f"{project.root}/secret.toml", "outside-bundle"),
        ("~/secret.toml", "outside-bundle"),
        ("other@", "default-registry-remote"),
    ):
        upstream.write("workflows/bad/workflow.toml", f'id = "bad"\n[steps.a]\nuses = "workflow:{reference}"\n')
        upstream.write("index.yaml", "workflows:\n  bad:\n    path: workflows/bad/workflow.toml\n")
        upstream.commit()
        assert read(project, "plan", "bad@acme/tools")["error"]["code"] == code


def test_what_only_a_remote_workflow_pulls_in_wants_consent_of_its_own(project: Project, upstream: Upstream) -> None:
    upstream.write("workflows/outer.toml", 'id = "outer"\n[steps.a]\nuses = "workflow:build@acme/other"\n')
    upstream.write("index.yaml", "workflows:\n  outer:\n    path: workflows/outer.toml\n")
    upstream.commit()
    subprocess.run(["git", "clone", "-q", upstream.root, upstream.base / "acme/other"], check=True)
    subprocess.run(["git", "-C", upstream.base / "acme/other", "checkout", "-q", "v1.0.0"], check=True)
    refused = read(project, "run", "outer@acme/tools")
    assert refused["error"]["code"] == "not-trusted"
    assert "--trust build@acme/other" in refused["error"]["hint"]
    done = project.raw("run", "outer@acme/tools", "--trust", "build@acme/other")
    assert done.returncode == 0, done.stderr.decode()
    assert project.run("run", "outer@acme/tools").status == 0


def test_outside_of_a_project_a_bare_name_is_the_default_registrys(project: Project, upstream: Upstream, tmp_path: Path) -> None:
    (project.config).mkdir(parents=True)
    (project.config / "registries.toml").write_text(
        f'default = "team"\n[registries.team]\ntype = "git"\nsource = "file://{upstream.root}"\n'
    )
    done = project.raw("run", "build")
    assert done.returncode == 0, done.stderr.decode()
    assert project.run("run", "build@").status == 0
    assert project.run("run", "build@team#v1.0.0").status == 0
    project.file("workflow.toml", 'id = "mine"\n[steps.a]\nrun = "true"\n')
    inside = project.run("run", "build")
    assert inside.status == 3
    assert "build@" in inside.err


def test_a_program_reaches_elsewhere_the_same_way(project: Project, upstream: Upstream) -> None:
    program = """
        import sys
        from ropeway import api
        from ropeway.errors import Refused, Unreachable
        offline = api.Sources(offline=True)
        try:
            api.load("build@acme/tools#v1.0.0", sources=offline)
        except Unreachable as error:
            print(error.code)
        print(api.run("build@acme/tools#v1.0.0", options=api.RunOptions(in_place=True)).state)
        print(api.plan("build@acme/tools#v1.0.0", sources=offline).template.provenance.version)
        try:
            api.plan("build@acme/tools#v1.0.0", sources=api.Sources(locked=True))
        except Refused as error:
            print(error.code)
    """
    import sys
    from textwrap import dedent

    done = subprocess.run(
        [sys.executable, "-c", dedent(program)], check=False, cwd=project.root, env=project.environ, capture_output=True, text=True
    )
    assert done.stdout.split() == ["offline", "succeeded", "v1.0.0", "not-locked"], done.stderr


def foreign(upstream: Upstream, name: str, **files: str) -> None:
    """Make another repository beside the first one."""
    folder = upstream.base / name
    folder.mkdir(parents=True)
    for path, text in files.items():
        (folder / path.replace("__", ".")).write_text(text)
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "x")):
        subprocess.run(["git", *words], cwd=folder, check=True)


def test_yaml_from_elsewhere_is_read_as_yaml(project: Project, upstream: Upstream) -> None:
    upstream.write("workflows/why.yaml", "id: why\nsteps:\n  a:\n    run: echo yaml\n")
    upstream.write("index.yaml", "workflows:\n  why:\n    path: workflows/why.yaml\n")
    upstream.commit()
    assert b"yaml" in project.raw("run", "why@acme/tools").stdout
    using(project, "why@acme/tools")
    assert b"yaml" in project.raw("run").stdout


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("source", "git+file:///somewhere/else"),
        ("source", "path:/x"),
        ("name", "other"),
        ("registry", "acme"),
        ("version", "v9.0.0"),
    ],
)
def test_an_edited_lockfile_can_not_choose_where_code_comes_from(project: Project, upstream: Upstream, key: str, value: str) -> None:
    using(project, "build@acme/tools#v1.0.0")
    assert project.run("lock").status == 0
    path = project.root / "workflow.lock"
    head, mark, entry = path.read_text().partition("[[reference]]\n")
    lines = [line for line in entry.splitlines() if not line.startswith(key)]
    path.write_text("\n".join([head + mark + f'{key} = "{value}"', *lines, ""]))
    for words in (["plan"], ["run", "--locked"], ["run", "--locked", "--offline"], ["validate"]):
        said = project.raw(*words, "--json")
        assert b"lock-mismatch" in said.stdout or b"holds something else" in said.stdout, (words, said)
    assert project.run("lock", "--check").status == 1
    assert project.run("lock", "build@acme/tools#v1.0.0").status == 0
    assert project.run("run", "--locked").status == 0


def test_a_lockfile_that_a_bundle_brings_along_is_not_looked_at(project: Project, upstream: Upstream) -> None:
    foreign(upstream, "evil/sub", sub__toml='id = "sub"\n[steps.a]\nrun = "echo PWNED"\n')
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], check=True, cwd=upstream.base / "evil/sub", capture_output=True, text=True
    ).stdout.strip()
    tree = "sha256:" + "0" * 64
    entry = f'reference = "sub@evil/sub"\nsource = "path:/x"\nname = "sub"\ndigest = "git:{commit}"\ntree = "{tree}"\nfile = "sub.toml"\n'
    foreign(
        upstream,
        "evil/flows",
        top__toml='id = "top"\n[steps.a]\nuses = "workflow:sub@evil/sub"\n',
        workflow__lock=f"version = 1\n\n[[reference]]\n{entry}",
    )
    refused = project.raw("run", "top@evil/flows", "--json")
    assert b"not-trusted" in refused.stdout
    assert b"PWNED" not in refused.stdout
    assert not list((project.root.parent / "cache" / "workflows").glob("sub/*"))  # and nothing that people know leads there


def test_having_used_a_name_is_no_consent_to_what_somebody_else_put_beside_it(project: Project, upstream: Upstream) -> None:
    assert project.run("run", "build@acme/tools").status == 0
    upstream.git("checkout", "-q", "-b", "theirs")
    upstream.write("workflows/build/lib/word.txt", "evil\n")
    commit = upstream.commit()
    upstream.git("update-ref", "refs/pull/6/head", commit)
    upstream.git("checkout", "-q", "main")
    for number, ref in enumerate(("refs/pull/6/head", commit, "theirs")):
        foreign(upstream, f"evil/flow{number}", top__toml=f'id = "top"\n[steps.a]\nuses = "workflow:build@acme/tools#{ref}"\n')
        assert b"not-trusted" in project.raw("run", f"top@evil/flow{number}", "--json").stdout, ref
    assert "new here" in project.run("validate", "build@acme/tools#theirs").err


@pytest.mark.parametrize("spelling", ["FILE://{base}", "file://{base}/.", "file:///{base}", "file://{base}/x/.."])
def test_a_rule_holds_for_every_spelling_of_a_source(project: Project, upstream: Upstream, spelling: str) -> None:
    project.config.mkdir(parents=True)
    rules = project.config / "trust.toml"
    rules.write_text(f'[[rule]]\nsource = "git+file://{upstream.base}/acme/*"\nfirst_use = "refuse"\n')
    rules.chmod(0o600)
    project.environ["ROPEWAY_GITHUB_URL"] = spelling.format(base=upstream.base)
    assert project.run("run", "build@acme/tools").status in (3, 4)
    assert b"hello" not in project.raw("run", "build@acme/tools").stdout


def test_what_cannot_be_read_is_not_said_to_be_locked(project: Project, upstream: Upstream) -> None:
    project.file("workflow.toml", "garbage [")
    assert project.run("lock", "--check").status == 2
    using(project, "@@bad")
    assert project.run("lock", "--check").status == 2


def test_a_damaged_lockfile_is_moved_aside_and_written_anew(project: Project, upstream: Upstream) -> None:
    using(project, "build@acme/tools")
    project.file("workflow.lock", "<<<<<<< ours\nversion = 1\n")
    assert project.run("plan").status == 2
    assert project.run("validate", "build@acme/tools").status == 0
    assert "workflow.lock.damaged" in project.run("lock").err
    assert project.run("lock", "--check").status == 0
    assert (project.root / "workflow.lock.damaged").read_text().startswith("<<<<<<<")


def test_a_lockfile_that_leads_out_of_the_project_is_not_followed(project: Project, upstream: Upstream, tmp_path: Path) -> None:
    using(project, "build@acme/tools")
    (project.root / "workflow.lock").symlink_to(tmp_path / "victim")
    assert read(project, "lock")["error"]["code"] == "lock-link"
    assert not (tmp_path / "victim").exists()


def test_an_upgrade_to_a_moved_tag_is_refused_and_says_so(project: Project, upstream: Upstream) -> None:
    using(project, "build@acme/tools#v1.0.0")
    assert project.run("lock").status == 0
    upstream.second()
    upstream.git("tag", "-f", "v1.0.0")
    said = project.run("upgrade")
    assert said.status == 4
    assert "refused" in said.out
    assert "everything is as it is locked" not in said.err


def test_what_was_never_seen_on_this_machine_widens_an_upgrade(project: Project, upstream: Upstream, tmp_path: Path) -> None:
    using(project, "build@acme/tools#^1.0")
    assert project.run("lock").status == 0
    upstream.second()
    for folder in ("cache", "state"):
        subprocess.run(["chmod", "-R", "u+w", tmp_path / folder], check=True)
        subprocess.run(["rm", "-r", tmp_path / folder], check=True)
    said = project.run("upgrade")
    assert said.status == 4, said
    assert "TOKEN" in said.out


def test_resume_says_why_a_workflow_has_no_run_to_go_on_with(project: Project, upstream: Upstream) -> None:
    assert project.run("run", "build@acme/tools").status == 0
    assert "no run of build@acme/tools can go on" in project.run("resume", "build@acme/tools").err
    assert project.run("resume", "build@@").status == 2


def test_a_file_of_secrets_is_not_a_publishers_to_ask_for(project: Project, upstream: Upstream) -> None:
    upstream.write("workflows/env.toml", 'id = "env"\n[policy]\nenv_file = ".env"\n[steps.a]\nrun = "env"\n')
    upstream.write("index.yaml", "workflows:\n  env:\n    path: workflows/env.toml\n")
    upstream.commit()
    project.file(".env", "OTHERS=hunter2\n")
    assert read(project, "run", "env@acme/tools")["error"]["code"] == "env-file-remote"
    assert b"OTHERS=hunter2" in project.raw("run", "env@acme/tools", "--env-file", ".env").stdout


@pytest.mark.parametrize(
    "reference", ["#^1.0", "#1.0.0", "#v1.0.0", "#main", "#heads/main", "#tags/v1.0.0", "", "#SHORT", "#FULL", "#~1.0"]
)
def test_what_any_reference_was_locked_to_is_what_it_may_mean(project: Project, upstream: Upstream, reference: str) -> None:
    commit = upstream.git("rev-parse", "HEAD")
    using(project, "build@acme/tools" + reference.replace("SHORT", commit[:8]).replace("FULL", commit))
    assert project.run("lock").status == 0
    assert project.run("plan", "--locked", "--offline").status == 0


def test_tags_of_a_workflow_among_several_can_be_locked(project: Project, upstream: Upstream) -> None:
    upstream.git("tag", "build-v1.4.0")
    using(project, "build@acme/tools#^1.0")
    assert project.run("lock").status == 0
    assert "build-v1.4.0" in (project.root / "workflow.lock").read_text()
    assert project.run("plan", "--locked", "--offline").status == 0
