"""Agent cards in OCI registries: ``<registry>/agents/<name>:<tag>``, one JSON file each, kept byte for byte.

Whatever a reference names here, it is in a registry: ``localhost:5000/agents/plan:v1``, also with ``oci://`` before it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ropeway.app import vouching
from ropeway.app.oci import connect, get_manifest, place_of, push_file, read_file
from ropeway.bundles.cards import MAX_CARD, card_layer, compare, read_card
from ropeway.bundles.problems import InvalidBundle
from ropeway.errors import NotFound, Refused, RopewayError, StoreError, UsageError
from ropeway.records import record
from ropeway.registry.cache.files import write_at_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.bundles.cards import Difference
    from ropeway.bundles.manifest import Manifest
    from ropeway.lang.reference import OciReference
    from ropeway.registry.oci.client import Client

__all__ = ["Pulled", "Pushed", "Verified", "copy", "manifest", "parse", "pull", "push", "repositories", "resolve", "tags", "verify"]

CARD_TYPE: Final = "application/json"


@record
class Pushed:
    """A card that was pushed. ``lacks`` names what A2A 1.0 asks for and the card does not have."""

    reference: str
    digest: str
    file: Path
    lacks: tuple[str, ...] = ()


@record
class Pulled:
    """A card that was pulled. ``doubt`` says why it is no agent card, None when it is one."""

    reference: str
    digest: str
    file: Path
    doubt: str | None = None


@record
class Verified:
    """A card compared with a file; ``difference`` is None when every byte is equal."""

    reference: str
    digest: str
    file: Path
    difference: Difference | None

    @property
    def agent(self) -> str:
        """The agent's name: the last part of the repository's."""
        return agent_of(parse(self.reference))


def parse(text: str, *, tagged: bool = True) -> OciReference:
    """Read what names a card in a registry.

    Args:
        text: ``HOST[:PORT]/REPOSITORY[:TAG][@sha256:…]``.
        tagged: Whether a tag or a digest has to be there.

    Raises:
        UsageError: It is none.
    """
    from ropeway.lang.reference import OciReference, parse_reference

    host = text.partition("/")[0]
    if not text.startswith("oci://") and host != "localhost" and "." not in host and ":" not in host:
        hint = "write HOST[:PORT]/REPOSITORY:TAG, such as localhost:5000/agents/plan:v1"
        raise UsageError(f"{text!r:.200} names no registry", hint=hint, code="registry-missing")
    found = parse_reference(text if text.startswith("oci://") else f"oci://{text}")
    assert isinstance(found, OciReference)
    if tagged and found.tag is None and found.digest is None:
        hint = f"write {text}:v1; `workflow agent tags {text}` shows the tags that there are"
        raise UsageError(f"{text} names no tag", hint=hint, code="tag-missing")
    return found


def _check_order(text: str, verb: str) -> None:
    """Say so when somebody names the file first."""
    if Path(text).is_file():
        hint = f"workflow agent {verb} HOST[:PORT]/REPOSITORY:TAG {text}"
        raise UsageError(f"{text} is a file, and the reference comes first", hint=hint, code="reference-first")


def agent_of(reference: OciReference) -> str:
    """Return the name of the agent that a reference is about."""
    return reference.repository.rpartition("/")[2]


def _wanted(reference: OciReference) -> str:
    return reference.digest or str(reference.tag)


def push(text: str, file: Path, environ: Mapping[str, str]) -> Pushed:
    """Push a card as it is; a tag that is there then means this card.

    Raises:
        NotFound: There is no such file.
        InvalidBundle: It is no agent card.
        UsageError: The reference names no tag.
        RopewayError: What the registry's client raises.
    """
    _check_order(text, "push")
    reference = parse(text)
    if reference.tag is None or reference.digest is not None:
        raise UsageError(f"{text} has a digest", hint="a push names a tag: the digest is what comes out", code="tag-missing")
    data = read_file(file, MAX_CARD)
    card = read_card(data, str(file))
    with connect(reference.host, environ) as client:
        digest = push_file(client, reference.repository, reference.tag, file.name, data, CARD_TYPE)
    return Pushed(text, digest, file, card.lacks)


def pull(text: str, output: Path, environ: Mapping[str, str], *, force: bool = False) -> Pulled:
    """Pull a card into a folder, under the base name it was pushed with, whatever pushed it.

    Args:
        text: The reference.
        output: The folder; made when it is not there.
        environ: The caller's environment.
        force: Overwrite a file that is there and differs.

    Raises:
        NotFound: There is no such card; the hint lists the tags that there are.
        Refused: A file is there and differs, or the person's rules ask for a signature.
        StoreError: The folder can not be written.
        RopewayError: What the registry's client raises.
    """
    reference = parse(text)
    with connect(reference.host, environ) as client:
        found, title, data = _card(client, reference)
        vouching.check(client, reference.repository, _wanted(reference), found, environ, kind="agent")
    name = _file_name(title, agent_of(reference))
    doubt = None
    try:
        read_card(data, name)
    except InvalidBundle as error:
        doubt = error.message
    return Pulled(text, found.digest, write_file(output, name, data, force=force), doubt)


def _card(client: Client, reference: OciReference, file: str | None = None) -> tuple[Manifest, str, bytes]:
    """Return a card's manifest, the title of its file (empty: none) and its bytes, verified."""
    found = get_manifest(client, reference.repository, _wanted(reference))
    layer = card_layer(found, file)
    return found, layer.title or "", client.blob(reference.repository, layer, MAX_CARD)


