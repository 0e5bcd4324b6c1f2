"""What the steps of recipes hold: scripts, and what their attributes ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.bodies import convert_body
from ropeway.lang.dialects.justfile.ground import Ground
from ropeway.lang.dialects.justfile.names import Scope, index
from ropeway.lang.dialects.justfile.recipe import Failed, Recipes
from ropeway.lang.dialects.justfile.shells import script_shell
from ropeway.lang.dialects.justfile.syntax import Problem, Text
from ropeway.lang.dialects.justfile.values import Cannot, Cel, Const, fold, source
from ropeway.lang.expressions import BOOLEAN, INTEGER, STRING
from ropeway.lang.formats import ENV_NAME, fits
from ropeway.lang.scripts import compile_script

if TYPE_CHECKING:
    from ropeway.lang.dialects.justfile.ground import Body
    from ropeway.lang.dialects.justfile.shells import Shell
    from ropeway.lang.dialects.justfile.syntax import Recipe
    from ropeway.lang.dialects.justfile.trace import Call
    from ropeway.lang.dialects.justfile.values import Value
    from ropeway.lang.expressions import Type

__all__ = ["Contents"]

_WORKSPACES = re.compile(r"\bagent-workspace(?:\.sh)?\s+(?:run|shell|status|sync-tools|clean)\b")
_INTERACTIVE = re.compile(
    r"(?:^|&&|\|\||;|then|do)\s*(?:exec\s+)?(?:\"?\$\{?(?:EDITOR|VISUAL|SHELL|PAGER)\b|(?:vim|vi|nvim|nano|emacs\s+-nw|less|more|top|htop|fzf|tmux|gdb)\b"
    r"|\S*agent-workspace(?:\.sh)?\s+shell\b|workflow\s+(?:workspace\s+)?shell\b|read\b(?!.*<)|(?:docker|podman|kubectl)\s[^;&|]*\s-(?:it|ti)\b|(?:bash|sh|zsh|fish)\s*(?:-[il]+\s*)?$|nix\s+develop\s*$|direnv\s+exec\s+\S+\s+\S*sh$)",
    re.MULTILINE,
)


class Contents(Recipes):
    """The recipes of a justfile with what their steps hold."""

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
            self.note(
                Problem(
                    recipe.name, recipe.place, "$0 and BASH_SOURCE are other names in a step", "use $PWD, or a path that is written down"
                )
            )
        if re.search(r"(?<![&|<>])&(?![&>])\s*(?:$|\)|#)", text, re.MULTILINE):
            hint = "start it with a service manager, or keep the run going with wait"
            self.note(Problem(recipe.name, recipe.place, "what it leaves running in the background ends with the run", hint))
        if re.search(r"\bAGENT_(?:WORKSPACE|TOOLS?)_", text):
            self.in_workspaces = True
        if _WORKSPACES.search(text):
            hint = "leave it away: a run has a working copy; elsewhere `workflow workspace` has the same verbs"
            self.note(Problem(recipe.name, recipe.place, "its script makes workspaces by itself", hint))
        if self._calls_just(body):
            hint = "make it a dependency and import again, or leave it: it works as long as just is installed"
            self.note(Problem(recipe.name, recipe.place, "its script calls just itself", hint))
        return body

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

    def _check_script(self, recipe: Recipe, body: Body) -> None:
        """Raise ``Cannot`` where our language refuses an expression in the script, or ``Repaste`` where pasting helps."""
        compiled = compile_script(body.text, body.shell if isinstance(body.shell, str) else "other", self._type_of)
        for problem in compiled.problems:
            use = next((body.uses.get(use.source) for use in compiled.uses if use.offset == problem.offset), None)
            place = use.place if use is not None else recipe.place
            every = frozenset[str]().union(*(one.names for one in body.uses.values()))
            number = problem.code == "RW304"
            raise Cannot(place, problem.message, problem.hint or "write the line in another way", every, number=number)

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
            self.note(Problem(recipe.name, recipe.place, f"{name!r} is no name of an environment variable, so it is not exported", hint))
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
