"""The shape of a Pallet document: its keys and their types, checked and put into one frozen class per kind of step.

What templates mean is not looked at here. A part that is wrong is reported and left out; the rest is still read, so that all
problems are shown at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ropeway.lang.formats import NAME, WORKFLOW_ID, fits
from ropeway.lang.hints import did_you_mean, noun, shown
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ropeway.lang.diagnostics import Path, Problems
    from ropeway.lang.kinds import Format

DEFAULT_CASE = "default"

_METADATA = ("id", "name", "version", "description", "tags")
_STEP = ("id", "skill", "inputs", "outputs", "timeout", "step_type", "condition", "branches")
_ONLY_FOR_CALLS = ("inputs", "outputs", "timeout")
_SKILL = re.compile(r"[^\s{}$\"'`\\\x00-\x1f]+")


@record
class Metadata:
    """Who a workflow is. ``id`` is empty when the document's was refused."""

    id: str = ""
    name: str | None = None
    version: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()


@record
class Call:
    """A sequential step: it calls a skill."""

    id: str
    path: Path
    skill: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    output: str | None = None
    timeout: float | None = None


@record
class Parallel:
    """Steps that start together and are all awaited."""

    id: str
    path: Path
    steps: tuple[PalletStep, ...]


@record
class Conditional:
    """Two lists of steps, of which one runs."""

    id: str
    path: Path
    condition: Any
    if_true: tuple[PalletStep, ...]
    if_false: tuple[PalletStep, ...]


@record
class Switch:
    """A list of steps per case; ``default`` runs when no case fits."""

    id: str
    path: Path
    condition: Any
    cases: Mapping[str, tuple[PalletStep, ...]]
    default: tuple[PalletStep, ...]


PalletStep = Call | Parallel | Conditional | Switch


@record
class PalletDocument:
    """A document whose shape was checked."""

    metadata: Metadata
    steps: tuple[PalletStep, ...]


def read_shape(data: Mapping[str, Any], problems: Problems) -> PalletDocument:
    """Check the shape of a document; what is wrong goes to ``problems`` and is left out."""
    _check_keys(data, (), ("metadata", "steps"), problems, "a Pallet workflow")
    metadata = _metadata(data, problems)
    if "steps" not in data:
        problems.error("RW703", (), "the workflow has no 'steps'", hint="add steps: with at least one step below it")
        return PalletDocument(metadata, ())
    steps = _steps(data["steps"], ("steps",), problems)
    if data["steps"] == []:
        problems.error("RW703", ("steps",), "the workflow has no steps", hint="a step is a map such as {id: plan, skill: create_plan}")
    return PalletDocument(metadata, steps)


def _check_keys(data: Mapping[str, Any], path: Path, known: Collection[str], problems: Problems, what: str) -> None:
    for key in data:
        if key not in known:
            hint = did_you_mean(str(key), known) or f"it may have: {', '.join(known)}"
            problems.error("RW701", (*path, key), f"{what} has no key {shown(str(key))}", hint=hint, key=True)


def _wrong_type(value: Any, path: Path, wanted: str, problems: Problems, hint: str | None = None) -> None:
    problems.error("RW702", path, f"{shown(path[-1])} must be {wanted}, not {noun(value)}", hint=hint)


def _metadata(data: Mapping[str, Any], problems: Problems) -> Metadata:
    path: Path = ("metadata",)
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        _wrong_type(metadata, path, "a map", problems, "write metadata: with id, name and version below it")
        return Metadata()
    _check_keys(metadata, path, _METADATA, problems, "'metadata'")
    workflow_id = _named(metadata, "id", path, problems, WORKFLOW_ID) or ""
    name = _text(metadata, "name", path, problems)
    version = _text(metadata, "version", path, problems)
    description = _text(metadata, "description", path, problems, required=False)
    return Metadata(workflow_id, name, version, description, _tags(metadata, path, problems))


def _named(data: Mapping[str, Any], key: str, path: Path, problems: Problems, rule: Format) -> str | None:
    """Read a string that keeps one of the language's rules for names."""
    text = _text(data, key, path, problems)
    if text is None or fits(text, rule):
        return text
    problems.error("RW702", (*path, key), f"{shown(text)} is not {rule.says}", hint=rule.hint)
    return None


def _text(data: Mapping[str, Any], key: str, path: Path, problems: Problems, *, required: bool = True) -> str | None:
    """Read a string; a missing one that is required is reported at the map that lacks it."""
    if key not in data:
        if required:
            problems.error("RW703", path, f"{key!r} is missing", hint=f"add {key}: …", key=bool(path))
        return None
    value = data[key]
    if not isinstance(value, str):
        quoted = f'put it in quotes: {key}: "{value}"' if isinstance(value, (int, float)) else None
        _wrong_type(value, (*path, key), "a string", problems, quoted)
        return None
    if required and not value.strip():
        problems.error("RW702", (*path, key), f"{key!r} is empty")
        return None
    return value


def _tags(metadata: Mapping[str, Any], path: Path, problems: Problems) -> tuple[str, ...]:
    tags = metadata.get("tags")
    if tags is None:
        return ()
    if not isinstance(tags, list):
        _wrong_type(tags, (*path, "tags"), "a list of strings", problems)
        return ()
    for index, tag in enumerate(tags):
        if not isinstance(tag, str):
            problems.error("RW702", (*path, "tags", index), f"a tag must be a string, not {noun(tag)}")
    return tuple(tag for tag in tags if isinstance(tag, str))


