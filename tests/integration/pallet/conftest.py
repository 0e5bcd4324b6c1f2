"""A registry and a home for programs that call the functions of the documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ropeway import api
from ropeway.testing.registries import FakeRegistry
from support.registries import Running, docker_registry

SEED = """\
metadata:
  id: test-workflow
  name: Test
  version: 1.0.0
steps:
  - id: step1
    skill: test_skill
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of its own for the test: the cache, and where temporary files go."""
    for name, folder in (("HOME", ""), ("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config"), ("TMPDIR", "tmp")):
        path = tmp_path / "home" / folder
        path.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(path))
    monkeypatch.setattr("tempfile.tempdir", None)  # what was found before counts no more
    monkeypatch.delenv("ROPEWAY_OCI_REGISTRY", raising=False)
    monkeypatch.chdir(tmp_path)
    api.clear_workflow_cache()
    return tmp_path / "home"


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """Debian's docker-registry, empty, which the functions find by the environment."""
    with docker_registry(tmp_path / "docker-registry") as running:
        monkeypatch.setenv("ROPEWAY_OCI_REGISTRY", running.host)
        yield running


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    """A registry that remembers what it was asked, which the functions find by the environment."""
    with FakeRegistry() as registry:
        monkeypatch.setenv("ROPEWAY_OCI_REGISTRY", registry.host)
        yield registry


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """The document's example, in a folder as there."""
    path = tmp_path / "workflows" / "test.yaml"
    path.parent.mkdir()
    path.write_text(SEED)
    return path
