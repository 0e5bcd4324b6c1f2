"""From a definition's bytes to metadata: a workflow, a ``SKILL.md``, Python with inline metadata, or an agent card."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ropeway.bundles.capabilities import Capabilities
from ropeway.bundles.kinds import base_name
from ropeway.bundles.metadata import Metadata, metadata_of
from ropeway.bundles.problems import InvalidBundle
from ropeway.errors import InvalidWorkflow

if TYPE_CHECKING:
    from ropeway.bundles.kinds import Kind
    from ropeway.lang.diagnostics import Diagnostic
    from ropeway.lang.model import Workflow

__all__ = ["MAX_DEFINITION", "Described", "describe", "read_model", "read_workflow"]

MAX_DEFINITION: Final = 32 * 2**20
"""Bytes that a definition may have: what the language reads at most."""

_SKILL_NAME: Final = re.compile("[a-z0-9]+(?:-[a-z0-9]+)*")
_CODE_NAME: Final = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Described(NamedTuple):
    """Metadata, and sentences for whoever packs it."""

    metadata: Metadata
    notes: tuple[str, ...] = ()


def describe(kind: Kind, path: str, data: bytes, *, shown: str | None = None, folder: str | None = None) -> Described:
    """Return what a definition says of itself.

    Args:
        kind: What it is.
        path: Its path in the bundle.
        data: Its bytes.
        shown: What messages call it; its path by default.
        folder: The name of the folder that is packed: a skill should be called like it.

    Raises:
        InvalidWorkflow: It is a workflow with mistakes; all are told.
        InvalidBundle: It is no skill or agent card as their standards have them.
    """
    shown = shown or path
    if kind == "workflow":
        found = Described(metadata_of(read_workflow(data, shown)))
    elif kind == "agent":
        found = _agent(data, path, shown)
    elif path.endswith(".py"):
        found = _code(data, path, shown)
    else:
        found = _skill(data, shown, folder)
    from ropeway.records import replace

    return found._replace(metadata=replace(found.metadata, definition=path))


def read_workflow(data: bytes, name: str) -> Workflow:
    """Return the workflow of a file in either dialect; ``name`` is what diagnostics call the file, and its ending tells TOML from YAML.

    Raises:
        InvalidWorkflow: It has mistakes; all that can be told without running or fetching anything are.
    """
    workflow, found = read_model(data, name)
    count = sum(each.severity == "error" for each in found)
    if workflow is None or count:
        raise InvalidWorkflow(f"{name} has {count:,} error{'s' * (count != 1)}", diagnostics=found)
    return workflow


def read_model(data: bytes, name: str) -> tuple[Workflow | None, list[Diagnostic]]:
    """Return what can be made of a workflow file, without the parts that are wrong, and what is wrong with it; see :func:`read_workflow`."""
    from ropeway.lang.build import build
    from ropeway.lang.diagnostics import Problems
    from ropeway.lang.dialects import is_pallet, locator_for, read_dialect
    from ropeway.lang.source import read_document
    from ropeway.lang.validate import validate

    document, told = read_document(data, name)
    problems = Problems(locator_for(document))
    workflow = None
    if not any(each.severity == "error" for each in told):
        workflow = read_dialect(document, problems) if is_pallet(document.data) else build(document, problems)
        if workflow is not None and not problems.failed:
            validate(workflow, locator_for(document), problems)
    problems.extend(told)
    return workflow, problems.sorted()


# -- agents ---------------------------------------------------------------------------------------------------------------------------------


def _agent(data: bytes, path: str, shown: str) -> Described:
    import json

    from ropeway.bundles.cards import read_card

    card = read_card(data, shown)
    document: dict[str, Any] = json.loads(data)
    said = document.get("description")
    provider = document.get("provider")
    tags = [tag for skill in document["skills"] if isinstance(skill.get("tags"), list) for tag in skill["tags"] if isinstance(tag, str)]
    metadata = Metadata(
        kind="agent",
        id=_agent_id(path, card.name),
        name=card.name,
        version=card.version,
        description=said if isinstance(said, str) else None,
        tags=tuple(dict.fromkeys(tags)),
        homepage=_address(document.get("documentationUrl")),
        authors=(provider["organization"],) if isinstance(provider, dict) and isinstance(provider.get("organization"), str) else (),
        capabilities=Capabilities(network=_hosts(document), skills=tuple(sorted(set(card.skills)))),
    )
    lacks = f"{shown} lacks what A2A 1.0 asks for: {', '.join(card.lacks)}"
    return Described(metadata, (lacks,) if card.lacks else ())


def _agent_id(path: str, name: str) -> str:
    file = base_name(path)
    for ending in ("_agent_card.json", "-agent-card.json"):
        if file.endswith(ending):
            return file.removesuffix(ending)
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


def _hosts(document: dict[str, Any]) -> tuple[str, ...]:
    from urllib.parse import urlsplit

    urls = [document.get("url"), *(each.get("url") for each in document.get("supportedInterfaces") or ())]
    hosts = set()
    for url in urls:
        try:
            hosts.add(urlsplit(url).hostname if isinstance(url, str) else None)
        except ValueError:
            continue
    return tuple(sorted(host for host in hosts if host))


def _address(value: object) -> str | None:
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else None


# -- skills ---------------------------------------------------------------------------------------------------------------------------------


def _skill(data: bytes, shown: str, folder: str | None) -> Described:
    """Read a ``SKILL.md`` (Agent Skills specification: name and description are required, in YAML between two lines of three dashes)."""
    front = _front_matter(data, shown)
    name, description = front.get("name"), front.get("description")
    if not isinstance(name, str) or len(name) > 64 or _SKILL_NAME.fullmatch(name) is None:
        hint = "1 to 64 lower-case letters, digits and single hyphens between them"
        said = "has no 'name'" if name is None else f"has the name {name!r:.100}, which no skill can have"
        raise _no_skill(shown, said, hint)
    if not isinstance(description, str) or not description.strip():
        raise _no_skill(shown, "has no 'description'", "say in a sentence or two what the skill does, and when to use it")
    if len(description) > 1024:
        raise _no_skill(shown, f"has a description of {len(description):,} characters", "shorten it to 1,024")
    more = front.get("metadata")
    more = more if isinstance(more, dict) else {}
    author = more.get("author")
    metadata = Metadata(
        kind="skill",
        id=name,
        name=name,
        version=_text(more.get("version")),
        description=" ".join(description.split()),
        tags=_tags(more.get("tags")),
        license=_text(front.get("license")),
        homepage=_address(more.get("homepage")),
        repository=_address(more.get("repository")),
        authors=(author,) if isinstance(author, str) and author else (),
        capabilities=Capabilities(programs=_tools(front.get("allowed-tools"))),
    )
    note = f"the skill is called {name}, and its folder {folder}; the Agent Skills standard wants them to be the same"
    return Described(metadata, (note,) if folder is not None and folder != name else ())


def _front_matter(data: bytes, shown: str) -> dict[str, Any]:
    text = data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    lines = text.split("\n")
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if lines[0].rstrip() != "---" or end is None:
        raise _no_skill(shown, "has no front matter", "start it with a line ---, then name: and description:, then another line ---")
    from ropeway.lang.source import read_document

    document, told = read_document("\n".join(["", *lines[1:end]]).encode(), shown, format="yaml")
    if any(each.severity == "error" for each in told):
        raise InvalidWorkflow(f"the front matter of {shown} is not YAML", diagnostics=told, code="skill-shape")
    return document.data


def _no_skill(shown: str, why: str, hint: str) -> InvalidBundle:
    return InvalidBundle(f"{shown} {why}", hint=hint, code="skill-shape")


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return str(value).strip() or None  # a version such as 1.0 is a number in YAML


def _tags(value: object) -> tuple[str, ...]:
    words = value.replace(",", " ").split() if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(word for word in words if isinstance(word, str))


def _tools(value: object) -> tuple[str, ...]:
    return tuple(sorted(set(_tags(value))))


def _code(data: bytes, path: str, shown: str) -> Described:
    """Read Python code: its inline metadata (PEP 723), and the first sentence of its docstring."""
    block = _script_block(data, shown)
    tool = block.get("tool")
    more = tool.get("ropeway") if isinstance(tool, dict) else None
    more = more if isinstance(more, dict) else {}
    name = _text(more.get("name")) or base_name(path).removesuffix(".py")
    if _CODE_NAME.fullmatch(name) is None:
        hint = "rename the file, or write a name under [tool.ropeway] in its # /// script block"
        raise _no_skill(shown, f"would be the skill {name!r:.100}, which no skill can be called", hint)
    needs = block.get("dependencies")
    needs = tuple(each for each in needs if isinstance(each, str)) if isinstance(needs, list) else ()
    authors = more.get("authors")
    metadata = Metadata(
        kind="skill",
        id=name,
        name=name,
        version=_text(more.get("version")),
        description=_text(more.get("description")) or _docstring(data),
        tags=_tags(more.get("tags")),
        license=_text(more.get("license")),
        homepage=_address(more.get("homepage")),
        repository=_address(more.get("repository")),
        authors=_tags(authors) if isinstance(authors, list) else (),
        capabilities=Capabilities(shells=("python",), python=tuple(sorted(set(needs)))),
        dependencies=needs,
    )
    note = f"{shown} has no '# /// script' block (PEP 723), so it says no dependencies"
    return Described(metadata, () if block else (note,))


def _script_block(data: bytes, shown: str) -> dict[str, Any]:
    """Return the TOML of the ``# /// script`` block, ``{}`` when there is none."""
    import tomllib

    lines = data.decode("utf-8-sig", errors="replace").splitlines()
    starts = [at for at, line in enumerate(lines) if line.rstrip() == "# /// script"]
    if not starts:
        return {}
    if len(starts) > 1:
        raise _no_skill(shown, "has more than one '# /// script' block", "keep one of them (PEP 723)")
    body, closed = [], None
    for line in lines[starts[0] + 1 :]:
        if line != "#" and not line.startswith("# "):
            break
        body.append(line[2:])
        if line.rstrip() == "# ///":
            closed = len(body) - 1  # the last one counts: strings of the block may hold such a line
    if closed is None:
        raise _no_skill(shown, "has a '# /// script' block without an end", "end it with a line # ///")
    try:
        return tomllib.loads("\n".join(body[:closed]))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _no_skill(shown, f"has a '# /// script' block that is not TOML: {error}", "see PEP 723") from None


def _docstring(data: bytes) -> str | None:
    import ast

    try:
        found = ast.get_docstring(ast.parse(data))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # whether it runs shows when it runs; it may be for another version of Python
    return " ".join(found.split("\n\n")[0].split()) if found else None
