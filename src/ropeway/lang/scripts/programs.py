"""Programs that take program text on their command line or standard input: other shells, awk, python, node and their like.

``bash -c TEXT``, ``awk TEXT`` or ``python3 <<END`` make a value code in another language, so it is refused there. What follows the
text as an argument is data and may hold expressions: ``bash -c 'echo "$1"' _ ${{ x }}``. A value in front of it might *be* an
option that takes a program, such as ``-c``; it may stand there only if nothing behind it could become the program.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Literal

from ropeway.lang.scripts.draft import shown_source
from ropeway.lang.scripts.words import DYNAMIC, HOLE
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ropeway.lang.scripts.draft import Draft, Use
    from ropeway.lang.scripts.words import Word

__all__ = ["STDIN", "check_programs", "find_command", "is_known", "refuse_program", "takes_programs"]

_NOTHING = re.compile(r"(?!)")
STDIN = re.compile(r"-|/dev/stdin|/dev/fd/.*|/proc/.*/fd/.*", re.DOTALL)
"""Names of standard input and of other open files."""


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


_PATTERN = re.compile(r"[*?\[{]")


def _basename(shape: str) -> str:
    """Return the name of a program, empty when it is not known."""
    name = shape.rpartition("/")[2]
    return "" if HOLE in name or DYNAMIC in name else name


def is_known(word: Word) -> bool:
    """Whether it is certain, but for its folder, which command this word names."""
    if word.splits or not _basename(word.shape):
        return False
    return word.shape in {"[", "{", "[["} or not _PATTERN.search(word.shape)


def find_command(words: Sequence[Word], draft: Draft) -> int:
    """Return the index of the word that names what is really run, behind ``sudo``, ``env`` and such; ``len(words)`` for none."""
    at = 0
    while at < len(words) and (prefix := _PREFIXES.get(name := _basename(words[at].shape))) is not None:
        at += 1
        operands = prefix.operands
        while at < len(words):
            shape = words[at].shape
            if name == "env" and (words[at].begins_with_value or shape.startswith(("-S", "--split")) or re.match(r"-[A-Za-z]*S", shape)):
                for use in (use for w in words[at : at + 2] for use in w.values):
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
_OTHERS = _Language(text=re.compile(r"-[A-Za-z0-9]*[BeEpRr]|-eval|--(?:eval|print|require|import|run)"))
_COMMANDED = _Language(text=re.compile(r"-[A-Za-z0-9]*[ce]|-(?:Command|EncodedCommand)|--(?:eval|command|commands)", re.IGNORECASE))
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
    (re.compile(r"r?(?:ba|da|z|k|mk|pdk|ok|a|fi|c|tc|ya|o|y|xon)?sh"), _SHELL),
    (re.compile(r"(?:python|pypy)[0-9.]*t?"), _PYTHON),
    (
        re.compile(r"node(?:js)?|bun|deno|(?:perl|ruby|php|lua)[0-9.]*|luajit|tclsh|Rscript|R|osascript|julia|elixir|erl|groovy|octave"),
        _OTHERS,
    ),
    (re.compile(r"tsx|ts-node|scala|racket|clojure|sbcl|ghci?|irb|jshell|gnuplot"), _OTHERS),
    (re.compile(r"expect|pwsh|powershell|ipython3?|guile|nu|elvish|dc|m4"), _COMMANDED),
    (re.compile(r"[gmno]?awk"), _AWK),
    (re.compile(r"g?sed"), _SED),
    (re.compile(r"psql|mysql|mariadb"), _DATABASE),
)
_READ_AGAIN = frozenset(
    {"ssh", "rsh", "mosh", "parallel", "watch", "su", "runuser", "script", "at", "batch", "crontab", "sqlite3", "ed", "ex", "gdb", "lldb"}
)
"""What these take, as arguments and on standard input, is a program in some language."""
_ARGUMENTS_AGAIN = frozenset({"xargs", "make", "gmake", "entr", "tmux", "screen", "nix-shell"})
"""Of these only the arguments."""
_AGAIN = _READ_AGAIN | _ARGUMENTS_AGAIN
_RUNNERS = frozenset(
    {"docker", "podman", "kubectl", "oc", "lxc", "nerdctl", "vagrant", "nix", "nix-shell", "uv", "poetry", "pipenv"}
) | frozenset(
    {"ssh-agent", "dbus-run-session", "setpriv", "chpst", "numactl", "prlimit", "unbuffer", "conda", "mamba", "micromamba", "pixi", "hatch"}
    | {"pdm", "rye", "npx", "bunx", "pnpm", "yarn", "bundle", "mise", "asdf", "direnv", "flatpak", "toolbox", "distrobox", "bwrap", "proot"}
)
"""Programs that hand standard input to the command among their arguments."""


@lru_cache(maxsize=512)
def _language(name: str) -> _Language | None:
    return next((language for pattern, language in _LANGUAGES if pattern.fullmatch(name)), None)


_EDITOR_OPTIONS = re.compile(r"-c|--cmd|-S|--remote-expr|--remote-send|\+.*", re.DOTALL)
_OPTIONS: dict[str, re.Pattern[str]] = {
    "flock": re.compile(r"-[A-Za-z]*c|--command"),
    "nix": re.compile(r"-c|-E|--command|--run|--expr|--apply"),
    **dict.fromkeys(("nix-build", "nix-instantiate", "nix-env"), re.compile(r"-E|--expr")),
    **dict.fromkeys(("vim", "vi", "nvim", "view", "gvim", "vimdiff"), _EDITOR_OPTIONS),
    "emacs": re.compile(r"--?(?:eval|execute|funcall|f|load|l)"),
    **dict.fromkeys(
        ("tar", "gtar", "bsdtar"),
        re.compile(r"-[A-Za-z]*[IF]|--(?:to-c|checkpoint-a|use-c|info-s|new-v|rsh-c|rmt-c)[a-z-]*"),
    ),
    "rsync": re.compile(r"-[A-Za-z]*e|--rsh|--rsync-path"),
    **dict.fromkeys(("scp", "sftp"), re.compile(r"-[A-Za-z]*[oSD]")),
    "git": re.compile(r"--(?:exec|extcmd|upload-pack|receive-pack|open-files-in-pager|config|[a-z]+-filter)|foreach|run"),
    "deno": re.compile(r"eval"),
}
"""Words behind which, or behind whose ``=``, these programs take a command line or a program."""
_SAFE_SETTING = re.compile(r"(?:user|author|committer)\.(?:name|email)|init\.defaultbranch|remote\.[A-Za-z0-9_-]+\.url", re.IGNORECASE)


def _check_options(name: str, words: Sequence[Word], draft: Draft) -> None:
    """Refuse expressions in and behind the options of ``name`` that take a program."""
    options = _OPTIONS[name]
    for word, following in zip(words, [*words[1:], None], strict=False):
        head, equals, _ = word.shape.partition("=")
        short = re.match(r"-[A-Za-z](?=[^A-Za-z-])", word.shape)
        if options.fullmatch(head) or (short and options.fullmatch(short[0])):
            refuse_program(word.values, name, draft)
            if not equals and following is not None:
                refuse_program(following.values, name, draft)
    if name == "git":
        _check_git(words, draft)
    elif name == "deno" and any(w.shape == "eval" for w in words):
        refuse_program((use for w in words for use in w.values), name, draft)


def _check_git(words: Sequence[Word], draft: Draft) -> None:
    """Refuse settings of git: many of them are commands. ``git switch -c ${{ x }}`` has none."""
    at = 0
    while at < len(words) and words[at].shape.startswith("-"):
        shape = words[at].shape
        setting = shape.startswith(("-c", "--config-env"))
        at += 1
        hint = "write the setting with a fixed value, or use git config for user.name and its like"
        for use in (use for w in words[at - 1 : at + 1] for use in w.values) if setting else ():
            draft.refuse(use, "RW306", "a setting of git can be a command, so a value would become part of a program", hint)
        at += shape in {"-c", "-C", "--git-dir", "--work-tree", "--namespace", "--super-prefix", "--config-env"}
    if at < len(words) and words[at].shape in {"rebase", "difftool", "clone", "fetch", "ls-remote", "grep", "config", "bisect"}:
        command, rest = words[at].shape, words[at + 1 :]
        taken = {"rebase": "-x", "difftool": "-x", "clone": "-[cu]", "grep": "-O"}.get(command)
        for word, following in zip(rest, [*rest[1:], None], strict=False):
            if taken and re.match(taken, word.shape):
                refuse_program([*word.values, *(following.values if following else ())], "git", draft)
        if command == "config" and not any(_SAFE_SETTING.fullmatch(w.shape) for w in rest):
            refuse_program((use for w in rest for use in w.values), "git", draft)


def takes_programs(words: Sequence[Word], command: int) -> bool:
    """Whether some word of a command names a program that takes program text."""
    names = [_basename(word.shape) for word in words]
    return any(_language(name) is not None for name in names) or any(
        name in _AGAIN or name in _OPTIONS or name in _PREFIXES for name in names[: command + 1]
    )


def _check_xargs(words: Sequence[Word], stdin: Sequence[Use], draft: Draft) -> None:
    """``xargs -I{} sh -c '… {} …'`` and ``xargs sh -c`` make program text of what they read."""
    if any(_language(_basename(w.shape)) is not None for w in words):
        replaces = any(re.match(r"-[A-Za-z0-9]*[Ii]|--replace", w.shape) for w in words)
        if replaces or words[-1].shape.startswith("-") or _language(_basename(words[-1].shape)) is not None:
            refuse_program(stdin, "xargs", draft)


def check_programs(words: Sequence[Word], command: int, documents: Sequence[Word], fed: Sequence[Use], draft: Draft) -> bool:
    """Refuse expressions that would be program text of another program; return whether one is read from standard input.

    Args:
        words: The words of a simple command.
        command: The index of the word that names what is run; languages behind it are looked for too (``docker run x sh -c …``).
        documents: Its here-documents, here-strings and ``< <(…)``.
        fed: Expressions in the commands that write into its pipe.
        draft: Takes the refusals.
    """
    runs = _basename(words[command].shape) if command < len(words) else ""
    reads_program = False
    stdin = [*chain.from_iterable(_text_values(w, _READ_AGAIN & {runs}) for w in documents), *fed]
    for at, word in enumerate(words):
        name = _basename(word.shape)
        if at <= command and name in _OPTIONS:
            _check_options(name, words[at + 1 :], draft)
        if at <= command and name in _AGAIN:
            refuse_program((use for w in words[at + 1 :] for use in _text_values(w, _READ_AGAIN & {name})), name, draft)
            refuse_program(stdin if name in _READ_AGAIN else (), name, draft)
            reads_program |= name in _READ_AGAIN
            if name in {"make", "gmake"} and any(STDIN.fullmatch(w.shape) for w in words[at + 1 :]):
                reads_program = True
                refuse_program(stdin, name, draft)
            if name == "xargs":
                _check_xargs(words[at + 1 :], stdin, draft)
        elif (language := _language(name)) is not None:
            walk = _Walk(language, name, draft, sure=at == command)
            walk.arguments(words[at + 1 :])
            if walk.reads_program and (at == command or runs in _RUNNERS):
                reads_program = True
                refuse_program(stdin, name, draft)
        elif at == command and not name:
            _check_unknown(words[at + 1 :], draft)
            reads_program |= not name
            refuse_program(stdin, "sh", draft)
    return reads_program


_PLAIN_COMMAND = re.compile(r"[ \t]*[A-Za-z0-9_./-]+(?:[ \t]+[A-Za-z0-9_./:,@%+=\1-]+)+[ \t]*")
_SEPARATOR = re.compile(r"&&|\|\||[;|\n]")


def _text_values(word: Word, escaping: Iterable[str]) -> list[Use]:
    """Return the values in a text that a shell will read; ``$(printf %q …)`` is an argument where the text is made of plain commands."""
    if not word.escaped or not any(escaping):
        return word.values
    for part in _SEPARATOR.split(word.shape):
        names = re.split(r"[ \t=]+", part)
        evaluating = any(_language(_basename(n)) or _basename(n) in _AGAIN or n in {"eval", "source", ".", "trap", "let"} for n in names)
        if part.strip() and (evaluating or not _PLAIN_COMMAND.fullmatch(part)):
            return word.values
    return [use for use in word.values if use not in word.escaped]


def _check_unknown(words: Sequence[Word], draft: Draft) -> None:
    """Check a command whose name is known only when the script runs: it may be an interpreter."""
    for before, word in pairwise(words):
        if re.fullmatch(r"-[A-Za-z]*[ce]|--eval|--command", before.shape):
            refuse_program(word.values, "sh", draft)


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
        self._file_is_stdin = False
        self._named = False

    @property
    def reads_program(self) -> bool:
        """Whether the program may come from standard input."""
        return self._file_is_stdin or (self._language.stdin and (self._from_stdin or not self._named))

    def arguments(self, words: Sequence[Word]) -> None:
        """Go through the words behind the program's name."""
        at = 0
        while at < len(words) and (self._language.permutes or not self._data):
            word, shape = words[at], words[at].shape
            following = words[at + 1] if at + 1 < len(words) else None
            at += 1
            if not self._data:
                refuse_program(word.files, self._name, self._draft)
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
            if following is not None:
                self._file(following)
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
            for use in word.values:
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
        elif not self._named:
            self._file(word)
        self._named = self._data = True
        self._program_next = False

    def _file(self, word: Word) -> None:
        """A word that names the file of a program."""
        refuse_program(word.files, self._name, self._draft)
        self._file_is_stdin |= word.process or STDIN.fullmatch(word.shape) is not None

    def _refuse(self, word: Word | None) -> None:
        if word is not None:
            self._file_is_stdin |= bool(word.splits or word.process or DYNAMIC in word.shape) and self._language.late
            refuse_program(word.values, self._name, self._draft)
