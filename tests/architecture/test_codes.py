"""Every diagnostic code is explained, and every explanation belongs to a code that is used."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from ropeway.lang.codes import all_codes, explain

LANG = Path(__file__).parents[2] / "src/ropeway"
CODE = re.compile(r"RW\d{3}")


def used() -> dict[str, str]:
    """Return each code that stands as a string of its own outside of the catalogue, with one place where it does."""
    found: dict[str, str] = {}
    for path in sorted(LANG.rglob("*.py")):
        if path.is_relative_to(LANG / "lang/codes"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                found.setdefault(node.value, f"{path.relative_to(LANG)}:{node.lineno}")
    return found


def test_every_code_that_is_used_is_explained() -> None:
    explained = set(all_codes())
    assert {code: place for code, place in used().items() if code not in explained} == {}


def test_every_code_that_is_explained_is_used() -> None:
    assert sorted(set(all_codes()) - set(used())) == []


def test_every_explanation_has_a_title_and_whole_sentences() -> None:
    for code in all_codes():
        explanation = explain(code)
        assert explanation is not None
        assert CODE.fullmatch(code)
        assert explanation.title
        assert not explanation.title.endswith(".")
        assert explanation.text.rstrip().endswith((".", "`", ")")), code
