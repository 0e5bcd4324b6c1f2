"""The one table of the language: every key of ``workflow.toml``, what it may hold, what it means and what holds without it.

It drives the check and its hints (``lang.reader``, ``lang.build``), and the JSON Schema (``lang.schema``). A key that is not here does
not exist. Where a kind is ``template`` or ``expression``, expressions may stand; everywhere else a value is literal.
"""

from __future__ import annotations

from ropeway.lang.formats import (
    ARTIFACT,
    COMMAND,
    ENTRY_NAME,
    ENV_NAME,
    IMAGE,
    NAME,
    PYTHON,
    RETRY_ON,
    SECRET_SOURCE,
    SEMVER,
    TAG,
    TYPE_NAME,
    URL,
    WORD,
    WORKFLOW_ID,
)
from ropeway.lang.kinds import Anything, Boolean, Choice, Command, Duration, Integer, Key, ListOf, MapOf, Number, Size, Table, Text

__all__ = ["ACTION", "ARTIFACT_TABLE", "INPUT", "OUTPUT", "PARAMETER", "POLICY", "ROOT", "SHELLS", "STEP"]

SHELLS = ("bash", "sh", "python", "node")
"""The shells whose scripts we compile; any other is an argv that takes a script file."""

_PROSE = Text("prose", empty=True)
_TEMPLATE = Text("template")
_EXPRESSION = Text("expression")
_WORDS = ListOf(Text())
_MOST = 10_000
"""The bound of every count: as many as a `foreach` may have items."""

_TYPED: dict[str, Key] = {
    "type": Key(
        Text(format=TYPE_NAME),
        "string, integer, number, boolean, path, choice, list, map, secret, or a type that a plugin brings",
        default="string",
    ),
    "items": Key(
        Text(format=TYPE_NAME),
        "The type of a list's or a map's elements; pattern, choices, minimum and maximum then hold for each element",
        default="string",
    ),
    "pattern": Key(Text("prose"), "A regular expression that the whole value has to match"),
    "choices": Key(ListOf(Text("prose", empty=True), empty=False), "The values that a choice may have"),
    "minimum": Key(Number(), "The smallest number allowed"),
    "maximum": Key(Number(), "The largest number allowed"),
    "validator": Key(Text(format=WORD), "The name of a plugin's check, asked after all others"),
    "description": Key(_PROSE, "What it is for; shown by `workflow run FILE --help`"),
    "required": Key(Boolean(), "Whether a value has to be given; true when there is no default"),
    "default": Key(Anything(), "The value when none is given"),
}
_TYPED_HABITS = {
    "regex": "pattern",
    "validation": "pattern",
    "enum": "choices",
    "options": "choices",
    "values": "choices",
    "min": "minimum",
    "max": "maximum",
    "desc": "description",
    "help": "description",
    "optional": "required",
    "item": "items",
}

_IMPLIED: tuple[tuple[dict[str, tuple[str, ...]], str], ...] = (
    ({"type": ("choice",)}, "choices"),
    ({"type": ("list", "map"), "items": ("choice",)}, "choices"),
)
"""Enforced where fields are made, with words of its own."""

PARAMETER = Table(
    "parameter",
    "A typed value that a run is given",
    {**_TYPED, "source": Key(Text(format=SECRET_SOURCE), "Where a secret comes from: keyring:NAME, env:NAME or prompt")},
    habits=_TYPED_HABITS,
    example='{ type = "string" }',
    implied=_IMPLIED,
)
INPUT = PARAMETER._replace(name="input", doc="A typed input of an action, or a field of a form", keys=_TYPED)
OUTPUT = INPUT._replace(name="output", doc="A typed output: a step that declares outputs has exactly those")

