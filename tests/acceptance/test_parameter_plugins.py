"""Parameter types and validators of an installed distribution: the one that the page shows, and ones that are broken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acceptance.harness import Project

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "plugins.md"


def block(language: str, holds: str) -> str:
    """Return the code block of the page that holds a text."""
    blocks = re.findall(rf"```{language}[^\n]*\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return next(each for each in blocks if holds in each)


def install(project: Project, code: str, names: dict[str, str]) -> None:
    """Put a distribution with entry points on the path of Python."""
    site = project.root.parent / "site"
    (site / "my_package").mkdir(parents=True)
    (site / "my_package" / "__init__.py").touch()
    (site / "my_package" / "ports.py").write_text(code)
    info = site / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    lines = [f"{name} = {target}" for name, target in names.items()]
    (info / "entry_points.txt").write_text("\n".join(["[ropeway.parameter_types]", *lines, ""]))
    project.environ["PYTHONPATH"] = str(site)


def flow(project: Project, declaration: str) -> None:
    project.file("workflow.toml", f'id = "serve"\n[parameters.p]\n{declaration}\n[steps.a]\nrun = "echo ${{{{ params.p }}}}"\n')


def test_the_example_of_the_page_works(project: Project) -> None:
    names = dict(line.split(" = ") for line in block("toml", "parameter_types").splitlines()[1:])
    install(project, block("python", "class Port"), {name: target.strip('"') for name, target in names.items()})
    project.file(
        "workflow.toml",
        """
        id = "serve"
        [parameters.port]
        type = "port"
        default = 8080
        [parameters.workers]
        type = "integer"
        validator = "even"
        default = 2
        [steps.serve]
        run = "echo ${{ params.port + 1 }} ${{ params.workers }}"
        """,
    )
    assert "  | 8081 2\n" in project.run("run").out
    assert "  | 81 4\n" in project.run("run", "--param", "port=http", "--param", "workers=4").out
    said = project.run("run", "--param", "port=70000", "--param", "workers=3")
    assert said.status == 2
    assert "'port': 70000 is no port: 1 to 65535" in said.err
    assert "'workers': 3 is odd" in said.err


def test_a_type_of_a_plugin_holds_while_the_run_goes_on(project: Project) -> None:
    names = dict(line.split(" = ") for line in block("toml", "parameter_types").splitlines()[1:])
    install(project, block("python", "class Port"), {name: target.strip('"') for name, target in names.items()})
    project.file("inner.toml", 'id = "inner"\n[parameters.port]\ntype = "port"\n[steps.a]\nrun = "echo inner ${{ params.port + 1 }}"\n')
    project.file(
        "workflow.toml",
        """
        id = "serve"
        [actions.open]
        inputs.port = { type = "port" }
        run = "echo action ${{ inputs.port + 1 }}"
        [steps.find]
        run = 'echo "port=$PORT" >> "$ROPEWAY_OUTPUT"'
        outputs.port = { type = "port" }
        [steps.use]
        needs = ["find"]
        uses = "action:open"
        inputs = { port = "${{ steps.find.outputs.port }}" }
        [steps.inner]
        needs = ["use"]
        uses = "workflow:./inner.toml"
        inputs = { port = "${{ steps.find.outputs.port }}" }
        """,
    )
    said = project.run("run", "--env", "PORT=8080")
    assert said.status == 0, said.err
    assert "  | action 8081\n" in said.out
    assert "  | inner 8081\n" in said.out
    said = project.run("run", "--env", "PORT=99999")
    assert said.status == 1
    assert "99999 is no port" in said.err


BROKEN = """
class Divides:
    base = "string"
    def parse(self, text, field):
        return 1 / 0
    def check(self, value, field):
        raise KeyError(value)
class Narrow:
    base = "string"
    def parse(self, text):
        return text
    check = parse
class Baseless:
    def parse(self, text, field):
        return text
    check = parse
class Unmade(Baseless):
    def __init__(self):
        raise RuntimeError("no licence")
def two(value, other):
    pass
def leaks(value):
    raise KeyError(value)
"""


@pytest.mark.parametrize(
    ("declaration", "says"),
    [
        ('type = "divides"', "the parameter type 'divides' failed with ZeroDivisionError"),
        (
            'type = "narrow"',
            "the parameter type 'narrow' failed with TypeError: Narrow.parse() takes 2 positional arguments but 3 were given",
        ),
        ('validator = "two"', "the validator 'two' failed with TypeError: two() missing 1 required positional argument: 'other'"),
        ('validator = "leaks"', "the validator 'leaks' failed with KeyError"),
        ('type = "baseless"', "the parameter type 'baseless' has no 'base'"),
        ('type = "unmade"', "the plugin 'unmade' failed with RuntimeError"),
    ],
)
def test_a_broken_plugin_is_named_and_is_no_internal_error(project: Project, declaration: str, says: str) -> None:
    classes = {name.lower(): f"my_package.ports:{name}" for name in ("Divides", "Narrow", "Baseless", "Unmade", "two", "leaks")}
    install(project, BROKEN, classes)
    flow(project, declaration)
    said = project.run("run", "--param", "p=given-value")
    assert says in said.err
    assert "internal" not in said.err
    assert "given-value" not in said.err
    assert said.status in {1, 2}


def test_a_module_that_does_not_load_is_named(project: Project) -> None:
    install(project, "1 / 0\n", {"port": "my_package.ports:Port"})
    flow(project, 'type = "port"')
    said = project.run("validate")
    assert "the plugin 'port' failed with ZeroDivisionError" in said.err
    assert "internal" not in said.err
