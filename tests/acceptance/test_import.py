"""`workflow import justfile`: what it prints and writes, whole."""

from __future__ import annotations

import json
import os
import pty
import re
import stat

from acceptance.harness import Project, Said

JUSTFILE = """
    version := "1.2.3"

    # List the recipes
    default:
        @just --list

    # Compile it
    build target="debug":
        mkdir -p out
        cd out && echo "{{ version }} for {{ target }}" > {{ target }}

    # Look at the result
    test *args: build
        @cat out/debug; echo tested {{ args }}

    here:
        echo {{ invocation_directory() }}

    [confirm("Really?")]
    publish to: test
        echo "{{ to }}"

    both: here test
    """

WORKFLOW = """
    # Made from justfile by `workflow import justfile`.
    # `workflow run --param recipe=NAME` does what `just NAME` did.

    id = "project"
    description = "The recipes of justfile."

    [parameters.recipe]
    type = "choice"
    choices = ["build", "test", "publish"]
    description = "The recipe to run"

    [parameters.build_target]
    default = "debug"
    description = "For build"

    [parameters.test_args]
    type = "list"
    default = []
    description = "For test"

    [parameters.publish_to]
    required = false
    description = "For publish"

    [parameters.version]
    default = "1.2.3"

    [policy]
    # just works in place; without this line a run gets a working copy of its own.
    workspace = { backend = "none" }

    [steps.publish-check]
    when = "params.recipe == 'publish'"
    uses = "builtin:assert"
    inputs = { that = "${{ params.publish_to != null }}", message = "publish is given --param publish_to=…" }

    [steps.publish-confirm]
    needs = ["publish-check"]
    when = "params.recipe == 'publish'"
    uses = "gate:approve"
    inputs = { prompt = "Really?" }

    [steps.build]
    description = "Compile it"
    needs = ["publish-confirm"]
    shell = "sh"
    run = \"\"\"
    mkdir -p out
    (cd out && echo "${{ params.version }} for ${{ params.build_target }}" > ${{ params.build_target }})
    \"\"\"

    [steps.test]
    description = "Look at the result"
    needs = ["build"]
    when = "params.recipe in ['test', 'publish']"
    shell = "sh"
    run = \"\"\"
    args=${{ join(params.test_args, ' ') }}
    (set +e; cat out/debug; echo tested $args)
    \"\"\"

    # Not converted: here
    # justfile:17:13: the function invocation_directory() is not converted
    # To do: a run has one folder; hand the other one in as a parameter
    #
    #     here:
    #         echo {{ invocation_directory() }}

    [steps.publish]
    needs = ["test"]
    when = "params.recipe == 'publish'"
    shell = "sh"
    run = 'echo "${{ params.publish_to }}"'

    # Not converted: both
    # justfile:23:7: it needs the recipe 'here', which was not converted
    # To do: convert 'here' by hand, then this one
    #
    #     both: here test
    """

TOLD = """
    note: justfile:4:1: default: it only lists the recipes, so it has no step
    hint: `workflow run --help` lists the parameters, and with them the recipes
    note: justfile:10:55: outside quotes a value is one word here, and never program text: target of build, args of test
    warning: justfile:17:13: here: the function invocation_directory() is not converted
    hint: a run has one folder; hand the other one in as a parameter
    warning: justfile:23:7: both: it needs the recipe 'here', which was not converted
    hint: convert 'here' by hand, then this one
    """


def test_a_justfile_becomes_a_workflow_and_what_is_left_out_stands_in_its_place(project: Project) -> None:
    project.file("justfile", JUSTFILE)
    end = "    3 recipes converted, 2 left out\n    Next: `workflow run --help` shows its parameters\n    "
    assert project.run("import", "justfile") == Said(out="made workflow.toml\n", err=TOLD.rstrip(" ") + end)
    assert (project.root / "workflow.toml").read_text() == Said(out=WORKFLOW).out
    assert stat.S_IMODE((project.root / "workflow.toml").stat().st_mode) == 0o666 & ~_umask()
    assert project.run("validate", "--strict").status == 0
    assert [path.name for path in project.root.iterdir() if path.name.startswith(".")] == []


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_the_workflow_does_what_just_did(project: Project) -> None:
    project.file("justfile", JUSTFILE)
    project.run("import", "justfile")
    assert project.run("run", "--param", "recipe=test", "--param", "test_args=a b").status == 0
    assert project.raw("logs", ":test").stdout == b"1.2.3 for debug\ntested a b\n"
    asked = project.run("run", "--param", "recipe=publish")
    assert (asked.status, "publish is given --param publish_to=…" in asked.err) == (1, True)


