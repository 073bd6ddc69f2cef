from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from mms_server.api.answers import answer_error, answer_json, encode_json
from mms_server.errors import (
    MMSError,
    ModelNotFoundError,
    PayloadTooLargeError,
    ServiceUnavailableError,
)
from mms_server.http.exchange import Exchange
from mms_server.serving.job import HandlerError
from support.compiled import with_stand_ins

pytestmark = with_stand_ins


class NotingExchange:
    def __init__(self) -> None:
        self.seen: tuple[bytes, bytes, bytes, bool] = (b"", b"", b"", False)

    def respond(
        self, line: bytes, fields: bytes, body: Sequence[bytes], *, close: bool = False
    ) -> None:
        self.seen = (line, fields, b"".join(body), close)


def answered(error: MMSError) -> tuple[bytes, bytes, bytes, bool]:
    exchange = NotingExchange()
    answer_error(cast(Exchange, exchange), b"the-id", error)
    return exchange.seen


FIXED = (
    b"x-request-id: the-id\r\nPragma: no-cache\r\n"
    b"Cache-Control: no-cache; no-store, must-revalidate, private\r\n"
    b"Expires: Thu, 01 Jan 1970 00:00:00 UTC\r\n"
)


def test_json_as_multi_model_server_prints_it() -> None:
    exchange = NotingExchange()
    answer_json(cast(Exchange, exchange), b"the-id", 200, {"status": 'Model "m" registered'})
    assert exchange.seen == (
        b"HTTP/1.1 200 OK\r\n",
        b"content-type: application/json\r\n" + FIXED,
        b'{\n  "status": "Model \\"m\\" registered"\n}\n',
        False,
    )
    assert encode_json("<'&=>") == b'"\\u003c\\u0027\\u0026\\u003d\\u003e"\n'


def test_an_error_and_the_end_of_its_connection() -> None:
    assert answered(ModelNotFoundError("Model not found: m")) == (
        b"HTTP/1.1 404 Not Found\r\n",
        b"content-type: application/json\r\n" + FIXED,
        b'{\n  "code": 404,\n  "type": "ModelNotFoundException",\n'
        b'  "message": "Model not found: m"\n}\n',
        True,
    )


def test_a_refusal_keeps_the_connection_and_says_when_to_come_back() -> None:
    line, fields, _, close = answered(ServiceUnavailableError("later", 7))
    assert (line, close) == (b"HTTP/1.1 503 Service Unavailable\r\n", False)
    assert fields.endswith(b"Retry-After: 7\r\n")


def test_a_body_that_is_too_large_gets_no_body() -> None:
    assert answered(PayloadTooLargeError("big")) == (
        b"HTTP/1.1 413 Request Entity Too Large\r\n",
        b"",
        b"",
        True,
    )


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (503, b"HTTP/1.1 503 Service Unavailable\r\n"),
        (599, b"HTTP/1.1 599 Server Error (599)\r\n"),
        (499, b"HTTP/1.1 499 Client Error (499)\r\n"),
    ],
)
def test_a_handler_chooses_its_status(status: int, line: bytes) -> None:
    seen = answered(HandlerError(status, "no"))
    assert seen[0] == line
    assert b'"type": "InternalServerException"' in seen[2]
    assert seen[3] is True
