"""What a picture shows: boxes, needs, marks, opened sub-workflows, states; and how a large one becomes small."""

from __future__ import annotations

import pytest

from ropeway.lang.draw import FORMATS, draw
from ropeway.lang.draw.collapse import collapse
from ropeway.lang.draw.picture import Mark, closed, graph_of, picture_of, size
from ropeway.lang.draw.states import LOOKS, States
from ropeway.lang.draw.words import columns, counted, plain, shortened
from ropeway.lang.model import Repeat, Retry
from ropeway.lang.plan import Plan, PlanStep, Template


def step(address, *needs, kind="script", **keys):
    return PlanStep(address, kind, needs=needs, **keys)


def plan_of(*steps, workflows=None, **keys):
    return Plan(Template("acme/demo", "1.2.0", steps=steps, **keys), workflows=workflows or {})


def chain(length):
    return plan_of(*(step(f"s{n}", *([f"s{n - 1}"] if n else [])) for n in range(length)))


def fan(width):
    names = [f"shard-{n}" for n in range(width)]
    return plan_of(step("start"), *(step(name, "start") for name in names), step("merge", *names))


RELEASE = Template("acme/release", steps=(step("build"), step("sign", "build"), step("upload", "sign", kind="builtin", uses="http-get")))
NESTED = plan_of(step("test"), step("release", "test", kind="workflow", uses="k"), step("tell", "release"), workflows={"k": RELEASE})


def test_a_picture_has_a_box_per_step_and_the_workflow_s_name():
    picture = picture_of(plan_of(step("a", name="First"), step("b", "a", "a", kind="agent", uses="x"), name="Demo"))
    assert picture.title == "Demo 1.2.0"
    assert [(node.id, node.label, node.detail, node.needs) for node in picture.nodes] == [
        ("a", "a", "First", ()),
        ("b", "b", "agent x", ("a",)),
    ]


def test_marks_say_what_is_special_about_a_step():
    special = step("a", kind="gate", uses="approve", foreach="params.x", repeat=Repeat("true", 5), when="params.y", retry=Retry(attempts=3))
    (node,) = picture_of(plan_of(special)).nodes
    assert node.marks == (
        Mark("gate", "gate approve"),
        Mark("foreach", "for each in params.x"),
        Mark("repeat", "repeat up to 5 times"),
        Mark("when", "when params.y"),
        Mark("retry", "3 attempts"),
    )
    assert [mark.words for mark in node.marks] == ["gate approve", "for each", "repeat up to 5 times", "when", "3 attempts"]


def test_sub_workflows_are_opened_with_addresses_as_in_a_run():
    picture = picture_of(NESTED)
    inner = picture.nodes[1].inner
    assert inner is not None
    assert [(node.id, node.needs) for node in inner.nodes] == [
        ("release/build", ()),
        ("release/sign", ("release/build",)),
        ("release/upload", ("release/sign",)),
    ]
    assert size(picture) == 6


def test_a_closed_box_stands_for_everything_inside():
    node = closed(picture_of(NESTED).nodes[1])
    assert node.inner is None
    assert node.detail == "workflow acme/release · 3 steps"
    assert node.members == ("release", "release/build", "release/sign", "release/upload")


def test_a_sub_workflow_that_uses_itself_is_opened_once():
    loop = Template("acme/loop", steps=(step("again", kind="workflow", uses="k"),))
    picture = picture_of(plan_of(step("a", kind="workflow", uses="k"), workflows={"k": loop}))
    assert size(picture) == 2


def test_sub_workflows_that_multiply_are_opened_only_as_far_as_fits():
    levels = {
        f"k{n}": Template(f"l{n}", steps=tuple(step(f"s{i}", kind="workflow", uses=f"k{n + 1}") for i in range(10))) for n in range(10)
    }
    picture = picture_of(plan_of(step("a", kind="workflow", uses="k0"), workflows=levels))
    assert size(picture) <= 20_000


