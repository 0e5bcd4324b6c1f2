"""Programs that take program text on their command line or standard input: other shells, awk, python, node and their like.

``bash -c TEXT``, ``awk TEXT`` or ``python3 <<END`` make a value code in another language, so it is refused there. What follows the
text as an argument is data and may hold expressions: ``bash -c 'echo "$1"' _ ${{ x }}``. A value in front of it might *be* an
option that takes a program, such as ``-c``; it may stand there only if nothing behind it could become the program.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from ropeway.lang.scripts.draft import shown_source
from ropeway.lang.scripts.words import DYNAMIC, HOLE
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ropeway.lang.scripts.draft import Draft, Use
    from ropeway.lang.scripts.words import Word

__all__ = ["check_programs", "find_command", "refuse_program"]

_NOTHING = re.compile(r"(?!)")


@record
class _Prefix:
    """A command that runs the command after its options. ``valued`` options take the next word, ``operands`` come before it."""

    valued: re.Pattern[str] = _NOTHING
    operands: int = 0


_PREFIXES = {
    **dict.fromkeys(("command", "builtin", "nohup", "setsid", "busybox", "fakeroot", "eatmydata", "caffeinate", "watch"), _Prefix()),
    "exec": _Prefix(re.compile(r"-[cl]*a")),
    "time": _Prefix(re.compile(r"-[of]|--output|--format")),
    "env": _Prefix(re.compile(r"-[uC]|--unset|--chdir")),
    "sudo": _Prefix(re.compile(r"-[ugpCDhrtTRU]|--(?:user|group|prompt|host|chdir|role|type|chroot)")),
    "doas": _Prefix(re.compile(r"-[uC]")),
    "nice": _Prefix(re.compile(r"-n|--adjustment")),
    "ionice": _Prefix(re.compile(r"-[cn]|--class|--classdata")),
    "stdbuf": _Prefix(re.compile(r"-[ioe]|--(?:input|output|error)")),
    "timeout": _Prefix(re.compile(r"-[sk]|--signal|--kill-after"), 1),
    "gtimeout": _Prefix(re.compile(r"-[sk]|--signal|--kill-after"), 1),
    **dict.fromkeys(("chroot", "taskset", "chrt", "flock"), _Prefix(operands=1)),
    **dict.fromkeys(("strace", "ltrace", "unshare", "nsenter", "systemd-run", "xvfb-run", "firejail"), _Prefix()),
}
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


def _basename(shape: str) -> str:
    """Return the name of a program, empty when it is not known."""
    return "" if HOLE in shape or DYNAMIC in shape else shape.rpartition("/")[2]


def find_command(words: Sequence[Word], draft: Draft) -> int:
    """Return the index of the word that names what is really run, behind ``sudo``, ``env`` and such; ``len(words)`` for none."""
    at = 0
    while at < len(words) and (prefix := _PREFIXES.get(name := _basename(words[at].shape))) is not None:
        at += 1
        operands = prefix.operands
        while at < len(words):
            shape = words[at].shape
            if name == "env" and (words[at].begins_with_value or shape.startswith(("-S", "--split")) or re.match(r"-[A-Za-z]*S", shape)):
                for use in (use for w in words[at : at + 2] for use in w.uses):
                    message = "'env' may take this for its option -S, a whole command line"
                    draft.refuse(use, "RW306", message, "write env NAME=${{ … }} COMMAND")
            if shape.startswith("-"):
                at += 2 if prefix.valued.fullmatch(shape) else 1
            elif name in {"env", "sudo", "doas"} and _SETTING.match(shape):
                at += 1
            elif operands:
                operands -= 1
                at += 1
            else:
                break
    return min(at, len(words))


@record
class _Language:
    """How a program reads its command line.

    The next word after a ``text`` option is program text, after a ``file`` option it names a program, after a ``valued`` one it is a
    value; ``flags`` take none. Of any other option it is not known.

    ``late``: a ``text`` option makes the first *operand* program text (``bash -c -e TEXT``). ``stops``: options end at program text.
    ``permutes``: options are read behind operands too. ``open_values``: values of ``valued`` options may hold expressions.
    ``operand`` says what the first operand is; ``stdin`` whether a program is read from standard input when none is named.
    """

    text: re.Pattern[str]
    flags: re.Pattern[str] = _NOTHING
    valued: re.Pattern[str] = _NOTHING
    file: re.Pattern[str] = _NOTHING
    operand: Literal["file", "program"] = "file"
    late: bool = False
    stops: bool = False
    permutes: bool = False
    open_values: bool = False
    stdin: bool = True


_SHELL = _Language(
    text=re.compile(r"-[A-Za-z]*c[A-Za-z]*|--command"),
    flags=re.compile(r"[-+][abefhiklmnpqrstuvxBCEHPT]+|--(?:posix|norc|noprofile|login|verbose|restricted)"),
    valued=re.compile(r"[-+][A-Za-z]*[oO]|--rcfile|--init-file"),
    late=True,
)
_PYTHON = _Language(
    text=re.compile(r"-[bBdEhiIOPqsSuvVx]*[cm]"),
    flags=re.compile(r"-[bBdEhiIOPqsSuvVx]+"),
    valued=re.compile(r"-[WX]|--check-hash-based-pycs"),
    stops=True,
)
_OTHERS = _Language(text=re.compile(r"-[A-Za-z0-9]*[eEpr]|--(?:eval|print|require|import|run)"))
_AWK = _Language(
    text=re.compile(r"-e|--source"),
    flags=re.compile(r"-F.+|-v.+|--(?:posix|traditional|csv|re-interval)|--(?:assign|field-separator)=.*", re.DOTALL),
    valued=re.compile(r"-[Fv]|--assign|--field-separator"),
    file=re.compile(r"-[fEi]|--file|--exec|--include"),
    operand="program",
    open_values=True,
    stdin=False,
)
_SED = _Language(
    text=re.compile(r"-[nEriszu]*e|--expression"),
    flags=re.compile(r"-[nErsuzb]+|-[nEr]*i[^ef]*|--(?:quiet|silent|regexp-extended|in-place(?:=.*)?|null-data|separate|posix)"),
    file=re.compile(r"-[nEriszu]*f|--file"),
    operand="program",
    permutes=True,
    stdin=False,
)
_DATABASE = _Language(
    text=re.compile(r"-[A-Za-z]*[ce]|--command|--execute"),
    valued=re.compile(r"-[dhpuUDPv]|--(?:dbname|host|port|username|user|database)"),
    file=re.compile(r"-f|--file"),
    permutes=True,
    open_values=True,
)

_LANGUAGES: tuple[tuple[re.Pattern[str], _Language], ...] = (
    (re.compile(r"r?(?:ba|da|z|k|mk|pdk|ok|a|fi|c|tc|ya)?sh"), _SHELL),
    (re.compile(r"(?:python|pypy)[0-9.]*t?"), _PYTHON),
    (re.compile(r"node(?:js)?|bun|deno|(?:perl|ruby|php|lua)[0-9.]*|luajit|tclsh|expect|Rscript|R|osascript|pwsh"), _OTHERS),
    (re.compile(r"[gmno]?awk"), _AWK),
    (re.compile(r"g?sed"), _SED),
    (re.compile(r"psql|mysql|mariadb"), _DATABASE),
)
_READ_AGAIN = frozenset({"ssh", "rsh", "mosh", "parallel", "watch", "su", "runuser", "script", "at", "batch", "sqlite3", "ed", "ex", "gdb"})
"""What these take, as arguments and on standard input, is a program in some language."""
_ARGUMENTS_AGAIN = frozenset({"xargs", "make", "gmake"})
"""Of these only the arguments."""
_AGAIN = _READ_AGAIN | _ARGUMENTS_AGAIN
_RUNNERS = frozenset({"docker", "podman", "kubectl", "oc", "lxc", "nerdctl", "vagrant", "nix", "nix-shell", "uv", "poetry", "pipenv"})
"""Programs that hand standard input to the command among their arguments."""


@lru_cache(maxsize=512)
def _language(name: str) -> _Language | None:
    return next((language for pattern, language in _LANGUAGES if pattern.fullmatch(name)), None)


def check_programs(words: Sequence[Word], command: int, stdin: Sequence[Use], draft: Draft) -> bool:
    """Refuse expressions that would be program text of another program; return whether one is read from standard input.

    Args:
        words: The words of a simple command.
        command: The index of the word that names what is run; languages behind it are looked for too (``docker run x sh -c …``).
        stdin: Expressions that reach its standard input: in here-documents, or printed into its pipe.
        draft: Takes the refusals.
    """
    runs = _basename(words[command].shape) if command < len(words) else ""
    reads_program = False
    for at, word in enumerate(words):
        name = _basename(word.shape)
        if at <= command and name in _AGAIN:
            refuse_program((use for w in words[at + 1 :] for use in w.uses), name, draft)
            refuse_program(stdin if name in _READ_AGAIN else (), name, draft)
        elif (language := _language(name)) is not None:
            walk = _Walk(language, name, draft, sure=at == command)
            walk.arguments(words[at + 1 :])
            if walk.reads_program and (at == command or runs in _RUNNERS):
                reads_program = True
                refuse_program(stdin, name, draft)
        elif at == command and not name:
            _check_unknown(words[at + 1 :], draft)
    return reads_program


def _check_unknown(words: Sequence[Word], draft: Draft) -> None:
    """Check a command whose name is known only when the script runs: it may be an interpreter."""
    for before, word in pairwise(words):
        if re.fullmatch(r"-[A-Za-z]*[ce]|--eval|--command", before.shape):
            refuse_program(word.uses, "sh", draft)


_BEHIND = "pass it as an argument behind the text: {name} -c '… \"$1\" …' _ ${{{{ {source} }}}}"
_QUOTED = 'quote it for the other shell: "… $(printf %q ${{{{ {source} }}}})"'
_FIXES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"r?(?:ba|da|z|k|mk|pdk|ok|a|ya)?sh"), _BEHIND),
    (re.compile(r"ssh|rsh|mosh|su|runuser|script|watch|parallel|at|batch"), _QUOTED),
    (re.compile(r"[gmno]?awk|g?sed"), 'put it in `env`, as VALUE = "${{{{ {source} }}}}", and let awk read ENVIRON["VALUE"]'),
    (re.compile(r"(?:python|pypy).*"), 'put it in `env`, as VALUE = "${{{{ {source} }}}}", and write os.environ["VALUE"] there'),
    (re.compile(r"node(?:js)?|bun"), 'put it in `env`, as VALUE = "${{{{ {source} }}}}", and write process.env.VALUE there'),
    (re.compile(r"perl.*"), 'put it in `env`, as VALUE = "${{{{ {source} }}}}", and write $ENV{{VALUE}} there'),
    (re.compile(r"ruby.*"), 'put it in `env`, as VALUE = "${{{{ {source} }}}}", and write ENV["VALUE"] there'),
    (re.compile(r"xargs"), 'put it in `env`, as VALUE = "${{{{ {source} }}}}", and let xargs run sh -c \'… "$VALUE" …\''),
    (re.compile(r"g?make"), 'put it in `env`, as VALUE = "${{{{ {source} }}}}", and write "$$VALUE" in the recipe'),
    (re.compile(r""), 'put it in `env`, as VALUE = "${{{{ {source} }}}}", and let {name} read its environment'),
)


def refuse_program(uses: Iterable[Use], name: str, draft: Draft) -> None:
    """Refuse expressions that would be text of a program in the language of ``name``."""
    for use in uses:
        fix = next(fix for pattern, fix in _FIXES if pattern.fullmatch(name) or not pattern.pattern)
        message = f"{name!r} reads this as text in a language of its own, so a value would become part of a program"
        draft.refuse(use, "RW306", message, fix.format(name=name, source=shown_source(use)))


class _Walk:
    """One command line of one language, from left to right, until what follows is surely data.

    ``sure`` says that the language is the command itself; behind another command only plain program text is refused.
    """

    def __init__(self, language: _Language, name: str, draft: Draft, *, sure: bool) -> None:
        self._language = language
        self._name = name
        self._draft = draft
        self._sure = sure
        self._program_next = language.operand == "program"
        self._unknown_before = False
        self._data = False
        self._from_stdin = False
        self._named = False

    @property
    def reads_program(self) -> bool:
        """Whether the program may come from standard input."""
        return self._language.stdin and (self._from_stdin or not self._named)

    def arguments(self, words: Sequence[Word]) -> None:
        """Go through the words behind the program's name."""
        at = 0
        while at < len(words) and (self._language.permutes or not self._data):
            word, shape = words[at], words[at].shape
            following = words[at + 1] if at + 1 < len(words) else None
            at += 1
            if shape == "--":
                if following is not None and not self._data:
                    self._operand(following)
                return
            if shape.startswith(("-", "+")):
                at += self._option(word, following)
            elif word.begins_with_value:
                self._value(word)
            elif not self._data:
                self._plain(word)

    def _option(self, word: Word, following: Word | None) -> int:
        """Read an option; return how many words behind it belong to it."""
        language, shape = self._language, word.shape
        if shape == "-":
            self._from_stdin = self._data = True
            return 0
        attached = language.open_values and language.flags.fullmatch(shape)
        if not attached:
            self._refuse(word)
        self._unknown_before = False
        if language.text.fullmatch(shape):
            self._named = True
            if language.late:
                self._program_next = True
                return 0
            self._program_next = False
            self._refuse(following)
            self._data = language.stops
            return 1
        if language.file.fullmatch(shape):
            self._named, self._program_next = True, False
            return 1
        if language.valued.fullmatch(shape):
            if not language.open_values:
                self._refuse(following)
            return 1
        if language.flags.fullmatch(shape):
            self._from_stdin |= language is _SHELL and "s" in shape and not shape.startswith("--")
        else:
            self._unknown_before = True
        return 0

    def _value(self, word: Word) -> None:
        """A word that begins with a value: an operand, or an option that takes program text."""
        if self._program_next:
            self._refuse(word)
        elif self._sure:
            hint = f"put '--' or a fixed beginning such as './' before it, so that {self._name} can't take it for an option"
            for use in word.uses:
                message = f"{self._name!r} may take the value for an option that runs a text, such as -c or -e"
                self._draft.refuse(use, "RW313", message, hint)

    def _plain(self, word: Word) -> None:
        """A word that begins with fixed text, or with an expansion of the script's own."""
        if self._unknown_before:
            self._unknown_before = False  # the value of that option, or an operand
            if self._program_next:
                self._refuse(word)
        elif not word.shape.startswith(DYNAMIC) or (not word.splits and (self._program_next or "/" in word.shape)):
            self._operand(word)
        elif self._program_next:
            self._refuse(word)

    def _operand(self, word: Word) -> None:
        """The first word that is surely no option: a program, or the name of one. What follows is data."""
        if self._program_next:
            self._refuse(word)
        self._named = self._data = True
        self._program_next = False

    def _refuse(self, word: Word | None) -> None:
        if word is not None:
            refuse_program(word.uses, self._name, self._draft)
