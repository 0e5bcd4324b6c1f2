"""A typed field (a parameter, an input of a form) in one line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.cli.console import clean
from ropeway.cli.render_steps import shown_value

if TYPE_CHECKING:
    from ropeway.lang.model import Field

__all__ = ["describe"]


def describe(field: Field) -> str:
    """Return ``string, default 'x'. First commit``: type, what it has to be, and what it is for."""
    kind = f"{field.type} of {field.items}" if field.items else field.type
    facts = [kind]
    if field.choices:
        facts.append(f"one of {', '.join(field.choices)}")
    if field.pattern is not None:
        facts.append(f"matches {field.pattern}")
    if field.minimum is not None:
        facts.append(f"at least {field.minimum:g}")
    if field.maximum is not None:
        facts.append(f"at most {field.maximum:g}")
    if field.type == "secret":
        facts.append(f"from {field.source or 'the keyring or the environment'}")
    elif field.has_default:
        facts.append(f"default {shown_value(field.default) or repr('')}")
    facts.append("required" if field.required and not field.has_default else "")
    text = ", ".join(filter(None, facts))
    return clean(f"{text}. {field.description}" if field.description else text)
