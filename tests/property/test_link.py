"""Whatever a workflow says: checking and linking it end in a plan or in diagnostics."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ropeway.errors import InvalidWorkflow
from ropeway.lang.build import build
from ropeway.lang.diagnostics import Location, Problems
from ropeway.lang.digests import step_digests
from ropeway.lang.graph import Graph
from ropeway.lang.link import LinkedSource, Missing, link
from ropeway.lang.plan import Value, plan_from_json


class Tree:
    """Data without a file."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    def locate(self, path, *, key=False, offset=None, length=1):
        assert offset is None or offset >= 0
        assert length >= 0
        return Location("data", 1, 1, 2, repr((path, key)))


NAMES = st.sampled_from(["a", "b", "c", "d"])
SOURCES = st.sampled_from(
    [
        "params.p",
        "params.q > 3",
        "steps.a.outputs.x",
        "steps.b.exit_code == 0",
        "steps['c'].state",
        "steps[item]",
        "steps",
        "item",
        "inputs.n + 1",
        "secrets.GH",
        "secrets",
        "[1, 2]",
        "failure() && true",
        "default(steps.a.outputs.n, 3)",
        "file('x')",
        "1 +",
        "'}}'",
        "{'a': [1]}",
        "",
    ]
)
TEXTS = st.one_of(
    SOURCES,
    SOURCES.map(lambda s: "${{ " + s + " }}"),
    st.tuples(st.text(max_size=4), SOURCES).map(lambda t: t[0] + "${{" + t[1] + "}}$${{ x"),
    st.text(max_size=8),
)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans(), lambda v: st.lists(v, max_size=2) | st.dictionaries(NAMES, v, max_size=2), max_leaves=4
)
TYPES = st.sampled_from(["string", "integer", "boolean", "list", "map", "secret", "path", "nonsense"])
FIELDS = st.dictionaries(NAMES | st.sampled_from(["n", "x"]), TYPES.map(lambda t: {"type": t}), max_size=2)
RUNS = TEXTS | st.lists(TEXTS, min_size=1, max_size=2)
USES = st.sampled_from(
    [
        "action:a",
        "action:b",
        "action:zz",
        "builtin:assert",
        "builtin:http-get",
        "builtin:x",
        "gate:approve",
        "gate:choose",
        "gate:form",
        "plugin:p",
        "workflow:./a.toml",
        "workflow:w@r",
        "workflow:a@@b",
        "agent:x",
        "x",
        ":",
    ]
)
INPUTS = st.dictionaries(st.sampled_from(["n", "that", "url", "prompt", "choices", "fields", "default", "deadline"]), VALUES, max_size=3)


def tables(required: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


COMMON = {"env": st.dictionaries(st.sampled_from(["A", "B"]), TEXTS, max_size=2), "outputs": FIELDS, "timeout": st.just("1m")}
STEP_KEYS = {
    **COMMON,
    "needs": st.lists(NAMES, max_size=2),
    "when": TEXTS,
    "foreach": TEXTS,
    "repeat": TEXTS.map(lambda t: {"until": t, "max": 2}),
    "on_error": st.just("continue"),
    "workspace": TEXTS,
    "interactive": st.booleans(),
    "shell": st.sampled_from(["sh", "python", "node"]),
}
STEPS = tables({"run": RUNS}, STEP_KEYS) | tables({"uses": USES}, {**STEP_KEYS, "inputs": INPUTS})
ACTIONS = tables({"run": RUNS}, {**COMMON, "inputs": FIELDS}) | tables({"uses": USES}, {**COMMON, "inputs": FIELDS, "with": INPUTS})
WORKFLOWS = tables(
    {"id": st.just("demo"), "steps": st.dictionaries(NAMES, STEPS, min_size=1, max_size=4)},
    {
        "actions": st.dictionaries(NAMES, ACTIONS, max_size=3),
        "parameters": st.fixed_dictionaries({"p": st.just({"default": "x"}), "q": TYPES.map(lambda t: {"type": t, "required": False})}),
        "outputs": st.dictionaries(NAMES, VALUES, max_size=2),
        "artifacts": st.dictionaries(NAMES, TEXTS.map(lambda t: {"path": t}), max_size=1),
        "policy": TEXTS.map(lambda t: {"concurrency": {"group": t}, "sandbox": {"secrets": ["GH"]}}),
    },
)
GIVEN = st.dictionaries(st.sampled_from(["p", "q", "r"]), st.builds(Value, VALUES, st.sampled_from(["param", "params-file"])), max_size=2)


def loaded(data: dict[str, Any], path: str) -> LinkedSource | None:
    tree = Tree(data)
    problems = Problems(tree)
    workflow = build(tree, problems)
    return LinkedSource(workflow, f"sha256:{path}", path, tree) if workflow is not None else None


@given(WORKFLOWS, WORKFLOWS, GIVEN)
def test_linking_ends_in_a_plan_or_in_diagnostics(main: dict[str, Any], other: dict[str, Any], values: dict[str, Value]):
    source, sub = loaded(main, "/p/workflow.toml"), loaded(other, "/p/a.toml")
    assert source is not None
    assert sub is not None
    library = {"/p/a.toml": sub, "w@r": sub}
    try:
        made = link(source, library, values)
    except InvalidWorkflow as error:
        made = error
    if isinstance(made, InvalidWorkflow):
        assert any(one.severity == "error" for one in made.diagnostics)
        return
    assert not isinstance(made, Missing)
    assert plan_from_json(json.loads(json.dumps(made.to_json()))) == made
    steps = made.template.steps
    assert [step.id for step in steps] == list(main["steps"])
    assert set(Graph({step.id: step.needs for step in steps}).order) == set(main["steps"])
    assert all(step.uses in made.workflows for step in steps if step.kind == "workflow")
    assert all("${{" not in (step.when or "") for step in steps)
    assert set(step_digests(made)) == set(main["steps"])


@st.composite
def sound(draw: st.DrawFn) -> dict[str, Any]:
    """Workflows without a mistake: every step needs some of those before it, in the file or not."""
    names = [f"s{n}" for n in range(draw(st.integers(1, 8)))]
    steps = {}
    for at, name in enumerate(names):
        needs = draw(st.lists(st.sampled_from(names[:at]), unique=True, max_size=3)) if at else []
        read = f"steps.{needs[0]}.state" if needs else "params.p"
        run = draw(st.sampled_from(["true", f"echo ${{{{ {read} }}}}", ["echo", f"a ${{{{ {read} }}}}"]]))
        steps[name] = {"needs": needs, "run": run}
        if draw(st.booleans()):
            steps[name] |= {"when": f"{read} != 'x'", "env": {"X": f"${{{{ {read} }}}}"}}
    shuffled = draw(st.permutations(names))
    return {"id": "demo", "parameters": {"p": {"default": "x"}}, "steps": {name: steps[name] for name in shuffled}}


@given(sound())
def test_a_workflow_without_a_mistake_is_planned_and_its_plan_reads_back_exactly(data: dict[str, Any]):
    source = loaded(data, "/p/workflow.toml")
    assert source is not None
    made = link(source, {}, {})
    assert not isinstance(made, Missing)
    assert plan_from_json(json.loads(json.dumps(made.to_json()))) == made
    assert [step.id for step in made.template.steps] == list(data["steps"])
    assert [list(step.needs) for step in made.template.steps] == [step["needs"] for step in data["steps"].values()]
    assert not any("${{" in (step.script or "") for step in made.template.steps)
