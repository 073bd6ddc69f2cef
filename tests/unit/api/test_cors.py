from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from mms_server.api.cors import Cors, PreflightApplication
from mms_server.api.guard import Guard
from mms_server.errors import BadRequestError, MMSError
from mms_server.http.exchange import Exchange
from mms_server.http.head import Head
from mms_server.http.request import Request
from mms_server.http.response import render_head
from mms_server.http.router import ANY, Endpoint, Router
from support.compiled import with_stand_ins

pytestmark = with_stand_ins

LINE = b"HTTP/1.1 200 OK\r\n"
ORIGIN = b"access-control-allow-origin: https://app.example\r\n"
METHODS = b"access-control-allow-methods: GET, POST\r\n"
HEADERS = b"access-control-allow-headers: Content-Type\r\n"
END = b"content-length: 0\r\nconnection: keep-alive\r\n\r\n"
CORS = Cors("https://app.example", "GET, POST", "Content-Type")


class NotingExchange:
    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def respond(
        self, line: bytes, fields: bytes, body: Sequence[bytes], *, close: bool = False
    ) -> None:
        assert b"".join(body) == b"" or close
        self.lines.append(line)


class NotingApplication:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def preview(self, request: Request, exchange: Exchange) -> None:
        self.seen.append("preview")

    def handle(self, request: Request, exchange: Exchange) -> None:
        self.seen.append("handle")

    def reject(self, error: MMSError, exchange: Exchange) -> None:
        self.seen.append("reject")


def test_without_keys_there_is_nothing_to_add() -> None:
    assert not Cors(None, None, None)
    assert Cors(None, "GET", None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b"", ORIGIN + METHODS + HEADERS),
        (b"a: b\r\n", b"a: b\r\n" + ORIGIN + METHODS + HEADERS),
        (
            b"Access-Control-Allow-Origin: *\r\n",
            b"Access-Control-Allow-Origin: *\r\n" + METHODS + HEADERS,
        ),
        (
            b"a: b\r\nACCESS-CONTROL-ALLOW-HEADERS:x\r\n",
            b"a: b\r\nACCESS-CONTROL-ALLOW-HEADERS:x\r\n" + ORIGIN + METHODS,
        ),
        (
            b"a: access-control-allow-origin: *\r\n",
            b"a: access-control-allow-origin: *\r\n" + ORIGIN + METHODS + HEADERS,
        ),
        (
            b"access-control-max-age: 5\r\n",
            b"access-control-max-age: 5\r\n" + ORIGIN + METHODS + HEADERS,
        ),
    ],
)
def test_what_a_handler_has_set_is_its_own(fields: bytes, expected: bytes) -> None:
    head = CORS.render_head(LINE, fields, 0, False)
    assert head == LINE + expected + END == render_head(LINE, expected, 0, False)


def test_only_what_is_configured_is_added() -> None:
    head = Cors("*", None, None).render_head(LINE, b"", 0, False)
    assert head == LINE + b"access-control-allow-origin: *\r\n" + END


def make_application() -> tuple[PreflightApplication, NotingApplication]:
    router = Router()
    router.add(ANY, "/ping", Endpoint(lambda *_: None))
    guard = Guard(frozenset({"app.example"}), checks_host=True)
    router.add(b"PUT", "/models/{model}", guard.protect(Endpoint(lambda *_: None)))
    inner = NotingApplication()
    return PreflightApplication(inner, router, iter([b"id"])), inner


def handled(target: bytes, *fields: bytes, method: bytes = b"OPTIONS") -> tuple[list[str], bytes]:
    application, inner = make_application()
    exchange = NotingExchange()
    request = Request(Head(method, target, [b"Host", b"localhost", *fields]), [])
    application.preview(request, cast(Exchange, exchange))
    application.handle(request, cast(Exchange, exchange))
    return inner.seen, b"".join(exchange.lines)


ASKS_PUT = (b"Access-Control-Request-Method", b"PUT")


@pytest.mark.parametrize(
    ("target", "origin", "line"),
    [
        (b"/ping", b"https://anybody.example", b"HTTP/1.1 200 OK\r\n"),
        (b"/nowhere", b"https://anybody.example", b"HTTP/1.1 200 OK\r\n"),
        (b"/%zz", b"https://anybody.example", b"HTTP/1.1 200 OK\r\n"),
        (b"/models/m", b"https://app.example", b"HTTP/1.1 200 OK\r\n"),
        (b"/models/m", b"https://anybody.example", b"HTTP/1.1 403 Forbidden\r\n"),
        (b"/models/m", b"null", b"HTTP/1.1 403 Forbidden\r\n"),
    ],
)
def test_a_preflight_is_answered_here(target: bytes, origin: bytes, line: bytes) -> None:
    assert handled(target, b"Origin", origin, *ASKS_PUT) == ([], line)


def test_a_method_that_is_not_served_is_not_guarded_either() -> None:
    fields = (b"origin", b"https://anybody.example", b"access-control-request-method", b"PATCH")
    assert handled(b"/models/m", *fields) == ([], b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        (b"OPTIONS", ()),
        (b"OPTIONS", (b"Origin", b"https://app.example")),
        (b"OPTIONS", ASKS_PUT),
        (b"GET", (b"Origin", b"https://app.example", *ASKS_PUT)),
    ],
)
def test_other_requests_are_the_applications(method: bytes, fields: tuple[bytes, ...]) -> None:
    assert handled(b"/ping", *fields, method=method) == (["preview", "handle"], b"")


def test_what_is_no_request_is_the_applications() -> None:
    application, inner = make_application()
    application.reject(BadRequestError("no"), cast(Exchange, NotingExchange()))
    assert inner.seen == ["reject"]
