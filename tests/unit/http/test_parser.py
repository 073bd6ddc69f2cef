from __future__ import annotations

import itertools

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mms_server.errors import (
    BadRequestError,
    ExpectationFailedError,
    PayloadTooLargeError,
)
from mms_server.http.limits import Limits
from mms_server.http.parser import RequestParser
from mms_server.http.request import Request

LIMITS = Limits(body_bytes=1000)


def parse(data: bytes, limits: Limits = LIMITS) -> RequestParser:
    parser = RequestParser(limits)
    parser.feed(data)
    return parser


def summary(request: Request) -> tuple[bytes, bytes, tuple[bytes, ...], bytes, bool]:
    body = b"".join(request.body)
    return (
        request.head.method,
        request.head.target,
        tuple(request.head.fields),
        body,
        request.head.is_keep_alive,
    )


def test_a_request_as_it_was_sent() -> None:
    parser = parse(
        b"POST /predictions/m?a=b HTTP/1.1\r\nHost: h\r\nX-Mixed-CASE:  v \t\r\nX-Mixed-CASE: w\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello"
    )
    (request,) = parser.complete
    assert request.head.method == b"POST"
    assert (request.head.path, request.head.query) == (b"/predictions/m", b"a=b")
    assert request.head.fields[2:6] == [b"X-Mixed-CASE", b"v", b"X-Mixed-CASE", b"w"]
    assert request.head.field(b"x-mixed-case") == b"v"
    assert request.head.field(b"absent") is None
    assert request.head.content_type == b"text/plain; charset=utf-8"
    assert (request.body, request.body_bytes) == ([b"hello"], 5)
    assert request.is_complete
    assert request.head.is_keep_alive
    assert parser.is_idle
    assert parser.error is None


