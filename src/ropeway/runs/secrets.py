"""Where a secret parameter gets its value: ``keyring:NAME``, ``env:NAME`` or ``prompt``.

Without a source the keyring is asked and then the environment, under the parameter's own name. The value goes to the step and to the
:class:`~ropeway.runs.mask.Mask`; the plan keeps only the source, and ``resume`` reads it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from ropeway.errors import NotFound, UsageError
from ropeway.records import record
from ropeway.runs.env_file import parse_env, read_env_file, with_env_file
from ropeway.runs.mask import Mask
from ropeway.settings import config_dir
from ropeway.settings.secret_store import Store, system_keyring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Lookup", "Mask", "Source", "Store", "open_store", "parse_env", "parse_source", "read_env_file", "read_secret", "with_env_file"]


@record
class Source:
    """One parsed source; ``name`` is empty for a prompt."""

    kind: Literal["keyring", "env", "prompt"]
    name: str = ""


class Lookup(Protocol):
    """The part of :class:`Store` that reading needs."""

    def get(self, name: str) -> str | None:
        """Return a value, None when there is none."""
        ...


def open_store(environ: Mapping[str, str]) -> Store:
    """Return the person's store, in their keyring when it can be used. Imports the keyring library: call it when a secret is needed."""
    return Store(config_dir(environ), system_keyring())


def parse_source(text: str) -> Source:
    """Read what a workflow says as ``source``; raises :class:`UsageError`."""
    kind, colon, name = text.partition(":")
    if kind == "prompt" and not colon:
        return Source("prompt")
    if kind == "keyring" and name:
        return Source("keyring", name)
    if kind == "env" and name:
        return Source("env", name)
    raise UsageError(f"{text!r} is not a source of a secret", hint="keyring:NAME, env:NAME or prompt", code="secret-source")


def read_secret(
    source: str | None,
    name: str,
    *,
    store: Callable[[], Lookup],
    environ: Mapping[str, str],
    prompt: Callable[[str], str] | None = None,
) -> str:
    """Return a secret's value.

    Args:
        source: What the workflow says, None for the default.
        name: The parameter's (or the policy entry's) own name.
        store: Opens the keyring; called only when it is asked.
        environ: The caller's environment, with what an ``--env-file`` adds to it.
        prompt: Asks the person without echo; None when there is nobody to ask.

    Raises:
        NotFound: It is nowhere, or empty (an empty value could not be hidden); the hint says how to give it.
        UsageError: The source can not be read, or the value holds a NUL.
    """
    if source is None:
        value = store().get(name) or environ.get(name)
        hint = f"keep it with: workflow secret set {name}, or set the environment variable {name}"
    else:
        value, hint = _from_source(parse_source(source), name, store, environ, prompt)
    if not value:
        raise NotFound(f"the secret {name} has no value" + (f" in {source}" if source else ""), hint=hint, code="secret-not-found")
    if "\0" in value:
        raise UsageError(f"the secret {name} holds a NUL byte", hint="no step can be given that; keep it encoded", code="secret-value")
    return value


def _from_source(
    source: Source,
    name: str,
    store: Callable[[], Lookup],
    environ: Mapping[str, str],
    prompt: Callable[[str], str] | None,
) -> tuple[str | None, str]:
    if source.kind == "keyring":
        return store().get(source.name), f"keep it with: workflow secret set {source.name}"
    if source.kind == "env":
        return environ.get(source.name), f"set the environment variable {source.name}, or give --env-file a file that does"
    if prompt is None:
        return None, "it is asked for on a terminal, and there is none here"
    return prompt(name), "type it when it is asked for"
