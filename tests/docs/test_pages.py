"""Every terminal session and every workflow on the pages is true."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from support.pages import Block, Page, blocks, commands, matched

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SESSIONS = [page for page in PAGES if any(block.kind == "console" for block in blocks(page.read_text()))]
WORKFLOWS = [
    pytest.param(page, block, id=f"{page.relative_to(ROOT)}:{block.line}")
    for page in PAGES
    for block in blocks(page.read_text())
    if (block.kind == "toml" and "[steps." in block.text) or (block.kind == "yaml" and "steps:" in block.text)
]


@pytest.mark.needs("git", "bash")
@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_what_happens(page: Path, tmp_path: Path) -> None:
    reader = Page(tmp_path)
    for block in blocks(page.read_text()):
        wrong = reader.do(block)
        assert wrong is None, f"{page.relative_to(ROOT)}, {wrong}"


@pytest.mark.parametrize(("page", "block"), WORKFLOWS)
def test_a_workflow_on_a_page_is_valid(page: Path, block: Block, tmp_path: Path) -> None:
    from ropeway.app.workflows import load

    reader = Page(tmp_path)
    for other in blocks(page.read_text()):
        if other.title is not None and other.title != block.title:
            reader.write(other)  # what it may use
    path = reader.cwd / (block.title or f"untitled.{block.kind}")
    path.parent.mkdir(parents=True, exist_ok=True)
    given = block.text if block.text.startswith(("id", "#")) or "\nid" in block.text or "metadata:" in block.text else ""
    head = 'id = "page"\n' if block.kind == "toml" else "id: page\n"
    path.write_text(given or head + block.text)
    elsewhere = "RW516"  # a note: what a reference leads to is not loaded, so nothing is said of it
    assert [found for found in load(str(path), cwd=reader.cwd).diagnostics if found.code != elsewhere] == []


def test_the_pages_have_sessions_and_workflows() -> None:
    assert ROOT / "README.md" in SESSIONS
    assert ROOT / "docs/tutorial/index.md" in SESSIONS
    assert len(WORKFLOWS) > 10


def test_the_picture_shows_the_commands_of_the_readme() -> None:
    """Its output is a run's own; scripts/draw-session draws it again."""
    picture = html.unescape((ROOT / "docs/assets/session.svg").read_text()).replace("\xa0", " ")
    typed = [c.text for block in blocks((ROOT / "README.md").read_text()) if block.kind == "console" for c in commands(block.text)]
    assert [text for text in typed if f">{text}</text>" not in picture] == []
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")


SESSION = """
```text title="greeting"
hello
```

```console
$ cat greeting
hello
$ cd .. && echo 'run kx3q7dlmw2: done after 1.5 s' && export NAME=x
run abcde23456: done after 0.0 s
$ echo abcde23456 $NAME; false
abcde23456 x
[exit status 1]
$ cat <<END
> a
> b
> END
…
b
```
"""


def outcome(page: str, folder: Path) -> list[str]:
    reader = Page(folder)
    return [wrong for wrong in map(reader.do, blocks(page)) if wrong is not None]


def test_a_true_session_passes(tmp_path: Path) -> None:
    assert outcome(SESSION, tmp_path) == []


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("hello\n$", "hullo\n$"),
        ("hello\n$", "hello\nand more\n$"),
        ("hello\n$", "$"),
        ("[exit status 1]\n", ""),
        ("done after 0.0 s", "failed after 0.0 s"),
        ("echo abcde23456 $NAME", "echo bbcde23456 $NAME"),
        ("…\nb", "…\nc"),
        ("…\nb\n", "b\n"),
    ],
)
def test_a_session_that_is_not_true_fails(said: str, instead: str, tmp_path: Path) -> None:
    assert said in SESSION
    assert outcome(SESSION.replace(said, instead, 1), tmp_path) != []


def test_steps_at_the_same_time_may_end_in_any_order() -> None:
    shown = ["run abcde23457: x", "b: ok (0.3 s)", "a: ok (0.0 s)", "run abcde23457: done"]
    said = ["run abcde23456: x", "a: ok (0.0 s)", "b: ok (0.0 s)", "run abcde23456: done"]
    assert matched(said, shown, {}, any_order=True) == {"abcde23456": "abcde23457"}
    assert matched(said, shown, {}, any_order=False) is None
    assert matched(said, [*shown[:3], "run abcde23458: done"], {}, any_order=True) is None
    assert matched(said, [*shown[:3], "a: ok (0.0 s)"], {}, any_order=True) is None


def test_commands_are_told_from_output() -> None:
    found = commands("$ one\nout\n$ two\n> more\n[exit status 3]\n")
    assert [(c.text, c.output, c.status) for c in found] == [("one", ["out"], 0), ("two\nmore", [], 3)]