def _file_name(title: str, agent: str) -> str:
    """Return what to call a card's file. A title is somebody else's text: only its last part counts, and only when a file can be called so."""
    name = title.replace("\\", "/").rpartition("/")[2]
    usable = name not in ("", ".", "..") and name.isprintable() and len(name.encode()) <= 255
    return name if usable else f"{agent}_agent_card.json"


def write_file(folder: Path, name: str, data: bytes, *, force: bool) -> Path:
    """Write a file at once, making the folder; see :func:`pull`."""
    path = folder / name
    hint = "check who owns it, or choose another folder with -o"
    if folder.exists() and not folder.is_dir():
        raise Refused(f"{folder} is a file, and the card goes into a folder", hint="name the folder with -o", code="output-exists")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = path.read_bytes() if path.exists() else None
        if there == data:
            return path
    except OSError as error:
        raise StoreError(f"{folder} can not be used: {error.strerror}", hint=hint, code="output-unwritable") from None
    if there is not None and not force:
        hint = "move it away, choose another folder with -o, or overwrite it with --force"
        raise Refused(f"{path} is there already, and differs", hint=hint, code="file-exists")
    try:
        write_at_once(path, data, mode=0o644)
    except OSError as error:
        raise StoreError(f"{path} can not be written: {error.strerror}", hint=hint, code="output-unwritable") from None
    return path


def verify(text: str, file: Path, environ: Mapping[str, str]) -> Verified:
    """Compare a card in a registry with a file, byte for byte.

    Raises:
        NotFound: There is no such file or card.
        RopewayError: What the registry's client raises.
    """
    _check_order(text, "verify")
    reference = parse(text)
    ours = read_file(file, MAX_CARD)
    with connect(reference.host, environ) as client:
        found, _, theirs = _card(client, reference, file.name)
    return Verified(text, found.digest, file, compare(ours, theirs))


def repositories(text: str | None, environ: Mapping[str, str], *, every: bool = False) -> list[str]:
    """Return the repositories of a registry whose catalog says them: those of agents, or all; its prefix is left out.

    Raises:
        NotFound: The registry has no catalog.
        RopewayError: What the registry's client raises.
    """
    place = place_of(text, environ)
    before = f"{place.prefix}/" if place.prefix else ""
    with connect(place.host, environ) as client:
        found = [name.removeprefix(before) for name in client.catalog() if name.startswith(before)]
    return [name for name in found if every or name.startswith("agents/")]


def tags(text: str, environ: Mapping[str, str]) -> list[str]:
    """Return the tags of a repository, as the registry orders them.

    Raises:
        NotFound: There is no such repository; the hint lists some that there are.
        RopewayError: What the registry's client raises.
    """
    reference = parse(text, tagged=False)
    with connect(reference.host, environ) as client:
        try:
            return client.tags(reference.repository)
        except NotFound as error:
            raise NotFound(error.message, hint=_others(client) or error.hint, code=error.code) from None


def _others(client: Client) -> str | None:
    from itertools import islice

    try:
        found = list(islice((name for name in client.catalog() if name.startswith("agents/")), 20))
    except RopewayError:
        return None
    return f"there are {', '.join(found)}" if found else None


def manifest(text: str, environ: Mapping[str, str]) -> tuple[bytes, str]:
    """Return a manifest's exact bytes, verified, and its digest. Raises as :func:`tags` does."""
    reference = parse(text)
    with connect(reference.host, environ) as client:
        raw, _, digest = client.manifest(reference.repository, _wanted(reference))
    return raw, digest


def resolve(text: str, environ: Mapping[str, str]) -> str:
    """Return the digest that a tag means now. Raises as :func:`tags` does."""
    return manifest(text, environ)[1]


def copy(source: str, target: str, environ: Mapping[str, str]) -> str:
    """Copy a card, with what it names, to another tag, repository or registry, and return its digest, which stays the same.

    Raises:
        NotFound: There is no such card.
        UsageError: The target names no tag.
        RopewayError: What the registries' clients raise.
    """
    origin, goal = parse(source), parse(target)
    if goal.tag is None or goal.digest is not None:
        raise UsageError(f"{target} has a digest", hint="a copy names a tag: its digest stays what it is", code="tag-missing")
    with connect(origin.host, environ) as here, connect(goal.host, environ) as there:
        return here.copy(origin.repository, _wanted(origin), there, goal.repository, goal.tag)
