"""One folder of repositories for all tests of git sources, and a server for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from ropeway.lang.reference import AdHocReference, parse_reference
from ropeway.registry import Fetched, Pin, Wanted
from ropeway.registry.cache.store import Store
from ropeway.registry.http.transport import Net
from ropeway.registry.resolvers.git import GitResolver
from support.git_http import GitServer, serving
from support.git_sources import commit, flows, make


@pytest.fixture(scope="session")
def sources(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("sources")
    (root / "acme").mkdir()
    flows(root / "acme/flows")
    index = "workflows:\n  ship: {path: deep/er/ship.yaml, description: Ships it}\n  lost: {path: gone.toml}\n  up: {path: ../up.toml}\n"
    make(
        root / "acme/indexed",
        commit("main", {"index.yaml": index, "deep/er/ship.yaml": "id: ship\n", "deep/er/a": "a", "own.toml": "id = 'own'"}),
    )
    make(root / "acme/sha256", commit("main", {"one.toml": "id = 'one'"}), sha256=True)
    make(root / "acme/empty", b"")
    return root


@pytest.fixture
def server(sources) -> Iterator[GitServer]:
    with serving(sources) as running:
        yield running


@pytest.fixture
def home(tmp_path) -> dict[str, str]:
    """The environment of a person without credentials."""
    home = tmp_path / "home"
    (home / "bin").mkdir(parents=True)
    own = {name: value for name, value in os.environ.items() if name not in {"GH_TOKEN", "GITHUB_TOKEN"}}
    return own | {"HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}"}


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "cache/ropeway")


@pytest.fixture
def around(store, home) -> SimpleNamespace:
    """What the resolvers of one test share."""
    return SimpleNamespace(store=store, environ=home, net=Net(timeout=20, retries=1, backoff=0.01), github="https://github.com")


def resolver(around, base: str, owner: str = "acme", repo: str = "flows", **more) -> GitResolver:
    known = {"adhoc": (owner, repo), "store": around.store, "environ": around.environ, "net": around.net, "github": around.github}
    return GitResolver(f"{base}/{owner}/{repo}", **(known | more))


def wanted(reference: str) -> Wanted:
    parsed = parse_reference(reference)
    assert isinstance(parsed, AdHocReference)
    return Wanted(reference, parsed.name, parsed.ref)


@pytest.fixture
def pinned(around, server):
    """Pin an ad hoc reference at the server."""

    def pin(reference: str) -> Pin:
        parsed = parse_reference(reference)
        return resolver(around, server.url, parsed.owner, parsed.repo).pin(wanted(reference))

    return pin


@pytest.fixture
def fetched(around, server):
    """Pin and fetch an ad hoc reference at the server."""

    def fetch(reference: str) -> Fetched:
        parsed = parse_reference(reference)
        made = resolver(around, server.url, parsed.owner, parsed.repo)
        pin = made.pin(wanted(reference))
        return made.fetch(pin, made.evidence(pin))

    return fetch


@pytest.fixture
def tools() -> SimpleNamespace:
    return SimpleNamespace(resolver=resolver, wanted=wanted)
