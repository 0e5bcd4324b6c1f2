"""The page of settings says what the table says."""

from __future__ import annotations

from pathlib import Path

from ropeway.settings import SCHEMA, Key

PAGE = Path(__file__).parents[2] / "docs/reference/settings.md"


def row(key: Key) -> str:
    default = {"": "empty", True: "`true`", False: "`false`"}.get(
        key.default if key.default in ("", True, False) else None, f"`{key.default}`"
    )
    if key.kind == "duration":
        default = f"`{key.default:g}s`"
    elif key.kind == "integer":
        default = f"`{key.default}`"
    return f"| `{key.name}` | `{key.variable}` | {default} | {'yes' if key.project_may_set else 'no'} | {key.doc} |"


def test_the_page_has_exactly_the_rows_of_the_table() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert rows == [row(key) for key in SCHEMA]
