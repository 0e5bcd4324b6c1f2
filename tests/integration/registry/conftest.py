"""Real registries for tests of the client, and something to push to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ropeway.testing.registries import FakeRegistry
from support.registry_fixtures import authority, distribution, docker, docker_by_tls, docker_with_password, memory

__all__ = ["authority", "distribution", "docker", "docker_by_tls", "docker_with_password", "memory"]


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeRegistry]:
    """The fake that ships, honest."""
    with FakeRegistry() as made:
        yield made


@pytest.fixture(
    params=[
        pytest.param("docker", marks=pytest.mark.needs("docker-registry")),
        pytest.param("distribution", marks=pytest.mark.needs("distribution-registry")),
        "fake",
    ]
)
def registry(request: pytest.FixtureRequest) -> str:
    """The host of each registry in turn. Only the fake has the referrers API."""
    return request.getfixturevalue(request.param).host


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A workflow with what belongs to it."""
    folder = tmp_path / "source"
    (folder / "assets/deep").mkdir(parents=True)
    (folder / "workflow.toml").write_text('id = "build"\n\n[steps.hello]\nrun = "echo hello"\n')
    (folder / "README.md").write_text("# Build\n")
    (folder / "assets/deep/data.bin").write_bytes(bytes(range(256)) * 300)
    (folder / "assets/grüße.txt").write_text("hello\n", "utf-8")
    (folder / "assets/run.sh").write_text("#!/bin/sh\necho run\n")
    (folder / "assets/run.sh").chmod(0o755)
    return folder
