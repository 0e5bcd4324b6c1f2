"""Finds places in a Pallet document by paths of the model made from it.

Later stages (validation, linking) speak of ``("steps", "plan", "inputs", "x")``. In the document that step may be the third of a
branch of the second step, and its translated text has other offsets: a problem inside it is shown for the whole value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.lang.dialects.pallet_templates import Read, scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.lang.diagnostics import Location, Path
    from ropeway.lang.dialects.pallet import Readable


class PalletLocator:
    """A ``Locator`` for paths of the document and of the model. The model's are told by the step's id in second place."""

    def __init__(self, document: Readable) -> None:
        self._document = document
        self._steps: dict[str, tuple[Path, dict[str, Any]]] | None = None
        self._at: dict[Path, dict[str, Any]] = {}
        self._parameters: dict[str, Path] = {}

    def locate(self, path: Path, *, key: bool = False, offset: int | None = None, length: int = 1) -> Location:
        """See ``lang.diagnostics.Locator``."""
        known = self._translate(path)
        if known == path:
            return self._document.locate(path, key=key, offset=offset, length=length)
        return self._document.locate(known)

    def _translate(self, path: Path) -> Path:
        match path:
            case ("steps", str(name), *rest):
                return self._in_step(name, tuple(rest))
            case (first, *_) if first in self._document.data:
                return path
            case ("parameters", str(name), *_):
                self._walk()
                return self._parameters.get(name, ("metadata",))
            case ("id" | "name" | "version" | "description" | "tags", *_):
                return ("metadata", *path)
        return ("metadata",)

    def _in_step(self, name: str, rest: Path) -> Path:
        found = self._walk().get(name)
        if found is None:
            return ("steps",)
        path, data = found
        match rest:
            case ("inputs", *inner):
                below = ("inputs", "input") if data.get("skill") == "execute_workflow" else ("inputs",)
                return (*path, *below, *inner)
            case ("uses", *_):
                return (*path, "inputs", "workflow_id") if data.get("skill") == "execute_workflow" else (*path, "skill")
            case ("outputs", *_) if "outputs" in data:
                return (*path, "outputs")
            case ("timeout", *_) if "timeout" in data:
                return (*path, "timeout")
            case ("when", *_):
                return self._condition(path)
        return (*path, "id")

    def _condition(self, path: Path) -> Path:
        """Return the condition that decides about the step at ``path``: of the innermost step around it that has one."""
        around = path[:-_BELOW_BRANCHING]
        while len(around) > 1:
            if "condition" in self._at[around]:
                return (*around, "condition")
            around = around[:-_BELOW_BRANCHING]
        return path

    def _walk(self) -> dict[str, tuple[Path, dict[str, Any]]]:
        if self._steps is None:
            self._steps = {}
            for path, step in _steps_of(self._document.data.get("steps"), ("steps",)):
                self._at[path] = step
                self._steps.setdefault(str(step.get("id")), (path, step))
                for place, text in _texts(step.get("inputs"), (*path, "inputs")):
                    self._remember(place, text)
                condition = step.get("condition")
                if isinstance(condition, str):
                    self._remember((*path, "condition"), condition)
        return self._steps

    def _remember(self, path: Path, text: str) -> None:
        for part in scan(text):
            if isinstance(part, Read) and part.path[:2] == ("workflow", "input") and len(part.path) > 2:
                self._parameters.setdefault(part.path[2], path)


_BELOW_BRANCHING = 3  # "branches", the case, the index


def _steps_of(value: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for index, step in enumerate(value if isinstance(value, list) else ()):
        if isinstance(step, dict):
            at: Path = (*path, index)
            yield at, step
            branches = step.get("branches")
            for case, inner in branches.items() if isinstance(branches, dict) else ():
                yield from _steps_of(inner, (*at, "branches", case))


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))
