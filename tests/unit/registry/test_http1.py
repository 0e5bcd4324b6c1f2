"""HTTP/1.1 on one connection: what is sent, what is taken, and what is not."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.registry.http.http1 import Exchange, Pace, ProtocolError, TooSlow, Wire


class Pair:
    """A connection whose other end says what it was told to, and keeps what it heard."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        ours.settimeout(5)
        self.wire = Wire(ours, "r.example", plain=True)

    def ask(self, answer: bytes, method: str = "GET", *, close: bool = True) -> Exchange:
        self.theirs.sendall(answer)
        if close:
            self.theirs.shutdown(socket.SHUT_WR)
        return self.wire.send(method, "/v2/", {"Accept": "x"}, None)


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.wire.close()
    made.theirs.close()


class Bytes:
    """What stands for a socket from which an answer is read."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def exchange(data: bytes, method: str = "GET") -> Exchange:
    answer = HTTPResponse(Bytes(data), method=method)
    answer.begin()
    return Exchange(answer)


def test_a_request_is_written_as_the_standard_says(pair: Pair) -> None:
    pair.theirs.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    pair.wire.send("PUT", "/v2/x?digest=y", {"Content-Type": "a/b"}, b"body")
    assert pair.theirs.recv(4096) == b"PUT /v2/x?digest=y HTTP/1.1\r\nHost: r.example\r\nContent-Type: a/b\r\nContent-Length: 4\r\n\r\nbody"


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: y", "/a\nb", "/\u00e9", "/a HTTP/1.1\r\n\r\n"])
def test_a_target_can_not_become_a_header(pair: Pair, target: str) -> None:
    with pytest.raises(ProtocolError):
        pair.wire.send("GET", target, {}, None)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "\u20ac"])
def test_a_value_can_not_become_another_header(pair: Pair, value: str) -> None:
    with pytest.raises(ProtocolError):
        pair.wire.send("GET", "/", {"Accept": value}, None)


@pytest.mark.parametrize("size", [1, 70_000, 3_000_000])
@pytest.mark.parametrize("kind", ["bytes", "memory", "file"])
def test_a_body_arrives_whole(pair: Pair, tmp_path: Path, size: int, kind: str) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    heard = bytearray()

    def listen() -> None:
        while not heard.endswith(data[-1:]) or len(heard) < size or b"\r\n\r\n" + data not in heard:
            heard.extend(pair.theirs.recv(1 << 20))
        pair.theirs.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=listen)
    thread.start()
    (tmp_path / "file").write_bytes(b"skipped" + data)
    with (tmp_path / "file").open("rb") as file:
        file.seek(7)
        body = {"bytes": data, "memory": io.BytesIO(data), "file": file}[kind]
        answer = pair.wire.send("PUT", "/", {} if kind == "bytes" else {"Content-Length": str(size)}, body)
    thread.join()
    assert answer.status == 201
    assert bytes(heard).partition(b"\r\n\r\n")[2] == data


def test_a_server_that_answers_before_it_has_read_the_body_is_heard(pair: Pair) -> None:
    pair.theirs.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
    pair.theirs.close()
    answer = pair.wire.send("PUT", "/", {}, b"x" * 5_000_000)
    assert (answer.status, answer.read(10), answer.keeps) == (413, b"big", False)


@pytest.mark.parametrize(
    ("data", "status", "body", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, b"abc", True),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b"", True),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, b"abc", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 3\r\n\r\nabc", 200, b"abc", True),
        (b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 3\r\n\r\nabc", 200, b"abc", False),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\n00A\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
            200,
            b"abc0123456789",
            True,
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 200, b"a", True),
        (b"HTTP/1.1 200 OK\nContent-Length: 1\n\na", 200, b"a", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 200, b"abc", True),
    ],
)
def test_a_body_ends_where_the_standard_says(data: bytes, status: int, body: bytes, keeps: bool) -> None:
    answer = exchange(data)
    assert (answer.status, answer.read(100), answer.read(100), answer.ended, answer.keeps) == (status, body, b"", True, keeps)
    buffer = bytearray(100)
    again = exchange(data)
    count = again.readinto(memoryview(buffer))
    assert buffer[:count] == body


def test_a_question_for_the_head_has_no_body() -> None:
    answer = exchange(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", "HEAD")
    assert (answer.read(10), answer.ended, answer.keeps, answer.headers["content-length"]) == (b"", True, True, "500")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nLocation: /a\r\nLocation: /b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",
    ],
)
def test_a_head_that_could_mean_two_things_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        exchange(data)


@pytest.mark.parametrize(
    "body",
    [b"x\r\nabc", b"-1\r\n", b"\r\n", b"3\r\nabcX", b"1_0\r\n", b"0x3\r\nabc\r\n", b"ffffffffffffffff\r\n"],
)
def test_chunks_that_are_none_are_refused(body: bytes) -> None:
    answer = exchange(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    with pytest.raises((ProtocolError, EOFError)):
        answer.read(1000)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
def test_a_body_that_is_cut_off_is_an_error(data: bytes) -> None:
    with pytest.raises(EOFError):
        exchange(data).read(100)
    with pytest.raises(EOFError):
        exchange(data).readinto(memoryview(bytearray(100)))


def test_an_answer_that_never_comes_is_a_broken_connection(pair: Pair) -> None:
    with pytest.raises(ConnectionError):
        pair.ask(b"")


def test_a_body_is_read_no_further_than_asked() -> None:
    for head in (b"Content-Length: 10", b"Transfer-Encoding: chunked", b"X: y"):
        body = b"a\r\n0123456789\r\n0\r\n\r\n" if b"chunked" in head else b"0123456789"
        answer = exchange(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)
        assert (answer.read(4), answer.ended, answer.read(4), answer.read(4)) == (b"0123", False, b"4567", b"89")


@given(st.binary(max_size=200), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]))
def test_nothing_that_a_server_sends_raises_anything_else(data: bytes, head: bytes) -> None:
    with suppress(ProtocolError, EOFError, OSError):
        exchange(head + data).read(100)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=6), st.integers(1, 60))
def test_chunks_of_any_size_come_out_whole(pieces: list[bytes], step: int) -> None:
    data = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    answer = exchange(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
    found = bytearray()
    while not answer.ended:
        found += answer.read(step)
    assert bytes(found) == b"".join(pieces)


class Dripping(io.RawIOBase):
    """Brings so many bytes with each read, each of which takes as long as it was told."""

    def __init__(self, size: int, seconds: float) -> None:
        self.now, self.size, self.seconds = 0.0, size, seconds

    def readinto(self, buffer: memoryview) -> int:
        self.now += self.seconds
        return min(self.size, len(buffer))


@pytest.mark.parametrize(("size", "seconds", "ends"), [(1, 1.0, 60), (1, 29.0, 3), (1023, 1.0, 60), (1024, 1.0, None), (10**6, 25.0, None)])
def test_a_server_that_sends_too_little_for_too_long_is_given_up(size: int, seconds: float, ends: int | None) -> None:
    raw = Dripping(size, seconds)
    pace, buffer = Pace(1024, 60, lambda: raw.now), memoryview(bytearray(2**20))
    reads = 0
    with suppress(TooSlow):
        for _ in range(300):
            reads += 1
            pace.receive(raw, buffer)
    assert (reads if reads < 300 else None) == ends


def test_time_that_we_need_ourselves_is_not_held_against_a_server() -> None:
    raw = Dripping(1, 1.0)
    pace, buffer = Pace(1024, 60, lambda: raw.now), memoryview(bytearray(9))
    for _ in range(50):
        pace.receive(raw, buffer)
        raw.now += 1000
    pace.begin()
    for _ in range(59):
        pace.receive(raw, buffer)
    with pytest.raises(TooSlow, match="60 bytes in 60 seconds"):
        pace.receive(raw, buffer)
