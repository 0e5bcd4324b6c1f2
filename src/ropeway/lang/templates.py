"""Makes the template of one checked workflow: actions put in place, scripts compiled, nothing left to look up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ropeway.lang.builtins import builtin, gate
from ropeway.lang.model import Repeat
from ropeway.lang.plan import Frame, PlanStep, Template
from ropeway.lang.reads import OPENING, reads_of_step
from ropeway.records import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.library import LinkedSource
    from ropeway.lang.model import Field, Run
    from ropeway.lang.plan import Provenance, StepKind
    from ropeway.lang.uses import Body
    from ropeway.lang.validate import Examined


def make_template(source: LinkedSource, examined: Examined, workflows: Mapping[str, str]) -> Template:
    """Return a workflow's template.

    Args:
        source: The workflow, without errors.
        examined: What checking found out about it.
        workflows: The plan's key for each sub-workflow, by reference as written.
    """
    workflow = source.workflow
    maker = _Maker(examined, workflows)
    return Template(
        id=workflow.id,
        version=workflow.version or _published(source.provenance),
        name=workflow.name,
        digest=source.digest,
        source=source.path,
        parameters=workflow.parameters,
        requirements=workflow.requirements,
        policy=workflow.policy,
        steps=tuple([maker.step(body) for body in examined.meaning.bodies.values() if body is not None]),
        artifacts=workflow.artifacts,
        outputs=workflow.outputs,
        workflows=dict(workflows),
        provenance=source.provenance,
    )


def _published(origin: Provenance | None) -> str | None:
    """Return the version that a file without one was published as."""
    from ropeway.lang.versions import parse_version

    found = None if origin is None or origin.version is None else parse_version(origin.version)
    return None if found is None else str(found)


class _Maker:
    """Makes the steps of one template."""

    def __init__(self, examined: Examined, workflows: Mapping[str, str]) -> None:
        self._meaning = examined.meaning
        self._compiled = examined.compiled
        self._workflows = workflows
        workflow = examined.meaning.workflow
        sandbox = workflow.policy.sandbox
        self._secret_parameters = [f"params.{name}" for name, field in workflow.parameters.items() if field.type == "secret"]
        self._any_secrets = bool(
            self._secret_parameters
            or (sandbox is not None and sandbox.secrets)
            or any(_gives_secret(step.outputs) for step in workflow.steps.values())
            or any(_gives_secret(action.outputs) for action in workflow.actions.values())
        )

    def step(self, body: Body) -> PlanStep:
        """Return one step."""
        step, leaf = body.step, body.leaf
        script: str | None = None
        variables: Mapping[str, str] = {}
        if isinstance(leaf.run, str):
            compiled = self._compiled.get(body.path)
            script, variables = (leaf.run, {}) if compiled is None else (compiled.text, compiled.variables)
        frames = self._frames(body) if step.uses is not None else ()
        made = PlanStep(
            id=step.id,
            kind=cast("StepKind", body.kind),
            needs=tuple(dict.fromkeys(step.needs)) if len(step.needs) > 1 else step.needs,
            name=step.name,
            when=_bare(step.when),
            uses=self._uses(body),
            script=script,
            shell=_shell(leaf.shell) if script is not None else (),
            variables=variables,
            argv=leaf.run if isinstance(leaf.run, tuple) else (),
            frames=frames,
            env=_env(body, framed=bool(frames)),
            outputs=self._outputs(body),
            retry=step.retry,
            timeout=body.timeout,
            on_error=step.on_error,
            workspace=step.workspace,
            resources=step.resources,
            pure=step.pure,
            interactive=step.interactive,
            foreach=_bare(step.foreach),
            max_parallel=step.max_parallel,
            repeat=Repeat(_bare(step.repeat.until) or "", step.repeat.max) if step.repeat is not None else None,
        )
        secrets = self._secrets(made) if self._any_secrets else ()
        return _with_secrets(made, secrets) if secrets else made

    def _uses(self, body: Body) -> str | None:
        if body.uses is None:
            return None
        return self._workflows[body.uses.name] if body.uses.kind == "workflow" else body.uses.name

    def _frames(self, body: Body) -> tuple[Frame, ...]:
        """Return a frame for each layer; none when no layer hands anything over or expects anything."""
        frames: list[Frame] = []
        for at, call in enumerate(body.calls()):
            inputs = call.inputs
            if at < len(body.actions):
                fields: Mapping[str, Field] = body.actions[at].inputs
            else:
                fields = self._fields(body)
                if body.kind == "workflow":
                    # Checked: only a Pallet workflow may be handed what it does not take, and it leaves that unread.
                    inputs = {name: value for name, value in inputs.items() if name in fields}
            frames.append(Frame(inputs, fields))
        return tuple(frames) if any(frame.inputs or frame.fields for frame in frames) else ()

    def _fields(self, body: Body) -> Mapping[str, Field]:
        """Return the declared inputs of what the innermost layer uses."""
        if body.uses is None:
            return {}
        if body.uses.kind == "workflow":
            source = self._meaning.sub_workflow(body.uses.name)
            return source.workflow.parameters if source is not None else {}
        known = builtin(body.uses.name) if body.uses.kind == "builtin" else gate(body.uses.name) if body.uses.kind == "gate" else None
        # What a form asks for is a declaration itself, not a value of some type.
        return {name: field for name, field in known.inputs.items() if name != "fields"} if known is not None else {}

    def _outputs(self, body: Body) -> Mapping[str, Field] | None:
        return body.outputs if body.uses is None else self._meaning.steps.declared(body.step.id)

    def _secrets(self, step: PlanStep) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for read in sorted(reads_of_step(step)):
            if read == ("params",):
                found |= dict.fromkeys(self._secret_parameters)
            elif read[0] == "params" and f"params.{read[1]}" in self._secret_parameters:
                found[f"params.{read[1]}"] = None
            elif read[0] == "secrets" and len(read) > 1:
                found[f"secrets.{read[1]}"] = None
            elif read[0] == "steps" and len(read) > 3 and self._meaning.steps.is_secret(read[1], read[3]):
                found[f"steps.{read[1]}.outputs.{read[3]}"] = None
        return tuple(found)


def _with_secrets(step: PlanStep, secrets: tuple[str, ...]) -> PlanStep:
    return replace(step, secrets=secrets)


def _gives_secret(outputs: Mapping[str, Field] | None) -> bool:
    return outputs is not None and any(field.type == "secret" for field in outputs.values())


def _shell(shell: Run | None) -> tuple[str, ...]:
    return ("bash",) if shell is None else (shell,) if isinstance(shell, str) else shell


def _bare(text: str | None) -> str | None:
    """Return a condition without ``${{ }}``."""
    if text is None or OPENING not in text:
        return text
    from ropeway.lang.expressions.template import parse_condition

    return parse_condition(text).source


def _env(body: Body, *, framed: bool) -> tuple[tuple[int, str, str], ...]:
    """Return all layers' variables, innermost first; what is said further out wins, because it is nearer to the person."""
    if not body.actions and not body.step.env:
        return ()
    found: dict[str, tuple[int, str, str]] = {}
    layers: list[tuple[int, Any]] = [(at + 1 if framed else 0, action) for at, action in enumerate(body.actions)]
    for index, layer in (*reversed(layers), (0, body.step)):
        for name, text in layer.env.items():
            found.pop(name, None)
            found[name] = (index, name, text)
    return tuple(found.values())
