"""The tree for terminals, Mermaid and DOT: whole outputs."""

from __future__ import annotations

from textwrap import dedent

import pytest

from ropeway.lang.draw import draw
from ropeway.lang.model import Repeat
from ropeway.lang.plan import Plan, PlanStep, Template


def step(address, *needs, kind="script", **keys):
    return PlanStep(address, kind, needs=needs, **keys)


RELEASE = Template("acme/release", steps=(step("build"), step("sign", "build"), step("sbom", "build"), step("upload", "sign", "sbom")))
PLAN = Plan(
    Template(
        "acme/demo",
        "1.2.0",
        name="Demo",
        steps=(
            step("collect", name="Collect commits"),
            step("lint", "collect"),
            step("test", "collect", foreach="params.shards"),
            step("polish", "lint", repeat=Repeat("true", 5)),
            step("release", "test", kind="workflow", uses="k", when="params.publish"),
            step("approve", "lint", "test", kind="gate", uses="approve"),
            step("publish", "approve", "release", "polish", "collect"),
        ),
    ),
    workflows={"k": RELEASE},
)
STATES = {"collect": "succeeded", "lint": "warning", "test[0]": "running", "polish": "failed", "release/build": "cancelled"}


def lines(text):
    return dedent(text).lstrip("\n")


def test_a_tree_shows_each_step_once_below_what_all_ways_to_it_pass():
    assert draw(PLAN, "tree") == lines("""
        Demo 1.2.0
        collect  (Collect commits)
        ├─ lint
        │  ↓ polish  (repeat up to 5 times)
        └─ test  (for each in params.shards)
           ↓ release  (workflow acme/release, when params.publish)
           ┆ build
           ┆ ├─ sign
           ┆ └─ sbom
           ┆ ↓ upload  ← sign, sbom
        ↓ approve  (gate approve)  ← lint, test
        ↓ publish  ← approve, release, polish, collect
        """)


def test_a_tree_in_ascii_with_states():
    assert draw(PLAN, "tree", states=STATES, ascii_only=True) == lines("""
        Demo 1.2.0
        + collect  (Collect commits)
        |- ! lint
        |  > x polish  (repeat up to 5 times)
        `- > test  (for each in params.shards)
           > . release  (workflow acme/release, when params.publish)
           : # build
           : |- . sign
           : `- . sbom
           : > . upload  <- sign, sbom
        > . approve  (gate approve)  <- lint, test
        > . publish  <- approve, release, polish, collect
        """)


def test_a_step_that_joins_several_ways_comes_after_them_and_not_beside_them():
    steps = (
        step("checkout"),
        step("deps", "checkout"),
        step("lint", "checkout"),
        step("unit", "deps"),
        step("linux", "deps"),
        step("macos", "deps"),
        step("sign", "linux", "macos"),
        step("approve", "lint", "unit", "sign"),
        step("tag", "approve"),
        step("notes", "tag"),
        step("upload", "tag", "sign"),
        step("docs"),
        step("announce", "upload", "docs"),
    )
    assert draw(Plan(Template("release", steps=steps)), "tree") == lines("""
        release
        checkout
        ├─ deps
        │  ├─ unit
        │  ├─ linux
        │  └─ macos
        │  ↓ sign  ← linux, macos
        └─ lint
        ↓ approve  ← lint, unit, sign
        ↓ tag
        ↓ notes
        ↓ upload  ← tag, sign
        docs
        ↓ announce  ← upload, docs
        """)


def test_a_chain_is_not_indented_however_long():
    plan = Plan(Template("c", steps=tuple(step(f"s{n}", *([f"s{n - 1}"] if n else [])) for n in range(5000))))
    found = draw(plan, "tree", limit=None).splitlines()
    assert found[:3] == ["c", "s0", "↓ s1"]
    assert found[-1] == "↓ s4999"


def test_steps_without_needs_stand_side_by_side_and_many_needs_are_cut():
    names = [f"s{n}" for n in range(9)]
    plan = Plan(Template("c", steps=(*map(step, names), step("end", *names))))
    assert draw(plan, "tree").splitlines()[-1] == "↓ end  ← s0, s1, s2, s3, s4, s5 and 3 more"


