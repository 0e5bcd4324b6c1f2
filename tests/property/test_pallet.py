"""Whatever a Pallet document holds, reading it gives a workflow or diagnostics, never an exception."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ropeway.lang.diagnostics import Problems
from ropeway.lang.dialects import is_pallet, locator_for, read_dialect
from ropeway.lang.dialects.pallet_templates import Fault, Read, scan, to_expression, to_template
from ropeway.lang.expressions import parse, references
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
    assert (read_dialect(document, problems) is None) == problems.failed


@st.composite
def well_formed(draw):
    """Return a document in which nothing is wrong, and for each step the steps that must be done before it and those beside it."""
    made = []

    def name():
        made.append(f"s{len(made)}")
        return made[-1]

    def a_list(depth, before):
        found = []
        for _ in range(draw(st.integers(0 if depth < 3 else 1, 3))):
            step = a_step(depth, before)
            found.append(step)
            if "skill" in step:
                before = [*before, step["id"]]
        return found

    def template(before):
        return draw(st.sampled_from(["{{ workflow.input.x }}", *(f"a {{{{ steps.{name}.outputs.r.y }}}}" for name in before)]))

    def a_step(depth, before):
        kind = draw(st.sampled_from(["sequential", "parallel", "conditional", "switch"] if depth else ["sequential"]))
        step = {"id": name(), "step_type": kind}
        if kind == "sequential":
            return {**step, "skill": "s", "outputs": "r", "inputs": {"x": template(before)}}
        step["condition"] = template(before)
        if kind == "parallel":
            del step["condition"]
            step["branches"] = {"steps": [a_step(depth - 1, before) for _ in range(draw(st.integers(0, 3)))]}
        else:
            cases = ["if_true", "if_false"] if kind == "conditional" else ["a", "1", "default"]
            step["branches"] = {case: a_list(depth - 1, before) for case in cases if draw(st.booleans())}
        return step

    return {"metadata": {"id": "demo", "name": "Demo", "version": "1.0.0"}, "steps": a_list(3, [])}


def calls(steps):
    """Yield the ids of all steps that call something, inner ones too."""
    for step in steps:
        if "skill" in step:
            yield step["id"]
        for inner in step.get("branches", {}).values():
            yield from calls(inner)


@given(well_formed())
def test_a_right_document_keeps_its_steps_and_their_order(data):
    document, found = read_document(json.dumps(data).encode(), "x.yaml")
    problems = Problems(locator_for(document))
    workflow = read_dialect(document, problems)
    if not data["steps"]:
        return
    assert (found, problems.sorted()) == ([], [])
    assert list(workflow.steps) == list(calls(data["steps"]))
    graph = Graph({step.id: step.needs for step in workflow.steps.values()})
    assert len(graph.order) == len(workflow.steps)
    reads = []
    for step in workflow.steps.values():
        assert set(step.needs) <= set(workflow.steps)
        assert_templates_parse(step.inputs)
        texts = [step.when] if step.when else []
        texts += [hole.expression.text for hole in parse_template(step.inputs["x"]).holes]
        paths = [path for text in texts for path in references(parse(text))]
        reads += [(step.id, path[1]) for path in paths if path[0] == "steps"]
    assert graph.hidden(reads) == frozenset(), "what is read has surely run before"
    before = []
    for step in data["steps"]:
        inside = list(calls([step]))
        for name in inside:
            assert set(before) <= graph.ancestors(name), "a step of the list needs all that stands above it"
        before += inside


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
