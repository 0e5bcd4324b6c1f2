"""What is decided about git repositories without asking one: addresses, refs, complaints, tokens, names."""

from __future__ import annotations

import pytest

from ropeway.bundles.identity import git_source
from ropeway.errors import NotFound, Refused, StoreError, Unreachable, UsageError
from ropeway.lang.reference import Ref, parse_reference
from ropeway.registry.folder.index import discovered, matches, places
from ropeway.registry.git.credentials import GITHUB, for_token, is_on, tokens
from ropeway.registry.git.errors import error_for, trouble_of
from ropeway.registry.git.process import clean_environment
from ropeway.registry.git.refs import Refs, choose, parse_refs, versions_of
from ropeway.registry.git.remote import address

ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://github.com/acme/flows", "git+https://github.com/acme/flows"),
        ("https://Example.org:8443/acme/flows/", "git+https://example.org:8443/acme/flows"),
        ("HTTPS://example.org/a", "git+https://example.org/a"),
        ("git@example.org:acme/flows.git", "git+ssh://git@example.org/acme/flows"),
        ("ssh://git@example.org:22/acme/flows", "git+ssh://git@example.org/acme/flows"),
        ("example.org:~me/flows", "git+ssh://example.org/~me/flows"),
        ("file:///srv/flows", "git+file:///srv/flows"),
        ("/srv/flows", "git+file:///srv/flows"),
        ("/srv/a b/../flows", "git+file:///srv/flows"),
        ("git://example.org/x", "git+git://example.org/x"),
    ],
)
def test_an_address_has_one_name(url, found):
    assert git_source(address(url)) == found


@pytest.mark.parametrize(
    "url", ["https://me:secret@h/a", "https://secret@h/a", "ssh://git:secret@h/x", "me:secret@h:a/b", "-me:secret@h/a"]
)
def test_an_address_with_a_password_is_refused_and_not_repeated(url):
    with pytest.raises(UsageError) as caught:
        address(url)
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"
    assert "credential helpers" in (caught.value.hint or "")


def test_a_listing_is_read_with_tags_led_to_their_commits():
    listed = f"ref: refs/heads/main\tHEAD\n{ONE}\tHEAD\n{ONE}\trefs/heads/main\n{TWO}\trefs/tags/v1\n{THREE}\trefs/tags/v1^{{}}\n{TWO}\trefs/pull/1/head\nwarning: x\n"
    refs = parse_refs(listed.encode())
    assert (refs.head, refs.head_commit) == ("main", ONE)
    assert (refs.branches, refs.tags, refs.others) == ({"main": ONE}, {"v1": THREE}, {"refs/pull/1/head": TWO})
    assert parse_refs(f"{ONE}\tHEAD\n".encode()).head is None


def ref(text: str) -> Ref:
    parsed = parse_reference(f"x@y#{text}").ref
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("tags", "text", "name", "found"),
    [
        (["v1.0.0", "1.0.0"], "1.0.0", "x", "1.0.0"),
        (["v1.0.0", "1.0.0"], "v1.0.0", "x", "v1.0.0"),
        (["x-v1.0.0", "v1.0.0"], "1.0.0", "x", "x-v1.0.0"),
        (["x/v1.1.0", "v1.2.0"], "^1.0", "x", "x/v1.1.0"),
        (["x/v1.1.0", "v1.2.0"], "^1.0", "org/x", "x/v1.1.0"),
        (["x/v1.1.0", "v1.2.0"], "^1.0", "y", "v1.2.0"),
        (["x/v1.1.0", "v1.2.0"], "1.2.0", "x", "v1.2.0"),
        (["v1.2.0-rc.1", "v1.1.0"], "^1.0", "x", "v1.1.0"),
        (["release-1.2.0"], "^1.0", "x", None),
        (["1.2", "v1"], "^1.0", "x", None),
        (["1.2"], "1.2", "x", "1.2"),
    ],
)
def test_a_version_is_a_tag_and_a_workflows_own_tags_come_first(tags, text, name, found):
    refs = Refs(tags=dict.fromkeys(tags, ONE))
    chosen = choose(refs, ref(text), name)
    assert (chosen and chosen.version) == found


def test_a_branch_named_like_a_version_is_found_after_the_tags():
    refs = Refs(tags={"v2.0.0": ONE}, branches={"1.0.0": TWO, "v3.0.0": THREE})
    assert [(chosen.commit, chosen.moving) for text in ("1.0.0", "3.0.0", "2.0.0") if (chosen := choose(refs, ref(text), "x"))] == [
        (TWO, True),
        (THREE, True),
        (ONE, False),
    ]
    assert versions_of(refs, "x") == {"2.0.0": "v2.0.0"}