def test_names_can_not_act_on_a_terminal():
    plan = Plan(Template("c", name="x\x1b]0;owned\x07", steps=(step("a", name="two\nlines \x1b[2J \u202eback"),)))
    assert draw(plan, "tree") == "x ]0;owned\na  (two lines [2J back)\n"


def test_ascii_holds_no_other_character():
    plan = Plan(Template("c", steps=(step("a", name="größer … 日本"),)))
    assert draw(plan, "tree", ascii_only=True) == "c\na  (gr??er ... ??)\n"


def test_mermaid_gives_boxes_names_of_its_own_and_groups_to_sub_workflows():
    assert draw(PLAN, "mermaid", states={"collect": "succeeded", "release": "failed"}) == lines("""
        ---
        title: "Demo 1.2.0"
        ---
        flowchart TD
            n0["collect<br/>Collect commits"]
            n1["lint"]
            n2["test<br/>for each in params.shards"]
            n3["polish<br/>repeat up to 5 times"]
            subgraph g4["release<br/>workflow acme/release<br/>when params.publish"]
                n7["build"]
                n8["sign"]
                n9["sbom"]
                n10["upload"]
            end
            n5{{"approve<br/>gate approve"}}
            n6["publish"]
            n7 --> n8
            n7 --> n9
            n8 --> n10
            n9 --> n10
            n0 --> n1
            n0 --> n2
            n1 --> n3
            n2 --> g4
            n1 --> n5
            n2 --> n5
            n5 --> n6
            g4 --> n6
            n3 --> n6
            n0 --> n6
            classDef succeeded stroke:#1e7a34,stroke-width:3px
            class n0 succeeded
            classDef pending stroke:#6b7682,stroke-width:3px
            class n1,n2,n7,n8,n9,n10,n3,n5,n6 pending
            classDef failed stroke:#c62828,stroke-width:3px
            class g4 failed
        """).replace("n1,n2,n7,n8,n9,n10,n3,n5,n6", "n1,n2,n3,n7,n8,n9,n10,n5,n6")


@pytest.mark.parametrize(
    "name", ['"]; click n0 "javascript:alert(1)"', "end", "`**bold**`", "<img src=x onerror=alert(1)>", "%%{init}%%", "#quot;", "a\nb"]
)
def test_no_name_means_anything_to_mermaid(name):
    text = draw(Plan(Template("c", name=name, steps=(step("a", name=name),))), "mermaid")
    head, title, _, chart, box = text.splitlines()
    assert (head, chart) == ("---", "flowchart TD")
    assert not set(title.removeprefix('title: "').removesuffix('"')) & set('"\\<>`#%:;')
    inside = box.removeprefix('    n0["a<br/>').removesuffix('"]')
    assert not set(inside) & set("\"'`<>[](){}%&*\\\n")


def test_dot_gives_clusters_to_sub_workflows():
    assert draw(NESTED, "dot") == lines("""
        digraph workflow {
            graph [rankdir="TB", compound=true, fontname="monospace", labelloc="t"];
            node [shape="box", style="rounded", fontname="monospace", fontsize=11];
            edge [color="#6b7682"];
            label="n";
            n0 [label="test"];
            subgraph cluster_n1 {
                graph [label="", style="rounded"];
                n1 [label="release\\nworkflow s", shape="plaintext"];
                n3 [label="build"];
                n1 -> n3 [style="invis"];
            }
            n2 [label="ask\\ngate form", shape="hexagon"];
            n0 -> n1 [lhead="cluster_n1"];
            n1 -> n2 [ltail="cluster_n1"];
        }
        """)


NESTED = Plan(
    Template(
        "n", steps=(step("test"), step("release", "test", kind="workflow", uses="k"), step("ask", "release", kind="gate", uses="form"))
    ),
    workflows={"k": Template("s", steps=(step("build"),))},
)


def test_no_name_means_anything_to_dot():
    text = draw(Plan(Template("c", steps=(step("a", name='x"]; b [label="\\N \\l & &lt; <b>'),))), "dot")
    assert '    n0 [label="a\\nx\\"]; b [label=\\"\\\\N \\\\l &amp; &amp;lt; <b>"];' in text
