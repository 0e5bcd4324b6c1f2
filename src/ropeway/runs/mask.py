"""Keeping secrets out of what is written: a filter for bytes that come in chunks.

Every secret is looked for as it is, line by line (programs print keys so), and as base64 and URL encoding make of it. What is
covered by any of them, overlaps included, becomes ``***``; stretches that touch become one. The result does not depend on where
the chunks end: a byte is let through as soon as no occurrence that includes it can still come.
"""

from __future__ import annotations

from binascii import b2a_base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASKED = b"***"

# A part of a secret (a line, an encoding's inside) shorter than this says nothing and would hide half of an ordinary log.
MIN_PART = 4


class Mask:
    """Replaces secrets in a stream of bytes. One object per stream: :meth:`fork` makes the next one.

    Args:
        values: The secrets. Empty ones hide nothing.
    """

    def __init__(self, values: Iterable[str]) -> None:
        found: dict[bytes, None] = {}
        for value in values:
            found.update(dict.fromkeys(forms(value)))
        self._use(sorted(found, key=len, reverse=True))

    def _use(self, needles: list[bytes]) -> None:
        self._needles = needles
        self._held = b""
        self._covered = 0  # so many of the held bytes are known to be hidden
        self._hiding = False  # the last byte that was dealt with was hidden

    def fork(self) -> Mask:
        """Return a mask for the same secrets and another stream."""
        other = Mask(())
        other._use(self._needles)
        return other

    def feed(self, data: bytes) -> bytes:
        """Take the next chunk; return what is decided by now."""
        if not self._needles:
            return data
        return self._advance(self._held + data, last=False)

    def flush(self) -> bytes:
        """Return what was held back. The stream has ended; the object may be used for another one."""
        rest = self._advance(self._held, last=True)
        self._hiding = False
        return rest

    def contains(self, data: bytes) -> bool:
        """Return whether some form of a secret is in ``data``; looks at nothing that was fed."""
        return any(needle in data for needle in self._needles)

    def text(self, text: str) -> str:
        """Return a whole text with the secrets hidden."""
        if not self._needles:
            return text
        other = self.fork()
        raw = text.encode("utf-8", "surrogateescape")
        return (other.feed(raw) + other.flush()).decode("utf-8", "surrogateescape")

    def _advance(self, data: bytes, *, last: bool) -> bytes:
        end = len(data) if last else self._undecided(data)
        stretches = [(0, self._covered)] if self._covered else []
        stretches.extend(self._occurrences(data, end))
        stretches.sort()
        out: list[bytes] = []
        at = reach = 0  # `at`: up to here it is written or hidden; `reach`: up to here it is hidden, maybe beyond `end`
        for start, stop in stretches:
            if start > at:
                out.append(data[at:start])
                self._hiding = False
            if not self._hiding and start < end:
                out.append(MASKED)
                self._hiding = True
            reach = max(reach, stop)
            at = max(at, min(stop, end))
        if at < end:
            out.append(data[at:end])
            self._hiding = False
        self._held = data[end:]
        self._covered = max(0, reach - end)
        return b"".join(out)

    def _occurrences(self, data: bytes, end: int) -> Iterator[tuple[int, int]]:
        """Yield every occurrence that starts before ``end``."""
        for needle in self._needles:
            at = data.find(needle)
            while 0 <= at < end:
                yield at, at + len(needle)
                at = data.find(needle, at + 1)

    def _undecided(self, data: bytes) -> int:
        """Return the first place from which all that follows could be the beginning of a secret."""
        first = len(data)
        for needle in self._needles:
            at = data.find(needle[:1], max(0, len(data) - len(needle) + 1), first)
            while at >= 0 and not needle.startswith(data[at:]):
                at = data.find(needle[:1], at + 1, first)
            if at >= 0:
                first = at
        return first


def forms(value: str) -> Iterator[bytes]:
    """Yield every form of one secret that is hidden: itself, its lines, JSON, Python, base64 at each of three alignments, URL encoding."""
    raw = value.encode("utf-8", "surrogateescape")
    if not raw:
        return
    yield raw
    for line in {raw, raw.strip(), *raw.splitlines()}:
        if len(line) < MIN_PART:
            continue
        yield line
        yield from _base64(line)
        yield from _url_and_json(line)


def _base64(raw: bytes) -> Iterator[bytes]:
    """Yield what stands for ``raw`` inside the base64 of anything that contains it, in both alphabets."""
    for before in range(3):
        # Characters that also depend on the neighbours are cut off: those of a first or last group that is shared with them.
        encoded = b2a_base64(bytes(before) + raw, newline=False).rstrip(b"=")
        start = (0, 2, 3)[before]
        shared = (before + len(raw)) % 3
        inside = encoded[start : len(encoded) - (1 if shared else 0)]
        if len(inside) >= MIN_PART:
            for part in (inside, encoded[start:]):  # the second where the secret ends what was encoded
                yield part
                yield part.translate(bytes.maketrans(b"+/", b"-_"))


def _url_and_json(raw: bytes) -> Iterator[bytes]:
    import json
    from urllib.parse import quote_from_bytes

    for safe in ("", "/"):
        quoted = quote_from_bytes(raw, safe=safe).encode()
        yield quoted
        yield _lower_hex(quoted)
        yield quoted.replace(b"%20", b"+")
    text = raw.decode("utf-8", "surrogateescape")
    yield json.dumps(text)[1:-1].encode()
    yield repr(text)[1:-1].encode("utf-8", "surrogateescape")
    yield json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "surrogateescape")


def _lower_hex(quoted: bytes) -> bytes:
    head, *rest = quoted.split(b"%")
    return b"%".join([head, *(part[:2].lower() + part[2:] for part in rest)])
