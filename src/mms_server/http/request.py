"""One request as it came over the wire."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import unquote_to_bytes

from mms_server.errors import BadRequestError

_SMALL_BYTES = 512
"""Chunks below this are joined: each costs an object, and a client may send them by the million."""

_HEX = frozenset(b"0123456789abcdefABCDEF")


class Consumer(Protocol):
    """What takes a body piece by piece, in place of keeping it."""

    def feed(self, chunk: bytes) -> None:
        """Take the next piece. Raises BadRequestError for a body that is wrong."""


class Request:
    """A request: complete, or with its body still arriving.

    `fields` holds names and values in turn, as sent: original letter case, order and duplicates
    kept, surrounding white space removed. `body` holds the chunks of the body in order; only small
    ones are joined here. A `consumer`, once set, is given the chunks in their place.
    """

    __slots__ = (
        "body",
        "body_bytes",
        "consumer",
        "content_type",
        "expects_continue",
        "fields",
        "is_complete",
        "is_http10",
        "is_keep_alive",
        "method",
        "target",
    )

    def __init__(self, method: bytes, target: bytes, fields: list[bytes]) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.body: list[bytes] = []
        self.body_bytes = 0
        self.consumer: Consumer | None = None
        self.content_type = b""
        self.expects_continue = False
        self.is_complete = False
        self.is_http10 = False
        self.is_keep_alive = True

    def field(self, name: bytes) -> bytes | None:
        """Find the first value of a field; `name` in lower case (names are case-insensitive)."""
        fields = self.fields
        for i in range(0, len(fields), 2):
            if fields[i].lower() == name:
                return fields[i + 1]
        return None

    @property
    def path(self) -> bytes:
        """The path as sent, still percent-encoded, without query."""
        return self.target.partition(b"?")[0]

    @property
    def query(self) -> bytes:
        """The query as sent, without its question mark."""
        return self.target.partition(b"?")[2]

    def without_body(self) -> Request:
        """Make a request with the same head; the fields are shared."""
        other = Request(self.method, self.target, self.fields)
        other.content_type = self.content_type
        other.expects_continue = self.expects_continue
        other.is_complete = self.is_complete
        other.is_http10 = self.is_http10
        other.is_keep_alive = self.is_keep_alive
        return other

    def receive(self, chunk: bytes) -> None:
        """Take the next piece of the body."""
        self.body_bytes += len(chunk)
        if self.consumer is not None:
            self.consumer.feed(chunk)
        elif len(chunk) < _SMALL_BYTES and self.body and len(self.body[-1]) < _SMALL_BYTES:
            self.body[-1] += chunk
        else:
            self.body.append(chunk)


def percent_unescape(text: bytes) -> bytes:
    """Replace percent-escapes by the octets they stand for (RFC 3986 section 2.1).

    Raises BadRequestError for an escape that is not two hexadecimal digits.
    """
    if b"%" not in text:
        return text
    for escape in text.split(b"%")[1:]:
        if len(escape) < 2 or escape[0] not in _HEX or escape[1] not in _HEX:
            raise BadRequestError(
                f"Malformed percent-escape %{escape[:2].decode('latin-1')}: "
                "two hexadecimal digits are expected after each %."
            )
    return unquote_to_bytes(text)


def percent_decode(text: bytes) -> str:
    """Replace percent-escapes and decode as UTF-8. Raises BadRequestError where that fails."""
    try:
        return percent_unescape(text).decode()
    except UnicodeDecodeError as exc:
        raise BadRequestError(f"Percent-decoded text is not UTF-8: {exc}.") from exc
