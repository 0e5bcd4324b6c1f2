"""Which arguments a shell command evaluates again: builtins here, programs that take program text in ``programs.py``.

Each rule was tried in bash 5.2 with ``a[$(touch PWNED)]`` and its like: assignments to ``RANDOM`` run it, so does ``local x=…`` where
``x`` is an array, and ``>&`` expands its word twice.
"""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from ropeway.lang.formats import holds_code
from ropeway.lang.scripts.draft import in_env
from ropeway.lang.scripts.programs import STDIN, check_programs, find_command, is_known, takes_programs
from ropeway.lang.scripts.words import DYNAMIC, HOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ropeway.lang.scripts.draft import Use
    from ropeway.lang.scripts.judge import Judge
    from ropeway.lang.scripts.words import Word

__all__ = ["check_command", "check_condition"]

_EVALUATING = frozenset(
    {"eval", ".", "source", "let", "trap", "alias", "unset", "wait", "mapfile", "readarray", "getopts", "declare", "typeset", "local"}
    | {"compgen", "complete", "compopt", "bind", "fc", "enable", "hash", "jobs", "history", "shopt", "coproc"}
)
_COUNTING = frozenset({"exit", "return", "shift", "break", "continue"})
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_READ_PROMPT = re.compile(r"-[ers]*p")
_PRINTF_NAME = re.compile(r"-v(.*)", re.DOTALL)

_UNARY = frozenset("-" + c for c in "abcdefghknoprstuwxzGLNOS")
_TEXT_BINARY = frozenset({"=", "==", "!=", "<", ">", "-nt", "-ot", "-ef"})
_NUMBER_BINARY = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})


def check_command(words: Sequence[Word], documents: Sequence[Word], fed: Sequence[Use], judge: Judge) -> bool:
    """Refuse the expressions of a simple command that it would evaluate; return whether it reads a program from its standard input.

    Args:
        words: The command's words without assignments and redirections.
        documents: Its here-documents, here-strings and ``< <(…)``.
        fed: Expressions in the commands that write into its pipe.
        judge: Takes the refusals.
    """
    at = find_command(words, judge.draft)
    stdin = [*(use for word in documents for use in word.values), *fed]
    reads = False
    if at < len(words):
        name, arguments = words[at].shape, words[at + 1 :]
        check = _CHECKS.get(name)
        if check is not None:
            check(name, arguments, judge)
        if name in {"read", "mapfile", "readarray"}:
            for use, target in product(stdin, ["", *(w.shape for w in arguments)]):
                judge.check_name(use, target)
        if name in {"eval", ".", "source"} and any(
            w.nested or w.process or DYNAMIC in w.shape or STDIN.fullmatch(w.shape) for w in arguments
        ):
            reads = True
            _refuse(stdin, f"'{name}' may evaluate what it reads", judge)
    for word in words:
        if match := _ASSIGNED.match(word.shape):
            for use in word.values if holds_code(match[1]) else ():
                judge.check_name(use, match[1])
    reads |= check_programs(words, at, documents, fed, judge.draft)
    if at < len(words):
        _check_choice(words, at, judge)
    return reads


def _check_choice(words: Sequence[Word], at: int, judge: Judge) -> None:
    """Refuse arguments of a command whose name is not written down: it may be ``eval``."""
    word = words[at]
    chosen = not is_known(word)
    hint = "write the command's name down; to choose between several, use case … in … esac"
    if chosen:
        who = "comes from an expression" if word.values else "is known only when the script runs"
        for use in [*word.nested, *(use for w in words[at + 1 :] for use in w.values)]:
            judge.draft.refuse(use, "RW313", f"the command itself {who}, so any argument may be evaluated", hint)
    if chosen or word.shape in _CHECKS or takes_programs(words, at):
        for use in (use for w in words for use in w.values) if any(w.braces for w in words) else ():
            message = "braces make several words of one, so a value may come behind an option that evaluates it"
            judge.draft.refuse(use, "RW313", message, "write the words out, or put the braces between quotes")


def _refuse(uses: Iterable[Use], message: str, judge: Judge, hint: str | None = None) -> None:
    for use in uses:
        judge.draft.refuse(use, "RW305", message, hint or f"if it is meant to be evaluated, {in_env(use)}")


def _evaluating(name: str, words: Sequence[Word], judge: Judge) -> None:
    hint = None
    if name in {"declare", "typeset", "local"}:
        hint = f"write '{name} NAME', and then NAME=${{{{ … }}}} as a command of its own"
    _refuse((use for w in words for use in w.values), f"'{name}' evaluates its arguments, so a value could run commands", judge, hint)


