from __future__ import annotations

import io
import json

import pytest

from ropeway.cli.console import Console, clean, clean_output


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A pipe whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größer ✓", "größer ✓"),
        ("a\tb", "a\tb"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb", "a\\x0db"),
        ("a\x7f", "a\\x7f"),
        ("left\u202ethgir", "left\\u202ethgir"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\udcff", "\\udcff"),
        ("two\nlines", "two\\nlines"),
    ],
)
def test_other_peoples_text_can_not_move_the_cursor_or_hide_anything(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_lines_are_kept_when_asked() -> None:
    assert clean("a\nb\x1b", lines=True) == "a\nb\\x1b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m\x1b[0m"),
        ("\x1b[38;5;196mred", "\x1b[38;5;196mred\x1b[0m"),
        ("\x1b[2J\x1b[31mx", "\\x1b[2J\x1b[31mx\x1b[0m"),
        ("\x1b]8;;http://evil\x07click", "\\x1b]8;;http://evil\\x07click"),
        ("10%\r20%\r30%", "30%"),
        ("windows\r\nline\r\n", "windows\nline\n"),
        ("\x1b[999999999999999999999999999999999999999m", "\\x1b[999999999999999999999999999999999999999m"),
    ],
)
def test_output_keeps_its_colours_and_nothing_else(text: str, shown: str) -> None:
    assert clean_output(text) == shown


def test_data_goes_to_stdout_and_the_rest_to_stderr() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(stdout=out, stderr=err, environ={})
    console.data("data")
    console.say("note")
    console.error("bad", "do this")
    assert out.getvalue() == "data\n"
    assert err.getvalue() == "note\nerror: bad\nhint: do this\n"


@pytest.mark.parametrize(
    ("environ", "options", "colored"),
    [
        ({"TERM": "xterm"}, {}, True),
        ({"TERM": "dumb"}, {}, False),
        ({}, {}, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, {}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, {}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, {"color": "always"}, True),
        ({"TERM": "xterm"}, {"plain": True}, False),
        ({"TERM": "xterm"}, {"color": "never"}, False),
        ({"TERM": "xterm"}, {"json": True}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(environ: dict[str, str], options: dict[str, object], colored: bool) -> None:
    console = Console(stdout=Terminal(), stderr=io.StringIO(), environ=environ, **options)
    assert (console.styled("x", "red") != "x") is colored


def test_a_pipe_gets_no_colour_and_no_live_table() -> None:
    console = Console(stdout=io.StringIO(), stderr=io.StringIO(), environ={"TERM": "xterm"})
    assert not console.live
    assert console.styled("x", "bold", "red") == "x"


@pytest.mark.parametrize(("options", "live"), [({}, True), ({"plain": True}, False), ({"json": True}, False)])
def test_a_live_table_needs_a_terminal_and_nobody_who_wants_lines(options: dict[str, bool], live: bool) -> None:
    assert Console(stdout=Terminal(), stderr=io.StringIO(), environ={"TERM": "xterm"}, **options).live is live


def test_an_object_is_one_line_of_json() -> None:
    out = io.StringIO()
    Console(json=True, stdout=out, stderr=io.StringIO(), environ={}).object({"a": "ä\n", "b": [1]})
    assert out.getvalue().count("\n") == 1
    assert json.loads(out.getvalue()) == {"a": "ä\n", "b": [1]}


def test_a_reader_that_went_away_ends_a_command() -> None:
    console = Console(stdout=Gone(), stderr=io.StringIO(), environ={})
    with pytest.raises(BrokenPipeError):
        console.data("x")


def test_a_reader_that_went_away_does_not_end_a_run() -> None:
    err = io.StringIO()
    console = Console(stdout=Gone(), stderr=err, environ={})
    console.survive_lost_reader = True
    console.data("x")
    console.raw(b"y")
    console.say("still here")
    assert err.getvalue() == "still here\n"


def test_characters_that_the_stream_can_not_hold_are_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    console = Console(stdout=stream, stderr=io.StringIO(), environ={})
    console.data("größe \udcff")
    console.flush()
    assert raw.getvalue() == b"gr\\xf6\\xdfe \\udcff\n"
    assert not console.unicode


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({}, (100, 40)), ({"COLUMNS": "80", "LINES": "24"}, (80, 24)), ({"COLUMNS": "1"}, (20, 40)), ({"COLUMNS": "wide"}, (100, 40))],
)
def test_the_size_is_what_the_environment_says(environ: dict[str, str], expected: tuple[int, int]) -> None:
    assert Console(stdout=io.StringIO(), stderr=io.StringIO(), environ=environ).size() == expected


def test_progress_redraws_one_line_of_a_terminal_and_is_nowhere_else() -> None:
    for options, shown in (
        ({}, "\r\x1b[2K1 of 2\r\x1b[2K2 of 2\r\x1b[2K"),
        ({"plain": True}, ""),
        ({"json": True}, ""),
        ({"environ": {"TERM": "dumb"}}, ""),
        ({"stderr": io.StringIO()}, ""),
    ):
        settings = {"environ": {"TERM": "xterm"}, "stdout": io.StringIO(), "stderr": Terminal(), **options}
        console = Console(**settings)
        for text in ("", "1 of 2", "1 of 2", "2 of 2", ""):
            console.progress(text)
        assert settings["stderr"].getvalue() == shown