@pytest.mark.parametrize(
    ("said", "trouble", "kind"),
    [
        ("fatal: could not read Username for 'https://h': terminal prompts disabled", "unauthorized", Refused),
        ("remote: no\nfatal: Authentication failed for 'https://h/'", "unauthorized", Refused),
        ("git@h: Permission denied (publickey).\r\nfatal: Could not read from remote repository.", "unauthorized", Refused),
        ("fatal: unable to access 'https://h/': The requested URL returned error: 403", "forbidden", Refused),
        ("remote: Repository not found.\nfatal: repository 'https://h/x/' not found", "repository-not-found", NotFound),
        ("fatal: unable to access 'https://h/': Could not resolve host: h", "dns-failed", Unreachable),
        ("ssh: Could not resolve hostname h: Name or service not known\nfatal: Could not read", "dns-failed", Unreachable),
        ("fatal: unable to access 'https://h/': SSL certificate problem: self-signed certificate", "tls-failed", Unreachable),
        ("Host key verification failed.\nfatal: Could not read from remote repository.", "tls-failed", Unreachable),
        ("fatal: unable to access 'https://h/': Operation too slow. Less than 1 bytes/sec", "timeout", Unreachable),
        ("fatal: unable to access 'https://h/': The requested URL returned error: 429", "rate-limited", Unreachable),
        ("error: RPC failed; HTTP 502 curl 22 The requested URL returned error: 502", "registry-error", Unreachable),
        ("fatal: the remote end hung up unexpectedly", "connection-lost", Unreachable),
        ("error: file write error: No space left on device\nfatal: unable to write", "disk-full", StoreError),
        ("fatal: detected dubious ownership in repository at '/x'", "unsafe-owner", Refused),
        ("fatal: transport 'ext' not allowed", "protocol-refused", Refused),
        ("remote: no space left on device\nfatal: something new", "git-failed", Unreachable),
        ("", "git-failed", Unreachable),
    ],
)
def test_a_complaint_of_gits_becomes_an_error_with_a_reason_and_a_hint(said, trouble, kind):
    assert trouble_of(said) == trouble
    error = error_for(trouble, said, "https://h/x")
    assert isinstance(error, kind)
    assert error.code == trouble
    assert error.hint


def test_a_reason_shows_no_password_and_steers_no_terminal():
    said = "fatal: unable to access 'https://me:secret@h/x/': \x1b[2Jsomething"
    message = error_for("git-failed", said, "https://h/x").message
    assert "secret" not in message
    assert "\x1b" not in message


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://github.com/a/b", True),
        ("https://GitHub.com/a/b", True),
        ("http://github.com/a/b", False),
        ("https://github.com:8443/a/b", False),
        ("https://github.com.evil.org/a/b", False),
        ("https://evil.org/github.com/a", False),
        ("https://me@github.com/a/b", False),
        ("https://github.com@evil.org/a/b", False),
        ("https://gist.github.com/a", False),
        ("https://[::1/a", False),
        ("ssh://git@github.com/a/b", False),
        ("git@github.com:a/b", False),
    ],
)
def test_a_token_is_for_github_over_https_only(url, found):
    assert is_on(GITHUB, url) is found


def test_tokens_are_taken_in_order_each_once_and_only_when_they_are_one_word():
    nowhere = {"PATH": "/nowhere"}
    assert list(tokens({"GITHUB_TOKEN": "b", "GH_TOKEN": "a", **nowhere})) == ["a", "b"]
    assert list(tokens({"GITHUB_TOKEN": "a", "GH_TOKEN": " a\n", **nowhere})) == ["a"]
    assert list(tokens({"GITHUB_TOKEN": "a\nb", "GH_TOKEN": "", **nowhere})) == []


def test_a_token_stands_in_the_environment_and_in_no_setting():
    settings, environment = for_token("s3cret", GITHUB)
    assert "s3cret" not in "".join(settings)
    assert "s3cret" in environment.values()
    assert all(each.startswith(f"credential.{GITHUB}.") for each in settings[2:])


def test_gits_own_variables_are_taken_out_but_for_those_of_access():
    environ = {
        "GIT_DIR": "x",
        "GIT_TRACE": "1",
        "GIT_ASKPASS": "x",
        "GIT_SSH_COMMAND": "ssh -i k",
        "GIT_SSL_CAINFO": "c",
        "HOME": "/h",
        "GIT_SSL_NO_VERIFY": "1",
    }
    found = clean_environment(environ, ("https", "ssh"))
    assert {"GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "HOME"} <= found.keys()
    assert not {"GIT_DIR", "GIT_TRACE", "GIT_SSL_NO_VERIFY"} & found.keys()
    assert (found["GIT_ASKPASS"], found["GIT_ALLOW_PROTOCOL"], found["GIT_TERMINAL_PROMPT"]) == ("", "https:ssh", "0")


def test_names_are_found_in_the_places_that_are_looked_at_and_in_no_others():
    paths = [
        "a.toml", "b/workflow.yaml", "workflows/c.yml", "workflows/d/e.toml", "x/y/workflow.toml", "Makefile", "index.yaml", "f/g.toml",
        "workflows/d/e/f.toml", ".github/workflow.yml", ".hidden.yml", "Upper.toml",
    ]  # fmt: skip
    assert discovered(paths) == ["a", "b", "c", "d/e", "x/y"]
    for name in discovered(paths):
        assert set(places(name)) & set(paths)


def test_a_query_matches_when_each_word_is_somewhere():
    assert matches("", "x", None)
    assert matches("BUILD fast", "build", "Is fast")
    assert not matches("build slow", "build", None)
