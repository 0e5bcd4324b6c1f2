"""Patterns: what they find, what is refused, and that none takes long."""

from __future__ import annotations

import time

import pytest

from ropeway.lang.expressions import EvaluationError, evaluate, parse
from ropeway.lang.expressions.pattern import PatternError, compile_pattern

FOUND = [
    ("", ""),
    ("b", "abc"),
    ("^abc$", "abc"),
    ("a.c", "aéc"),
    ("(?s)a.c", "a\nc"),
    ("(?i)HELLO", "say hello"),
    ("(?m)^b$", "a\nb\nc"),
    (r"\d+\.\d{2}", "price 12.50"),
    (r"\bcat\b", "the cat sat"),
    (r"\Bat", "cat"),
    ("a|b|", "zzz"),
    ("(ab|cd){2}$", "xabcd"),
    ("[^a-c]", "abcd"),
    ("[]x]", "]"),
    ("[a-]", "-"),
    ("[[:digit:]_]", "_"),
    (r"[\w.]+@", "a.b@c"),
    (r"[^\d\s]", "1 x"),
    (r"[\D]", "a"),
    (r"\x41\x{e9}\t", "Aé\t"),
    ("x{", "x{"),
    ("x{,2}", "x{,2}"),
    ("a{2,}", "caaa"),
    ("(?:a)(?P<name>b)(?<other>c)", "abc"),
    ("a*?b+?c??", "b"),
    (r"^[\w./~^-]+$", "HEAD~20"),
    (r"\Aa\z", "a"),
    ("😀{2}", "😀😀"),
]
NOT_FOUND = [
    ("a.c", "a\nc"),
    ("^b", "ab"),
    ("a$", "a\n"),
    ("^b$", "a\nb"),
    (r"\d", "٣"),
    (r"\w", "é"),
    (r"\bat", "cat"),
    ("a{3}", "aa"),
    ("[^a]", "a"),
    ("(?i)[^a]", "A"),
]


@pytest.mark.parametrize(("pattern", "text"), FOUND)
def test_the_pattern_is_found(pattern, text):
    assert compile_pattern(pattern).search(text)


@pytest.mark.parametrize(("pattern", "text"), NOT_FOUND)
def test_the_pattern_is_not_found(pattern, text):
    assert not compile_pattern(pattern).search(text)


REFUSED = {
    "(a": "'(' is not closed",
    "a)": "')' closes nothing",
    "[a": "'[' is not closed",
    "*a": "'*' repeats nothing",
    "a**": "'*' repeats nothing",
    "a{2}{3}": "'{3}' repeats nothing",
    "a{1001}": "'{1001}': at most 1,000 repetitions are allowed",
    "a{3,2}": "'{3,2}': the range runs backwards",
    "[b-a]": "the range 'b-a' runs backwards",
    "[[:foo:]]": "'[:foo:]' is no class",
    r"\q": r"'\q' is no escape",
    "a\\": "'\\' stands at the end",
    r"(a)\1": r"'\1' is not supported: back-references can not be matched in linear time",
    "(?=a)": "'(?=a' is not supported: look-around and flags inside a pattern can not be matched in linear time",
    "(?<!a)": "'(?<!' is not supported: look-around and flags inside a pattern can not be matched in linear time",
    "(?x)a": "'(?x)' is not among the flags (?i) (?m) (?s)",
    r"\x{110000}": r"'\x{110000}' is no character",
    "(" * 51 + ")" * 51: "groups are nested more than 50 deep",
    "((a{100}){100}){100}": "the pattern is too large: its repetitions multiply",
    "(((){1000}){1000}){1000}": "the pattern is too large: its repetitions multiply",
    "a" * 4097: "a pattern has at most 4,096 characters",
}


@pytest.mark.parametrize("pattern", REFUSED, ids=lambda pattern: pattern[:20])
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(PatternError) as info:
        compile_pattern(pattern)
    assert str(info.value) == REFUSED[pattern]


EVIL = [
    ("(a+)+$", "a" * 100_000 + "!"),
    ("(a|aa)+$", "a" * 100_000 + "!"),
    ("(a|a)*b", "a" * 100_000),
    ("(.*)*x", "y" * 100_000),
    ("(.*a){20}$", "a" * 20_000 + "!"),
    ("a*a*a*a*a*a*a*b", "a" * 100_000),
    ("^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 100_000),
    (r"(\w+\s?)*$x", "word " * 20_000),
    ("(a?){500}a{500}", "a" * 499),
    ("(x+x+)+y", "x" * 100_000),
]


@pytest.mark.parametrize(("pattern", "text"), EVIL, ids=[pattern for pattern, _ in EVIL])
def test_no_pattern_takes_long(pattern, text):
    began = time.process_time()
    compile_pattern(pattern).search(text)
    assert time.process_time() - began < 2  # each takes a few milliseconds; a backtracking matcher never ends


def test_a_pattern_that_keeps_many_places_open_ends_by_the_budget():
    text = "".join(chr(0x4E00 + i % 15_000) for i in range(200_000))
    began = time.process_time()
    with pytest.raises(EvaluationError, match="budget"):
        evaluate(parse("t.matches('(.{1,900}x){1,2}y')"), {"t": text})
    assert time.process_time() - began < 10


def test_a_pattern_remembers_a_bounded_number_of_moves():
    pattern = compile_pattern("a[^b]*c")
    text = "a" + "".join(chr(0x4E00 + i) for i in range(19_000)) + "c"
    assert pattern.search(text)
    assert sum(len(state.moves) for state in pattern._states.values()) <= 10_001