_REQUIREMENTS = Table(
    "requirements",
    "What the machine must have; checked before a run, all that is missing is named at once",
    {
        "commands": Key(ListOf(Text(format=COMMAND)), 'Programs on the PATH, such as "git>=2.39"', default=()),
        "python": Key(ListOf(Text(format=PYTHON)), 'Python packages, such as "requests>=2"', default=()),
        "image": Key(Text(format=IMAGE), "A container image that steps run in", excludes=("nix",)),
        "nix": Key(Text(), "A Nix expression or flake that gives the tools"),
    },
    habits={"tools": "commands", "programs": "commands", "packages": "python", "container": "image"},
)
_CONCURRENCY = Table(
    "concurrency",
    "How many runs of one group may be under way on this machine",
    {
        "group": Key(_TEMPLATE, "Runs with the same text here belong together"),
        "limit": Key(Integer(1, _MOST), "How many may run at once", default=1),
        "on_full": Key(Choice(("queue", "reject", "cancel-running")), "What a run does when the group is full", default="queue"),
    },
    required=("group",),
    habits={"max": "limit", "cancel_in_progress": "on_full"},
    example='{ group = "release", limit = 1 }',
)
_WORKSPACE = Table(
    "workspace",
    "The working copy that the run gets",
    {
        "backend": Key(Text(format=WORD), "auto, jj, git, plain, overlay, none (in place), or a plugin's", default="auto"),
        "base": Key(Text(), "The change to start from; @ is what you see", default="@"),
        "keep": Key(Choice(("changed", "always", "never", "on-failure")), "When the working copy stays after the run", default="changed"),
        "tools": Key(_WORDS, "Files and folders of the tool source to copy in", default=()),
    },
    example='{ backend = "auto" }',
)
_SANDBOX = Table(
    "sandbox",
    "What steps may touch",
    {
        "level": Key(Text(format=WORD), "How it is enforced: none, kernel, or a plugin's", default="none"),
        "write": Key(_WORDS, "Paths that steps may write; [] allows none"),
        "read": Key(_WORDS, "Paths that steps may read beside the working copy; [] allows none"),
        "network": Key(_WORDS, "Hosts that steps may reach; [] allows none"),
        "secrets": Key(ListOf(Text(format=ENTRY_NAME)), "Entries that `secrets.NAME` may read", default=()),
    },
    example='{ level = "kernel" }',
)
POLICY = Table(
    "policy",
    "How the workflow runs",
    {
        "max_parallel": Key(Integer(1, _MOST), "How many steps run at once", default=1),
        "priority": Key(Choice(("low", "normal", "high")), "The place in the daemon's queue", default="normal"),
        "concurrency": Key(_CONCURRENCY, _CONCURRENCY.doc),
        "timeout": Key(Duration(), "How long a run may take"),
        "on_failure": Key(Choice(("stop", "continue")), "Whether independent steps go on after a failure", default="stop"),
        "workspace": Key(_WORKSPACE, _WORKSPACE.doc),
        "sandbox": Key(_SANDBOX, _SANDBOX.doc),
        "durability": Key(
            Choice(("normal", "power")),
            "power: also a power cut loses no finished step, at the price of a disk sync a turn",
            default="normal",
        ),
        "env_file": Key(
            Text(),
            "A .env file, relative to the run's folder, as --env-file takes one (which wins): variables for steps, and a source of secrets",
        ),
    },
    habits={"parallel": "max_parallel", "parallelism": "max_parallel", "fail_fast": "on_failure"},
)

_ENV = MapOf(Text("template", empty=True), ENV_NAME, "environment variable")
_OUTPUTS = MapOf(OUTPUT, NAME, "output")
_RUN = Command(_TEMPLATE, ListOf(Text("template", empty=True), empty=False))
_SHELL = Command(Choice(SHELLS), ListOf(Text(), empty=False))

