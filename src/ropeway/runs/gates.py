"""Gates: steps that wait for a person.

``gate:approve`` asks yes or no, ``gate:choose`` for one of ``choices``, ``gate:form`` for typed ``fields``. The answer becomes the step's outputs: ``approved`` (a
declined gate fails its step), ``choice``, or the fields; every answer has ``by`` and ``at`` in the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ropeway.errors import UsageError
from ropeway.lang.model import Field
from ropeway.lang.units import parse_duration
from ropeway.lang.values import ValueProblem, check_value, parse_text
from ropeway.records import field, record
from ropeway.runs.folder import file_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_YES = frozenset({"yes", "y", "true", "approve", "approved", "1"})
_NO = frozenset({"no", "n", "false", "decline", "declined", "reject", "0"})


@record
class GateRequest:
    """What a person is asked.

    ``gate`` is ``approve``, ``choose`` or ``form``; ``deadline`` is in seconds after opening, when ``default`` becomes the answer (without a default the step fails).
    """

    step: str
    gate: str
    prompt: str
    choices: tuple[str, ...] = ()
    fields: Mapping[str, Field] = field(default_factory=dict)
    deadline: float | None = None
    default: Any = None

    def as_json(self) -> dict[str, Any]:
        """Return the data of ``gate.opened``."""
        out: dict[str, Any] = {"step": self.step, "gate": self.gate, "prompt": self.prompt}
        if self.choices:
            out["choices"] = list(self.choices)
        if self.fields:
            out["fields"] = {name: field_json(f) for name, f in self.fields.items()}
        if self.deadline is not None:
            out["deadline"] = self.deadline
        if self.default is not None:
            out["default"] = self.default
        return out


class Asker(Protocol):
    """Asks on a terminal. Called in a thread of the runner, one gate at a time; returns the checked answer, None when the person did not give one."""

    def ask(self, gate: GateRequest) -> Any:
        """Ask and return an answer as :func:`checked` gives it."""
        ...


def request(step: str, gate: str, inputs: Mapping[str, Any]) -> GateRequest:
    """Make the request of a gate step from its evaluated inputs."""
    fields = {name: as_field(name, spec) for name, spec in (inputs.get("fields") or {}).items()}
    deadline = inputs.get("deadline")
    return GateRequest(
        step=step,
        gate=gate,
        prompt=str(inputs.get("prompt") or {"approve": "Go on?", "choose": "Choose"}.get(gate, "Fill in")),
        choices=tuple(str(c) for c in inputs.get("choices") or ()),
        fields=fields,
        deadline=None if deadline is None else parse_duration(str(deadline)),
        default=inputs.get("default"),
    )


def recorded_request(step: str, data: Mapping[str, Any]) -> GateRequest:
    """Make the request again from the data of ``gate.opened``."""
    fields = {name: as_field(name, spec) for name, spec in data.get("fields", {}).items()}
    return GateRequest(
        step, data["gate"], data["prompt"], tuple(data.get("choices", ())), fields, data.get("deadline"), data.get("default")
    )


_FIELD_KEYS = ("type", "required", "default", "pattern", "minimum", "maximum", "items", "description")


def field_json(field: Field) -> dict[str, Any]:
    """Return a form's field as :func:`as_field` reads it."""
    out = {key: getattr(field, key) for key in _FIELD_KEYS if key != "default" and getattr(field, key) is not None}
    if field.has_default:
        out["default"] = field.default
    if field.choices:
        out["choices"] = list(field.choices)
    return out


def as_field(name: str, spec: Any) -> Field:
    """Return a form's field: a table like a parameter's, or just its type."""
    if isinstance(spec, str):
        return Field(name, type=spec)
    known = {k: v for k, v in dict(spec).items() if k in _FIELD_KEYS}
    has_default = "default" in known
    known.setdefault("required", not has_default)
    return Field(name, has_default=has_default, choices=tuple(spec.get("choices", ())), **known)


def checked(gate: GateRequest, value: Any, fields: Mapping[str, Any]) -> Any:
    """Check an answer and return it typed: a bool, a choice, or a map of fields.

    Args:
        gate: What was asked.
        value: The one value of ``approve`` and ``choose`` (text or already typed).
        fields: The fields of ``form``, text or already typed.

    Raises:
        UsageError: The answer does not fit, and what would.
    """
    if gate.gate == "form":
        return _form(gate, fields)
    if fields:
        raise UsageError(f"{gate.step} is a gate of kind {gate.gate}: it has no fields", hint="give one value", code="answer")
    if value is None:
        raise UsageError(f"{gate.step} needs an answer", hint=_wanted(gate), code="answer")
    text = str(value).strip()
    if gate.gate == "approve":
        if text.lower() in _YES | _NO:
            return text.lower() in _YES
    elif text in gate.choices:
        return text
    raise UsageError(f"{text!r} is no answer to {gate.step}", hint=_wanted(gate), code="answer")


def _wanted(gate: GateRequest) -> str:
    return "answer yes or no" if gate.gate == "approve" else "choose one of " + ", ".join(gate.choices)


def checked_field(gate: GateRequest, declared: Field, value: Any) -> Any:
    """Check one field of a form and return it typed; raises :class:`UsageError`."""
    try:
        return parse_text(declared, value) if isinstance(value, str) else check_value(declared, value)
    except ValueProblem as problem:
        raise UsageError(f"{gate.step}: {problem.message}", hint=problem.hint, code="answer") from problem


def _form(gate: GateRequest, given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(gate.fields))
    if unknown:
        raise UsageError(f"{gate.step} has no field {unknown[0]!r}", hint="it has " + ", ".join(gate.fields), code="answer")
    out: dict[str, Any] = {}
    for name, declared in gate.fields.items():
        if name not in given:
            if declared.required and not declared.has_default:
                raise UsageError(f"{gate.step} needs the field {name!r} ({declared.type})", hint=f"add --field {name}=…", code="answer")
            out[name] = declared.default
            continue
        out[name] = checked_field(gate, declared, given[name])
    return out


def outcome(gate: GateRequest, answer: Any) -> tuple[str, dict[str, Any], str | None]:
    """Return ``(state, outputs, error)`` of an answered gate."""
    if gate.gate == "approve":
        return ("succeeded", {"approved": True}, None) if answer else ("failed", {"approved": False}, "declined")
    if gate.gate == "choose":
        return "succeeded", {"choice": answer}, None
    return "succeeded", dict(answer), None


def answer_file(address: str) -> str:
    """Return the name of a gate's answer file."""
    return file_name(address) + ".json"
