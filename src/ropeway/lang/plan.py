"""The plan: one serialisable document with everything a run needs, and nothing it has to look up.

A :class:`Template` is a linked workflow without parameter values: what a registry stores, and what a sub-workflow step carries. A
:class:`Plan` is a template with values. Expressions stay as source text (they were type-checked); what they were compiled *into*,
a script with references to variables, an argv, is final: no value is ever pasted into program text.

``Plan.to_json`` and ``plan_from_json`` are exact inverses. Keys that hold their default are left out, so that ten thousand plain
steps stay small. The format is versioned: :data:`PLAN_VERSION` grows when a reader of the old one would misunderstand the new one.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ropeway.errors import Refused, StoreError
from ropeway.lang.model import (
    Artifact,
    Concurrency,
    Field,
    Policy,
    Repeat,
    Requirements,
    Resources,
    Retry,
    SandboxPolicy,
    WorkspacePolicy,
)
from ropeway.records import field, record, slots

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ropeway.lang.model import OnError

PLAN_VERSION = 1

StepKind = Literal["script", "argv", "builtin", "plugin", "workflow", "gate", "agent", "skill"]


@record
class Frame:
    """The inputs that one layer of ``action:`` hands to the next.

    ``inputs`` maps names to values whose strings may be templates, evaluated in the frame outside (for the first: the step's own
    contexts); ``fields`` are their declarations (defaults, types), empty when undeclared. After evaluation they are the context ``inputs``.
    """

    inputs: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)


@record
class PlanStep:
    """One step, ready to carry out.

    ``kind`` decides which of the others matter:

    * ``script``: ``script`` is compiled text, ``shell`` its interpreter (``("bash",)``, ``("sh",)``, ``("python",)``, ``("node",)``, or
      an argv that takes a file), ``variables`` maps names to expression sources: environment variables for the shells, names in
      the native value table for python and node.
    * ``argv``: ``argv`` holds templates, one argument each.
    * all others: ``uses`` is what follows the colon (``vcs-diff``, ``approve``), inputs are the last frame's.
      For ``workflow`` it is a key of ``Plan.workflows``.

    ``frames`` is empty when the step has no inputs. Each entry of ``env`` is ``(frame index, name, template)``, where index 0 stands for
    the step's own contexts and n for the inside of ``frames[n-1]``; innermost layer first, and each name once: what the step says wins
    over its action.
    ``ancestors`` are not stored: ``lang.graph`` computes them where ``failure()`` asks.
    """

    id: str
    kind: StepKind
    needs: tuple[str, ...] = ()
    name: str | None = None
    when: str | None = None
    uses: str | None = None
    script: str | None = None
    shell: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    argv: tuple[str, ...] = ()
    frames: tuple[Frame, ...] = ()
    env: tuple[tuple[int, str, str], ...] = ()
    outputs: Mapping[str, Field] | None = None
    retry: Retry | None = None
    timeout: float | None = None
    on_error: OnError = "fail"
    workspace: str = "inherit"
    resources: Resources | None = None
    pure: bool = False
    interactive: bool = False
    foreach: str | None = None
    max_parallel: int | None = None
    repeat: Repeat | None = None
    secrets: tuple[str, ...] = ()
    """What brings a secret into this step's scope: ``params.NAME``, ``secrets.NAME``, or another step's ``steps.ID.outputs.NAME``."""


@record
class Provenance:
    """Where a workflow came from that is not this machine's own, and what was verified of it.

    ``reference`` is as written; ``source`` identifies the registry, repository or address, ``name`` what it is called there, ``version`` what was chosen
    (None for a bare digest or commit). ``digest`` pins the content there, ``tree`` is the digest of the folder of its files and ``file`` the
    definition's path in that. ``signers`` are the ids of the keys that vouch for it.
    """

    reference: str
    source: str
    name: str
    digest: str
    tree: str
    file: str
    version: str | None = None
    signers: tuple[str, ...] = ()


@record
class Template:
    """A linked workflow without values.

    ``digest`` is ``sha256:`` over the file's canonical content; ``source`` the path it came from (absolute, for people and for
    ``ROPEWAY_WORKFLOW_DIR``) or None when it came from nowhere on this machine. ``provenance`` is None for a file of this machine.
    """

    id: str
    version: str | None = None
    name: str | None = None
    digest: str = ""
    source: str | None = None
    parameters: Mapping[str, Field] = field(default_factory=dict)
    requirements: Requirements = Requirements()
    policy: Policy = Policy()
    steps: tuple[PlanStep, ...] = ()
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    workflows: Mapping[str, str] = field(default_factory=dict)
    """For each sub-workflow reference as written in a step's ``uses``: the key in ``Plan.workflows``."""
    provenance: Provenance | None = None


