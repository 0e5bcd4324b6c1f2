"""Registries as fixtures: a conftest imports the ones that its tests use. Servers are started when first asked for, once a session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from support.registries import (
    FAR,
    Authority,
    Running,
    distribution_registry,
    docker_registry,
    memory_registry,
    tls_front,
)


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Debian's docker-registry, open to all."""
    with docker_registry(tmp_path_factory.mktemp("docker")) as running:
        yield running


@pytest.fixture(scope="session")
def docker_with_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The same, for those who know ``support.registries.LOGIN``."""
    with docker_registry(tmp_path_factory.mktemp("docker"), password=True) as running:
        yield running


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Distribution 3, open to all."""
    with distribution_registry(tmp_path_factory.mktemp("distribution")) as running:
        yield running


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """go-containerregistry's registry: it has the referrers API."""
    with memory_registry(tmp_path_factory.mktemp("memory")) as running:
        yield running


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority of this session's own."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def docker_by_tls(docker: Running, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """``docker`` behind nginx, at https://localhost:port; its certificate is good for ``FAR`` too."""
    with tls_front(tmp_path_factory.mktemp("nginx"), docker, authority.certificate("localhost", "127.0.0.1", FAR)) as running:
        yield running


def named(name: str, folder: Path) -> AbstractContextManager[Running]:
    """Return the real registry that a test's parameter names."""
    return {"docker-registry": docker_registry, "distribution-registry": distribution_registry, "ropeway-oras": memory_registry}[name](
        folder
    )


def real(*names: str) -> list[object]:
    """Return parameters for ``named``, each marked with the program that it needs."""
    return [pytest.param(name, marks=pytest.mark.needs(name)) for name in names]