def _counting(name: str, words: Sequence[Word], judge: Judge) -> None:
    for use in (use for w in words for use in w.uses):
        judge.refuse_numeric(use, f"the argument of '{name}'")


def _exporting(name: str, words: Sequence[Word], judge: Judge) -> None:
    """Allow ``export NAME=value``: with a fixed name and no option, the value is not looked at again."""
    options = any(w.shape.startswith(("-", "+", HOLE, DYNAMIC)) for w in words)
    for word in words:
        match = _ASSIGNED.match(word.shape)
        if match and not options:
            for use in word.values:
                judge.check_name(use, match[1])
        else:
            hint = f"write {name} NAME=${{{{ … }}}}, with the name as it is and no options"
            _refuse(word.values, f"'{name}' would read this as a name or an option", judge, hint)


def _reading(_name: str, words: Sequence[Word], judge: Judge) -> None:
    for before, word in zip([None, *words], words, strict=False):
        if before is None or not _READ_PROMPT.fullmatch(before.shape):
            _refuse(word.values, "'read' takes names of variables, and evaluates their subscripts", judge)


def _printing(_name: str, words: Sequence[Word], judge: Judge) -> None:
    """Check options up to the format: ``-v NAME`` or ``-vNAME``, once or more, and ``--``."""
    uses = [use for w in words for use in w.values]
    at = 0
    while at < len(words) and words[at].shape.startswith("-v"):
        target = words[at] if words[at].shape != "-v" else words[min(at + 1, len(words) - 1)]
        _refuse(target.values, "'printf -v' evaluates the subscript of its variable", judge)
        for use in uses:
            judge.check_name(use, target.shape.removeprefix("-v"))
        at += 2 if words[at].shape == "-v" else 1
    if at < len(words) and (words[at].begins_with_value or words[at].splits):
        message = "the first argument of 'printf' may be the option -v, which evaluates the next"
        _refuse(uses, message, judge, "write printf '%s\\n' ${{ … }}")


def _setting(_name: str, words: Sequence[Word], judge: Judge) -> None:
    for word in words:
        if word.shape == "--":
            return
        _refuse(word.values, "'set' would read this as an option", judge, "write: set -- ${{ … }}")


def _testing(name: str, words: Sequence[Word], judge: Judge) -> None:
    operands = list(words)
    if name == "[" and operands and operands[-1].shape == "]":
        operands.pop()
    if operands and operands[0].shape == "!":
        operands.pop(0)
    _check_test(operands, judge, f"'{name}'")


def _check_test(operands: Sequence[Word], judge: Judge, name: str) -> None:
    """Refuse what is not plainly one of: a word, an operator and a word, a word and an operator and a word."""
    uses = [use for w in operands for use in w.values]
    shapes = [w.shape for w in operands]
    if not uses:
        return
    loose = any(w.splits for w in operands) and name != "'[['"
    if len(shapes) == 3 and shapes[1] in _NUMBER_BINARY:
        for use in uses:
            judge.refuse_numeric(use, f"what stands beside {shapes[1]} in {name}")
    elif loose:
        hint = 'put double quotes around the other words, as in [ "$x" = ${{ … }} ]'
        _refuse_test(uses, f"another word of this {name} can become none or several, so a value may be read as an operator", hint, judge)
    elif len(shapes) == 2 and shapes[0] in {"-v", "-R"}:
        _refuse(uses, f"{name} evaluates the subscript of a name after {shapes[0]}", judge)
    elif not (len(shapes) == 1 or (len(shapes) == 2 and shapes[0] in _UNARY) or (len(shapes) == 3 and shapes[1] in _TEXT_BINARY | {"=~"})):
        hint = "write one comparison in each test, and join them with && and ||"
        _refuse_test(uses, f"a value may be read as an operator of this {name}", hint, judge)


def _refuse_test(uses: Iterable[Use], message: str, hint: str, judge: Judge) -> None:
    for use in uses:
        judge.draft.refuse(use, "RW312", message, hint)


def check_condition(tokens: Sequence[Word], judge: Judge) -> None:
    """Refuse the expressions of ``[[ … ]]`` that bash would calculate with."""
    part: list[Word] = []
    for token in [*tokens, None]:
        if token is None or (token.raw and token.shape in {"&&", "||", "(", ")", "!"}):
            _check_test(part, judge, "'[['")
            part = []
        else:
            part.append(token)


_CHECKS = {
    **dict.fromkeys(_EVALUATING, _evaluating),
    **dict.fromkeys(_COUNTING, _counting),
    "export": _exporting,
    "readonly": _exporting,
    "read": _reading,
    "printf": _printing,
    "set": _setting,
    "test": _testing,
    "[": _testing,
}
