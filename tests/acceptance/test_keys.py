"""`workflow keys` as a person sees it."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pexpect
import pytest

from acceptance.harness import Project
from ropeway.testing.signers import FakeSigner

BOB = FakeSigner("bob").public


def said(project: Project, *words: str, stdin: str = "") -> tuple[str, str, int]:
    done = project.raw("keys", *words, stdin=stdin.encode())
    return done.stdout.decode(), done.stderr.decode(), done.returncode


def test_a_key_from_its_making_to_its_end(project: Project) -> None:
    out, err, status = said(project, "generate", "release", "--comment", "Release key of Acme", "--expires", "1y")
    assert status == 0
    line = re.fullmatch(r"(ropeway-ed25519 \S{43}= expires=\d{4}-\d\d-\d\d Release key of Acme)\n", out)
    assert line is not None
    assert re.fullmatch(
        r"made the key release \([0-9a-f]{16}\), kept in a file that only you can read; it is good until \d{4}-\d\d-\d\d\n"
        r"hand this line to those who are to trust it \(`workflow keys export` prints it again\):\n",
        err,
    )
    assert said(project, "export") == (out, "", 0)
    assert said(project, "trust", *BOB.line().split()) == (
        "",
        (
            f"trusting the key bob: bob of a test\nits id is {BOB.keyid}: compare it with its owner\n"
            "a rule in trust.toml says what it has to sign; to take this back: workflow keys remove bob\n"
        ),
        0,
    )
    listed = said(project, "list")[0].splitlines()
    assert [row.split()[0] for row in listed] == ["NAME", "release", "bob"]
    assert re.split(" {2,}", listed[2]) == ["bob", BOB.short, "trusted", "valid", "bob of a test"]
    assert said(project, "revoke", "bob", "--yes", "--reason", "left")[2] == 0
    shown = [json.loads(row) for row in said(project, "list", "--json")[0].splitlines()]
    assert [(row["name"], row["own"], row["state"], row["reason"]) for row in shown] == [
        ("release", True, "valid", None),
        ("bob", False, "revoked", "left"),
    ]
    assert said(project, "trust", BOB.line()) == (
        "",
        f"error: the key {BOB.short} (bob) was revoked\nhint: if it is good again, remove it first: workflow keys remove bob\n",
        4,
    )
    assert said(project, "remove", "bob", "--yes")[2] == 0
    assert said(project, "trust", out.strip()) == (
        "",
        f"release ({shown[0]['keyid'][7:23]}) is a key of your own: it is trusted already, and nothing was changed\n",
        0,
    )
    assert said(project, "remove", "release", "--yes") == (
        "",
        (
            f"removed the key release ({shown[0]['keyid'][7:23]}), with its private half\n"
            "nobody can sign with it again, unless the private half was exported before\n"
        ),
        0,
    )
    assert said(project, "list") == (
        "",
        "There are no keys. `workflow keys generate` makes one, `workflow keys trust` takes one of somebody else.\n",
        0,
    )


@pytest.mark.needs("openssl")
def test_keys_come_from_openssl_and_go_to_it(project: Project) -> None:
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "mine.pem"], cwd=project.root, check=True)
    public = subprocess.run(
        ["openssl", "pkey", "-in", "mine.pem", "-pubout"], cwd=project.root, check=True, capture_output=True, text=True
    ).stdout
    assert said(project, "import", "mine.pem", "--name", "mine")[2] == 0
    assert said(project, "export", "--pem") == (public, "", 0)
    assert said(project, "export", "--private", "--yes", "-o", "copy.pem")[1].startswith("wrote the private half of mine")
    assert (project.root / "copy.pem").read_text() == (project.root / "mine.pem").read_text()
    assert (project.root / "copy.pem").stat().st_mode & 0o777 == 0o600
    assert said(project, "export", "--private", "--yes", "-o", "copy.pem")[2] == 4
    said_no = said(project, "trust", "-", "--name", "theirs", stdin=public)
    assert said_no[1].startswith("error: this key is here already, as ")
    assert said_no[2] == said(project, "import", "mine.pem")[2] == 4
    assert said(project, "list")[0].splitlines()[1].split()[:3:2] == ["mine", "yours"]


@pytest.mark.parametrize("words", [("remove", "mine"), ("revoke", "mine"), ("export", "mine", "--private")])
def test_what_can_not_be_undone_is_not_done_where_nobody_can_be_asked(project: Project, words: tuple[str, ...]) -> None:
    said(project, "generate", "mine")
    before = said(project, "list")
    assert said(project, *words) == (
        "",
        "error: this is not done without asking, and there is no terminal to ask on\nhint: if you mean it, say --yes\n",
        2,
    )
    assert said(project, "list") == before


def test_on_a_terminal_it_asks_and_a_private_key_is_never_shown(project: Project) -> None:
    said(project, "generate", "mine")
    environ = {**os.environ, **project.environ}
    for answer, left in (("n", 2), ("y", 0)):
        terminal = pexpect.spawn(
            project.command, ["keys", "remove", "mine"], env=environ, timeout=20, encoding="utf-8", dimensions=(24, 200)
        )
        terminal.expect(r"Remove mine \([0-9a-f]{16}\)\? Its private half is gone then: nobody can sign with it again\.")
        terminal.expect(r"\[y/N\] ")
        terminal.sendline(answer)
        terminal.expect("nothing was changed" if answer == "n" else "removed the key mine")
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert len(said(project, "list")[0].splitlines()) == left
    said(project, "generate", "mine")
    terminal = pexpect.spawn(
        project.command, ["keys", "export", "--private", "--yes"], env=environ, timeout=20, encoding="utf-8", dimensions=(24, 200)
    )
    terminal.expect("a private key is not shown on a terminal")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 4


@pytest.mark.parametrize(
    ("words", "message", "status"),
    [
        (
            ("trust", "nothing"),
            "error: there is no file 'nothing'\nhint: a key is given as a file, as its line (ropeway-ed25519 …), or as - for standard input\n",
            3,
        ),
        (("trust", "."), "error: . can not be read: Is a directory\n", 1),
        (("export",), "error: you have no key\nhint: make one: workflow keys generate\n", 3),
        (
            ("revoke", "x"),
            "error: there is no key 'x'\nhint: `workflow keys generate` makes one, `workflow keys trust` takes one of somebody else\n",
            3,
        ),
        (
            ("generate", "x", "--expires", "soon"),
            "error: 'soon' is no time that a key can be good for\nhint: write 90d, 12w, 6m or 1y, at most 20y\n",
            2,
        ),
    ],
)
def test_what_goes_wrong_says_what_to_do(project: Project, words: tuple[str, ...], message: str, status: int) -> None:
    assert said(project, *words) == ("", message, status)
