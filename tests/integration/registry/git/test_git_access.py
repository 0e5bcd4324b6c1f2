"""Whose credentials are used for a git repository, where they go, and what is said when they do not do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ropeway.errors import NotFound, Refused, RopewayError, Unreachable, UsageError
from ropeway.records import replace
from ropeway.registry.http.transport import Net
from support.git_http import serving
from support.git_sources import commits

NAME = "x-access-token"


def script(home: dict[str, str], name: str, text: str) -> Path:
    path = Path(home["HOME"], "bin", name)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def pin(around, server, tools):
    return lambda: tools.resolver(around, server.url).pin(tools.wanted("build@acme/flows#v1.0.0"))


def test_a_credential_helper_of_the_persons_own_is_used(server, pin, home):
    server.password = "me:own"
    helper = script(home, "git-credential-mine", "echo username=me; echo password=own")
    Path(home["HOME"], "gitconfig").write_text(f"[credential]\n\thelper = {helper}\n")
    home["GIT_CONFIG_GLOBAL"] = f"{home['HOME']}/gitconfig"
    assert pin().version == "v1.0.0"


def test_a_netrc_is_used(server, pin, home):
    server.password = "me:net"
    Path(home["HOME"], ".netrc").write_text("machine 127.0.0.1 login me password net\n")
    assert pin().version == "v1.0.0"


@pytest.mark.parametrize("variable", ["GH_TOKEN", "GITHUB_TOKEN"])
def test_a_token_is_used_where_git_has_no_credentials(around, server, pin, home, variable):
    around.github = server.url
    server.password = f"{NAME}:secret-1"
    home[variable] = "secret-1"
    assert pin().version == "v1.0.0"
    assert server.secrets  # and the first request came without
    assert len(server.requests) > len(server.secrets)


def test_gh_is_asked_last_and_not_told_of_the_other_tokens(around, server, fetched, home):
    around.github = server.url
    server.password = f"{NAME}:from-gh"
    home["GH_TOKEN"] = "stale"
    script(home, "gh", 'test -z "$GH_TOKEN" && test "$*" = "auth token --hostname github.com" && echo from-gh')
    assert fetched("build@acme/flows#main").file == "build.toml"
    assert set(server.secrets) == {f"{NAME}:stale", f"{NAME}:from-gh"}


def test_no_token_is_read_for_a_repository_that_everybody_may_read(around, server, pin, home):
    around.github = server.url
    home["GH_TOKEN"] = "secret-2"
    script(home, "gh", f"touch {home['HOME']}/asked; echo token")
    pin()
    assert server.secrets == []
    assert not Path(home["HOME"], "asked").exists()


def test_a_token_never_goes_to_another_host(server, pin, home):
    server.password = f"{NAME}:secret-3"
    home["GH_TOKEN"] = "secret-3"
    script(home, "gh", f"touch {home['HOME']}/asked; echo token")
    with pytest.raises(Refused) as caught:  # the server is not GitHub's
        pin()
    assert caught.value.code == "unauthorized"
    assert server.secrets == []
    assert not Path(home["HOME"], "asked").exists()


def test_a_token_does_not_follow_a_redirect(around, server, sources, pin, home):
    around.github = server.url
    home["GH_TOKEN"] = "secret-4"
    with serving(sources) as other:
        other.password = f"{NAME}:secret-4"
        server.status, server.failures, server.location = 302, -1, other.url
        with pytest.raises(Refused):
            pin()
        assert other.requests  # the anonymous try was led there
        assert other.secrets == []
        assert server.secrets == []


def test_an_anonymous_fetch_follows_a_redirect(server, sources, around, tools):
    with serving(sources) as other:
        server.status, server.failures, server.location = 301, -1, other.url
        made = tools.resolver(around, server.url)
        pin = made.pin(tools.wanted("build@acme/flows#v1.0.0"))
        assert made.fetch(pin, made.evidence(pin)).file == "build.toml"
        assert {path for _, path in server.requests} == {"/acme/flows/info/refs?service=git-upload-pack"}


def test_a_token_is_in_no_argument_and_no_file(around, server, fetched, home, tmp_path):
    around.github = server.url
    server.password = f"{NAME}:secret-5"
    home["GH_TOKEN"] = "secret-5"
    real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    log = tmp_path / "arguments"
    keep = tmp_path / "kept"
    script(home, "git", f'echo "$@" >> {log}\n{real} "$@"\ncode=$?\ncp -r "$2" {keep}.$$ 2>/dev/null\nexit $code')
    fetched("build@acme/flows#main")
    assert "secret-5" not in log.read_text()
    assert "credential." in log.read_text()
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "git"]
    assert any("kept" in str(path) for path in written)
    assert not [path for path in written if b"secret-5" in path.read_bytes()]


def test_the_persons_helpers_are_not_told_of_a_token(around, server, pin, home):
    around.github = server.url
    server.password = f"{NAME}:secret-6"
    home["GH_TOKEN"] = "secret-6"
    told = Path(home["HOME"], "told")
    helper = script(home, "git-credential-mine", f"echo $1 >> {told}; cat >> {told}")
    Path(home["HOME"], "gitconfig").write_text(f"[credential]\n\thelper = {helper}\n")
    home["GIT_CONFIG_GLOBAL"] = f"{home['HOME']}/gitconfig"
    pin()
    assert "get" in told.read_text()
    assert "secret-6" not in told.read_text()


@pytest.mark.parametrize(
    ("token", "message", "hint"),
    [
        (
            None,
            "does not exist, or is private and needs credentials",
            "for a private one set GH_TOKEN or GITHUB_TOKEN, or sign in with `gh auth login`",
        ),
        ("wrong", "did not accept the token", "the token may be expired"),
        ("two words", "does not exist, or is private and needs credentials", "check the spelling"),
    ],
)
def test_a_closed_repository_on_github_is_said_to_be_private_or_missing(around, server, pin, token, message, hint):
    around.github = server.url
    server.password = f"{NAME}:right"
    if token:
        around.environ["GH_TOKEN"] = token
    with pytest.raises(Refused) as caught:
        pin()
    assert caught.value.code == "unauthorized"
    assert message in caught.value.message
    assert hint in caught.value.hint


# -- what else can be in the way -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, Refused, "unauthorized"),
        (403, Refused, "forbidden"),
        (404, NotFound, "repository-not-found"),
        (429, Unreachable, "rate-limited"),
        (500, Unreachable, "registry-error"),
        (503, Unreachable, "registry-error"),
    ],
)
def test_each_refusal_of_a_server_has_a_code(server, pin, status, kind, code):
    server.status, server.failures = status, -1
    with pytest.raises(kind) as caught:
        pin()
    assert caught.value.code == code
    assert "/acme/flows" in caught.value.message
    assert caught.value.hint
    assert len(server.requests) == (2 if code in {"rate-limited", "registry-error"} else 1)


def test_a_passing_fault_is_tried_again(server, pin):
    server.status, server.failures = 503, 1
    assert pin().version == "v1.0.0"


def test_a_stalled_server_is_given_up(around, server, tools):
    server.stalls = True
    around.net = replace(around.net, timeout=1)
    with pytest.raises(Unreachable) as caught:
        tools.resolver(around, server.url).pin(tools.wanted("build@acme/flows"))
    assert caught.value.code == "timeout"


@pytest.mark.parametrize(
    ("base", "code"),
    [
        ("http://127.0.0.1:1", "connection-refused"),
        ("https://nowhere.invalid", "dns-failed"),
        ("file:///nowhere/at/all", "repository-not-found"),
    ],
)
def test_a_server_that_is_not_there_is_said(around, tools, base, code):
    with pytest.raises(RopewayError) as caught:
        tools.resolver(around, base).pin(tools.wanted("build@acme/flows"))
    assert (caught.value.code, caught.value.exit_status) == (code, 3)


def test_offline_nothing_is_asked(around, server, tools):
    around.net = Net(offline=True)
    with pytest.raises(Unreachable) as caught:
        tools.resolver(around, server.url).pin(tools.wanted("build@acme/flows"))
    assert (caught.value.code, server.requests) == ("offline", [])


def test_without_git_the_message_says_so(around, server, tools, home):
    home["PATH"] = home["HOME"]
    with pytest.raises(NotFound, match="git is not here"):
        tools.resolver(around, server.url).pin(tools.wanted("build@acme/flows"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-oProxyCommand=x",
        "--upload-pack=x",
        "ext::sh -c x",
        "fd::7",
        "ext://x",
        "ssh://-oProxyCommand=x/r",
        "-x:r",
        "https://",
        "https://h/\n",
        "a@-b:r",
        "data://x",
    ],
)
def test_an_address_that_could_be_an_option_or_a_program_is_refused(around, tools, url):
    from ropeway.registry.resolvers.git import GitResolver

    with pytest.raises(UsageError) as caught:
        GitResolver(url, store=around.store, environ=around.environ)
    assert caught.value.code == "git-address"


def test_the_callers_surroundings_do_not_interfere(around, server, tools, home, sources, tmp_path, monkeypatch):  # noqa: PLR0917
    touched = tmp_path / "touched"
    hooks, template = tmp_path / "hooks", tmp_path / "template/hooks"
    for folder in (hooks, template):
        folder.mkdir(parents=True)
        (folder / "reference-transaction").write_text(f"#!/bin/sh\ntouch {touched}\n")
        (folder / "reference-transaction").chmod(0o755)
    monkeypatch.chdir(tmp_path)  # a repository whose configuration must not count
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "config", f"url.{tmp_path}/.insteadOf", server.url], check=True)
    config = f"[core]\n\thooksPath = {hooks}\n\tfsmonitor = touch {touched}\n\taskPass = touch {touched}\n\tpager = touch {touched}\n\tautocrlf = true\n"
    config += f'[init]\n\ttemplateDir = {tmp_path}/template\n[protocol]\n\tversion = 0\n[fetch]\n\trecurseSubmodules = true\n[remote "ropeway"]\n\tfetch = +refs/*:refs/*\n'
    Path(home["HOME"], "gitconfig").write_text(config)
    home |= {
        "GIT_CONFIG_GLOBAL": f"{home['HOME']}/gitconfig",
        "GIT_DIR": str(tmp_path / ".git"),
        "GIT_WORK_TREE": str(tmp_path),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "objects"),
        "GIT_TEMPLATE_DIR": str(tmp_path / "template"),
        "GIT_ASKPASS": f"touch {touched}",
        "SSH_ASKPASS": f"touch {touched}",
        "GIT_EXTERNAL_DIFF": f"touch {touched}",
        "GIT_TRACE": "1",
        "GIT_CONFIG_PARAMETERS": "'core.bare'='false'",
        "LC_ALL": "de_DE.UTF-8",
        "LANGUAGE": "de",
    }
    made = tools.resolver(around, server.url)
    short = commits(sources / "acme/flows", ["v1.0.0"])["v1.0.0"][
        :9
    ]  # its whole history is fetched, with refs that a hook would be told of
    for ref in ("#main", "#v1.2.0", "", f"#{short}"):
        pin = made.pin(tools.wanted(f"build@acme/flows{ref}"))
        assert made.fetch(pin, made.evidence(pin)).file == "build.toml"
    server.status, server.failures = 401, -1
    with pytest.raises(Refused):
        made.pin(tools.wanted("build@acme/flows"))
    assert not touched.exists()


def test_git_asks_nothing_at_a_terminal(around, server, tmp_path):
    """Run under a terminal of its own, where a question would wait for ever."""
    import pexpect

    server.password = "a:b"
    code = (
        "import os\nfrom pathlib import Path\nfrom ropeway.errors import Refused\nfrom ropeway.registry import Wanted\n"
        "from ropeway.registry.cache.store import Store\nfrom ropeway.registry.resolvers.git import GitResolver\n"
        f"made = GitResolver({server.url + '/acme/flows'!r}, store=Store(Path({str(tmp_path / 'c')!r})), environ=os.environ)\n"
        "try:\n    made.pin(Wanted('x', 'x'))\nexcept Refused as error:\n    print('refused:', error.code)\n"
    )
    child = pexpect.spawn(sys.executable, ["-c", code], env=dict(os.environ), timeout=20)
    child.expect(pexpect.EOF)
    child.close()
    assert b"refused: unauthorized" in child.before
    assert b"sername" not in child.before
