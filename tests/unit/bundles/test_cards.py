"""What is an agent card, where a bundle holds it, and how two of them differ."""

from __future__ import annotations

import json

import pytest

from ropeway.bundles.cards import card_layer, compare, read_card
from ropeway.bundles.manifest import EMPTY, TITLE, Descriptor, digest_of, make_manifest
from ropeway.bundles.problems import InvalidBundle

SEED = {
    "name": "plan-agent",
    "url": "http://localhost:8001",
    "version": "1.0.0",
    "skills": [{"id": "create_plan", "description": "Plans", "input_schema": {}, "output_schema": {}}],
}
A2A = {
    "name": "Plan",
    "description": "Plans",
    "supportedInterfaces": [{"url": "https://agents.example.org/plan", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
    "version": "2.1.0",
    "capabilities": {"streaming": False},
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [{"id": "a", "name": "A", "description": "a", "tags": []}, {"id": "b", "name": "B", "description": "b", "tags": []}],
}


def raw(value) -> bytes:
    return json.dumps(value).encode()


def test_the_older_shape_is_a_card() -> None:
    card = read_card(raw(SEED), "plan_agent_card.json")
    assert (card.name, card.version, card.skills, card.shape, card.lacks) == ("plan-agent", "1.0.0", ("create_plan",), "url", ())


def test_the_shape_of_a2a_is_a_card_and_what_it_lacks_is_named() -> None:
    card = read_card(raw(A2A), "plan.json")
    assert (card.name, card.version, card.skills, card.shape, card.lacks) == ("Plan", "2.1.0", ("a", "b"), "a2a", ())
    less = {key: value for key, value in A2A.items() if key not in ("description", "defaultInputModes")}
    assert read_card(raw(less), "plan.json").lacks == ("description", "defaultInputModes")


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (b"", "x.json is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"{'name': 1}", "x.json is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[]", "x.json is no agent card: it is no JSON object"),
        (raw(SEED | {"name": None}), "x.json is no agent card: its 'name' is missing"),
        (raw(SEED | {"name": " "}), "x.json is no agent card: its 'name' is no text"),
        (raw(SEED | {"version": 1.0}), "x.json is no agent card: its 'version' is no text"),
        (raw(SEED | {"skills": {}}), "x.json is no agent card: its 'skills' are no list"),
        (raw(SEED | {"skills": None}), "x.json is no agent card: its 'skills' are missing"),
        (raw(SEED | {"skills": [{"id": "a"}, {"name": "b"}]}), "x.json is no agent card: skill 2 has no 'id'"),
        (raw(SEED | {"skills": ["a"]}), "x.json is no agent card: skill 1 has no 'id'"),
        (raw(SEED | {"url": 8001}), "x.json is no agent card: it says neither 'supportedInterfaces' nor 'url'"),
        (
            raw(A2A | {"supportedInterfaces": ["https://x"]}),
            "x.json is no agent card: its 'supportedInterfaces' are no list of objects with a 'url'",
        ),
    ],
)
def test_what_is_no_card_is_refused_with_the_reason(card: bytes, message: str) -> None:
    with pytest.raises(InvalidBundle) as caught:
        read_card(card, "x.json")
    assert str(caught.value) == message
    assert caught.value.hint


def test_a_card_nested_without_end_or_too_large_is_refused() -> None:
    for card in (b"[" * 100_000, b" " * (4 * 2**20 + 1)):
        with pytest.raises(InvalidBundle):
            read_card(card, "x.json")


def layer(title: str | None, media_type: str) -> Descriptor:
    data = f"{title}{media_type}".encode()
    return Descriptor(media_type, digest_of(data), len(data), {TITLE: title} if title else {})


CARD = layer("src/agent_cards/plan_agent_card.json", "application/vnd.oci.image.layer.v1.tar")
README = layer("README.md", "text/markdown")
SECOND = layer("schema.json", "application/json")
THIRD = layer("more.json", "application/json")
OTHER = layer("build_agent_card.json", "application/json")
BARE = layer(None, "application/octet-stream")


@pytest.mark.parametrize(
    ("layers", "file", "found"),
    [
        ((CARD,), None, CARD),
        ((README, CARD), None, CARD),
        ((CARD, SECOND), None, CARD),
        ((SECOND, README, CARD), "plan_agent_card.json", CARD),
        ((BARE,), "plan_agent_card.json", BARE),
        ((layer(None, "application/json"), README), None, layer(None, "application/json")),
    ],
)
def test_the_layer_of_a_card_is_found_by_its_title_or_because_it_is_the_only_one(layers, file, found) -> None:
    assert card_layer(make_manifest(EMPTY, layers), file) == found


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ((), "no single file of it is an agent card; it holds nothing"),
        ((CARD, OTHER), "no single file of it is an agent card; it holds src/agent_cards/plan_agent_card.json, build_agent_card.json"),
        ((SECOND, THIRD), "no single file of it is an agent card; it holds schema.json, more.json"),
        ((README, BARE), "no single file of it is an agent card; it holds README.md, application/octet-stream"),
    ],
)
def test_a_bundle_with_no_card_or_several_is_refused(layers, says) -> None:
    with pytest.raises(InvalidBundle) as caught:
        card_layer(make_manifest(EMPTY, layers))
    assert str(caught.value) == says


def test_equal_bytes_do_not_differ() -> None:
    assert compare(raw(SEED), raw(SEED)) is None


def test_another_formatting_is_told_from_another_content() -> None:
    found = compare(raw(SEED), json.dumps(dict(reversed(SEED.items())), indent=4).encode())
    assert found is not None
    assert found.formatting_only
    assert found.places == ()


def test_what_differs_is_named_with_its_place() -> None:
    other = SEED | {"version": "1.0.1", "skills": [SEED["skills"][0] | {"id": "plan"}, {"id": "more"}], "extra": True}
    del other["url"]
    found = compare(raw(SEED), raw(other))
    assert found is not None
    assert not found.formatting_only
    assert found.places == (
        "url is only here",
        'version is "1.0.0" here, "1.0.1" in the registry',
        "skills has 1 here, 2 in the registry",
        'skills[0].id is "create_plan" here, "plan" in the registry',
        "extra is only in the registry",
    )


def test_only_the_first_differences_are_listed() -> None:
    found = compare(raw({str(n): n for n in range(9)}), raw({str(n): n + 1 for n in range(9)}))
    assert found is not None
    assert found.places[-2:] == ("3 is 3 here, 4 in the registry", "and at 5 more places")


@pytest.mark.parametrize(("here", "there"), [(b'{"a": true}', b'{"a": 1}'), (b'{"a": 0}', b'{"a": false}'), (b"[true]", b"[1]")])
def test_a_truth_value_is_no_number(here: bytes, there: bytes) -> None:
    found = compare(here, there)
    assert found is not None
    assert not found.formatting_only


def test_bytes_that_are_no_json_differ_by_their_number() -> None:
    found = compare(b"{", b"{}")
    assert found is not None
    assert found.places == ("1 bytes here, 2 in the registry",)