def _steps(value: Any, path: Path, problems: Problems) -> tuple[PalletStep, ...]:
    if not isinstance(value, list):
        _wrong_type(value, path, "a list of steps", problems)
        return ()
    steps = (_step(item, (*path, index), problems) for index, item in enumerate(value))
    return tuple(step for step in steps if step is not None)


def _step(data: Any, path: Path, problems: Problems) -> PalletStep | None:
    if not isinstance(data, dict):
        problems.error(
            "RW702", path, f"a step must be a map, not {noun(data)}", hint="a step is a map such as {id: plan, skill: create_plan}"
        )
        return None
    _check_keys(data, path, _STEP, problems, "a step")
    name = _named(data, "id", path, problems, NAME) or ""
    kind = data.get("step_type", "sequential")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        hint = did_you_mean(str(kind), _READERS) or f"one of {', '.join(_READERS)}"
        problems.error("RW704", (*path, "step_type"), f"there is no step type {shown(kind)}", hint=hint)
        return None
    return read(name, data, path, problems)


def _call(name: str, data: Mapping[str, Any], path: Path, problems: Problems) -> Call | None:
    for key in ("branches", "condition"):
        if data.get(key) is not None:
            problems.error(
                "RW705",
                (*path, key),
                f"a sequential step has no {key!r}",
                hint="say what it is: step_type: parallel, conditional or switch",
                key=True,
            )
    skill = _text(data, "skill", path, problems) or ""
    if skill and not _SKILL.fullmatch(skill):
        problems.error("RW702", (*path, "skill"), f"{shown(skill)} is not a skill's name", hint="a name without blanks and templates")
        skill = ""
    inputs = data.get("inputs")
    if inputs is not None and not isinstance(inputs, dict):
        _wrong_type(inputs, (*path, "inputs"), "a map", problems, "give each input its own key")
        inputs = None
    output = _output(data, path, problems)
    return Call(name, path, skill, inputs or {}, output, _timeout(data, path, problems))


def _output(data: Mapping[str, Any], path: Path, problems: Problems) -> str | None:
    if data.get("outputs") is None:
        return None
    return _named(data, "outputs", path, problems, NAME)


def _timeout(data: Mapping[str, Any], path: Path, problems: Problems) -> float | None:
    value = data.get("timeout")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _wrong_type(value, (*path, "timeout"), "a number of seconds", problems)
        return None
    if not 0 < value < 10**9:
        problems.error("RW702", (*path, "timeout"), f"{shown(value)} is no time to wait", hint="a positive number of seconds")
        return None
    return float(value)


def _parallel(name: str, data: Mapping[str, Any], path: Path, problems: Problems) -> Parallel | None:
    branches = _branches(data, path, problems, form="steps: [step, …]", known=("steps",), without=("condition",))
    if branches is None:
        return None
    return Parallel(name, path, branches.get("steps", ()))


def _conditional(name: str, data: Mapping[str, Any], path: Path, problems: Problems) -> Conditional | None:
    branches = _branches(data, path, problems, form="if_true: [step, …], if_false: [step, …]", known=("if_true", "if_false"))
    if branches is None or not _has_condition(data, path, problems):
        return None
    return Conditional(name, path, data["condition"], branches.get("if_true", ()), branches.get("if_false", ()))


def _switch(name: str, data: Mapping[str, Any], path: Path, problems: Problems) -> Switch | None:
    branches = _branches(data, path, problems, form="CASE: [step, …], default: [step, …]")
    if branches is None or not _has_condition(data, path, problems):
        return None
    default = branches.pop(DEFAULT_CASE, ())
    return Switch(name, path, data["condition"], branches, default)


def _has_condition(data: Mapping[str, Any], path: Path, problems: Problems) -> bool:
    if "condition" in data:
        return True
    kind = data["step_type"]
    hint = 'add condition: "{{ … }}"'
    problems.error("RW703", path, f"a {kind} step needs a 'condition'", hint=hint, key=True)
    return False


def _branches(
    data: Mapping[str, Any],
    path: Path,
    problems: Problems,
    *,
    form: str,
    known: Collection[str] = (),
    without: Collection[str] = (),
) -> dict[str, tuple[PalletStep, ...]] | None:
    """Read the lists of steps of a branching step, by branch; ``known`` is empty when the names of branches are free."""
    kind = data["step_type"]
    for key in (*_ONLY_FOR_CALLS, *without):
        if data.get(key) is not None:
            problems.warning("RW706", (*path, key), f"{key!r} does nothing on a {kind} step", hint="give it to the inner steps", key=True)
    branches = data.get("branches")
    if not isinstance(branches, dict):
        hint = f"write branches: {{{form}}}"
        if branches is None:
            problems.error("RW703", path, f"a {kind} step needs 'branches'", hint=hint, key=True)
        else:
            _wrong_type(branches, (*path, "branches"), "a map", problems, hint)
        return None
    inner: Path = (*path, "branches")
    if known:
        _check_keys(branches, inner, known, problems, f"'branches' of a {kind} step")
        branches = {key: value for key, value in branches.items() if key in known}
    return {str(key): _steps(value, (*inner, key), problems) for key, value in branches.items() if value is not None}


_READERS: Mapping[str, Callable[[str, Mapping[str, Any], Path, Problems], PalletStep | None]] = {
    "sequential": _call,
    "parallel": _parallel,
    "conditional": _conditional,
    "switch": _switch,
}
