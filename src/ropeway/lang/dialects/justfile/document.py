"""Writes the workflow that a justfile became."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile import write
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ropeway.lang.dialects.justfile.contents import Contents
    from ropeway.lang.dialects.justfile.parameters import Given
    from ropeway.lang.dialects.justfile.settings import Settings
    from ropeway.lang.dialects.justfile.syntax import Problem, Recipe
    from ropeway.lang.dialects.justfile.trace import Key, Node

__all__ = ["Document"]

_SLUG = re.compile(r"[^A-Za-z0-9]+")


@record(frozen=False)
class _Step:
    """One step: the lines of its table, and the recipes that it is run for."""

    id: str
    lines: list[str]
    recipe: Recipe | None = None
    entries: list[str] = field(default_factory=list)


class Document:
    """The text of a workflow.

    Args:
        workflow_id: Its id.
        recipes: The recipes and their names.
        settings: Those of the justfile.
        nodes: The steps to be, in order.
        done: The recipes that can be run.
        problems: What was not converted: each stands as a comment at its place.
    """

    def __init__(
        self,
        workflow_id: str,
        recipes: Contents,
        settings: Settings,
        nodes: Sequence[Node],
        done: Sequence[str],
        problems: Sequence[Problem],
    ) -> None:
        self._id = workflow_id
        self._recipes = recipes
        self._settings = settings
        self._nodes = nodes
        self._done = list(done)
        self._problems = problems
        self._steps: list[_Step] = []
        self._ids: dict[Key, list[str]] = {}
        self._before: dict[Key, frozenset[Key]] = {}
        self._explicit = any(n.key[2] == "gate" for n in nodes) or any(n.call.recipe.attribute("parallel") for n in nodes)

    def text(self) -> str:
        """Return it; raises ``Cannot`` when the step that computes variables can not be written."""
        self._name_steps()
        for node in self._nodes:
            self._steps += self._made(node)
        variables = self._variables()
        parts = [self._head(), *self._parameters(), self._policy(), *variables]
        waiting = [problem for problem in self._problems if problem.recipe]
        for step in self._steps:
            if step.recipe is not None:
                before = [p for p in waiting if self._line(p) < step.recipe.place.line and p.place.file == step.recipe.place.file]
                waiting = [p for p in waiting if p not in before]
                parts += self._left_out(before)
            parts.append("\n".join(step.lines))
        return "\n\n".join(part for part in [*parts, *self._left_out(waiting)] if part) + "\n"

    def steps_of(self) -> Iterator[tuple[Recipe, tuple[str, ...]]]:
        """Yield the recipes that were converted, with their steps."""
        made: dict[str, list[str]] = {}
        for node in self._nodes:
            made.setdefault(node.call.recipe.name, []).extend(self._ids[node.key])
        for name, variants in self._recipes.named.items():
            if name in made or name in self._done:
                yield variants[0], tuple(made.get(name, ()))

    # Names

    def _name_steps(self) -> None:
        used = {self._recipes.variables_step}
        for node in self._nodes:
            name = node.key[0]
            if node.call.arguments:
                values = "-".join(_SLUG.sub("-", str(getattr(v, "text", getattr(v, "source", "")))).strip("-") for v in node.call.arguments)
                name = f"{name}-{values}"[:60].rstrip("-")
            if node.key[2] != "body":
                name += {"gate": "-confirm", "arguments": "-check"}[node.key[2]]
                self._ids[node.key] = [_unused(name, used)]
                continue
            variants = self._recipes.filled(node.key[0])
            endings = ["" if len(variants) == 1 else "-" + "-".join(sorted(self._recipes.systems(one) or ())) for one in variants]
            self._ids[node.key] = [_unused(name + ending, used) for ending in endings]

    def _edges(self, node: Node) -> list[Key]:
        return [*node.needs, *node.after] if self._explicit else node.needs

    def _needs(self, node: Node) -> list[str]:
        """Return the steps that a step needs, without those that one of them needs itself."""
        if not self._before:
            for one in self._nodes:  # what a node needs stands before it
                edges = self._edges(one)
                self._before[one.key] = frozenset(edges).union(*(self._before[key] for key in edges))
        keys = set(self._edges(node))
        kept = keys - {early for key in keys for early in self._before[key]}
        return [name for one in self._nodes if one.key in kept for name in self._ids[one.key]]

    # Parts

    def _head(self) -> str:
        files = list(dict.fromkeys(recipe.place.file for recipe in self._recipes.justfile.recipes))
        lines = [f"Made from {', '.join(files[:3])} by `workflow import justfile`."]
        if self._recipes.choice:
            lines.append(f"`workflow run --param {self._recipes.choice}=NAME` does what `just NAME` did.")
        top = [f"{p.place.file}:{p.place.line}:{p.place.column}: {p.reason} ({p.hint})" for p in self._problems if not p.recipe]
        if top:
            lines += ["", "Not converted:", *top]
        head = "\n".join(write.comment(lines))
        return f"{head}\n\nid = {write.string(self._id)}\ndescription = {write.string(f'The recipes of {files[0]}.')}"

    def _parameters(self) -> list[str]:
        recipes = self._recipes
        made = []
        if recipes.choice:
            names = [called for name in self._done for called in recipes.called(name)]
            lines = [f"[parameters.{recipes.choice}]", 'type = "choice"', f"choices = {write.array(names)}"]
            default = self._default()
            lines += [f"default = {write.string(default)}"] if default else []
            made.append("\n".join([*lines, 'description = "The recipe to run"']))
        for name in self._done:
            made += [_parameter(given, name if recipes.choice else "") for given in recipes.given(name)]
        for name, (default, assignment) in recipes.names.parameters.items():
            lines = [f"[parameters.{write.key(name)}]", f"default = {write.string(default)}"]
            lines += [f"description = {write.string(assignment.doc)}"] if assignment.doc else []
            made.append("\n".join(lines))
        return made

    def _default(self) -> str:
        """Return the recipe that is run when none is named."""
        recipes = self._recipes
        marked = next((r.name for r in recipes.justfile.recipes if r.attribute("default") is not None), None)
        first = marked or next((r.name for r in recipes.justfile.recipes if r.place.file == recipes.justfile.file), "")
        return first if first in self._done and not any(given.asked for given in recipes.given(first)) else ""

    def _policy(self) -> str:
        lines = ["[policy]"]
        if self._recipes.in_workspaces:
            lines.append("# The recipes use AGENT_WORKSPACE_… or AGENT_TOOL…: each run gets a working copy of its own, which sets these.")
        else:
            lines.append("# just works in place; without this line a run gets a working copy of its own.")
            lines.append('workspace = { backend = "none" }')
        widest = max((len(n.call.recipe.dependencies) for n in self._nodes if n.call.recipe.attribute("parallel")), default=0)
        if widest > 1:
            lines.append(f"max_parallel = {widest}")
        if self._settings.env_file:
            lines.append(f"env_file = {write.string(self._settings.env_file)}")
        return "\n".join(lines) if lines[1:] else ""

    def _variables(self) -> list[str]:
        """Return the step that finds out what only a shell can tell."""
        recipes = self._recipes
        if not recipes.names.computed:
            return []
        shell = recipes.settings.shell
        script = recipes.names.script()
        step = shell.step if shell.native else "sh"
        reading = {entry for one in self._steps for entry in one.entries if f"steps.{recipes.variables_step}" in "\n".join(one.lines)}
        lines = ["# What the recipes use and only a shell can tell.", f"[steps.{recipes.variables_step}]"]
        lines += self._when(reading, "")
        env = {name: write.string(value) for name, value in recipes.exported().items()}
        lines += [
            f"shell = {write.string(str(step))}",
            "pure = true",
            *([f"env = {write.table(env)}"] if env else []),
            f"run = {write.script(_joined(script.lines))}",
        ]
        lines += [f'outputs.{write.key(name)} = {{ type = "string" }}' for name in script.outputs]
        return ["\n".join(lines)]

    def _when(self, entries: set[str] | Sequence[str], system: str) -> list[str]:
        parts = []
        if self._recipes.choice and set(entries) != set(self._done):
            names = [called for name in self._done if name in entries for called in self._recipes.called(name)]
            choice = f"params.{self._recipes.choice}"
            parts.append(f"{choice} == '{names[0]}'" if len(names) == 1 else f"{choice} in [{', '.join(f'{n!r}' for n in names)}]")
        if system:
            parts.append(f"({system})" if parts and "||" in system else system)
        return [f"when = {write.string(' && '.join(parts))}"] if parts else []

    def _made(self, node: Node) -> list[_Step]:
        recipes, recipe = self._recipes, node.call.recipe
        ids = self._ids[node.key]
        if node.key[2] == "gate":
            inputs = write.table({"prompt": write.string(recipes.prompt(node.call))})
            return [self._step(node, ids[0], ['uses = "gate:approve"', f"inputs = {inputs}"], recipe)]
        if node.key[2] == "arguments":
            return [self._step(node, ids[0], self._check(node), recipe)]
        made = []
        variants = recipes.filled(recipe.name)
        for one, name, body in zip(variants, ids, recipes.bodies(node.call), strict=True):
            lines = [f"shell = {write.string(body.shell) if isinstance(body.shell, str) else write.array(body.shell)}"]
            folder = recipes.folder(one)
            lines += [f"workspace = {write.string(folder)}"] if folder else []
            environment = {key: write.string(value) for key, value in recipes.environment(one, node.call).items()}
            lines += [f"env = {write.table(environment)}"] if environment else []
            lines += ["interactive = true"] if recipes.interactive(body) else []
            lines.append(f"run = {write.script(body.text)}")
            systems = recipes.systems(one) if len(variants) > 1 else None
            made.append(self._step(node, name, lines, one, recipes.system(systems) if systems else ""))
        return made

    def _check(self, node: Node) -> list[str]:
        recipes, recipe = self._recipes, node.call.recipe
        asked = [given.name for given in recipes.given(recipe.name) if given.asked] if recipes.choice else []
        message = (
            f"{recipe.name} is given {' and '.join(f'--param {name}=…' for name in asked)}"
            if asked
            else f"{recipe.name} is for this system"
        )
        that = " && ".join(f"({one})" if "||" in one else one for one in recipes.wanting(node.call))
        inputs = write.table({"that": write.string(f"${{{{ {that} }}}}"), "message": write.string(message)})
        return ['uses = "builtin:assert"', f"inputs = {inputs}"]

    def _step(self, node: Node, name: str, lines: list[str], recipe: Recipe, system: str = "") -> _Step:
        head = [f"[steps.{name}]"]
        about = self._recipes.description(recipe) if node.key[2] == "body" else ""
        head += [f"description = {write.string(about)}"] if about else []
        needs = self._needs(node)
        when = self._when(node.entries, system)
        if f"steps.{self._recipes.variables_step}." in "\n".join([*lines, *when]):
            needs = [self._recipes.variables_step, *needs]
        head += [f"needs = {write.array(needs)}"] if needs else []
        return _Step(name, [*head, *when, *lines], recipe if node.key[2] == "body" else None, list(node.entries))

    def _line(self, problem: Problem) -> int:
        named = self._recipes.named.get(problem.recipe)
        return named[0].place.line if named else problem.place.line

    def _left_out(self, problems: Sequence[Problem]) -> list[str]:
        """Return comments in place of recipes that were not converted."""
        made = []
        for problem in problems:
            place = problem.place
            lines = [
                f"Not converted: {problem.recipe}",
                f"{place.file}:{place.line}:{place.column}: {problem.reason}",
                f"To do: {problem.hint}",
            ]
            recipe = next((r for r in self._recipes.justfile.recipes if r.name == problem.recipe), None)
            lines += ["", *(f"    {line}" for line in recipe.source.split("\n"))] if recipe is not None else []
            made.append("\n".join(write.comment(lines)))
        return made


def _unused(name: str, used: set[str]) -> str:
    made, number = name, 2
    while made in used:
        made, number = f"{name}-{number}", number + 1
    used.add(made)
    return made


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _parameter(given: Given, recipe: str) -> str:
    lines = [f"[parameters.{write.key(given.name)}]"]
    if given.parameter.kind:
        lines.append('type = "list"')
    elif given.integer:
        lines.append('type = "integer"')
    if given.default is not None:
        items = write.array([given.default] if given.default else []) if given.parameter.kind else given.default
        items = items if given.parameter.kind or given.integer else write.string(given.default)
        lines.append(f"default = {items}")
    elif not given.required:
        lines.append("required = false")
    if given.pattern:
        lines.append(f"pattern = {write.string(given.pattern)}")
    about = given.description or (f"For {recipe}" if recipe else "")
    lines += [f"description = {write.string(about)}"] if about else []
    return "\n".join(lines)
