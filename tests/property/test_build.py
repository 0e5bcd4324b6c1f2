"""Whatever tree comes in, the build answers with a model or diagnostics, and agrees with the JSON Schema."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ropeway.lang.build import build
from ropeway.lang.codes.model import CODES
from ropeway.lang.diagnostics import Location, Problems
from ropeway.lang.kinds import Kind, ListOf, MapOf, Table
from ropeway.lang.model import Field, Workflow
from ropeway.lang.schema import json_schema
from ropeway.lang.table import ROOT
from ropeway.lang.values import BUILTIN_TYPES, ValueProblem, check_value, parse_text

if TYPE_CHECKING:
    from collections.abc import Callable


class Document:
    def __init__(self, data: Any):
        self.data = data
        self.paths: list[tuple[Any, ...]] = []

    def locate(self, path, *, key=False, offset=None, length=1):
        assert all(type(part) in (str, int) for part in path)
        self.paths.append((path, key, offset))
        return Location("test", 1, 1, 2, "")


def _words(kind: Kind) -> set[str]:
    if isinstance(kind, Table):
        return set(kind.keys).union(*(_words(key.kind) for key in kind.keys.values()))
    return _words(kind.item) if isinstance(kind, (ListOf, MapOf)) else set()


WORDS = sorted(_words(ROOT))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(
        ["5m", "1GiB", "1.0.0", "bash", "true", "${{ x }}", "exit:3", "list", "choice", "secret", "a", "\0", "(a", "continue"]
    )
)
KEYS = st.sampled_from(WORDS) | st.sampled_from(["a", "b-c", "PATH"]) | st.text(max_size=4) | st.integers() | st.none()
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20)
EVERYTHING = tomllib.loads((Path(__file__).parents[1] / "unit/lang/everything.toml").read_text(encoding="utf-8"))


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, value in inner for place in _places(value, (*path, key)))]


def _replaced(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = _replaced(tree[path[0]], path[1:], value)
    return copy


MUTATED = st.tuples(st.sampled_from(_places(EVERYTHING)), SCALARS | TREES).map(lambda drawn: _replaced(EVERYTHING, *drawn))


def _built(tree: Any) -> tuple[Workflow | None, Problems]:
    document = Document(tree)
    problems = Problems(document)
    return build(document, problems), problems


@given(TREES | MUTATED)
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_is_built_or_told_about(tree):
    workflow, problems = _built(tree)
    assert workflow is not None or problems.failed
    for problem in problems:
        assert problem.code in CODES
        assert problem.message
        assert "\n" not in problem.message
        assert len(problem.message) < 1000


@functools.cache
def _schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema())


@given(MUTATED)
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_what_the_build_accepts_fits_the_schema(tree):
    _, problems = _built(tree)
    if not problems.failed:
        assert [error.message for error in _schema().iter_errors(tree)] == []


@given(MUTATED)
def test_what_is_right_is_built_the_same_whatever_stands_beside_it(tree):
    if not isinstance(tree, dict) or not isinstance(tree.get("steps"), dict):
        return
    workflow, _ = _built(tree)
    whole, _ = _built(EVERYTHING)
    assert workflow is not None
    assert whole is not None
    for name, step in tree["steps"].items():
        if step == EVERYTHING["steps"].get(name) and repr(step) == repr(EVERYTHING["steps"].get(name)):
            assert workflow.steps[name] == whole.steps[name]


FIELDS = st.builds(
    Field,
    name=st.just("p"),
    type=st.sampled_from([*BUILTIN_TYPES, "plugin"]),
    required=st.booleans(),
    pattern=st.none() | st.sampled_from(["[a-z]*", "(a+)+b", "(", "^1"]),
    choices=st.just(()) | st.just(("a", "b")),
    minimum=st.none() | st.integers(-3, 3),
    maximum=st.none() | st.floats(-3, 3),
    items=st.none() | st.sampled_from([*BUILTIN_TYPES, "plugin"]),
)


def _answer(call: Callable[[Field, Any], Any], field: Field, value: Any) -> tuple[bool, Any]:
    """Return whether the value is taken, and what it becomes or why not."""
    try:
        return True, call(field, value)
    except ValueProblem as problem:
        return False, problem.message


@given(FIELDS, st.text() | st.sampled_from(["[1]", "{}", "a=b", "1,2", "true", "[[", "1e5", "-0"]))
def test_any_text_is_a_value_of_its_type_or_refused(field, text):
    taken, value = _answer(parse_text, field, text)
    assert _answer(check_value, field, value) == (True, value) if taken else value


@given(FIELDS, TREES)
def test_any_data_is_a_value_of_its_type_or_refused(field, data):
    taken, value = _answer(check_value, field, data)
    assert _answer(check_value, field, value) == (True, value) if taken else value
