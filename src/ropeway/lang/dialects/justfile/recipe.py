"""What becomes of single recipes: their values, scripts, and what their attributes ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.bodies import Ground, convert_body
from ropeway.lang.dialects.justfile.names import Computed, Names, Scope, index
from ropeway.lang.dialects.justfile.parameters import bind_arguments, bind_parameters
from ropeway.lang.dialects.justfile.shells import script_shell
from ropeway.lang.dialects.justfile.syntax import Call as Function
from ropeway.lang.dialects.justfile.syntax import Problem, Text
from ropeway.lang.dialects.justfile.trace import Call
from ropeway.lang.dialects.justfile.values import Cannot, Cel, Const, Dynamic, Local, fold, source
from ropeway.lang.expressions import BOOLEAN, INTEGER, STRING
from ropeway.lang.formats import ENV_NAME, fits
from ropeway.lang.scripts import compile_script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.lang.dialects.justfile.bodies import Body
    from ropeway.lang.dialects.justfile.parameters import Given
    from ropeway.lang.dialects.justfile.settings import Settings
    from ropeway.lang.dialects.justfile.shells import Shell
    from ropeway.lang.dialects.justfile.syntax import Dependency, Justfile, Place, Recipe
    from ropeway.lang.dialects.justfile.values import Value
    from ropeway.lang.expressions import Type

__all__ = ["Recipes", "Repaste"]

_SYSTEMS = {"linux": {"linux"}, "macos": {"macos"}, "unix": {"linux", "macos"}}
_OTHER_SYSTEMS = frozenset({"windows", "android", "dragonfly", "freebsd", "netbsd", "openbsd"})
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_ONLY_LIST = re.compile(r"@?(?:just|)\s*(?:--(?:list|choose|summary|unsorted|list-heading|list-prefix|color)\b[^;&|]*|-l\b[^;&|]*)+$")
_WORKSPACES = re.compile(r"\bagent-workspace(?:\.sh)?\s+(?:run|shell|status|sync-tools|clean)\b")
_INTERACTIVE = re.compile(
    r"(?:^|&&|\|\||;|then|do)\s*(?:exec\s+)?(?:\"?\$\{?(?:EDITOR|VISUAL|SHELL|PAGER)\b|(?:vim|vi|nvim|nano|emacs\s+-nw|less|more|top|htop|fzf|tmux|gdb)\b"
    r"|\S*agent-workspace(?:\.sh)?\s+shell\b|workflow\s+(?:workspace\s+)?shell\b|read\b(?!.*<)|(?:docker|podman|kubectl)\s[^;&|]*\s-(?:it|ti)\b|(?:bash|sh|zsh|fish)\s*(?:-[il]+\s*)?$|nix\s+develop\s*$|direnv\s+exec\s+\S+\s+\S*sh$)",
    re.MULTILINE,
)


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

    Failed = Failed

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

        def visit(one: str, depth: int) -> None:
            if one in open_ or depth > 200:
                raise Cannot(
                    self.named[name][0].place, f"its dependencies go in a circle: {' → '.join([*open_, one])}", "remove one of them"
                )
            open_.append(one)
            for found in self.named[one][0].dependencies if one in self.named else ():
                visit(self.target(found.name), depth + 1)
            open_.pop()

        visit(name, 0)

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

    def prepare(self, call: Call, kind: str) -> None:
        """Find out all that a step holds; raises ``Failed`` when something in it is not converted."""
        try:
            if kind == "gate":
                self.prompt(call)
            elif kind == "body":
                for one in self.filled(call.recipe.name):
                    self.environment(one, call)
                    self.folder(one)
                self.bodies(call)
        except Cannot as problem:
            self.repaste(problem, call)
            raise Failed(call.recipe.name, problem) from None

    def filled(self, name: str) -> list[Recipe]:
        """Return the variants of a recipe that have a body."""
        return [one for one in self.named[name] if any(line.parts for line in one.body)]

    def bodies(self, call: Call) -> list[Body]:
        """Return the scripts of a call, one for each variant that has a body; raises ``Cannot``."""
        key = repr(call.key("body"))
        if key not in self._bodies:
            self._bodies[key] = [self._body(one, call) for one in self.filled(call.recipe.name)]
        return self._bodies[key]

    def _body(self, recipe: Recipe, call: Call) -> Body:
        scope, settings = self.scope(call), self.settings
        positional = settings.positional or recipe.attribute("positional-arguments") is not None
        values = tuple(scope[parameter.name] for parameter in call.recipe.parameters)
        ground = Ground(
            scope,
            recipe.place.file,
            settings.shell,
            self._script(recipe),
            values if positional else None,
            settings.guards,
            settings.ignore_comments,
            tuple(self.justfile.unexports),
        )
        body = convert_body(recipe, ground)
        if not body.text.strip():
            body.lines = [":"]
        self._check_script(recipe, body)
        if self.is_entry(call):
            for parameter in call.recipe.parameters:
                for expression, place in body.words.items():
                    value = scope[parameter.name]
                    if isinstance(value, Cel) and value.source == expression:
                        self._words.setdefault(f"{parameter.name} of {recipe.name}", place)
        text = body.text
        if re.search(r"\$\{?(?:0\b|BASH_SOURCE)", text):
            self._note(
                Problem(
                    recipe.name, recipe.place, "$0 and BASH_SOURCE are other names in a step", "use $PWD, or a path that is written down"
                )
            )
        if re.search(r"(?<![&|<>])&(?![&>])\s*(?:$|\)|#)", text, re.MULTILINE):
            hint = "start it with a service manager, or keep the run going with wait"
            self._note(Problem(recipe.name, recipe.place, "what it leaves running in the background ends with the run", hint))
        if re.search(r"\bAGENT_(?:WORKSPACE|TOOLS?)_", text):
            self.in_workspaces = True
        if _WORKSPACES.search(text):
            hint = "leave it away: a run has a working copy; elsewhere `workflow workspace` has the same verbs"
            self._note(Problem(recipe.name, recipe.place, "its script makes workspaces by itself", hint))
        if self._calls_just(body):
            hint = "make it a dependency and import again, or leave it: it works as long as just is installed"
            self._note(Problem(recipe.name, recipe.place, "its script calls just itself", hint))
        return body

    def _note(self, problem: Problem) -> None:
        if problem not in self.notes:
            self.notes.append(problem)

    def note_words(self) -> None:
        """Tell once which values just would have read as program text."""
        if self._words:
            reason = f"outside quotes a value is one word here, and never program text: {', '.join(self._words)}"
            hint = "nothing to do, unless somebody gave several words or shell syntax in one argument"
            self._note(Problem("", next(iter(self._words.values())), reason, hint))

    @staticmethod
    def _calls_just(body: Body) -> bool:
        return any(re.search(r"(?:^|[;&|(]\s*|\bdo\s+|\bthen\s+)just\s", line.strip()) for line in body.lines)

    def _script(self, recipe: Recipe) -> Shell | None:
        """Return what runs a recipe that is one script; None for lines."""
        attribute = recipe.attribute("script")
        if attribute is not None:
            if not attribute.arguments:
                return self.settings.script
            return script_shell([self.known(argument, "[script]") for argument in attribute.arguments])
        first = recipe.body[0].text if recipe.body else ""
        if not first.startswith("#!"):
            return self.settings.script if self.settings.default_script and recipe.attribute("shell") is None else None
        if len(recipe.body[0].parts) > 1:
            raise Cannot(recipe.body[0].place, "a shebang line with an interpolation is not converted", "write the program down")
        words = first[2:].split()
        if not words:
            raise Cannot(recipe.body[0].place, "the shebang line names no program", "name one")
        return script_shell(words)

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

    def _check_script(self, recipe: Recipe, body: Body) -> None:
        """Raise ``Cannot`` where our language refuses an expression in the script, or ``Repaste`` where pasting helps."""
        compiled = compile_script(body.text, body.shell if isinstance(body.shell, str) else "other", self._type_of)
        for problem in compiled.problems:
            use = next((body.uses.get(use.source) for use in compiled.uses if use.offset == problem.offset), None)
            place = use.place if use is not None else recipe.place
            every = frozenset[str]().union(*(one.names for one in body.uses.values()))
            number = problem.code == "RW304"
            raise Cannot(place, problem.message, problem.hint or "write the line in another way", every, number=number)

    def check(self, call: Call) -> None:
        """Raise ``Cannot`` for attributes that are not converted, and tell about those that mean less here."""
        for variant in self.named[call.recipe.name]:
            for attribute in variant.attributes:
                if attribute.name == "cache":
                    self._note(Problem(variant.name, attribute.place, "[cache]: it runs each time", "nothing to do"))
                elif attribute.name == "continue":
                    raise Cannot(attribute.place, "[continue] is not converted: a signal ends a step", "trap the signal in the script")
                elif attribute.name == "arg" and {"value", "multiple"} & attribute.options.keys():
                    raise Cannot(attribute.place, "an option that is a flag or is repeated is not converted", "make it a plain parameter")
                elif attribute.name == "no-cd":
                    hint = "start the workflow in the folder that it is about"
                    self._note(Problem(variant.name, attribute.place, "[no-cd]: it runs in the run's folder, as every step does", hint))

    def _type_of(self, expression: str) -> Type:
        integers = {
            index("params", g.name) for recipe, parameter in self._integers for g in self.given(recipe) if g.parameter.name == parameter
        }
        if expression.startswith("size(") or expression in integers:
            return INTEGER
        return BOOLEAN if re.search(r" (?:==|!=|&&|\|\|) |^!?matches\(", expression) and not expression.startswith("(") else STRING

    def interactive(self, body: Body) -> bool:
        """Whether a script talks with a person."""
        return _INTERACTIVE.search("\n".join(line.lstrip("( ") for line in body.lines)) is not None

    def folder(self, recipe: Recipe) -> str:
        """Return the folder that a recipe runs in, relative to the run's; empty for that one."""
        if recipe.attribute("no-cd") is not None or (self.settings.no_cd and recipe.attribute("working-directory") is None):
            return ""
        attribute = recipe.attribute("working-directory")
        own = self.known(attribute.arguments[0], "[working-directory]") if attribute and attribute.arguments else ""
        both = f"{self.settings.folder}/{own}" if self.settings.folder and own and not own.startswith("/") else own or self.settings.folder
        return "" if both == "." else both.replace("${{", "$${{")

    def exported(self) -> dict[str, str]:
        """Return the exported variables that are known before a command ran, as templates."""
        found = {}
        for name, assignment in self.names.assignments.items():
            if (assignment.export or self.settings.export) and name not in self.justfile.unexports and fits(name, ENV_NAME):
                try:
                    value = Scope(self.names, {})[name]
                except Cannot:  # told where a recipe is given it
                    continue
                if isinstance(value, Const) or (isinstance(value, Cel) and f"steps.{self.variables_step}" not in value.source):
                    found[name] = _template(value, self.justfile.recipes[0])
        return found

    def environment(self, recipe: Recipe, call: Call) -> dict[str, str]:
        """Return the variables that a recipe's commands see, as templates; raises ``Cannot``."""
        found: dict[str, Value] = {}
        scope = self.scope(call)
        for name, assignment in self.names.assignments.items():
            if (assignment.export or self.settings.export) and name not in self.justfile.unexports:
                found[name] = Scope(self.names, {})[name]
        for parameter in call.recipe.parameters:
            if parameter.export or self.settings.export:
                found[parameter.name] = scope[parameter.name]
        for attribute in recipe.attributes:
            if attribute.name == "env" and len(attribute.arguments) == 2:
                found[self.known(attribute.arguments[0], "[env]")] = fold(attribute.arguments[1], scope)
        for name in [name for name in found if not fits(name, ENV_NAME)]:
            del found[name]
            hint = "rename it, if a program reads it from the environment"
            self._note(Problem(recipe.name, recipe.place, f"{name!r} is no name of an environment variable, so it is not exported", hint))
        return {name: _template(value, recipe) for name, value in found.items()}

    def prompt(self, call: Call) -> str:
        """Return the question in front of a recipe, as a template."""
        attribute = call.recipe.attribute("confirm")
        if attribute is None or not attribute.arguments:
            return f"Run recipe `{call.recipe.name}`?"
        return _template(fold(attribute.arguments[0], self.scope(call)), call.recipe)

    def description(self, recipe: Recipe) -> str:
        """Return what a recipe is for."""
        attribute = recipe.attribute("doc")
        if attribute is None:
            return recipe.doc
        first = attribute.arguments[0] if attribute.arguments else None
        return first.value if isinstance(first, Text) else ""


def _template(value: Value, recipe: Recipe) -> str:
    if isinstance(value, Const):
        return value.text.replace("${{", "$${{")
    if not isinstance(value, Cel):
        raise Cannot(recipe.place, "a value that a command gives is not converted here", "make it a variable: name := …")
    return f"${{{{ {source(value)} }}}}"
