"""Files that are kept when a run ends."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from ropeway.errors import Refused
from ropeway.lang.model import Artifact
from ropeway.runs.artifacts import collect
from ropeway.runs.folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    (root / "docs/deep").mkdir(parents=True)
    (root / "NOTES.md").write_text("notes")
    (root / "docs/a.txt").write_text("a")
    (root / "docs/deep/b.txt").write_text("b")
    (tmp_path / "outside.txt").write_text("outside")
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    (root / "inner.txt").symlink_to(root / "NOTES.md")
    return root


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("NOTES.md", ["NOTES.md"]),
        ("./NOTES.md", ["NOTES.md"]),
        ("docs", ["docs/a.txt", "docs/deep/b.txt"]),
        ("**/*.txt", ["docs/a.txt", "docs/deep/b.txt", "inner.txt"]),
        ("*.none", []),
        ("link.txt", []),
        ("**bad", []),
        ("", []),
    ],
)
def test_a_pattern_takes_what_is_inside_and_nothing_else(tmp_path: Path, root: Path, pattern: str, found: list[str]) -> None:
    folder = RunFolder(tmp_path / "run")
    artifact = Artifact("kept", pattern, None)
    kept = list(collect(folder, artifact, pattern, root))
    assert [one["path"] for one in kept] == found
    for one in kept:
        data = (folder.artifacts / "kept" / one["path"]).read_bytes()
        assert (one["size"], one["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("pattern", ["../outside.txt", "../work/NOTES.md", "docs/../NOTES.md", "docs/..", "/etc/passwd"])
def test_a_pattern_that_leads_out_is_refused_also_when_it_comes_back(tmp_path: Path, root: Path, pattern: str) -> None:
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(Refused, match="leads out of the working copy"):
        list(collect(folder, Artifact("kept", pattern, None), pattern, root))
    assert not folder.path.exists()


def test_a_file_that_was_kept_before_is_replaced_and_never_written_to(tmp_path: Path, root: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    artifact = Artifact("kept", "NOTES.md", None)
    (root / "NOTES.md").chmod(0o444)
    list(collect(folder, artifact, "NOTES.md", root))
    kept = folder.artifacts / "kept/NOTES.md"
    (tmp_path / "elsewhere").hardlink_to(kept)
    (root / "NOTES.md").unlink()
    (root / "NOTES.md").write_text("new")
    list(collect(folder, artifact, "NOTES.md", root))
    assert kept.read_text() == "new"
    assert (tmp_path / "elsewhere").read_text() == "notes"
    assert [path.name for path in folder.artifacts.iterdir()] == ["kept"]


def test_what_is_to_be_left_is_asked_once_and_left(tmp_path: Path, root: Path) -> None:
    asked: list[list[str]] = []

    def leave(names: list[str]) -> list[str]:
        asked.append(names)
        return ["docs/a.txt"]

    folder = RunFolder(tmp_path / "run")
    kept = list(collect(folder, Artifact("kept", "docs", None), "docs", root, leave))
    assert [one["path"] for one in kept] == ["docs/deep/b.txt"]
    assert asked == [["docs/a.txt", "docs/deep/b.txt"]]
