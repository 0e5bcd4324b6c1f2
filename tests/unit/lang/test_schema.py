from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from ropeway.lang import model
from ropeway.lang.build import build
from ropeway.lang.codes.model import CODES
from ropeway.lang.diagnostics import Location, Problems
from ropeway.lang.fields import check_fields
from ropeway.lang.kinds import Table
from ropeway.lang.schema import json_schema
from ropeway.lang.table import ACTION, ARTIFACT_TABLE, PARAMETER, POLICY, ROOT, STEP

HERE = Path(__file__).parents[3]

EVERYTHING = (Path(__file__).parent / "everything.toml").read_text(encoding="utf-8")
"""A workflow with every key of the language."""


class Document:
    def __init__(self, data):
        self.data = data

    def locate(self, path, *, key=False, offset=None, length=1):
        return Location("test", 1, 1, 2, "")


class Spelling:
    """What a plugin brings: one validator."""

    def type(self, name):
        return None

    def validator(self, name):
        return str if name == "spelling" else None

    def type_names(self):
        return ()


def codes_of(text: str) -> list[str]:
    document = Document(tomllib.loads(text))
    problems = Problems(document)
    workflow = build(document, problems)
    if workflow is not None:
        check_fields(problems, workflow.parameters, ("parameters",), Spelling())
    return [problem.code for problem in problems]


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(json_schema())


def test_the_schema_is_a_valid_schema_and_survives_json():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema


def test_the_schema_takes_a_workflow_that_uses_every_key(validator):
    assert codes_of(EVERYTHING) == []
    assert [error.message for error in validator.iter_errors(tomllib.loads(EVERYTHING))] == []


def test_the_workflow_with_every_key_has_every_key():
    def used(table: Table, values: dict) -> set[str]:
        return {f"{table.name}.{key}" for key in values}

    data = tomllib.loads(EVERYTHING)
    seen = used(ROOT, data) | used(POLICY, data["policy"])
    tables = {"parameters": PARAMETER, "actions": ACTION, "steps": STEP, "artifacts": ARTIFACT_TABLE}
    for name, table in tables.items():
        seen.update(*(used(table, entry) for entry in data[name].values()))
    for table in (ROOT, POLICY, *tables.values()):
        assert {f"{table.name}.{key}" for key in table.keys} <= seen


def test_the_schema_takes_every_example(validator):
    for path in (HERE / "examples").rglob("workflow.toml"):
        errors = validator.iter_errors(tomllib.loads(path.read_text(encoding="utf-8")))
        assert [error.message for error in errors] == [], path


_SHAPES = ("RW101", "RW102", "RW103", "RW104", "RW105", "RW106", "RW107", "RW108", "RW109", "RW112", "RW113")
"""What a schema can tell; the other codes are about what keys mean."""


@pytest.mark.parametrize("code", _SHAPES)
def test_the_schema_refuses_what_the_build_refuses_by_shape(code, validator):
    assert not validator.is_valid(tomllib.loads(CODES[code].wrong))


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_wrong_example_of_a_code_is_answered_with_it_and_the_right_one_is_not(code, validator):
    explanation = CODES[code]
    assert set(codes_of(explanation.wrong)) == {code}
    assert codes_of(explanation.right) == []
    assert validator.is_valid(tomllib.loads(explanation.right))


def changed(at: str, value: object) -> dict:
    data = tomllib.loads('id = "a"\n[parameters.p]\ndefault = "x"\n[steps.s]\nrun = "true"\noutputs = {o = {type = "string"}}\n')
    table = data
    *path, last = at.split(".")
    for part in path:
        table = table[part]
    table[last] = value
    return data


@pytest.mark.parametrize(
    ("at", "value", "fits"),
    [
        ("steps", {}, False),
        ("parameters", {}, True),
        ("parameters.p", {"type": "choice"}, False),
        ("parameters.p", {"type": "choice", "choices": ["a"]}, True),
        ("parameters.p", {"type": "list", "items": "choice"}, False),
        ("parameters.p", {"type": "map", "items": "choice", "choices": ["a"]}, True),
        ("parameters.p", {"type": "list"}, True),
        ("steps.s.outputs.o", {"type": "choice"}, False),
    ],
)
def test_the_schema_and_the_build_agree_on_what_must_be_there(at, value, fits, validator):
    data = changed(at, value)
    problems = Problems(Document(data))
    build(Document(data), problems)
    assert (not problems.failed) is fits
    assert validator.is_valid(data) is fits


def test_every_key_says_what_it_is_for():
    schema = json_schema()
    for definition in (schema, *schema["$defs"].values()):
        for name, key in definition["properties"].items():
            assert len(key["description"]) > 8, name


def test_the_schema_says_where_expressions_may_stand():
    step = json_schema()["$defs"]["step"]["properties"]
    may = {name for name, key in step.items() if "${{" in key["description"]}
    assert may == {"run", "inputs", "env", "when", "workspace", "foreach"}


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        (ROOT, model.Workflow),
        (POLICY, model.Policy),
        (STEP, model.Step),
        (ACTION, model.Action),
        (ARTIFACT_TABLE, model.Artifact),
        (PARAMETER, model.Field),
    ],
)
def test_the_table_and_the_model_know_the_same_keys_and_defaults(table, kind):
    renamed = {"with_inputs": "with"}
    made_elsewhere = {"id", "name", "dialect", "has_default"}
    of_model = {renamed.get(f.name, f.name): f for f in dataclasses.fields(kind)}
    assert set(table.keys) | made_elsewhere >= set(of_model)
    assert set(table.keys) <= set(of_model)
    for name, key in table.keys.items():
        default = of_model[name].default
        if key.default is not None and default is not dataclasses.MISSING and default is not None:
            assert key.default == default, name
