"""RW5: what steps and actions mean together."""

from __future__ import annotations

from ropeway.lang.codes import Explanation

_HEAD = 'id = "demo"\n'
_GATE = '[steps.ask]\nuses = "gate:approve"\ninputs = { prompt = "Go on?" }\n'

CODES: dict[str, Explanation] = {
    "RW501": Explanation(
        "Unknown step",
        "`needs` names a step that the workflow does not have. A step is called by the name in its header, `[steps.NAME]`.",
        _HEAD + '[steps.build]\nrun = "make"\n[steps.test]\nneeds = ["biuld"]\nrun = "make test"\n',
        _HEAD + '[steps.build]\nrun = "make"\n[steps.test]\nneeds = ["build"]\nrun = "make test"\n',
    ),
    "RW502": Explanation(
        "Unknown action",
        '`uses = "action:NAME"` takes a template that the same file declares under `[actions.NAME]`.',
        _HEAD + '[actions.lint]\nrun = "ruff check"\n[steps.check]\nuses = "action:lnt"\n',
        _HEAD + '[actions.lint]\nrun = "ruff check"\n[steps.check]\nuses = "action:lint"\n',
    ),
    "RW503": Explanation(
        "Steps that need each other",
        "A step starts when all that it needs has ended, so steps on a circle would wait for each other for ever. The circle is shown in the"
        " direction of the needs: in `a -> b -> a`, a needs b and b needs a.",
        _HEAD + '[steps.a]\nneeds = ["b"]\nrun = "true"\n[steps.b]\nneeds = ["a"]\nrun = "true"\n',
        _HEAD + '[steps.a]\nneeds = ["b"]\nrun = "true"\n[steps.b]\nrun = "true"\n',
    ),
    "RW504": Explanation(
        "Actions that use each other",
        "An action may use another one, but at the end of the chain one has to do the work itself.",
        _HEAD + '[actions.a]\nuses = "action:b"\n[actions.b]\nuses = "action:a"\n[steps.x]\nuses = "action:a"\n',
        _HEAD + '[actions.a]\nuses = "action:b"\n[actions.b]\nrun = "true"\n[steps.x]\nuses = "action:a"\n',
    ),
    "RW505": Explanation(
        "Read of a step that is not needed",
        "An expression may read `steps.x` only where x is a need of the step, directly or through others: what a step waits for can be seen in"
        " `needs`, and nowhere else. A step's own outputs may be read only by the `until` of its `repeat`.",
        _HEAD + '[steps.a]\nrun = "true"\n[steps.b]\nrun = "echo ${{ steps.a.outputs.x }}"\n',
        _HEAD + '[steps.a]\nrun = "true"\n[steps.b]\nneeds = ["a"]\nrun = "echo ${{ steps.a.outputs.x }}"\n',
    ),
    "RW506": Explanation(
        "What is used has no kind",
        "`uses` says what kind of thing it names: `action:` (of this file), `builtin:`, `plugin:`, `skill:`, `agent:`, `workflow:` or `gate:`.",
        _HEAD + '[actions.lint]\nrun = "ruff check"\n[steps.check]\nuses = "lint"\n',
        _HEAD + '[actions.lint]\nrun = "ruff check"\n[steps.check]\nuses = "action:lint"\n',
    ),
    "RW507": Explanation(
        "Unknown builtin or gate",
        "The builtins are `assert`, `http-get`, `vcs-diff` and `write-file`; the gates are `approve`, `choose` and `form`.",
        _HEAD + '[steps.x]\nuses = "builtin:vcs-dif"\n',
        _HEAD + '[steps.x]\nuses = "builtin:vcs-diff"\n',
    ),
    "RW508": Explanation(
        "Unknown input",
        "Only declared inputs can be handed over: an action's `inputs`, a sub-workflow's `parameters`, or those that a builtin or a gate has.",
        _HEAD + '[steps.x]\nuses = "builtin:vcs-diff"\ninputs = { path = ["src"] }\n',
        _HEAD + '[steps.x]\nuses = "builtin:vcs-diff"\ninputs = { paths = ["src"] }\n',
    ),
    "RW509": Explanation(
        "Missing input",
        "An input without a default has to be handed over.",
        _HEAD + '[steps.x]\nuses = "builtin:write-file"\ninputs = { path = "a.txt" }\n',
        _HEAD + '[steps.x]\nuses = "builtin:write-file"\ninputs = { path = "a.txt", text = "hello" }\n',
    ),
    "RW510": Explanation(
        "Input that does not fit",
        "The value does not have the type that the input declares, or does not keep its `pattern`, `choices` or bounds. A value that is one"
        " whole expression keeps the expression's type; with anything around it, it is text.",
        _HEAD + '[steps.x]\nuses = "builtin:http-get"\ninputs = { url = "https://example.com", status = ["200"] }\n',
        _HEAD + '[steps.x]\nuses = "builtin:http-get"\ninputs = { url = "https://example.com", status = [200] }\n',
    ),
    "RW511": Explanation(
        "Keys that contradict each other",
        "Every key is right by itself, but together they ask for something impossible or without meaning: a gate has no `retry`, a builtin has"
        " no environment, an interactive step owns the terminal and so can not run several times at once.",
        _HEAD + _GATE + 'timeout = "24h"\n',
        _HEAD + '[steps.ask]\nuses = "gate:approve"\ninputs = { prompt = "Go on?", deadline = "24h" }\n',
    ),
    "RW512": Explanation(
        "Outputs that are given already",
        "A builtin, a gate and a sub-workflow bring their own outputs, with their types; a step can not declare others.",
        _HEAD + _GATE + 'outputs.answer = { type = "string" }\n',
        _HEAD + _GATE,
    ),
    "RW513": Explanation(
        "Need that is there twice",
        "Naming a step twice changes nothing; most likely another one was meant.",
        _HEAD + '[steps.a]\nrun = "true"\n[steps.b]\nneeds = ["a", "a"]\nrun = "true"\n',
        _HEAD + '[steps.a]\nrun = "true"\n[steps.b]\nneeds = ["a"]\nrun = "true"\n',
    ),
    "RW514": Explanation(
        "Step read by a computed name",
        "`steps` may only be followed by a name that stands in the file: which steps an expression reads has to be known before the run.",
        _HEAD + '[steps.a]\nrun = "true"\n[steps.b]\nneeds = ["a"]\nforeach = "[\'a\']"\nrun = "echo ${{ steps[item].state }}"\n',
        _HEAD + '[steps.a]\nrun = "true"\n[steps.b]\nneeds = ["a"]\nrun = "echo ${{ steps.a.state }}"\n',
    ),
    "RW515": Explanation(
        "Secret where it would be seen",
        "Arguments can be read by every process on the machine; items, gates, paths and outputs are written down with the run; an input that is"
        " not declared as a secret would lose track of it. Hand secrets over in `env`, or to an input of type `secret`.",
        _HEAD + '[parameters.token]\ntype = "secret"\n[steps.a]\nrun = ["curl", "--header", "${{ params.token }}"]\n',
        _HEAD
        + '[parameters.token]\ntype = "secret"\n[steps.a]\nrun = \'curl --header @<(echo "$TOKEN")\'\nenv = { TOKEN = "${{ params.token }}" }\n',
    ),
    "RW516": Explanation(
        "Sub-workflow that was not checked",
        "Validation works offline: what a reference to another place would bring is not known, so its inputs and outputs are taken as they"
        " come. `workflow plan` and `workflow run` resolve it, and check them.",
        _HEAD + '[steps.a]\nuses = "workflow:release@acme"\n',
        _HEAD + '[steps.a]\nrun = "true"\n',
    ),
    "RW517": Explanation(
        "Workflow that uses itself",
        "A workflow can not be its own sub-workflow, directly or through others. For doing something again, a step has `repeat` and `foreach`.",
        "",
        "",
    ),
    "RW518": Explanation(
        "Sub-workflows nested too deep",
        "Sub-workflows may use sub-workflows, up to 16 levels.",
        "",
        "",
    ),
}
