"""A whole folder of workflows or agent cards, pushed, pulled or verified; one that fails does not stop the rest."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from ropeway.app import agent_cards
from ropeway.app.oci import connect, place_of
from ropeway.app.pallet import FIRST_VERSION, push_workflow, repositories
from ropeway.bundles.cards import CARD_ENDING
from ropeway.errors import InvalidWorkflow, NotFound, RopewayError
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ropeway.app.oci import Place
    from ropeway.registry.oci.client import Client

__all__ = ["Done", "Report", "publish_all", "pull_cards", "push_cards", "verify_cards"]

YAML_ENDINGS: Final = (".yaml", ".yml")


@record
class Done:
    """What became of one file.

    Attributes:
        name: Repository and tag, ``workflows/test:v1``.
        file: Here.
        digest: Of the manifest; None when it failed before there was one.
        problem: Why it failed; None when it did not.
        hint: What to do about that.
        notes: What is worth knowing all the same.
    """

    name: str
    file: Path
    digest: str | None = None
    problem: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = ()


@record
class Report:
    """What became of a folder's files, in their order.

    ``there`` are the repositories of their kind that the registry lists afterwards; None when it lists none to anybody.
    """

    place: str
    done: tuple[Done, ...]
    there: tuple[str, ...] | None = None

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(each.problem is not None for each in self.done)


def files_below(folder: Path) -> list[Path]:
    """Return every YAML file of a folder and of those in it, sorted.

    Raises:
        NotFound: There is no such folder.
    """
    _check_folder(folder)
    return sorted(path for path in folder.rglob("*") if path.name.endswith(YAML_ENDINGS) and path.is_file())


def cards_in(folder: Path) -> list[Path]:
    """Return the agent cards of a folder, sorted. Raises as :func:`files_below` does."""
    _check_folder(folder)
    return sorted(path for path in folder.iterdir() if path.name.endswith(CARD_ENDING) and path.is_file())


def _check_folder(folder: Path) -> None:
    if folder.is_dir():
        if not os.access(folder, os.R_OK | os.X_OK):
            raise NotFound(f"{folder} can not be read: permission denied", hint="check who owns it", code="folder-unreadable")
        return
    if folder.exists():
        raise NotFound(f"{folder} is not a folder", hint="--all takes a folder; leave it out for a single file", code="folder-not-found")
    hint = "run it from the project's folder, or name the folder that you mean"
    raise NotFound(f"there is no folder {folder}", hint=hint, code="folder-not-found")


def id_of(file: Path) -> str:
    """Return the id that a workflow's file gets from its name. No repository's name has blanks: they become hyphens."""
    return "-".join(file.stem.split())


def publish_all(
    folder: Path, registry: str | None, environ: Mapping[str, str], tell: Callable[[Done], object], *, version: str = FIRST_VERSION
) -> Report:
    """Push every ``.yaml`` and ``.yml`` file of a folder, and of the folders in it, as ``workflows/<name of the file>:<version>``.

    Files whose names give one id are not pushed: which of them would be the last, nobody could say.

    Args:
        folder: The folder.
        registry: As :func:`ropeway.app.oci.place_of` takes it.
        environ: The caller's environment.
        tell: Is told of every file when it is done.
        version: The tag.

    Raises:
        NotFound: There is no such folder.
        Unreachable: The registry does not answer.
    """
    files = files_below(folder)
    place = place_of(registry, environ)
    if not files:
        return Report(str(place), ())
    by_id: dict[str, list[Path]] = {}
    for file in files:
        by_id.setdefault(id_of(file), []).append(file)
    with connect(place.host, environ) as client:
        client.ping()
        done = [_told(tell, _pushed(client, place, file, version, by_id[id_of(file)])) for file in files]
        return Report(str(place), tuple(done), _listed(client, place, "workflows"))


def _pushed(client: Client, place: Place, file: Path, version: str, rivals: Sequence[Path]) -> Done:
    name = f"workflows/{id_of(file)}:{version}"
    if len(rivals) > 1:
        others = " and ".join(str(rival) for rival in rivals if rival != file)
        return Done(
            name, file, problem=f"{others} would be workflows/{id_of(file)} too", hint="rename one of them: the file's name is the id"
        )
    try:
        _check_yaml(file)
        digest, doubt = push_workflow(client, place, file, id_of(file), version)
    except RopewayError as error:
        return _failed(name, file, error)
    return Done(name, file, digest, notes=() if doubt is None else (doubt,))


def _check_yaml(file: Path) -> None:
    """Refuse what is not even YAML: whoever pushes a whole folder does not look at each file.

    Raises:
        InvalidWorkflow: It is none.
    """
    from ropeway.app.projects import read_bytes
    from ropeway.lang.source import read_document

    _, problems = read_document(read_bytes(file, str(file)), str(file))
    first = next((problem for problem in problems if problem.severity == "error"), None)
    if first is not None:
        where = first.location
        raise InvalidWorkflow(f"{file}:{where.line}: {first.message}", diagnostics=problems, hint=first.hint)


def _told(tell: Callable[[Done], object], done: Done) -> Done:
    tell(done)
    return done


def _failed(name: str, file: Path, error: RopewayError) -> Done:
    return Done(name, file, problem=error.message, hint=error.hint)


def _listed(client: Client, place: Place, kind: str) -> tuple[str, ...] | None:
    try:
        return tuple(repositories(client, place, kind))
    except RopewayError:  # the registry shows nobody its catalog, and what was pushed was told already
        return None


def push_cards(folder: Path, registry: str | None, environ: Mapping[str, str], tell: Callable[[Done], object], *, tag: str) -> Report:
    """Push every ``X_agent_card.json`` of a folder as ``agents/X:<tag>``. Arguments and errors as for :func:`publish_all`."""

    def push(text: str, name: str, card: Path) -> Done:
        pushed = agent_cards.push(text, card, environ)
        return Done(name, card, pushed.digest, notes=(_lacking(card, pushed.lacks),) if pushed.lacks else ())

    return _each_card(folder, registry, environ, tell, tag, push)


def verify_cards(folder: Path, registry: str | None, environ: Mapping[str, str], tell: Callable[[Done], object], *, tag: str) -> Report:
    """Compare every ``X_agent_card.json`` of a folder with ``agents/X:<tag>``, byte for byte.

    Arguments and errors as for :func:`publish_all`, and a folder without cards is ``NotFound``: to compare nothing proves nothing.
    """

    def verify(text: str, name: str, card: Path) -> Done:
        found = agent_cards.verify(text, card, environ)
        return Done(name, card, found.digest, problem=mismatch(found))

    if not cards_in(folder):
        hint = f"cards are called X{CARD_ENDING}"
        raise NotFound(f"there are no agent cards in {folder}, so nothing can be verified", hint=hint, code="cards-not-found")
    return _each_card(folder, registry, environ, tell, tag, verify)


def mismatch(found: agent_cards.Verified) -> str | None:
    """Return how a card differs from its file as a sentence; None when it does not."""
    if found.difference is None:
        return None
    if found.difference.formatting_only:
        return "only the formatting differs, the JSON says the same"
    return "; ".join(found.difference.places)


def _each_card(
    folder: Path,
    registry: str | None,
    environ: Mapping[str, str],
    tell: Callable[[Done], object],
    tag: str,
    do: Callable[[str, str, Path], Done],
) -> Report:
    cards = cards_in(folder)
    place = place_of(registry, environ)
    if not cards:
        return Report(str(place), ())
    with connect(place.host, environ) as client:
        client.ping()
        done = []
        for card in cards:
            agent = card.name.removesuffix(CARD_ENDING)
            name = f"agents/{agent}:{tag}"
            try:
                text = f"oci://{place.host}/{place.repository('agents', agent)}:{tag}"
                result = do(text, name, card)
            except RopewayError as error:
                result = _failed(name, card, error)
            done.append(_told(tell, result))
        return Report(str(place), tuple(done), _listed(client, place, "agents"))


def pull_cards(
    folder: Path, registry: str | None, environ: Mapping[str, str], tell: Callable[[Done], object], *, tag: str, force: bool = False
) -> Report:
    """Pull every ``agents/X:<tag>`` that a registry lists into a folder, which is made when it is not there.

    Arguments as for :func:`publish_all`; ``force`` overwrites files that differ.

    Raises:
        NotFound: The registry shows nobody its catalog.
        Unreachable: It does not answer.
    """
    place = place_of(registry, environ)
    with connect(place.host, environ) as client:
        client.ping()
        there = repositories(client, place, "agents")
    done = []
    for repository in there:
        name = f"{repository}:{tag}"
        try:
            pulled = agent_cards.pull(f"oci://{place}/{name}", folder, environ, force=force)
            result = Done(name, pulled.file, pulled.digest, notes=() if pulled.doubt is None else (pulled.doubt,))
        except RopewayError as error:
            result = _failed(name, folder, error)
        done.append(_told(tell, result))
    return Report(str(place), tuple(done), tuple(there))


def _lacking(card: Path, lacks: Sequence[str]) -> str:
    return f"{card} lacks {', '.join(lacks)}, which A2A 1.0 asks for"
