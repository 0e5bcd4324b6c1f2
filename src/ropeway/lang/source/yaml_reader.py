"""YAML to plain data: the part of YAML 1.2 that says the same as TOML, and a clear refusal of the rest.

The events are libyaml's (PyYAML's pure parser only where libyaml is missing: it takes nine times as long); what they mean is decided here:

* Plain words follow the YAML 1.2 core schema: ``on``, ``off``, ``yes`` and ``no`` are text, ``0o17`` is octal, ``017`` is seventeen.
* A number whose text says more than its value (``1.10``, ``007``) is read as the number and warned about.
* Repeated keys, keys that are not text, ``<<``, tags, several documents and aliases inside their own anchor are mistakes.
* An alias is a copy; copies count, so that a few lines can not become a billion values.

Nothing recurses over the document, and the limits are checked while reading: a hostile file costs no more than its first excess.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from ropeway.lang.source.text import MAX_DEPTH, MAX_INTEGER, MAX_MISTAKES, MAX_NODES, MIN_INTEGER, Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.lang.diagnostics import Path
    from ropeway.lang.source.text import Spans

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(r"([-+]?[0-9]+)|(0o[0-7]+|0x[0-9a-fA-F]+)|([-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_NUMBER_START = frozenset("+-.0123456789")
_PROPERTY = re.compile(r"(?:&\S+\s*)*")  # an anchor in front of a node

_NO_KEY = object()  # a mapping waits for its next key
_BAD_KEY = "\0"  # a key that can not be one: its value is read and dropped


class _Stop(Exception):
    """A mistake after which going on would only produce echoes."""


class _Frame:
    """An open mapping or list. ``key`` is the key that waits for its value."""

    __slots__ = ("anchor", "before", "height", "key", "key_span", "path", "places", "span", "value")

    def __init__(self, value: Any, path: Path, anchor: str | None, before: int, span: tuple[int, int]) -> None:
        self.value = value
        self.path = path
        self.anchor = anchor
        self.before = before  # how many values the document had when this one began
        self.span = span
        self.height = 1
        self.key: Any = _NO_KEY
        self.key_span = (0, 0)
        self.places: dict[str, int] = {}  # where each key stands


def read_yaml(text: str, spans: Spans | None = None) -> tuple[dict[str, Any], list[Mistake]]:
    """Read a YAML document.

    Args:
        text: The document, decoded, with LF line ends.
        spans: When given, filled with the place of every value.

    Returns:
        The data and what is wrong with the text; the data is to be used only when there is no error in it.
    """
    composer = _Composer(text, spans)
    try:
        composer.run()
    except _Stop:
        pass
    except yaml.YAMLError as error:
        from ropeway.lang.source.yaml_mistakes import explain_failure

        failure = explain_failure(text, error)
        if not any(text.count("\n", m.start, failure.start) == 0 for m in composer.mistakes):  # else it is an echo of that one
            composer.mistakes.append(failure)
    root = composer.root
    if not composer.mistakes and root is not None and not isinstance(root, dict):
        from ropeway.lang.source.yaml_mistakes import explain_root

        composer.mistakes.append(explain_root(text, *composer.root_span))
    return root if isinstance(root, dict) else {}, composer.mistakes


class _Composer:
    """Builds the data from events, one at a time."""

    def __init__(self, text: str, spans: Spans | None) -> None:
        self.root: Any = None
        self.root_span = (0, 1)
        self.mistakes: list[Mistake] = []
        self._text = text
        self._spans = spans
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int, int] | None] = {}  # value, number of values in it, height; None while it is open
        self._nodes = 0
        self._documents = 0

    def run(self) -> None:
        """Read all events.

        Raises:
            _Stop: A mistake was found that ends the reading.
            yaml.YAMLError: The text is not YAML.
        """
        scalar, alias = yaml.ScalarEvent, yaml.AliasEvent
        mapping, sequence = yaml.MappingStartEvent, yaml.SequenceStartEvent
        ends = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
        for event in _events(self._text):
            kind = type(event)
            if kind is scalar:
                self._scalar(event)
            elif kind is mapping:
                self._open(event, {})
            elif kind is sequence:
                self._open(event, [])
            elif kind in ends:
                self._close(event)
            elif kind is alias:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                self._document(event)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            hint = "a file holds one workflow: remove the `---`, or put what follows into a file of its own"
            self._stop("RW025", "a second document begins here", hint, _span(event, 3))

    def _scalar(self, event: Any) -> None:
        span = event.start_mark.index, event.end_mark.index
        if event.tag is not None:
            self._tag(event)
        text: str = event.value
        if event.style == '"':
            self._escapes(text, span)
        plain = event.implicit[0] and event.tag is None
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is _NO_KEY and type(frame.value) is dict:
            self._key(frame, text, span, plain=plain)
            if event.anchor is not None:
                self._anchors[event.anchor] = (text, 1, 0)
            return
        value = self._resolve(text, span) if plain else text
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1, 0)
            begin = _PROPERTY.match(self._text, span[0])
            span = (min(begin.end(), span[1]) if begin else span[0], span[1])
        self._attach(value, span)

    def _escapes(self, text: str, span: tuple[int, int]) -> None:
        """Refuse what only an escape can bring in: NUL, and halves of surrogate pairs (libyaml refuses those itself)."""
        if "\0" in text:
            self._add("RW003", "the text holds a NUL character", "remove the escape; no program takes such text", span)
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            self._add("RW020", "this is no character of its own", "a character beyond U+FFFF is written \\U with eight digits", span)

    def _key(self, frame: _Frame, text: str, span: tuple[int, int], *, plain: bool) -> None:
        if plain and text == "<<":
            hint = "write the keys out, or use an alias (`*name`) for a whole value"
            self._add("RW022", "merge keys (`<<`) are not part of YAML 1.2 and not read", hint, span)
            frame.key = _BAD_KEY
            return
        if plain and not isinstance(_plain_value(text), str):
            self._add("RW024", f"the key `{text}` is not text", f'put it in quotes: "{text}"', span)
        if text in frame.places:
            line = self._text.count("\n", 0, frame.places[text]) + 1
            self._add("RW011", f"`{text}` is given twice", f"the first one stands on line {line}; keep one of them", span)
        else:
            frame.places[text] = span[0]
        frame.key = text
        frame.key_span = span

    def _open(self, event: Any, value: Any) -> None:
        span = event.start_mark.index, event.end_mark.index
        if event.tag is not None:
            self._tag(event)
        if len(self._stack) >= MAX_DEPTH:
            self._stop(
                "RW004", f"maps and lists stand more than {MAX_DEPTH} deep in each other", "flatten the data", (span[0], span[0] + 1)
            )
        parent = self._stack[-1] if self._stack else None
        if parent is not None and parent.key is _NO_KEY and type(parent.value) is dict:
            written = self._text[span[0] : span[0] + 2]
            hint = 'an expression at the start of a value needs quotes: "{{ … }}"' if written[0] == "{" else "write the key as text"
            self._add("RW024", "a map or a list can not be a key", hint, (span[0], span[0] + 1))
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Frame(value, self._path() if self._spans is not None else (), event.anchor, self._nodes, span))

    def _close(self, event: Any) -> None:
        frame = self._stack.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.value, self._nodes - frame.before + 1, frame.height)
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, frame.height + 1)
        start = frame.span[0]
        self._attach(frame.value, (start, event.end_mark.index), block=self._text[start : start + 1] not in {"{", "["})

    def _alias(self, event: Any) -> None:
        span = event.start_mark.index, event.end_mark.index
        if event.anchor not in self._anchors:
            self._stop("RW026", f"there is no anchor `&{event.anchor}` before this alias", "define it above, or write the value", span)
        anchored = self._anchors[event.anchor]
        if anchored is None:
            self._stop("RW026", f"`*{event.anchor}` stands inside its own anchor", "a value can not hold itself", span)
            return
        value, nodes, height = anchored
        if len(self._stack) + height > MAX_DEPTH:
            self._stop("RW004", f"maps and lists stand more than {MAX_DEPTH} deep in each other", "flatten the data", span)
        self._count(nodes - 1, span)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is _NO_KEY and type(frame.value) is dict:
            if isinstance(value, str):
                self._key(frame, value, span, plain=False)
                return
            self._add("RW024", "a key is text", "write it out", span)
        if frame is not None:
            frame.height = max(frame.height, height + 1)
        self._attach(_copy(value), span)

    def _attach(self, value: Any, span: tuple[int, int], *, block: bool = False) -> None:
        """Put a finished value where it belongs. A block's place is its key: the text behind may be many lines away."""
        self._count(1, span)
        if not self._stack:
            self.root, self.root_span = value, span
            return
        frame = self._stack[-1]
        if type(frame.value) is list:
            if self._spans is not None:
                self._spans[(*frame.path, len(frame.value))] = (*span, *span)
            frame.value.append(value)
        elif frame.key is _NO_KEY:
            frame.key = _BAD_KEY  # a map or a list as a key: told already
        else:
            if frame.key is not _BAD_KEY and frame.key not in frame.value:
                frame.value[frame.key] = value
                if self._spans is not None:
                    self._spans[(*frame.path, frame.key)] = (*frame.key_span, *(frame.key_span if block else span))
            frame.key = _NO_KEY

    def _path(self) -> Path:
        """Return the path of the value that comes next."""
        if not self._stack:
            return ()
        frame = self._stack[-1]
        return (*frame.path, len(frame.value) if type(frame.value) is list else "" if frame.key is _NO_KEY else frame.key)

    def _resolve(self, text: str, span: tuple[int, int]) -> Any:
        """Return what a plain scalar means, and say so when that is not what it looks like."""
        value = _plain_value(text)
        if type(value) is int and not MIN_INTEGER <= value <= MAX_INTEGER:
            self._add("RW006", "the integer does not fit into 64 bits", "put it in quotes when it is a name rather than an amount", span)
        elif type(value) is float and value - value != 0.0:  # infinity and NaN are not 0 from themselves
            self._add("RW006", f"`{text}` is not a number that a workflow can hold", "write a finite number", span)
        elif (type(value) is int or type(value) is float) and _says_more(text):
            hint = f'keep it as written with quotes: "{text}"'
            self._add("RW027", f"`{text}` is read as the number {value}", hint, span, severity="warning")
        return value

    def _tag(self, event: Any) -> None:
        start = event.start_mark.index
        shown = re.compile(r"(?:&\S+\s+)?(!\S*)").match(self._text, start)
        span = shown.span(1) if shown else (start, start + 1)
        self._add("RW023", "tags are not read", "remove the tag; text that looks like a number stands in quotes", span)

    def _count(self, nodes: int, span: tuple[int, int]) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            hint = "split the workflow, or keep data in files that steps read"
            self._stop("RW005", f"the file holds more than {MAX_NODES:,} values", hint, span)

    def _add(self, code: str, message: str, hint: str, span: tuple[int, int], *, severity: Any = "error") -> None:
        self.mistakes.append(Mistake(code, message, hint, span[0], span[1], severity))
        if len(self.mistakes) >= MAX_MISTAKES:
            raise _Stop

    def _stop(self, code: str, message: str, hint: str, span: tuple[int, int]) -> None:
        self._add(code, message, hint, span)
        raise _Stop


def _events(text: str) -> Iterator[Any]:
    loader = _LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _span(event: Any, width: int) -> tuple[int, int]:
    return event.start_mark.index, event.start_mark.index + width


def _plain_value(text: str) -> str | int | float | bool | None:
    """Resolve a plain scalar by the core schema of YAML 1.2 (section 10.3.2)."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    match = _NUMBER.fullmatch(text)
    if match is None:
        return float(text.replace(".", "", 1)) if _NOT_FINITE.fullmatch(text) else text
    if match[3]:
        return float(text)
    if len(text) > 4000:  # int() would refuse; it is far out of range anyway
        return 10**19
    return int(text, 0) if match[2] else int(text)


def _says_more(text: str) -> bool:
    """Whether the text of a number is more than its value: a leading zero, or a zero at the end of a fraction other than ``.0``."""
    digits = text.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return True
    _, point, fraction = digits.partition(".")
    return bool(point) and len(fraction) > 1 and fraction.isdigit() and fraction.endswith("0")


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value
