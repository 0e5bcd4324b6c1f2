"""What a workflow, a skill or an agent may touch, as far as its definition tells.

It is shown before something from elsewhere is used for the first time, and compared when a new version is. It is read from the definition without
running anything: what a script does is not known, that there is one and in which language is. What a bundle may touch is the union over its files
(:mod:`ropeway.bundles.reachable`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ropeway.bundles.manifest import canonical_json, digest_of
from ropeway.records import record, slots

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ropeway.lang.model import Action, Step, Workflow

__all__ = ["Capabilities", "capabilities_from_json", "capabilities_of", "difference", "union"]


@record
class Capabilities:
    """What is used, each sorted. Of ``network``, ``write`` and ``read`` None means that nothing is said, so that everything is allowed.

    Attributes:
        shells: Languages of its scripts: ``bash``, ``sh``, ``python``, ``node``, or a program that takes them.
        programs: First words of commands without a shell, and what it says that it needs on the PATH.
        builtins: Built-in steps, as ``http-get``.
        plugins: Steps that plugins bring.
        agents: Agents that it calls.
        skills: Skills that it calls.
        workflows: Workflows that it starts.
        secrets: Names of the secrets that it reads, or where they come from.
        python: Python packages that it installs.
        network: Hosts that it may reach.
        write: Paths that it may write.
        read: Paths that it may read beside its working copy.
        sandbox: What holds it to that: ``none``, ``kernel``, or a plugin's.
        image: Container images that it runs in.
        nix: Nix expressions that give its tools.
        env_file: Files of variables that it reads.
        tools: Files that it copies in from the person's tool folder.
        interactive: Whether a step takes the person's terminal.
        unread: Files of it that could not be looked into, each with why: ``./inner.toml has errors``.
    """

    shells: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    builtins: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    network: tuple[str, ...] | None = None
    write: tuple[str, ...] | None = None
    read: tuple[str, ...] | None = None
    sandbox: str = "none"
    image: tuple[str, ...] = ()
    nix: tuple[str, ...] = ()
    env_file: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    interactive: bool = False
    unread: tuple[str, ...] = ()

    @property
    def acts(self) -> bool:
        """Whether anything is carried out, so that the limits mean something."""
        return any((self.shells, self.programs, self.builtins, self.plugins, self.agents, self.skills, self.workflows))

    def as_json(self) -> dict[str, Any]:
        """Return it for a config blob: what is used only, so that a new kind of capability changes nothing for those who lack it."""
        found: dict[str, Any] = {}
        for slot in slots(Capabilities):
            value = getattr(self, slot.name)
            if value not in ((), None, False):
                found[slot.name] = list(value) if isinstance(value, tuple) else value
            elif value == () and slot.name in _LIMITS:
                found[slot.name] = []  # nothing is allowed, which is not the same as nothing being said
        return found

    def digest(self) -> str:
        """Return the digest that signatures hold."""
        return digest_of(canonical_json(self.as_json()))

    def lines(self) -> list[str]:
        """Return sentences for people, without full stops: ``runs bash scripts with your rights``."""
        found: list[tuple[str, list[str]]] = []
        for phrase, item in self._facts():
            if found and found[-1][0] == phrase and item:
                found[-1][1].append(item)
            else:
                found.append((phrase, [item] if item else []))
        return [_sentence(phrase, items) for phrase, items in found]

    def _facts(self) -> list[tuple[str, str]]:
        """Return everything as a phrase and what it is said of, one by one; things of the same phrase are neighbours."""
        found = [(f"runs {{}} scripts{self._rights()}", shell) for shell in self.shells]
        for phrase, items in (
            (f"starts {{}}{self._rights()}", self.programs),
            ("uses the built-in {}", self.builtins),
            ("uses the plugin {}", self.plugins),
            ("calls the agent {}", self.agents),
            ("calls the skill {}", self.skills),
            ("starts the workflow {}", self.workflows),
            ("reads the secret {}", self.secrets),
            ("installs the Python package {}", self.python),
            ("copies in your tool {}", self.tools),
            ("runs in the image {}", self.image),
            ("takes its tools from Nix: {}", self.nix),
            ("reads the variables file {}", self.env_file),
        ):
            found += [(phrase, item) for item in items]
        if self.interactive:
            found.append(("takes your terminal", ""))
        found += self._bounds()
        return found + [("may do more than is told here: {}", each) for each in self.unread]

    def _rights(self) -> str:
        return " with your rights" if self.sandbox == "none" else ""

    def _bounds(self) -> list[tuple[str, str]]:
        if not self.acts:
            return []
        if self.sandbox == "none" and self.network is None and self.write is None and self.read is None:
            return [("reaches any host, and every file that you can", "")]
        found: list[tuple[str, str]] = []
        for name, phrase, anything, nothing in (
            ("network", "reaches {}", "reaches any host", "reaches no host"),
            ("write", "writes {}", "writes wherever you can", "writes nothing"),
            ("read", "reads {}", "reads whatever you can", "reads its working copy only"),
        ):
            allowed = getattr(self, name)
            if allowed is None:
                found.append((anything, ""))
            elif not allowed:
                found.append((nothing, ""))
            else:
                found += [(phrase, item) for item in allowed]
        if self.sandbox == "none":
            found.append(("is not held to these limits: it asks for no sandbox", ""))
        else:
            found.append(("is held to that by the sandbox {}", self.sandbox))
        return found


_LIMITS: Final = frozenset({"network", "write", "read"})
_PLURALS: Final = {
    "built-in": "built-ins",
    "plugin": "plugins",
    "agent": "agents",
    "skill": "skills",
    "workflow": "workflows",
    "secret": "secrets",
    "package": "packages",
    "tool": "tools",
}


def _one(value: str | None) -> tuple[str, ...]:
    return (value,) if value else ()


def _sentence(phrase: str, items: list[str]) -> str:
    if len(items) > 1:
        words = phrase.split(" ")
        at = words.index("{}") - 1
        words[at] = _PLURALS.get(words[at], words[at])
        phrase = " ".join(words)
    return phrase.replace("{}", ", ".join(items))


def difference(old: Capabilities, new: Capabilities) -> list[str]:
    """Return what changes, one thing a line: ``+ reads the secret GH_TOKEN`` for what is new, ``- …`` for what is gone."""
    before = [_sentence(phrase, [item]) for phrase, item in old._facts()]  # noqa: SLF001 - of the same module
    after = [_sentence(phrase, [item]) for phrase, item in new._facts()]  # noqa: SLF001 - same
    return [f"+ {line}" for line in after if line not in before] + [f"- {line}" for line in before if line not in after]


def union(parts: Sequence[Capabilities]) -> Capabilities:
    """Return what all of some workflows may touch together, whatever their order; ``parts`` has at least one.

    The limits are the weakest of those that carry something out: what one of them does not limit is not limited, and without a sandbox for one of
    them there is none.
    """
    found: dict[str, Any] = {"interactive": any(part.interactive for part in parts)}
    for slot in slots(Capabilities):
        if slot.annotation == "tuple[str, ...]":
            found[slot.name] = _sorted(item for part in parts for item in getattr(part, slot.name))
    acting = [part for part in parts if part.acts] or parts
    for name in _LIMITS:
        limits = [getattr(part, name) for part in acting]
        found[name] = None if None in limits else _sorted(item for limit in limits for item in limit)
    levels = {part.sandbox for part in acting}
    return Capabilities(**found, sandbox="none" if "none" in levels else ", ".join(sorted(levels)))


def capabilities_from_json(value: object) -> Capabilities:
    """Read what :meth:`Capabilities.as_json` wrote; what does not fit is left out, because a config blob of others may say anything."""
    if not isinstance(value, dict):
        return Capabilities()
    given: dict[str, Any] = {}
    for slot in slots(Capabilities):
        said = value.get(slot.name)
        if isinstance(said, list) and slot.annotation.startswith("tuple"):
            given[slot.name] = tuple(item for item in said if isinstance(item, str))
        elif (isinstance(said, bool) and slot.annotation == "bool") or (isinstance(said, str) and slot.annotation.startswith("str")):
            given[slot.name] = said
    return Capabilities(**given)


def capabilities_of(workflow: Workflow) -> Capabilities:
    """Return what a workflow uses; of its sub-workflows only their names."""
    policy, needs = workflow.policy, workflow.requirements
    sandbox, workspace = policy.sandbox, policy.workspace
    bodies: list[Step | Action] = [*workflow.steps.values(), *_used_actions(workflow)]
    scripts = [body for body in bodies if isinstance(body.run, str)]
    secrets = {field.source or name for name, field in workflow.parameters.items() if field.type == "secret"}
    return Capabilities(
        shells=_sorted("bash" if body.shell is None else _first(body.shell) for body in scripts),
        programs=_sorted([*(_first(body.run) for body in bodies if isinstance(body.run, tuple)), *map(_program, needs.commands)]),
        builtins=_uses(bodies, "builtin"),
        plugins=_uses(bodies, "plugin"),
        agents=_uses(bodies, "agent"),
        skills=_uses(bodies, "skill"),
        workflows=_uses(bodies, "workflow"),
        secrets=_sorted([*secrets, *(sandbox.secrets if sandbox is not None else ())]),
        python=_sorted(needs.python),
        network=None if sandbox is None or sandbox.network is None else _sorted(sandbox.network),
        write=None if sandbox is None or sandbox.write is None else _sorted(sandbox.write),
        read=None if sandbox is None or sandbox.read is None else _sorted(sandbox.read),
        sandbox="none" if sandbox is None else sandbox.level,
        image=_one(needs.image),
        nix=_one(needs.nix),
        env_file=_one(policy.env_file),
        tools=() if workspace is None else _sorted(workspace.tools),
        interactive=any(step.interactive for step in workflow.steps.values()),
    )


def _used_actions(workflow: Workflow) -> list[Action]:
    from ropeway.lang.uses import resolve

    found: Mapping[str, Action] = {
        action.id: action
        for step in workflow.steps.values()
        if (body := resolve(step, workflow.actions)) is not None
        for action in body.actions
    }
    return list(found.values())


def _uses(bodies: Iterable[Step | Action], kind: str) -> tuple[str, ...]:
    from ropeway.lang.uses import split_uses

    found = (split_uses(body.uses) for body in bodies if body.uses is not None)
    return _sorted(uses.name for uses in found if uses is not None and uses.kind == kind)


def _first(run: str | tuple[str, ...]) -> str:
    return run if isinstance(run, str) else run[0] if run else ""


def _program(requirement: str) -> str:
    """Return the program of ``git>=2.39``."""
    end = next((at for at, c in enumerate(requirement) if c in "<>=!~ "), len(requirement))
    return requirement[:end]


def _sorted(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(items) - {""}))
