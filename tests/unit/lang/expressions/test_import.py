"""The package is on the path of every run, so what it imports is part of its contract."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from __future__ import annotations
import re, dataclasses, functools, typing, collections.abc, sys
before = set(sys.modules)
from ropeway.lang.expressions import check, evaluate, parse
from ropeway.lang.expressions.template import parse_template
check(parse("1 + 1 > 2 && 'a'.contains('b')"), {})
evaluate(parse("1 + 1"), {})
print(sorted(name for name in set(sys.modules) - before if not name.startswith("ropeway")))
print(sorted(name for name in sys.modules if name.startswith("ropeway.lang.expressions.pattern")))
"""


def test_it_imports_nothing_beyond_re_and_dataclasses_and_the_matcher_on_demand():
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout == "[]\n[]\n"
