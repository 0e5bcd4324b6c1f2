"""What each diagnostic code means, for ``workflow explain`` and the documentation.

The catalogues stand in one file per range, loaded only when somebody asks:

========  ==========================================================
``RW0``   reading the source: syntax, encoding, limits
``RW1``   keys, types and values
``RW2``   expressions
``RW3``   scripts: text never becomes code
``RW4``   references to workflows, skills and files
``RW5``   the graph: needs, cycles, meaning
``RW6``   parameters and the plan
``RW7``   the Pallet dialect
========  ==========================================================

A code is never given a second meaning; one that is not used any more stays reserved.
"""

from __future__ import annotations

from importlib import import_module

from ropeway.records import record

_RANGES = {
    "RW0": "source",
    "RW1": "model",
    "RW2": "expressions",
    "RW3": "scripts",
    "RW4": "references",
    "RW5": "graph",
    "RW6": "parameters",
    "RW7": "pallet",
}


@record
class Explanation:
    """One code. ``wrong`` and ``right`` are small ``workflow.toml`` files, empty where none can show it.

    A test holds that ``wrong`` is answered with the code and that ``right`` is not.
    """

    title: str
    text: str
    wrong: str
    right: str


def explain(code: str) -> Explanation | None:
    """Return what a code such as ``RW011`` means, or None for an unknown one; case does not matter."""
    code = code.strip().upper()
    name = _RANGES.get(code[:3])
    return _load(name).get(code) if name else None


def all_codes() -> dict[str, Explanation]:
    """Return every code, in order."""
    found: dict[str, Explanation] = {}
    for name in _RANGES.values():
        found |= _load(name)
    return dict(sorted(found.items()))


def _load(name: str) -> dict[str, Explanation]:
    codes: dict[str, Explanation] = import_module(f"{__name__}.{name}").CODES
    return codes
