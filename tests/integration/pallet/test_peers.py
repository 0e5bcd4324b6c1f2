"""The documents' own clients: what they push is pulled by the functions here, and what these push they pull as plain files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ropeway import api
from ropeway.app import agent_cards
from support.registry_peers import Peer, peers

pytestmark = pytest.mark.needs("docker-registry")

CARD = json.dumps({"name": "plan-agent", "url": "http://localhost:8001", "version": "1.0.0", "skills": []}, indent=2).encode()


@pytest.mark.parametrize("peer", peers("oras-go", "oras-py"))
def test_a_peer_pulls_the_plain_files_that_we_pushed(real, seed: Path, peer: Peer, tmp_path: Path, home: Path) -> None:
    (tmp_path / "plan_agent_card.json").write_bytes(CARD)
    assert api.push_workflow_to_registry(seed, "test-workflow")
    agent_cards.push(f"{real.host}/agents/plan:v1", tmp_path / "plan_agent_card.json", {"HOME": str(home)})
    (tmp_path / "got").mkdir()
    peer.pull(f"{real.host}/workflows/test-workflow:v1", tmp_path / "got")
    peer.pull(f"{real.host}/agents/plan:v1", tmp_path / "got")
    assert {path.name: path.read_bytes() for path in (tmp_path / "got").iterdir()} == {
        "test.yaml": seed.read_bytes(),
        "plan_agent_card.json": CARD,
    }


@pytest.mark.parametrize("peer", peers())
def test_what_a_peer_pushed_as_the_documents_do_is_found(real, seed: Path, peer: Peer, tmp_path: Path, home: Path) -> None:
    cards = tmp_path / "src"
    cards.mkdir()
    (cards / "plan_agent_card.json").write_bytes(CARD)
    peer.push(f"{real.host}/workflows/test:v1", tmp_path, ["workflows/test.yaml:application/yaml"])
    digest = peer.push(f"{real.host}/agents/plan:v1", cards, ["plan_agent_card.json"])
    assert api.list_workflows()[0] == "workflows/test"
    metadata = api.get_workflow_metadata("test")
    assert metadata is not None
    assert (metadata["id"], metadata["steps"]) == ("test-workflow", 1)
    path = api.pull_workflow_from_registry("test")
    assert path is not None
    assert path.read_bytes() == seed.read_bytes()
    environ = {"HOME": str(home)}
    assert agent_cards.resolve(f"{real.host}/agents/plan:v1", environ) == digest
    assert agent_cards.verify(f"{real.host}/agents/plan:v1", cards / "plan_agent_card.json", environ).difference is None
    pulled = agent_cards.pull(f"{real.host}/agents/plan:v1", tmp_path / "out", environ)
    assert (pulled.file, pulled.file.read_bytes(), pulled.doubt) == (tmp_path / "out/plan_agent_card.json", CARD, None)
