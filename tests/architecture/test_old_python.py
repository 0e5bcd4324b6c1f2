"""What the oldest Python that is supported gets wrong."""

from __future__ import annotations

import re
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src"
POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:\*\+|\+\+|\?\+)|\(\?>")


def test_no_pattern_has_a_possessive_group() -> None:
    """Python 3.11.0 to 3.11.3 lose matches of possessive groups (cpython issue 101955); Debian 12 has 3.11.2."""
    found = [
        f"{path.relative_to(SOURCES)}:{number}"
        for path in sorted(SOURCES.rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if POSSESSIVE_GROUP.search(line)
    ]
    assert not found
