"""What is told of a bundle's files before they are agreed to is about the same files that are used afterwards."""

from __future__ import annotations

import json

import pytest

from ropeway.app.projects import bundled
from ropeway.bundles.reachable import folder_files, reachable
from ropeway.errors import NotFound, Refused

FILES = (
    "a.toml",
    "a.yaml",
    "lib/a.toml",
    "lib/workflow.yaml",
    "lib/workflow.yml",
    "workflow.yml",
    "workflows/a.toml",
    "workflows/b/workflow.toml",
    "workflows/b/workflow.yaml",
    "workflows/c.txt",
    "workflows/d.yml",
    "workflows/e/f/workflow.toml",
)
REFERENCES = (
    *(
        "./a.toml",
        "a.toml",
        "./lib",
        "./lib/",
        "./lib/../a.yaml",
        "../a.toml",
        "../../a.toml",
        "../lib/a.toml",
        "./",
        "../",
        "./.",
        "./a",
        "./A.toml",
    ),
    *(
        "file:a.toml",
        "file:./lib/%61.toml",
        "/a.toml",
        "~/a.toml",
        "./workflows",
        "./workflows/b",
        "./workflows/e",
        "./workflows/c.txt",
        "./x.toml",
    ),
    *("a", "b", "c", "d", "e", "a#^1", "none", "org/name"),
)
IDS = {"a.toml": "none", "lib/a.toml": "none", "workflow.yml": "org/name", "workflows/a.toml": "b", "workflows/c.txt": "c"}


@pytest.fixture
def root(tmp_path):
    for number, path in enumerate(FILES):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        name = IDS.get(
            path, {"workflows/b/workflow.toml": "b", "workflows/b/workflow.yaml": "a", "workflows/d.yml": "d"}.get(path, f"w{number}")
        )
        file.write_text(f'id = "{name}"\n' if file.suffix in (".toml", ".txt") else f"id: {name}\n")
    return tmp_path


@pytest.mark.parametrize("folder", ["", "lib"])
@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_means_the_same_file_when_it_is_told_and_when_it_is_used(root, folder: str, reference: str) -> None:
    top = f"{folder}/top.toml".lstrip("/")
    text = f'id = "top"\n[steps.a]\nuses = {json.dumps("workflow:" + reference)}\n'
    told = reachable(top, text.encode(), folder_files(root))
    try:
        path = bundled(reference, root / folder, root)
    except (Refused, NotFound):
        assert not any((root / each).exists() for each in told.workflows if each != reference)
        return
    if path.is_file():
        assert told.workflows == (f"./{path.relative_to(root).as_posix()}",)
    else:
        assert told.unread == (f"{reference} is not among its files",)
