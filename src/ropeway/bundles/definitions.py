"""Which file of a bundle is its definition: the workflow, the skill or the agent card that the others only accompany.

One rule serves packing, unpacking and what others pushed, so that nothing has to be noted in a bundle: the files nearest to the top decide;
there the file of the kind's usual name, else the only one whose content is of the kind. Two that could be it are an error, unless one is
called like the bundle.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from ropeway.bundles.kinds import KINDS, MAX_PEEK, base_name, kind_by_content
from ropeway.bundles.problems import InvalidBundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from ropeway.bundles.kinds import Kind

__all__ = ["USUAL", "find_definition", "is_readme", "wrong_folder_first"]

USUAL: Final[dict[Kind, tuple[str, ...]]] = {
    "workflow": ("workflow.toml", "workflow.yaml", "workflow.yml"),
    "skill": ("SKILL.md",),
    "agent": ("agent-card.json", "agent_card.json"),
}
"""What a definition is usually called, by kind."""

_ENDINGS: Final[dict[Kind, tuple[str, ...]]] = {
    "workflow": (".toml", ".yaml", ".yml"),
    "skill": (".py", ".md"),
    "agent": (".json",),
}
_CARDS: Final = ("_agent_card.json", "-agent-card.json")
_WANTED: Final = "a workflow is workflow.toml, workflow.yaml or another file with steps; a skill SKILL.md or a Python file; an agent card NAME_agent_card.json"


def find_definition(kind: Kind | None, files: Iterable[str], read: Callable[[str], bytes], name: str | None = None) -> tuple[Kind, str]:
    """Return the kind and the path of the definition among files.

    Args:
        kind: What it has to be; None when the files decide.
        files: Paths with slashes.
        read: Returns a file's bytes; asked for files only whose ending fits.
        name: What the bundle is called (``build``, ``acme/build``); tells which one is meant where several could be.

    Raises:
        InvalidBundle: There is none (code ``definition-missing``), or more than one (``definition-ambiguous``).
    """
    levels: dict[int, list[str]] = {}
    for path in sorted(files):
        levels.setdefault(path.count("/"), []).append(path)
    for depth in sorted(levels):
        found = _on_level(kind, levels[depth], read, base_name(name or ""))
        if found is not None:
            return found
    everything = [path for level in levels.values() for path in level if not is_readme(path)]
    if kind is not None and len(everything) == 1 and everything[0].endswith(_ENDINGS[kind]):
        return kind, everything[0]  # nothing else can be meant; what is wrong with it is told when it is read
    what = (
        {"workflow": "a workflow", "skill": "a skill", "agent": "an agent card"}[kind] if kind else "a workflow, a skill or an agent card"
    )
    raise InvalidBundle(f"none of its files is {what}", hint=_WANTED, code="definition-missing")


@contextmanager
def wrong_folder_first(folder: Path, kind: Kind | None) -> Iterator[None]:
    """When something in a folder can't be packed, say instead that no file at its top is a definition, if that is so: it may be the wrong folder.

    Raises:
        InvalidBundle: It is so (code ``definition-missing``).
    """

    def read(name: str) -> bytes:
        with suppress(OSError), (folder / name).open("rb") as file:
            return file.read(MAX_PEEK)
        return b""

    try:
        yield
    except InvalidBundle:
        names = []
        with suppress(OSError):
            names = [each.name for each in folder.iterdir() if each.is_file()]
        try:
            find_definition(kind, names, read)
        except InvalidBundle as error:
            if error.code == "definition-missing":
                raise InvalidBundle(f"{folder} can not be packed: {error.message}", hint=error.hint, code=error.code) from None
        raise


def _on_level(kind: Kind | None, paths: list[str], read: Callable[[str], bytes], name: str) -> tuple[Kind, str] | None:
    kinds = KINDS if kind is None else (kind,)
    usual = [(each, path) for each in kinds for path in paths if _is_usual(each, base_name(path))]
    if usual:
        return _only(usual, name)
    found = []
    for path in paths:
        if is_readme(path) or not any(path.endswith(_ENDINGS[each]) for each in kinds):
            continue
        said = kind_by_content(path, read(path))
        if said in kinds and said is not None:
            found.append((said, path))
    return _only(found, name) if found else None


def _is_usual(kind: Kind, file: str) -> bool:
    return file in USUAL[kind] or (kind == "agent" and file.endswith(_CARDS))


def _only(found: list[tuple[Kind, str]], name: str) -> tuple[Kind, str]:
    if len(found) > 1 and name:
        named = [each for each in found if _stem(base_name(each[1])) == name]
        found = named or found
    if len(found) == 1:
        return found[0]
    paths = [path for _, path in found]
    raise InvalidBundle(
        f"{' and '.join(paths[:2])} could both be its definition",
        hint="keep one of them in the folder, or package a single file: `workflow package FILE`",
        code="definition-ambiguous",
    )


def _stem(file: str) -> str:
    for ending in _CARDS:
        if file.endswith(ending):
            return file.removesuffix(ending)
    return file.rpartition(".")[0]


def is_readme(path: str) -> bool:
    """Whether a file is the text that people read first."""
    return base_name(path).lower() == "readme.md"
