"""Requests, byte by byte."""

from __future__ import annotations

import pytest

from mms_server.errors import BadRequestError
from mms_server.load.target import make_target


def test_a_body_is_posted() -> None:
    target = make_target("http://127.0.0.1:8080/predictions/noop?x=1", b"hey")
    assert (target.host, target.port, target.method) == ("127.0.0.1", 8080, "POST")
    assert target.request == (
        b"POST /predictions/noop?x=1 HTTP/1.1\r\n"
        b"Host: 127.0.0.1:8080\r\n"
        b"Content-Type: application/octet-stream\r\n"
        b"Content-Length: 3\r\n\r\nhey"
    )


def test_an_empty_body_is_posted_too() -> None:
    assert make_target("http://h/x", b"").request.endswith(b"Content-Length: 0\r\n\r\n")


def test_without_a_body_it_is_a_get() -> None:
    target = make_target("http://example.com")
    assert (target.host, target.port, target.method) == ("example.com", 80, "GET")
    assert target.request == b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"


def test_headers_are_added_or_replace_those_of_the_same_name() -> None:
    headers = ["X-A: 1", "content-type: text/plain", "HOST: other"]
    assert make_target("http://h", b"b", headers=headers).request == (
        b"POST / HTTP/1.1\r\nHOST: other\r\ncontent-type: text/plain\r\nX-A: 1\r\n"
        b"Content-Length: 1\r\n\r\nb"
    )


def test_an_address_of_ipv6_has_no_brackets_but_in_its_field() -> None:
    target = make_target("http://[::1]:81/")
    assert (target.host, target.port) == ("::1", 81)
    assert b"Host: [::1]:81\r\n" in target.request


def test_a_password_is_not_sent_as_the_host() -> None:
    assert b"Host: h\r\n" in make_target("http://user:word@h/").request


@pytest.mark.parametrize(
    "url",
    [
        "https://h/",
        "ftp://h",
        "h",
        "http://",
        "http://h:0/",
        "http://h:99999/",
        "http://[::1",
        "http://h/a b",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(BadRequestError):
        make_target(url)


@pytest.mark.parametrize("line", ["nonsense", "X: a\r\nY: b", ": x", "a b: c"])
def test_what_is_no_header_is_refused(line: str) -> None:
    with pytest.raises(BadRequestError):
        make_target("http://h", headers=[line])
