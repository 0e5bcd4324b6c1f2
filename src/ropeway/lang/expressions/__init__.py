"""The expression language of workflow files: a typed, total subset of CEL (https://cel.dev).

::

    expression = parse("steps.collect.outputs.files != ''")
    type, problems = check(expression, {"steps": record({...})})
    value = evaluate(expression, {"steps": {...}})

Text that has been parsed and checked can fail at run time only for a reason that lies in the values (division by zero, a missing key,
the budget), never for a type; only what is ``any`` (``json()``, mixed lists) is checked when it is used. Every evaluation ends.
"""

from __future__ import annotations

from ropeway.lang.expressions.check import check
from ropeway.lang.expressions.errors import EvaluationError, ExpressionError
from ropeway.lang.expressions.evaluate import evaluate
from ropeway.lang.expressions.nodes import Expression, calls, references
from ropeway.lang.expressions.parser import parse
from ropeway.lang.expressions.run import Status
from ropeway.lang.expressions.text import to_text
from ropeway.lang.expressions.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NULL,
    NUMBER,
    STRING,
    Type,
    accepts,
    list_of,
    map_of,
    optional,
    record,
)
from ropeway.lang.expressions.unparse import unparse

__all__ = [
    "ANY",
    "BOOLEAN",
    "INTEGER",
    "NULL",
    "NUMBER",
    "STRING",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "Status",
    "Type",
    "accepts",
    "calls",
    "check",
    "evaluate",
    "list_of",
    "map_of",
    "optional",
    "parse",
    "record",
    "references",
    "to_text",
    "unparse",
]
