"""Whatever a Pallet document holds, reading it gives a workflow or diagnostics, never an exception."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ropeway.lang.diagnostics import Problems
from ropeway.lang.dialects import is_pallet, locator_for, read_dialect
from ropeway.lang.dialects.pallet_templates import Fault, Read, scan, to_expression, to_template
from ropeway.lang.expressions import parse
from ropeway.lang.expressions.template import parse_template, render
from ropeway.lang.graph import Graph
from ropeway.lang.source import read_document

BRACES = st.text(st.sampled_from(list("{}$ .ab-_0'\"\\\n|")), max_size=40)
TEMPLATES = st.sampled_from(
    ["{{ workflow.input.a }}", "{{workflow.input.b.c}}", "{{ workflow.input }}", "{{ steps.a.outputs.x.y }}", "{{ steps.b.outputs }}"]
)
TEXT = st.one_of(BRACES, TEMPLATES, st.lists(st.one_of(TEMPLATES, BRACES), max_size=4).map("".join), st.text(max_size=10))
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
IDS = st.sampled_from(["a", "b", "c", "d-e", "f", "g", "in"])


def mapping(known):
    """Return maps that mostly look right: some keys missing, some values of another kind, some keys unknown."""
    return st.fixed_dictionaries({}, optional={key: st.one_of(value, value, value, VALUE) for key, value in known.items()})


def steps(inner):
    return st.lists(
        mapping(
            {
                "id": IDS,
                "skill": st.sampled_from(["plan", "execute_workflow", "x@y", ""]),
                "inputs": st.dictionaries(st.sampled_from(["workflow_id", "input", "x"]), VALUE, max_size=3),
                "outputs": st.sampled_from(["x", "result"]),
                "timeout": st.one_of(st.integers(), st.floats()),
                "step_type": st.sampled_from(["sequential", "parallel", "conditional", "switch"]),
                "condition": VALUE,
                "branches": st.dictionaries(st.sampled_from(["steps", "if_true", "if_false", "default", "1", ""]), inner, max_size=3),
                "odd": VALUE,
            }
        ),
        max_size=4,
    )


DOCUMENTS = mapping(
    {
        "metadata": mapping({"id": st.just("demo"), "name": TEXT, "version": st.just("1.0.0"), "tags": VALUE}),
        "steps": st.recursive(st.just([]), steps, max_leaves=4),
    }
)


@given(DOCUMENTS)
def test_any_document_is_read_or_refused_and_never_raises(data):
    data = {"metadata": {}, **json.loads(json.dumps(data).replace("NaN", "1").replace("Infinity", "2"))}
    document, found = read_document(json.dumps(data).encode(), "x.yaml")
    if found or not is_pallet(document.data):
        return
    problems = Problems(locator_for(document))
    workflow = read_dialect(document, problems)
    assert (workflow is None) == problems.failed
    if workflow is None:
        return
    graph = Graph({step.id: step.needs for step in workflow.steps.values()})
    assert len(graph.order) == len(workflow.steps)
    for step in workflow.steps.values():
        assert set(step.needs) <= set(workflow.steps)
        if step.when is not None:
            parse(step.when)
        assert_templates_parse(step.inputs)


@given(VALUE, VALUE)
def test_a_document_of_anything_never_raises(metadata, steps):
    document, _ = read_document(b"{}", "x.yaml")
    document.data = {"metadata": metadata, "steps": steps}
    if is_pallet(document.data):
        problems = Problems(locator_for(document))
        assert (read_dialect(document, problems) is None) == problems.failed


def assert_templates_parse(value):
    if isinstance(value, str):
        assert all(hole.error is None for hole in parse_template(value).holes)
    elif isinstance(value, dict):
        for item in value.values():
            assert_templates_parse(item)
    elif isinstance(value, list):
        for item in value:
            assert_templates_parse(item)


@given(TEXT)
def test_translating_changes_what_is_read_and_no_other_character(text):
    parts = scan(text)
    if any(isinstance(part, Fault) for part in parts):
        return
    if not any(isinstance(part, Read) for part in parts):
        assert "".join(part for part in parts if isinstance(part, str)) == text
    translated = parse_template(to_template(parts, lambda read: f"v['{'.'.join(read.path)}']"))
    wanted = "".join(part if isinstance(part, str) else f"<{'.'.join(part.path)}>" for part in parts)
    values = {".".join(part.path): f"<{'.'.join(part.path)}>" for part in parts if isinstance(part, Read)}
    assert render(translated, {"v": values}) == wanted


@given(TEXT)
def test_every_condition_is_an_expression(text):
    parse(to_expression(scan(text), lambda read: f"v['{'.'.join(read.path)}']"))
