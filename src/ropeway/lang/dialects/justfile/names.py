"""What the names of a justfile stand for: variables that become parameters, that are pasted, or that a step computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.commands import Commands
from ropeway.lang.dialects.justfile.shells import differences
from ropeway.lang.dialects.justfile.syntax import Backtick, Binary, Call, Choose, Name, Text
from ropeway.lang.dialects.justfile.values import PLAIN, Cannot, Cel, Const, Dynamic, Local, fold, texts_in
from ropeway.lang.formats import ENV_NAME, fits
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.lang.dialects.justfile.shells import Shell
    from ropeway.lang.dialects.justfile.syntax import Assignment, Expression, Justfile, Place
    from ropeway.lang.dialects.justfile.values import Value

__all__ = ["Computed", "Names", "Scope", "index"]


def index(base: str, name: str) -> str:
    """Return an expression for a member: ``params.name``, or ``params['my-name']``."""
    return f"{base}.{name}" if name.replace("_", "a").isalnum() else f"{base}['{name}']"


@record
class Computed:
    """A value that the step ``variables`` finds out, when the expression ``needed`` holds (empty: always)."""

    output: str
    expression: Expression
    scope: Mapping[str, Value]
    needed: str = ""


class Scope(Mapping[str, "Value"]):
    """Names whose values are found when they are looked up; names of a recipe hide those of the file."""

    def __init__(self, names: Names, own: Mapping[str, Value], *, inside: bool = False) -> None:
        self._names = names
        self._own = own
        self._inside = inside

    def __getitem__(self, name: str) -> Value:
        if name in self._own:
            return self._own[name]
        return self._names.value(name, inside=self._inside)

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._names.assignments

    def __iter__(self) -> Iterator[str]:
        yield from self._own

    def __len__(self) -> int:
        return len(self._own)


class Names:
    """The variables of a justfile.

    Args:
        justfile: The file.
        pasted: Variables that may not become parameters.
        step: The name of the step that computes.
        shell: What runs the justfile's commands.
        conditional: Whether that step may be skipped.
    """

    def __init__(self, justfile: Justfile, pasted: frozenset[str], step: str, shell: Shell, *, conditional: bool) -> None:
        self._file = justfile.file
        self._export = justfile.on("export")
        self._shell = shell
        self.assignments: dict[str, Assignment] = {found.name: found for found in justfile.assignments}
        self.parameters: dict[str, tuple[str, Assignment]] = {}
        self.computed: dict[str, Computed] = {}
        self.several: dict[str, Place] = {}
        self._pasted = pasted
        self._step = step
        self._conditional = conditional
        self._open: list[str] = []
        self._known: dict[tuple[str, bool], Value] = {}

    def value(self, name: str, *, inside: bool) -> Value:
        """Return what a variable stands for; ``inside`` the step that computes, it is a variable of its script."""
        known = self._known.get((name, inside))
        if known is None:
            known = self._known[name, inside] = self._find(self.assignments[name], inside=inside)
        return known

    def _find(self, found: Assignment, *, inside: bool) -> Value:
        name = found.name
        if name in self._open:
            raise Cannot(found.place, f"the variable {name!r} is made of itself", "remove the circle")
        self._open.append(name)
        try:
            value = fold(found.value, Scope(self, {}, inside=inside))
        finally:
            self._open.remove(name)
        if isinstance(value, Dynamic):
            return (
                Local(self.local(name), texts_in(found.value, Scope(self, {})))
                if inside
                else self.compute(Computed(name, found.value, Scope(self, {}, inside=True)), name)
            )
        if isinstance(value, Const) and not found.private and isinstance(found.value, Text) and name not in self._pasted:
            if not PLAIN.fullmatch(value.text):
                self.several[name] = found.place
                return value
            self.parameters.setdefault(name, (value.text, found))
            return Cel(index("params", name), value.text, frozenset({name}))
        return value

    def local(self, name: str) -> str:
        """Return the variable of the script that holds a variable of the justfile."""
        return "just_" + name.replace("-", "_")

    def compute(self, wanted: Computed, name: str) -> Cel:
        """Have a value computed before the recipes run, and return how it is read."""
        for used in _names(wanted.expression):
            if used in self.assignments and used not in set(wanted.scope):
                self.value(used, inside=False)  # what it is made of comes first
        trial = Commands(wanted.scope, self._file, set(), self._shell)
        trial.assign("value", wanted.expression)  # raises where it can not be computed: then what uses it is not converted
        output, number = wanted.output, 2
        while self.computed.setdefault(output, wanted) != wanted:
            output, number = f"{wanted.output}_{number}", number + 1
        output = index(f"steps.{self._step}.outputs", output)
        return Cel(
            f"default({output}, '')" if self._conditional else output,
            None,
            frozenset({name}),
            computed=True,
            texts=texts_in(wanted.expression, wanted.scope),
        )

    def script(self) -> Script:
        """Return the script of the step that computes."""
        used = {self.local(name) for name in self.computed}
        written = Script()
        options = differences(self._shell, keep="e") if self._shell.native else ""
        written.lines += [options] if options else []
        for name, wanted in self.computed.items():
            own = Commands(wanted.scope, self._file, used, self._shell)
            target = self.local(name)
            if wanted.needed:
                own.lines += [f"{target}=", f"if [ ${{{{ {wanted.needed} }}}} = true ]; then"]
                start = len(own.lines)
                own.assign(target, wanted.expression)
                own.lines[start:] = [f"    {line}" for line in own.lines[start:]] + ["fi"]
            else:
                own.assign(target, wanted.expression)
            found = self.assignments.get(name)
            if found is not None and wanted.expression is found.value and (found.export or self._export) and fits(name, ENV_NAME):
                own.lines.append(f'export {name}="${target}"')
            written.lines += own.lines
        for name in self.computed:
            form = f"{name}<<END_OF_VALUE\\n%s\\nEND_OF_VALUE\\n"
            written.lines.append(f'printf \'{form}\' "${self.local(name)}" >> "$ROPEWAY_OUTPUT"')
        written.outputs = list(self.computed)
        return written


@record(frozen=False)
class Script:
    """A script and the outputs that it gives."""

    lines: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


def _names(expression: Expression | None) -> Iterator[str]:
    """Yield the names that stand in an expression."""
    match expression:
        case Name(name=name):
            yield name
        case Binary(left=left, right=right):
            yield from _names(left)
            yield from _names(right)
        case Choose(condition=condition, then=then, other=other):
            for part in (condition, then, other):
                yield from _names(part)
        case Call(arguments=arguments):
            for part in arguments:
                yield from _names(part)
        case Backtick() | Text() | None | _:
            return
