"""A file as read: its data, and where in the file each value stands.

Reading looks for no positions, so a file without mistakes never pays for them: the first call of :meth:`Document.locate` scans the text
a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ropeway.lang.diagnostics import Diagnostic, Locator
from ropeway.lang.source.text import MAX_BYTES, Lines, Mistake
from ropeway.records import field, record

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Location, Path
    from ropeway.lang.source.text import Spans

Format = Literal["toml", "yaml"]

_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")  # of UTF-16, and of UTF-32 in part


@record(frozen=False)
class Document(Locator):
    """A TOML or YAML file.

    ``name`` is what people know the file as; ``text`` its content with LF line ends and without a byte order mark; ``data`` holds only
    str, int, float, bool, None, list and dict, and is empty when the file could not be read.
    """

    name: str
    text: str
    format: Format
    data: dict[str, Any]
    spans: Spans | None = None
    """Where each value stands; None until somebody asks."""
    _lines: Lines | None = field(default=None, init=False)

    def locate(self, path: Path, *, key: bool = False, offset: int | None = None, length: int = 1) -> Location:
        """See :meth:`Locator.locate`. For a table, its header or key; for what is not there, the nearest table around it."""
        if self._lines is None:
            self._lines = Lines(self.name, self.text)
        spans = self._spans()
        known = path
        while known and known not in spans:
            known = known[:-1]
        if not known:
            return self._lines.location(0, 1)
        key_start, key_end, start, end = spans[known]
        if key or known != path:
            return self._lines.location(key_start, key_end)
        if offset is not None:
            start, end = self._inside(path, (start, end), max(offset, 0), max(length, 1))
        return self._lines.location(start, end)

    def _spans(self) -> Spans:
        if self.spans is None:
            self.spans = {}
            if self.format == "toml":
                from ropeway.lang.source.toml_positions import scan

                self.spans = scan(self.text).spans
            else:
                from ropeway.lang.source.yaml_reader import read_yaml

                read_yaml(self.text, self.spans)
        return self.spans

    def _inside(self, path: Path, span: tuple[int, int], offset: int, length: int) -> tuple[int, int]:
        """Return where a part of the string at ``path`` stands."""
        from ropeway.lang.source.strings import toml_offset, yaml_offset

        value = self._value(path)
        if not isinstance(value, str):
            return span
        if self.format == "toml":
            return toml_offset(self.text, *span, offset), toml_offset(self.text, *span, offset + length)
        start = yaml_offset(self.text, *span, value, offset)
        last = yaml_offset(self.text, *span, value, offset + length - 1)
        return start, max(start, last) + 1

    def _value(self, path: Path) -> object:
        value: Any = self.data
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def format_of(name: str) -> Format:
    """Return a file's format by the ending of its name: ``.yaml`` and ``.yml`` are YAML, all others TOML."""
    return "yaml" if name.lower().endswith((".yaml", ".yml")) else "toml"


def read_document(raw: bytes, name: str, *, format: Format | None = None) -> tuple[Document, list[Diagnostic]]:  # noqa: A002 - the word people use
    """Read a workflow file, an override file or a parameter file.

    Args:
        raw: The file's bytes, UTF-8, at most 32 MiB.
        name: What to call the file in diagnostics; its ending (``.yaml``, ``.yml``, else TOML) decides about ``format`` when that is None.
        format: ``toml`` or ``yaml``.

    Returns:
        The document, and what is wrong with it. With an error among the diagnostics the document's data is empty. Never raises.
    """
    kind = format or format_of(name)
    text, mistake = _decode(raw)
    if mistake is not None:
        return _document(name, text, kind, {}, [mistake])
    if kind == "yaml":
        from ropeway.lang.source.yaml_reader import read_yaml

        data, mistakes = read_yaml(text)
    else:
        from ropeway.lang.source.toml_reader import read_toml

        data, mistakes = read_toml(text)
    return _document(name, text, kind, data, mistakes)


def _document(name: str, text: str, kind: Format, data: dict[str, Any], mistakes: list[Mistake]) -> tuple[Document, list[Diagnostic]]:
    failed = any(m.severity == "error" for m in mistakes)
    document = Document(name, text, kind, {} if failed else data)
    if not mistakes:
        return document, []
    lines = Lines(name, text)
    found = [Diagnostic(m.code, m.severity, m.message, m.hint, lines.location(m.start, m.end)) for m in mistakes]
    return document, found


def _decode(raw: bytes) -> tuple[str, Mistake | None]:
    """Return the text, and why it is none."""
    if len(raw) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 2**20} MiB"
        hint = "keep data in files of its own that steps read; a workflow file describes steps"
        return "", Mistake("RW001", message, hint, 0, 1)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        start = len(_normal(raw[: error.start].decode()))
        hint = "save the file as UTF-8"
        if raw.startswith(_BYTE_ORDER_MARKS):
            hint = "the file is UTF-16; save it as UTF-8"
        message = f"the file is not UTF-8: byte 0x{raw[error.start]:02x} does not belong here"
        return _normal(raw.decode(errors="replace")), Mistake("RW002", message, hint, start, start + 1)
    text = _normal(text)
    nul = text.find("\0")
    if nul >= 0:
        hint = "this looks like a binary file" if nul < 1024 else "remove the character; no text format knows it"
        return text, Mistake("RW003", "the file holds a NUL character", hint, nul, nul + 1)
    return text, None


def _normal(text: str) -> str:
    """Strip a byte order mark and bring line ends to LF; both are the editor's business."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")
