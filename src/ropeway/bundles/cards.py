"""Agent cards: which JSON is one, which layer of a bundle holds it, and how two of them differ.

Two shapes are cards: that of A2A 1.0 (``supportedInterfaces``), and the older one with a single ``url``. Cards are kept byte for byte, so
nothing here ever writes one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from ropeway.bundles.kinds import kind_by_title
from ropeway.bundles.problems import InvalidBundle
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.bundles.manifest import Descriptor, Manifest

__all__ = ["CARD_ENDING", "MAX_CARD", "Card", "Difference", "card_layer", "compare", "read_card"]

CARD_ENDING: Final = "_agent_card.json"
"""How the files of a folder of cards end: ``plan_agent_card.json`` is the card of the agent ``plan``."""

MAX_CARD: Final = 4 * 2**20
"""Bytes that a card may have."""

_A2A: Final = ("description", "capabilities", "defaultInputModes", "defaultOutputModes")
_SHOWN: Final = 5


@record
class Card:
    """What a card says. ``lacks`` names what A2A 1.0 asks for and this card of its shape does not have."""

    name: str
    version: str
    skills: tuple[str, ...]
    shape: Literal["a2a", "url"]
    lacks: tuple[str, ...] = ()


def read_card(raw: bytes, name: str) -> Card:
    """Return what a card says; ``name`` is what messages call the file.

    Raises:
        InvalidBundle: It is no JSON, or no agent card.
    """
    data = _object(raw, name)
    title, version, skills = data.get("name"), data.get("version"), data.get("skills")
    for key, value in (("name", title), ("version", version)):
        if not isinstance(value, str) or not value.strip():
            raise _no_card(name, f"its {key!r} is {'missing' if value is None else 'no text'}")
    if not isinstance(skills, list):
        raise _no_card(name, f"its 'skills' {'are missing' if skills is None else 'are no list'}")
    ids = tuple(_skill_id(skill, number, name) for number, skill in enumerate(skills))
    interfaces = data.get("supportedInterfaces")
    if interfaces is None:
        if not isinstance(data.get("url"), str):
            raise _no_card(name, "it says neither 'supportedInterfaces' nor 'url'")
        return Card(str(title), str(version), ids, "url")
    if not isinstance(interfaces, list) or not all(isinstance(each, dict) and isinstance(each.get("url"), str) for each in interfaces):
        raise _no_card(name, "its 'supportedInterfaces' are no list of objects with a 'url'")
    return Card(str(title), str(version), ids, "a2a", tuple(key for key in _A2A if key not in data))


def _object(raw: bytes, name: str) -> dict[str, Any]:
    if len(raw) > MAX_CARD:
        raise InvalidBundle(f"{name} has {len(raw):,} bytes, and {MAX_CARD:,} is the most for an agent card", code="card-too-large")
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(f"{name} is not JSON: {error}", hint="an agent card is a JSON object", code="card-no-json") from None
    if not isinstance(data, dict):
        raise _no_card(name, "it is no JSON object")
    return data


def _skill_id(skill: Any, number: int, name: str) -> str:
    found = skill.get("id") if isinstance(skill, dict) else None
    if not isinstance(found, str) or not found:
        raise _no_card(name, f"skill {number + 1} has no 'id'")
    return found


def _no_card(name: str, why: str) -> InvalidBundle:
    hint = "a card has name, version, skills with ids, and supportedInterfaces (A2A 1.0) or url"
    return InvalidBundle(f"{name} is no agent card: {why}", hint=hint, code="card-shape")


def card_layer(manifest: Manifest, file: str | None = None) -> Descriptor:
    """Return the layer that holds the card: the one titled ``file``, the only one called as cards are, the only JSON file, or the only layer whatever its media type says.

    ORAS gives a file without a media type that of a tar layer, so types alone do not tell.

    Raises:
        InvalidBundle: No layer, or more than one, can be it.
    """
    named = [layer for layer in manifest.layers if file is not None and (layer.title or "").rpartition("/")[2] == file]
    json_files = [layer for layer in manifest.layers if (layer.title or "").endswith(".json") or layer.media_type.endswith("json")]
    cards = [layer for layer in json_files if kind_by_title(layer.title or "") == "agent"]
    for found in (named, cards, json_files, list(manifest.layers)):
        if len(found) == 1:
            return found[0]
    titles = ", ".join(layer.title or layer.media_type for layer in manifest.layers) or "nothing"
    raise InvalidBundle(f"no single file of it is an agent card; it holds {titles}", code="bundle-kind")


@record
class Difference:
    """How two texts differ: in formatting only, or at ``places`` (the first few, as sentences) in what they say."""

    formatting_only: bool
    places: tuple[str, ...] = ()


def compare(ours: bytes, theirs: bytes) -> Difference | None:
    """Return how a card of ours differs from the one in a registry; None when all bytes are equal."""
    if ours == theirs:
        return None
    try:
        found = list(_differences(json.loads(ours), json.loads(theirs), ""))
    except (ValueError, RecursionError):
        return Difference(formatting_only=False, places=(f"{len(ours):,} bytes here, {len(theirs):,} in the registry",))
    if len(found) > _SHOWN:
        found[_SHOWN - 1 :] = [f"and at {len(found) - _SHOWN + 1:,} more places"]
    return Difference(formatting_only=not found, places=tuple(found))


def _differences(ours: Any, theirs: Any, place: str) -> Iterator[str]:
    where = place.removeprefix(".") or "the whole card"
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in dict.fromkeys((*ours, *theirs)):
            at = f"{place}.{key}".removeprefix(".")
            if key not in theirs:
                yield f"{at} is only here"
            elif key not in ours:
                yield f"{at} is only in the registry"
            else:
                yield from _differences(ours[key], theirs[key], f"{place}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield f"{where} has {len(ours):,} here, {len(theirs):,} in the registry"
        for index, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            yield from _differences(one, other, f"{place}[{index}]")
    # In Python true is 1 and false is 0; in JSON they are not.
    elif ours != theirs or isinstance(ours, bool) != isinstance(theirs, bool):
        yield f"{where} is {_short(ours)} here, {_short(theirs)} in the registry"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"
