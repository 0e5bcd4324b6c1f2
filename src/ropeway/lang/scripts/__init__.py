"""Scripts in which text never becomes code.

``compile_script`` turns each expression of a script into a variable and puts a reference to it into the text; what it can not do
safely it refuses, with the place and the fix. ``launch`` says how a compiled script is started, ``prelude`` how it gets values that
are too large for its environment. Nothing here does I/O, and nothing here ever sees a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.scripts.draft import LITERAL, MARK, Compiled, Draft, ScriptProblem, Use, in_env
from ropeway.lang.scripts.launch import Launch, launch
from ropeway.lang.scripts.prelude import prelude

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.lang.expressions import Type

__all__ = ["Compiled", "Launch", "ScriptProblem", "Use", "compile_script", "launch", "prelude"]


def compile_script(text: str, shell: str, type_of: Callable[[str], Type]) -> Compiled:
    """Compile the script of a step.

    Args:
        text: The script, with ``${{ }}`` expressions.
        shell: ``bash``, ``sh``, ``python`` or ``node``; any other means a program that gets the script as a file, in a language that
            is not known here, so that expressions are refused.
        type_of: Returns the static type of an expression's source (``ANY`` when it has none); only asked for some, and never for
            text that is no expression.

    Returns:
        The text to run and its variables. Problems are in it; nothing is raised. Each distinct expression has one variable:
        ``ROPEWAY_V1``, … in bash and sh, to be set in the environment, ``V1``, … elsewhere, keys of the table of native values.
    """
    if "\0" in text:
        problem = ScriptProblem("RW309", "a script can't hold the character NUL", "remove it", text.index("\0"), 1)
        return Compiled(text, problems=[problem])
    if MARK not in text:
        return Compiled(text)
    if shell in {"bash", "sh"}:
        from ropeway.lang.scripts.bash import compile_bash

        return compile_bash(text, type_of, posix=shell == "sh")
    if shell == "python":
        from ropeway.lang.scripts.python import compile_python

        return compile_python(text, type_of)
    if shell == "node":
        from ropeway.lang.scripts.node import compile_node

        return compile_node(text, type_of)
    return _compile_other(text, shell, type_of)


def _compile_other(text: str, shell: str, type_of: Callable[[str], Type]) -> Compiled:
    draft = Draft(text, type_of, "V")
    at = 0
    while (at := text.find(MARK, at)) >= 0:
        if text.startswith(LITERAL, at - 1) and at:
            draft.replace(at - 1, at + len(MARK), MARK)
            at += len(MARK)
            continue
        use = draft.use(at)
        at = use.end
        message = f"expressions can't stand in a script for '{shell}', whose language is not known here"
        draft.refuse(use, "RW330", message, in_env(use, "VALUE from the environment"))
    return draft.finish()
