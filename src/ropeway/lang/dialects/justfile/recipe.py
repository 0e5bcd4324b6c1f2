"""What becomes of single recipes: their values, scripts, and what their attributes ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.names import Computed, Names, Scope
from ropeway.lang.dialects.justfile.parameters import bind_arguments, bind_parameters
from ropeway.lang.dialects.justfile.syntax import Call as Function
from ropeway.lang.dialects.justfile.syntax import Problem
from ropeway.lang.dialects.justfile.trace import Call
from ropeway.lang.dialects.justfile.values import Cannot, Cel, Const, Dynamic, Local, fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.lang.dialects.justfile.ground import Body
    from ropeway.lang.dialects.justfile.parameters import Given
    from ropeway.lang.dialects.justfile.settings import Settings
    from ropeway.lang.dialects.justfile.syntax import Dependency, Justfile, Place, Recipe
    from ropeway.lang.dialects.justfile.values import Value

__all__ = ["Recipes", "Repaste"]

_SYSTEMS = {"linux": {"linux"}, "macos": {"macos"}, "unix": {"linux", "macos"}}
_OTHER_SYSTEMS = frozenset({"windows", "android", "dragonfly", "freebsd", "netbsd", "openbsd"})
_MAX_DEPTH = 200
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_ONLY_LIST = re.compile(r"@?(?:just|)\s*(?:--(?:list|choose|summary|unsorted|list-heading|list-prefix|color)\b[^;&|]*|-l\b[^;&|]*)+$")


class Repaste(Exception):
    """The conversion starts again, with some variables pasted (``names``) or some parameters of recipes as integers."""

    def __init__(self, names: frozenset[str], integers: frozenset[tuple[str, str]] = frozenset()) -> None:
        super().__init__(", ".join(sorted(names)))
        self.names = names
        self.integers = integers


class Failed(Exception):
    """A recipe on the way could not be converted."""

    def __init__(self, recipe: str, problem: Cannot) -> None:
        super().__init__(recipe)
        self.recipe = recipe
        self.problem = problem


class Recipes:
    """The recipes of a justfile. ``named`` holds the variants of each (for other systems), ``entries`` those that people run."""

    def __init__(
        self, justfile: Justfile, settings: Settings, wanted: Sequence[str], pasted: frozenset[str], integers: frozenset[tuple[str, str]]
    ) -> None:
        self.justfile = justfile
        self.settings = settings
        self.notes: list[Problem] = []
        self.passed: set[str] = set()
        self.wanted = tuple(wanted)
        self.aliases = {alias.name: alias.target for alias in justfile.aliases}
        self.named = self._variants(justfile)
        self.entries = [self.target(name) for name in wanted] or [name for name, found in self.named.items() if not found[0].private]
        several = len(self.entries) > 1
        self.choice = ("just_recipe" if "recipe" in {a.name for a in justfile.assignments} else "recipe") if several else ""
        self.variables_step = "just_variables" if "variables" in self.named else "variables"
        prefixes = {name: f"{name}_" if several else "" for name in self.entries}
        taken = {f"{prefix}{p.name}" for name, prefix in prefixes.items() if name in self.named for p in self.named[name][0].parameters}
        self._integers = integers
        self._words: dict[str, Place] = {}
        self.in_workspaces = False
        self.names = Names(justfile, pasted | taken, self.variables_step, settings.shell, conditional=several)
        self._given: dict[str, tuple[list[Given], dict[str, Value]]] = {}
        self._bodies: dict[str, list[Body]] = {}
        self._scopes: dict[str, Scope] = {}

    def _variants(self, justfile: Justfile) -> dict[str, list[Recipe]]:
        named: dict[str, list[Recipe]] = {}
        for recipe in justfile.recipes:
            systems = self.systems(recipe)
            if systems is not None and not systems:
                self.notes.append(Problem(recipe.name, recipe.place, "it is for a system on which workflows do not run", "nothing to do"))
                self.passed.add(recipe.name)
                continue
            others = [r for r in named.get(recipe.name, []) if systems is not None and self.systems(r) not in (None, systems)]
            named[recipe.name] = [*others, recipe]
        return named

    def systems(self, recipe: Recipe) -> set[str] | None:
        """Return the systems that a recipe is for: of linux and macos; None for all."""
        found: set[str] = set()
        asked = False
        for attribute in recipe.attributes:
            if attribute.name in _SYSTEMS or attribute.name in _OTHER_SYSTEMS:
                asked = True
                found |= _SYSTEMS.get(attribute.name, set())
        return found if asked and found != {"linux", "macos"} else None

    def target(self, name: str) -> str:
        """Return the recipe that a name or alias means."""
        return self.aliases.get(name, name)

    def called(self, name: str) -> list[str]:
        """Return the names that a recipe may be chosen by."""
        return [name, *(alias for alias, target in self.aliases.items() if target == name)]

    # What a recipe is given

    def entry(self, name: str) -> Call:
        """Return the call that a person makes; raises ``Cannot``."""
        if name not in self._given:
            chosen = f"params.{self.choice} == '{name}'" if self.choice else ""
            self._given[name] = bind_parameters(self.named[name][0], self.names, f"{name}_" if self.choice else "", chosen, self._integers)
        return Call(self.named[name][0], ())

    def given(self, name: str) -> tuple[Given, ...]:
        """Return the workflow's parameters for a recipe."""
        return tuple(self._given[name][0]) if name in self._given else ()

    def is_entry(self, call: Call) -> bool:
        """Whether a call is one that a person makes."""
        return not call.arguments and call.recipe.name in self.entries

    def scope(self, call: Call) -> Scope:
        """Return what names mean in a recipe that was called so; raises ``Cannot``."""
        key = repr(call.key("body"))
        if key not in self._scopes:
            if self.is_entry(call):
                self.entry(call.recipe.name)
                own = self._given[call.recipe.name][1]
            else:
                own = bind_arguments(call.recipe, call.arguments, self.names)
            self._scopes[key] = Scope(self.names, own)
        return self._scopes[key]

    def dependencies(self, call: Call, after: bool) -> list[Call]:  # noqa: FBT001 - trace.play asks so
        """Return the prior or subsequent recipes of a call; raises ``Cannot``."""
        return [self._dependency(call, found) for found in call.recipe.dependencies if found.after == after]

    def _dependency(self, call: Call, found: Dependency) -> Call:
        name = self.target(found.name)
        if "::" in name:
            raise Cannot(found.place, f"{name!r} is in a module, and modules are not converted", "write its lines into a recipe here")
        if name not in self.named:
            raise Cannot(found.place, f"there is no recipe {name!r} that can be read", "define it, or correct its name")
        values: list[Value] = []
        for argument in found.arguments:
            value = fold(argument, self.scope(call))
            if isinstance(value, Dynamic | Local):
                raise Cannot(argument.place, "an argument that a command gives is not converted", "make it a variable: name := …")
            values.append(value)
        return Call(self.named[name][0], tuple(values))

    def check_circle(self, name: str) -> None:
        """Raise ``Cannot`` when a recipe depends on itself."""
        open_: list[str] = []
        done: set[str] = set()

        def visit(one: str) -> None:
            if one in open_:
                circle = " → ".join([*open_[open_.index(one) :], one])
                raise Cannot(self.named[name][0].place, f"its dependencies go in a circle: {circle}", "remove one of them")
            if len(open_) > _MAX_DEPTH:
                raise Cannot(self.named[name][0].place, f"its dependencies are more than {_MAX_DEPTH} deep", "shorten the chain")
            if one in done or one not in self.named:
                return
            open_.append(one)
            for found in self.named[one][0].dependencies:
                visit(self.target(found.name))
            open_.pop()
            done.add(one)

        visit(name)

    # What a recipe has

    def has_steps(self, call: Call, kind: str) -> bool:
        """Whether a call has a body, a question in front of it, or something to be checked before."""
        recipe = call.recipe
        if kind == "gate":
            return recipe.attribute("confirm") is not None
        if kind == "arguments":
            return bool(self.wanting(call))
        return any(any(line.parts for line in one.body) and not self.only_lists(one) for one in self.named[recipe.name])

    def wanting(self, call: Call) -> list[str]:
        """Return the expressions that have to hold before a recipe is run."""
        found = []
        if self.is_entry(call) and self.choice:
            for given in self.given(call.recipe.name):
                if given.asked:
                    where = f"params['{given.name}']" if "-" in given.name else f"params.{given.name}"
                    found.append(f"size({where}) > 0" if given.parameter.kind else f"{where} != null")
        systems = [self.systems(one) for one in self.named[call.recipe.name]]
        every = set[str]().union(*(one or {"linux", "macos"} for one in systems))
        if every != {"linux", "macos"}:
            found.append(self.system(every))
        return found

    def system(self, systems: set[str]) -> str:
        """Return the expression that tells whether a run is on one of some systems."""
        empty: dict[str, Value] = {}
        place = self.justfile.recipes[0].place
        found = self.names.compute(Computed("just_os", Function("os", (), place), empty), "os")
        return " || ".join(f"{found.source} == '{system}'" for system in sorted(systems))

    def only_lists(self, recipe: Recipe) -> bool:
        """Whether all that a recipe does is to show the recipes."""
        lines = [line for line in recipe.body if line.parts]
        text = "".join(part.text if hasattr(part, "text") else "" for part in lines[0].parts) if len(lines) == 1 else ""
        return bool(text) and _ONLY_LIST.match(text.strip()) is not None

    def note_empty(self, name: str) -> None:
        """Tell about a recipe that has no steps."""
        recipe = self.named[name][0]
        self.passed.add(name)
        if self.only_lists(recipe):
            hint = "`workflow run --help` lists the parameters, and with them the recipes"
            self.notes.append(Problem(name, recipe.place, "it only lists the recipes, so it has no step", hint))
        else:
            self.notes.append(Problem(name, recipe.place, "it does nothing, so it has no step", "nothing to do"))

    def repaste(self, problem: Cannot, call: Call) -> None:
        """Raise ``Repaste`` when a problem is about variables that need not be parameters, or a parameter that can be an integer."""
        names = problem.names & self.names.parameters.keys()
        if names:
            raise Repaste(frozenset(names))
        recipe = call.recipe
        for given in self.given(recipe.name) if problem.number and self.is_entry(call) else ():
            one = (recipe.name, given.parameter.name)
            if given.parameter.name in problem.names and _INTEGER.fullmatch(given.default or "") and one not in self._integers:
                raise Repaste(frozenset(), frozenset({one}))

    # Its script

    def filled(self, name: str) -> list[Recipe]:
        """Return the variants of a recipe that have a body."""
        return [one for one in self.named[name] if any(line.parts for line in one.body)]

    def note(self, problem: Problem) -> None:
        """Tell about a difference, once."""
        if problem not in self.notes:
            self.notes.append(problem)

    def note_words(self) -> None:
        """Tell once which values just would have read as program text."""
        if self._words:
            reason = f"outside quotes a value is one word here, and never program text: {', '.join(self._words)}"
            hint = "nothing to do, unless somebody gave several words or shell syntax in one argument"
            self.note(Problem("", next(iter(self._words.values())), reason, hint))

    def known(self, expression: object, what: str) -> str:
        """Return the text of an expression that has to be known; raises ``Cannot``."""
        from ropeway.lang.dialects.justfile import syntax

        assert isinstance(expression, syntax.Expression)
        value = fold(expression, Scope(self.names, {}))
        if isinstance(value, Cel) and value.names & self.names.parameters.keys():
            raise Repaste(frozenset(value.names & self.names.parameters.keys()))
        if not isinstance(value, Const):
            raise Cannot(expression.place, f"what {what} is given is not known", "write it down")
        return value.text

    def check(self, call: Call) -> None:
        """Raise ``Cannot`` for attributes that are not converted, and tell about those that mean less here."""
        for variant in self.named[call.recipe.name]:
            for attribute in variant.attributes:
                if attribute.name == "cache":
                    self.note(Problem(variant.name, attribute.place, "[cache]: it runs each time", "nothing to do"))
                elif attribute.name == "continue":
                    raise Cannot(attribute.place, "[continue] is not converted: a signal ends a step", "trap the signal in the script")
                elif attribute.name == "arg" and {"value", "multiple"} & attribute.options.keys():
                    raise Cannot(attribute.place, "an option that is a flag or is repeated is not converted", "make it a plain parameter")
                elif attribute.name == "no-cd":
                    hint = "start the workflow in the folder that it is about"
                    self.note(Problem(variant.name, attribute.place, "[no-cd]: it runs in the run's folder, as every step does", hint))
