"""Typed values: parameters, inputs, outputs and form fields, from text or from data.

The built-in types are ``string integer number boolean path choice list map secret``. Types and checks that plugins bring are handed
in as :class:`ParameterTypes`; this module never looks for them. ``pattern``, ``choices``, ``minimum`` and ``maximum`` of a list or a map
hold for each of its elements.

How text becomes a value (``--param``, ``key=value`` outputs):

* integer and number: decimal, no underscores, no ``nan`` or ``inf``; boolean: ``true`` or ``false``;
* list: JSON when it starts with ``[``, else elements separated by commas, spaces around them dropped; empty text is the empty list;
* map: JSON when it starts with ``{``, else ``key=value`` separated by commas, spaces around both dropped; empty text is the empty map;
* any (only dialects make such fields): JSON when it is JSON, else the text;
* all others: the text as it is.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Any

from ropeway.lang.hints import did_you_mean, noun, shown
from ropeway.lang.parameter_types import ANY_TYPE, BUILTIN_TYPES, SCALAR_TYPES, ParameterType, ParameterTypes, ValueProblem
from ropeway.lang.patterns import BadPattern, fully_matches
from ropeway.lang.wording import a

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.lang.model import Field

__all__ = [
    "BUILTIN_TYPES",
    "SCALAR_TYPES",
    "ParameterType",
    "ParameterTypes",
    "ValueProblem",
    "check_value",
    "parse_parameter",
    "parse_text",
]

_MAX_INTEGER = 2**63 - 1
"""Integers are 64 bits wide, as in CEL."""
_NUMERAL = frozenset("0123456789+-.eE")
"""``float()`` reads more than that: ``nan``, ``inf``, ``1_0``, digits of every script."""
_MAX_DIGITS = 400
"""More digits are no number that anything can use; it also bounds the quadratic cost of reading them."""


def parse_parameter(field: Field, text: str, types: ParameterTypes | None = None, *, where: str = "on a command line") -> Any:
    """Read what a person typed behind ``--param NAME=``: :func:`parse_text`, but a secret is refused.

    ``where`` says where it was given, for that refusal.

    Raises:
        ValueProblem: The text does not fit, or the parameter is a secret (a command line is no place for one).
    """
    if field.type == "secret":
        source = field.source or f"keyring:{field.name}"
        if source == "prompt":
            hint = "it is asked for when the run starts"
        elif source.startswith("env:"):
            hint = f"set the environment variable {source[4:]}"
        else:
            hint = f"store it with `workflow secret set {source.removeprefix('keyring:')}`"
        raise ValueProblem(f"{shown(field.name)} is a secret and can't be given {where}", hint=hint, code="secret-on-command-line")
    return parse_text(field, text, types)


def parse_text(field: Field, text: str, types: ParameterTypes | None = None) -> Any:
    """Turn text into a value of the field's type and check it.

    Args:
        field: The declaration.
        text: What was typed or written; see the module for the forms.
        types: What plugins bring.

    Raises:
        ValueProblem: It does not fit; the hint says what would.
    """
    _refuse_nul(field, text)
    name = field.type
    if name == "list":
        value: Any = _list_from_text(field, text, types)
    elif name == "map":
        value = _map_from_text(field, text, types)
    else:
        value = _scalar_from_text(field, name, text, types)
    _ask_validator(field, value, types)
    return value


def check_value(field: Field, value: Any, types: ParameterTypes | None = None) -> Any:
    """Check a value that came as data, and return it.

    Null stands for "no value" and passes where the field is not required.

    Raises:
        ValueProblem: It does not fit; the hint says what would.
    """
    if value is None and not field.required:
        return None
    if field.type == "list":
        if not isinstance(value, (list, tuple)):
            raise _wrong(field, value, "a list")
        value = [_scalar(field, field.items or "string", item, types, f"element {at}") for at, item in enumerate(value)]
    elif field.type == "map":
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise _wrong(field, value, "a map with strings as keys")
        value = {key: _scalar(field, field.items or "string", item, types, f"the value of {shown(key)}") for key, item in value.items()}
    else:
        value = _scalar(field, field.type, value, types)
    _ask_validator(field, value, types)
    return value


def _ask_validator(field: Field, value: Any, types: ParameterTypes | None) -> None:
    if field.validator is None:
        return
    validator = types.validator(field.validator) if types is not None else None
    if validator is None:
        raise ValueProblem(
            f"{shown(field.name)} is checked by the validator {shown(field.validator)}, which is not installed",
            hint="install the plugin that brings it",
        )
    _guard(field, validator, value)


def _guard(field: Field, call: Callable[..., Any], *arguments: Any) -> Any:
    """Call a plugin; its ``ValueError`` is a refusal too, without the text where that could hold a secret."""
    try:
        return call(*arguments)
    except ValueProblem:
        raise
    except ValueError as problem:
        why = "it is refused" if field.type == "secret" else str(problem) or "it is refused"
        raise ValueProblem(f"{shown(field.name)}: {why}", hint=field.description) from None


def _scalar_from_text(field: Field, name: str, text: str, types: ParameterTypes | None, what: str | None = None) -> Any:
    convert = _FROM_TEXT.get(name)
    if convert is not None:
        value = convert(field, text, what)
    elif name in ("list", "map"):
        raise _nested(field, name, what)
    elif name in BUILTIN_TYPES:
        value = text
    elif name == ANY_TYPE:
        return _anything_from_text(text)
    else:
        return _guard(field, _plugin(field, name, types).parse, text, field)
    return _constrained(field, name, value, what)


def _scalar(field: Field, name: str, value: Any, types: ParameterTypes | None, what: str | None = None) -> Any:
    if name in ("string", "path", "choice", "secret"):
        if not isinstance(value, str):
            raise _wrong(field, value, "a string", what)
        _refuse_nul(field, value, what)
    elif name == "integer":
        if type(value) is not int:
            raise _wrong(field, value, "a whole number", what)
    elif name == "number":
        if type(value) not in (int, float):
            raise _wrong(field, value, "a number", what)
    elif name == "boolean":
        if type(value) is not bool:
            raise _wrong(field, value, "true or false", what)
    elif name in ("list", "map"):
        raise _nested(field, name, what)
    elif name == ANY_TYPE:
        return value
    else:
        return _guard(field, _plugin(field, name, types).check, value, field)
    return _constrained(field, name, value, what)


def _plugin(field: Field, name: str, types: ParameterTypes | None) -> ParameterType:
    found = types.type(name) if types is not None else None
    if found is None:
        known = (*BUILTIN_TYPES, *(types.type_names() if types is not None else ()))
        hint = did_you_mean(name, known) or "install the plugin that brings it"
        raise ValueProblem(f"{shown(field.name)} has the unknown type {shown(name)}", hint=hint)
    return found


def _constrained(field: Field, name: str, value: Any, what: str | None) -> Any:
    """Check ``pattern``, ``choices``, ``minimum`` and ``maximum`` against one value of a built-in type."""
    if name == "choice":
        if value not in field.choices:
            hint = did_you_mean(value, field.choices) or f"one of {', '.join(map(shown, field.choices[:20]))}"
            raise ValueProblem(f"{_what(field, what)} can't be {shown(value)}", hint=hint)
    elif name in ("integer", "number"):
        _check_range(field, name, value, what)
    elif name == "path" and not value:
        raise ValueProblem(f"{_what(field, what)} is an empty path", hint="write . for the current directory")
    if field.pattern is not None and name in ("string", "path", "secret"):
        try:
            fits = fully_matches(field.pattern, value)
        except BadPattern as problem:
            raise ValueProblem(f"{_what(field, what)}: {problem.message}", hint=problem.hint) from None
        if not fits:
            given = "the secret" if name == "secret" else shown(value)
            raise ValueProblem(
                f"{_what(field, what)}: {given} does not match the pattern {_pattern_shown(field.pattern)}", hint=field.description
            )
    return value


def _check_range(field: Field, name: str, value: Any, what: str | None) -> None:
    if name == "integer" and not -_MAX_INTEGER - 1 <= value <= _MAX_INTEGER:
        raise ValueProblem(f"{_what(field, what)} can't be {shown(value)}", hint="integers have 64 bits")
    if isinstance(value, float) and not isfinite(value):
        raise ValueProblem(f"{_what(field, what)} can't be {value}", hint="write a finite number")
    if isinstance(value, int) and value.bit_length() > 1000:
        raise ValueProblem(f"{_what(field, what)} can't be {shown(value)}", hint="write a smaller number")
    low, high = field.minimum, field.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = [f"at least {low}" if low is not None else "", f"at most {high}" if high is not None else ""]
        raise ValueProblem(
            f"{_what(field, what)} can't be {shown(value)}", hint=f"write a number that is {' and '.join(filter(None, bounds))}"
        )


def _integer(field: Field, text: str, what: str | None) -> int:
    plain = text.strip()
    digits = plain[1:] if plain[:1] in ("-", "+") else plain
    if not (digits.isascii() and digits.isdigit()):
        raise _wrong_text(field, text, "a whole number", what)
    if len(digits) > _MAX_DIGITS:
        raise ValueProblem(f"{_what(field, what)} can't be a number of {len(digits):,} digits", hint="integers have 64 bits")
    return int(plain)


def _number(field: Field, text: str, what: str | None) -> int | float:
    plain = text.strip()
    if len(plain) > _MAX_DIGITS or not _NUMERAL.issuperset(plain):
        raise _wrong_text(field, text, "a number", what)
    try:
        return int(plain) if plain.lstrip("+-").isdigit() else float(plain)
    except ValueError:
        raise _wrong_text(field, text, "a number", what) from None


def _boolean(field: Field, text: str, what: str | None) -> bool:
    plain = text.strip()
    if plain not in ("true", "false"):
        raise _wrong_text(field, text, "true or false", what)
    return plain == "true"


_FROM_TEXT: dict[str, Callable[[Field, str, str | None], Any]] = {"integer": _integer, "number": _number, "boolean": _boolean}


def _list_from_text(field: Field, text: str, types: ParameterTypes | None) -> list[Any]:
    of = field.items or "string"
    plain = text.strip()
    if plain.startswith("["):
        return [_scalar(field, of, item, types, f"element {at}") for at, item in enumerate(_json(field, plain, list))]
    if not plain:
        return []
    return [_scalar_from_text(field, of, item.strip(), types, f"element {at}") for at, item in enumerate(plain.split(","))]


def _map_from_text(field: Field, text: str, types: ParameterTypes | None) -> dict[str, Any]:
    of = field.items or "string"
    plain = text.strip()
    if plain.startswith("{"):
        return {key: _scalar(field, of, item, types, f"the value of {shown(key)}") for key, item in _json(field, plain, dict).items()}
    result: dict[str, Any] = {}
    for pair in plain.split(",") if plain else ():
        key, equals, item = pair.partition("=")
        key = key.strip()
        if not equals or not key:
            hint = 'write key=value,key=value, or JSON: {"key": "value"}'
            raise ValueProblem(f"{shown(field.name)}: {shown(pair.strip())} is not key=value", hint=hint)
        if key in result:
            raise ValueProblem(f"{shown(field.name)} has the key {shown(key)} twice", hint="keep one of them")
        result[key] = _scalar_from_text(field, of, item.strip(), types, f"the value of {shown(key)}")
    return result


def _json(field: Field, text: str, kind: type) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        form = "a,b,c" if kind is list else "key=value,key=value"
        raise ValueProblem(f"{shown(field.name)} is not valid JSON", hint=f"write JSON, or {form}") from None
    return value


def _anything_from_text(text: str) -> Any:
    if len(text) > _MAX_DIGITS and text.lstrip("+-").isdigit():
        return text
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(word: str) -> Any:
    message = f"{word} is not JSON"
    raise ValueError(message)


def _refuse_nul(field: Field, text: str, what: str | None = None) -> None:
    if "\0" in text:
        raise ValueProblem(f"{_what(field, what)} holds a NUL character", hint="no program can be given one")


def _what(field: Field, what: str | None) -> str:
    return shown(field.name) if what is None else f"{what} of {shown(field.name)}"


def _wrong(field: Field, value: Any, wanted: str, what: str | None = None) -> ValueProblem:
    hint = field.description
    if isinstance(value, str) and wanted in ("a number", "a whole number", "true or false"):
        hint = "write it without quotes"
    return ValueProblem(f"{_what(field, what)} must be {wanted}, not {noun(value)}", hint=hint)


def _pattern_shown(pattern: str) -> str:
    """Return a pattern as it was written, where that fits into a line: quoting would double its backslashes."""
    return pattern if pattern.isprintable() and len(pattern) <= 200 else shown(pattern, 200)


def _nested(field: Field, name: str, what: str | None) -> ValueProblem:
    return ValueProblem(f"{_what(field, what)} can't be {a(name)}", hint=f"the elements of a list or a map are {', '.join(SCALAR_TYPES)}")


def _wrong_text(field: Field, text: str, wanted: str, what: str | None) -> ValueProblem:
    return ValueProblem(f"{_what(field, what)} must be {wanted}, not {shown(text)}", hint=field.description)
