"""Answers in Multi Model Server's form: its fixed header fields, JSON and error bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from mms_server.errors import (
    MethodNotAllowedError,
    MMSError,
    PayloadTooLargeError,
    ServiceUnavailableError,
    statuses_of,
)
from mms_server.http.exchange import Exchange
from mms_server.http.response import standard_phrase, status_line
from mms_server.serving.job import HandlerError

FIXED_FIELDS: Final = (
    b"Pragma: no-cache\r\n"
    b"Cache-Control: no-cache; no-store, must-revalidate, private\r\n"
    b"Expires: Thu, 01 Jan 1970 00:00:00 UTC\r\n"
)
_AFTER_ID: Final = b"\r\n" + FIXED_FIELDS
JSON_FIELDS: Final = b"content-type: application/json\r\n"

# As Gson writes them: harmless to a browser that takes JSON for HTML.
_ESCAPES = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&='"})


def request_fields(request_id: bytes) -> bytes:
    """Build the field lines that every answer to a request carries."""
    return b"x-request-id: " + request_id + _AFTER_ID


def encode_json(document: object) -> bytes:
    """Encode as Multi Model Server prints: two spaces, a line end, HTML characters escaped."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return text.translate(_ESCAPES).encode() + b"\n"


def answer_json(exchange: Exchange, request_id: bytes, status: int, document: object) -> None:
    """Answer with a JSON document."""
    answer_bytes(exchange, request_id, status, JSON_FIELDS, [encode_json(document)])


def answer_bytes(
    exchange: Exchange, request_id: bytes, status: int, fields: bytes, body: Sequence[bytes]
) -> None:
    """Answer with a body and ready field lines that say what it is."""
    line = status_line(status, standard_phrase(status))
    exchange.respond(line, fields + request_fields(request_id), [*body], close=status >= 400)


def answer_error(
    exchange: Exchange, request_id: bytes, error: MMSError, more: Mapping[str, str] | None = None
) -> None:
    """Answer with an error: `{"code", "type", "message"}`, and `more` where the client may know.

    The connection ends with it, as in Multi Model Server, except after a refusal that says
    nothing about the connection: a client told to come back later shall not have to reconnect.
    """
    status = error.status if isinstance(error, HandlerError) else statuses_of(error).http
    line = status_line(status, standard_phrase(status))
    if isinstance(error, PayloadTooLargeError):
        exchange.respond(line, b"", [], close=True)
        return
    fields = JSON_FIELDS + request_fields(request_id)
    if isinstance(error, MethodNotAllowedError):
        fields += b"Allow: %s\r\n" % b", ".join(error.allowed)
    is_refusal = isinstance(error, ServiceUnavailableError)
    if isinstance(error, ServiceUnavailableError) and error.retry_after_s is not None:
        fields += b"Retry-After: %d\r\n" % error.retry_after_s
    document = {"code": status, "type": error.kind, "message": error.message, **(more or {})}
    exchange.respond(line, fields, [encode_json(document)], close=status >= 400 and not is_refusal)