def test_a_head_whose_body_is_still_to_come() -> None:
    parser = parse(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe")
    assert not parser.complete
    assert parser.arriving is not None
    assert not parser.is_idle
    assert (parser.arriving.body, parser.arriving.is_complete) == ([b"he"], False)
    parser.feed(b"llo")
    assert b"".join(parser.complete[0].body) == b"hello"


def test_the_rest_of_a_body_may_come_past_the_parser() -> None:
    parser = parse(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe")
    assert parser.missing_bytes == 3
    parser.receive_rest([bytearray(b"l"), bytearray(b"lo")])
    assert parser.missing_bytes == 0
    assert parser.is_idle
    parser.feed(b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
    first, second = parser.complete
    assert (b"".join(first.body), first.body_bytes, first.is_complete) == (b"hello", 5, True)
    assert (second.head.path, second.body_bytes) == (b"/next", 0)
    assert parser.error is None


def test_behind_a_last_request_nothing_is_read_though_its_body_came_past_the_parser() -> None:
    parser = parse(b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\n")
    parser.receive_rest([bytearray(b"x")])
    parser.feed(b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
    assert [request.head.path for request in parser.complete] == [b"/"]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
    ],
)
def test_nothing_is_known_to_be_missing(head: bytes) -> None:
    assert parse(head).missing_bytes == 0


def test_chunked_bodies_with_extensions_and_trailers() -> None:
    parser = parse(
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
        b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    )
    (request,) = parser.complete
    assert b"".join(request.body) == b"abcde"
    assert b"Trailer" not in request.head.fields


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
        (b"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", True),
        (b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", True),
    ],
)
def test_whether_the_connection_stays(head: bytes, keep_alive: bool) -> None:
    parser = parse(head)
    assert parser.error is None
    assert [request.head.is_keep_alive for request in parser.complete] == [keep_alive]


def test_an_upgrade_is_ignored_and_its_body_read() -> None:
    parser = parse(
        b"POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        b"Content-Length: 3\r\n\r\nabcGET /next HTTP/1.1\r\nHost: h\r\n\r\n"
    )
    first, second = parser.complete
    assert (first.body, first.head.is_keep_alive) == ([b"abc"], True)
    assert b"Upgrade" in first.head.fields
    assert second.head.target == b"/next"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"http://host:8080/ping?x=1", b"/ping?x=1"),
        (b"http://host", b"/"),
        (b"http://host?x=/1", b"/?x=/1"),
        (b"http://user@host:1//x", b"//x"),
        (b"/a?b=http://host/c", b"/a?b=http://host/c"),
        (b"/a://b", b"/a://b"),
        (b"*", b"*"),
    ],
)
def test_absolute_targets_lose_their_authority(target: bytes, expected: bytes) -> None:
    parser = parse(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    assert parser.complete[0].head.target == expected


REFUSED = {
    "not HTTP": b"\x16\x03\x01\x02\x00\r\n\r\n",
    "lower-case method": b"get / HTTP/1.1\r\nHost: h\r\n\r\n",
    "unknown method": b"BREW / HTTP/1.1\r\nHost: h\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "version 2.0": b"GET / HTTP/2.0\r\nHost: h\r\n\r\n",
    "version 0.9": b"GET /\r\n\r\n",
    "version 1.2": b"GET / HTTP/1.2\r\nHost: h\r\n\r\n",
    "version 9.9": b"GET / HTTP/9.9\r\nHost: h\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nHost: h\n\n",
    "bare LF after a value": b"GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
    "folded line": b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n",
    "control in a value": b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x01b\r\n\r\n",
    "non-ASCII target": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "length list": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\nx",
    "negative length": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
    "signed length": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\nx",
    "empty length": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n",
    "hexadecimal length": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\nx",
    "length and chunked": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Length: 3\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "other coding": b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "coding twice": b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
    "coding before chunked": b"POST / HTTP/1.1\r\nHost: h\r\n"
    b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding behind chunked": b"POST / HTTP/1.1\r\nHost: h\r\n"
    b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "two codings": b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunk size": b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    "space in chunk size": b"POST / HTTP/1.1\r\nHost: h\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n3 \r\n",
    "chunk too long": b"POST / HTTP/1.1\r\nHost: h\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    "long request line": b"GET /" + b"a" * 4096 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
    "long header, unfinished": b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 9000,
    "many fields": b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 128 + b"\r\n",
}


@pytest.mark.parametrize("name", sorted(set(REFUSED) - {"long header, unfinished"}))
def test_what_is_in_doubt_is_refused(name: str) -> None:
    for parser in (parse(REFUSED[name]), RequestParser(LIMITS)):
        if not parser.begun and parser.error is None:
            for byte in REFUSED[name]:
                parser.feed(bytes([byte]))
        assert isinstance(parser.error, BadRequestError), name
        assert str(parser.error) == "Invalid HTTP message."
        assert not parser.complete


def test_a_head_that_never_ends_is_cut_off() -> None:
    parser = parse(b"GET / HTTP/1.1\r\nHost: h\r\nX: ")
    for _ in range(20):
        parser.feed(b"a" * 1000)
    assert isinstance(parser.error, BadRequestError)


def test_limits_are_met_exactly() -> None:
    line = b"GET /" + b"a" * (4096 - len(b"GET / HTTP/1.1")) + b" HTTP/1.1\r\nHost: h\r\n\r\n"
    assert len(parse(line).complete) == 1
    value = b"a" * (8192 - len(b"Host: h\r\nX: \r\n"))
    assert len(parse(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + value + b"\r\n\r\n").complete) == 1
    fields = b"Host: h\r\n" + b"X: y\r\n" * 127
    assert len(parse(b"GET / HTTP/1.1\r\n" + fields + b"\r\n").complete) == 1
    body = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    assert len(parse(body).complete) == 1


def test_bodies_beyond_the_limit() -> None:
    declared = parse(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n")
    assert isinstance(declared.error, PayloadTooLargeError)
    assert declared.arriving is not None
    chunked = parse(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(4):
        chunked.feed(b"fa\r\n" + b"x" * 250 + b"\r\n")
    assert chunked.error is None
    chunked.feed(b"1\r\nx\r\n")
    assert isinstance(chunked.error, PayloadTooLargeError)


def test_expectations() -> None:
    expecting = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"
    expected = parse(expecting).arriving
    assert expected is not None
    assert expected.head.expects_continue
    other = parse(b"GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n")
    assert isinstance(other.error, ExpectationFailedError)
    old = parse(b"GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")
    assert old.error is None


def test_an_error_comes_behind_what_was_good() -> None:
    good = b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
    parser = parse(good + b"garbage\r\n\r\n")
    assert [request.head.target for request in parser.complete] == [b"/1", b"/2"]
    assert isinstance(parser.error, BadRequestError)
    parser.feed(good)
    assert len(parser.complete) == 2, "nothing is read behind an error"


def test_nothing_is_read_behind_a_last_request() -> None:
    parser = parse(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n")
    assert len(parser.complete) == 1
    assert parser.error is None


PIPELINE = (
    b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello"
    b"GET /b?c=d HTTP/1.1\r\nHost: h\r\n\r\n"
    b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n1;x\r\nd\r\n0\r\n\r\n"
    b"HEAD /d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
)


@given(st.lists(st.integers(0, len(PIPELINE)), max_size=30))
def test_any_split_gives_the_same_requests(cuts: list[int]) -> None:
    parser = RequestParser(LIMITS)
    edges = [0, *sorted(cuts), len(PIPELINE)]
    for start, end in itertools.pairwise(edges):
        parser.feed(PIPELINE[start:end])
    assert parser.error is None
    assert [summary(r) for r in parser.complete] == [summary(r) for r in parse(PIPELINE).complete]
    assert len(parser.complete) == 4


@given(st.integers(0, len(PIPELINE) - 1), st.binary(max_size=4), st.integers(0, 4))
@settings(max_examples=500)
def test_damage_never_raises(at: int, inserted: bytes, deleted: int) -> None:
    parser = parse(PIPELINE[:at] + inserted + PIPELINE[at + deleted :])
    assert len(parser.complete) <= 6


@given(st.integers(18, 65), st.binary(min_size=1, max_size=3), st.integers(0, 3))
@settings(max_examples=500)
def test_what_is_accepted_is_what_h11_accepts(at: int, inserted: bytes, deleted: int) -> None:
    """Two parsers that disagree about a message are how requests are smuggled.

    Only header section and body are damaged: before the request line llhttp skips line ends, and
    in it several spaces, which h11 does not, but neither moves a message's end.
    """
    message = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nhi"
    message = message[:at] + inserted + message[at + deleted :]
    ours = parse(message)
    if len(ours.complete) != 1 or ours.error is not None:
        return
    request = ours.complete[0]
    theirs = h11.Connection(h11.SERVER)
    theirs.receive_data(message)
    try:
        head = theirs.next_event()
        body = b""
        while isinstance(event := theirs.next_event(), h11.Data):
            body += bytes(event.data)
    except h11.RemoteProtocolError as exc:
        pytest.fail(f"h11 refuses {message!r}: {exc}")
    assert isinstance(head, h11.Request)
    assert isinstance(event, h11.EndOfMessage)
    assert (head.method, body) == (request.head.method, b"".join(request.body))
    assert head.target.endswith(request.head.target)
    names = [name.lower() for name in request.head.fields[::2]]
    assert [name for name, _ in head.headers] == names
