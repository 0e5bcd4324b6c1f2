"""`workflow registry`: what each verb prints, whole. ``HERE`` is the folder in which the registries are."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest

from acceptance.harness import Project, Said
from support.registries import LOGIN
from support.registry_fixtures import docker_with_password

__all__ = ["docker_with_password"]


@pytest.fixture
def home(project: Project) -> Project:
    """A person with a folder of workflows, outside of any project."""
    project.file("reg/index.yaml", "workflows:\n  build:\n    path: workflows/build.toml\n    description: Builds it.\n")
    project.file("reg/workflows/build.toml", 'id = "build"\n\n[steps.say]\nrun = ["echo", "one"]\n')
    return project


def registry(project: Project, *words: str, **options: object) -> Said:
    return project.run("registry", *words, **options)  # type: ignore[arg-type]


def test_a_registry_is_added_listed_shown_used_and_removed(home: Project) -> None:
    assert registry(home, "list") == Said(
        err="There are no registries. `workflow registry add NAME SOURCE` adds one; a repository on GitHub needs none: NAME@owner/repo.\n"
    )
    assert registry(home, "add", "here", "./reg", "--default") == Said(
        err="""
        added here: path, HERE/reg, the default
        its workflows are NAME@here; `workflow registry list here` shows them
        """
    )
    assert registry(home, "add", "tools", "acme/tools", "--update", "auto") == Said(
        err="""
        added tools: git, https://github.com/acme/tools
        its workflows are NAME@tools; `workflow registry list tools` shows them
        """
    )
    assert registry(home, "list") == Said("""
        NAME   TYPE           SOURCE
        here   path  default  HERE/reg
        tools  git            https://github.com/acme/tools
        """)
    assert registry(home, "list", "here") == Said("""
        WORKFLOW    VERSION  WHAT IT DOES
        build@here           Builds it.
        """)
    assert registry(home, "list", "here", "--json").out == (
        '{"name":"build","registry":"here","reference":"build@here","version":null,"title":null,"description":"Builds it.","tags":[]}\n'
    )
    assert registry(home, "show", "here") == Said("""
        name       here (the default)
        type       path
        source     HERE/reg
        update     notify
        reachable  yes
        cached     0 versions
        """)
    ran = home.run("run", "build@")
    assert (ran.status, "say: one" in ran.out or "| one" in ran.out) == (0, True), str(ran)
    assert registry(home, "show", "here", "--json").out == (
        '{"name":"here","type":"path","source":"HERE/reg","default":true,"update":"notify","ca":null,"pin":[],'
        '"reachable":true,"problem":null,"login":null,"cached":1}\n'
    )
    assert registry(home, "set-default", "tools") == Said(err="the default registry is tools\n")
    assert (home.config / "registries.toml").read_text().replace(str(home.root), "HERE") == (
        'default = "tools"\n\n[registries.here]\ntype = "path"\nsource = "HERE/reg"\n\n'
        '[registries.tools]\ntype = "git"\nsource = "acme/tools"\nupdate = "auto"\n'
    )
    assert registry(home, "remove", "tools") == Said(
        err="""
        removed tools, which was the default one
        to have it back: workflow registry add tools acme/tools --type git --update auto --default
        """
    )
    assert home.run("run", "build@") == Said(
        err="""
        error: no registry is the default one
        hint: choose one: workflow registry set-default NAME, of here; or write name@REGISTRY
        """,
        status=3,
    )


def test_what_is_newer_is_told(home: Project) -> None:
    registry(home, "add", "here", "./reg")
    assert home.run("run", "build@here").status == 0
    assert registry(home, "update") == Said(err="Nothing is newer than what was fetched.\n")
    home.file("reg/workflows/build.toml", 'id = "build"\n\n[steps.say]\nrun = ["echo", "two"]\n')
    told = registry(home, "update")
    assert (told.status, told.err) == (0, "")
    assert told.out.startswith("build@here has changed: sha256:")
    registry(home, "add", "here", "./reg", "--update", "auto", "--force")
    told = registry(home, "update")
    assert told.out.endswith(" (fetched)\n"), str(told)
    assert registry(home, "update", "here") == Said(err="Nothing is newer than what was fetched.\n")


def test_a_run_tells_once_a_day_what_is_newer_in_the_registry_that_it_asks(home: Project) -> None:
    home.file("reg/index.yaml", "workflows: {build: {path: workflows/build.toml}, other: {path: other/other.toml}}\n")
    home.file("reg/other/other.toml", 'id = "other"\n\n[steps.a]\nrun = ["true"]\n')
    registry(home, "add", "here", "./reg")
    for name in ("build", "other"):
        assert "has changed" not in home.run("run", f"{name}@here").err
    home.file("reg/other/other.toml", 'id = "other"\n\n[steps.b]\nrun = ["true"]\n')
    assert "has changed" not in home.run("run", "build@here").err
    asked = Path(home.environ["XDG_CACHE_HOME"]) / "ropeway/store/asked/here"
    os.utime(asked, (1, 1))
    assert "has changed" not in home.run("run", "build@here", "--offline").err
    told = [home.run("run", "build@here").err for _ in range(2)]
    assert [
        line for line in told[0].splitlines() if "other@here has changed: sha256:" in line and "`workflow fetch other@here` gets it" in line
    ]
    assert "has changed" not in told[1]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (
            ("add", "here", "./reg"),
            2,
            (
                "error: there is a registry `here` already\n"
                "hint: choose another name, or say --force to put this one in its place; `workflow registry show here` shows it\n"
            ),
        ),
        (
            ("add", "a/b", "./reg"),
            2,
            (
                "error: `a/b` can't be the name of a registry: behind the `@` of a reference, what holds a `/` is a repository\n"
                "hint: a repository on GitHub needs no registry: name@owner/repo\n"
            ),
        ),
        (
            ("add", "_a", "./reg"),
            2,
            (
                "error: `_a` can't be the name of a registry: names that begin with `_` are kept for what no registry names, such as `_adhoc`\n"
                "hint: lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or a digit\n"
            ),
        ),
        (("add", "new", "./none"), 3, "error: there is no folder HERE/none\nhint: name one that is there, or say --type\n"),
        (
            ("add", "new", "https://127.0.0.1:1"),
            3,
            (
                "error: what is at https://127.0.0.1:1 can't be asked: nothing answers at https://127.0.0.1:1\n"
                "hint: say which it is: --type git, or --type ropeway\n"
            ),
        ),
        (
            ("list", "her"),
            3,
            (
                "error: no registry is called `her`\nhint: did you mean `here`? `workflow registry add her SOURCE` adds it; "
                "a repository on GitHub needs no registry: name@owner/repo\n"
            ),
        ),
        (("remove", "none"), 3, None),
        (("set-default", "none"), 3, None),
        (("show", "none"), 3, None),
        (("update", "none"), 3, None),
        (
            ("login", "here", "--password-stdin"),
            2,
            "error: one does not log in to `here`, a registry of type path\nhint: a folder needs none\n",
        ),
        (
            ("login", "ghcr.io"),
            2,
            "error: there is no terminal to ask for the password on\nhint: give it to standard input, with --password-stdin\n",
        ),
        (
            ("login", "ghcr.io", "--password-stdin"),
            2,
            "error: the password is empty\nhint: `workflow registry logout ghcr.io` forgets a login\n",
        ),
        (("logout", "ghcr.io"), 3, "error: nobody is logged in at ghcr.io\n"),
    ],
)
def test_what_can_not_be_done_is_said_with_what_to_do(home: Project, words: tuple[str, ...], status: int, said: str | None) -> None:
    registry(home, "add", "here", "./reg")
    before = (home.config / "registries.toml").read_bytes()
    told = registry(home, *words)
    if said is None:
        said = (
            "error: no registry is called `none`\nhint: `workflow registry list` shows those there are. `workflow registry add none SOURCE` "
            "adds it; a repository on GitHub needs no registry: name@owner/repo\n"
        )
    assert told == Said(err=said, status=status)
    assert (home.config / "registries.toml").read_bytes() == before


def test_a_dry_run_adds_nothing(home: Project) -> None:
    assert registry(home, "add", "here", "./reg", "--default", "--dry-run") == Said(err="would add here: path, HERE/reg, the default\n")
    assert registry(home, "add", "here", "./reg", "-n", "--json").out == (
        '{"name":"here","type":"path","source":"HERE/reg","default":false,"added":false}\n'
    )
    assert not home.config.exists()


def test_what_is_wrong_in_the_file_is_said_with_its_line_by_every_verb(home: Project) -> None:
    home.config.mkdir(parents=True)
    (home.config / "registries.toml").write_text('[registries.a]\ntype = "svn"\nsource = "x"\n')
    said = "error: CONFIG/registries.toml:2: `svn` is no type of registry\nhint: type is git (or github), path, oci or ropeway, with its source\n"
    for words in (("list",), ("show", "a"), ("add", "b", "./reg"), ("remove", "a"), ("set-default", "a"), ("update",)):
        told = registry(home, *words)
        assert (told.status, told.err.replace(", with its source", "")) == (2, said.replace(", with its source", "")), words


def test_a_project_can_not_name_registries(home: Project) -> None:
    home.file("registries.toml", '[registries.evil]\ntype = "path"\nsource = "/"\n')
    home.file(".ropeway.toml", "")
    home.file("workflow.toml", 'id = "mine"\n\n[steps.a]\nrun = ["true"]\n')
    assert registry(home, "show", "evil").status == 3


@pytest.mark.needs("docker-registry")
def test_one_logs_in_and_out_and_the_password_stays_secret(home: Project, docker_with_password: object) -> None:
    host: str = docker_with_password.host  # type: ignore[attr-defined]
    user, password = LOGIN
    registry(home, "add", "corp", f"oci://{host}/acme")
    assert registry(home, "show", "corp").out.splitlines()[-3:] == ["reachable  yes", "logged in  no", "cached     0 versions"]
    wrong = registry(home, "login", "corp", "-u", user, "--password-stdin", stdin="wrong\n")
    assert wrong.status == 4, str(wrong)
    told = registry(home, "login", "corp", "-u", user, "--password-stdin", stdin=f"{password}\n")
    assert told == Said(err=f"logged in to {host} as {user}; kept in a file that only you can read\n")
    assert f"logged in  as {user}\n" in registry(home, "show", "corp").out
    for path in home.root.parent.rglob("*"):
        if path.is_file() and password.encode() in path.read_bytes():
            assert (path.name, path.stat().st_mode & 0o777) == ("tokens.json", 0o600)
    assert registry(home, "logout", host) == Said(err=f"logged out of {host}\n")
    assert registry(home, "show", "corp").out.splitlines()[-2] == "logged in  no"


@pytest.mark.needs("docker-registry")
def test_on_a_terminal_the_password_is_asked_for_without_echo(home: Project, docker_with_password: object) -> None:
    host: str = docker_with_password.host  # type: ignore[attr-defined]
    master, slave = pty.openpty()
    process = home.start("registry", "login", host, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    os.write(master, f"{LOGIN[0]}\n".encode())
    said = _until(master, b"Password or token: ")
    os.write(master, f"{LOGIN[1]}\n".encode())
    said += _until(master, b"kept in a file that only you can read")
    assert process.wait(20) == 0
    os.close(master)
    assert LOGIN[1].encode() not in said
    assert f"User at {host} (empty for a token): ".encode() in said


def _until(master: int, wanted: bytes) -> bytes:
    said = b""
    while wanted not in said:
        said += os.read(master, 1000)
    return said