@pytest.mark.parametrize(
    ("plan", "limit", "boxes"),
    [
        (chain(300), 300, 300),
        (chain(301), 300, 151),
        (chain(10_000), 300, 295),
        (chain(10), 1, 1),
        (fan(1000), 300, 3),
        (fan(1000), 2, 2),
        (NESTED, 6, 6),
        (NESTED, 5, 3),
        (plan_of(*(step(f"s{n}") for n in range(1000))), 300, 1),
    ],
)
def test_a_large_picture_is_collapsed_to_the_limit_and_loses_no_step(plan, limit, boxes):
    before = picture_of(plan)
    after = collapse(before, limit)
    assert size(after) == boxes
    assert len(graph_of(after).order) == len(after.nodes), "no need points forward"
    if after.nodes[0].inner is None:
        assert sorted(members(after)) == sorted(members(before))


def members(picture):
    for node in picture.nodes:
        yield from node.members
        if node.inner is not None:
            yield from members(node.inner)


def test_collapsed_boxes_name_the_first_and_the_last_and_count_all():
    start, shards, merge = collapse(picture_of(fan(1000)), 300).nodes
    assert (start.label, shards.label, shards.detail, merge.label) == ("start", "shard-0 … shard-999", "1,000 steps", "merge")
    assert (shards.needs, merge.needs) == (("start",), ("shard-0",))


def test_layers_that_need_each_other_fully_collapse_by_level():
    steps = [step(f"{level}-{n}", *(f"{level - 1}-{m}" for m in range(20) if level and m != n)) for level in range(20) for n in range(20)]
    after = collapse(picture_of(plan_of(*steps)), 30)
    assert len(after.nodes) == 20
    assert after.nodes[3].needs == (after.nodes[2].id,)


def test_states_are_looked_up_by_address_and_its_instances():
    picture = picture_of(plan_of(step("a"), step("b", foreach="x"), step("c")))
    a, b, c = picture.nodes
    states = States({"a": "succeeded", "b[0]": "succeeded", "b[1]#2": "running", "b[2]": "succeeded"})
    assert (states.of(a), states.of(b), states.of(c)) == ("succeeded", "running", "pending")
    assert States(None).of(a) is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"s0": "succeeded", "s1": "succeeded", "s2": "succeeded"}, "succeeded"),
        ({"s0": "succeeded", "s1": "failed", "s2": "skipped"}, "failed"),
        ({"s0": "succeeded", "s1": "succeeded"}, "running"),
        ({}, "pending"),
        ({"s0": "warning", "s1": "succeeded", "s2": "succeeded"}, "warning"),
        ({"s0": "skipped", "s1": "skipped", "s2": "skipped"}, "skipped"),
    ],
)
def test_a_box_of_many_steps_shows_the_state_that_matters_most(given, shown):
    (box,) = collapse(picture_of(chain(3)), 1).nodes
    assert States(given).of(box) == shown


def test_every_state_of_a_step_has_a_look():
    states = {"pending", "ready", "running", "waiting", "interrupted", "succeeded", "warning", "failed", "skipped", "cancelled"}
    assert set(LOOKS) == states
    assert len({look.sign for look in LOOKS.values()}) == len({look.ascii for look in LOOKS.values()}) == len(states)


def test_text_of_people_is_harmless_and_short():
    assert plain("a\n\x1b[31mb\u202e\tc") == "a [31mb c"
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 10) == "abcdef…ijk"
    assert shortened("日本語のステップ", 9) == "日本…プ"
    assert [columns(text) for text in ("abc", "日本", "e\u0301")] == [3, 4, 1]
    assert [counted(n) for n in (0, 1, 1234)] == ["0 steps", "1 step", "1,234 steps"]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_draws_nothing_one_thing_and_ten_thousand(form):
    for plan in (plan_of(), plan_of(step("only")), chain(10_000), fan(10_000)):
        text = draw(plan, form, states={"only": "failed"})
        assert text.endswith("\n")
        assert len(text) < 200_000
