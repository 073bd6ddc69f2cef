from __future__ import annotations

from mms_server.http.head import Head
from mms_server.http.known_heads import KnownHeads
from mms_server.http.limits import Limits
from mms_server.http.parser import RequestParser


def post(target: bytes) -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n" % target


def test_connections_that_send_the_same_head_share_it() -> None:
    known_heads = KnownHeads()
    parsers = [RequestParser(Limits(), known_heads) for _ in range(3)]
    targets = (b"/p", b"/p", b"/q")
    for parser, target in zip(parsers, targets, strict=True):
        parser.feed(post(target) + b"no")  # parsed, and learned from
        parser.feed(post(target) + b"by")
    first, second, other = (parser.complete[1] for parser in parsers)
    assert first.head is second.head
    assert first is not second
    assert (other.head.target, first.head.target) == (b"/q", b"/p")


def test_what_has_been_known_longest_makes_room() -> None:
    known_heads = KnownHeads()
    first = Head(b"GET", b"/0", [])
    known_heads.share(b"0", first)
    for number in range(1, 64):
        known_heads.share(b"%d" % number, Head(b"GET", b"/n", []))
    assert known_heads.share(b"0", Head(b"GET", b"/0", [])) == (b"0", first)
    known_heads.share(b"64", Head(b"GET", b"/n", []))
    again = Head(b"GET", b"/0", [])
    assert known_heads.share(b"0", again)[1] is again
