"""The catalogue of the codes for reading and for references: each example shows what it says."""

from __future__ import annotations

import re

import pytest

from ropeway.lang import codes
from ropeway.lang.codes import references, source
from ropeway.lang.reference import InvalidReference, parse_reference
from ropeway.lang.source import read_document


def codes_of_reading(text):
    return {p.code for p in read_document(text.encode(), "workflow.toml")[1]}


def codes_of_references(text):
    found = set()
    for written in re.findall(r'^uses = "workflow:(.*)"$', read_document(text.encode(), "workflow.toml")[0].text, re.MULTILINE):
        try:
            parse_reference(written)
        except InvalidReference as error:
            found.add(error.code)
    return found


@pytest.mark.parametrize("code", [code for code, e in source.CODES.items() if e.wrong])
def test_an_example_of_reading_shows_its_code(code):
    explanation = source.CODES[code]
    assert code in codes_of_reading(explanation.wrong)
    assert codes_of_reading(explanation.right) == set()


@pytest.mark.parametrize("code", [code for code in references.CODES if code < "RW420"])  # from there on they are about finding, not reading
def test_an_example_of_references_shows_its_code(code):
    explanation = references.CODES[code]
    assert codes_of_reading(explanation.wrong) == codes_of_reading(explanation.right) == set()
    assert codes_of_references(explanation.wrong) == {code}
    assert codes_of_references(explanation.right) == set()


def test_a_code_is_explained_whatever_its_case_and_an_unknown_one_is_not():
    assert codes.explain(" rw011 ") is source.CODES["RW011"]
    assert codes.explain("RW099") is None
    assert codes.explain("E501") is None
    assert codes.explain("") is None
