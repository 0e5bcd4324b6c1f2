from __future__ import annotations

import errno
import io
import json
from pathlib import Path

import pytest

from ropeway.cli import exits
from ropeway.cli.console import Console
from ropeway.errors import Busy, Cancelled, InvalidWorkflow, NotFound, Refused, RopewayError, StoreError, Unreachable, UsageError, Waiting
from ropeway.lang.diagnostics import Diagnostic, Location


class Caught:
    """What a command that raises leaves behind."""

    def __init__(self, error: BaseException, monkeypatch: pytest.MonkeyPatch, *args: str) -> None:
        out, err = io.StringIO(), io.StringIO()

        def fail(console: Console, args: object) -> int:
            console.data("before")
            raise error

        monkeypatch.setattr(exits, "_dispatch", fail)
        monkeypatch.setattr(exits, "console_for", lambda args: Console(json="--json" in args, stdout=out, stderr=err, environ={}))
        self.status = exits.bounded(args)
        self.out, self.err = out.getvalue().removeprefix("before\n"), err.getvalue()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RopewayError("x"), 1),
        (StoreError("x"), 1),
        (UsageError("x"), 2),
        (InvalidWorkflow("x"), 2),
        (NotFound("x"), 3),
        (Unreachable("x"), 3),
        (Refused("x"), 4),
        (Busy("x"), 4),
        (Cancelled("x"), 5),
        (Waiting("x"), 6),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 141),
        (ValueError("x"), 1),
    ],
)
def test_every_family_of_errors_has_its_exit_status(error: BaseException, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Caught(error, monkeypatch).status == status


def test_an_error_is_a_message_and_a_hint_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    caught = Caught(NotFound("no run 'x'", hint="list them"), monkeypatch)
    assert caught.err == "error: no run 'x'\nhint: list them\n"
    assert caught.out == ""


def test_with_json_the_error_is_the_last_line_of_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    caught = Caught(NotFound("no run 'x'", hint="list them", code="run-not-found"), monkeypatch, "status", "--json")
    assert json.loads(caught.out) == {"error": {"code": "run-not-found", "message": "no run 'x'", "hint": "list them"}}
    assert caught.err == ""


def test_the_diagnostics_of_an_invalid_workflow_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Diagnostic("RW101", "error", "unknown key", None, Location("w.toml", 1, 1, 2, "x = 1"))
    error = InvalidWorkflow("w.toml has 1 error", diagnostics=[found])
    assert "error[RW101]: unknown key\n --> w.toml:1:1\n" in Caught(error, monkeypatch).err
    body = json.loads(Caught(error, monkeypatch, "--json").out)
    assert body["error"]["diagnostics"][0]["code"] == "RW101"


def test_an_unexpected_error_shows_no_traceback_and_leaves_a_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    caught = Caught(ValueError("boom"), monkeypatch, "run", "--param", "token=hunter2")
    report = next((tmp_path / "ropeway" / "reports").iterdir())
    assert caught.err == f"error: internal error: ValueError: boom\nhint: this is a mistake in Ropeway; a report was saved in {report}\n"
    text = report.read_text()
    assert "Traceback" in text
    assert "workflow run --param token=…" in text
    assert "hunter2" not in text


def test_the_report_goes_to_the_folder_for_temporary_files_when_the_state_directory_is_read_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert f"{tmp_path}/ropeway-reports-" in Caught(ValueError("boom"), monkeypatch).err


def test_a_traceback_is_shown_to_who_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROPEWAY_TRACEBACK", "1")
    with pytest.raises(ValueError, match="boom"):
        Caught(ValueError("boom"), monkeypatch)


def test_a_full_disk_is_said_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    caught = Caught(OSError(errno.ENOSPC, "No space left on device", "/x/y"), monkeypatch)
    assert caught.err == "error: No space left on device (/x/y)\n"
    assert caught.status == 1


def test_nothing_is_raised_when_even_the_error_can_not_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    def fail(console: Console, args: object) -> int:
        raise NotFound("x")

    monkeypatch.setattr(exits, "_dispatch", fail)
    monkeypatch.setattr(exits, "console_for", lambda args: Console(stdout=Full(), stderr=Full(), environ={}))
    assert exits.bounded([]) == 3


@pytest.mark.parametrize(
    ("args", "json_", "plain", "color"),
    [
        (["run", "--json"], True, False, "auto"),
        (["answer", "r:s", "--", "--json"], False, False, "auto"),
        (["run", "--plain", "--color", "always"], False, True, "always"),
        (["run", "--color=never"], False, False, "never"),
        (["run", "--color"], False, False, "auto"),
        (["run", "--color=blue"], False, False, "auto"),
    ],
)
def test_the_output_options_are_known_before_the_line_is_parsed(args: list[str], json_: bool, plain: bool, color: str) -> None:
    console = exits.console_for(args)
    assert (console.json, console.plain, console.color) == (json_, plain, color)
