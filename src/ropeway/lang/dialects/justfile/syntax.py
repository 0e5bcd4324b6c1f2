"""What a justfile says, as plain data: recipes, variables, settings, and expressions with the place of each.

The language is that of ``just`` 1.x (https://just.systems/man/en). Places count lines and columns from 1, in code points.
"""

from __future__ import annotations

from ropeway.records import field, record

__all__ = [
    "Alias",
    "Assignment",
    "Attribute",
    "Backtick",
    "Binary",
    "Call",
    "Choose",
    "Chunk",
    "Dependency",
    "Expression",
    "Hole",
    "Import",
    "Justfile",
    "Line",
    "Module",
    "Name",
    "Parameter",
    "Place",
    "Problem",
    "Recipe",
    "Setting",
    "SyntaxProblem",
    "Text",
    "Unsupported",
]


@record
class Place:
    """Where something stands."""

    file: str
    line: int
    column: int


class SyntaxProblem(Exception):
    """What stands at a place can not be read. Caught where items are read: the reader goes on behind it."""

    def __init__(self, place: Place, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason
        self.hint = hint


@record
class Problem:
    """Something that could not be converted: the recipe it belongs to (empty: none), what, and what to do."""

    recipe: str
    place: Place
    reason: str
    hint: str


# Expressions


@record
class Text:
    """A string literal, with its escapes read. ``expand``: it is an ``x'…'`` literal, in which ``$NAME`` and ``~`` are expanded."""

    value: str
    place: Place
    expand: bool = False


@record
class Backtick:
    """A command whose output is the value."""

    command: str
    place: Place


@record
class Name:
    """A variable or parameter."""

    name: str
    place: Place


@record
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Expression, ...]
    place: Place


@record
class Binary:
    """Two values joined: ``+ / && || == != =~ !~``. Only ``/`` may have no left one."""

    op: str
    left: Expression | None
    right: Expression
    place: Place


@record
class Choose:
    """``if … { … } else { … }``."""

    condition: Expression
    then: Expression
    other: Expression
    place: Place


@record
class Unsupported:
    """Syntax that is read over and not understood, such as lists."""

    what: str
    place: Place


Expression = Text | Backtick | Name | Call | Binary | Choose | Unsupported


# Items


@record
class Chunk:
    """Plain text of a recipe's line, with ``{{{{`` read as ``{{``."""

    text: str
    place: Place


@record
class Hole:
    """``{{ … }}`` in a recipe's line."""

    expression: Expression
    place: Place


@record
class Line:
    """One line of a recipe's body, without its indentation."""

    parts: tuple[Chunk | Hole, ...]
    place: Place

    @property
    def text(self) -> str:
        """The text up to the first hole."""
        first = self.parts[0] if self.parts else None
        return first.text if isinstance(first, Chunk) else ""

    @property
    def continues(self) -> bool:
        """Whether it ends with a backslash."""
        last = self.parts[-1] if self.parts else None
        return isinstance(last, Chunk) and last.text.endswith("\\")


@record
class Parameter:
    """A parameter of a recipe. ``kind`` is empty, ``*`` or ``+``."""

    name: str
    place: Place
    kind: str = ""
    export: bool = False
    default: Expression | None = None


@record
class Dependency:
    """A recipe that runs before, or (``after``) behind, another."""

    name: str
    arguments: tuple[Expression, ...]
    after: bool
    place: Place


@record
class Attribute:
    """``[name]``, ``[name: value]``, ``[name(value, key=value)]``."""

    name: str
    arguments: tuple[Expression, ...]
    options: dict[str, Expression | None]
    place: Place


@record
class Recipe:
    """A recipe. ``source`` is its text with its attributes; ``doc`` the comment line above it."""

    name: str
    place: Place
    parameters: tuple[Parameter, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    body: tuple[Line, ...] = ()
    doc: str = ""
    source: str = ""

    def attribute(self, name: str) -> Attribute | None:
        """Return the first attribute of that name."""
        return next((found for found in self.attributes if found.name == name), None)

    @property
    def private(self) -> bool:
        """Whether it is for other recipes only."""
        return self.name.startswith("_") or self.attribute("private") is not None


@record
class Assignment:
    """``name := value``."""

    name: str
    value: Expression
    place: Place
    export: bool = False
    doc: str = ""
    private: bool = False


@record
class Setting:
    """``set name := value``; ``value`` is True, False, an expression or a tuple of them."""

    name: str
    value: bool | Expression | tuple[Expression, ...]
    place: Place


@record
class Alias:
    """``alias name := target``."""

    name: str
    target: str
    place: Place


@record
class Import:
    """``import 'path'``; with a question mark it may be missing."""

    path: str
    optional: bool
    place: Place


@record
class Module:
    """``mod name 'path'``."""

    name: str
    place: Place


@record(frozen=False)
class Justfile:
    """A whole file. What could not be read is in ``problems``."""

    file: str
    recipes: list[Recipe] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    modules: list[Module] = field(default_factory=list)
    unexports: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def setting(self, name: str) -> Setting | None:
        """Return the last setting of that name."""
        return next((found for found in reversed(self.settings) if found.name == name), None)

    def on(self, name: str) -> bool:
        """Whether a setting is there and not false."""
        found = self.setting(name)
        return found is not None and found.value is not False
