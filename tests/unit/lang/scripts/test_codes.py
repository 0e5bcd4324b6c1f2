"""The catalogue of script problems: each example shows its code, and each repair is clean."""

from __future__ import annotations

import pytest

from reading import diagnose
from ropeway.lang.codes.scripts import CODES


@pytest.mark.parametrize("code", CODES)
def test_the_example_of_a_code_is_answered_with_it_alone_and_its_repair_with_nothing(code):
    assert {one.code for one in diagnose(CODES[code].wrong)} == {code}
    assert diagnose(CODES[code].right) == []
