"""What names an agent card, and what is said to who mixes things up; no registry is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.app import agent_cards
from ropeway.errors import Refused, UsageError


@pytest.mark.parametrize("text", ["agents/plan:v1", "x", "plan"])
def test_a_card_without_a_host_is_told_so_and_no_name_is_looked_up(text: str) -> None:
    with pytest.raises(UsageError, match="names no registry") as caught:
        agent_cards.parse(text)
    assert caught.value.hint == "write HOST[:PORT]/REPOSITORY:TAG, such as localhost:5000/agents/plan:v1"


@pytest.mark.parametrize(
    "text", ["localhost/agents/plan:v1", "localhost:5000/agents/plan:v1", "ghcr.io/agents/plan:v1", "oci://hub/plan:v1"]
)
def test_a_card_with_a_host_is_found_there(text: str) -> None:
    assert agent_cards.parse(text).tag == "v1"


def test_who_names_the_file_first_is_told_the_order(tmp_path: Path) -> None:
    card = tmp_path / "plan_agent_card.json"
    card.write_text("{}")
    for call in (agent_cards.push, agent_cards.verify):
        with pytest.raises(UsageError, match="is a file, and the reference comes first") as caught:
            call(str(card), Path("localhost:5000/agents/plan:v1"), {})
        assert str(caught.value.hint).endswith(f" HOST[:PORT]/REPOSITORY:TAG {card}")


def test_a_file_where_a_folder_is_wanted_is_no_matter_of_rights(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(Refused, match="is a file, and the card goes into a folder") as caught:
        agent_cards.write_file(there, "plan_agent_card.json", b"{}", force=True)
    assert caught.value.code == "output-exists"
    assert there.read_text() == "mine"
