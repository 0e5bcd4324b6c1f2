"""The built-in actions, as steps of a run: what they touch, and what they say when they can't."""

from __future__ import annotations

import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.projects import Project, Ran


def step(project: Project, uses: str, inputs: str) -> Ran:
    """Run one step; the inputs are TOML."""
    return project.run(f'[steps.a]\nuses = "{uses}"\n[steps.a.inputs]\n{inputs}\n')


def cause(ran: Ran) -> str:
    """Return why the step failed; never with a traceback."""
    assert ran.status == 1, ran.out + ran.err
    assert "Traceback" not in ran.out + ran.err
    return ran.state.steps["a"].error or ""


@pytest.fixture
def repository(project: Project) -> Project:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=me", "-c", "user.email=me@x", *arguments], cwd=project.cwd, check=True, capture_output=True)

    git("init", "-q")
    (project.cwd / "kept").mkdir()
    for name in ("a.txt", "kept/b.txt"):
        (project.cwd / name).write_text("one\n")
    git("add", ".")
    git("commit", "-qm", "first")
    git("tag", "start")
    for name in ("a.txt", "kept/b.txt"):
        (project.cwd / name).write_text("two\n")
    return project


@pytest.mark.needs("git")
def test_a_diff_compares_with_a_revision_and_takes_only_the_paths_that_are_asked_for(repository: Project) -> None:
    ran = step(repository, "builtin:vcs-diff", 'from = "start"\npaths = ["kept"]')
    assert ran.status == 0, ran.err
    outputs = ran.state.steps["a"].outputs
    assert (outputs["files"], outputs["changed"]) == (["kept/b.txt"], True)
    assert "-one\n+two\n" in outputs["diff"]


@pytest.mark.needs("git")
@pytest.mark.parametrize("base", ["--output={path}", "-O{path}", "no-such-branch", "start..HEAD", "start --output={path}"])
def test_a_revision_never_becomes_an_option_of_git(repository: Project, tmp_path: Path, base: str) -> None:
    path = tmp_path / "written"
    assert "git knows no commit" in cause(step(repository, "builtin:vcs-diff", f"from = '{base.format(path=path)}'"))
    assert not path.exists()


@pytest.mark.needs("git")
def test_a_path_never_becomes_an_option_of_git(repository: Project, tmp_path: Path) -> None:
    path = tmp_path / "written"
    ran = step(repository, "builtin:vcs-diff", f"paths = ['--output={path}']")
    assert ran.status == 0, ran.err
    assert ran.state.steps["a"].outputs["files"] == []
    assert not path.exists()


def test_nothing_that_a_workflow_says_becomes_an_option_of_jj(project: Project, tmp_path: Path) -> None:
    (project.cwd / ".jj").mkdir()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "jj").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$TOLD"\n')  # stands in for jj, and tells how it was called
    (programs / "jj").chmod(0o755)
    project.write("[steps.a]\nuses = 'builtin:vcs-diff'\ninputs = { from = '--config=x', paths = ['--tool=x', 'say \"hi\"'] }\n")
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "TOLD": str(tmp_path / "told")}
    assert project.call("run", env=env).status == 0
    told = (tmp_path / "told").read_text().splitlines()
    assert told[-6:] == ["--name-only", "--from=--config=x", "--to=@", "--", 'cwd:"--tool=x"', 'cwd:"say \\"hi\\""']