def test_it_says_in_json_what_was_converted_and_what_not(project: Project) -> None:
    project.file("justfile", JUSTFILE)
    said = project.run("import", "justfile", "--json")
    assert (said.err, said.status) == ("", 0)
    assert json.loads(said.out) == {
        "workflow": "workflow.toml",
        "file": "justfile",
        "converted": [
            {"recipe": "build", "line": 8, "steps": ["build"]},
            {"recipe": "test", "line": 13, "steps": ["test"]},
            {"recipe": "publish", "line": 20, "steps": ["publish-check", "publish-confirm", "publish"]},
        ],
        "skipped": [
            {
                "recipe": "here",
                "file": "justfile",
                "line": 17,
                "column": 13,
                "reason": "the function invocation_directory() is not converted",
                "hint": "a run has one folder; hand the other one in as a parameter",
            },
            {
                "recipe": "both",
                "file": "justfile",
                "line": 23,
                "column": 7,
                "reason": "it needs the recipe 'here', which was not converted",
                "hint": "convert 'here' by hand, then this one",
            },
        ],
        "notes": [
            {
                "recipe": "default",
                "file": "justfile",
                "line": 4,
                "column": 1,
                "reason": "it only lists the recipes, so it has no step",
                "hint": "`workflow run --help` lists the parameters, and with them the recipes",
            },
            {
                "recipe": None,
                "file": "justfile",
                "line": 10,
                "column": 55,
                "reason": "outside quotes a value is one word here, and never program text: target of build, args of test",
                "hint": "nothing to do, unless somebody gave several words or shell syntax in one argument",
            },
        ],
    }


def test_one_recipe_keeps_the_names_of_its_parameters(project: Project) -> None:
    project.file(
        "justfile",
        """
        # Say hello
        hello name times="1": prepare
            for i in $(seq {{ times }}); do echo "hello {{ name }}"; done

        prepare:
            @echo ready

        other:
            @echo other
        """,
    )
    assert project.run("import", "justfile", "--recipe", "hello", "--id", "acme/hello", "--output", "-") == Said(
        out="""
        # Made from justfile by `workflow import justfile`.

        id = "acme/hello"
        description = "The recipes of justfile."

        [parameters.name]

        [parameters.times]
        default = "1"

        [policy]
        # just works in place; without this line a run gets a working copy of its own.
        workspace = { backend = "none" }

        [steps.prepare]
        shell = "sh"
        run = "echo ready"

        [steps.hello]
        description = "Say hello"
        needs = ["prepare"]
        shell = "sh"
        run = '(set +e; for i in $(seq ${{ params.times }}); do echo "hello ${{ params.name }}"; done)'
        """,
        err="note: justfile:3:20: outside quotes a value is one word here, and never program text: times of hello\n",
    )
    assert not (project.root / "workflow.toml").exists()


def test_a_file_that_exists_is_overwritten_only_with_force(project: Project) -> None:
    project.file("justfile", "a:\n    echo a\n")
    path = project.file("workflow.toml", "mine")
    hint = "--force overwrites it, --output names another file, --dry-run only shows what it would hold"
    refused = Said(err=f"error: workflow.toml exists and is not overwritten\nhint: {hint}\n", status=4)
    assert project.run("import", "justfile") == refused
    assert path.read_text() == "mine"
    shown = project.run("import", "justfile", "--dry-run")
    assert (shown.status, "[steps.a]" in shown.out, path.read_text()) == (0, True, "mine")
    assert project.run("import", "justfile", "--force").status == 0
    assert "[steps.a]" in path.read_text()
    assert project.run("import", "justfile", "--output", "workflows/a.toml").out == "made workflows/a.toml\n"
    assert project.run("list").out.count("workflows/a.toml") == 1


def test_the_justfile_is_found_named_or_read_from_standard_input(project: Project) -> None:
    text = "a:\n    echo a\n"
    missing = Said(err="error: there is no justfile here\nhint: name it: `workflow import justfile FILE`\n", status=3)
    assert project.run("import", "justfile") == missing
    assert project.run("import", "justfile", "nowhere") == Said(err="error: there is no file nowhere\n", status=3)
    project.file(".justfile", text)
    assert project.run("import", "justfile").out == "made workflow.toml\n"
    project.file("sub/agents.just", text)
    assert project.run("import", "justfile", "sub/agents.just").out == "made sub/workflow.toml\n"
    project.file("Justfile", "b:\n    echo b\n")
    assert "[steps.b]" in project.run("import", "justfile", "-n").out
    assert "# Made from <stdin> by" in project.run("import", "justfile", "-", "-o", "-", stdin=text).out


