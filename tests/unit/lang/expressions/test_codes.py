"""The codes that expressions raise are the codes that are explained."""

from __future__ import annotations

import re
from pathlib import Path

import ropeway.lang.expressions
from ropeway.lang.codes.expressions import CODES


def test_every_code_that_is_raised_is_explained_and_no_other():
    folder = Path(ropeway.lang.expressions.__file__).parent
    raised = {code for file in folder.glob("*.py") for code in re.findall(r'"(RW2\d\d)"', file.read_text())}
    assert raised == set(CODES)
