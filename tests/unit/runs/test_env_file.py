from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.errors import NotFound, UsageError
from ropeway.runs.env_file import parse_env, read_env_file, with_env_file


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=1", "1"),
        ("A = 1  # one", "1"),
        ("export A=1\n", "1"),
        ("A=", ""),
        ("A=''", ""),
        ("A=a#b", "a#b"),
        ("A=#nothing", ""),
        ("A=two words", "two words"),
        ("A='single $HOME \"x\" # not a comment'", 'single $HOME "x" # not a comment'),
        (r'A="line\nbreak \"q\" \$x \d"', 'line\nbreak "q" $x \\d'),
        ("A='two\nlines'  # said", "two\nlines"),
        ("A=$(touch PWNED)", "$(touch PWNED)"),
        ("A=1\r\n", "1"),
        ("\ufeffA=1", "1"),
        ("A=b=c==", "b=c=="),
        ("A=it's", "it's"),
        ("A=1\nA=2", "2"),
    ],
)
def test_a_value_is_what_stands_there(text: str, value: str) -> None:
    assert parse_env(text, ".env") == {"A": value}


def test_comments_and_empty_lines_are_nothing() -> None:
    assert parse_env("# a\n\n  \n  # b\nA=1\n#", ".env") == {"A": "1"}


@pytest.mark.parametrize("line", ["hunter2", "A", "1A=b", "A='open", 'A="open', "A='x'y", "=x"])
def test_another_line_is_named_by_its_number_and_never_repeated(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_env(f"B=1\n\n{line}\n", ".env")
    assert caught.value.message == ".env:3: this is not NAME=value"


def test_a_nul_is_refused() -> None:
    with pytest.raises(UsageError, match="NUL"):
        parse_env("A=\0", ".env")


def test_a_file_that_is_not_there_or_not_text_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_env_file(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"A=\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_env_file(tmp_path / "binary")


def test_the_real_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "dev.env").write_text("A=file\nB=file\n")
    assert with_env_file({"A": "real"}, tmp_path / "dev.env") == {"A": "real", "B": "file"}
    assert with_env_file({"A": "real"}, None) == {"A": "real"}
