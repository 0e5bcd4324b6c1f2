from __future__ import annotations

import io

from ropeway.cli.console import Console
from ropeway.cli.render_diagnostics import render, tally
from ropeway.lang.diagnostics import Diagnostic, Location


def console(**options: object) -> Console:
    return Console(stdout=io.StringIO(), stderr=io.StringIO(), environ={}, **options)


def diagnostic(
    text: str, column: int, end: int, *, line: int = 12, severity: str = "error", hint: str | None = None, message: str = "wrong"
) -> Diagnostic:
    return Diagnostic("RW501", severity, message, hint, Location("workflow.toml", line, column, end, text))


def shown(*found: Diagnostic, **options: object) -> str:
    return "\n".join(render(found, console(**options)))


def test_a_diagnostic_shows_code_place_line_caret_and_hint() -> None:
    found = diagnostic('needs = ["collcet"]', 10, 19, message="there is no step 'collcet'", hint="did you mean 'collect'?")
    assert shown(found) == (
        "error[RW501]: there is no step 'collcet'\n"
        "  --> workflow.toml:12:10\n"
        "   |\n"
        '12 | needs = ["collcet"]\n'
        "   |          ^^^^^^^^^\n"
        "   = hint: did you mean 'collect'?\n"
    )


def test_the_caret_stands_under_its_character_behind_tabs_and_wide_characters() -> None:
    lines = shown(diagnostic("\t日本 = x", 7, 8)).split("\n")
    assert lines[3] == "12 |     日本 = x"
    assert lines[4] == "   |            ^"  # four columns for the tab, four for two wide characters, three more


def test_a_place_beyond_the_end_of_the_line_still_has_a_caret() -> None:
    assert shown(diagnostic("abc", 9, 10)).split("\n")[4] == "   |    ^"


def test_a_line_of_megabytes_is_shown_in_part() -> None:
    lines = shown(diagnostic("x" * 5_000_000 + "?" + "y" * 100, 5_000_001, 5_000_002)).split("\n")
    assert max(map(len, lines)) < 120
    caret = lines[4].index("^")
    assert lines[3][caret] == "?"


def test_control_characters_of_the_file_are_shown_as_escapes() -> None:
    found = diagnostic('name = "\x1b[2J"', 9, 10, message="bad \x1b]0;x\x07", hint="not \x9b")
    assert not set(shown(found)) & set("\x1b\x07\x9b")


def test_more_than_fifty_are_counted_and_errors_come_first() -> None:
    found = [diagnostic("x", 1, 2, line=n, severity="warning") for n in range(60)] + [diagnostic("x", 1, 2, line=99)]
    text = shown(*found)
    assert text.count("-->") == 50
    assert "workflow.toml:99:1" in text
    assert text.endswith("... and 11 more\n")


def test_a_hint_of_several_lines_is_indented() -> None:
    assert shown(diagnostic("x", 1, 2, hint="one\ntwo")).endswith("   = hint: one\n           two\n")


def test_colours_are_used_where_they_are_shown() -> None:
    assert "\x1b[1;31merror[RW501]\x1b[0m" in shown(diagnostic("x", 1, 2), color="always")


def test_the_tally_names_each_kind_once() -> None:
    found = [diagnostic("x", 1, 2), diagnostic("x", 1, 2), diagnostic("x", 1, 2, severity="warning")]
    assert tally(found) == "2 errors, 1 warning"
    assert tally([]) == ""
