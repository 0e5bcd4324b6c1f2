"""Any graph is drawn in every format, each step once, nothing on top of anything else."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.lang.draw import FORMATS, draw
from ropeway.lang.draw.boxes import place
from ropeway.lang.draw.collapse import collapse
from ropeway.lang.draw.picture import graph_of, picture_of, size
from ropeway.lang.plan import Plan, PlanStep, Template

TEXT = st.text(max_size=30)


@st.composite
def plans(draw_from, text=TEXT):
    """Return a plan with one sub-workflow, its steps in an order in which needs come first."""

    def steps(uses):
        made = []
        for n in range(draw_from(st.integers(0, 9))):
            needs = draw_from(st.sets(st.sampled_from(made))) if made else set()
            made.append(f"s{n}")
            kind = draw_from(st.sampled_from(["script", "gate", "agent", *uses]))
            name = draw_from(st.none() | text)
            when = draw_from(st.none() | text)
            yield PlanStep(made[-1], kind, needs=tuple(sorted(needs)), name=name, when=when, uses="k" if kind != "script" else None)

    inner = Template("inner", steps=tuple(steps([])))
    return Plan(Template("outer", name=draw_from(text), steps=tuple(steps(["workflow"]))), workflows={"k": inner})


@settings(max_examples=60)
@given(plans(), st.dictionaries(st.sampled_from(["s0", "s1", "s1[0]", "s2/s0"]), TEXT))
def test_any_plan_is_drawn_in_every_format(plan, states):
    for form in FORMATS:
        text = draw(plan, form, states=states, limit=8)
        assert all(line.isprintable() for line in text.split("\n")), "nothing in a name acts on a terminal"
    ET.fromstring(draw(plan, "svg", states=states))


@settings(max_examples=60)
@given(plans(st.just("name")))
def test_no_two_boxes_of_any_plan_overlap(plan):
    boxes = place(picture_of(plan), with_states=False).boxes
    for one, other in combinations(boxes, 2):
        apart = one.x + one.width <= other.x or other.x + other.width <= one.x
        assert apart or one.y + one.height <= other.y or other.y + other.height <= one.y


@given(plans(st.just("name")))
def test_a_tree_shows_each_step_once_and_after_what_it_needs(plan):
    outer = [line for line in draw(plan, "tree", ascii_only=True).splitlines()[1:] if ":" not in line]
    shown = [re.search(r"s\d+", line)[0] for line in outer]
    assert sorted(shown) == sorted(step.id for step in plan.template.steps)
    for step in plan.template.steps:
        assert all(shown.index(need) < shown.index(step.id) for need in step.needs)


@given(plans(st.just("name")), st.integers(1, 20))
def test_a_collapsed_picture_keeps_to_the_limit_and_to_the_order(plan, limit):
    small = collapse(picture_of(plan), limit)
    assert size(small) <= limit or not small.nodes
    assert len(graph_of(small).order) == len(small.nodes)