def test_imports_are_read_and_one_that_is_missing_is_told(project: Project) -> None:
    project.file("justfile", "import 'just/a.just'\nimport? 'nowhere.just'\nimport 'gone.just'\nmain: shared\n    echo main\n")
    project.file("just/a.just", "import 'b.just'\nshared: deep\n    echo shared\n")
    project.file("just/b.just", "import '../justfile'\ndeep:\n    echo deep\n")
    said = project.run("import", "justfile")
    assert "warning: justfile:3:8: there is no file gone.just, so what it has is missing\n" in said.err
    assert project.run("run", "--param", "recipe=main").status == 0
    assert re.findall(rb"==> (\w+)", project.raw("logs").stdout) == [b"deep", b"shared", b"main"]


def test_a_justfile_of_which_nothing_can_be_converted_makes_no_file(project: Project) -> None:
    project.file("justfile", "a:\n    echo {{ style('x') }}\n")
    assert project.run("import", "justfile") == Said(
        err="""
        warning: justfile:2:13: a: the function style() is not converted
        hint: use the escape sequence, or leave the colour away
        error: no recipe of justfile could be converted, so nothing is written
        """,
        status=2,
    )
    assert not (project.root / "workflow.toml").exists()
    said = json.loads(project.run("import", "justfile", "--json").out)
    assert (said["workflow"], said["converted"], [one["recipe"] for one in said["skipped"]]) == (None, [], ["a"])


def test_a_wrong_call_is_refused(project: Project) -> None:
    project.file("justfile", "build:\n    echo a\n")
    assert project.run("import", "justfile", "--recipe", "biuld") == Said(
        err="error: justfile has no recipe 'biuld'\nhint: did you mean 'build'?\n", status=3
    )
    assert project.run("import", "justfile", "--id", "No Id").status == 2
    project.file("justfile", b"a:\n    \xff\n")
    said = project.run("import", "justfile")
    assert (said.status, said.err) == (2, "error: justfile is not UTF-8 text (byte 7)\nhint: is it a justfile?\n")


def test_the_shim_calls_the_workflow_with_what_it_was_given(project: Project) -> None:
    project.file(
        "justfile",
        """
        set positional-arguments

        alias b := build

        # Compile it
        build target branch=`echo main` *flags='-v':
            @printf '<%s>' {{ quote(target) }} "{{ branch }}" {{ flags }}
        other what="it's":
            @echo other
        """,
    )
    shim = project.run("import", "justfile", "--shim", "--workflow", "old way.toml").out
    assert (
        shim
        == Said(
            out=r"""
        # The recipes of before, carried out by old way.toml.

        # Compile it
        build target branch='' *flags='-v':
            @workflow run 'old way.toml' --param recipe=build --param build_target={{quote(target)}} {{ if branch == '' { '' } else { '--param build_branch=' + quote(branch) } }} --param build_flags={{ if flags == '' { '[]' } else { quote('["' + replace(replace(flags, '\', '\\'), '"', '\"') + '"]') } }}

        other what="it's":
            @workflow run 'old way.toml' --param recipe=other --param other_what={{quote(what)}}

        alias b := build
        """
        ).out
    )
    assert project.run("import", "justfile", "--shim", "-o", "shim.just").out == "made shim.just\n"
    assert not (project.root / "workflow.toml").exists()


def test_a_recipe_that_asks_a_person_runs_on_a_terminal(project: Project) -> None:
    project.file("justfile", '# Ask\nask:\n    @read -p "Name? " name; echo "hello $name"\n\nquick:\n    @echo quick\n')
    assert project.run("import", "justfile").status == 0
    assert "interactive = true" in (project.root / "workflow.toml").read_text()
    assert project.run("run", "--param", "recipe=quick").status == 0
    ours, theirs = pty.openpty()
    try:
        run = project.start(
            "run", "--param", "recipe=ask", stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=_terminal
        )
        os.close(theirs)
        said = _answered(ours, b"Name? ", b"ann\n")
        assert run.wait(timeout=30) == 0
    finally:
        os.close(ours)
    assert b"hello ann" in said


def _terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _answered(terminal: int, question: bytes, answer: bytes) -> bytes:
    """Read a terminal to its end and answer a question once."""
    said, waits = b"", True
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            return said
        if not part:
            return said
        said += part
        if waits and question in said:
            os.write(terminal, answer)
            waits = False
