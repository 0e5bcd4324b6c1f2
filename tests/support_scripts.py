"""Makes shell scripts of every shape, with expressions in every context, for tests of the compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

HOSTILE = "${{ x }}"
INTEGER = "${{ n }}"

VALUES = [
    "a[$(touch PWNED)]", "$(touch PWNED)", '"; touch PWNED; "', "'; touch PWNED; '", "`touch PWNED`", "x; touch PWNED", "-vq[$(touch PWNED)]",
    "q[$(touch PWNED)]=1", "($(touch PWNED))", "[$(touch PWNED)]=1", "touch PWNED", "\ntouch PWNED\n", "EOF\ntouch PWNED\n", "}; touch PWNED #",
    "))$(touch PWNED)", "-ctouch PWNED", "-v", "-c", "=", "!", "(", "-eq",
]  # fmt: skip

PIECES = [
    *[HOSTILE] * 6, INTEGER, "$${{", " ", " ", "\n", "\n", "; ", '"', '"', "'", "`", "$(", ")", "$((", "))", "((", "(", "{ ", " }", "${y:-", "${y#", "${y/",
    "${y:", "${y[", "${y:=", "${#", "${!", "}", "]", "[[ ", " ]]", " -eq ", " == ", " =~ ", " -v ", "[ ", "! ", "test ", "echo ", "eval ", "let ",
    "declare ", "local ", "export ", "unset ", "read ", "printf ", "printf -v z ", "q=", "q+=", "q=(", "q[", "for w in ", "; do :; done", "case ", " in ",
    "*) ", ";; ", "esac", "if true; then ", "; fi", "<<EOF\n", "<<'EOF'\n", "<<-EOF\n", "\nEOF\n", "<<< ", "> ", ">&", "2>&1 ", "&> ", "< ", "<(", "\\",
    "\\\n", "$'", '$"', "$", "#", " #", "a", "1", "-", "-i ", "*", "?(", "!(", "|", "||", " && ", "&", "\t", "set -- ", "trap ", ". ", "time ", "env ",
    "command ", "builtin ", "bash -c ", "exec ", "alias ", "RANDOM=", "PS4=", "set -x\n", "coproc ", "=", "${y@Q}", "^", "$[", "--", "\r", "EOF", "/", "\0",
]  # fmt: skip

_NAMES = [
    "echo", "true", "printf", "printf %s", "printf -v q", "test", "[", "eval", "read", "declare", "local", "export", "readonly", "unset", "set --", "set",
    "let", "bash -c", "sh -c", "bash -c 'true \"$1\"' _", "trap", "cat", "env", "env A=1 true", "command", "command true", "command eval", "exec true",
    "builtin printf", "shift", "exit", "wait", "mapfile", ". ", "time true", "\\eval", "'eval'", 'e"val"', "{a}>f true", "2>f true", "A=1 eval", ">f eval",
    "true eval", "cd", "getopts", "[ a", "test -n", "[ !", "alias", "hash", "type", "export A=1", "printf --", "typeset -i", "nohup bash -c", "coproc",
    "! eval", "time -p eval", "bash", "sh", "bash -x", "bash --", "printf -v q -v",
]  # fmt: skip


class Grammar:
    """Writes scripts by chance. They evaluate no variable and no output of their own, so that only a value can run anything."""

    def __init__(self, source: random.Random, *, posix: bool = False) -> None:
        self._source = source
        self._posix = posix
        self._documents: list[tuple[str, bool, int]] = []

    def _one(self, *choices: str) -> str:
        return self._source.choice(choices)

    def _hole(self) -> str:
        return HOSTILE if self._source.random() < 0.85 else INTEGER

    def commands(self, depth: int) -> str:
        """Return one or two commands, with blocks nested at most ``depth`` deep."""
        text = ""
        for _ in range(self._source.choice((1, 1, 2))):
            text += self._command(depth)
            comment = f" # c {self._hole()} it's\n"
            text += self._bodies() if self._documents else self._one("; ", "\n", " && ", " || ", "; ", " | ", "\n", comment)
        return text.rstrip(" ;&|")

    def _command(self, depth: int) -> str:
        if depth <= 0 or self._source.random() < 0.4:
            return self._simple(depth)
        word, inner = self._word, self.commands
        down = depth - 1
        makers = [
            lambda: f"q={word(down)}",
            lambda: f"q=({word(down)} {self._one('', '[1]=', f'[{self._arithmetic(0)}]=')}{word(down)})",
            lambda: f"if {inner(down)}; then {inner(down)}; fi",
            lambda: f"for w in {word(down)} {word(down)}; do {inner(down)}; done",
            lambda: f"case {word(down)} in {self._one('', '(')}{word(down)}) {inner(down)} ;; *) {inner(down)}{self._one(';;', '')} esac",
            lambda: self._condition(down),
            lambda: f"(({self._arithmetic(down)}))",
            lambda: f"{{ {inner(down)}; }}",
            lambda: f"( {inner(down)} )",
            lambda: f"{self._one('g() { ', 'function g { ', 'g () { ')}{inner(down)}; }}; g {word(0)}",
            lambda: f"for (({self._arithmetic(0)};0;)); do {inner(down)}; done",
        ]
        if self._posix:
            makers = [makers[i] for i in (0, 2, 3, 4, 7, 8)]
        return self._source.choice(makers)()

    def _condition(self, depth: int) -> str:
        left = self._one("", "! ", "-n ") + self._word(depth)
        right = self._one(self._word(depth), f"({self._word(0)}|b)", f"@({self._hole()}|x)")
        more = self._one("", f" && -n {self._word(0)}", f" || ( {self._hole()} == a )")
        return f"[[ {left}{self._one(' ', ' == ', ' =~ ', ' -eq ', ' < ', ' != ')}{right}{more} ]]"

    def _simple(self, depth: int) -> str:
        name = self._source.choice(_NAMES)
        targets = ("q=", "A=", "RANDOM=", "PS4=", "q+=", "q[1]=", f"q[{INTEGER}]=", f"q[{HOSTILE}]=", "BASH_ENV=")
        before = self._one(*targets) + self._word(depth - 1) + " " if self._source.random() < 0.25 else ""
        arguments = [self._word(depth - 1) for _ in range(self._source.randint(0, 3))]
        if name.startswith("[") and self._source.random() < 0.8:
            binary = [self._word(depth - 1), self._one("=", "==", "!=", "-eq", "-nt"), self._word(depth - 1)]
            unary = [self._one("-n", "-z", "-v", "-e"), self._word(depth - 1)]
            arguments = [*self._source.choice([arguments, binary, unary]), "]"]
        text = f"{before}{name} {' '.join(arguments)}"
        for _ in range(self._source.choice((0, 0, 0, 0, 1, 1, 2))):
            text += self._redirection(depth)
        return text

    def _redirection(self, depth: int) -> str:
        chance = self._source.random()
        if chance < 0.5:
            return self._one(" >", " <", " >> ", " 2>", " >&", " <&", " &>", " >|", " <> ") + self._word(0)
        if chance < 0.6:
            return f" <<< {self._word(0)}"
        mark, tabs = self._one("EOF", "'EOF'", '"E F"', "\\EOF", "E"), self._one("", "-")
        self._documents.append((mark.strip("'\"\\"), bool(tabs), min(depth, 1)))
        return f" <<{tabs}{mark}"

    def _bodies(self) -> str:
        text = "\n"
        documents, self._documents = self._documents, []
        for mark, tabs, depth in documents:
            for _ in range(self._source.randint(0, 2)):
                text += self._one("a ", "\t", "", "\\", " '", "'") + self._quoted(depth) + self._one("", "\\") + "\n"
            text += self._one("\t", "") * tabs + mark + "\n"
        return text

    def _word(self, depth: int) -> str:
        return "".join(self._part(depth) for _ in range(self._source.randint(1, 3)))

    def _part(self, depth: int) -> str:
        if self._source.random() < 0.3:
            return self._hole()
        plain = [
            lambda: self._one(
                "a", "b1", "-v", "x=", "-c", "--", "[", "]", "=", "*", '\\"', "\\\\", "a\\ b", "{a,b}", "#", "~", "%s", "-eq", "1"
            ),
            lambda: "'" + self._one("a", "$(", '"', "`", "a b", "))", "}", "#", ";", "\\") + "'",
            lambda: self._one("$9", "$#", "$$", "${y}", "${#y}", "$?", "$"),
            lambda: f'"{self._quoted(0)}"',
        ]
        if depth <= 0:
            return self._source.choice(plain)()
        down = depth - 1
        operator = self._one(":-", "-", ":+", "+", ":=", "#", "##", "%", "%%", ":?", "/", "//", "^", "@")
        nested = [
            lambda: f'"{self._quoted(down)}"',
            lambda: f"$({self._one('', ' ')}{self.commands(down)}{self._one('', ' ', chr(10))})",
            lambda: f"${{y{operator}{self._word(down)}}}",
            lambda: f"$(({self._arithmetic(down)}))",
            lambda: f"`{self._one('true', 'true ' + self._hole(), 'echo ' + chr(92) + '$y')}`",
            lambda: self._one("$'a\\'b'", f'$"{self._quoted(0)}"', f"<({self.commands(down)})", f"$[{self._arithmetic(down)}]"),
            lambda: self._one(f"${{y:{self._arithmetic(down)}}}", f"${{y[{self._arithmetic(down)}]}}", "${!y}", "${y[@]}"),
            lambda: "\\\n",
        ]
        return self._source.choice(plain + nested)()

    def _quoted(self, depth: int) -> str:
        kinds = [
            self._hole,
            self._hole,
            lambda: self._one("$9", "${y}", "$", "$y", " "),
            lambda: self._one("'", "a b", '\\"', "\\\\", "\\$", "\\`", ")", "}", "#", ";", "\n", "$(true)", "((", "*"),
        ]
        if depth > 0:
            operator = self._one(":-", "-", ":+", "#", "%%", "/", ":=")
            kinds += [
                lambda: f"$({self.commands(depth - 1)})",
                lambda: f"${{y{operator}{self._quoted(depth - 1).replace(chr(10), ' ')}}}",
                lambda: f"$(({self._arithmetic(depth - 1)}))",
                lambda: self._one('${y:-"' + self._quoted(0) + '"}', "${y:-'a'}", "`true`", "${y:1}"),
            ]
        return "".join(self._source.choice(kinds)() for _ in range(self._source.randint(0, 3)))

    def _arithmetic(self, depth: int) -> str:
        value = self._one(self._hole(), INTEGER, "1", "y", "a[1]", f"$(true {self._hole()})" if depth > 0 else "2", f'"{self._hole()}"')
        return self._one("", "(", " ") + value + self._one("", " + 1", f"*{self._hole()}", ")", "[0]")