ACTION = Table(
    "action",
    "A reusable step template with typed inputs",
    {
        "inputs": Key(MapOf(INPUT, NAME, "input"), "What a step hands in; read as `inputs.NAME`", default={}),
        "run": Key(_RUN, "A script, or a list of words to execute without a shell"),
        "uses": Key(Text(), "What to use instead of a script: action: builtin: plugin: skill: agent: workflow: gate:"),
        "with": Key(MapOf(Anything(template=True), NAME, "input"), "The inputs of what is used", default={}, only_with="uses"),
        "shell": Key(_SHELL, "What runs the script: bash, sh, python, node, or a list of words that takes a script file", only_with="run"),
        "env": Key(_ENV, "Environment variables", default={}),
        "outputs": Key(_OUTPUTS, OUTPUT.doc),
        "timeout": Key(Duration(), "How long an attempt may take"),
        "description": Key(_PROSE, "What it does"),
    },
    exactly_one=("run", "uses"),
    habits={"command": "run", "cmd": "run", "script": "run", "parameters": "inputs", "params": "inputs", "environment": "env"},
    example='{ run = "make" }',
)

_RETRY = Table(
    "retry",
    "When a failed attempt is made again",
    {
        "attempts": Key(Integer(1, _MOST), "How often it is tried in all"),
        "delay": Key(Duration(zero=True), "How long to wait before the second attempt", default=0.0),
        "backoff": Key(Choice(("constant", "linear", "exponential")), "How the delay grows", default="constant", only_with="delay"),
        "max_delay": Key(Duration(), "The longest delay", only_with="delay"),
        "on": Key(
            ListOf(Text(format=RETRY_ON), empty=False),
            "The failures to retry: failure (any), timeout, signal, output, exit, exit:N; without it any but exit 126, 127 and bad output",
            default=(),
        ),
    },
    required=("attempts",),
    habits={"max_attempts": "attempts", "times": "attempts", "max": "attempts", "count": "attempts", "wait": "delay", "when": "on"},
    example='{ attempts = 3, delay = "2s" }',
)
_RESOURCES = Table(
    "resources",
    "The step's lease",
    {
        "cpu": Key(Number(0), "Cores; a fraction is allowed", default=0.0),
        "memory": Key(Size(), 'Memory, such as "1GiB"', default=0),
    },
    habits={"cpus": "cpu", "cores": "cpu", "mem": "memory", "ram": "memory"},
    example='{ cpu = 2, memory = "1GiB" }',
)
_REPEAT = Table(
    "repeat",
    "Run the step again until an expression holds",
    {
        "until": Key(_EXPRESSION, "Asked after each iteration; may read the step's own outputs"),
        "max": Key(Integer(1, _MOST), "The most iterations; reaching it without `until` is a failure"),
    },
    required=("until", "max"),
    habits={"attempts": "max", "times": "max", "limit": "max", "while": "until", "when": "until"},
    example='{ until = "steps.NAME.outputs.done", max = 5 }',
)

