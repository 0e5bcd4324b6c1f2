"""What an expression is made of.

These are hand-written classes and not dataclasses because a dozen of them are made at every start of the program, and a dataclass
costs twenty times as much to define. Nodes are never changed after they were made; two are equal when they say the same, wherever
they stand. ``offset`` and ``end`` are code points in the expression's text, ``end`` exclusive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ropeway.lang.expressions.run import Run

__all__ = [
    "Binary",
    "Call",
    "Conditional",
    "Constant",
    "Expression",
    "Has",
    "Index",
    "ListLiteral",
    "Literal",
    "Logic",
    "MapLiteral",
    "Member",
    "Name",
    "Node",
    "Unary",
    "calls",
    "path_of",
    "references",
    "walk",
]


Constant = str | int | float | bool | None


class Node:
    """A part of an expression. ``fields`` names what makes it equal to another, ``below`` those of them that hold nodes."""

    __slots__ = ("end", "offset")
    fields: ClassVar[tuple[str, ...]] = ()
    below: ClassVar[tuple[str, ...]] = ()

    def __init__(self, offset: int, end: int) -> None:
        self.offset = offset
        self.end = end

    def children(self) -> tuple[Node, ...]:
        """Return the nodes right below this one, in the order of the text."""
        found: list[Node] = []
        for name in self.below:
            value = getattr(self, name)
            for one in value if isinstance(value, tuple) else (value,):
                found.extend(one if isinstance(one, tuple) else (one,))
        return tuple(found)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(getattr(self, f) == getattr(other, f) for f in self.fields)

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, f) for f in self.fields)))

    def __repr__(self) -> str:
        inside = ", ".join(repr(getattr(self, f)) for f in self.fields)
        return f"{type(self).__name__}({inside})"


class Literal(Node):
    """A string, integer, number, boolean or null that stands in the text."""

    __slots__ = ("value",)
    fields = ("value",)

    def __init__(self, value: Constant, offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


class Name(Node):
    """A context: ``params``."""

    __slots__ = ("name",)
    fields = ("name",)

    def __init__(self, name: str, offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.name = name


class Member(Node):
    """``target.name``."""

    __slots__ = ("name", "target")
    fields = ("target", "name")
    below = ("target",)

    def __init__(self, target: Node, name: str, offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.target = target
        self.name = name


class Index(Node):
    """``target[key]``."""

    __slots__ = ("key", "target")
    fields = ("target", "key")
    below = ("target", "key")

    def __init__(self, target: Node, key: Node, offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.target = target
        self.key = key


class Has(Node):
    """``has(target.name)``: whether the selection would find something."""

    __slots__ = ("member",)
    fields = ("member",)
    below = ("member",)

    def __init__(self, member: Member, offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.member = member


class Call(Node):
    """``function(args)``, or with ``method`` ``args[0].function(args[1:])``."""

    __slots__ = ("args", "function", "method")
    fields = ("function", "args", "method")
    below = ("args",)

    def __init__(self, function: str, args: tuple[Node, ...], *, method: bool = False, offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.function = function
        self.args = args
        self.method = method


class Unary(Node):
    """``!operand`` or ``-operand``."""

    __slots__ = ("op", "operand")
    fields = ("op", "operand")
    below = ("operand",)

    def __init__(self, op: str, operand: Node, offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.op = op
        self.operand = operand


class Binary(Node):
    """Arithmetic, a comparison or ``in``."""

    __slots__ = ("left", "op", "right")
    fields = ("op", "left", "right")
    below = ("left", "right")

    def __init__(self, op: str, left: Node, right: Node, offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.op = op
        self.left = left
        self.right = right


class Logic(Node):
    """Two or more terms with ``&&`` or ``||`` between them, as one flat node."""

    __slots__ = ("op", "terms")
    fields = ("op", "terms")
    below = ("terms",)

    def __init__(self, op: str, terms: tuple[Node, ...], offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.op = op
        self.terms = terms


class Conditional(Node):
    """``condition ? then : otherwise``."""

    __slots__ = ("condition", "otherwise", "then")
    fields = ("condition", "then", "otherwise")
    below = ("condition", "then", "otherwise")

    def __init__(self, condition: Node, then: Node, otherwise: Node, offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.condition = condition
        self.then = then
        self.otherwise = otherwise


class ListLiteral(Node):
    """``[a, b]``."""

    __slots__ = ("items",)
    fields = ("items",)
    below = ("items",)

    def __init__(self, items: tuple[Node, ...], offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.items = items


class MapLiteral(Node):
    """``{key: value}``, as pairs."""

    __slots__ = ("entries",)
    fields = ("entries",)
    below = ("entries",)

    def __init__(self, entries: tuple[tuple[Node, Node], ...], offset: int = 0, end: int = 0) -> None:
        super().__init__(offset, end)
        self.entries = entries


class Expression:
    """A parsed expression: its text, its tree and the number of nodes. Two are equal when their trees are."""

    __slots__ = ("code", "root", "size", "text")

    def __init__(self, text: str, root: Node, size: int) -> None:
        self.text = text
        self.root = root
        self.size = size
        self.code: Callable[[Run], Any] | None = None
        """The tree as closures, made by the first evaluation."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.root == other.root

    def __hash__(self) -> int:
        return hash(self.root)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all below it, each before its children, in the order of the text."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(top.children()))


def path_of(node: Node) -> tuple[str, ...]:
    """Return the dotted path that a chain of selections reads, up to the first index that is not a string literal; empty for others."""
    names: list[str] = []
    while not isinstance(node, Name):
        if isinstance(node, Member):
            names.append(node.name)
            node = node.target
        elif isinstance(node, Index):
            if isinstance(node.key, Literal) and isinstance(node.key.value, str):
                names.append(node.key.value)
            else:
                names.clear()
            node = node.target
        else:
            return ()
    names.append(node.name)
    return tuple(reversed(names))


def references(expression: Expression) -> frozenset[tuple[str, ...]]:
    """Return the dotted paths that an expression may read, each as far as it is known before the run.

    ``steps.collect.outputs['files']`` gives ``("steps", "collect", "outputs", "files")``; ``steps[item].outputs`` gives ``("steps",)``.
    """
    found: set[tuple[str, ...]] = set()
    stack = [expression.root]
    while stack:
        node = stack.pop()
        path = path_of(node)
        if not path:
            stack.extend(node.children())
            continue
        found.add(path)
        while isinstance(node, (Member, Index)):
            if isinstance(node, Index):
                stack.append(node.key)
            node = node.target
    return frozenset(found)


def calls(expression: Expression) -> frozenset[str]:
    """Return the names of the functions that an expression calls (``has`` is among them)."""
    return frozenset("has" if isinstance(node, Has) else node.function for node in walk(expression.root) if isinstance(node, (Call, Has)))
