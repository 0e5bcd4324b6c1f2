"""The table of commands: names, where they live, and what one line says of them.

It imports nothing, so that ``workflow --help`` is answered without importing a single command.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COMMANDS", "SECTIONS", "Entry", "find"]


class Entry(NamedTuple):
    """A command: its name, the module under ``ropeway.cli.commands`` whose ``command`` it is, its section and one line of help."""

    name: str
    module: str
    section: str
    help: str


SECTIONS: tuple[str, ...] = ("Write", "Run", "Share", "Look", "Set up")

COMMANDS: tuple[Entry, ...] = (
    Entry("init", "init", "Write", "Start a workflow file from a template."),
    Entry("import", "import_", "Write", "Make a workflow of a justfile."),
    Entry("list", "list_", "Write", "List this project's workflows."),
    Entry("validate", "validate", "Write", "Check workflow files and show every problem."),
    Entry("plan", "plan", "Write", "Show what a run would do."),
    Entry("graph", "graph", "Write", "Draw the steps: tree, mermaid, dot or svg."),
    Entry("schema", "schema", "Write", "Print the JSON Schema of workflow files."),
    Entry("explain", "explain", "Write", "Explain a diagnostic code, with an example."),
    Entry("run", "run", "Run", "Run a workflow."),
    Entry("resume", "resume", "Run", "Go on with a run that stopped."),
    Entry("land", "land", "Run", "Bring what a run changed back to your branch or files."),
    Entry("cancel", "cancel", "Run", "Cancel a run."),
    Entry("answer", "answer", "Run", "Answer a step that waits for a person."),
    Entry("shell", "shell", "Run", "Open a shell where a step of a run works."),
    Entry("workspace", "workspace", "Run", "Run commands in working copies of their own."),
    Entry("package", "package", "Share", "Make a bundle of a workflow, a skill or an agent card."),
    Entry("bundle", "bundle", "Share", "Look into a bundle, check it, or unpack it."),
    Entry("search", "search", "Share", "Find workflows in your registries."),
    Entry("info", "info", "Share", "Show what a workflow elsewhere is, does and may touch."),
    Entry("versions", "versions", "Share", "List the versions that a workflow has."),
    Entry("fetch", "fetch", "Share", "Bring a workflow here, verified, without running it."),
    Entry("publish", "publish", "Share", "Publish a workflow, signed, to a registry."),
    Entry("lock", "lock", "Share", "Lock what this project's references mean."),
    Entry("upgrade", "upgrade", "Share", "Move locked references on, and show what changes."),
    Entry("keys", "keys", "Share", "Make keys to sign with, and say whose you trust."),
    Entry("registry", "registry", "Share", "Name registries of workflows, and log in to them."),
    Entry("agent", "agent", "Share", "Push, pull and verify agent cards in a registry."),
    Entry("status", "status", "Look", "Show the active runs, or one run."),
    Entry("logs", "logs", "Look", "Show what the steps of a run printed."),
    Entry("artifacts", "artifacts", "Look", "List or fetch the artifacts of a run."),
    Entry("diff", "diff", "Look", "Show what a run or a step changed."),
    Entry("checkout", "checkout", "Look", "Write the files of a run into a folder."),
    Entry("runs", "runs", "Look", "Show the history of runs."),
    Entry("secret", "secret", "Set up", "Keep secrets for workflows."),
    Entry("gc", "gc", "Set up", "Remove runs, working copies and caches that are no longer needed."),
    Entry("config", "config", "Set up", "Read and change settings."),
    Entry("self-test", "self_test", "Set up", "Check that everything works on this machine."),
    Entry("completion", "completion", "Set up", "Print the shell's completion script."),
)


def find(name: str) -> Entry | None:
    """Return the entry of a command by its exact name, or None."""
    for entry in COMMANDS:
        if entry.name == name:
            return entry
    return None
