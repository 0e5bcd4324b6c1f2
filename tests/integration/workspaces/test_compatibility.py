"""The shell tool and we share workspaces: what either makes, the other reads, lists, uses, brings up to date and removes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ropeway.workspaces import places, toolbox
from support.workspaces import HOMES, Home

SHELL_TOOL = Path(__file__).parents[2] / "support/agent-workspace.sh"

KNOWN = [
    "workspace_id", "repo_root", "workspace_path", "status", "direnv_allowed", "command", "created_at", "updated_at",
    "workflow", "base_change", "tools_source", "tools_copy", "tools_version",
]  # fmt: skip

pytestmark = pytest.mark.needs("bash", "git")


class Both:
    """A repository in which both tools work."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.environ = home.environ | {
            "HOME": str(home.root),
            "XDG_CACHE_HOME": str(home.root / "cache"),
            "XDG_DATA_HOME": str(home.root / "data"),
            "TZ": "XYZ-05:30",
        }

    def call(self, *argv: object, status: int = 0, cwd: Path | None = None) -> str:
        done = subprocess.run(
            [str(word) for word in argv], cwd=cwd or self.home.path, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, (argv, done.stdout, done.stderr)
        return done.stdout

    def theirs(self, *words: str, status: int = 0) -> str:
        """Call the shell tool."""
        return self.call(SHELL_TOOL, *words, status=status)

    def ours(self, *words: str, status: int = 0) -> str:
        """Call our command."""
        return self.call(Path(sys.executable).parent / "workflow", "workspace", *words, status=status)

    def path(self, name: str) -> Path:
        return Path(self.home.where(name))

    def text(self, name: str) -> str:
        return (self.path(name) / ".agent-tools/.agent-workflow.json").read_text()

    def metadata(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text(name))
        return found

    def note(self, name: str, key: str, value: object) -> None:
        """Add a key that neither tool knows."""
        data = self.metadata(name) | {key: value}
        (self.path(name) / ".agent-tools/.agent-workflow.json").write_text(json.dumps(data, indent=2) + "\n")

    def registered(self) -> list[str]:
        return self.home.backend.ids()


@pytest.fixture(params=["git", pytest.param("jj", marks=pytest.mark.needs("jj"))])
def both(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Both:
    monkeypatch.setenv("JJ_CONFIG", os.devnull)
    home = HOMES[request.param](tmp_path)
    home.commit(
        {
            b"a": b"1\n",
            b"agents.just": b"default:\n",
            b"rules/one.md": b"be kind\n",
            b"scripts/lib/a.sh": b"a\n",
            b"scripts/lib.sh": b"b\n",
            b"scripts/with space\nand line": b"c\n",
            "scripts/ü".encode(): b"\0\xff",
        }
    )
    return Both(home)


def steady(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:30", "NOW", text)


# -- the same to the byte ---------------------------------------------------------------------------------------------------------------


def test_both_write_the_same_file_but_for_the_keys_that_only_we_know(both: Both) -> None:
    both.theirs("run", "theirs", "--workflow", "ci", "--no-direnv", "--", "sh", "-c", "exit 3", "ü", status=3)
    both.ours("run", "ours", "--workflow", "ci", "--no-direnv", "--", "sh", "-c", "exit 3", "ü", status=3)
    ours = both.metadata("ours")
    assert list(ours) == [*KNOWN, "backend", "base_commit"]
    for key in ("backend", "base_commit", "base_change"):
        del ours[key]
    assert both.metadata("theirs").keys() == ours.keys()
    expected = both.text("theirs").replace(json.dumps(str(both.path("theirs")))[1:-1], json.dumps(str(both.path("ours")))[1:-1])
    expected = expected.replace('"workspace_id": "theirs"', '"workspace_id": "ours"')
    assert steady(json.dumps(ours, indent=2) + "\n") == steady(expected)
    assert "NOW" in steady(both.text("ours"))


def test_both_put_workspaces_in_the_same_place_under_the_same_name(both: Both) -> None:
    both.theirs("run", "one", "--", "true")
    assert both.path("one").is_dir()
    assert both.registered() == ["one"]
    space = places.namespace(str(both.home.path))
    assert re.fullmatch(r"home of\nmine-[0-9a-f]{10}", space)
    assert both.path("one").parent.name == space


def test_both_compute_the_same_version_of_the_tools(both: Both) -> None:
    both.theirs("run", "theirs", "--", "true")
    both.ours("run", "ours", "--", "true")
    theirs, ours = (both.path(name) / ".agent-tools" for name in ("theirs", "ours"))
    assert (theirs / ".version").read_bytes() == (ours / ".version").read_bytes()
    assert (theirs / ".version").read_text() == toolbox.find(str(both.home.path), None).version + "\n"
    assert (theirs / ".gitignore").read_bytes() == (ours / ".gitignore").read_bytes() == b"*\n"
    same = subprocess.run(["diff", "-r", theirs / "scripts", ours / "scripts"], capture_output=True, check=False)
    assert same.returncode == 0, same.stdout


def test_commands_see_the_same_variables(both: Both) -> None:
    show = ["--no-direnv", "--", "python3", "-c", "import os; print(sorted(i for i in os.environ.items() if i[0].startswith('AGENT_')))"]
    both.theirs("run", "one", "--", "true")
    assert both.theirs("run", "one", *show) == both.ours("run", "one", *show)


def test_tools_come_from_the_same_source(both: Both, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "rules").mkdir(parents=True)
    (other / "rules/two.md").write_text("be quick\n")
    both.environ["AGENT_TOOLS_SOURCE"] = str(other)
    both.theirs("run", "theirs", "--", "true")
    both.ours("run", "ours", "--", "true")
    for name in ("theirs", "ours"):
        assert both.metadata(name)["tools_source"] == str(other)
        assert (both.path(name) / ".agent-tools/rules/two.md").read_text() == "be quick\n"
        assert not (both.path(name) / ".agent-tools/scripts").exists()
    assert both.metadata("theirs")["tools_version"] == both.metadata("ours")["tools_version"]


# -- theirs, used by us -----------------------------------------------------------------------------------------------------------------


def test_we_read_and_list_what_they_made(both: Both) -> None:
    both.theirs("run", "one", "--workflow", "ci", "--", "true")
    assert json.loads(both.ours("show", "one", "--json")) == both.metadata("one")
    assert [json.loads(line) for line in both.ours("list", "--json").splitlines()] == [both.metadata("one")]
    assert both.ours("status").splitlines()[1].split()[:4] == ["one", "done", "ci", "-"]


def test_we_go_on_in_what_they_made_and_keep_what_they_noted(both: Both) -> None:
    both.theirs(
        "run", "one", "--workflow", "ci", "--base-change", "main" if both.home.kind == "git" else "@", "--", "sh", "-c", "echo 1 > n"
    )
    both.note("one", "their_own", [1, {"a": None}])
    before = both.metadata("one")
    assert both.ours("run", "one", "--", "cat", "n") == "1\n"
    after = both.metadata("one")
    assert {key: after[key] for key in before} == before | {"command": ["cat", "n"], "updated_at": after["updated_at"]}
    assert both.registered() == ["one"]


def test_we_bring_their_tools_up_to_date(both: Both) -> None:
    both.theirs("run", "one", "--", "true")
    before = both.metadata("one")
    (both.home.path / "rules/one.md").write_text("be quick\n")
    both.ours("sync-tools", "one")
    copy = both.path("one") / ".agent-tools"
    assert (copy / "rules/one.md").read_text() == "be quick\n"
    after = both.metadata("one")
    assert after["tools_version"] == (copy / ".version").read_text().strip() != before["tools_version"]
    assert (after["command"], after["created_at"]) == (before["command"], before["created_at"])


def test_we_remove_what_they_made(both: Both) -> None:
    both.theirs("run", "one", "--", "true")
    both.ours("clean", "one")
    assert not both.path("one").exists()
    assert both.registered() == []
    assert both.theirs("status") == ""


def test_we_keep_work_that_was_done_in_what_they_made(both: Both) -> None:
    both.theirs("run", "one", "--", "sh", "-c", "echo work > new")
    both.ours("clean", "one", status=4)
    assert (both.path("one") / "new").read_text() == "work\n"


# -- ours, used by them -----------------------------------------------------------------------------------------------------------------


def test_they_read_and_list_what_we_made(both: Both) -> None:
    both.ours("run", "one", "--workflow", "ci", "--", "true")
    assert both.theirs("status", "one") == both.text("one")
    assert both.theirs("status") == "one done ci\n"


def test_they_go_on_in_what_we_made_and_keep_what_we_noted(both: Both) -> None:
    both.ours("run", "one", "--", "sh", "-c", "echo 1 > n")
    both.note("one", "our_own", {"kept": True})
    before = both.metadata("one")
    assert both.theirs("run", "one", "--workflow", "ci", "--", "cat", "n") == "1\n"
    after = both.metadata("one")
    changed = {"command": ["cat", "n"], "workflow": "ci", "updated_at": after["updated_at"]}
    assert after == before | changed
    assert both.ours("run", "one", "--", "cat", "n") == "1\n"


def test_they_bring_our_tools_up_to_date_and_we_theirs_again(both: Both) -> None:
    both.ours("run", "one", "--", "true")
    store = (both.path("one") / ".agent-tools/rules").resolve()
    (both.home.path / "rules/one.md").write_text("be quick\n")
    both.theirs("sync-tools", "one")
    copy = both.path("one") / ".agent-tools"
    assert (copy / "rules/one.md").read_text() == "be quick\n"
    assert not (copy / "rules").is_symlink()
    assert (store / "one.md").read_text() == "be kind\n"
    assert both.metadata("one")["tools_version"] == (copy / ".version").read_text().strip()
    both.ours("run", "one", "--", "true")
    assert not (copy / "rules").is_symlink(), "the version is the same: it is left alone"
    (both.home.path / "rules/one.md").write_text("be both\n")
    both.ours("run", "one", "--", "true")
    assert (copy / "rules/one.md").read_text() == "be both\n"


def test_they_remove_what_we_made(both: Both) -> None:
    both.ours("run", "one", "--", "sh", "-c", "echo work > new")
    both.theirs("clean", "one")
    assert not both.path("one").exists()
    assert both.registered() == []
    assert both.ours("list", "--json") == ""
    both.ours("run", "one", "--", "true")
    assert both.registered() == ["one"]


def test_they_open_a_shell_in_what_we_made(both: Both) -> None:
    both.ours("run", "one", "--", "true")
    shell = both.home.root / "shell"
    shell.write_text('#!/bin/sh\necho "$AGENT_WORKSPACE_ID"\n')
    shell.chmod(0o755)
    both.environ["SHELL"] = str(shell)
    assert both.theirs("shell", "one") == both.ours("shell", "one") == "one\n"


@pytest.mark.needs("direnv")
def test_what_either_allowed_the_other_need_not_allow_again(both: Both) -> None:
    both.home.commit({b".envrc": b"export COLOR=blue\n"})
    show = ["--", "sh", "-c", 'echo "$COLOR"']
    assert both.theirs("run", "theirs", *show) == both.ours("run", "theirs", *show) == "blue\n"
    assert both.ours("run", "ours", *show) == both.theirs("run", "ours", *show) == "blue\n"
    assert both.metadata("theirs")["direnv_allowed"] is both.metadata("ours")["direnv_allowed"] is True


def test_either_removes_only_after_success_when_asked_to(both: Both) -> None:
    for tool in (both.ours, both.theirs):
        tool("run", "one", "--cleanup", "--", "false", status=1)
        assert both.path("one").exists()
        tool("run", "one", "--cleanup", "--", "true")
        assert not both.path("one").exists()
