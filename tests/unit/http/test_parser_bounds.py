"""What a client can make the parser hold, do and say: never more than was agreed."""

from __future__ import annotations

import gc

import pytest

from mms_server.errors import BadRequestError, MMSError
from mms_server.http.limits import Limits
from mms_server.http.parser import RequestParser
from mms_server.http.request import Request

LIMITS = Limits(body_bytes=1000)


def parse(data: bytes, limits: Limits = LIMITS) -> RequestParser:
    parser = RequestParser(limits)
    parser.feed(data)
    return parser


def test_upgrades_are_ignored_however_many_come_at_once() -> None:
    """Three thousand in one read: neither the stack nor the time grows out of hand."""
    upgrade = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n%s\r\n"
    with_body = upgrade % b"Content-Length: 2\r\n" + b"ab"
    parser = parse((upgrade % b"" + with_body) * 1500)
    assert parser.error is None
    assert [b"".join(request.body) for request in parser.complete] == [b"", b"ab"] * 1500


@pytest.mark.parametrize(
    "last",
    [
        b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"POST /last HTTP/1.1\r\nHost: h\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n"
        b"Content-Length: 2\r\n\r\nab",
        b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab",
        b"GET /last HTTP/1.0\r\n\r\n",
        b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
    ],
)
@pytest.mark.parametrize("more", [b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"\x00garbage", b"GET"])
def test_nothing_is_read_behind_a_last_request_in_any_split(last: bytes, more: bytes) -> None:
    for pieces in ([last + more], [last, more], [last, *(bytes([byte]) for byte in more)]):
        parser = RequestParser(LIMITS)
        taken = []
        for piece in pieces:
            parser.feed(piece)
            while parser.complete:  # as a connection does, between two reads
                taken.append(parser.complete.popleft())
        assert len(taken) == 1
        assert parser.error is None
        assert parser.is_idle


@pytest.mark.parametrize("endless", [b"0\r\nX: ", b"0\r\n", b"1;", b"00000000"])
def test_what_surrounds_a_chunked_body_is_bounded(endless: bytes) -> None:
    """Trailers and chunk extensions are thrown away, but a client cannot send them for ever."""
    parser = parse(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + endless)
    filling = b"X: y\r\n" if endless == b"0\r\n" else b"0"
    for _ in range(100):
        parser.feed(filling * 500)
    assert isinstance(parser.error, BadRequestError)


def test_small_chunks_are_no_reason_to_refuse() -> None:
    limits = Limits(body_bytes=100_000)
    parser = parse(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", limits)
    for _ in range(100):
        parser.feed(b"0001\r\nx\r\n" * 1000)
    parser.feed(b"0\r\n\r\n")
    (request,) = parser.complete
    assert (b"".join(request.body), request.body_bytes) == (b"x" * 100_000, 100_000)


def test_small_chunks_are_joined_since_each_costs_an_object() -> None:
    limits = Limits(body_bytes=100_000)
    parser = parse(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", limits)
    parser.feed(b"2\r\nab\r\n" * 50_000 + b"0\r\n\r\n")
    (request,) = parser.complete
    assert b"".join(request.body) == b"ab" * 50_000
    assert len(request.body) < 1000


class FailingConsumer:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def feed(self, chunk: bytes) -> None:
        raise self.error


def test_a_consumer_refuses_a_body_with_its_own_words() -> None:
    parser = parse(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n")
    assert parser.arriving is not None
    parser.arriving.consumer = FailingConsumer(BadRequestError("no such form"))
    parser.feed(b"ab")
    assert str(parser.error) == "no such form"


def test_a_defect_of_a_consumer_is_not_the_clients_mistake(
    caplog: pytest.LogCaptureFixture,
) -> None:
    parser = parse(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n")
    assert parser.arriving is not None
    parser.arriving.consumer = FailingConsumer(ZeroDivisionError())
    parser.feed(b"ab")
    assert type(parser.error) is MMSError
    assert "ZeroDivisionError" in caplog.text


def test_a_closed_parser_leaves_nothing_to_the_garbage_collector() -> None:
    """A client that leaves in mid-body must not keep its body in memory until a collection."""
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            parse(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc").close()
        assert not [each for each in gc.get_objects() if type(each) in (RequestParser, Request)]
    finally:
        gc.enable()
