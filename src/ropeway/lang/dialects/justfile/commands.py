"""Writes the shell commands that find out what an expression of a justfile is, where only a shell can tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.functions import BY_SHELL, is_date
from ropeway.lang.dialects.justfile.shell import scan
from ropeway.lang.dialects.justfile.syntax import Backtick, Binary, Call, Choose, Text
from ropeway.lang.dialects.justfile.values import Cannot, Cel, Const, Local, condition, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ropeway.lang.dialects.justfile.shells import Shell
    from ropeway.lang.dialects.justfile.syntax import Expression
    from ropeway.lang.dialects.justfile.values import Value

__all__ = ["Commands", "single_quoted"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BARE = re.compile(r"[A-Za-z0-9_./:@%+,-]+")
_EXPANDED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([A-Za-z0-9_./:@%+,-]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)")

_OS = """case $(uname -s) in
    Linux) {0}=linux ;;
    Darwin) {0}=macos ;;
    *) {0}=$(uname -s | tr '[:upper:]' '[:lower:]') ;;
esac"""
_ARCH = """case $(uname -m) in
    arm64) {0}=aarch64 ;;
    i?86) {0}=x86 ;;
    arm*) {0}=arm ;;
    *) {0}=$(uname -m) ;;
esac"""
_EXISTS = "if [ -e {1} ]; then {0}=true; else {0}=false; fi"
_TRIM_START = '{0}=${{{0}#"${{{0}%%[![:space:]]*}}"}}'
_TRIM_END = '{0}=${{{0}%"${{{0}##*[![:space:]]}}"}}'
_FORMS = {
    "absolute_path": "{0}=$(realpath -ms -- {1})",
    "arch": _ARCH,
    "canonicalize": "{0}=$(realpath -- {1})",
    "file_name": "{0}=$(basename -- {1})",
    "home_directory": "{0}=$HOME",
    "justfile": "{0}=$(pwd)/{2}",
    "justfile_directory": "{0}=$(pwd)",
    "num_cpus": "{0}=$(getconf _NPROCESSORS_ONLN)",
    "os": _OS,
    "parent_directory": "{0}=$(dirname -- {1})",
    "path_exists": _EXISTS,
    "read": "{0}=$(cat -- {1}; printf x)\n{0}=${{{0}%x}}",
    "require": "{0}=$(command -v {1})",
    "sha256_file": "{0}=$(sha256sum -- {1} | cut -d' ' -f1)",
    "source_directory": "{0}=$(pwd)",
    "trim": "{0}={1}\n" + _TRIM_START + "\n" + _TRIM_END,
    "trim_end": "{0}={1}\n" + _TRIM_END,
    "trim_start": "{0}={1}\n" + _TRIM_START,
    "uuid": "{0}=$(uuidgen | tr '[:upper:]' '[:lower:]')",
    "which": "{0}=$(command -v {1} || true)",
}


def single_quoted(text: str) -> str:
    """Return a text as one word of a shell, in quotes where it needs them."""
    return text if _BARE.fullmatch(text) else "'" + text.replace("'", "'\\''") + "'"


class Commands:
    """Collects ``lines`` that set variables of a script.

    Args:
        scope: What names stand for.
        file: The name of the justfile.
        used: Names that the script uses already.
        shell: What runs the commands of the justfile.
    """

    def __init__(self, scope: Mapping[str, Value], file: str, used: set[str], shell: Shell) -> None:
        self.lines: list[str] = []
        self._scope = scope
        self._file = file
        self.used = used
        self._strict = "e" in shell.options
        self._shell = shell.words
        self._native = shell.native

    def fresh(self, wanted: str) -> str:
        """Return a name that the script does not use yet."""
        base = re.sub(r"[^A-Za-z0-9_]", "_", wanted) or "value"
        base = f"{base}_" if base.isupper() or base[0].isdigit() else base
        name, number = base, 2
        while name in self.used:
            name, number = f"{base}{'' if base.endswith('_') else '_'}{number}", number + 1
        self.used.add(name)
        return name

    def assign(self, target: str, expression: Expression) -> None:
        """Write what sets ``target`` to the value of an expression; raises ``Cannot``."""
        value = fold(expression, self._scope)
        if isinstance(value, Const | Cel | Local):
            self._write(f"{target}={self.word(value)}")
            return
        expression = value.expression
        match expression:
            case Backtick(command=command):
                self._write(f"{target}={self._captured(command, expression)}")
            case Text(value=text):
                self._write(f"{target}={self._expanded(text, expression)}")
            case Binary(op="+" | "/", left=left, right=right):
                words = [self.part(left)] if left is not None else []
                if expression.op == "/":
                    words.append("/")
                self._write(f"{target}={''.join([*words, self.part(right)])}")
            case Choose():
                self._choose(target, expression)
            case Call():
                self._call(target, expression)
            case _:
                raise Cannot(expression.place, "this expression is not converted", "compute it in the recipe's script")

    def part(self, expression: Expression) -> str:
        """Return an expression as one word, after writing what it needs."""
        value = fold(expression, self._scope)
        if isinstance(value, Const | Cel | Local):
            return self.word(value)
        name = self.fresh("value")
        self.assign(name, expression)
        return f'"${name}"'

    def word(self, value: Const | Cel | Local) -> str:
        """Return a value as one word of a shell."""
        if isinstance(value, Const):
            return single_quoted(value.text).replace("${{", "$${{") if value.text else "''"
        if isinstance(value, Local):
            return f'"${value.name}"'
        return f"${{{{ {value.source} }}}}"

    def _write(self, text: str) -> None:
        self.lines += text.split("\n")

    def _captured(self, command: str, at: Expression) -> str:
        if not self._native:
            return f"$({' '.join(map(single_quoted, self._shell))} {single_quoted(command)})"
        found = scan(command)
        if found.why:
            raise Cannot(at.place, f"this command can not be read: {found.why}", "correct it")
        text = command.replace("${{", "$${{")
        plain = (found.simple or self._strict) and not found.comment and "\n" not in text
        return f"$({text.strip()})" if plain else f"$({'' if self._strict else 'set +e'}\n{text.strip()}\n)"

    def _expanded(self, text: str, at: Expression) -> str:
        """Return the text of an ``x'…'`` literal as one word."""
        made = '"$HOME"' if text == "~" or text.startswith("~/") else ""
        last = 1 if made else 0
        for match in _EXPANDED.finditer(text, last):
            made += single_quoted(text[last : match.start()]) if match.start() > last else ""
            made += (
                f'"${{{match[3]}?}}"' if match[3] else f'"${{{match[1]}:-{match[2]}}}"' if match[2] is not None else f'"${{{match[1]}?}}"'
            )
            last = match.end()
        rest = text[last:]
        if "$" in rest or ("~" in text[:1] and not made):
            raise Cannot(at.place, "this expansion is not converted", "use env('NAME')")
        return made + (single_quoted(rest) if rest else "")

    def _choose(self, target: str, choice: Choose) -> None:
        test = self._test(choice.condition)
        self._write(f"if {test}; then")
        self._indented(lambda: self.assign(target, choice.then))
        self._write("else")
        self._indented(lambda: self.assign(target, choice.other))
        self._write("fi")

    def _indented(self, write: Callable[[], None]) -> None:
        start = len(self.lines)
        write()
        self.lines[start:] = [f"    {line}" for line in self.lines[start:]]

    def _test(self, expression: Expression) -> str:
        known = condition(expression, self._scope)
        if isinstance(known, Cel):
            return f"[ ${{{{ {known.source} }}}} = true ]"
        if isinstance(known, bool):
            return "true" if known else "false"
        assert isinstance(expression, Binary)
        assert expression.left is not None
        op = expression.op
        if op in {"&&", "||"}:
            return f"{{ {self._test(expression.left)}; }} {op} {{ {self._test(expression.right)}; }}"
        left, right = self.part(expression.left), self.part(expression.right)
        if op in {"==", "!="}:
            return f"[ {left} {'=' if op == '==' else '!='} {right} ]"
        pattern = fold(expression.right, self._scope)
        if not isinstance(pattern, Const) or "\\" in pattern.text or "(?" in pattern.text:
            raise Cannot(expression.place, "this pattern is not converted", "compare in the recipe's script")
        return f"{'! ' if op == '!~' else ''}printf '%s\\n' {left} | grep -Eq -- {single_quoted(pattern.text)}"

    def _call(self, target: str, call: Call) -> None:
        name = call.name.removesuffix("_dir") + "_directory" if call.name.endswith("_dir") else call.name
        if str(len(call.arguments)) not in BY_SHELL.get(name, ""):
            raise Cannot(call.place, f"{call.name}() is not converted with these arguments", "compute it in the recipe's script")
        if name in {"env", "env_var", "env_var_or_default"}:
            self._environment(target, call)
        elif name in {"datetime", "datetime_utc"}:
            form = self._known(call.arguments[0])
            if not is_date(form):
                raise Cannot(call.place, "this format of a date is not converted", "use the command date in the recipe's script")
            self._write(f"{target}=$(date {'-u ' if name.endswith('utc') else ''}+{single_quoted(form)})")
        elif name == "shell":
            command = single_quoted(self._known(call.arguments[0]))
            words = [command, command, *(self.part(argument) for argument in call.arguments[1:])]
            self._write(f"{target}=$({' '.join(map(single_quoted, self._shell))} {' '.join(words)})")
        elif name == "error":
            self._write(f"printf 'error: %s\\n' {self.part(call.arguments[0])} >&2\nexit 1")
        else:
            words = [self.part(argument) for argument in call.arguments]
            self._write(_FORMS[name].format(target, words[0] if words else "", single_quoted(self._file)))

    def _known(self, expression: Expression) -> str:
        value = fold(expression, self._scope)
        if not isinstance(value, Const):
            raise Cannot(expression.place, "this has to be a text that is known", "write it down")
        return value.text

    def _environment(self, target: str, call: Call) -> None:
        name = self._known(call.arguments[0])
        if not _NAME.fullmatch(name):
            raise Cannot(call.place, f"{name!r} is no variable that a shell can read", "rename the variable")
        if len(call.arguments) == 1:
            self._write(f"{target}=${{{name}?it is not set}}")
            return
        other = fold(call.arguments[1], self._scope)
        if isinstance(other, Const) and (not other.text or _BARE.fullmatch(other.text)):
            self._write(f"{target}=${{{name}-{other.text}}}")
            return
        self._write(f'if [ "${{{name}+set}}" ]; then')
        self._write(f"    {target}=${name}\nelse")
        self._indented(lambda: self.assign(target, call.arguments[1]))
        self._write("fi")