STEP = Table(
    "step",
    "One step of the workflow",
    {
        "name": Key(_PROSE, "How people call it"),
        "description": Key(_PROSE, "What it does"),
        "run": Key(_RUN, "A script, or a list of words to execute without a shell"),
        "uses": Key(Text(), "What to use instead of a script: action: builtin: plugin: skill: agent: workflow: gate:"),
        "shell": Key(_SHELL, "What runs the script: bash, sh, python, node, or a list of words that takes a script file", only_with="run"),
        "needs": Key(ListOf(Text()), "The steps that have to be done first", default=()),
        "inputs": Key(MapOf(Anything(template=True), NAME, "input"), "The inputs of what is used", default={}, only_with="uses"),
        "env": Key(_ENV, "Environment variables", default={}),
        "when": Key(_EXPRESSION, "Run only if this holds"),
        "retry": Key(_RETRY, _RETRY.doc),
        "timeout": Key(Duration(), "How long an attempt may take"),
        "on_error": Key(Choice(("fail", "continue")), "continue: a failure is only a warning", default="fail"),
        "workspace": Key(
            _TEMPLATE,
            "inherit, ephemeral (its files are dropped), or an existing folder to work in, relative to the run's or absolute",
            default="inherit",
        ),
        "resources": Key(_RESOURCES, _RESOURCES.doc),
        "pure": Key(Boolean(), "It changes no files, so no snapshot is made", default=False),
        "interactive": Key(Boolean(), "It owns the terminal", default=False),
        "outputs": Key(_OUTPUTS, OUTPUT.doc),
        "foreach": Key(_EXPRESSION, "A list: the step runs once for each `item`", excludes=("repeat",)),
        "max_parallel": Key(Integer(1, _MOST), "How many instances of `foreach` run at once", only_with="foreach"),
        "repeat": Key(_REPEAT, _REPEAT.doc),
    },
    exactly_one=("run", "uses"),
    habits={
        "depends_on": "needs",
        "depends": "needs",
        "dependencies": "needs",
        "deps": "needs",
        "after": "needs",
        "if": "when",
        "condition": "when",
        "command": "run",
        "cmd": "run",
        "script": "run",
        "with": "inputs",
        "args": "inputs",
        "params": "inputs",
        "environment": "env",
        "retries": "retry",
        "for_each": "foreach",
        "matrix": "foreach",
        "loop": "foreach",
        "until": "repeat",
        "continue_on_error": "on_error",
        "allow_failure": "on_error",
        "working_directory": "workspace",
        "cwd": "workspace",
        "dir": "workspace",
        "timeout_seconds": "timeout",
        "timeout_minutes": "timeout",
        "id": "the step's own name, as in [steps.NAME]",
    },
    example='{ run = "make" }',
)
ARTIFACT_TABLE = Table(
    "artifact",
    "Files of the run to keep",
    {
        "path": Key(_TEMPLATE, "A glob below the working copy"),
        "retention": Key(Duration(), "How long to keep them after the run's end; whoever looks at the run then removes them"),
        "description": Key(_PROSE, "What they are"),
    },
    required=("path",),
    habits={"paths": "path", "glob": "path", "files": "path", "keep": "retention", "expires": "retention"},
    example='{ path = "dist/*" }',
)
ROOT = Table(
    "workflow",
    "A Ropeway workflow",
    {
        "id": Key(Text(format=WORKFLOW_ID), "name or org/name, lower case"),
        "version": Key(Text(format=SEMVER), "The version (semver); needed to publish"),
        "name": Key(_PROSE, "How people call it"),
        "description": Key(_PROSE, "What it does"),
        "tags": Key(ListOf(Text(format=TAG)), "Words to find it by", default=()),
        "license": Key(Text("prose"), "An SPDX expression, such as MIT"),
        "homepage": Key(Text(format=URL), "Where to read more"),
        "repository": Key(Text(format=URL), "Where its source is kept"),
        "authors": Key(ListOf(Text("prose")), 'Who wrote it, such as "Ada <ada@example.org>"', default=()),
        "parameters": Key(MapOf(PARAMETER, NAME, "parameter"), "What a run is given; read as `params.NAME`", default={}),
        "requirements": Key(_REQUIREMENTS, _REQUIREMENTS.doc),
        "policy": Key(POLICY, POLICY.doc),
        "actions": Key(MapOf(ACTION, NAME, "action"), "Reusable step templates; used as `action:NAME`", default={}),
        "steps": Key(MapOf(STEP, NAME, "step", empty=False), "What the workflow does"),
        "artifacts": Key(MapOf(ARTIFACT_TABLE, ARTIFACT, "artifact"), "Files of the run to keep", default={}),
        "outputs": Key(MapOf(Anything(template=True), NAME, "output"), "The workflow's results", default={}),
    },
    required=("id", "steps"),
    habits={
        "params": "parameters",
        "inputs": "parameters",
        "vars": "parameters",
        "jobs": "steps",
        "tasks": "steps",
        "requires": "requirements",
        "author": "authors",
        "source": "repository",
        "env": "env of each step",
    },
)