@record
class Value:
    """A parameter's value and where it came from: ``default``, ``override`` (behind it the file, when it was one), ``params-file``, ``param``, ``secret``.

    A secret's ``value`` is its *source* (``keyring:NAME``, ``env:NAME``, ``prompt``, or None for the default: the keyring, then the
    environment, under the parameter's own name), never the secret. ``value`` is None too when an optional parameter was not given.
    """

    value: Any
    origin: str = "default"


@record
class Plan:
    """A template with parameter values: what a run carries out, and what ``resume`` goes on from.

    ``workflows`` holds the sub-workflows' templates by key (their digest). ``env`` are the caller's ``--env`` settings, which win over
    every step's own. ``overrides`` lists the overrides as typed, for people; ``origins`` says for each key that they set, dotted, which kind set it
    (``override``, or ``override FILE``).
    """

    template: Template
    parameters: Mapping[str, Value] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    workflows: Mapping[str, Template] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    version: int = PLAN_VERSION

    def to_json(self) -> dict[str, Any]:
        """Return the document that ``workflow plan --json`` prints and a run stores."""
        document = {"version": self.version, **_encode(self)}
        for name, value in self.parameters.items():
            document["parameters"][name]["origin"] = value.origin  # a default too: whoever asks where a value came from is always told
        return document


_RECORDS: tuple[type[Any], ...] = (
    Artifact,
    Concurrency,
    Field,
    Frame,
    Plan,
    PlanStep,
    Policy,
    Provenance,
    Repeat,
    Requirements,
    Resources,
    Retry,
    SandboxPolicy,
    Template,
    Value,
    WorkspacePolicy,
)


class _Codec(NamedTuple):
    """How one type of record is written and read: its keys in order, their values at once, what each is when left out."""

    names: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    defaults: tuple[Any, ...]
    decoders: Mapping[str, Callable[[Any], Any] | None]


_CODECS: dict[type[Any], _Codec] = {}


def _codec(kind: type[Any]) -> _Codec:
    """Return a record type's codec, made on first use (a run needs only a few of them)."""
    codec = _CODECS.get(kind)
    if codec is None:
        every = slots(kind)
        names = tuple(slot.name for slot in every)
        defaults = tuple(slot.default if slot.factory is None else slot.factory() for slot in every)
        getter = attrgetter(*names)
        values = getter if len(names) > 1 else lambda record: (getter(record),)
        codec = _CODECS[kind] = _Codec(names, values, defaults, {slot.name: _decoder(slot.annotation) for slot in every})
    return codec


def _encode(record: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    codec = _codec(type(record))
    for name, value, default in zip(codec.names, codec.values(record), codec.defaults, strict=True):
        # Most values *are* their default, so identity decides nearly always. Equal is not enough: 1 == True.
        if value is not default and (type(value) is not type(default) or value != default):
            out[name] = value if type(value) is str else _plain(value)
    return out


def record_to_json(record: Any) -> dict[str, Any]:
    """Return the document of one record (a step, a field), as it stands in the plan's."""
    return _encode(record)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if type(value) in _RECORDS:
        return _encode(value)
    return value


def _decoder(annotation: str) -> Callable[[Any], Any] | None:
    """Return how to read a field back, from its annotation as written (the modules postpone them); None: as it is."""
    text = annotation.removesuffix(" | None")
    by_name = {kind.__name__: kind for kind in _RECORDS}
    if text in by_name:
        kind = by_name[text]
        return lambda v: None if v is None else _decode(kind, v)
    if text.startswith("Mapping[str, ") and text[13:-1] in by_name:
        kind = by_name[text[13:-1]]
        return lambda v: None if v is None else {k: _decode(kind, x) for k, x in v.items()}
    if text.startswith("tuple[") and text.endswith(", ...]"):
        item = text[6:-6]
        if item in by_name:
            kind = by_name[item]
            return lambda v: tuple([_decode(kind, x) for x in v])
        if item.startswith("tuple["):
            return lambda v: tuple([tuple(x) for x in v])
        return tuple
    return None


def _decode(kind: type[Any], data: Mapping[str, Any]) -> Any:
    decoders = _codec(kind).decoders
    known: dict[str, Any] = {}
    for name, value in data.items():
        if name in decoders:
            decode = decoders[name]
            known[name] = value if decode is None else decode(value)
    return kind(**known)


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """Read a plan back.

    Args:
        data: What :meth:`Plan.to_json` returned, as it is or through JSON text. Unknown keys are ignored: whoever adds a key that
            a reader must understand raises :data:`PLAN_VERSION`.

    Raises:
        Refused: A newer program wrote it.
        StoreError: It is damaged.
    """
    try:
        version = data["version"]
        if version > PLAN_VERSION:
            raise Refused(
                f"the plan has format {version}, and this program reads up to {PLAN_VERSION}",
                hint="it was written by a newer ropeway: update this one",
                code="newer-format",
            )
        plan: Plan = _decode(Plan, data)
    except (AttributeError, KeyError, TypeError) as problem:
        raise StoreError(f"the plan is damaged: {problem}", hint="plan the workflow again", code="plan-damaged") from problem
    return plan
