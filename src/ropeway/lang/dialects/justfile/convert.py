"""Turns a justfile into a workflow: what becomes of each recipe, in which order, and what could not be converted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.contents import Contents
from ropeway.lang.dialects.justfile.document import Document
from ropeway.lang.dialects.justfile.recipe import Failed, Repaste
from ropeway.lang.dialects.justfile.settings import Settings
from ropeway.lang.dialects.justfile.syntax import Problem
from ropeway.lang.dialects.justfile.trace import Call, Order, may_be_equal, play
from ropeway.lang.dialects.justfile.values import Cannot
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.lang.dialects.justfile.parameters import Given
    from ropeway.lang.dialects.justfile.syntax import Alias, Justfile, Recipe
    from ropeway.lang.dialects.justfile.trace import Node

__all__ = ["Conversion", "Converted", "Entry", "convert", "merge"]


@record
class Converted:
    """A recipe that was converted, and its steps."""

    recipe: str
    line: int
    steps: tuple[str, ...]


@record
class Entry:
    """A recipe that can be run by itself: how it is called, and what it is given."""

    recipe: Recipe
    given: tuple[Given, ...]


@record
class Conversion:
    """What was made of a justfile.

    ``text`` is the workflow, empty when no recipe could be converted. ``notes`` are differences worth knowing of what was converted.
    ``choice`` is the parameter that names the recipe to run, empty when there is only one.
    """

    text: str
    converted: tuple[Converted, ...]
    skipped: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    entries: tuple[Entry, ...]
    choice: str
    aliases: tuple[Alias, ...] = ()


def merge(main: Justfile, imported: Sequence[Justfile]) -> Justfile:
    """Add to a justfile what it imports; what it defines itself wins, and then what was imported first."""
    for other in imported:
        for recipe in other.recipes:
            if all(known.name != recipe.name or known.place.file == recipe.place.file for known in main.recipes):
                main.recipes.append(recipe)
        known_names = {found.name for found in main.assignments}
        main.assignments += [found for found in other.assignments if found.name not in known_names]
        main.aliases += other.aliases
        main.settings = [*other.settings, *main.settings]
        main.modules += other.modules
        main.unexports += other.unexports
        main.problems += other.problems
    return main


def convert(justfile: Justfile, *, workflow_id: str, recipes: Sequence[str] = ()) -> Conversion:
    """Turn a justfile into a workflow.

    Args:
        justfile: What was read, imports included.
        workflow_id: The id of the workflow.
        recipes: The recipes to convert, with what they depend on; all that are not private when empty. Each has to exist.

    One recipe keeps the names of its parameters. Of several, the parameter ``recipe`` chooses, as the first word after ``just`` does,
    and the others have the recipe's name in front.
    """
    pasted: frozenset[str] = frozenset()
    integers: frozenset[tuple[str, str]] = frozenset()
    while True:  # ends: each turn pastes at least one variable more, or makes one parameter more an integer
        try:
            return _Conversion(justfile, workflow_id, recipes, pasted, integers).made()
        except Repaste as again:
            pasted |= again.names
            integers |= again.integers


class _Conversion:
    def __init__(
        self, justfile: Justfile, workflow_id: str, wanted: Sequence[str], pasted: frozenset[str], integers: frozenset[tuple[str, str]]
    ) -> None:
        self._justfile = justfile
        self._id = workflow_id
        self._settings = Settings(justfile)
        self._problems: list[Problem] = [*justfile.problems, *self._settings.problems]
        self._recipes = Contents(justfile, self._settings, wanted, pasted, integers)
        self._order = Order()
        self._done: list[str] = []

    def made(self) -> Conversion:
        """Convert all of it."""
        for module in self._justfile.modules:
            hint = f"convert its file by itself: `workflow import justfile {module.name}/justfile`"
            self._problems.append(Problem("", module.place, f"the module {module.name!r} is not converted", hint))
        for name in self._recipes.entries:
            self._entry(name)
        self._unasked()
        self._recipes.note_words()
        document = Document(self._id, self._recipes, self._settings, self._order.nodes, self._done, self._problems)
        text = document.text() if self._done else ""
        entries = tuple(Entry(self._recipes.named[name][0], self._recipes.given(name)) for name in self._done) if text else ()
        converted = tuple(Converted(recipe.name, recipe.place.line, steps) for recipe, steps in document.steps_of()) if text else ()
        notes = (*self._settings.notes, *self._recipes.notes)
        return Conversion(text, converted, tuple(self._problems), notes, entries, self._recipes.choice, tuple(self._justfile.aliases))

    def _entry(self, name: str) -> None:
        """Convert one recipe and what it depends on; what keeps it from being converted is told."""
        recipes = self._recipes
        try:
            recipes.check_circle(name)
            call = recipes.entry(name)
            trace = play(call, recipes.dependencies, recipes.has_steps)
            for node in trace:
                recipes.prepare(node.call, node.key[2])
            recipes.check(call)
        except Cannot as problem:
            recipes.repaste(problem, Call(recipes.named[name][0], ()))
            self._problems.append(Problem(name, problem.place, problem.reason, problem.hint))
            return
        except Failed as failed:
            recipe = recipes.named[name][0]
            if failed.recipe == name:
                self._once(Problem(name, failed.problem.place, failed.problem.reason, failed.problem.hint))
                return
            place = next((d.place for d in recipe.dependencies if d.name == failed.recipe), recipe.place)
            self._once(Problem(failed.recipe, failed.problem.place, failed.problem.reason, failed.problem.hint))
            hint = f"convert {failed.recipe!r} by hand, then this one"
            self._problems.append(Problem(name, place, f"it needs the recipe {failed.recipe!r}, which was not converted", hint))
            return
        if not trace:
            recipes.note_empty(name)
            return
        self._note_twice(name, trace)
        self._order.add(name, trace)
        self._done.append(name)

    def _note_twice(self, name: str, trace: Sequence[Node]) -> None:
        """Tell about a recipe that is used with arguments which turn out equal or not only when it runs."""
        calls: dict[str, list[Call]] = {}
        for node in trace:
            known = calls.setdefault(node.key[0], [])
            if node.key[2] == "body" and node.key[3] == 1:
                if any(may_be_equal(node.call, other) for other in known):
                    recipe = self._recipes.named[name][0]
                    reason = f"where {node.key[0]!r} is given the same arguments twice, it runs twice, and just ran it once"
                    self._recipes.note(Problem(name, recipe.place, reason, "nothing to do, if that does no harm"))
                known.append(node.call)

    def _once(self, problem: Problem) -> None:
        if problem not in self._problems:
            self._problems.append(problem)

    def _unasked(self) -> None:
        """Tell about private recipes that nothing needs: they are not lost silently."""
        used = {node.call.recipe.name for node in self._order.nodes} | {problem.recipe for problem in self._problems}
        for name, variants in self._recipes.named.items():
            if self._recipes.wanted or name in used or name in self._recipes.entries or name in self._recipes.passed:
                continue
            hint = f"`workflow import justfile … --recipe {name}` converts it"
            self._problems.append(Problem(name, variants[0].place, "it is private and no recipe depends on it", hint))
