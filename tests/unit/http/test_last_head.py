from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.http.known_heads import KnownHeads
from mms_server.http.last_head import LastHead
from mms_server.http.limits import Limits
from mms_server.http.parser import RequestParser
from mms_server.http.request import Request

LIMITS = Limits(body_bytes=64)
POST = b"POST /p?q=1 HTTP/1.1\r\nHost: h\r\nContent-Type: text/x; a=b\r\nContent-Length: 5\r\n\r\n"

PIECES = [
    POST + b"hello",
    POST + b"other",
    POST + b"\r\n\r\n!",
    POST + b"GET /",
    POST + b"hello\r\n",
    b"\r\n" + POST + b"hello",
    b"\r\n\r\n" + POST + b"hello",
    POST + b"hello" + POST + b"hello",
    POST + b"he",
    b"llo",
    POST.replace(b": 5", b": 0"),
    POST.replace(b": 5", b": 99") + b"hello",
    POST.replace(b"/p", b"/r") + b"hello",
    POST.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n\r\n",
    POST.replace(b"Host", b"Expect: 100-continue\r\nHost") + b"hello",
    POST.replace(b"Host", b"Connection: close\r\nHost") + b"hello",
    POST.replace(b"Host", b"Connection: upgrade\r\nUpgrade: x\r\nHost") + b"hello",
    POST.replace(b"1.1", b"1.0").replace(b"Host", b"Connection: keep-alive\r\nHost") + b"hello",
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"garbage\r\n\r\n",
]


def seen(requests: list[Request]) -> list[tuple[object, ...]]:
    return [
        (
            each.head.method,
            each.head.target,
            tuple(each.head.fields),
            b"".join(each.body),
            each.body_bytes,
            each.head.content_type,
            each.head.expects_continue,
            each.is_complete,
            each.head.is_http10,
            each.head.is_keep_alive,
        )
        for each in requests
    ]


@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_a_repeated_head_means_what_it_meant(pieces: list[bytes]) -> None:
    """Read by read, or byte by byte, where no head is ever known: the same requests."""
    reads, byte_by_byte = RequestParser(LIMITS), RequestParser(LIMITS)
    for piece in pieces:
        reads.feed(piece)
        for at in range(len(piece)):
            byte_by_byte.feed(piece[at : at + 1])
    assert seen(list(reads.complete)) == seen(list(byte_by_byte.complete))
    assert repr(reads.error) == repr(byte_by_byte.error)
    assert reads.begun == byte_by_byte.begun
    assert reads.is_idle == byte_by_byte.is_idle


def parsed(data: bytes) -> Request:
    parser = RequestParser(LIMITS)
    parser.feed(data)
    return parser.complete[0]


def test_only_the_same_bytes_are_known() -> None:
    last = LastHead(KnownHeads())
    assert last.read(POST + b"hello") is None
    last.learn(POST + b"hello", parsed(POST + b"hello"))
    known = last.read(POST + b"other")
    assert known is not None
    assert known.body == [b"other"]
    assert last.read(POST + b"hello!") is None
    assert last.read(POST + b"hell") is None
    assert last.read(POST.replace(b"/p", b"/r") + b"hello") is None


def test_without_a_body_there_is_no_chunk() -> None:
    last = LastHead(KnownHeads())
    data = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    last.learn(data, parsed(data))
    known = last.read(data)
    assert known is not None
    assert known.body == []


@pytest.mark.parametrize(
    "data",
    [
        POST.replace(b"Host", b"X: %s\r\nHost" % (b"x" * 2048)) + b"hello",
        b"\r\n\r\n" + POST + b"hello",
        POST + b"hello\r\n",
    ],
    ids=["long", "blank lines before", "a blank line behind"],
)
def test_what_is_not_kept(data: bytes) -> None:
    last = LastHead(KnownHeads())
    last.learn(data, parsed(data))
    assert last.read(data) is None