def test_a_file_is_written_at_once_with_its_folders(project: Project) -> None:
    ran = step(project, "builtin:write-file", 'path = "deep/er/tool"\ntext = "#!/bin/sh\\n"\nexecutable = true')
    assert ran.state.steps["a"].outputs == {"path": "deep/er/tool", "bytes": 10}
    assert os.access(project.cwd / "deep/er/tool", os.X_OK)
    assert [path.name for path in (project.cwd / "deep/er").iterdir()] == ["tool"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../out", "../out is outside of the working folder"),
        ("/tmp/out", "/tmp/out is outside of the working folder"),
        ("link/out", "link/out is outside of the working folder"),
        (".", ". is the working folder itself"),
        ("file/below", "can't write file/below: "),
        ("folder", "can't write folder: Is a directory"),
        ("circle", ""),
    ],
)
@pytest.mark.parametrize("action", ["write-file", "http-get"])
def test_a_path_that_can_not_be_written_is_a_message(project: Project, server: str, action: str, path: str, said: str) -> None:
    (project.cwd / "file").write_text("")
    (project.cwd / "folder").mkdir()
    (project.cwd / "link").symlink_to(project.root)
    (project.cwd / "circle").symlink_to("circle")
    inputs = f'path = "{path}"\ntext = "x"' if action == "write-file" else f'to = "{path}"\nurl = "{server}/text"'
    assert said in cause(step(project, f"builtin:{action}", inputs))
    assert not (project.root / "out").exists()
    assert not list(project.cwd.rglob("*.part"))


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        places = {"/circle": "/circle", "/away": "ftp://127.0.0.1/x", "/moved": "/text"}
        if self.path in places:
            self.send_response(302)
            self.send_header("Location", places[self.path])
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", "100" if self.path == "/short" else "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join()


def test_a_body_is_an_output_or_a_file_below_the_working_folder(project: Project, server: str) -> None:
    assert step(project, "builtin:http-get", f'url = "{server}/moved"').state.steps["a"].outputs["body"] == "hello"
    ran = step(project, "builtin:http-get", f'url = "{server}/text"\nto = "kept/body"')
    assert ran.state.steps["a"].outputs["body"] == ""
    assert (project.cwd / "kept/body").read_text() == "hello"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ('url = "{}/circle"', "leads from one redirect to the next without an end"),
        ('url = "{}/away"', "not an http(s) address: ftp://127.0.0.1/x"),
        ('url = "{}/short"', "broke off in its answer"),
        ('url = "{}/text"\nmax_bytes = 4', "is larger than max_bytes (4)"),
        ('url = "http://127.0.0.1:1/"', "can't reach http://127.0.0.1:1/: "),
        ('url = "file:///etc/passwd"', "not an http(s) address"),
    ],
)
def test_an_answer_that_will_not_do_is_a_message(project: Project, server: str, inputs: str, said: str) -> None:
    error = cause(step(project, "builtin:http-get", inputs.format(server)))
    assert said in error
    assert "\n" not in error


def test_a_limit_of_nothing_is_refused_when_the_file_is_read_and_when_it_is_known(project: Project, server: str) -> None:
    project.write(f'[steps.a]\nuses = "builtin:http-get"\ninputs = {{ url = "{server}/text", max_bytes = 0 }}\n')
    assert project.call("run").status == 2
    project.write(
        f'[parameters.n]\ntype = "integer"\ndefault = 0\n[steps.a]\nuses = "builtin:http-get"\ninputs = {{ url = "{server}/text", max_bytes = "${{{{ params.n }}}}" }}\n'
    )
    assert "max_bytes" in cause(project.call("run"))


def test_whatever_a_python_plugin_raises_is_the_cause_and_its_traceback_is_in_the_log(project: Project, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "acme-1.dist-info").mkdir(parents=True)
    (site / "acme-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (site / "acme-1.dist-info/entry_points.txt").write_text("[ropeway.steps]\ndivide = acme:divide\n")
    (site / "acme.py").write_text("def divide(inputs, log):\n    log('dividing')\n    return {'x': 1 / inputs['by']}\n")
    project.write("[steps.a]\nuses = 'plugin:divide'\ninputs = { by = 0 }\noutputs.x = { type = 'number' }\n")
    ran = project.call("run", env={"PYTHONPATH": str(site)})
    assert ran.status == 1
    assert ran.state.steps["a"].error == "ZeroDivisionError: division by zero"
    assert ran.folder is not None
    number = ran.state.steps["a"].logs[-1]
    assert "1 / inputs['by']" in (ran.folder.logs / f"{number}.err").read_text()
    assert ran.log("a").decode().splitlines() == ["dividing", "ZeroDivisionError: division by zero"]
