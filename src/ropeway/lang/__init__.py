"""The workflow language: text in, a checked plan out. Pure: no file, no process, no network.

Reading (``source merge dialects``), meaning (``table build validate``), linking (``link plan digests``) and the languages inside it
(``expressions scripts reference``). The names below are looked up when they are first asked for, so that importing this package costs
nothing. ``link`` and ``validate`` are named like the modules that hold them, so they are imported from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Diagnostic, Location, Locator, Problems
    from ropeway.lang.digests import step_digests, workflow_digest
    from ropeway.lang.graph import Graph
    from ropeway.lang.link import LinkedSource, Missing, Wanted
    from ropeway.lang.model import Workflow
    from ropeway.lang.plan import Plan, PlanStep, Template, Value, plan_from_json

__all__ = [
    "Diagnostic",
    "Graph",
    "LinkedSource",
    "Location",
    "Locator",
    "Missing",
    "Plan",
    "PlanStep",
    "Problems",
    "Template",
    "Value",
    "Wanted",
    "Workflow",
    "plan_from_json",
    "step_digests",
    "workflow_digest",
]

_HOMES = {
    "diagnostics": ("Diagnostic", "Location", "Locator", "Problems"),
    "digests": ("step_digests", "workflow_digest"),
    "graph": ("Graph",),
    "link": ("LinkedSource", "Missing", "Wanted"),
    "model": ("Workflow",),
    "plan": ("Plan", "PlanStep", "Template", "Value", "plan_from_json"),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            found: object = getattr(import_module(f"{__name__}.{module}"), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
