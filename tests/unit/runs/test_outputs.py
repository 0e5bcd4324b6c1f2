"""What a step wrote to $ROPEWAY_OUTPUT."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.lang.model import Field
from ropeway.runs.outputs import MAX_BYTES, OutputProblem, read_outputs


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        ("", {}),
        ("a=1\n", {"a": "1"}),
        ("a=1", {"a": "1"}),
        ("a=\n", {"a": ""}),
        ("a=x=y  z \n", {"a": "x=y  z "}),
        ("a=1\r\n", {"a": "1"}),
        ("a=1\na=2\n", {"a": "2"}),
        ("\n  \na=1\n", {"a": "1"}),
        ("a<<END\none\n two=2\n\nEND\nb=3\n", {"a": "one\n two=2\n", "b": "3"}),
        ("a<<END\nEND\n", {"a": ""}),
        ('{"a": 1, "b": [true, null], "c": "x"}\n', {"a": "1", "b": "[true,null]", "c": "x"}),
        ('{"a": null, "b": true}\n', {"a": "", "b": "true"}),
        ("ä-key=1\n", None),
        ("just words\n", None),
        ("a<<END\nnever closed\n", None),
        ("{not json\n", None),
        ('["list"]\n', None),
        ("a<<\n", None),
    ],
)
def test_the_three_forms_are_read(text: str, outputs: dict | None) -> None:
    if outputs is None:
        with pytest.raises(OutputProblem, match="line 1"):
            read_outputs(text.encode(), None)
    else:
        assert read_outputs(text.encode(), None) == outputs


DECLARED = {
    "n": Field("n", type="integer"),
    "ok": Field("ok", type="boolean", required=False),
    "word": Field("word", type="choice", choices=("a", "b"), has_default=True, default="a", required=False),
}


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        ("n=3\n", {"n": 3, "ok": None, "word": "a"}),
        ('{"n": 3, "ok": true, "word": "b"}\n', {"n": 3, "ok": True, "word": "b"}),
        ("n=3\nok=false\n", {"n": 3, "ok": False, "word": "a"}),
        ("ok=true\n", "'n' is declared and was not written"),
        ("n=three\n", "'n'"),
        ('{"n": 1.5}\n', "'n'"),
        ("n=3\nword=c\n", "'word'"),
        ("n=3\nother=1\n", "'other' is not declared"),
    ],
)
def test_declared_outputs_are_typed_and_complete(text: str, outputs: dict | str) -> None:
    if isinstance(outputs, str):
        with pytest.raises(OutputProblem, match=outputs):
            read_outputs(text.encode(), DECLARED)
    else:
        assert read_outputs(text.encode(), DECLARED) == outputs


@pytest.mark.parametrize(("data", "said"), [(b"a=\xff\n", "UTF-8 at byte 2"), (b"a=\0\n", "NUL"), (b"a" * (MAX_BYTES + 1), "at most")])
def test_bytes_that_are_no_text_are_refused(data: bytes, said: str) -> None:
    with pytest.raises(OutputProblem, match=said):
        read_outputs(data, None)


@given(st.binary(max_size=200))
def test_whatever_a_step_writes_is_outputs_or_a_problem(data: bytes) -> None:
    try:
        outputs = read_outputs(data, None)
    except OutputProblem:
        return
    assert all(isinstance(v, str) for v in outputs.values())


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,10}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    )
)
def test_any_text_passes_in_a_block(values: dict[str, str]) -> None:
    mark = "END-OF-THIS"
    text = "".join(f"{k}<<{mark}\n{v}\n{mark}\n" for k, v in values.items())
    assert read_outputs(text.encode(), None) == values
