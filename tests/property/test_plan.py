"""A plan's document and the plan are the same thing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ropeway.lang.model import (
    Artifact,
    Concurrency,
    Field,
    Policy,
    Repeat,
    Requirements,
    Resources,
    Retry,
    SandboxPolicy,
    WorkspacePolicy,
)
from ropeway.lang.plan import Frame, Plan, PlanStep, Template, Value, plan_from_json

TEXT = st.text(max_size=6)
NAMES = st.text(alphabet="abcxyz_-", min_size=1, max_size=4)
NUMBERS = st.integers() | st.floats(allow_nan=False)
DATA = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def tuples(item: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(item, max_size=3).map(tuple)


def maps(item: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(NAMES, item, max_size=2)


def maybe(item: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | item


FIELDS = st.builds(
    Field,
    name=NAMES,
    type=st.sampled_from(["string", "integer", "list", "secret", "acme/date"]),
    required=st.booleans(),
    has_default=st.booleans(),
    default=DATA,
    pattern=maybe(TEXT),
    choices=tuples(TEXT),
    minimum=maybe(NUMBERS),
    maximum=maybe(NUMBERS),
    items=maybe(TEXT),
    source=maybe(TEXT),
)
STEPS = st.builds(
    PlanStep,
    id=NAMES,
    kind=st.sampled_from(["script", "argv", "builtin", "workflow", "gate"]),
    needs=tuples(NAMES),
    when=maybe(TEXT),
    uses=maybe(TEXT),
    script=maybe(TEXT),
    shell=tuples(TEXT),
    variables=maps(TEXT),
    argv=tuples(TEXT),
    frames=tuples(st.builds(Frame, inputs=maps(DATA), fields=maps(FIELDS))),
    env=tuples(st.tuples(st.integers(0, 3), NAMES, TEXT)),
    outputs=maybe(maps(FIELDS)),
    retry=maybe(st.builds(Retry, attempts=st.integers(1, 9), delay=st.floats(0, 9), max_delay=maybe(st.floats(0, 9)), on=tuples(TEXT))),
    timeout=maybe(st.floats(0, 9)),
    resources=maybe(st.builds(Resources, cpu=st.floats(0, 9), memory=st.integers(0, 9))),
    pure=st.booleans(),
    interactive=st.booleans(),
    foreach=maybe(TEXT),
    max_parallel=maybe(st.integers(1, 9)),
    repeat=maybe(st.builds(Repeat, until=TEXT, max=st.integers(1, 9))),
    secrets=tuples(TEXT),
)
POLICIES = st.builds(
    Policy,
    max_parallel=st.integers(1, 9),
    concurrency=maybe(st.builds(Concurrency, group=TEXT)),
    timeout=maybe(st.floats(0, 9)),
    workspace=maybe(st.builds(WorkspacePolicy, tools=tuples(TEXT))),
    sandbox=maybe(st.builds(SandboxPolicy, level=TEXT, secrets=tuples(TEXT))),
)
TEMPLATES = st.builds(
    Template,
    id=NAMES,
    version=maybe(TEXT),
    digest=TEXT,
    source=maybe(TEXT),
    parameters=maps(FIELDS),
    requirements=st.builds(Requirements, commands=tuples(TEXT), image=maybe(TEXT)),
    policy=POLICIES,
    steps=tuples(STEPS),
    artifacts=maps(st.builds(Artifact, name=NAMES, path=TEXT, retention=maybe(st.floats(0, 9)))),
    outputs=maps(DATA),
    workflows=maps(TEXT),
)
PLANS = st.builds(
    Plan,
    template=TEMPLATES,
    parameters=maps(st.builds(Value, value=DATA, origin=TEXT)),
    env=maps(TEXT),
    workflows=maps(TEMPLATES),
    overrides=tuples(TEXT),
    warnings=tuples(TEXT),
)


@given(PLANS)
def test_a_plan_read_back_from_json_text_is_the_same_plan(plan: Plan):
    text = json.dumps(plan.to_json(), allow_nan=False) if _finite(plan) else json.dumps(plan.to_json())
    again = plan_from_json(json.loads(text))
    assert again == plan
    assert repr(again) == repr(plan), "1, 1.0 and True are equal, and still have to come back as what they were"


@given(PLANS)
def test_reading_a_document_and_writing_it_again_changes_nothing(plan: Plan):
    document = json.loads(json.dumps(plan.to_json()))
    assert plan_from_json(document).to_json() == document


def _finite(plan: Plan) -> bool:
    return "inf" not in repr(plan)
